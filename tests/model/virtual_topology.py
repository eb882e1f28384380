"""Virtual networks with the same addresses, beside flowspace slices on the same datapaths; whose packets are whose."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from flowvisor.network.topology import End
from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.slices.slice import PortName, Slice
from flowvisor.slices.virtual_network import VLAN_LABELS, VirtualNetwork
from flowvisor.slices.virtual_switch import UNTAGGED, Attachment
from tests.support.virtual import a_network, at
from tests.support.virtual_world import HOST_PORTS, TRIANGLE
from tests.support.world import a_slice, ports, rule

TABLES = 2  # of each tenant
TAG_BYTES = 4
ADDRESSES_BYTES = 12
CABLES = {End(*near): End(*far) for pair in TRIANGLE for near, far in (pair, pair[::-1])}

# Of every kind of port some: whole ones, VLANs that share a port with others of the network and with others'.
BIG = {1: "1/1", 2: "2/1", 3: "3/1@20", 4: "3/1@30"}
LAB = {1: "2/2@none", 2: "2/4"}
HALL = {1: "1/2", 2: "2/2@20", 3: "3/1@40"}
# Where ports move to, one at a time.
MOVES: Mapping[str, tuple[str, ...]] = {
    "blue/big/2": ("2/1", "2/3", "1/3@30", "3/2"),
    "blue/big/4": ("3/1@30", "1/3@20", "3/3"),
    "red/hall/1": ("1/2", "1/3@40", "3/4"),
}
HOME: Mapping[str, str] = {port: places[0] for port, places in MOVES.items()}
DOCK_VLAN = 7
DOCK = a_slice("dock", rule(Match.of(vlan_vid=VLAN_PRESENT | DOCK_VLAN), priority=200), tables=TABLES)
FIELD = a_slice("field", ports(*HOST_PORTS), tables=TABLES)
FLOWSPACE = (DOCK, FIELD)


def vlan_of(packet: bytes) -> int:
    """The VLAN of a packet's outer tag."""
    tag = parse(packet).get("vlan_vid", 0)
    return tag & ~VLAN_PRESENT if tag & VLAN_PRESENT else UNTAGGED


def is_labelled(end: End, packet: bytes) -> bool:
    """Whether a packet at a port is on its way through the core."""
    return end in CABLES and vlan_of(packet) in VLAN_LABELS


@frozen
class VirtualTopology:
    """The files: `places` says where the ports lie that move, and whether both networks `answer` who asks by ARP."""

    places: Mapping[str, str] = HOME
    answer: bool = False

    @property
    def networks(self) -> tuple[VirtualNetwork, VirtualNetwork]:
        big = {**BIG, 2: self.places["blue/big/2"], 4: self.places["blue/big/4"]}
        hall = {**HALL, 1: self.places["red/hall/1"]}
        switches = {"big": big, "lab": LAB}
        blue = a_network("blue", switches, ["big/9 lab/9"], tables=TABLES, answers_arp=self.answer)
        return blue, a_network("red", {"hall": hall}, tables=TABLES, answers_arp=self.answer)

    @property
    def slices(self) -> tuple[Slice, ...]:
        return (*self.networks, *FLOWSPACE)

    @property
    def attachments(self) -> dict[Attachment, PortName]:
        """The virtual ports by where they are."""
        return {
            place: PortName(share, port.number)
            for network in self.networks
            for share, logical in network.shares
            for port in logical.ports.values()
            for place in port.places
        }

    def port_at(self, end: End, packet: bytes) -> tuple[PortName, Attachment] | None:
        """The virtual port that a packet at a physical one is at."""
        attachments = self.attachments
        for place in (Attachment(end), Attachment(end, vlan_of(packet))):
            if place in attachments:
                return attachments[place], place
        return None

    def owner(self, end: End, packet: bytes) -> str | None:
        """Whose a packet is at a port where it is not on its way through the core."""
        found = self.port_at(end, packet)
        if found is not None:
            return found[0].share.partition("/")[0]
        if vlan_of(packet) == DOCK_VLAN:
            return DOCK.name
        if end.port in HOST_PORTS and vlan_of(packet) not in VLAN_LABELS:
            return FIELD.name
        return None


def taken_in(place: Attachment, packet: bytes) -> bytes:
    """A packet as its tenant sees it."""
    if place.vlan in (None, UNTAGGED):
        return packet
    return packet[:ADDRESSES_BYTES] + packet[ADDRESSES_BYTES + TAG_BYTES :]


def given_out(place: Attachment, packet: bytes) -> bytes:
    """A packet of a tenant's as it leaves; where no tag says whose it is it has none."""
    if place.vlan is None:
        return packet
    if place.vlan == UNTAGGED:
        while vlan_of(packet):
            packet = packet[:ADDRESSES_BYTES] + packet[ADDRESSES_BYTES + TAG_BYTES :]
        return packet
    tag = b"\x81\x00" + place.vlan.to_bytes(2, "big")
    return packet[:ADDRESSES_BYTES] + tag + packet[ADDRESSES_BYTES:]


def places() -> list[Attachment]:
    """Everywhere that a host of a virtual network may be."""
    named = [*BIG.values(), *LAB.values(), *HALL.values(), *(one for each in MOVES.values() for one in each)]
    return sorted({at(one) for one in named}, key=str)
