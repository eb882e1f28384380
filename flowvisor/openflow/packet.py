"""Packet to match fields: what a switch would see in a packet, also when only its beginning is there.

Strategy: one dict of ints, no objects per header; a `Struct` per header after one check of the length. A
field whose bytes are not there is absent, and `cut` tells it. Where OpenFlow leaves a choice, the choice is
Open vSwitch's, because that is the switch whose mind must be guessed most often.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from flowvisor.openflow.fields import (
    ETH_TYPE_ARP,
    ETH_TYPE_IPV4,
    ETH_TYPE_IPV6,
    ETH_TYPE_MPLS,
    ETH_TYPE_MPLS_MULTICAST,
    ETH_TYPE_PBB,
    ETH_TYPE_SERVICE_VLAN,
    ETH_TYPE_VLAN,
    IP_PROTO_ICMP,
    IP_PROTO_ICMPV6,
    IP_PROTO_SCTP,
    IP_PROTO_TCP,
    IP_PROTO_UDP,
    ND_ADVERT,
    ND_SOLICIT,
    VLAN_NONE,
    VLAN_PRESENT,
)

ETHERNET_LENGTH: Final = 14
LOWEST_ETH_TYPE: Final = 0x0600  # below it the two bytes are an IEEE 802.3 length
ETH_TYPE_NONE: Final = 0x05FF  # OFP_DL_TYPE_NOT_ETH_TYPE (1.0.1, section 5.2.3): 802.3 without SNAP
SNAP: Final = b"\xaa\xaa\x03\x00\x00\x00"  # LLC and the organisation code that says "an ethertype follows"

IP_PROTO_HOP_BY_HOP: Final = 0
IP_PROTO_ROUTING: Final = 43
IP_PROTO_FRAGMENT: Final = 44
IP_PROTO_ESP: Final = 50
IP_PROTO_AH: Final = 51
IP_PROTO_NO_NEXT: Final = 59
IP_PROTO_DESTINATION: Final = 60

# ipv6_exthdr, OpenFlow 1.3 table 13 (OFPIEH_*).
EXTHDR_NO_NEXT: Final = 1 << 0
EXTHDR_ESP: Final = 1 << 1
EXTHDR_AUTH: Final = 1 << 2
EXTHDR_DESTINATION: Final = 1 << 3
EXTHDR_FRAGMENT: Final = 1 << 4
EXTHDR_ROUTER: Final = 1 << 5
EXTHDR_HOP: Final = 1 << 6
EXTHDR_REPEATED: Final = 1 << 7
EXTHDR_OUT_OF_ORDER: Final = 1 << 8

# Header that another follows: (its bit, its place in the order that RFC 2460 section 4.1 prefers).
# Destination options may stand at 1 and again at 6.
_CHAINED: Final = {
    IP_PROTO_HOP_BY_HOP: (EXTHDR_HOP, 0),
    IP_PROTO_DESTINATION: (EXTHDR_DESTINATION, 1),
    IP_PROTO_ROUTING: (EXTHDR_ROUTER, 2),
    IP_PROTO_FRAGMENT: (EXTHDR_FRAGMENT, 3),
    IP_PROTO_AH: (EXTHDR_AUTH, 4),
}
_ESP_PLACE: Final = 5
_LAST_DESTINATION_PLACE: Final = 6

_ETHERNET: Final = Struct(">HIHIH")
_ARP: Final = Struct(">HHBBHHIIHII")
_IPV4: Final = Struct(">BBHHHBBHII")
_IPV6: Final = Struct(">IHBBQQQQ")
_PORTS: Final = Struct(">HH")
_WORD: Final = Struct(">I")

_VLAN_TYPES: Final = frozenset({ETH_TYPE_VLAN, ETH_TYPE_SERVICE_VLAN})
_PORT_NAMES: Final = {
    IP_PROTO_TCP: ("tcp_src", "tcp_dst"),
    IP_PROTO_UDP: ("udp_src", "udp_dst"),
    IP_PROTO_SCTP: ("sctp_src", "sctp_dst"),
}
_ND_LINK_LAYER: Final = {ND_SOLICIT: ("ipv6_nd_sll", 1), ND_ADVERT: ("ipv6_nd_tll", 2)}


class ParsedPacket(NamedTuple):
    """`cut`: a header that the packet announces is not wholly there, so a switch may see more fields."""

    fields: dict[str, int]
    cut: bool


class UpperLayer(NamedTuple):
    """Where the chain of IPv6 headers ends. `offset` is None in a later fragment, and in a cut chain."""

    protocol: int
    offset: int | None
    exthdr: int
    cut: bool


def parse(data: bytes, in_port: int | None = None) -> dict[str, int]:
    """The match fields of a packet, by their names in FIELDS; never raises."""
    return parse_packet(data, in_port).fields


def parse_packet(data: bytes, in_port: int | None = None) -> ParsedPacket:
    """The match fields of a packet, and whether some may be missing; never raises."""
    fields: dict[str, int] = {} if in_port is None else {"in_port": in_port}
    if len(data) < ETHERNET_LENGTH:
        if len(data) >= 6:
            fields["eth_dst"] = int.from_bytes(data[:6], "big")
        if len(data) >= 12:
            fields["eth_src"] = int.from_bytes(data[6:12], "big")
        return ParsedPacket(fields, True)
    dst_high, dst_low, src_high, src_low, eth_type = _ETHERNET.unpack_from(data)
    fields["eth_dst"] = dst_high << 32 | dst_low
    fields["eth_src"] = src_high << 32 | src_low
    offset = ETHERNET_LENGTH
    if eth_type in _VLAN_TYPES:
        if len(data) < 16:
            return ParsedPacket(fields, True)
        tci = data[14] << 8 | data[15]
        fields["vlan_vid"] = VLAN_PRESENT | tci & 0xFFF
        fields["vlan_pcp"] = tci >> 13
        known, offset = after_tags(data)
        if known is None:
            return ParsedPacket(fields, True)
        eth_type = known
    else:
        fields["vlan_vid"] = VLAN_NONE
    if eth_type < LOWEST_ETH_TYPE:
        known, offset = _after_llc(data, eth_type, offset)
        if known is None:
            return ParsedPacket(fields, True)
        eth_type = known
    fields["eth_type"] = eth_type
    parse_payload = _PAYLOADS.get(eth_type)
    return ParsedPacket(fields, parse_payload is not None and parse_payload(data, offset, fields))


def after_tags(data: bytes) -> tuple[int | None, int]:
    """The type or length field after all VLAN tags (None when cut off) and the offset of what follows it."""
    offset = 12
    while len(data) >= offset + 2:
        eth_type = data[offset] << 8 | data[offset + 1]
        if eth_type not in _VLAN_TYPES:
            return eth_type, offset + 2
        offset += 4
    return None, offset


def _after_llc(data: bytes, length: int, offset: int) -> tuple[int | None, int]:
    """The ethertype in an IEEE 802.3 packet's SNAP header, ETH_TYPE_NONE where there is none."""
    if length < 8:
        return ETH_TYPE_NONE, offset
    if not SNAP.startswith(data[offset : offset + 6]):
        return ETH_TYPE_NONE, offset
    if len(data) < offset + 8:
        return None, offset
    eth_type = data[offset + 6] << 8 | data[offset + 7]
    return (eth_type, offset + 8) if eth_type >= LOWEST_ETH_TYPE else (ETH_TYPE_NONE, offset)


# Each takes the whole packet and where its header starts, fills in fields and tells whether it was cut.


def _parse_ipv4(data: bytes, offset: int, fields: dict[str, int]) -> bool:
    if len(data) < offset + 20:
        return _parse_cut_ipv4(data, offset, fields)
    version, tos, length, _, fragment, _, protocol, _, src, dst = _IPV4.unpack_from(data, offset)
    fields["ip_dscp"] = tos >> 2
    fields["ip_ecn"] = tos & 3
    fields["ip_proto"] = protocol
    fields["ipv4_src"] = src
    fields["ipv4_dst"] = dst
    if fragment & 0x1FFF:
        return False  # a later fragment: no ports
    header_length = (version & 15) << 2
    if header_length < 20:
        return True
    return _parse_upper(data, offset + header_length, offset + length, protocol, fields)


def _parse_cut_ipv4(data: bytes, offset: int, fields: dict[str, int]) -> bool:
    there = len(data) - offset
    if there >= 2:
        fields["ip_dscp"] = data[offset + 1] >> 2
        fields["ip_ecn"] = data[offset + 1] & 3
    if there >= 10:
        fields["ip_proto"] = data[offset + 9]
    if there >= 16:
        fields["ipv4_src"] = int.from_bytes(data[offset + 12 : offset + 16], "big")
    return True


def _parse_ipv6(data: bytes, offset: int, fields: dict[str, int]) -> bool:
    if len(data) < offset + 40:
        return _parse_cut_ipv6(data, offset, fields)
    word, length, protocol, _, src_high, src_low, dst_high, dst_low = _IPV6.unpack_from(data, offset)
    fields["ip_dscp"] = word >> 22 & 63
    fields["ip_ecn"] = word >> 20 & 3
    fields["ipv6_flabel"] = word & 0xFFFFF
    fields["ipv6_src"] = src_high << 64 | src_low
    fields["ipv6_dst"] = dst_high << 64 | dst_low
    upper: int | None = offset + 40
    end = offset + 40 + length
    exthdr, cut = 0, False
    if protocol in _CHAINED or protocol in (IP_PROTO_ESP, IP_PROTO_NO_NEXT):
        protocol, upper, exthdr, cut = upper_layer(data, offset + 40, end, protocol)
    if not cut:
        fields["ip_proto"] = protocol
        fields["ipv6_exthdr"] = exthdr
    if cut or upper is None:
        return cut
    return _parse_upper(data, upper, end, protocol, fields)


def upper_layer(data: bytes, offset: int, end: int, protocol: int) -> UpperLayer:
    """Walk the IPv6 extension headers from `offset` to `end`, the first one being `protocol`."""
    end = min(len(data), end)
    exthdr, place = 0, -1
    while protocol in _CHAINED:
        bit, own_place = _CHAINED[protocol]
        if bit == EXTHDR_DESTINATION and place >= own_place:
            bit_is_new = place < _LAST_DESTINATION_PLACE
            own_place = _LAST_DESTINATION_PLACE
        else:
            bit_is_new = not exthdr & bit
        exthdr |= bit if bit_is_new else bit | EXTHDR_REPEATED
        if own_place < place:
            exthdr |= EXTHDR_OUT_OF_ORDER
        place = max(place, own_place)
        if end < offset + 8:
            return UpperLayer(protocol, None, exthdr, True)
        if protocol == IP_PROTO_FRAGMENT:
            if data[offset + 2] or data[offset + 3] & 0xF8:
                # Open vSwitch stops here too and says 44: what follows is not the start of a header.
                return UpperLayer(IP_PROTO_FRAGMENT, None, exthdr, False)
            length = 8
        elif protocol == IP_PROTO_AH:
            length = (data[offset + 1] + 2) << 2
        else:
            length = (data[offset + 1] + 1) << 3
        protocol = data[offset]
        offset += length
    if protocol == IP_PROTO_ESP:
        exthdr |= EXTHDR_ESP | (EXTHDR_OUT_OF_ORDER if place > _ESP_PLACE else 0)
    elif protocol == IP_PROTO_NO_NEXT:
        exthdr |= EXTHDR_NO_NEXT
    return UpperLayer(protocol, offset, exthdr, False)


def _parse_cut_ipv6(data: bytes, offset: int, fields: dict[str, int]) -> bool:
    there = len(data) - offset
    if there >= 2:
        traffic_class = (data[offset] & 15) << 4 | data[offset + 1] >> 4
        fields["ip_dscp"] = traffic_class >> 2
        fields["ip_ecn"] = traffic_class & 3
    if there >= 4:
        fields["ipv6_flabel"] = _WORD.unpack_from(data, offset)[0] & 0xFFFFF
    if there >= 7 and data[offset + 6] not in _CHAINED:
        fields["ip_proto"] = data[offset + 6]
        fields["ipv6_exthdr"] = {IP_PROTO_ESP: EXTHDR_ESP, IP_PROTO_NO_NEXT: EXTHDR_NO_NEXT}.get(
            data[offset + 6], 0
        )
    if there >= 24:
        fields["ipv6_src"] = int.from_bytes(data[offset + 8 : offset + 24], "big")
    return True


def _parse_upper(data: bytes, offset: int, end: int, protocol: int, fields: dict[str, int]) -> bool:
    """Parse what follows IP; it goes to `end`, what lies behind that is padding."""
    there = min(len(data), end) - offset
    names = _PORT_NAMES.get(protocol)
    if names is not None:
        if there >= 4:
            fields[names[0]], fields[names[1]] = _PORTS.unpack_from(data, offset)
            return False
        if there >= 2:
            fields[names[0]] = data[offset] << 8 | data[offset + 1]
        return True
    if protocol == IP_PROTO_ICMP and fields["eth_type"] == ETH_TYPE_IPV4:
        name = "icmpv4"
    elif protocol == IP_PROTO_ICMPV6 and fields["eth_type"] == ETH_TYPE_IPV6:
        name = "icmpv6"
    else:
        return False
    if there >= 1:
        fields[f"{name}_type"] = data[offset]
    if there < 2:
        return True
    fields[f"{name}_code"] = data[offset + 1]
    if name == "icmpv6" and data[offset] in _ND_LINK_LAYER:
        return _parse_neighbour_discovery(data, offset, end, fields)
    return False


def _parse_neighbour_discovery(data: bytes, offset: int, end: int, fields: dict[str, int]) -> bool:
    there = min(len(data), end)
    if there < offset + 24:
        return True
    fields["ipv6_nd_target"] = int.from_bytes(data[offset + 8 : offset + 24], "big")
    name, wanted = _ND_LINK_LAYER[fields["icmpv6_type"]]
    offset += 24
    while offset < end:
        if there < offset + 8 or not data[offset + 1]:
            return True
        if data[offset] == wanted:
            fields[name] = int.from_bytes(data[offset + 2 : offset + 8], "big")
            return False
        offset += data[offset + 1] << 3
    return False


def _parse_arp(data: bytes, offset: int, fields: dict[str, int]) -> bool:
    there = len(data) - offset
    if there >= 28:
        values = _ARP.unpack_from(data, offset)
        if values[:4] == (1, ETH_TYPE_IPV4, 6, 4):  # Ethernet and IPv4; other kinds have other addresses
            fields["arp_op"] = values[4]
            fields["arp_sha"] = values[5] << 32 | values[6]
            fields["arp_spa"] = values[7]
            fields["arp_tha"] = values[8] << 32 | values[9]
            fields["arp_tpa"] = values[10]
        return False
    if there >= 6 and data[offset : offset + 6] != b"\x00\x01\x08\x00\x06\x04":
        return False
    for name, start, stop in (("arp_op", 6, 8), ("arp_sha", 8, 14), ("arp_spa", 14, 18), ("arp_tha", 18, 24)):
        if there >= stop:
            fields[name] = int.from_bytes(data[offset + start : offset + stop], "big")
    return True


def _parse_mpls(data: bytes, offset: int, fields: dict[str, int]) -> bool:
    if len(data) < offset + 4:
        return True
    (entry,) = _WORD.unpack_from(data, offset)
    fields["mpls_label"] = entry >> 12
    fields["mpls_tc"] = entry >> 9 & 7
    fields["mpls_bos"] = entry >> 8 & 1
    return False


def _parse_pbb(data: bytes, offset: int, fields: dict[str, int]) -> bool:
    if len(data) < offset + 4:
        return True
    fields["pbb_isid"] = _WORD.unpack_from(data, offset)[0] & 0xFFFFFF
    return False


_PAYLOADS: Final = {
    ETH_TYPE_IPV4: _parse_ipv4,
    ETH_TYPE_IPV6: _parse_ipv6,
    ETH_TYPE_ARP: _parse_arp,
    ETH_TYPE_MPLS: _parse_mpls,
    ETH_TYPE_MPLS_MULTICAST: _parse_mpls,
    ETH_TYPE_PBB: _parse_pbb,
}
