"""Groups of machines in a virtual network: `web: {ports: [big/1, big/2], addresses: [10.0.0.0/24]}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from flowvisor.configuration.converters import checked_name, each_of, list_of, parsed
from flowvisor.configuration.documents import Node, Scalar, wrong
from flowvisor.configuration.match_values import parse_value
from flowvisor.configuration.schema import (
    TEXT,
    Key,
    Keys,
    Names,
    described,
    did_you_mean,
    mapping_of,
    object_shape,
    read_keys,
)
from flowvisor.configuration.virtual_reader import END_OF_LINK, link_end
from flowvisor.errors import Problem
from flowvisor.slices.virtual_network import SecurityGroup
from flowvisor.slices.virtual_switch import LinkEnd, LogicalSwitch

_Address = tuple[str, tuple[int, int]]  # the kind, and the value and mask


def _address(text: str) -> _Address:
    kind = "ipv6" if ":" in text else "ipv4"
    (pair,) = parse_value(f"{kind}_src", text)
    return kind, pair


@described(TEXT)
def group_name(node: Node, names: Names) -> str:
    """The name of a group; whether there is one says the network that has the policy."""
    return checked_name(node)


@described(END_OF_LINK)
def _port(node: Node, names: Names) -> LinkEnd:
    return link_end(node, names)


GROUP_KEYS: Final[Keys] = {
    "ports": Key(
        list_of(_port), meaning="where its machines are, as SWITCH/PORT; anywhere if left out", default=()
    ),
    "addresses": Key(
        list_of(parsed(_address)),
        meaning="IPv4 and IPv6 addresses that they have, or prefixes of them",
        default=(),
    ),
}


@described({"type": "object", "additionalProperties": object_shape(GROUP_KEYS)})
def groups(node: Node, names: Names) -> Mapping[str, SecurityGroup]:
    """The groups of a network by name."""
    found: dict[str, SecurityGroup] = {}

    def add(key: Scalar, value: Node) -> None:
        name = checked_name(key)
        if name in found:
            raise wrong(key, "two groups have this name")
        values = read_keys(mapping_of(value), GROUP_KEYS, names).complete()
        if not values["ports"] and not values["addresses"]:
            raise wrong(value, "a group without ports and addresses is none", "write {ports: [SWITCH/PORT]}")
        by_kind = {
            kind: tuple(pair for one, pair in values["addresses"] if one == kind) for kind in ("ipv4", "ipv6")
        }
        found[name] = SecurityGroup(name, frozenset(values["ports"]), **by_kind, place=value.place)

    each_of(node, add)
    return found


def members_that_are_not(
    found: Mapping[str, SecurityGroup], logical: Mapping[str, LogicalSwitch]
) -> Iterator[Problem]:
    """Ports of groups that the network does not have, or at which its ACL is not asked."""
    for group in found.values():
        for end in sorted(group.ports):
            port = logical[end.switch].ports.get(end.port) if end.switch in logical else None
            if end.switch not in logical:
                message = f'there is no switch "{end.switch}"'
                yield Problem(group.place, group.name, message, did_you_mean(end.switch, logical))
            elif port is None:
                yield Problem(group.place, group.name, f"{end.switch} has no port {end.port}")
            elif port.link is not None:
                message = f"{end.switch}/{end.port} is the end of a link, where no acl is asked"
                yield Problem(group.place, group.name, message, "name ports at which machines are")
