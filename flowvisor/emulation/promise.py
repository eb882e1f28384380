"""What the admin's files promise: which hosts of an emulated network reach each other, and in which slice.

Strategy: computed from the rules and the links alone, packet by packet, by trying every rule. It shares nothing
with the hypervisor, whose oracle it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from flowvisor.configuration.snapshot import Configuration
from flowvisor.emulation.hosts import Host
from flowvisor.emulation.network import Attachment, Network
from flowvisor.network.topology import End
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.policies.acl import Acl
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from flowvisor.slices.virtual_network import VirtualNetwork

Acls = Mapping[str, Acl]

NO_ACLS: Final[Acls] = MappingProxyType({})


class Promise(NamedTuple):
    """From one host to another. `may_be_heard`: packets flooded by the one may come to the other."""

    slice_name: str | None
    reaches: bool
    may_be_heard: bool


NO_PROMISE = Promise(None, reaches=False, may_be_heard=False)


def owner(slices: Iterable[FlowspaceSlice], at: Attachment, packet: bytes) -> str | None:
    """The slice that has a packet that comes in at a port: the one with the rule of the highest priority."""
    fields = parse(packet, at.port)
    owning = [
        (rule.priority, each.name)
        for each in slices
        for rule in each.rules_at(at.dpid)
        if "write" in rule.permissions and _applies(rule.matches, fields)
    ]
    return max(owning)[1] if owning else None


def receiver(slices: Iterable[FlowspaceSlice], acls: Acls, at: Attachment, packet: bytes) -> str | None:
    """The slice that is given such a packet: the one that has it, unless its ACL says otherwise."""
    name = owner(slices, at, packet)
    acl = acls.get(name) if name is not None else None
    fields = parse(packet, at.port)
    for rule in acl.rules if acl is not None else ():
        if rule.is_at(at.dpid) and _applies(rule.matches, fields):
            return None if rule.is_denied else name
    return name


def _applies(matches: Iterable[Match], fields: Mapping[str, int]) -> bool:
    return any(
        all(name in fields and fields[name] & mask == value for name, value, mask in match)
        for match in matches
    )


def promise(
    slices: Iterable[FlowspaceSlice], network: Network, one: Host, other: Host, acls: Acls = NO_ACLS
) -> Promise:
    """Whether `one` can ping `other`: its requests arrive, and so do the answers, all in one slice.

    `acls` are those of slices that have one, by the slices' names.
    """
    rules = (tuple(slices), acls)
    there, back = network.place_of(one), network.place_of(other)
    asking, answering = _like(one), _like(other)
    (request,) = asking.ping(other.ip)
    name = receiver(*rules, there, request)
    if name is None or not _arrives(rules, name, network, request, there, other):
        return Promise(name, reaches=False, may_be_heard=False)
    replies = answering.receive(request)  # none if they are in different VLANs
    echoes = [packet for reply in replies for packet in asking.receive(reply)]
    answers = [packet for echo in echoes for packet in answering.receive(echo)]
    reaches = (
        bool(answers)
        and all(_arrives(rules, name, network, each, back, one) for each in (*replies, *answers))
        and all(_arrives(rules, name, network, each, there, other) for each in echoes)
    )
    return Promise(name, reaches=reaches, may_be_heard=True)


def promise_of(configuration: Configuration, network: Network, one: Host, other: Host) -> Promise:
    """The same by all slices of a configuration; who is attached to a virtual network meets nobody outside of it."""
    here, there = (_network_of(configuration, network.place_of(host)) for host in (one, other))
    if here is None:
        found = promise(configuration.flowspace_slices, network, one, other, configuration.acls)
        return found if there is None else found._replace(reaches=False, may_be_heard=False)
    is_same = there is not None and here[0] is there[0] and _are_joined(here, there[1])
    return Promise(here[0].name, reaches=is_same, may_be_heard=is_same)


def _network_of(configuration: Configuration, at: Attachment) -> tuple[VirtualNetwork, str] | None:
    """The virtual network to which a port is attached whole, and the switch."""
    for network in configuration.virtual_networks:
        for name, switch in network.logical.items():
            for port in switch.ports.values():
                if port.places and port.places[0] == (End(at.dpid, at.port), None):
                    return network, name
    return None


def _are_joined(here: tuple[VirtualNetwork, str], there: str) -> bool:
    """Whether links lead from one switch to another one of the same network."""
    network, start = here
    seen, ahead = {start}, [start]
    while ahead:
        switch = ahead.pop()
        for link in network.links.values():
            ends = {end.switch for end in link.ends}
            if switch in ends:
                ahead += ends - seen
                seen |= ends
    return there in seen


def _like(host: Host) -> Host:
    """The same host, with nothing in its memory."""
    return Host(host.name, host.mac, host.ip, host.vlan)


def _arrives(
    rules: tuple[tuple[FlowspaceSlice, ...], Acls],
    name: str,
    network: Network,
    packet: bytes,
    start: Attachment,
    target: Host,
) -> bool:
    """Whether a packet can get from a port to a host through ports where it is the slice's."""
    ahead, seen = [start], {start}
    while ahead:
        at = ahead.pop()
        if receiver(*rules, at, packet) != name:
            continue
        for port in network.datapaths[at.dpid].pipeline.ports.keys() - {at.port}:
            far_end = network.far_end(at.dpid, port)
            if isinstance(far_end, Attachment):
                if far_end not in seen:
                    seen.add(far_end)
                    ahead.append(far_end)
            # At an edge it must be the slice's also as it would come in there.
            elif far_end is target and owner(rules[0], Attachment(at.dpid, port), packet) == name:
                return True
    return False
