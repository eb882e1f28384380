"""A flow entry of an intersected slice as a record of the journal: under its priority and match, as it was written."""

from __future__ import annotations

import struct
from struct import Struct
from typing import Final

from flowvisor.errors import FlowVisorError
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flow_table import Entry, Key
from flowvisor.hypervisor.journal import FLOW_ENTRY, encode_record
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.versions import codec

# The value: the entry's number, the version of its request, the form of what follows.
_HEAD: Final = Struct("!IBB")
_PLAIN: Final = 0  # the request, and nothing that it does not say
_CHANGED: Final = 1
# cookie; packets and bytes of pieces that are gone; version and length of what a modify wrote, before the request
_CHANGES: Final = Struct("!QQQBI")
MATCH_BYTES: Final = 40  # of a 1.0 match as an int
# By the length of the slice's name: a record's own head, its name, its key, and the value's head.
_PLAIN_NAME_BYTES: Final = 2 + MATCH_BYTES
_PLAIN_RECORDS: Final = [Struct(f"!BBHI{length}s2s{MATCH_BYTES}sIBB") for length in range(256)]


def entry_name(key: Key) -> bytes:
    """The key of an entry's record: what makes it the entry that it is in its slice's table."""
    priority, match = key
    if isinstance(match, int):
        return priority.to_bytes(2, "big") + match.to_bytes(MATCH_BYTES, "big")
    assert isinstance(match, bytes)
    return priority.to_bytes(2, "big") + match


def encode_entry(entry: Entry) -> bytes:
    """The value of an entry's record."""
    if entry.written is None and not entry.packet_count and not entry.byte_count:
        return _HEAD.pack(entry.number, entry.version, _PLAIN) + entry.request
    written = b""
    if entry.written is not None:
        version, instructions = entry.written
        written = codec(version).encode(FlowMod(instructions=instructions))
    changes = _CHANGES.pack(entry.cookie, entry.packet_count, entry.byte_count, entry.wording, len(written))
    return b"".join((_HEAD.pack(entry.number, entry.version, _CHANGED), changes, written, entry.request))


def decode_entry(owner: str, value: bytes) -> tuple[Entry, FlowMod] | None:
    """What a record's value says, the entry without its `key`; None if it is nothing that we can read."""
    try:
        number, version, form = _HEAD.unpack_from(value)
        at, cookie, packets, octets, written = _HEAD.size, None, 0, 0, None
        if form == _CHANGED:
            cookie, packets, octets, wording, length = _CHANGES.unpack_from(value, at)
            at += _CHANGES.size + length
            if length:
                changed = _flow_mod(wording, value[at - length : at])
                written = (wording, changed.instructions)
        message = _flow_mod(version, value[at:])
    except (struct.error, FlowVisorError):
        return None
    entry = Entry(
        owner=owner,
        key=(message.priority, 0),
        number=number,
        version=version,
        request=value[at:],
        cookie=message.cookie if cookie is None else cookie,
        packet_count=packets,
        byte_count=octets,
        written=written,
    )
    return entry, message


def _flow_mod(version: int, frame: bytes) -> FlowMod:
    message = codec(version).decode(frame)
    if not isinstance(message, FlowMod):
        raise FlowVisorError("not a flow-mod")
    return message


def plain_record(owner: str, priority: bytes, match: bytes, number: int, request: bytes) -> bytes:
    """The whole record of an entry that a 1.0 tenant has just written at a 1.0 datapath, in one step."""
    name = owner.encode()
    head = _PLAIN_RECORDS[len(name)].pack(
        FLOW_ENTRY,
        len(name),
        _PLAIN_NAME_BYTES,
        _HEAD.size + len(request),
        name,
        priority,
        match,
        number,
        1,
        _PLAIN,
    )
    return head + request


def remember_entry(dpid: int, entry: Entry, effects: Effects) -> None:
    """An entry is in its slice's table as it is now."""
    effects.record(dpid, encode_record(FLOW_ENTRY, entry.owner, entry_name(entry.key), encode_entry(entry)))


def forget_entry(dpid: int, entry: Entry, effects: Effects) -> None:
    """An entry is in its slice's table no more, and no other is in its place."""
    effects.record(dpid, encode_record(FLOW_ENTRY, entry.owner, entry_name(entry.key), None))
