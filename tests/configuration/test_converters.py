"""Converters: from a node, as the admin wrote it, to the value that it means."""

from typing import Any

import pytest

from flowvisor.configuration import converters
from flowvisor.configuration.converters import connection, integer, list_of, not_built, one_of, parsed
from flowvisor.configuration.documents import TextFile, parse_document
from flowvisor.configuration.schema import Converter, Names
from flowvisor.configuration.settings_format import DATAPATH_KEYS
from flowvisor.configuration.slice_formats import SWITCH_KEYS
from flowvisor.configuration.snapshot import NamedDatapath
from flowvisor.errors import ConfigurationError, Place
from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.tls_files import NamedFile, TlsFiles
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.slices.slice import SwitchSettings
from tests.support.world import NOWHERE

NAMES = Names(
    file_stem="research",
    datapaths={"leaf-1": 1, "leaf-2": 2},
    policies={
        "small": Quota(name="small", groups=1),
        "big": Quota(name="big", groups=9),
        "steady": RateLimit(name="steady", messages=1),
        "broken": None,
        "broken-too": None,
    },
)
COLOURS = one_of({"red": 1, "green": 2}, not_built=("blue",))


def convert(converter: Converter, text: str, names: Names = NAMES) -> Any:
    ((_, value),) = parse_document(TextFile("f", f"k:\n  {text}")).entries
    return converter(value, names)


def told_about(converter: Converter, text: str, names: Names = NAMES) -> str:
    with pytest.raises(ConfigurationError) as caught:
        convert(converter, text, names)
    return str(caught.value)


def test_a_notation_of_its_own_is_read_by_its_parser_and_refused_in_its_words() -> None:
    assert convert(parsed(int), "12") == 12
    assert told_about(parsed(int), "x") == "f:2:3: invalid literal for int() with base 10: 'x'"


def test_a_word_is_one_of_a_few() -> None:
    assert convert(COLOURS, "green") == 2
    assert told_about(COLOURS, "gren") == 'f:2:3: "gren" is not "red" or "green"; did you mean "green"?'
    assert told_about(COLOURS, "blue") == 'f:2:3: blue is not built yet; write "red" or "green"'


def test_a_list_is_converted_item_by_item() -> None:
    assert convert(list_of(COLOURS), "[red, green]") == (1, 2)
    assert convert(list_of(COLOURS, may_be_empty=True), "[]") == ()
    assert convert(list_of(COLOURS, may_repeat=True), "[red, red]") == (1, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("red", 'f:2:3: "red" where a list is expected; write [one, another]'),
        ("{a: red}", "f:2:3: a mapping where a list is expected; write [one, another]"),
        ("[]", "f:2:3: the list is empty"),
        ("[red, red]", 'f:2:9: "red" stands in the list already'),
    ],
)
def test_what_is_no_list_of_different_things_is_refused(text: str, told: str) -> None:
    assert told_about(list_of(COLOURS), text) == told


def test_all_items_that_are_wrong_are_told_at_once() -> None:
    assert told_about(list_of(integer(0, 9)), "[x, 1, 10]") == (
        'f:2:4: "x" is not a number\nf:2:10: 10 is not from 0 to 9'
    )


def test_a_key_that_is_not_built_yet_is_refused_by_name() -> None:
    assert told_about(not_built, "{a: 1}") == "f:2:3: this key is not built yet"


def test_an_integer_has_bounds() -> None:
    assert convert(integer(-5, 0x10), "-5") == -5
    assert convert(integer(-5, 0x10), "0x10") == 16
    assert told_about(integer(0, 9), "-1") == "f:2:3: -1 is not from 0 to 9"
    assert told_about(integer(0, 9), "1.5") == 'f:2:3: "1.5" is not a number'


def test_a_connection_method_is_of_a_kind_that_fits_and_knows_its_place() -> None:
    assert convert(connection("ptcp", default_port=8080), "'ptcp:'") == parse_connection_method("ptcp:8080")
    assert convert(connection("tcp", "ssl"), "ssl:a") == parse_connection_method("ssl:a:6653")
    assert convert(connection("tcp"), "tcp:a").place == Place("f", 2, 3)


@pytest.mark.parametrize(
    ("kinds", "text", "told"),
    [
        (["ptcp"], "tcp:a:1", 'f:2:3: "tcp:a:1" calls somebody, it does not listen; write ptcp:PORT:ADDRESS'),
        (["ptcp", "punix"], "pssl:1", "f:2:3: pssl: is not for this key; use ptcp: or punix:"),
        (["tcp", "ptcp"], "ssl:a", "f:2:3: ssl: is not for this key; use tcp: or ptcp:"),
        (["tcp"], "a:1", 'f:2:3: "a:1" is not a connection method; it begins with tcp:, ssl:, unix:,'),
    ],
)
def test_other_connection_methods_are_refused_by_name(kinds: list[str], text: str, told: str) -> None:
    assert told_about(connection(*kinds), text).startswith(told)


def test_keys_and_certificates_are_files_at_a_place() -> None:
    files = convert(converters.tls_files, "{private_key: k, certificate: c}")
    assert files == TlsFiles(NamedFile("k", NOWHERE), NamedFile("c", NOWHERE))
    assert files.certificate.place == Place("f", 2, 33)
    assert convert(converters.tls_files, "{ca: a}") == TlsFiles(ca=NamedFile("a", NOWHERE))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{private_key: k, ca: a}", "f:2:3: a private key and its certificate go together; write both, or"),
        ("{certificate: c}", "f:2:3: a private key and its certificate go together"),
        ("{cert: c}", "f:2:4: cert: unknown key"),
        ("{ca: [a]}", "f:2:8: ca: a list where one value is expected"),
    ],
)
def test_half_a_pair_of_keys_is_refused(text: str, told: str) -> None:
    assert told_about(converters.tls_files, text).startswith(told)


def test_certificates_are_named_by_one_pin_or_several() -> None:
    name = CertificatePin("cn", "leaf 1")
    assert convert(converters.certificate_pins, '"cn:leaf 1"') == (name,)
    exact = CertificatePin("sha256", "ab" * 32)
    assert convert(converters.certificate_pins, f'["cn:leaf 1", "sha256:{"AB" * 32}"]') == (name, exact)
    assert told_about(converters.certificate_pins, "leaf").startswith('f:2:3: "leaf" names no certificate')


SWITCHES = converters.switches(SWITCH_KEYS)


def test_a_slice_says_something_of_single_switches() -> None:
    found = convert(SWITCHES, "{leaf-1: {controllers: [ptcp:1]}, 0x9: {tls: {ca: a}}}")
    assert found == {
        1: SwitchSettings(controllers=(parse_connection_method("ptcp:1"),)),
        9: SwitchSettings(tls=TlsFiles(ca=NamedFile("a", NOWHERE))),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{leaf-9: {}}", 'f:2:4: leaf-9: no datapath is called "leaf-9", and it is no dpid; did you mean'),
        ("{leaf-1: {}, 0x1: {}}", "f:2:16: 0x1: 0x1 stands here already"),
        ("{leaf-1: {dpid: 0x1}}", "f:2:13: dpid: unknown key"),
        ("{leaf-1: }", 'f:2:12: leaf-1: no value where "key: value" pairs are expected'),
    ],
)
def test_a_switch_that_there_is_not_is_refused(text: str, told: str) -> None:
    assert told_about(SWITCHES, text).startswith(told)


def test_an_object_is_called_like_its_file() -> None:
    assert convert(converters.own_name, "research") == "research"
    assert told_about(converters.own_name, "reserch") == (
        'f:2:3: "reserch" is not the name of the file; write "research" or call the file reserch.yaml'
    )
    assert told_about(converters.own_name, "a/b").startswith('f:2:3: "a/b" is not a name: letters, digits')


DATAPATH_NAMES = converters.datapath_names(DATAPATH_KEYS)


def test_datapaths_are_given_names() -> None:
    assert convert(
        DATAPATH_NAMES, "{leaf-1: {dpid: 0000000000000010}, b: {dpid: 0x1, certificate: cn:b}}"
    ) == {
        "leaf-1": NamedDatapath(16),
        "b": NamedDatapath(1, certificates=(CertificatePin("cn", "b"),)),
    }
    assert convert(DATAPATH_NAMES, "{}") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{all: {dpid: 0x1}}", 'f:2:4: all: "all" has a meaning of its own and names no datapath'),
        ("{0x1: {dpid: 0x1}}", 'f:2:4: 0x1: "0x1" has a meaning of its own and names no datapath'),
        ("{a b: {dpid: 0x1}}", 'f:2:4: a b: "a b" is not a name'),
        ("{a: {dpid: 0x1}, a: {dpid: 0x2}}", "f:2:20: a: two datapaths have this name"),
        ("{a: {dpid: 0x1}, b: {dpid: 0x1}}", "f:2:23: b: 0000000000000001 is a already"),
        ("{a: 0x1}", 'f:2:7: a: "0x1" where "key: value" pairs are expected'),
        ("{a: {dpid: 1}}", 'f:2:14: dpid: "1" is not a dpid; write 16 hexadecimal digits'),
        ("{a: {}}", "f:2:7: dpid: this key is missing"),
        ("{a: {dpdi: 0x1}}", "f:2:7: dpid: this key is missing"),
    ],
)
def test_a_name_that_leaves_anything_open_is_refused(text: str, told: str) -> None:
    assert told_about(DATAPATH_NAMES, text).startswith(told)


def test_rules_are_for_all_datapaths_or_for_some_by_name_or_dpid() -> None:
    assert convert(converters.datapaths, "all") is None
    assert convert(converters.datapaths, "[leaf-1, of:00000000000000ff]") == {1, 255}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("leaf-1", 'f:2:3: "leaf-1" is neither "all" nor a list; write [leaf-1]'),
        ("[leaf-3]", 'f:2:4: no datapath is called "leaf-3", and it is no dpid; did you mean "leaf-2"?'),
        ("[leaf-1, 0x1]", 'f:2:12: "0x1" stands in the list already'),
        ("~", "f:2:3: no value where a list is expected; write [one, another]"),
        ("[]", "f:2:3: the list is empty"),
    ],
)
def test_datapaths_that_there_are_not_are_refused(text: str, told: str) -> None:
    assert told_about(converters.datapaths, text) == told


def test_nothing_is_asked_of_datapaths_whose_names_could_not_be_read() -> None:
    assert len(convert(converters.datapaths, "[leaf-9, 0x1]", Names(datapaths=None))) == 2
