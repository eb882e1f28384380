"""Who has a packet otherwise than by a rule: which virtual port, whose label, which of the admin's own entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import Place
from flowvisor.flowspace.box import Box, covers, overlaps
from flowvisor.flowspace.layout import boxes_of
from flowvisor.network.topology import End
from flowvisor.openflow.match import Match
from flowvisor.planning.ahead import Ahead
from flowvisor.planning.claims import attached, matches_of_labels
from flowvisor.planning.labels import Label
from flowvisor.planning.ownership import ATTACHMENT_RANK, BASE_RANK, LABEL_GUARD_RANK, LABEL_RANK, NOBODY
from flowvisor.planning.port_filters import filters_of
from flowvisor.planning.share import Filter
from flowvisor.policies.acl import Acl
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import VirtualNetwork
from flowvisor.slices.virtual_switch import LogicalSwitch, VirtualPort

ADDRESSES: Final = ""  # stands for a policy: the addresses that were declared for a port


class NetworkClaim(NamedTuple):
    """Packets that no rule has. `what` is the part of a network that has them, or else; without an owner nobody has."""

    rank: int
    owner: str
    what: str
    place: Place | None
    match: Match
    port: VirtualPort | None = None  # where they come in


class PortDenial(NamedTuple):
    """What keeps packets out at a virtual port, or may."""

    policy: str
    place: Place
    is_sure: bool


def network_claims(ahead: Ahead, dpid: int) -> Iterator[NetworkClaim]:
    """All of them at a datapath."""
    files = ahead.before
    link_ports = [near.port for near, _ in ahead.links if near.dpid == dpid]
    for network in files.virtual_networks:
        for share, switch in network.shares:
            for port in switch.ports.values():
                yield from _attachments(network, switch, port, dpid)
                label = ahead.allocations.labels.get(PortName(share, port.number))
                if label is not None:
                    yield from _labelled(files, network, switch, port, label, dpid, link_ports)
    if any(not network.is_tunnelled for network in files.virtual_networks):
        for match in matches_of_labels(files.settings.labels):
            yield NetworkClaim(LABEL_GUARD_RANK, NOBODY, "labels of virtual networks", None, match)
    for entry in files.settings.wanted_of(dpid).entries:
        for match in entry.matches:
            yield NetworkClaim(BASE_RANK, NOBODY, "an entry of the admin's own", entry.place, match)
    for end in sorted(files.settings.tunnel_ports):
        if end.dpid == dpid:
            match = Match.of(in_port=end.port)
            yield NetworkClaim(LABEL_GUARD_RANK, NOBODY, "a tunnel of virtual networks", None, match)


def _attachments(
    network: VirtualNetwork, switch: LogicalSwitch, port: VirtualPort, dpid: int
) -> Iterator[NetworkClaim]:
    for place in port.places:
        if place.end.dpid == dpid:
            what = f"port {port.number} of virtual switch {switch.name}"
            yield NetworkClaim(ATTACHMENT_RANK, network.name, what, port.place, attached(place), port)


def _labelled(
    files: Configuration,
    network: VirtualNetwork,
    switch: LogicalSwitch,
    port: VirtualPort,
    value: int,
    dpid: int,
    link_ports: list[int],
) -> Iterator[NetworkClaim]:
    """Where a label may come in: at the ports of links, be they tunnels or not as it needs."""
    what = f"label of port {port.number} of virtual switch {switch.name}"
    for in_port in link_ports:
        if (End(dpid, in_port) in files.settings.tunnel_ports) == network.is_tunnelled:
            match = Label(value, is_key=network.is_tunnelled).arrival(in_port)
            yield NetworkClaim(LABEL_RANK, network.name, what, port.place, match)


def port_denials(acl: Acl | None, port: VirtualPort, packet: Box) -> list[PortDenial]:
    """What of its network's ACL, and of its own addresses, keeps a packet out that comes in at a port."""
    found: dict[tuple[str, Place], bool] = {}
    may_be_in = False
    for policy, place, one in _filters(acl, port):
        boxes = [box for box in boxes_of(one.match) if overlaps(box, packet)]
        is_all = any(covers(box, packet) for box in boxes)
        if boxes and one.is_let_in:
            may_be_in = True
        elif boxes:
            found[policy, place] = found.get((policy, place), False) or (is_all and not may_be_in)
        if is_all:
            break
    return [PortDenial(policy, place, is_sure) for (policy, place), is_sure in found.items()]


def _filters(acl: Acl | None, port: VirtualPort) -> Iterator[tuple[str, Place, Filter]]:
    """A port's filters in their order, each with the line that it comes from."""
    addresses = filters_of(port, None)
    if acl is not None:
        for rule in acl.rules:
            found = filters_of(port, evolve(acl, rules=(rule,)))
            for one in found[: len(found) - len(addresses)]:
                yield acl.name, rule.place, one
    for one in addresses:
        yield ADDRESSES, port.place, one
