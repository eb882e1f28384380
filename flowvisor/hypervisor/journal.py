"""The journal: small records of what must outlive a datapath's connection and the process, as bytes and back."""

# Strategy: the core puts encoded records into its effects, and the shell appends all that one call made as one
# *batch*, with one write, before it sends the frames that belong to them. So whatever a datapath has been told is in
# the file, also after `kill -9`; a power cut may lose the tail, which each batch's length and checksum find. A record
# says what is now known under a name, or that nothing is; the last one counts. A database was rejected: this is on
# the path of every flow-mod where matches are intersected, and costs half a microsecond there.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

# What a record is about; the numbers are in files and never change their meaning.
FLOW_ENTRY: Final = 1
GROUP: Final = 2
METER: Final = 3
PORT: Final = 4
TABLE_MISS: Final = 5
SEEN_DATAPATH: Final = 6
SEEN_LINK: Final = 7
MOVED_PORT: Final = 8
BIRTH: Final = 9

MAGIC: Final = b"flowvisor journal 1\n"
_DPID: Final = Struct("!Q")
HEADER_LENGTH: Final = len(MAGIC) + _DPID.size
_BATCH: Final = Struct("!II")  # length of the records, their CRC-32
_RECORD: Final = Struct("!BBHI")  # kind, length of the slice's name, of the key, of the value
_FORGOTTEN: Final = 0xFFFF_FFFF  # as a value's length: there is none


class Name(NamedTuple):
    """What a record is about, at one datapath."""

    kind: int
    slice_name: str
    key: bytes


class Corrupt(ValueError):
    """The bytes are not a journal, or are damaged elsewhere than at their end."""


def encode_record(kind: int, slice_name: str, key: bytes, value: bytes | None) -> bytes:
    """The record that says what is known under a name; None: nothing any more."""
    name = slice_name.encode()
    length = _FORGOTTEN if value is None else len(value)
    return b"".join((_RECORD.pack(kind, len(name), len(key), length), name, key, value or b""))


def encode_batch(records: Iterable[bytes]) -> bytes:
    """Records that count together or not at all."""
    joined = b"".join(records)
    return _BATCH.pack(len(joined), crc32(joined)) + joined


def encode_header(dpid: int) -> bytes:
    """What a datapath's journal begins with."""
    return MAGIC + _DPID.pack(dpid)


class Replayed(NamedTuple):
    """What a journal says: values in the order in which they were last said, and how many bytes of it are whole."""

    known: dict[Name, bytes]
    whole_bytes: int


def replay(data: bytes, dpid: int) -> Replayed:
    """Read a datapath's journal; what is torn at its end is left out. Raises `Corrupt` for anything else."""
    if data[:HEADER_LENGTH] != encode_header(dpid):
        raise Corrupt("not the journal of this datapath")
    known: dict[Name, bytes] = {}
    offset = HEADER_LENGTH
    while offset + _BATCH.size <= len(data):
        length, checksum = _BATCH.unpack_from(data, offset)
        end = offset + _BATCH.size + length
        records = data[offset + _BATCH.size : end]
        if end > len(data) or not length or crc32(records) != checksum:
            break
        for name, value in _records(records):
            known.pop(name, None)
            if value is not None:
                known[name] = value
        offset = end
    if not _is_torn(data, offset):
        raise Corrupt(f"damaged at byte {offset}")
    return Replayed(known, offset)


def _is_torn(data: bytes, offset: int) -> bool:
    """Whether all that follows is what a write leaves that was cut off: part of a batch, or zeros."""
    rest = data[offset:]
    if len(rest) < _BATCH.size or not rest.strip(b"\x00"):
        return True
    length: int
    length, _checksum = _BATCH.unpack_from(rest)
    return offset + _BATCH.size + length >= len(data)


def _records(data: bytes) -> Iterator[tuple[Name, bytes | None]]:
    offset = 0
    while offset < len(data):
        kind, name_length, key_length, value_length = _RECORD.unpack_from(data, offset)
        key_at = offset + _RECORD.size + name_length
        value_at = key_at + key_length
        name = Name(kind, data[offset + _RECORD.size : key_at].decode(), data[key_at:value_at])
        if value_length == _FORGOTTEN:
            offset = value_at
            yield name, None
        else:
            offset = value_at + value_length
            yield name, data[value_at:offset]
