"""What other files would do to virtual networks: where ports lie, and what becomes of the channels of switches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

from flowvisor.configuration.snapshot import Configuration
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.embedding import Embedding
from flowvisor.planning.lines_ahead import lines_ahead
from flowvisor.planning.share import Part
from flowvisor.slices.virtual_network import VirtualNetwork
from flowvisor.slices.virtual_switch import LogicalSwitch, VirtualPort

KEPT: Final = "kept"  # its channels stay up
OPENED: Final = "opened"
CLOSED: Final = "closed"
REOPENED: Final = "reopened"  # closed, and opened with what OpenFlow cannot tell of an open channel


@frozen
class PortChange:
    """Of one virtual port; one that was nowhere is added, one that will be nowhere is removed."""

    port: int
    before: str | None
    after: str | None


@frozen
class NetworkChanges:
    """Of one virtual switch of a virtual network; of one that is kept some may be hung up on, others called."""

    network: str
    switch: str
    channels: str
    ports: tuple[PortChange, ...]
    hung_up_on: tuple[str, ...] = ()
    called: tuple[str, ...] = ()


@frozen
class Laid:
    """Virtual networks of some files, and where they lie."""

    files: Configuration
    allocations: Allocations
    embedding: Embedding

    @property
    def switches(self) -> Mapping[str, tuple[VirtualNetwork, LogicalSwitch]]:
        """All virtual switches, by the names of their shares."""
        return {
            share: (network, switch)
            for network in self.files.virtual_networks
            for share, switch in network.shares
        }


def network_changes(before: Laid, after: Laid) -> Iterator[NetworkChanges]:
    """The virtual switches of which something changes."""
    old, new = before.switches, after.switches
    for share in sorted(old.keys() | new.keys()):
        network, switch = new.get(share) or old[share]
        ports = tuple(_ports(before, after, share))
        channels = _channels(before, after, share)
        hung_up_on, called = _lines(before, after, share) if channels == KEPT else ((), ())
        if ports or channels != KEPT or hung_up_on or called:
            yield NetworkChanges(network.name, switch.name, channels, ports, hung_up_on, called)


def _lines(before: Laid, after: Laid, share: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who is hung up on and who is called, of a virtual switch that lies anywhere now and then."""
    if not before.embedding.edges.get(share) or share not in after.switches:
        return (), ()
    (old, _), (new, switch) = before.switches[share], after.switches[share]
    return lines_ahead(old, new, switch.dpid, before.files.settings, after.files.settings)


def differing_datapaths(before: Embedding, after: Embedding) -> set[int]:
    """Those that are to do something else for virtual networks."""
    dpids = before.parts.keys() | after.parts.keys()
    return {dpid for dpid in dpids if _done(before.part(dpid)) != _done(after.part(dpid))}


def _done(part: Part) -> object:
    shares = {name: (one.dpid, one.block, one.ports) for name, one in part.shares.items()}
    return shares, part.labels, part.watches


def _ports(before: Laid, after: Laid, share: str) -> Iterator[PortChange]:
    places: list[dict[int, str]] = []
    for one in (before, after):
        known = one.switches.get(share)
        ports = {} if known is None else known[1].ports
        places.append({number: _place(one.files, port) for number, port in ports.items()})
    old, new = places
    for number in sorted(old.keys() | new.keys()):
        if old.get(number) != new.get(number):
            yield PortChange(number, old.get(number), new.get(number))


def _place(files: Configuration, port: VirtualPort) -> str:
    """Where a port may lie, in the admin's names."""
    if port.link is not None:
        return f"link {port.link}"
    return " or ".join(
        files.datapath_name(place.end.dpid) + str(place).removeprefix(str(place.end).partition("/")[0])
        for place in port.places
    )


def _channels(before: Laid, after: Laid, share: str) -> str:
    """A virtual switch has channels while it lies anywhere; they end with its last share that stays what it is."""
    edges, others = (one.embedding.edges.get(share, ()) for one in (before, after))
    if not edges or not others:
        return OPENED if others else CLOSED if edges else KEPT
    (network, old), (other, new) = before.switches[share], after.switches[share]
    is_kept = (
        old.dpid == new.dpid
        and network.answers_arp == other.answers_arp
        and before.allocations.blocks[share] == after.allocations.blocks[share]
        and not set(edges).isdisjoint(others)
        # A controller that has spoken with one datapath has to begin anew when there are several.
        and (_is_spread(before, share) or not _is_spread(after, share) or set(others) <= set(edges))
    )
    return KEPT if is_kept else REOPENED


def _is_spread(laid: Laid, share: str) -> bool:
    """Whether the virtual switch may lie on several datapaths, connected or not."""
    _, switch = laid.switches[share]
    return len(switch.datapaths or laid.embedding.edges[share]) > 1
