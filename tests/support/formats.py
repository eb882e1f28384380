"""Every table of keys of the admin's files, with a right value for each key."""

from flowvisor.configuration.base_entries import BASE_ENTRY
from flowvisor.configuration.documents import MappingNode, TextFile, parse_document
from flowvisor.configuration.formats import Format
from flowvisor.configuration.group_reader import GROUP_KEYS
from flowvisor.configuration.link_reader import LINK_KEYS
from flowvisor.configuration.policy_formats import ACL_RULE, POLICY_FORMATS
from flowvisor.configuration.schema import Key, Keys, Names, read_keys
from flowvisor.configuration.settings_format import DATAPATH_KEYS, SETTINGS
from flowvisor.configuration.slice_formats import RULE, SLICE_FORMATS, SWITCH_KEYS
from flowvisor.configuration.virtual_reader import PORT_KEYS

FORMATS: dict[str, Format] = {
    "main": SETTINGS,
    "rule": RULE,
    "acl-rule": ACL_RULE,
    **SLICE_FORMATS.built,
    **POLICY_FORMATS.built,
}
TABLES: dict[str, Keys] = {
    **{name: one.keys for name, one in FORMATS.items()},
    "datapath": DATAPATH_KEYS,
    "switch": SWITCH_KEYS,
    "port": PORT_KEYS,
    "group": GROUP_KEYS,
    "link": LINK_KEYS,
    "base-entry": BASE_ENTRY.keys,
}

# For each key a value that is right; with the required ones each makes an object.
RIGHT = {
    "main": {
        "listen": "['ptcp:']",
        "admin": "'ptcp:9000'",
        "tokens": "../state/tokens.yaml",
        "state": "../state",
        "slices": "a",
        "policies": "b",
        "datapaths": "{leaf-1: {dpid: 0x1}}",
        "admission": "listed",
        "tls": "{private_key: k, certificate: c, ca: a}",
        "max_half_open_per_address": "16",
        "links": "[[0x1/1, 0x2/2]]",
        "discovery": "off",
        "labels": "100-199",
        "watch": "off",
        "statistics_sharing_seconds": "0.5",
    },
    "datapath": {
        "dpid": "0000000000000001",
        "certificate": "cn:leaf",
        "description": "rack 3",
        "admitted": "no",
        "ports": "{3: down, 4: up}",
        "entries": "[{match: {vlan_vid: 4000, in_port: local}, output: 1}, {match: {in_port: 7}, output: nowhere}]",
    },
    "switch": {"controllers": "[ptcp:1]", "tls": "{ca: a}"},
    "rule": {
        "datapaths": "all",
        "priority": "100",
        "match": "{vlan_vid: 100}",
        "permissions": "[write, read]",
        "when": "{days: [mon-fri], from: '22:00', to: '06:00', zone: Europe/Berlin}",
    },
    "flowspace": {
        "kind": "flowspace",
        "name": "it",
        "controllers": "[ssl:a]",
        "tls": "{ca: a}",
        "controller_certificate": "[cn:a, cn:b]",
        "switches": "{0x1: {controllers: [ptcp:1]}}",
        "openflow": "[1.0]",
        "tables": "3",
        "policies": "[]",
        "port_mod": "physical",
        "flowspace": "[{datapaths: all, priority: 1, match: {}}]",
    },
    "virtual-network": {
        "kind": "virtual-network",
        "name": "it",
        "controllers": "[ssl:a]",
        "tls": "{ca: a}",
        "controller_certificate": "[cn:a, cn:b]",
        "openflow": "[1.3]",
        "tables": "3",
        "policies": "[]",
        "switches": "{big: {ports: {1: 0x1/3, 2: {at: [0x1/4, 0x2/4], follow: '02:00:00:00:00:01'}}}}",
        "links": "{}",
        "groups": "{web: {ports: [big/1], addresses: [10.0.0.0/24]}}",
        "transport": "tunnel",
        "arp": "answer",
    },
    "port": {
        "at": "[0x1/3, 0x2/4@20]",
        "link": "uplink",
        "follow": "'02:00:00:00:00:01'",
        "mac": "'02:00:00:00:00:01'",
        "ipv4": "10.0.0.5",
        "ipv6": "['2001:db8::5']",
        "mirror": "1",
    },
    "group": {"ports": "[big/1, big/2]", "addresses": "[10.0.0.0/24, '2001:db8::/64']"},
    "base-entry": {"match": "{vlan_vid: 4000}", "output": "[1, local]"},
    "link": {"ends": "[0x1/10, 0x2/10]", "kind": "tunnel", "capacity": "10 Gbit/s"},
    "acl-rule": {
        "deny": "{vlan_vid: 100}",
        "permit": "{in_port: 1}",
        "from": "web",
        "to": "db",
        "datapaths": "all",
    },
    "acl": {"kind": "acl", "name": "it", "rules": "[{deny: {}}]"},
    "bandwidth": {
        "kind": "bandwidth",
        "name": "it",
        "rate": "100 Mbit/s",
        "burst": "5 Mbit",
        "queues": "[1, 2]",
        "when": "{days: sun}",
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


def read(kind: str, **lines: str) -> object:
    required = {
        key: value for key, value in RIGHT[kind].items() if FORMATS[kind].keys.get(key, Key).is_required
    }
    return FORMATS[kind].read(mapping({**required, **lines}), NAMES)
