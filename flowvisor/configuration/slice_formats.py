"""The formats of slices' files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flowvisor.configuration import converters
from flowvisor.configuration.converters import connection, integer, list_of, one_of
from flowvisor.configuration.documents import Node, wrong
from flowvisor.configuration.formats import KIND, NAME, Format, Formats
from flowvisor.configuration.match_reader import read_match
from flowvisor.configuration.policy_uses import policies
from flowvisor.configuration.schema import Key, Keys, Names, described, shape_of
from flowvisor.configuration.when_reader import WHEN
from flowvisor.slices.flowspace_slice import MAX_PRIORITY, FlowspaceRule, FlowspaceSlice
from flowvisor.slices.slice import SwitchSettings

VERSIONS: Final = {"1.0": 1, "1.3": 4}
VERSIONS_NOT_BUILT: Final = ("1.1", "1.2", "1.4", "1.5")
DEFAULT_TABLES: Final = 8
MAX_TABLES: Final = 253  # table 0 is the hypervisor's, and ids end at 254
READ_AND_WRITE: Final = frozenset({"read", "write"})


_read_and_write: Final = list_of(one_of({"read": "read", "write": "write"}))


@described(shape_of(_read_and_write))
def _permissions(node: Node, names: Names) -> frozenset[str]:
    words = frozenset(_read_and_write(node, names))
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
        "when": WHEN,
    },
    build=lambda node, values: FlowspaceRule(
        datapaths=values["datapaths"],
        priority=values["priority"],
        matches=values["match"],
        permissions=values["permissions"],
        place=node.place,
        when=values["when"],
    ),
)


_list_of_versions: Final = list_of(one_of(VERSIONS, not_built=VERSIONS_NOT_BUILT))


@described(shape_of(_list_of_versions))
def _versions(node: Node, names: Names) -> frozenset[int]:
    return frozenset(_list_of_versions(node, names))


def _controllers(meaning: str) -> Key:
    kinds = ("tcp", "ptcp", "ssl", "pssl", "unix", "punix")
    return Key(list_of(connection(*kinds), may_be_empty=True), meaning, default=())


SWITCH_KEYS: Final[Keys] = {
    "controllers": _controllers("controllers of this virtual switch alone"),
    "tls": Key(converters.tls_files, meaning="keys and certificates other than the slice's"),
}


def _flowspace_slice(node: Node, values: Mapping[str, Any]) -> FlowspaceSlice:
    switches: Mapping[int, SwitchSettings] = values["switches"]
    if not values["controllers"] and not any(one.controllers for one in switches.values()):
        raise wrong(node, "the slice has no controller", "write controllers: [tcp:HOST:PORT]")
    return FlowspaceSlice(
        name=values["name"],
        controllers=values["controllers"],
        versions=values["openflow"],
        tables=values["tables"],
        policies=tuple(one.name for one in values["policies"] if not one.when),
        scheduled=tuple(one for one in values["policies"] if one.when),
        place=node.place,
        may_configure_ports=values["port_mod"],
        rules=values["flowspace"],
        switches=switches,
        tls=values["tls"],
        controller_certificates=values["controller_certificate"],
    )


FLOWSPACE_SLICE: Final = Format(
    keys={
        "kind": KIND,
        "name": NAME,
        "controllers": _controllers("whom to call for the tenant, or where to wait for a call"),
        "openflow": Key(_versions, meaning="versions offered to them", default=frozenset(VERSIONS.values())),
        "tables": Key(integer(1, MAX_TABLES), meaning="flow tables on OpenFlow 1.3", default=DEFAULT_TABLES),
        "policies": Key(policies, meaning="what the slice may do", default=()),
        "port_mod": Key(
            one_of({"virtual": False, "physical": True}),
            meaning="whether it configures physical ports that it alone has",
            default=False,
        ),
        "switches": Key(
            converters.switches(SWITCH_KEYS), meaning="what is different at single datapaths", default={}
        ),
        "tls": Key(converters.tls_files, meaning="keys and certificates other than the main file's"),
        "controller_certificate": Key(
            converters.certificate_pins,
            meaning="the certificate that its controllers have to show",
            default=(),
        ),
        "flowspace": Key(
            list_of(RULE.item, may_repeat=True), meaning="which packets are its own", is_required=True
        ),
    },
    build=_flowspace_slice,
)

SLICE_FORMATS: Final = Formats({"flowspace": FLOWSPACE_SLICE}, not_built=("virtual-network",))
