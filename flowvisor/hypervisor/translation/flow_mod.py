"""FLOW_MOD into the slice's own block of tables (enforcement `tables`).

Strategy: between equal versions that have tables the frame is checked and patched, never decoded: the match goes
through as it is once its lengths add up, the instructions are judged once and remembered by their bytes.
Everything else (other versions, deletes, buffers, the entry that collides with ours) goes by neutral messages.
"""

from __future__ import annotations

from typing import Final

from attrs import define, evolve

from flowvisor.hypervisor import flow_quota
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import ask, fence, send_to_datapath
from flowvisor.hypervisor.translation.actions import Verdict, judge, judge_entry
from flowvisor.hypervisor.translation.table_miss import install_miss, is_miss, is_our_miss, own_miss_comes
from flowvisor.hypervisor.translation.virtual_deletes import delete_found
from flowvisor.hypervisor.translation.virtual_outputs import MARKS
from flowvisor.hypervisor.translation.virtual_ports import match_to_physical, patched_match
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import v13
from flowvisor.openflow.frame import FLOW_MOD, HEADER
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
    SEND_FLOW_REM,
    FlowMod,
    Message,
)
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import ALL, ANY, FLOOD, MAX_PORT
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.closed_ports import closed_group
from flowvisor.planning.entries import COOKIE, all_group, flood_group
from flowvisor.planning.share import port_group

# Offsets in a 1.3 FLOW_MOD (section 7.3.4.1).
_COOKIE: Final = slice(8, 16)
_TABLE: Final = 24
_COMMAND: Final = 25
_BUFFER: Final = slice(32, 36)
_MATCH: Final = 48
_MATCH_LENGTH: Final = slice(50, 52)
_NO_BUFFER_BYTES: Final = b"\xff\xff\xff\xff"
_NO_FIELDS: Final = b"\x00\x04"
_OUR_COOKIE: Final = COOKIE.to_bytes(8, "big")
_TABLE_BYTES: Final = [bytes([table]) for table in range(256)]


def southbound_patched(channel: TenantChannel, frame: bytes, effects: Effects) -> Refusal | None:
    """A 1.3 tenant's FLOW_MOD for a 1.3 datapath."""
    switch = channel.switch
    block = switch.view.block
    assert block is not None
    # The shortest valid one has an empty match and no instructions.
    if len(frame) < 56 or frame[_COMMAND] > MODIFY_STRICT or frame[_BUFFER] != _NO_BUFFER_BYTES:
        return southbound(channel, frame, effects)
    table_id = frame[_TABLE]
    if table_id >= block.size or (
        frame[_MATCH_LENGTH] == _NO_FIELDS and (switch.watches_miss or frame[_COOKIE] == _OUR_COOKIE)
    ):
        return southbound(channel, frame, effects)
    if switch.view.share is None:
        end = v13.check_match(frame, _MATCH)
        match = frame[_MATCH:end]
    else:
        patched = patched_match(frame, _MATCH)
        if patched is None:
            return southbound(channel, frame, effects)
        match, end = patched
    instructions = bytes(frame[end:])
    verdict = switch.verdicts.get((table_id, instructions))
    if verdict is None:
        verdict = _judge_bytes(switch, table_id, instructions)
    if not isinstance(verdict, bytes):
        return southbound(channel, frame, effects) if verdict.needs_match else verdict.refusal
    if frame[_COMMAND] == ADD:
        room = switch.room
        if room.left <= 0:
            return southbound(channel, frame, effects)
        room.left -= 1
    transactions = channel.transactions
    physical = b"".join(
        (
            HEADER.pack(4, FLOW_MOD, _MATCH + len(match) + len(verdict), transactions.send(frame)),
            frame[8:_TABLE],
            _TABLE_BYTES[table_id + block.first],
            frame[_COMMAND:_MATCH],
            match,
            verdict,
        )
    )
    send_to_datapath(switch.datapath, physical, effects)
    counters = channel.counters
    counters.down[FLOW_MOD] += 1
    counters.down_bytes += len(frame)
    if transactions.fence_is_due:
        fence(channel, effects)
    return None


def _judge_bytes(switch: VirtualSwitch, table_id: int, instructions: bytes) -> bytes | Verdict:
    """Judge and remember: the bytes that the datapath gets, or the verdict that says why not."""
    verdict = judge(switch, table_id, v13.decode_instructions(instructions))
    outcome: bytes | Verdict = verdict
    if verdict.refusal is None:
        outcome = v13.encode_instructions(verdict.instructions)
    switch.verdicts.remember((table_id, instructions), outcome, size=len(instructions))
    return outcome


def southbound(channel: TenantChannel, frame: bytes, effects: Effects) -> Refusal | None:
    """Any tenant's FLOW_MOD for a datapath that has a block of tables for the slice."""
    message = channel.codec.decode(frame)
    assert isinstance(message, FlowMod)
    switch = channel.switch
    block = switch.view.block
    assert block is not None
    if message.match.opaque:
        return Refusal(codes.MATCH_BAD_FIELD, "experimenter")
    if message.flags & EMERGENCY:
        return Refusal(codes.FLOW_MOD_BAD_FLAGS, "unsupported")
    match = message.match if switch.view.share is None else match_to_physical(message.match)
    if isinstance(match, Refusal):
        return match
    if message.command in (DELETE, DELETE_STRICT):
        return _delete(channel, frame, evolve(message, match=match), block, effects)
    if message.table_id >= block.size:
        return Refusal(codes.FLOW_MOD_BAD_TABLE_ID, "table-id")
    refusal = _check_buffer(switch, message)
    if refusal is not None:
        return refusal
    verdict = judge_entry(switch, message, channel.version)
    if verdict.refusal is not None:
        return verdict.refusal
    is_10_addition = message.command == ADD and not TRAITS[channel.version].has_tables
    physical = evolve(
        message,
        match=match,
        table_id=message.table_id + block.first,
        flags=message.flags | (RESET_COUNTS if is_10_addition else 0),  # as 1.0 has it, it counts anew
        instructions=verdict.instructions,
    )
    if message.command != ADD and TRAITS[channel.version].modify_adds:
        _modify_or_add(channel, frame, physical, effects)
    elif message.command == ADD:
        _add(channel, frame, physical, effects)
    else:
        _send(channel, frame, physical, effects)
    return None


def _add(channel: TenantChannel, frame: bytes, physical: FlowMod, effects: Effects) -> bool:
    """Send an addition; False if it has to wait until it is known whether there is room for it."""
    switch = channel.switch
    revision = switch.verdicts.revision

    def go_on(effects: Effects) -> None:
        if switch.verdicts.revision == revision:
            _send(channel, frame, physical, effects)
            return
        message = channel.codec.decode(frame)  # what it was judged by has changed meanwhile
        assert isinstance(message, FlowMod)
        verdict = judge_entry(switch, message, channel.version)
        if verdict.refusal is not None:
            refuse(channel, frame, verdict.refusal, effects)
        else:
            _send(channel, frame, evolve(physical, instructions=verdict.instructions), effects)

    return flow_quota.add(channel, frame, physical, go_on, effects)


def _check_buffer(switch: VirtualSwitch, message: FlowMod) -> Refusal | None:
    if message.buffer_id == NO_BUFFER:
        return None
    if switch.datapath.buffers.take(message.buffer_id, switch.name.slice_name) is None:
        return Refusal(codes.BUFFER_UNKNOWN, "foreign-buffer")
    return None


@define(eq=False)
class Copies:
    """A tenant's frame that was sent once for each table: if several fail it is one error all the same."""

    frame: bytes
    is_told: bool = False


def _send(
    channel: TenantChannel, frame: bytes, physical: FlowMod, effects: Effects, copies: Copies | None = None
) -> None:
    """Send one physical flow-mod in a tenant's name, and keep the table-miss entry of 1.0 tenants right."""
    switch = channel.switch
    block = switch.view.block
    assert block is not None
    covers_miss = not physical.match.fields and physical.table_id == block.first
    if physical.command == ADD and is_miss(physical, block):
        physical = own_miss_comes(switch, physical, effects)
    xid = channel.transactions.send(copies or frame)
    send_to_datapath(switch.datapath, switch.datapath.codec.encode(evolve(physical, xid=xid)), effects)
    channel.counters.down[FLOW_MOD] += 1
    channel.counters.down_bytes += len(frame)
    if physical.command != ADD and covers_miss and not switch.has_own_miss:
        install_miss(switch, effects)  # a modify or delete of everything takes ours along; it is back at once
    if channel.transactions.fence_is_due:
        fence(channel, effects)


def _delete(
    channel: TenantChannel, frame: bytes, message: FlowMod, block: TableBlock, effects: Effects
) -> Refusal | None:
    switch = channel.switch
    if message.table_id == ALL_TABLES:
        tables = range(block.first, block.end)
    elif message.table_id < block.size:
        tables = range(message.table_id + block.first, message.table_id + block.first + 1)
    else:
        return Refusal(codes.FLOW_MOD_BAD_TABLE_ID, "table-id")
    if switch.view.share is not None and looks_again(switch, message.out_port, message.out_group):
        _delete_found(channel, frame, message, tables, effects)
        return None
    if looks_again(switch, message.out_port, message.out_group):
        return Refusal(codes.FLOW_MOD_EPERM, "unsupported")  # the datapath can look for one group only
    filters = out_filter(switch, message.out_port, message.out_group)
    if filters is None:
        return None
    out_port, out_group = filters
    message = evolve(message, buffer_id=NO_BUFFER, instructions=(), out_port=out_port, out_group=out_group)
    copies = Copies(frame)
    for table_id in tables:
        _send(channel, frame, evolve(message, table_id=table_id), effects, copies)
    return None


def _delete_found(
    channel: TenantChannel, frame: bytes, message: FlowMod, tables: range, effects: Effects
) -> None:
    copies = Copies(frame)

    def delete(one: FlowMod, effects: Effects) -> None:
        _send(channel, frame, one, effects, copies)

    delete_found(channel, frame, message, tables, delete, effects)


def out_filter(switch: VirtualSwitch, out_port: int, out_group: int) -> tuple[int, int] | None:
    """A request's filters as (out_port, out_group) of the datapath; None: no entry passes.

    Outputs to FLOOD, to ALL and to a port that the slice has shut are groups there. Of one of these and a group it is
    the group that is looked for, and whoever asks has to look again.
    """
    if out_group != ANY_GROUP:
        group = switch.groups.by_id.get(out_group)
        port = ANY if is_group_there(switch, out_port) else out_port
        return None if group is None else (port, group.physical)
    share = switch.view.share
    if share is not None:
        if out_port in MARKS:
            return ANY, ANY_GROUP
        return (ANY, port_group(share.block, out_port)) if out_port <= MAX_PORT else (out_port, ANY_GROUP)
    groups = {FLOOD: flood_group, ALL: all_group}
    if out_port in groups:
        return ANY, groups[out_port](switch.allotted)
    if switch.port_configs.is_shut(out_port):
        return ANY, closed_group(switch.allotted, out_port)
    return out_port, ANY_GROUP


def is_group_there(switch: VirtualSwitch, out_port: int) -> bool:
    """Whether an output of the tenant's is to a group on the datapath."""
    if switch.view.share is not None:
        return out_port <= MAX_PORT or out_port in MARKS
    return out_port in (FLOOD, ALL) or switch.port_configs.is_shut(out_port)


def looks_again(switch: VirtualSwitch, out_port: int, out_group: int) -> bool:
    """Whether what the datapath finds by `out_filter` has to be looked at for the port once more."""
    is_marked = switch.view.share is not None and out_port in MARKS
    return is_marked or (out_group != ANY_GROUP and is_group_there(switch, out_port))


def _modify_or_add(channel: TenantChannel, frame: bytes, physical: FlowMod, effects: Effects) -> None:
    """1.0's modify adds where there is nothing to modify; the datapath is asked which it is.

    Until it has said so, the channel's further frames wait: each could depend on it.
    """
    datapath = channel.switch.datapath
    channel.awaits_answer = True

    def begin_anew(effects: Effects) -> None:
        channel.awaits_answer = False
        refusal = southbound(channel, frame, effects)
        if refusal is not None:
            refuse(channel, frame, refusal, effects)
        if not channel.awaits_answer:
            channel.awaits_answer = True
            datapath.resumable.append(channel)

    def decide(replies: list[Message], effects: Effects) -> None:
        if channel.switch.rewriting is not None:  # what is sent now could be undone by that
            channel.switch.rewriting.append(begin_anew)
            return
        found = [
            flow
            for reply in replies
            if isinstance(reply, FlowStatsReply)
            for flow in reply.flows
            if _is_meant(physical, flow) and not is_our_miss(channel.switch, flow)
        ]
        if not found:
            addition = evolve(
                physical, command=ADD, flags=physical.flags | RESET_COUNTS
            )  # ours may stand there
            if _add(channel, frame, addition, effects):
                datapath.resumable.append(channel)
            return
        copies = Copies(frame)
        for message in _modifications(channel.switch, physical, found):
            _send(channel, frame, message, effects, copies)
        datapath.resumable.append(channel)

    def fail(error: tuple[int, int], effects: Effects) -> None:
        refuse(channel, frame, Refusal(error, "datapath"), effects)
        datapath.resumable.append(channel)

    request = FlowStatsRequest(table_id=physical.table_id, match=physical.match)
    ask(datapath, channel.transactions, [request], decide, fail, effects)


def _modifications(switch: VirtualSwitch, physical: FlowMod, found: list[FlowStats]) -> list[FlowMod]:
    """What does the same on 1.3 as a modify of 1.0 that means these entries."""
    if all(flow.cookie == physical.cookie for flow in found):
        return [physical]
    # 1.0's modify changes the cookie, too, and 1.3's cannot: the entries are said anew, and so keep their counters.
    block = switch.view.block
    assert block is not None
    changed = []
    for flow in found:
        message = evolve(
            physical,
            command=ADD,
            priority=flow.priority,
            match=flow.match,
            idle_timeout=flow.idle_timeout,
            hard_timeout=flow.hard_timeout,
            flags=flow.flags & ~(RESET_COUNTS | CHECK_OVERLAP),
        )
        if is_miss(message, block) and switch.has_own_miss and not switch.own_miss_is_told:
            message = evolve(message, flags=message.flags & ~SEND_FLOW_REM)  # that was ours
        changed.append(message)
    return changed


def _is_meant(physical: FlowMod, flow: FlowStats) -> bool:
    strict = physical.command == MODIFY_STRICT
    return not strict or (flow.priority == physical.priority and flow.match.fields == physical.match.fields)
