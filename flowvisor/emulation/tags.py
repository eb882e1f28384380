"""Headers between Ethernet and what it carries: VLAN tags, MPLS labels and PBB tags, put on and taken off.

A new VLAN or PBB tag goes right behind the Ethernet addresses (OpenFlow 1.3.5, section 5.12). A new MPLS
label goes behind the VLAN tags: so does Open vSwitch, against the letter of 5.12, and so do networks. What is
not there cannot be taken off: then the packet stays as it is.
"""

from __future__ import annotations

from typing import Final

from flowvisor.openflow.fields import (
    ETH_TYPE_IPV4,
    ETH_TYPE_IPV6,
    ETH_TYPE_MPLS,
    ETH_TYPE_MPLS_MULTICAST,
    ETH_TYPE_PBB,
    ETH_TYPE_SERVICE_VLAN,
    ETH_TYPE_VLAN,
)
from flowvisor.openflow.packet import after_tags

ADDRESSES: Final = 12  # bytes before the first type field
VLAN_TYPES: Final = (ETH_TYPE_VLAN, ETH_TYPE_SERVICE_VLAN)
MPLS_TYPES: Final = (ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST)


def outer_type(packet: bytes) -> int:
    """The type right behind the Ethernet addresses, that of a tag if there is one."""
    return int.from_bytes(packet[ADDRESSES : ADDRESSES + 2], "big")


def is_tagged(packet: bytes) -> bool:
    return outer_type(packet) in VLAN_TYPES and len(packet) >= ADDRESSES + 6


def _behind_addresses(packet: bytes, inserted: bytes) -> bytes:
    return packet[:ADDRESSES] + inserted + packet[ADDRESSES:]


def push_vlan(packet: bytes, ethertype: int) -> bytes:
    """Add a tag; its id and priority are those of the tag that was outermost, else 0 (section 5.12.1)."""
    tci = packet[ADDRESSES + 2 : ADDRESSES + 4] if is_tagged(packet) else bytes(2)
    return _behind_addresses(packet, ethertype.to_bytes(2, "big") + tci)


def pop_vlan(packet: bytes) -> bytes:
    return packet[:ADDRESSES] + packet[ADDRESSES + 4 :] if is_tagged(packet) else packet


def set_vlan_vid(packet: bytes, vid: int) -> bytes:
    """1.0's action: where there is no tag, one is added with priority 0."""
    return _set_tci(packet, keep=0xF000, value=vid & 0xFFF)


def set_vlan_pcp(packet: bytes, pcp: int) -> bytes:
    """1.0's action: where there is no tag, one is added with id 0."""
    return _set_tci(packet, keep=0x1FFF, value=(pcp & 7) << 13)


def _set_tci(packet: bytes, *, keep: int, value: int) -> bytes:
    if not is_tagged(packet):
        packet = push_vlan(packet, ETH_TYPE_VLAN)
    at = ADDRESSES + 2
    tci = int.from_bytes(packet[at : at + 2], "big") & keep | value
    return packet[:at] + tci.to_bytes(2, "big") + packet[at + 2 :]


def set_existing_vlan(packet: bytes, *, vid: int | None = None, pcp: int | None = None) -> bytes:
    """1.3's set-field: only a tag that is there is changed."""
    if not is_tagged(packet):
        return packet
    packet = packet if vid is None else set_vlan_vid(packet, vid)
    return packet if pcp is None else set_vlan_pcp(packet, pcp)


def mpls_offset(packet: bytes) -> int | None:
    """Where the outermost MPLS label begins, behind all VLAN tags."""
    eth_type, offset = after_tags(packet)
    return offset if eth_type in MPLS_TYPES and len(packet) >= offset + 4 else None


def ttl_offset(packet: bytes, offset: int, eth_type: int) -> int | None:
    """Where the TTL of the IP header at `offset` lies."""
    at = {ETH_TYPE_IPV4: offset + 8, ETH_TYPE_IPV6: offset + 7}.get(eth_type)
    return at if at is not None and at < len(packet) else None


def type_below_label(packet: bytes, offset: int) -> int:
    """What the last label, which does not say, most likely carries: an IP header of this version."""
    version = packet[offset] >> 4 if offset < len(packet) else 0
    return {4: ETH_TYPE_IPV4, 6: ETH_TYPE_IPV6}.get(version, 0)


def push_mpls(packet: bytes, ethertype: int) -> bytes:
    """Add a label that copies the label, class and TTL it goes before, or IP's TTL (section 5.12.1)."""
    eth_type, at = after_tags(packet)
    if eth_type is None:
        return packet
    if mpls_offset(packet) is not None:
        entry = int.from_bytes(packet[at : at + 4], "big") & ~0x100
    else:
        ttl = ttl_offset(packet, at, eth_type)
        entry = 0x100 | (packet[ttl] if ttl is not None else 0)
    return packet[: at - 2] + ethertype.to_bytes(2, "big") + entry.to_bytes(4, "big") + packet[at:]


def pop_mpls(packet: bytes, ethertype: int) -> bytes:
    """Remove the outermost label; what is below it is of this type, which nothing in the packet says."""
    at = mpls_offset(packet)
    if at is None:
        return packet
    below = packet[at + 4 :]
    return packet[: at - 2] + ethertype.to_bytes(2, "big") + below


def push_pbb(packet: bytes, ethertype: int) -> bytes:
    """Wrap the packet in an outer Ethernet header, of the same addresses, with a service tag."""
    at = ADDRESSES + 2
    if outer_type(packet) == ETH_TYPE_PBB and len(packet) >= at + 4:
        tag = packet[at : at + 4]
    else:
        pcp = packet[at] & 0xE0 if is_tagged(packet) else 0
        tag = bytes([pcp, 0, 0, 0])
    return packet[:ADDRESSES] + ethertype.to_bytes(2, "big") + tag + packet


def pop_pbb(packet: bytes) -> bytes:
    """Remove the outer Ethernet header and the service tag."""
    inner = ADDRESSES + 2 + 4
    return packet[inner:] if outer_type(packet) == ETH_TYPE_PBB and len(packet) >= inner + 14 else packet
