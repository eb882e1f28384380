"""The in_port of a virtual network's tenant, which on the datapath is metadata: in matches and in packet-ins.

Strategy: bits 0 to 15 of the metadata are the virtual port that a packet came in by, the upper 32 are the tenant's.
In frames that pass undecoded the entry for in_port stands where it stood and becomes one for masked metadata, if it
is the first and nothing else in the match has to do with ports or metadata; all others are decoded.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from struct import Struct
from struct import error as struct_error
from typing import Final

import attrs

from flowvisor.hypervisor.refusal import Refusal
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.frame import PACKET_IN
from flowvisor.openflow.match import Match
from flowvisor.openflow.multipart import UNKNOWN_COUNTER, PortStats
from flowvisor.openflow.v13_match import KNOWN_HEADERS, OXM_HEADER
from flowvisor.planning.share import IN_PORT_BITS, OWN_BITS, TENANT_BITS, Share

# What a match of a tenant's may not be about: where a packet really came in, and the label by which it crossed.
UNSEEN_FIELDS: Final = ("in_phy_port", "tunnel_id")

_FIRST_RESERVED: Final = 0xFF00  # as in 1.0, whose numbers fit into 16 bits
_RESERVED_BITS: Final = 0xFFFF_0000

_IN_PORT: Final = FIELDS["in_port"].oxm_header
_METADATA: Final = FIELDS["metadata"].oxm_header
# What a match may have besides, if it is not to be decoded: bytes of a whole entry, by its OXM header.
_PLAIN_LENGTHS: Final = {
    header: 4 + known.total
    for header, known in KNOWN_HEADERS.items()
    if (known.field.maskable or known.total == known.length)
    and known.name not in ("in_port", "metadata", *UNSEEN_FIELDS)
}
_MATCH_HEAD: Final = Struct("!HHI")  # type, length, and the header of the first entry, or padding
_OXM: Final = 1  # OFPMT_OXM
_FIRST_ENTRY: Final = 4
_AS_METADATA: Final = Struct("!IQQ")
_MASKED_METADATA: Final = FIELDS["metadata"].masked_oxm_header
_LONGER_BY: Final = 12  # a masked field of 64 bits for an exact one of 32
_LONGEST: Final = 1024  # matches with more are decoded
_HEADS: Final = tuple(struct.pack("!HH", _OXM, length) for length in range(_LONGEST))
_PADDING: Final = tuple(bytes(-length & 7) for length in range(8))
MAX_PORTS_REMEMBERED: Final = 1024  # beyond it those not seen for the longest are worked out again
_NO_COUNTERS: Final = ("port", "duration_sec", "duration_nsec")
_COUNTERS: Final = tuple(one.name for one in attrs.fields(PortStats) if one.name not in _NO_COUNTERS)


def bits_of_port(port: int) -> int | None:
    """What stands for a port in the metadata; None if nothing can (no virtual switch has such a port)."""
    if port < _FIRST_RESERVED:
        return port
    reserved = port & ~_RESERVED_BITS
    return reserved if port & _RESERVED_BITS == _RESERVED_BITS and reserved >= _FIRST_RESERVED else None


def port_of_bits(bits: int) -> int:
    """The port that bits of the metadata stand for."""
    return bits if bits < _FIRST_RESERVED else bits | _RESERVED_BITS


def match_to_physical(match: Match) -> Match | Refusal:
    """A tenant's match in the datapath's terms, or why it cannot be said."""
    if any(name in match.fields for name in UNSEEN_FIELDS):
        return Refusal(codes.MATCH_BAD_FIELD, "unsupported")
    value, mask = match.fields.get("metadata", (0, 0))
    if mask & OWN_BITS:
        return Refusal(codes.MATCH_BAD_MASK, "metadata")
    if "in_port" not in match.fields:
        return match
    bits = bits_of_port(match.fields["in_port"][0])
    if bits is None:
        return Refusal(codes.MATCH_BAD_VALUE, "port-number")
    return match.without("in_port").having(metadata=(value | bits, mask | IN_PORT_BITS))


def match_to_virtual(match: Match) -> Match:
    """The inverse."""
    pair = match.fields.get("metadata")
    if pair is None:
        return match
    value, mask = pair
    fields = dict(match.without("metadata").fields)
    if mask & IN_PORT_BITS:
        fields["in_port"] = (port_of_bits(value & IN_PORT_BITS), FIELDS["in_port"].all_ones)
    if mask & TENANT_BITS:
        fields["metadata"] = (value & TENANT_BITS, mask & TENANT_BITS)
    return Match(fields, match.opaque)


def patched_match(frame: bytes, start: int) -> tuple[bytes, int] | None:
    """The 1.3 match that begins at `start` in the datapath's terms, and where it ends, padding included.

    As lean as `v13.check_match`, and checks what that does. None: it has to be decoded, or is no good.
    """
    try:
        kind, length, header = _MATCH_HEAD.unpack_from(frame, start)
        at, end = start + _FIRST_ENTRY, start + length
        has_port = header == _IN_PORT and length > _FIRST_ENTRY
        if has_port:
            at += 8
        following = at
        while at < end:
            at += _PLAIN_LENGTHS[OXM_HEADER.unpack_from(frame, at)[0]]
    except (KeyError, struct_error):
        return None
    padded_end = end + (-length & 7)
    if kind != _OXM or at != end or padded_end > len(frame):
        return None
    if not has_port:
        return frame[start:padded_end], padded_end
    entry = _as_metadata(frame[following - 4 : following])
    length += _LONGER_BY
    if entry is None or length >= _LONGEST:
        return None
    return b"".join((_HEADS[length], entry, frame[following:end], _PADDING[length & 7])), padded_end


@lru_cache(maxsize=MAX_PORTS_REMEMBERED)
def _as_metadata(port: bytes) -> bytes | None:
    """The entry that stands for one of in_port; None if it has to be decoded."""
    bits = int.from_bytes(port, "big")
    return None if bits >= _FIRST_RESERVED else _AS_METADATA.pack(_MASKED_METADATA, bits, IN_PORT_BITS)


# ------------------------------------------------------------------------------------------------------- packet-ins

# The match of a 1.3 PACKET_IN that has in_port and metadata alone, as most have: its parts, and those of one that has
# in_port alone. Behind them are two bytes of padding, then the packet.
_PACKET_IN_MATCH: Final = 24
_PORT_AND_METADATA: Final = Struct("!HHI4xIIHH")
_PACKET_IN_REST: Final = _PACKET_IN_MATCH + _PORT_AND_METADATA.size
_PORT: Final = Struct("!HHII4x")
_START: Final = Struct("!BBH")
_TABLE: Final = 15
_BYTES: Final = [bytes([value]) for value in range(256)]
_TENANTS_METADATA: Final = Struct("!HHIIIII")


def patched_packet_in(frame: bytes, first_table: int) -> bytes | None:
    """A 1.3 PACKET_IN with the tenant's table, in_port and metadata; None: decode it."""
    kind, length, in_port, metadata, upper, _, port = _PORT_AND_METADATA.unpack_from(frame, _PACKET_IN_MATCH)
    if metadata != _METADATA or in_port != _IN_PORT or length != 24 or port >= _FIRST_RESERVED:
        return None
    if upper:
        match = _TENANTS_METADATA.pack(kind, length, in_port, port, metadata, upper, 0)
    else:
        match = _PORT.pack(kind, 12, in_port, port)
    return b"".join(
        (
            _START.pack(4, PACKET_IN, _PACKET_IN_MATCH + len(match) + len(frame) - _PACKET_IN_REST),
            frame[4:_TABLE],
            _BYTES[frame[_TABLE] - first_table],
            frame[_TABLE + 1 : _PACKET_IN_MATCH],
            match,
            frame[_PACKET_IN_REST:],
        )
    )


def packet_in_to_virtual(match: Match) -> Match:
    """What a PACKET_IN says besides the packet, in the tenant's terms: its port, and its own metadata if any."""
    metadata = match.fields.get("metadata", (0, 0))[0]
    fields: dict[str, int | tuple[int, int]] = {"in_port": port_of_bits(metadata & IN_PORT_BITS)}
    if metadata & TENANT_BITS:
        fields["metadata"] = metadata & TENANT_BITS
    return Match.of(**fields)


# ----------------------------------------------------------------------------------------------- ports of the datapath


def whole_ports(share: Share) -> dict[int, int]:
    """The virtual ports that are a datapath's whole here, and which: what that counts is theirs."""
    return {
        port.number: port.physical
        for port in share.ports.values()
        if port.physical is not None
        and any(one.match == Match.of(in_port=port.physical) for one in port.ingresses)
    }


def uncounted(port: int) -> PortStats:
    """The counters of a port for which nothing counts: all ones say so (1.3.5, section 7.3.5.6)."""
    return PortStats(port, **dict.fromkeys(_COUNTERS, UNKNOWN_COUNTER))
