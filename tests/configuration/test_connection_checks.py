"""What connections cannot be: two on one port, one port for several virtual switches, TLS without keys."""

import time

import pytest

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.errors import ConfigurationError
from tests.support.admin_files import MAIN

TLS = "tls: {private_key: k, certificate: c, ca: a}\n"
PIN = "sha256:" + 64 * "0"


def a_slice(name: str, controllers: str, more: str = "", at: str = "all") -> TextFile:
    text = f"kind: flowspace\nname: {name}\ncontrollers: {controllers}\n"
    rule = f"flowspace: [{{datapaths: {at}, priority: 1, match: {{in_port: {ord(name[0])}}}}}]\n"
    return TextFile(f"slices/{name}.yaml", text + more + rule)


def told(*slices: TextFile, main: str = "", listen: str = "[ptcp:6653]") -> list[str]:
    """Everything that is wrong, a line each."""
    datapaths = MAIN.text.partition("\n")[2]
    try:
        read_configuration(TextFile("main.yaml", f"listen: {listen}\n{datapaths}{main}"), slices, [])
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


def test_one_datapath_lets_its_slice_wait_for_calls() -> None:
    assert told(a_slice("a", "[ptcp:1]", at="[leaf-1]")) == []


@pytest.mark.parametrize("method", ["ptcp:16801:127.0.0.1", "punix:/run/a"])
@pytest.mark.parametrize("at", ["all", "[leaf-1, leaf-2]"])
def test_several_virtual_switches_cannot_share_a_port(method: str, at: str) -> None:
    assert told(a_slice("a", f"[{method}]", at=at)) == [
        f"slices/a.yaml:3:15: controllers: {method} would be needed by several virtual switches, which cannot "
        f"share it; write switches: {{DATAPATH: {{controllers: [{method}]}}}}, or port 0"
    ]


def test_ports_that_the_system_chooses_are_enough_for_all() -> None:
    assert told(a_slice("a", "[ptcp:0]"), a_slice("b", "[ptcp:0]")) == []


@pytest.mark.parametrize(
    ("first", "second", "is_taken"),
    [
        ("ptcp:1", "ptcp:1", True),
        ("ptcp:1", "ptcp:1:127.0.0.1", True),
        ("ptcp:1:127.0.0.1", "pssl:1:0.0.0.0", True),
        ("ptcp:1:127.0.0.1", "ptcp:1:[::]", True),
        ("ptcp:1:127.0.0.1", "ptcp:1:127.0.0.2", False),
        ("ptcp:1", "ptcp:2", False),
        ("punix:a", "punix:a", True),
        ("punix:a", "punix:b", False),
        ("tcp:a:1", "tcp:a:1", False),
    ],
)
def test_a_port_is_taken_once(first: str, second: str, is_taken: bool) -> None:
    slices = [a_slice(name, f"['{one}']", TLS, at="[leaf-1]") for name, one in (("a", first), ("b", second))]
    expected = (
        f"slices/b.yaml:3:15: controllers: {second} is taken by {first} in slices/a.yaml:3:15 (controllers)"
    )
    assert told(*slices) == ([expected] if is_taken else [])


def test_a_port_is_not_taken_from_datapaths_or_operators_either() -> None:
    switches = "switches: {leaf-1: {controllers: [ptcp:6653]}, leaf-2: {controllers: [ptcp:8080]}}\n"
    assert told(a_slice("a", "[]", switches)) == [
        "slices/a.yaml:4:35: controllers: ptcp:6653 is taken by ptcp:6653 in main.yaml:1:10 (listen)",
        "slices/a.yaml:4:71: controllers: ptcp:8080 is taken by ptcp:8080:127.0.0.1 (admin)",
    ]


def test_a_thousand_listeners_are_compared_in_no_time() -> None:
    switches = "".join(f"  0x{n:x}: {{controllers: [ptcp:{n}]}}\n" for n in range(10_001, 12_001))
    begun = time.process_time()
    assert told(a_slice("a", "[]", f"switches:\n{switches}")) == []
    assert time.process_time() - begun < 2


def test_switches_are_those_of_the_slices_rules() -> None:
    switches = "switches: {leaf-2: {controllers: [ptcp:1]}}\n"
    assert told(a_slice("a", "[]", switches, at="[leaf-1]")) == [
        "slices/a.yaml:1:1: switches: no rule of the slice is about leaf-2"
    ]


def test_a_controller_is_called_once() -> None:
    switches = "switches: {leaf-2: {controllers: [tcp:a]}}\n"
    assert told(a_slice("a", "[tcp:a]", switches)) == [
        "slices/a.yaml:4:35: controllers: tcp:a:6653 is a controller of the whole slice already"
    ]


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ("", "needs a private key and a certificate; write tls: {private_key: FILE,"),
        ("tls: {ca: a}\n", "needs a private key and a certificate"),
        ("tls: {private_key: k, certificate: c}\n", "needs to know who signs its peers' certificates"),
        (TLS, ""),
    ],
)
def test_tls_needs_keys(files: str, missing: str) -> None:
    first = told(a_slice("a", "[ssl:a]", files))
    assert [line.startswith(f"slices/a.yaml:3:15: controllers: ssl:a:6653 {missing}") for line in first] == (
        [True] if missing else []
    )
    second = told(main=files, listen="[pssl:1]")
    assert [line.startswith(f"main.yaml:1:10: listen: pssl:1 {missing}") for line in second] == (
        [True] if missing else []
    )


def test_keys_are_taken_from_the_slice_and_the_main_file_together() -> None:
    switches = "switches: {leaf-1: {controllers: [pssl:1], tls: {ca: a}}}\n"
    keys = "tls: {private_key: k, certificate: c}\n"
    assert told(a_slice("a", "[]", switches), main=keys) == []
    assert len(told(a_slice("a", "[pssl:0]", switches), main=keys)) == 1


def test_pinned_certificates_need_no_authority() -> None:
    keys = "tls: {private_key: k, certificate: c}\n"
    assert told(a_slice("a", "[ssl:a]", f"{keys}controller_certificate: {PIN}\n")) == []
    assert len(told(a_slice("a", "[ssl:a]", f"{keys}controller_certificate: cn:name\n"))) == 1


def test_a_certificate_that_nobody_can_show_is_refused() -> None:
    assert told(a_slice("a", "[tcp:a]", "controller_certificate: cn:a\n")) == [
        "slices/a.yaml:3:15: controllers: tcp:a:6653 shows no certificate, and controller_certificate asks for "
        "one; use ssl: or pssl:"
    ]
    main = TextFile("main.yaml", "listen: [ptcp:1]\ndatapaths: {a: {dpid: 0x1, certificate: cn:a}}\n")
    with pytest.raises(ConfigurationError, match=r"main.yaml:1:10: listen: .*without TLS; add pssl:PORT"):
        read_configuration(main, [], [])


def test_operators_with_tls_need_our_keys_and_no_authority() -> None:
    for files, missing in (("", ["needs a private key"]), ("tls: {private_key: k, certificate: c}\n", [])):
        problems = told(main=f"admin: [pssl:8443, ptcp:8080]\n{files}")
        assert [one for one in problems if not any(words in one for words in missing)] == []
        assert len(problems) == len(missing)


def test_two_of_the_admins_addresses_cannot_be_one() -> None:
    assert any("is taken by" in one for one in told(main="admin: [ptcp:8080, ptcp:8080:127.0.0.1]\n"))
