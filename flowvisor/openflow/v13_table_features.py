"""OpenFlow 1.3's table features and their properties (section 7.3.5.5)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from flowvisor.errors import MalformedMessage
from flowvisor.openflow.error_codes import TABLE_FEATURES_BAD_LEN, TABLE_FEATURES_BAD_TYPE
from flowvisor.openflow.messages import OpaqueProperty
from flowvisor.openflow.multipart import (
    APPLY_ACTIONS,
    APPLY_ACTIONS_MISS,
    APPLY_SETFIELD,
    APPLY_SETFIELD_MISS,
    INSTRUCTIONS,
    INSTRUCTIONS_MISS,
    MATCH,
    NEXT_TABLES,
    NEXT_TABLES_MISS,
    WILDCARDS,
    WRITE_ACTIONS,
    WRITE_ACTIONS_MISS,
    WRITE_SETFIELD,
    WRITE_SETFIELD_MISS,
    TableFeatures,
    TableProperty,
)
from flowvisor.openflow.reader import Reader, text_field
from flowvisor.openflow.structure import length_field, padding
from flowvisor.openflow.v13_actions import EXPERIMENTER
from flowvisor.openflow.v13_match import OXM_EXPERIMENTER

_TABLE: Final = Struct("!HB5x32sQQII")
_NAME_LENGTH: Final = 32
_PROPERTY: Final = Struct("!HH")
_ID: Final = Struct("!HH")
_WORD: Final = Struct("!I")
_EXPERIMENTER_KINDS: Final = (0xFFFE, 0xFFFF)

Ids = tuple[int, ...]
Opaques = tuple[tuple[int, bytes], ...]


def _read_tables(reader: Reader) -> tuple[Ids, Opaques]:
    return tuple(reader.rest()), ()


def _read_types(reader: Reader) -> tuple[Ids, Opaques]:
    """Types of actions or instructions.

    An id is its type and length; some implementations pad it to 8 bytes as in the action itself.
    """
    ids = []
    opaque = []
    while reader.remaining:
        kind, length = reader.unpack(_ID)
        with reader.within(length - _ID.size, TABLE_FEATURES_BAD_LEN):
            rest = reader.rest()
        if kind == EXPERIMENTER and len(rest) >= 4:
            opaque.append((kind << 16 | length, rest))
        elif kind != EXPERIMENTER and len(rest) in (0, 4):
            ids.append(kind)
        else:
            raise MalformedMessage(TABLE_FEATURES_BAD_LEN, f"id of type {kind} with {length} bytes")
    return tuple(ids), tuple(opaque)


def _read_headers(reader: Reader) -> tuple[Ids, Opaques]:
    """OXM headers, each alone or, of the experimenters' class, with the experimenter's id."""
    ids = []
    opaque = []
    while reader.remaining:
        header = reader.u32()
        if header >> 16 == OXM_EXPERIMENTER:
            opaque.append((header, reader.take(4)))
        else:
            ids.append(header)
    return tuple(ids), tuple(opaque)


def _write_tables(ids: Ids) -> bytes:
    return bytes(ids)


def _write_types(ids: Ids) -> bytes:
    return b"".join(_ID.pack(kind, _ID.size) for kind in ids)


def _write_headers(ids: Ids) -> bytes:
    return b"".join(map(_WORD.pack, ids))


_READERS: Final[dict[int, Callable[[Reader], tuple[Ids, Opaques]]]] = {
    **dict.fromkeys((INSTRUCTIONS, INSTRUCTIONS_MISS), _read_types),
    **dict.fromkeys((NEXT_TABLES, NEXT_TABLES_MISS), _read_tables),
    **dict.fromkeys((WRITE_ACTIONS, WRITE_ACTIONS_MISS, APPLY_ACTIONS, APPLY_ACTIONS_MISS), _read_types),
    **dict.fromkeys((MATCH, WILDCARDS), _read_headers),
    **dict.fromkeys(
        (WRITE_SETFIELD, WRITE_SETFIELD_MISS, APPLY_SETFIELD, APPLY_SETFIELD_MISS), _read_headers
    ),
}
_WRITERS: Final[dict[Callable[[Reader], tuple[Ids, Opaques]], Callable[[Ids], bytes]]] = {
    _read_types: _write_types,
    _read_tables: _write_tables,
    _read_headers: _write_headers,
}


def read_table_features(reader: Reader, *, strict: bool) -> TableFeatures:
    """One table's features; a property of unknown type is refused in a request (`strict`), else opaque."""
    length, table_id, name, metadata_match, metadata_write, config, max_entries = reader.unpack(_TABLE)
    properties = []
    with reader.within(length - _TABLE.size, TABLE_FEATURES_BAD_LEN):
        while reader.remaining:
            properties.append(_read_property(reader, strict))
    return TableFeatures(
        table_id,
        Reader(name).text(_NAME_LENGTH),
        metadata_match,
        metadata_write,
        config,
        max_entries,
        tuple(properties),
    )


def _read_property(reader: Reader, strict: bool) -> TableProperty | OpaqueProperty:
    kind, length = reader.unpack(_PROPERTY)
    read_ids = _READERS.get(kind)
    value: TableProperty | OpaqueProperty
    with reader.within(length - _PROPERTY.size, TABLE_FEATURES_BAD_LEN):
        if read_ids is not None:
            value = TableProperty(kind, *read_ids(reader))
        elif strict and kind not in _EXPERIMENTER_KINDS:
            raise MalformedMessage(TABLE_FEATURES_BAD_TYPE, f"table property of type {kind}")
        else:
            value = OpaqueProperty(kind, reader.rest())
    reader.skip(len(padding(length)))
    return value


def write_table_features(table: TableFeatures) -> bytes:
    properties = b"".join(map(_write_property, table.properties))
    head = _TABLE.pack(
        length_field(_TABLE.size + len(properties)),
        table.table_id,
        text_field(table.name, _NAME_LENGTH),
        table.metadata_match,
        table.metadata_write,
        table.config,
        table.max_entries,
    )
    return head + properties


def _write_property(value: TableProperty | OpaqueProperty) -> bytes:
    if isinstance(value, OpaqueProperty):
        body = value.body
    else:
        body = _WRITERS[_READERS[value.kind]](value.ids)
        body += b"".join(_WORD.pack(word) + rest for word, rest in value.opaque)
    length = length_field(_PROPERTY.size + len(body))
    return _PROPERTY.pack(value.kind, length) + body + padding(length)
