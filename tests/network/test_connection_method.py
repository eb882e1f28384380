"""Connection methods: Open vSwitch's syntax in, one canonical text out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.network.connection_method import ConnectionMethod, parse_connection_method

CANONICAL = {
    "tcp:127.0.0.1": "tcp:127.0.0.1:6653",
    "tcp:127.0.0.1:": "tcp:127.0.0.1:6653",
    "ssl:Controller.Example:6633": "ssl:controller.example:6633",
    "tcp:[2001:DB8:0::1]:6653": "tcp:[2001:db8::1]:6653",
    "tcp:[fe80::1%eth0]": "tcp:[fe80::1%eth0]:6653",
    "tcp:onos_1.:1": "tcp:onos_1.:1",
    "ptcp:": "ptcp:6653",
    "ptcp:0:127.0.0.1": "ptcp:0:127.0.0.1",
    "ptcp::127.0.0.1": "ptcp:6653:127.0.0.1",
    "pssl:16653:[::1]": "pssl:16653:[::1]",
    "unix:/run/flowvisor.sock": "unix:/run/flowvisor.sock",
    "punix:relative:file": "punix:relative:file",
}

WRONG = {
    "": "is not a connection method; it begins with tcp:",
    "tcp": '"tcp" is not a connection method',
    "127.0.0.1:6653": "is not a connection method",
    "tls:127.0.0.1": "is not a connection method",
    "tcp:": "is not tcp:HOST[:PORT]; an IPv6 address stands in [brackets]",
    "tcp::6653": "is not tcp:HOST[:PORT]",
    "tcp:2001:db8::1:6653": "an IPv6 address stands in [brackets]",
    "tcp:[]:1": '"" is not an IPv6 address',
    "tcp:[1.2.3.4]:1": '"1.2.3.4" is not an IPv6 address',
    "tcp:[fe80::1%a b]": '"a b" is not a network interface',
    "tcp:[fe80::1%]": '"" is not a network interface',
    "tcp:10.0.0.256": '"10.0.0.256" is not an IPv4 address',
    "tcp:10.0.0": '"10.0.0" is not an IPv4 address',
    "tcp:²": '"²" is not an IPv4 address',
    "tcp:a..b": "is neither an address nor a host name",
    "tcp:a b": "is neither an address nor a host name",
    "tcp:" + "a." * 127 + "a": "is neither an address nor a host name",
    "tcp:a:0": 'the port is a number from 1 to 65535, not "0"',
    "tcp:a:65536": 'the port is a number from 1 to 65535, not "65536"',
    "tcp:a:http": 'not "http"',
    "ptcp:127.0.0.1:6653": "in a passive method the port stands before the host",
    "ptcp:65536": 'the port is a number from 0 to 65535, not "65536"',
    "ptcp:1:2:3": "is not ptcp:[PORT][:HOST]",
    "unix:": "names no file; write unix:FILE",
    "punix": "names no file; write punix:FILE",
}


@pytest.mark.parametrize(("text", "canonical"), CANONICAL.items())
def test_each_method_has_one_canonical_text(text: str, canonical: str) -> None:
    assert str(parse_connection_method(text)) == canonical
    assert str(parse_connection_method(canonical)) == canonical


@pytest.mark.parametrize(("text", "sentence"), WRONG.items())
def test_what_is_no_method_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        parse_connection_method(text)
    assert f'"{text}"' in str(caught.value)


def test_the_parts_of_a_method_can_be_asked_for() -> None:
    assert parse_connection_method("ssl:[::1]:1") == ConnectionMethod(kind="ssl", host="::1", port=1)
    assert parse_connection_method("ptcp:1") == ConnectionMethod(kind="ptcp", host=None, port=1)
    assert parse_connection_method("unix:a") == ConnectionMethod(kind="unix", path="a")


@pytest.mark.parametrize("kind", ["tcp", "ssl", "unix", "ptcp", "pssl", "punix"])
def test_a_kind_says_whether_it_listens_and_whether_it_is_encrypted(kind: str) -> None:
    method = ConnectionMethod(kind=kind)
    assert method.is_passive == kind.startswith("p")
    assert method.uses_tls == ("ssl" in kind)


def test_the_default_port_is_the_callers() -> None:
    assert parse_connection_method("ptcp:", default_port=8080).port == 8080


@given(st.text() | st.from_regex(r"p?(tcp|ssl|unix):[\[\]:.%0-9a-f]*", fullmatch=True))
def test_any_text_is_a_method_or_a_value_error(text: str) -> None:
    try:
        method = parse_connection_method(text)
    except ValueError:
        return
    assert parse_connection_method(str(method)) == method


@pytest.mark.parametrize(
    ("text", "is_private"),
    [
        *(
            ("ptcp:1:127.0.0.1", True),
            ("ptcp:1:127.9.9.9", True),
            ("ptcp:1:[::1]", True),
            ("ptcp:1:localhost", True),
        ),
        *(("pssl:1", True), ("punix:/run/x", True), ("unix:/run/x", True), ("ssl:a:1", True)),
        *(
            ("ptcp:1", False),
            ("ptcp:1:0.0.0.0", False),
            ("ptcp:1:10.0.0.1", False),
            ("tcp:127.example:1", False),
        ),
    ],
)
def test_what_others_could_read_is_not_private(text: str, is_private: bool) -> None:
    assert parse_connection_method(text).is_private == is_private
