"""The formats of the admin's files: every key of the registry is read, required or refused as it says."""

import pytest

from flowvisor.configuration.documents import MappingNode, TextFile, parse_document
from flowvisor.configuration.formats import (
    DATAPATH_KEYS,
    POLICY_FORMATS,
    RULE,
    SETTINGS,
    SLICE_FORMATS,
    Format,
)
from flowvisor.configuration.schema import Key, Keys, Names, read_keys
from flowvisor.configuration.snapshot import Settings
from flowvisor.errors import ConfigurationError
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit

FORMATS: dict[str, Format] = {
    "main": SETTINGS,
    "rule": RULE,
    **SLICE_FORMATS.built,
    **POLICY_FORMATS.built,
}
TABLES: dict[str, Keys] = {
    **{name: one.keys for name, one in FORMATS.items()},
    "datapath": DATAPATH_KEYS,
}
KEYS = [(table, key) for table, keys in TABLES.items() for key in keys]

NOT_BUILT = {("main", "tls"), ("flowspace", "switches")}

# For each key a value that is right; with the required ones each makes an object.
RIGHT = {
    "main": {
        "listen": "['ptcp:']",
        "admin": "'ptcp:9000'",
        "state": "../state",
        "slices": "a",
        "policies": "b",
        "datapaths": "{leaf-1: {dpid: 0x1}}",
        "admission": "open",
    },
    "datapath": {"dpid": "0000000000000001"},
    "rule": {
        "datapaths": "all",
        "priority": "100",
        "match": "{vlan_vid: 100}",
        "permissions": "[write, read]",
    },
    "flowspace": {
        "kind": "flowspace",
        "name": "it",
        "controllers": "[tcp:a]",
        "openflow": "[1.0]",
        "tables": "3",
        "policies": "[]",
        "flowspace": "[{datapaths: all, priority: 1, match: {}}]",
    },
    "quota": {
        "kind": "quota",
        "name": "it",
        "flow_entries_per_datapath": "0",
        "flow_entries": "10",
        "groups": "1",
        "meters": "2",
    },
    "rate-limit": {
        "kind": "rate-limit",
        "name": "it",
        "packet_in": "500/s",
        "packet_out": "1/min",
        "flow_mod": "0.5/s",
        "messages": "9/s",
    },
}
NAMES = Names(file_stem="it")


def mapping(lines: dict[str, str]) -> MappingNode:
    return parse_document(TextFile("f", "".join(f"{key}: {value}\n" for key, value in lines.items())))


def problems_of(table: str, lines: dict[str, str]) -> dict[str, str]:
    """The message about each key that is wrong."""
    reading = read_keys(mapping(lines), TABLES[table], NAMES)
    return {problem.key: problem.message for problem in reading.problems}


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_key_says_what_it_means_and_has_an_example(table: str, key: str) -> None:
    assert TABLES[table][key].meaning
    assert (key in RIGHT[table]) != ((table, key) in NOT_BUILT)


@pytest.mark.parametrize("table", TABLES)
def test_all_keys_together_are_right(table: str) -> None:
    assert problems_of(table, RIGHT[table]) == {}


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_a_key_that_is_required_is_missed_and_another_is_not(table: str, key: str) -> None:
    if (table, key) in NOT_BUILT or len(RIGHT[table]) == 1:
        return
    without = {other: value for other, value in RIGHT[table].items() if other != key}
    missed = {key: "this key is missing"} if TABLES[table][key].is_required else {}
    assert problems_of(table, without) == missed


@pytest.mark.parametrize(("table", "key"), KEYS)
@pytest.mark.parametrize("value", ["", "[{[a]: b}]", "[[]]", "{x: {y: z}}", "\u2603 \u2603", "-", "&a 1"])
def test_no_key_takes_just_anything(table: str, key: str, value: str) -> None:
    if key in ("state", "slices", "policies", "kind") and value.startswith(("\u2603", "-")):
        return  # a folder may have any name; the kind was read before
    try:
        told = problems_of(table, {**RIGHT[table], key: value})
    except ConfigurationError:
        return
    assert told


@pytest.mark.parametrize(("table", "key"), sorted(NOT_BUILT))
def test_a_key_that_is_not_built_yet_is_refused_by_name(table: str, key: str) -> None:
    assert problems_of(table, {**RIGHT[table], key: "{a: 1}"}) == {key: "this key is not built yet"}


def test_the_kinds_that_are_not_built_yet_are_known_by_name() -> None:
    assert SLICE_FORMATS.not_built == ("virtual-network",)
    assert POLICY_FORMATS.not_built == ("bandwidth", "acl")
    assert not set(SLICE_FORMATS.not_built) & set(SLICE_FORMATS.built)
    assert not set(POLICY_FORMATS.not_built) & set(POLICY_FORMATS.built)


def read(kind: str, **lines: str) -> object:
    required = {
        key: value for key, value in RIGHT[kind].items() if FORMATS[kind].keys.get(key, Key).is_required
    }
    return FORMATS[kind].read(mapping({**required, **lines}), NAMES)


def test_the_main_file_needs_little() -> None:
    assert read("main") == Settings(
        listen=(parse_connection_method("ptcp:6653"),),
        admin=parse_connection_method("ptcp:8080:127.0.0.1"),
        state="state",
        slices="slices",
        policies="policies",
        datapaths={},
        admission="open",
    )


def test_the_admins_port_is_not_openflows() -> None:
    settings = read("main", admin="'ptcp:'")
    assert isinstance(settings, Settings)
    assert str(settings.admin) == "ptcp:8080"


def test_a_policy_is_what_its_kind_says() -> None:
    assert read("quota", meters="0") == Quota(name="it", meters=0)
    assert read("rate-limit", packet_in="30/min") == RateLimit(name="it", packet_in=0.5)


@pytest.mark.parametrize("kind", ["quota", "rate-limit"])
def test_a_policy_that_limits_nothing_is_refused(kind: str) -> None:
    with pytest.raises(ConfigurationError, match="f:1:1: the policy limits nothing; write one of "):
        read(kind)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[read]", "f:4:14: permissions: [read] alone is not built yet; write [read, write]"),
        ("[write]", "f:4:14: permissions: who writes to packets also reads them; write [read, write]"),
        ("[reed]", 'f:4:15: permissions: "reed" is not "read" or "write"; did you mean "read"?'),
    ],
)
def test_permissions_are_read_and_write(written: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("rule", permissions=written)
    assert str(caught.value) == told


def test_versions_that_are_not_built_yet_are_refused_by_name() -> None:
    assert problems_of("flowspace", {**RIGHT["flowspace"], "openflow": "[1.3, 1.4]"}) == {
        "openflow": "1.4 is not built yet"
    }
