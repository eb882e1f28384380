"""OpenFlow 1.3's match: OXM entries, checked as the specification demands (sections 7.2.3.2 to 7.2.3.8).

Strategy: every header that may occur is one key of a dict, so class, field, mask bit and length are checked
by one look-up; only a header that is not there is taken apart, to say what is wrong with it.

`strict` is for what controllers send. Datapaths are believed where no harm is done: a missing prerequisite, a
mask on a field that has none (Open vSwitch's statistics have them on tcp_dst), a field of a later version.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple

from flowvisor.errors import MalformedMessage
from flowvisor.openflow.error_codes import (
    MATCH_BAD_FIELD,
    MATCH_BAD_LEN,
    MATCH_BAD_MASK,
    MATCH_BAD_PREREQ,
    MATCH_BAD_TYPE,
    MATCH_BAD_VALUE,
    MATCH_BAD_WILDCARDS,
    MATCH_DUP_FIELD,
)
from flowvisor.openflow.fields import BY_NUMBER, FIELDS, OPENFLOW_BASIC, VLAN_PRESENT, Field
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import length_field, padding

OXM_EXPERIMENTER: Final = 0xFFFF  # the OXM class whose bodies begin with an experimenter's id
OXM_HEADER: Final = Struct("!I")

_MATCH_HEADER: Final = Struct("!HH")
_MATCH_OXM: Final = 1  # OFPMT_OXM; the only other type, OFPMT_STANDARD, is OpenFlow 1.1's


class KnownHeader(NamedTuple):
    """What an OXM header of a field that we know says."""

    field: Field
    name: str
    all_ones: int
    length: int  # of the value
    total: int  # of value and mask
    checked: bool  # has prerequisites


def _known_headers() -> dict[int, KnownHeader]:
    known = {}
    for field in FIELDS.values():
        checked = bool(field.requires) or field.name in ("in_phy_port", "vlan_pcp")
        for header, total in (
            (field.oxm_header, field.length),
            (field.masked_oxm_header, 2 * field.length),
        ):
            known[header] = KnownHeader(field, field.name, field.all_ones, field.length, total, checked)
    return known


KNOWN_HEADERS: Final = _known_headers()

# For `check_match`: bytes of a whole entry, by its header.
_ENTRY_LENGTHS: Final = {
    header: 4 + known.total
    for header, known in KNOWN_HEADERS.items()
    if known.field.maskable or known.total == known.length
}

# For encoding: (number, length, all ones, header, header with mask), by name.
_ENCODED: Final = {
    field.name: (
        field.number,
        field.length,
        field.all_ones,
        OXM_HEADER.pack(field.oxm_header),
        OXM_HEADER.pack(field.masked_oxm_header),
    )
    for field in FIELDS.values()
}


def read_match(reader: Reader, *, strict: bool) -> Match:
    """The match that is next, with its padding."""
    kind, length = reader.unpack(_MATCH_HEADER)
    if kind != _MATCH_OXM:
        raise MalformedMessage(MATCH_BAD_TYPE, f"match of type {kind}")
    if length < 4:
        raise MalformedMessage(MATCH_BAD_LEN, f"match of {length} bytes")
    with reader.within(length + len(padding(length)) - 4, MATCH_BAD_LEN):
        start = reader.offset
        match = _decode_entries(reader.data, start, start + length - 4, strict)
        reader.rest()
    return match


def decode_match(data: bytes, *, strict: bool = True) -> Match:
    """The match in `data`, from its type to its padding."""
    reader = Reader(data, error=MATCH_BAD_LEN)
    match = read_match(reader, strict=strict)
    reader.finish()
    return match


def _decode_entries(data: bytes, at: int, end: int, strict: bool) -> Match:
    fields: dict[str, tuple[int, int]] = {}
    opaque: list[OpaqueField] = []
    while at < end:
        if end - at < 4:
            raise MalformedMessage(MATCH_BAD_LEN, f"{end - at} bytes are no OXM entry")
        header = OXM_HEADER.unpack_from(data, at)[0]
        at += 4
        known = KNOWN_HEADERS.get(header)
        following = at + (header & 0xFF)
        if following > end:
            raise MalformedMessage(MATCH_BAD_LEN, f"OXM entry {header:#010x} passes the end of the match")
        if known is None:
            opaque.append(_opaque_field(header, data[at:following], strict))
            at = following
            continue
        field, name, all_ones, length, total, checked = known
        value = int.from_bytes(data[at : at + length], "big")
        mask = all_ones
        if total != length:
            mask &= int.from_bytes(data[at + length : following], "big")
            if strict:
                _check_mask(field, value, mask)
            value &= mask
        if value > all_ones:
            raise MalformedMessage(MATCH_BAD_VALUE, f"{name} has {field.bits} bits: {value:#x}")
        if name in fields:
            raise MalformedMessage(MATCH_DUP_FIELD, f"{name} occurs twice")
        if checked and strict and not _prerequisites_met(field, fields):
            raise MalformedMessage(MATCH_BAD_PREREQ, f"{name} without what it needs before it")
        if mask:  # an empty mask matches everything, and so does a field that is not there
            fields[name] = (value, mask)
        at = following
    return Match(fields, tuple(opaque))


def _check_mask(field: Field, value: int, mask: int) -> None:
    if not field.maskable:
        raise MalformedMessage(MATCH_BAD_MASK, f"{field.name} has no mask")
    if value > field.all_ones:
        raise MalformedMessage(MATCH_BAD_VALUE, f"{field.name} has {field.bits} bits: {value:#x}")
    if value & ~mask:
        raise MalformedMessage(MATCH_BAD_WILDCARDS, f"{field.name}: {value:#x} has bits outside {mask:#x}")


def _prerequisites_met(field: Field, fields: Mapping[str, tuple[int, int]]) -> bool:
    """Whether what `field` needs came before it (section 7.2.3.6: it must be *preceded* by it, unmasked)."""
    for name, values in field.requires:  # none of these fields can be masked, and none needs a zero
        if fields.get(name, (0, 0))[0] not in values:
            return False
    if field.name == "vlan_pcp":
        return fields.get("vlan_vid", (0, 0))[0] & VLAN_PRESENT != 0
    return field.name != "in_phy_port" or "in_port" in fields


def _opaque_field(header: int, body: bytes, strict: bool) -> OpaqueField:
    """An entry whose header is not known, if it may be one of another class (or of a later version)."""
    oxm_class = header >> 16
    if oxm_class == OPENFLOW_BASIC:
        field = BY_NUMBER.get(header >> 9 & 0x7F)
        if field is not None:
            raise MalformedMessage(MATCH_BAD_LEN, f"{field.name} with {len(body)} bytes")
        if strict:
            raise MalformedMessage(MATCH_BAD_FIELD, f"OXM field {header:#010x}")
    if oxm_class == OXM_EXPERIMENTER and len(body) < 4:
        raise MalformedMessage(MATCH_BAD_LEN, f"OXM entry {header:#010x} without its experimenter")
    return OpaqueField(header, body)


def encode_match(match: Match) -> bytes:
    """A match from its type to its padding.

    Entries go by their numbers, so that each comes after what it needs whatever order the fields are in.
    """
    parts = [b""]
    entries = [(_ENCODED[name], pair) for name, pair in match.fields.items()]
    entries.sort()
    for (_, length, all_ones, header, masked_header), (value, mask) in entries:
        if mask == all_ones:
            parts.append(header + value.to_bytes(length, "big"))
        else:
            parts.append(masked_header + value.to_bytes(length, "big") + mask.to_bytes(length, "big"))
    parts.extend(OXM_HEADER.pack(entry.header) + entry.body for entry in match.opaque)
    parts[0] = _MATCH_HEADER.pack(_MATCH_OXM, length_field(4 + sum(map(len, parts))))
    body = b"".join(parts)
    return body + padding(len(body))


def check_match(frame: bytes, offset: int) -> int:
    """Where the match that begins at `offset` ends, padding included; raises `MalformedMessage`.

    Lean, for frames that are patched and not decoded: types, known fields and all lengths are checked, so
    that nothing can lie about where it ends; values, masks, doubles and prerequisites are the datapath's to
    check. An opaque entry is refused.
    """
    try:
        kind, length = _MATCH_HEADER.unpack_from(frame, offset)
        at, end = offset + 4, offset + length
        while at < end:
            at += _ENTRY_LENGTHS[OXM_HEADER.unpack_from(frame, at)[0]]
    except (KeyError, struct_error):
        return _refuse_match(frame, offset)
    padded_end: int = end + (-length & 7)
    if kind != _MATCH_OXM or at != end or padded_end > len(frame):
        return _refuse_match(frame, offset)
    return padded_end


def _refuse_match(frame: bytes, offset: int) -> int:
    """Raise what decoding raises; what it would let pass is opaque, and that is refused here."""
    read_match(Reader(frame, offset, error=MATCH_BAD_LEN), strict=True)
    raise MalformedMessage(MATCH_BAD_FIELD, "an OXM entry of another class")
