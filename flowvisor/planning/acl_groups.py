"""What an ACL says of groups of machines: at each port the matches that mean "from web" and "to db" there.

A group's ports are no part of a match: filters are made for each port by itself. Where a packet will leave nobody
knows when it comes in, so what goes to a group is what goes to its addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Final, TypeAlias

from flowvisor.configuration.schema import did_you_mean
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.flowspace.box import Box, intersect
from flowvisor.flowspace.layout import boxes_of, match_of
from flowvisor.openflow.fields import ETH_TYPE_ARP
from flowvisor.openflow.match import Match
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.slices.slice import Slice
from flowvisor.slices.virtual_network import SecurityGroup, VirtualNetwork
from flowvisor.slices.virtual_switch import LinkEnd

Groups: TypeAlias = Mapping[str, SecurityGroup]
NO_GROUPS: Final[Groups] = MappingProxyType({})

MAX_PAIRS: Final = 4096  # of a rule's matches, its sources and its targets; files with more are refused


def matches_of(rule: AclRule, groups: Groups, at: LinkEnd) -> tuple[Match, ...]:
    """The packets that a rule names of those that come in at a port."""
    source = None if rule.from_group is None else groups[rule.from_group]
    target = None if rule.to_group is None else groups[rule.to_group]
    if source is not None and source.ports and at not in source.ports:
        return ()
    if target is None and (source is None or not source.has_addresses):
        return rule.matches
    return tuple(map(match_of, _boxes(rule, source, target)))


def _boxes(rule: AclRule, source: SecurityGroup | None, target: SecurityGroup | None) -> Iterator[Box]:
    """A rule's packets that have an address of the one as their source, and one of the other as their target."""
    named = [box for match in rule.matches for box in boxes_of(match)]
    sides = [
        [box for match in _having(group, ends) for box in boxes_of(match)]
        for group, ends in (
            (source, ("ipv4_src", "arp_spa", "ipv6_src")),
            (target, ("ipv4_dst", "arp_tpa", "ipv6_dst")),
        )
        if group is not None and group.has_addresses
    ]
    found: set[Box] = set()
    for first, *others in product(named, *sides):
        both: Box | None = first
        for other in others:
            both = None if both is None else intersect(both, other)
        if both is not None and both not in found:
            found.add(both)
            yield both


def _having(group: SecurityGroup, fields: tuple[str, str, str]) -> Iterator[Match]:
    """The packets that have an address of a group in a field, of IPv4, of ARP or of IPv6."""
    ipv4, arp, ipv6 = fields
    for pair in group.ipv4:
        yield Match.of(**{ipv4: pair})
        yield Match.of(eth_type=ETH_TYPE_ARP, **{arp: pair})
    for pair in group.ipv6:
        yield Match.of(**{ipv6: pair})


def refuse_groups(configuration: Configuration) -> None:
    """Raise ConfigurationError if an ACL, whenever it counts, speaks of groups that are not there, or of too much."""
    problems = [
        problem
        for one in configuration.slices
        for name in (*one.policies, *(use.name for use in one.scheduled))
        if isinstance(acl := configuration.policies[name], Acl)
        for rule in acl.rules
        for problem in _of_rule(rule, one)
    ]
    if problems:
        raise ConfigurationError(problems)


def _of_rule(rule: AclRule, one: Slice) -> Iterator[Problem]:
    named = [
        (key, name) for key, name in (("from", rule.from_group), ("to", rule.to_group)) if name is not None
    ]
    if not isinstance(one, VirtualNetwork):
        for key, name in named:
            yield Problem(
                rule.place, key, f'"{name}" is the name of a group, and {one.name} is no virtual network'
            )
        return
    unknown = [(key, name) for key, name in named if name not in one.groups]
    for key, name in unknown:
        yield Problem(rule.place, key, f'{one.name} has no group "{name}"', did_you_mean(name, one.groups))
    if named and not unknown:
        yield from _of_groups(rule, one)


def _of_groups(rule: AclRule, network: VirtualNetwork) -> Iterator[Problem]:
    source = None if rule.from_group is None else network.groups[rule.from_group]
    target = None if rule.to_group is None else network.groups[rule.to_group]
    if target is not None and not target.has_addresses:
        message = f'"{target.name}" has no addresses in {network.name}, by which to know what goes there'
        yield Problem(rule.place, "to", message, f"write addresses: [ADDRESS] in {target.place}")
        return
    count = len(rule.matches)
    for group in (source, target):
        count *= max(1, len(group.ipv4) + len(group.ipv6)) if group is not None else 1
    if count > MAX_PAIRS:
        both = f"its matches and the addresses of its groups in {network.name}"
        message = f"{both} multiply out to {count}, more than {MAX_PAIRS}"
        yield Problem(rule.place, "rules", message, "name prefixes instead of addresses")
    elif next(_boxes(rule, source, target), None) is None:
        yield Problem(rule.place, "rules", f"no packet in {network.name} is all that it says")
