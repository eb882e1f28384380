"""1.0's match as one int: equal ints mean equal matches, and a field is a few bits of it.

Strategy: 40 bytes are one int of 320 bits. What 1.0 ignores (a wildcarded field's value, nw_src of no IP packet) is
cleared by one mask, which depends only on the wildcards and on what selects fields, and is remembered by those.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.v10_match import MATCH_LENGTH, MATCH_STRUCT, VLAN_NONE_10, decode_match, encode_match

_BITS: Final = MATCH_LENGTH * 8

# Byte offset and length of each field's value; what 1.0 keeps in one place, several fields share.
_PLACES: Final = {
    "in_port": (4, 2),
    "eth_src": (6, 6),
    "eth_dst": (12, 6),
    "vlan_vid": (18, 2),
    "vlan_pcp": (20, 1),
    "eth_type": (22, 2),
    "ip_dscp": (24, 1),
    **dict.fromkeys(("ip_proto", "arp_op"), (25, 1)),
    **dict.fromkeys(("ipv4_src", "arp_spa"), (28, 4)),
    **dict.fromkeys(("ipv4_dst", "arp_tpa"), (32, 4)),
    **dict.fromkeys(("tcp_src", "udp_src", "sctp_src", "icmpv4_type"), (36, 2)),
    **dict.fromkeys(("tcp_dst", "udp_dst", "sctp_dst", "icmpv4_code"), (38, 2)),
}
_WILDCARDS: Final = ((1 << 32) - 1) << (_BITS - 32)


def canonical_match(data: bytes) -> int | None:
    """The int of an ofp_match, or None for one of the few whose values must be looked at first (ICMP)."""
    wild = int.from_bytes(data[:4], "big")
    form = _form(wild, data[18:20] == b"\xff\xff", data[22:24], data[25])
    if form is None:
        return None
    kept, wildcards = form
    return int.from_bytes(data, "big") & kept | wildcards


def bits_of(names: Iterable[str]) -> int:
    """The bits of the int on which it depends what a match says of these fields; a name 1.0 lacks has none."""
    bits = _WILDCARDS
    for name in (*names, "eth_type", "ip_proto"):
        if name in _PLACES:
            offset, length = _PLACES[name]
            bits |= ((1 << length * 8) - 1) << (_BITS - (offset + length) * 8)
    return bits


@lru_cache(maxsize=4096)
def _form(wild: int, untagged: bool, dl_type: bytes, nw_proto: int) -> tuple[int, int] | None:
    """For matches of these wildcards and selectors: the bits that count, and the wildcards as they should be."""
    template = MATCH_STRUCT.pack(
        *(wild, 0, bytes(6), bytes(6), VLAN_NONE_10 if untagged else 0, 0),
        *(int.from_bytes(dl_type, "big"), 0, nw_proto, 0, 0, 0, 0),
    )
    match = decode_match(template)
    kept = 0
    for name, value, mask in match:
        if name.startswith("icmp"):
            return None
        offset, length = _PLACES[name]
        if name == "vlan_vid":
            mask = mask & 0xFFF if value & VLAN_PRESENT else 0xFFFF
        elif name == "ip_dscp":
            mask <<= 2
        # A neutral port or opcode is wider than 1.0's.
        kept |= (mask & (1 << length * 8) - 1) << (_BITS - (offset + length) * 8)
    return kept, int.from_bytes(encode_match(match)[:4], "big") << (_BITS - 32)
