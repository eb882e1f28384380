"""The match of OpenFlow 1.0: 40 bytes with a word of wildcards (sections 3.4 and 5.2.3).

Strategy: what 1.0 ignores is not in the neutral match, so that a match has one meaning everywhere. The other
way nothing is ignored: a field that a 1.0 datapath would pass over (ip_proto of IPv6) would make the
flow wider than it was meant, so it is `Inexpressible`. Open vSwitch does look at nw_proto in IPv6; the
specification does not, and on a datapath that keeps to it the slice would leak.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow.error_codes import (
    MATCH_BAD_DL_ADDR_MASK,
    MATCH_BAD_FIELD,
    MATCH_BAD_MASK,
    MATCH_BAD_NW_ADDR_MASK,
    MATCH_BAD_VALUE,
    ErrorCode,
)
from flowvisor.openflow.fields import (
    ETH_TYPE_ARP,
    ETH_TYPE_IPV4,
    FIELDS,
    IP_PROTO_ICMP,
    IP_PROTO_SCTP,
    IP_PROTO_TCP,
    IP_PROTO_UDP,
    VLAN_NONE,
    VLAN_PRESENT,
)
from flowvisor.openflow.match import Match
from flowvisor.openflow.v10_ports import port_from_10, port_to_10

MATCH_LENGTH: Final = 40
# wildcards, in_port, dl_src, dl_dst, dl_vlan, dl_vlan_pcp,
# dl_type, nw_tos, nw_proto, nw_src, nw_dst, tp_src, tp_dst
MATCH_STRUCT: Final = Struct("!IH6s6sHBxHBBxxIIHH")

# ofp_flow_wildcards
WILD_IN_PORT: Final = 1 << 0
WILD_DL_VLAN: Final = 1 << 1
WILD_DL_SRC: Final = 1 << 2
WILD_DL_DST: Final = 1 << 3
WILD_DL_TYPE: Final = 1 << 4
WILD_NW_PROTO: Final = 1 << 5
WILD_TP_SRC: Final = 1 << 6
WILD_TP_DST: Final = 1 << 7
NW_SRC_SHIFT: Final = 8
NW_DST_SHIFT: Final = 14
NW_BITS: Final = 0x3F  # how many of an address's low bits are wildcarded; 32 and more are all
WILD_DL_VLAN_PCP: Final = 1 << 20
WILD_NW_TOS: Final = 1 << 21
WILD_ALL: Final = (1 << 22) - 1 & ~(0x1F << NW_SRC_SHIFT | 0x1F << NW_DST_SHIFT)  # addresses: exactly 32

VLAN_NONE_10: Final = 0xFFFF  # OFP_VLAN_NONE: without a tag
VLAN_ID_BITS: Final = 0xFFF
DSCP_SHIFT: Final = 2  # nw_tos holds the whole byte, of which the upper six bits count

_U8: Final = 0xFF
_U16: Final = 0xFFFF
_U32: Final = 0xFFFFFFFF
_U48: Final = 0xFFFFFFFFFFFF
_VID: Final = FIELDS["vlan_vid"].all_ones

# nw_proto, nw_src and nw_dst by Ethernet type; tp_src and tp_dst by IP protocol.
_NETWORK: Final = {
    ETH_TYPE_IPV4: ("ip_proto", "ipv4_src", "ipv4_dst"),
    ETH_TYPE_ARP: ("arp_op", "arp_spa", "arp_tpa"),
}
_TRANSPORT: Final = {
    IP_PROTO_TCP: ("tcp_src", "tcp_dst"),
    IP_PROTO_UDP: ("udp_src", "udp_dst"),
    IP_PROTO_SCTP: ("sctp_src", "sctp_dst"),
    IP_PROTO_ICMP: ("icmpv4_type", "icmpv4_code"),
}

_Fields = dict[str, tuple[int, int]]


def decode_match(data: bytes, offset: int = 0) -> Match:
    """Read an ofp_match. Raises `MalformedMessage` only for an ICMP type or code that no packet can have."""
    wild, in_port, dl_src, dl_dst, dl_vlan, dl_vlan_pcp, dl_type, *rest = MATCH_STRUCT.unpack_from(
        data, offset
    )
    nw_tos, nw_proto, nw_src, nw_dst, tp_src, tp_dst = rest
    fields: _Fields = {}
    if not wild & WILD_IN_PORT:
        fields["in_port"] = (port_from_10(in_port), _U32)
    if not wild & WILD_DL_DST:
        fields["eth_dst"] = (int.from_bytes(dl_dst, "big"), _U48)
    if not wild & WILD_DL_SRC:
        fields["eth_src"] = (int.from_bytes(dl_src, "big"), _U48)
    if not wild & WILD_DL_VLAN and dl_vlan == VLAN_NONE_10:
        fields["vlan_vid"] = (VLAN_NONE, _VID)  # there is no priority to match
    else:
        if not wild & WILD_DL_VLAN:
            fields["vlan_vid"] = (VLAN_PRESENT | dl_vlan & VLAN_ID_BITS, _VID)
        if not wild & WILD_DL_VLAN_PCP:
            fields.setdefault("vlan_vid", (VLAN_PRESENT, VLAN_PRESENT))
            fields["vlan_pcp"] = (dl_vlan_pcp & 7, 7)
    if wild & WILD_DL_TYPE:
        return Match(fields)
    fields["eth_type"] = (dl_type, _U16)
    if dl_type in _NETWORK:
        if dl_type == ETH_TYPE_IPV4 and not wild & WILD_NW_TOS:
            fields["ip_dscp"] = (nw_tos >> DSCP_SHIFT, 0x3F)
        _decode_network(fields, _NETWORK[dl_type], wild, nw_proto, nw_src, nw_dst)
        if dl_type == ETH_TYPE_IPV4 and not wild & WILD_NW_PROTO and nw_proto in _TRANSPORT:
            _decode_transport(fields, _TRANSPORT[nw_proto], wild, tp_src, tp_dst)
    return Match(fields)


def _decode_network(
    fields: _Fields, names: tuple[str, str, str], wild: int, nw_proto: int, nw_src: int, nw_dst: int
) -> None:
    protocol, source, destination = names
    if not wild & WILD_NW_PROTO:
        fields[protocol] = (nw_proto, FIELDS[protocol].all_ones)
    if mask := _U32 << min(wild >> NW_SRC_SHIFT & NW_BITS, 32) & _U32:
        fields[source] = (nw_src & mask, mask)
    if mask := _U32 << min(wild >> NW_DST_SHIFT & NW_BITS, 32) & _U32:
        fields[destination] = (nw_dst & mask, mask)


def _decode_transport(fields: _Fields, names: tuple[str, str], wild: int, tp_src: int, tp_dst: int) -> None:
    for name, wildcard, value in zip(names, (WILD_TP_SRC, WILD_TP_DST), (tp_src, tp_dst), strict=True):
        if not wild & wildcard:
            mask = FIELDS[name].all_ones
            if value > mask:
                raise MalformedMessage(MATCH_BAD_VALUE, f"{name} {value} has more than 8 bits")
            fields[name] = (value, mask)


def encode_match(match: Match) -> bytes:
    """Write an ofp_match; raises `Inexpressible` for a field or a mask that 1.0 does not have."""
    if match.opaque:
        raise Inexpressible(MATCH_BAD_FIELD, "OpenFlow 1.0 has no extensible match")
    left = dict(match.fields)
    wild = WILD_ALL
    in_port = dl_src = dl_dst = dl_type = 0
    if (value := _take(left, "in_port")) is not None:
        wild, in_port = wild ^ WILD_IN_PORT, port_to_10(value, MATCH_BAD_VALUE)
    if (value := _take(left, "eth_src", MATCH_BAD_DL_ADDR_MASK)) is not None:
        wild, dl_src = wild ^ WILD_DL_SRC, value
    if (value := _take(left, "eth_dst", MATCH_BAD_DL_ADDR_MASK)) is not None:
        wild, dl_dst = wild ^ WILD_DL_DST, value
    if (value := _take(left, "eth_type")) is not None:
        wild, dl_type = wild ^ WILD_DL_TYPE, value
    vlan_cared, dl_vlan, dl_vlan_pcp = _encode_vlan(left)
    network_wild, *network = _encode_network(left, dl_type)
    if left:
        raise Inexpressible(MATCH_BAD_FIELD, f"OpenFlow 1.0 cannot match {', '.join(left)}")
    return MATCH_STRUCT.pack(
        (wild ^ vlan_cared) & ~_NETWORK_WILD | network_wild,
        in_port,
        dl_src.to_bytes(6, "big"),
        dl_dst.to_bytes(6, "big"),
        dl_vlan,
        dl_vlan_pcp,
        dl_type,
        *network,
    )


def _take(left: _Fields, name: str, error: ErrorCode = MATCH_BAD_MASK) -> int | None:
    """Take a field that 1.0 can match exactly only."""
    pair = left.pop(name, None)
    if pair is None:
        return None
    if pair[1] != FIELDS[name].all_ones:
        raise Inexpressible(error, f"OpenFlow 1.0 has no mask for {name}")
    return pair[0]


def _encode_vlan(left: _Fields) -> tuple[int, int, int]:
    """The wildcards that are not set, dl_vlan, dl_vlan_pcp."""
    pair = left.pop("vlan_vid", None)
    if pair is None:  # a vlan_pcp is left over then: it needs a tag
        return 0, 0, 0
    vid, mask = pair
    if pair == (VLAN_NONE, _VID):
        return WILD_DL_VLAN, VLAN_NONE_10, 0
    if not vid & VLAN_PRESENT:
        raise Inexpressible(MATCH_BAD_VALUE, f"vlan_vid {vid:#x}/{mask:#x}: 1.0 matches one tag or none")
    pcp = _take(left, "vlan_pcp")
    if mask == _VID:
        return WILD_DL_VLAN | (WILD_DL_VLAN_PCP if pcp is not None else 0), vid & VLAN_ID_BITS, pcp or 0
    if mask != VLAN_PRESENT or pcp is None:
        raise Inexpressible(MATCH_BAD_MASK, f"vlan_vid {vid:#x}/{mask:#x}: 1.0 matches one tag or none")
    return WILD_DL_VLAN_PCP, 0, pcp


_NETWORK_WILD: Final = (
    WILD_NW_TOS
    | WILD_NW_PROTO
    | WILD_TP_SRC
    | WILD_TP_DST
    | NW_BITS << NW_SRC_SHIFT
    | NW_BITS << NW_DST_SHIFT
)


def _encode_network(left: _Fields, dl_type: int) -> tuple[int, int, int, int, int, int, int]:
    """The wildcards that are set, nw_tos, nw_proto, nw_src, nw_dst, tp_src, tp_dst."""
    wild = WILD_ALL & _NETWORK_WILD
    if dl_type not in _NETWORK:
        return wild, 0, 0, 0, 0, 0, 0
    protocol, source, destination = _NETWORK[dl_type]
    dscp = _take(left, "ip_dscp") if dl_type == ETH_TYPE_IPV4 else None
    nw_proto = _take(left, protocol)
    if nw_proto is not None and nw_proto > _U8:
        raise Inexpressible(MATCH_BAD_VALUE, f"OpenFlow 1.0 has 8 bits for {protocol}, not for {nw_proto}")
    nw_src, source_bits = _take_prefix(left, source)
    nw_dst, destination_bits = _take_prefix(left, destination)
    names = _TRANSPORT.get(nw_proto or 0) if dl_type == ETH_TYPE_IPV4 else None
    tp_src, tp_dst = [_take(left, name) for name in names] if names else (None, None)
    wild = source_bits << NW_SRC_SHIFT | destination_bits << NW_DST_SHIFT
    cared = ((dscp, WILD_NW_TOS), (nw_proto, WILD_NW_PROTO), (tp_src, WILD_TP_SRC), (tp_dst, WILD_TP_DST))
    wild |= sum(wildcard for value, wildcard in cared if value is None)
    return wild, (dscp or 0) << DSCP_SHIFT, nw_proto or 0, nw_src, nw_dst, tp_src or 0, tp_dst or 0


def _take_prefix(left: _Fields, name: str) -> tuple[int, int]:
    """Take an address: its value and how many of its low bits are wildcarded."""
    value, mask = left.pop(name, (0, 0))
    ignored = ~mask & _U32
    if ignored & (ignored + 1):
        raise Inexpressible(MATCH_BAD_NW_ADDR_MASK, f"{name}: 1.0 has prefixes, not the mask {mask:#010x}")
    return value, ignored.bit_length()
