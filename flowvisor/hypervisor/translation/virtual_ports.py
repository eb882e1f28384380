"""The in_port of a virtual network's tenant, which on the datapath is metadata: in matches and in packet-ins.

Strategy: bits 0 to 15 of the metadata are the virtual port that a packet came in by, the upper 32 are the tenant's.
In frames that pass undecoded the entry for in_port stands where it stood and becomes one for masked metadata, if it
is the first and nothing else in the match has to do with ports or metadata; all others are decoded.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Final

from flowvisor.hypervisor.refusal import Refusal
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.planning.share import IN_PORT_BITS, OWN_BITS, TENANT_BITS

# What a match of a tenant's may not be about: where a packet really came in, and the label by which it crossed.
UNSEEN_FIELDS: Final = ("in_phy_port", "tunnel_id")

_FIRST_RESERVED: Final = 0xFF00  # as in 1.0, whose numbers fit into 16 bits
_RESERVED_BITS: Final = 0xFFFF_0000

# OXM headers by their bytes; those of a masked field are twice as long.
_IN_PORT_BYTES: Final = FIELDS["in_port"].oxm_header.to_bytes(4, "big")
_METADATA_BYTES: Final = FIELDS["metadata"].oxm_header.to_bytes(4, "big")
_MASKED_METADATA_BYTES: Final = FIELDS["metadata"].masked_oxm_header.to_bytes(4, "big")
_IN_PORT_MASK_BYTES: Final = IN_PORT_BITS.to_bytes(8, "big")
# What a match has to be without to pass as it is; that these bytes are in some value only costs time.
_SPECIAL: Final = re.compile(
    b"|".join(
        re.escape(header.to_bytes(4, "big"))
        for name in ("in_port", "metadata", *UNSEEN_FIELDS)
        for header in (FIELDS[name].oxm_header, FIELDS[name].masked_oxm_header)
    )
).search
_MATCH_HEAD: Final = Struct("!HH")
_OXM: Final = 1  # OFPMT_OXM
_LONGER_BY: Final = 12  # a masked field of 64 bits for an exact one of 32


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


def patched_match(frame: bytes, start: int, end: int) -> bytes | None:
    """The bytes of a 1.3 match from `start` to `end`, checked before, in the datapath's terms; None: decode it."""
    found = _SPECIAL(frame, start + 4, end)
    if found is None:
        return frame[start:end]
    at = found.start()
    following = at + 8
    if (
        at != start + 4
        or found.group() != _IN_PORT_BYTES
        or frame[at + 4 : at + 6] != b"\0\0"
        or frame[at + 6] == 0xFF
        or _SPECIAL(frame, following, end)
    ):
        return None
    length = _MATCH_HEAD.unpack_from(frame, start)[1]
    body_end = start + length
    length += _LONGER_BY
    return b"".join(
        (
            _MATCH_HEAD.pack(_OXM, length),
            _MASKED_METADATA_BYTES,
            b"\0\0\0\0\0\0",
            frame[at + 6 : following],
            _IN_PORT_MASK_BYTES,
            frame[following:body_end],
            bytes(-length & 7),
        )
    )


# ------------------------------------------------------------------------------------------------------- packet-ins

# The match of a 1.3 PACKET_IN that has in_port and metadata alone, as most have: where its parts are in the frame.
_PACKET_IN_MATCH: Final = 24
_PORT_AND_METADATA_HEAD: Final = b"\0\1" + (24).to_bytes(2, "big") + _IN_PORT_BYTES
_PORT_AND_METADATA: Final = slice(24, 32)
_METADATA_HEADER: Final = slice(36, 40)
_METADATA_OWN: Final = slice(40, 44)
_METADATA_PORT: Final = slice(46, 48)
_PACKET_IN_REST: Final = 48  # two bytes of padding, then the packet
_PORT_HEAD: Final = b"\0\1" + (12).to_bytes(2, "big") + _IN_PORT_BYTES + b"\0\0"
_NOTHING: Final = bytes(4)


def patched_packet_in(frame: bytes) -> bytearray | None:
    """A 1.3 PACKET_IN with the tenant's in_port and metadata; None: decode it."""
    if frame[_PORT_AND_METADATA] != _PORT_AND_METADATA_HEAD or frame[_METADATA_HEADER] != _METADATA_BYTES:
        return None
    port = frame[_METADATA_PORT]
    if port[0] == 0xFF:
        return None
    if frame[_METADATA_OWN] == _NOTHING:
        patched = bytearray(frame[:_PACKET_IN_MATCH])
        patched += _PORT_HEAD + port + _NOTHING
        patched += frame[_PACKET_IN_REST:]
        patched[2:4] = len(patched).to_bytes(2, "big")
        return patched
    patched = bytearray(frame)
    patched[32:36] = b"\0\0" + port
    patched[44:48] = _NOTHING
    return patched


def packet_in_to_virtual(match: Match) -> Match:
    """What a PACKET_IN says besides the packet, in the tenant's terms: its port, and its own metadata if any."""
    metadata = match.fields.get("metadata", (0, 0))[0]
    fields: dict[str, int | tuple[int, int]] = {"in_port": port_of_bits(metadata & IN_PORT_BITS)}
    if metadata & TENANT_BITS:
        fields["metadata"] = metadata & TENANT_BITS
    return Match.of(**fields)
