"""The formats of the admin's files, as data: for each kind of object its keys and what is made of them.

The one registry: the reader knows no key that does not stand here. Kinds and keys that are designed and not
built yet stand here too, so that they are refused by name and never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from flowvisor.configuration import converters
from flowvisor.configuration.converters import connection, integer, list_of, not_built, one_of, parsed
from flowvisor.configuration.documents import MappingNode, Node, wrong
from flowvisor.configuration.match_reader import read_match
from flowvisor.configuration.schema import Key, Keys, Names, mapping_of, read_keys, text_of
from flowvisor.configuration.snapshot import Settings
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.dpid import parse_dpid
from flowvisor.policies.policy import Policy
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit, parse_rate
from flowvisor.slices.flowspace_slice import MAX_PRIORITY, FlowspaceRule, FlowspaceSlice

ADMIN_PORT: Final = 8080
DEFAULT_ADMIN: Final = parse_connection_method(f"ptcp:{ADMIN_PORT}:127.0.0.1")
VERSIONS: Final = {"1.0": 1, "1.3": 4}
VERSIONS_NOT_BUILT: Final = ("1.1", "1.2", "1.4", "1.5")
DEFAULT_TABLES: Final = 8
MAX_TABLES: Final = 253  # table 0 is the hypervisor's, and ids end at 254
MAX_ENTRIES: Final = 0xFFFF_FFFF  # what OpenFlow counts in
READ_AND_WRITE: Final = frozenset({"read", "write"})


@frozen
class Format:
    """One kind of object: its keys, and what is made of their values."""

    keys: Keys
    build: Callable[[MappingNode, Mapping[str, Any]], Any]

    def read(self, node: Node, names: Names) -> Any:
        """The object that a node holds; raises ConfigurationError."""
        mapping = mapping_of(node)
        return self.build(mapping, read_keys(mapping, self.keys, names).complete())


@frozen
class Formats:
    """The kinds of objects that a folder's files may hold, and those of which only the name is known."""

    built: Mapping[str, Format]
    not_built: tuple[str, ...]


_KIND: Final = Key(lambda node, names: text_of(node), meaning="what the file holds", is_required=True)
_NAME: Final = Key(converters.own_name, meaning="the name of the file without .yaml", is_required=True)

# ------------------------------------------------------------------------------------ the main file

DATAPATH_KEYS: Final[Keys] = {
    "dpid": Key(parsed(parse_dpid), meaning="which datapath has this name", is_required=True),
}

SETTINGS: Final = Format(
    keys={
        "listen": Key(list_of(connection("ptcp")), meaning="where datapaths connect", is_required=True),
        "admin": Key(
            connection("ptcp", default_port=ADMIN_PORT),
            meaning="where REST, metrics and health are",
            default=DEFAULT_ADMIN,
        ),
        "state": Key(parsed(str), meaning="the folder of stable allocations", default="state"),
        "slices": Key(parsed(str), meaning="the folder of the slices", default="slices"),
        "policies": Key(parsed(str), meaning="the folder of the policies", default="policies"),
        "tls": Key(not_built, meaning="keys and certificates for ssl: and pssl:"),
        "datapaths": Key(converters.datapath_names(DATAPATH_KEYS), meaning="names for datapaths", default={}),
        "admission": Key(
            one_of({"open": "open"}, not_built=("listed",)),
            meaning="which datapaths may connect",
            default="open",
        ),
    },
    build=lambda node, values: Settings(**{key: value for key, value in values.items() if key != "tls"}),
)

# ------------------------------------------------------------------------------------ slices


def _permissions(node: Node, names: Names) -> frozenset[str]:
    words = frozenset(list_of(one_of({"read": "read", "write": "write"}))(node, names))
    if words == {"read"}:
        raise wrong(node, "[read] alone is not built yet", "write [read, write]")
    if words == {"write"}:
        raise wrong(node, "who writes to packets also reads them", "write [read, write]")
    return words


RULE: Final = Format(
    keys={
        "datapaths": Key(converters.datapaths, meaning="all, or a list of datapaths", is_required=True),
        "priority": Key(
            integer(0, MAX_PRIORITY), meaning="which rule has a packet that several claim", is_required=True
        ),
        "match": Key(read_match, meaning="which packets; {} is all of them", is_required=True),
        "permissions": Key(_permissions, meaning="what the slice may do with them", default=READ_AND_WRITE),
    },
    build=lambda node, values: FlowspaceRule(
        datapaths=values["datapaths"],
        priority=values["priority"],
        matches=values["match"],
        permissions=values["permissions"],
        place=node.place,
    ),
)


def _versions(node: Node, names: Names) -> frozenset[int]:
    return frozenset(list_of(one_of(VERSIONS, not_built=VERSIONS_NOT_BUILT))(node, names))


FLOWSPACE_SLICE: Final = Format(
    keys={
        "kind": _KIND,
        "name": _NAME,
        "controllers": Key(
            list_of(connection("tcp")), meaning="whom to call for the tenant", is_required=True
        ),
        "openflow": Key(_versions, meaning="versions offered to them", default=frozenset(VERSIONS.values())),
        "tables": Key(integer(1, MAX_TABLES), meaning="flow tables on OpenFlow 1.3", default=DEFAULT_TABLES),
        "policies": Key(converters.policies, meaning="what the slice may do", default=()),
        "switches": Key(not_built, meaning="where controllers call, by datapath"),
        "flowspace": Key(
            list_of(RULE.read, may_repeat=True), meaning="which packets are its own", is_required=True
        ),
    },
    build=lambda node, values: FlowspaceSlice(
        name=values["name"],
        controllers=values["controllers"],
        versions=values["openflow"],
        tables=values["tables"],
        policies=values["policies"],
        place=node.place,
        rules=values["flowspace"],
    ),
)

SLICE_FORMATS: Final = Formats({"flowspace": FLOWSPACE_SLICE}, not_built=("virtual-network",))

# ------------------------------------------------------------------------------------ policies


def _limits(policy: Callable[..., Policy]) -> Callable[[MappingNode, Mapping[str, Any]], Policy]:
    """Make a policy of the values, if one at least limits anything."""

    def build(node: MappingNode, values: Mapping[str, Any]) -> Policy:
        limits = {key: value for key, value in values.items() if key not in ("kind", "name")}
        if all(limit is None for limit in limits.values()):
            raise wrong(node, "the policy limits nothing", f"write one of {', '.join(limits)}")
        return policy(name=values["name"], **limits)

    return build


def _quota_key(meaning: str) -> Key:
    return Key(integer(0, MAX_ENTRIES), meaning)


def _rate_key(meaning: str) -> Key:
    return Key(parsed(parse_rate), meaning)


QUOTA: Final = Format(
    keys={
        "kind": _KIND,
        "name": _NAME,
        "flow_entries_per_datapath": _quota_key("flow entries at any one datapath"),
        "flow_entries": _quota_key("flow entries at all datapaths together"),
        "groups": _quota_key("groups at any one datapath"),
        "meters": _quota_key("meters at any one datapath"),
    },
    build=_limits(Quota),
)

RATE_LIMIT: Final = Format(
    keys={
        "kind": _KIND,
        "name": _NAME,
        "packet_in": _rate_key("packets to its controllers"),
        "packet_out": _rate_key("packets from its controllers"),
        "flow_mod": _rate_key("changes of flow entries"),
        "messages": _rate_key("messages of all kinds from its controllers"),
    },
    build=_limits(RateLimit),
)

POLICY_FORMATS: Final = Formats({"quota": QUOTA, "rate-limit": RATE_LIMIT}, not_built=("bandwidth", "acl"))
