"""The formats of slices' files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flowvisor.configuration import converters
from flowvisor.configuration.converters import connection, integer, list_of, one_of
from flowvisor.configuration.documents import Node, wrong
from flowvisor.configuration.formats import KIND, NAME, Format, Formats
from flowvisor.configuration.group_reader import groups, members_that_are_not
from flowvisor.configuration.match_reader import read_match
from flowvisor.configuration.policy_uses import policies
from flowvisor.configuration.schema import Key, Keys, Names, described, did_you_mean, shape_of
from flowvisor.configuration.virtual_reader import ReadSwitch, virtual_links, virtual_switches
from flowvisor.configuration.when_reader import WHEN
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.slices.flowspace_slice import MAX_PRIORITY, FlowspaceRule, FlowspaceSlice
from flowvisor.slices.slice import SwitchSettings
from flowvisor.slices.virtual_network import Transport, VirtualNetwork
from flowvisor.slices.virtual_switch import LinkEnd, LogicalSwitch, VirtualLink

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


def _common(node: Node, values: Mapping[str, Any], switches: Mapping[int, SwitchSettings]) -> dict[str, Any]:
    """What all kinds of slices have."""
    if not values["controllers"] and not any(one.controllers for one in switches.values()):
        raise wrong(node, "the slice has no controller", "write controllers: [tcp:HOST:PORT]")
    return {
        "name": values["name"],
        "controllers": values["controllers"],
        "versions": values["openflow"],
        "tables": values["tables"],
        "policies": tuple(one.name for one in values["policies"] if not one.when),
        "scheduled": tuple(one for one in values["policies"] if one.when),
        "place": node.place,
        "switches": switches,
        "tls": values["tls"],
        "controller_certificates": values["controller_certificate"],
    }


def _flowspace_slice(node: Node, values: Mapping[str, Any]) -> FlowspaceSlice:
    return FlowspaceSlice(
        **_common(node, values, values["switches"]),
        may_configure_ports=values["port_mod"],
        rules=values["flowspace"],
    )


def _virtual_network(node: Node, values: Mapping[str, Any]) -> VirtualNetwork:
    read: Mapping[str, ReadSwitch] = values["switches"]
    logical = {name: one.logical for name, one in read.items()}
    links: Mapping[str, VirtualLink] = values["links"]
    if problems := [
        *_ends_that_are_not(links, logical),
        *_links_that_are_not(logical, links),
        *members_that_are_not(values["groups"], logical),
    ]:
        raise ConfigurationError(problems)
    return VirtualNetwork(
        **_common(node, values, {one.logical.dpid: one.settings for one in read.values()}),
        logical=logical,
        links=links,
        transport=values["transport"],
        groups=values["groups"],
        answers_arp=values["arp"],
    )


def _ends_that_are_not(
    links: Mapping[str, VirtualLink], logical: Mapping[str, LogicalSwitch]
) -> Iterator[Problem]:
    """Links whose ends are not those ports that name them."""
    for link in links.values():
        for end in link.ends:
            port = logical[end.switch].ports.get(end.port) if end.switch in logical else None
            if end.switch not in logical:
                message = f'there is no switch "{end.switch}"'
                yield Problem(link.place, link.name, message, did_you_mean(end.switch, logical))
            elif port is None or port.link != link.name:
                message = f"port {end.port} of {end.switch} is not an end of {link.name}"
                suggestion = f"write {end.port}: {{link: {link.name}}} there"
                yield Problem(link.place, link.name, message, suggestion)


def _links_that_are_not(
    logical: Mapping[str, LogicalSwitch], links: Mapping[str, VirtualLink]
) -> Iterator[Problem]:
    """Ports that name a link which does not end there."""
    for switch in logical.values():
        for port in switch.ports.values():
            if port.link is not None and port.link not in links:
                suggestion = did_you_mean(port.link, links) or f"write links: {{{port.link}: [END, END]}}"
                yield Problem(port.place, str(port.number), f'there is no link "{port.link}"', suggestion)
            elif port.link is not None and LinkEnd(switch.name, port.number) not in links[port.link].ends:
                message = f"{port.link} does not end here, but at {_told(links[port.link])}"
                yield Problem(port.place, str(port.number), message)


def _told(link: VirtualLink) -> str:
    return " and ".join(f"{end.switch}/{end.port}" for end in link.ends)


COMMON_KEYS: Final[Keys] = {
    "kind": KIND,
    "name": NAME,
    "controllers": _controllers("whom to call for the tenant, or where to wait for a call"),
    "openflow": Key(_versions, meaning="versions offered to them", default=frozenset(VERSIONS.values())),
    "tables": Key(integer(1, MAX_TABLES), meaning="flow tables on OpenFlow 1.3", default=DEFAULT_TABLES),
    "policies": Key(policies, meaning="what the slice may do", default=()),
    "tls": Key(converters.tls_files, meaning="keys and certificates other than the main file's"),
    "controller_certificate": Key(
        converters.certificate_pins,
        meaning="the certificate that its controllers have to show",
        default=(),
    ),
}


FLOWSPACE_SLICE: Final = Format(
    keys={
        **COMMON_KEYS,
        "port_mod": Key(
            one_of({"virtual": False, "physical": True}),
            meaning="whether it configures physical ports that it alone has",
            default=False,
        ),
        "switches": Key(
            converters.switches(SWITCH_KEYS), meaning="what is different at single datapaths", default={}
        ),
        "flowspace": Key(
            list_of(RULE.item, may_repeat=True), meaning="which packets are its own", is_required=True
        ),
    },
    build=_flowspace_slice,
)

VIRTUAL_NETWORK: Final = Format(
    keys={
        **COMMON_KEYS,
        "switches": Key(virtual_switches(SWITCH_KEYS), meaning="its virtual switches", is_required=True),
        "links": Key(virtual_links, meaning="cables between them, each by its two ends", default={}),
        "groups": Key(groups, meaning="machines that its acl speaks of by a name", default={}),
        "arp": Key(
            one_of({"forward": False, "answer": True}),
            meaning="what becomes of who asks everybody for an address of which it is known where it is",
            default=False,
        ),
        "transport": Key(
            one_of({each.value: each for each in Transport}),
            meaning="how packets cross from one datapath to another: behind a service tag, or in tunnels",
            default=Transport.VLAN,
        ),
    },
    build=_virtual_network,
)

SLICE_FORMATS: Final = Formats(
    {"flowspace": FLOWSPACE_SLICE, "virtual-network": VIRTUAL_NETWORK}, not_built=()
)
