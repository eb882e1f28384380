"""FLOW_MOD where the datapath has no tables for the slice: the match is cut to what the slice owns (`intersect`).

Strategy: each entry of the tenant's becomes one piece for each box that is left of its match. Pieces of one entry
may overlap: they have one priority and the same actions, a packet counts in one of them only, and making them
disjoint would cost entries (a prefix taken off another is up to 32). The tenant's own table decides everything that
depends on what else is there (strictness, overlap, modify-or-add), so the datapath gets only additions and strict
changes. A 1.0 match that nothing needs to be taken from goes through in its own bytes.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.layout import boxes_of
from flowvisor.hypervisor import flow_quota
from flowvisor.hypervisor.buffers import BufferedPacket
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.entry_records import forget_entry, plain_record, remember_entry
from flowvisor.hypervisor.flow_table import PIECE_COOKIE, Entry, FlowTable, leads_to, packed
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import fence, send_to_datapath
from flowvisor.hypervisor.translation.actions import Verdict, judge
from flowvisor.hypervisor.translation.pieces import (
    Change,
    cut,
    deletions,
    judged,
    key_of,
    next_number,
    piece_frames,
    put,
    send_all,
)
from flowvisor.hypervisor.translation.queueing import queued_actions
from flowvisor.network.discovery import PROBE_ADDRESS_BYTES
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import v10
from flowvisor.openflow.actions import ApplyActions, Instructions, Output
from flowvisor.openflow.frame import FLOW_MOD, HEADER, MAX_FRAME_LENGTH
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    ALL_TABLES,
    ANY_GROUP,
    CHECK_OVERLAP,
    DELETE,
    DELETE_STRICT,
    EMERGENCY,
    MODIFY_STRICT,
    NO_BUFFER,
    RESET_COUNTS,
    FlowMod,
    PacketOut,
)
from flowvisor.openflow.ports import ANY, TABLE
from flowvisor.openflow.traits import TRAITS
from flowvisor.openflow.v10_canonical import canonical_match
from flowvisor.planning.entries import HIGHEST_OF_SLICES

MAX_REMEMBERED_MATCHES: Final = 65536  # per virtual switch; at the bound all are forgotten

# Offsets in a 1.0 FLOW_MOD (1.0.1, section 5.3.3).
_MATCH: Final = slice(8, 48)
_DESTINATION: Final = slice(20, 26)  # in the match
_COMMAND: Final = slice(56, 58)
_TIMEOUTS_AND_PRIORITY: Final = slice(58, 64)
_BUFFER: Final = slice(64, 68)
_FLAGS: Final = slice(70, 72)
_ACTIONS: Final = 72
_PRIORITY: Final = slice(62, 64)
_ADD_BYTES: Final = b"\x00\x00"
_HIGH_PRIORITY_BYTES: Final = HIGHEST_OF_SLICES.to_bytes(2, "big")  # those from here on are not as they say
_COOKIE_AND_COMMAND: Final = Struct("!QH")
_COOKIE: Final = Struct("!Q")
# No buffer, and no flag but SEND_FLOW_REM: the forms that need no second look.
_NO_BUFFER: Final = b"\xff\xff\xff\xff"
_PLAIN_FLAGS: Final = (b"\x00\x00", b"\x00\x01")
_TO_THE_END: Final = b"\xff\xff\xff\xff\xff\xff\x00\x01"  # no buffer, out_port NONE, SEND_FLOW_REM


def southbound_patched(channel: TenantChannel, frame: bytes, effects: Effects) -> Refusal | None:
    """A 1.0 tenant's FLOW_MOD for a 1.0 datapath."""
    if (
        len(frame) < _ACTIONS
        or frame[_COMMAND] != _ADD_BYTES
        or frame[_BUFFER] != _NO_BUFFER
        or frame[_FLAGS] not in _PLAIN_FLAGS
        or frame[_PRIORITY] >= _HIGH_PRIORITY_BYTES
        or frame[_DESTINATION] == PROBE_ADDRESS_BYTES
    ):
        return southbound(channel, frame, effects)
    switch = channel.switch
    table, room = switch.flow_table, switch.room
    if switch.port_configs.is_deaf or room.left <= 0:
        return southbound(channel, frame, effects)
    assert table is not None
    match = canonical_match(frame[_MATCH])
    if match is None or (
        match & table.relevant not in table.within and not _is_within(switch, table, match, frame)
    ):
        return southbound(channel, frame, effects)
    actions = frame[_ACTIONS:]
    verdict = switch.verdicts.get(actions)
    if verdict is None:
        verdict = _judge_bytes(switch, actions)
    if not isinstance(verdict, bytes):
        return southbound(channel, frame, effects) if verdict.needs_match else verdict.refusal
    room.left -= 1
    datapath = switch.datapath
    entry = Entry(
        owner=switch.name.slice_name,
        key=(frame[62] << 8 | frame[63], match),
        number=next_number(datapath),
        version=1,
        request=frame,
        cookie=_COOKIE.unpack_from(frame, 48)[0],
    )
    put(datapath, table, entry)
    match_bytes = match.to_bytes(40, "big")
    effects.record(
        datapath.dpid, plain_record(entry.owner, frame[_PRIORITY], match_bytes, entry.number, frame)
    )
    transactions = channel.transactions
    patched = b"".join(
        (
            HEADER.pack(1, FLOW_MOD, _ACTIONS + len(verdict), transactions.send(entry)),
            match_bytes,
            _COOKIE_AND_COMMAND.pack(PIECE_COOKIE | entry.number, ADD),
            frame[_TIMEOUTS_AND_PRIORITY],
            _TO_THE_END,
            verdict,
        )
    )
    send_to_datapath(datapath, patched, effects)
    counters = channel.counters
    counters.down[FLOW_MOD] += 1
    counters.down_bytes += len(frame)
    if transactions.fence_is_due:
        fence(channel, effects)
    return None


def _is_within(switch: VirtualSwitch, table: FlowTable, match: int, frame: bytes) -> bool:
    """Whether nothing needs to be taken from the match; remembered if so."""
    boxes = boxes_of(v10.decode_match(frame[_MATCH]))
    pieces = switch.view.own_pieces(boxes, is_fenced=True)
    if pieces is None or any(box not in pieces for box in boxes) or not boxes:
        return False
    if len(table.within) >= MAX_REMEMBERED_MATCHES:
        table.within.clear()
    table.within.add(match & table.relevant)
    return True


def _judge_bytes(switch: VirtualSwitch, actions: bytes) -> bytes | Verdict:
    decoded = v10.decode_actions(actions)
    verdict = judge(switch, 0, (ApplyActions(decoded),))
    outcome: bytes | Verdict = verdict
    if verdict.refusal is None:
        outcome = b"".join(
            v10.encode_actions(queued_actions(switch, instruction.actions))
            for instruction in verdict.instructions
            if isinstance(instruction, ApplyActions)
        )
        if _ACTIONS + len(outcome) > MAX_FRAME_LENGTH:  # floods are spelled out
            outcome = Verdict((), Refusal(codes.BAD_LEN, "inexpressible"))
    switch.verdicts.remember(actions, outcome, size=len(actions))
    return outcome


def southbound(channel: TenantChannel, frame: bytes, effects: Effects) -> Refusal | None:
    """Any tenant's FLOW_MOD for a datapath on which its matches are intersected."""
    message = channel.codec.decode(frame)
    assert isinstance(message, FlowMod)
    if message.match.opaque:
        return Refusal(codes.MATCH_BAD_FIELD, "experimenter")
    if "metadata" in message.match.fields:
        return Refusal(codes.MATCH_BAD_FIELD, "unsupported")
    if message.flags & EMERGENCY:
        return Refusal(codes.FLOW_MOD_BAD_FLAGS, "unsupported")
    deletes = message.command in (DELETE, DELETE_STRICT)
    if message.table_id != 0 and not (deletes and message.table_id == ALL_TABLES):
        return Refusal(codes.FLOW_MOD_BAD_TABLE_ID, "table-id")
    buffered: BufferedPacket | None = None
    if message.buffer_id != NO_BUFFER and not deletes:
        buffers = channel.switch.datapath.buffers
        buffered = buffers.take(message.buffer_id, channel.tenant.name)
        if buffered is None:
            return Refusal(codes.BUFFER_UNKNOWN, "foreign-buffer")
    try:
        refusal = (_delete if deletes else _add if message.command == ADD else _modify)(
            channel, frame, message, effects
        )
    except Inexpressible as error:
        refusal = Refusal((error.error_type, error.error_code), "inexpressible")
    if refusal is None:
        channel.counters.down[FLOW_MOD] += 1
        channel.counters.down_bytes += len(frame)
    if buffered is not None and refusal is None:
        _release(channel, frame, message.buffer_id, buffered, effects)
    if channel.transactions.fence_is_due:
        fence(channel, effects)
    return refusal


def _release(
    channel: TenantChannel, frame: bytes, buffer_id: int, packet: BufferedPacket, effects: Effects
) -> None:
    """Let a buffered packet meet the tables, which is what a flow-mod with a buffer asks for (1.3.5, section 6.4)."""
    datapath = channel.switch.datapath
    xid = channel.transactions.send(frame)
    out = PacketOut(xid=xid, buffer_id=buffer_id, in_port=packet.in_port, actions=(Output(TABLE),))
    send_to_datapath(datapath, datapath.codec.encode(out), effects)


def _add(channel: TenantChannel, frame: bytes, message: FlowMod, effects: Effects) -> Refusal | None:
    switch, datapath = channel.switch, channel.switch.datapath
    table = switch.flow_table
    assert table is not None
    if message.flags & CHECK_OVERLAP and table.overlapping(message.match, message.priority):
        return Refusal(codes.OVERLAP, "overlap")
    wanted = _wanted(switch, message)
    if isinstance(wanted, Refusal):
        return wanted
    revision = switch.verdicts.revision

    def go_on(effects: Effects) -> None:
        now = wanted if switch.verdicts.revision == revision else _wanted(switch, message)
        if isinstance(now, Refusal):
            refuse(channel, frame, now, effects)
        else:
            _install(channel, frame, message, *now, effects)

    if key_of(datapath, message) in table.entries:  # it does not become one more
        go_on(effects)
        return None
    return flow_quota.add_known(channel, frame, go_on, effects)


def _wanted(
    switch: VirtualSwitch, message: FlowMod
) -> tuple[tuple[Match, ...] | None, Instructions] | Refusal:
    """An entry's pieces and instructions."""
    pieces = cut(switch, message)
    if isinstance(pieces, Refusal):
        return pieces
    instructions = judged(switch, message)
    return instructions if isinstance(instructions, Refusal) else (pieces, instructions)


def _install(
    channel: TenantChannel,
    frame: bytes,
    message: FlowMod,
    pieces: tuple[Match, ...] | None,
    instructions: Instructions,
    effects: Effects,
) -> None:
    switch, datapath = channel.switch, channel.switch.datapath
    table = switch.flow_table
    assert table is not None
    entry = Entry(
        owner=switch.name.slice_name,
        key=key_of(datapath, message),
        number=next_number(datapath),
        version=channel.version,
        request=frame,
        cookie=message.cookie,
        packed_pieces=packed(pieces),
        live=1 if pieces is None else len(pieces),
    )
    flags = message.flags | (RESET_COUNTS if TRAITS[channel.version].modify_adds else 0)  # 1.0 counts anew
    wanted = evolve(message, command=ADD, flags=flags, instructions=instructions)
    frames = piece_frames(datapath, entry, wanted, channel.version)
    replaced = put(datapath, table, entry)
    if replaced is not None and not flags & RESET_COUNTS:
        entry.packet_count, entry.byte_count = replaced.packet_count, replaced.byte_count
    remember_entry(datapath.dpid, entry, effects)
    table.note_punting(entry, message)
    channel.counters.count_expansion(len(frames))
    send_all(channel, entry, frames, effects)


def _modify(channel: TenantChannel, frame: bytes, message: FlowMod, effects: Effects) -> Refusal | None:
    switch = channel.switch
    table = switch.flow_table
    assert table is not None
    meant = _meant(table, switch.datapath, message, MODIFY_STRICT)
    if not meant:
        if TRAITS[channel.version].modify_adds:
            return _add(channel, frame, message, effects)
        channel.counters.count_expansion(0)
        return None
    written = (channel.version, message.instructions)
    change = Change(frame, written)
    frames: list[FlowMod] = []
    for entry in meant:
        changed = evolve(entry.flow_mod(), instructions=message.instructions)
        instructions = judged(switch, changed)
        if isinstance(instructions, Refusal):
            return instructions
        flags = changed.flags & ~RESET_COUNTS | message.flags & RESET_COUNTS
        wanted = evolve(changed, command=MODIFY_STRICT, flags=flags, instructions=instructions)
        frames += piece_frames(switch.datapath, entry, wanted, channel.version)
    for entry in meant:
        if message.flags & RESET_COUNTS:
            entry.packet_count = entry.byte_count = 0
        change.before.append((entry, entry.written, entry.cookie))
        entry.written = written
        table.note_punting(entry, entry.flow_mod())
        if TRAITS[channel.version].modify_adds:
            entry.cookie = message.cookie  # 1.0 has no cookie mask that would say "leave it"
        remember_entry(switch.datapath.dpid, entry, effects)
    channel.counters.count_expansion(len(frames))
    send_all(channel, change, frames, effects)
    return None


def _delete(channel: TenantChannel, frame: bytes, message: FlowMod, effects: Effects) -> Refusal | None:
    switch = channel.switch
    table = switch.flow_table
    assert table is not None
    frames: list[FlowMod] = []
    for entry in _meant(table, switch.datapath, message, DELETE_STRICT):
        table.take_out(entry)
        forget_entry(switch.datapath.dpid, entry, effects)
        frames += deletions(switch.datapath, entry)
    channel.counters.count_expansion(len(frames))
    send_all(channel, None, frames, effects)
    return None


def _meant(table: FlowTable, datapath: Datapath, message: FlowMod, strict: int) -> list[Entry]:
    """The entries that a modify or delete means; out_port counts for deletes only (section 6.4)."""
    if message.command != strict:
        found = table.matching(
            message.match,
            out_port=message.out_port if message.command == DELETE else ANY,
            out_group=message.out_group if message.command == DELETE else ANY_GROUP,
            cookie=message.cookie,
            cookie_mask=message.cookie_mask,
        )
        return [entry for entry, _ in found]
    entry = table.entries.get(key_of(datapath, message))
    if entry is None or (entry.cookie ^ message.cookie) & message.cookie_mask:
        return []
    if message.command == DELETE_STRICT and not leads_to(
        entry.flow_mod().instructions, message.out_port, message.out_group
    ):
        return []
    return [entry]
