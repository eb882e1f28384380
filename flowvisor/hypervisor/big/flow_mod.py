"""FLOW_MOD to a virtual switch over several datapaths.

Strategy: what the entry is to be is written into the tables here at once, and sent to the legs where its packets can
come in, as the tenant wrote it: one where it matches an in_port, else each. If one refuses, the tables are put back and
the others given what they say then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import evolve

from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch, Errand
from flowvisor.hypervisor.big.changes import begin_change
from flowvisor.hypervisor.big.copies import put, take_away
from flowvisor.hypervisor.big.entries import Entry, key_of
from flowvisor.hypervisor.big.errands import finish_if_unsent, send
from flowvisor.hypervisor.big.flow_removed import finish_ending, tell
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.versions import translated
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import (
    ADD,
    DELETE,
    DELETE_STRICT,
    MODIFY_STRICT,
    NO_BUFFER,
    REMOVED_BY_DELETE,
    RESET_COUNTS,
    SEND_FLOW_REM,
    FlowMod,
)
from flowvisor.openflow.traits import TRAITS

MAX_DELETIONS: Final = (
    256  # remembered for shares that have not been read; beyond it what they have is not taken over
)


def southbound(channel: BigChannel, frame: bytes, message: FlowMod, effects: Effects) -> Refusal | None:
    """A FLOW_MOD."""
    if message.match.opaque:
        return Refusal(codes.MATCH_BAD_FIELD, "experimenter")
    if message.command > DELETE_STRICT:
        return Refusal(codes.FLOW_MOD_BAD_COMMAND, "malformed")
    if message.command == ADD:
        return _add(channel, frame, message, effects)
    if message.command in (DELETE, DELETE_STRICT):
        return _delete(channel, frame, message, effects)
    return _modify(channel, frame, message, effects)


def _add(channel: BigChannel, frame: bytes, message: FlowMod, effects: Effects) -> Refusal | None:
    big = channel.switch
    entries, key = big.entries, key_of(message.table_id, message.priority, message.match)
    if not entries.room_for(key):
        return Refusal(codes.TABLE_FULL, "too-many-entries")
    entry = Entry(
        key=key,
        version=channel.version,
        request=frame,
        cookie=message.cookie,
        flags=message.flags,
        in_port=message.match.exact("in_port"),
        idle_timeout=message.idle_timeout,
        hard_timeout=message.hard_timeout,
        began_at=effects.now,
    )
    before = entries.put(entry, message)
    if before is not None:
        entry.replaced = before
        if TRAITS[channel.version].has_tables and not message.flags & RESET_COUNTS:
            entry.packet_count, entry.byte_count = before.packet_count, before.byte_count

    def undo(took: set[int], effects: Effects) -> None:
        _undo_addition(big, entry, took, effects)

    def confirm(_effects: Effects) -> None:
        entry.replaced = None

    change = begin_change(channel, frame, undo, confirm)
    places = big.places_of(entry.in_port)
    entry.copies = dict.fromkeys(places, len(entry.parts))
    out = frame
    if entry.is_watched and not message.flags & SEND_FLOW_REM:
        message = evolve(message, flags=message.flags | SEND_FLOW_REM)
        out = channel.codec.encode(message)
    elif TRAITS[channel.version].modify_adds:  # it may have been a modify
        out = channel.codec.encode(message)
    _send(channel, out, message, places, change, effects)
    return None


def _undo_addition(big: BigSwitch, entry: Entry, took: set[int], effects: Effects) -> None:
    entries = big.entries
    entry.is_void = True
    if not entries.holds(entry):
        return  # what has taken its place stands; what was deleted is deleted
    entries.take_out(entry)
    before = entry.replaced
    while before is not None and before.is_void:
        before = before.replaced
    if before is not None:
        entries.put(before)
    for dpid in took:
        if before is None:
            take_away(big, dpid, entry, effects)
        else:
            put(big, dpid, before, effects)


def _modify(channel: BigChannel, frame: bytes, message: FlowMod, effects: Effects) -> Refusal | None:
    big, traits = channel.switch, TRAITS[channel.version]
    selected = big.entries.select(message, strict=message.command == MODIFY_STRICT, deletes=False)
    if not selected and traits.modify_adds:
        return _add(channel, frame, evolve(message, command=ADD), effects)
    now_say = [
        translated(message.instructions, entry.flow_mod().match, source=channel.version, target=entry.version)
        for entry in selected
    ]
    before = [(entry, entry.instructions, entry.cookie) for entry in selected]
    for entry, instructions in zip(selected, now_say, strict=True):
        entry.instructions = instructions
        if not traits.has_tables:
            entry.cookie = message.cookie
        if message.flags & RESET_COUNTS:
            entry.packet_count = entry.byte_count = 0
        big.entries.rewritten(entry)

    def undo(took: set[int], effects: Effects) -> None:
        for (entry, instructions, cookie), made in zip(before, now_say, strict=True):
            if big.entries.holds(entry) and entry.instructions is made:
                entry.instructions, entry.cookie = instructions, cookie
                big.entries.rewritten(entry)
                for dpid in took & entry.copies.keys():
                    put(big, dpid, entry, effects)

    places = big.places_of(message.match.exact("in_port"))
    if traits.modify_adds:  # a leg that has none of them would add one
        places = _holders(big, selected)
    change = begin_change(channel, frame, undo, lambda _effects: None)
    _send(channel, frame, message, places, change, effects)
    return None


def _holders(big: BigSwitch, entries: Iterable[Entry]) -> list[int]:
    return sorted({dpid for entry in entries for dpid in entry.copies} & big.shares.keys())


def _delete(channel: BigChannel, frame: bytes, message: FlowMod, effects: Effects) -> Refusal | None:
    big, strict = channel.switch, message.command == DELETE_STRICT
    selected = big.entries.select(message, strict=strict, deletes=True)
    places = sorted({*big.places_of(message.match.exact("in_port")), *_holders(big, selected)})
    _note_deletion(big, message)
    silent = end(big, selected, REMOVED_BY_DELETE)

    def undo(took: set[int], effects: Effects) -> None:
        revive(big, selected, took, effects)

    def confirm(effects: Effects) -> None:
        for entry in silent:
            tell(big, entry, effects)
        finish_ending(big, selected, effects)

    change = begin_change(channel, frame, undo, confirm)
    _send(channel, frame, message, places, change, effects)
    return None


def _note_deletion(big: BigSwitch, message: FlowMod) -> None:
    """What was deleted is not taken over from shares that have not been read yet."""
    if big.deletions is None or big.edges <= big.known:
        return
    big.deletions.append(message)
    if len(big.deletions) > MAX_DELETIONS:
        big.deletions = None


def end(big: BigSwitch, entries: Iterable[Entry], reason: int) -> list[Entry]:
    """Take entries out of the tables; return those of which the tenant is to be told and no share will say it."""
    silent = []
    for entry in entries:
        entry.ended_by = reason
        if not big.entries.end(entry) and entry.flags & SEND_FLOW_REM:
            silent.append(entry)
    return silent


def revive(big: BigSwitch, entries: Iterable[Entry], took: set[int], effects: Effects) -> None:
    """Entries that were to go stay after all, unless others have taken their places."""
    for entry in entries:
        big.entries.ended(entry)
        entry.ended_by = None
        if big.entries.by_key.get(entry.key) is not None:
            continue
        big.entries.put(entry)
        for dpid in took & entry.copies.keys():
            put(big, dpid, entry, effects)


def _send(
    channel: BigChannel,
    frame: bytes,
    message: FlowMod,
    places: list[int],
    change: Errand,
    effects: Effects,
) -> None:
    """Send it to these places; the buffer that it names is that of one of them."""
    holder = places[0] if places else None
    if message.buffer_id != NO_BUFFER:
        holder = channel.switch.buffers.get(message.buffer_id, holder)
    for dpid in places:
        out = frame
        if message.buffer_id != NO_BUFFER and dpid != holder:
            out = channel.codec.encode(evolve(message, buffer_id=NO_BUFFER))
        send(channel.legs[dpid], out, change, effects)
    finish_if_unsent(change, effects)
