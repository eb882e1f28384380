"""What is claimed of each datapath above slices' rules, whether it is connected or not.

That is what virtual networks have, ports and the labels of the core, and what the admin's own entries take.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from flowvisor.configuration.snapshot import Configuration
from flowvisor.flowspace.layout import boxes_of
from flowvisor.network.topology import End
from flowvisor.network.wanted_datapath import BaseEntry
from flowvisor.openflow.fields import FIELDS, VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.planning.ownership import (
    ATTACHMENT_RANK,
    BASE_RANK,
    LABEL_GUARD_RANK,
    NOBODY,
    THE_ADMIN,
    THE_CORE,
    RankedBox,
)
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import VLAN_LABELS, VirtualNetwork
from flowvisor.slices.virtual_switch import UNTAGGED, Attachment

_VLAN_BITS = FIELDS["vlan_vid"].all_ones
_RESERVED_VID = 0xFFF  # IEEE 802.1Q: no VLAN's; taken along where that says the range in fewer masks


class Claims:
    """What is claimed where. All places of a port are, wherever it lies now, so that it can move there."""

    def __init__(
        self,
        networks: Collection[VirtualNetwork],
        vlan_labels: range = VLAN_LABELS,
        tunnel_ports: Iterable[End] = (),
        entries: Mapping[int, tuple[BaseEntry, ...]] = MappingProxyType({}),
    ) -> None:
        self._here: dict[int, list[RankedBox]] = {}
        self._entries = entries
        for dpid, own in entries.items():
            for entry in own:
                for match in entry.matches:
                    self._add(dpid, BASE_RANK, match, THE_ADMIN if entry.outputs else NOBODY)
        for network in networks:
            for share, switch in network.shares:
                for place in dict.fromkeys(each for port in switch.ports.values() for each in port.places):
                    self._add(place.end.dpid, ATTACHMENT_RANK, attached(place), share)
        for end in tunnel_ports:
            self._add(end.dpid, LABEL_GUARD_RANK, Match.of(in_port=end.port), THE_CORE)
        self._vlan_ports = frozenset(
            port for network in networks if not network.is_tunnelled for port in network.labelled_ports
        )
        self._everywhere: tuple[RankedBox, ...] = ()
        if any(not network.is_tunnelled for network in networks):
            self._everywhere = tuple(
                RankedBox(LABEL_GUARD_RANK, box, NOBODY)
                for match in matches_of_labels(vlan_labels)
                for box in boxes_of(match)
            )

    def _add(self, dpid: int, rank: int, match: Match, owner: str) -> None:
        boxes = (RankedBox(rank, box, owner) for box in boxes_of(match))
        self._here.setdefault(dpid, []).extend(boxes)

    def vlan_labels_in_use(self, labels: Mapping[PortName, int]) -> tuple[int, ...]:
        """The labels that packets may have on links."""
        return tuple(sorted(label for port, label in labels.items() if port in self._vlan_ports))

    def at(self, dpid: int) -> tuple[RankedBox, ...]:
        """What is claimed of a datapath."""
        return (*self._everywhere, *self._here.get(dpid, ()))

    def entries_at(self, dpid: int) -> tuple[BaseEntry, ...]:
        """The admin's own entries at a datapath."""
        return self._entries.get(dpid, ())


NO_CLAIMS = Claims(())


def claims_of(configuration: Configuration) -> Claims:
    """What some files claim."""
    settings = configuration.settings
    entries = {dpid: wanted.entries for dpid, wanted in settings.wanted.items() if wanted.entries}
    return Claims(configuration.virtual_networks, settings.labels, settings.tunnel_ports, entries)


def attached(place: Attachment) -> Match:
    """The packets that come in at a place."""
    if place.vlan is None:
        return Match.of(in_port=place.end.port)
    return Match.of(
        in_port=place.end.port, vlan_vid=0 if place.vlan == UNTAGGED else VLAN_PRESENT | place.vlan
    )


def matches_of_labels(labels: range) -> list[Match]:
    """The packets with a tag of a range, by as few masks as that takes."""
    start, stop = labels.start, labels.stop + (labels.stop == _RESERVED_VID)
    found: list[Match] = []
    while start < stop:
        size = start & -start or VLAN_PRESENT
        while start + size > stop:
            size >>= 1
        value, mask = VLAN_PRESENT | start, _VLAN_BITS & ~(size - 1)
        found.append(Match.of(vlan_vid=(value, mask)))
        start += size
    return found
