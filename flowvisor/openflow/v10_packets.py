"""The messages of OpenFlow 1.0 that carry packets and flow entries, and where in their frames what is.

Strategy: the offsets are public because the fast path patches frames that were checked before, and decodes
none; they stand beside the codec so that both say the same.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow import messages as m
from flowvisor.openflow.error_codes import (
    BAD_LEN,
    FLOW_MOD_BAD_COMMAND,
    FLOW_MOD_BAD_FLAGS,
    FLOW_MOD_BAD_TABLE_ID,
    MATCH_BAD_FIELD,
)
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ANY
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import length_field
from flowvisor.openflow.v10_actions import decode_actions, encode_actions
from flowvisor.openflow.v10_match import MATCH_LENGTH, decode_match, encode_match
from flowvisor.openflow.v10_ports import port_from_10, port_to_10
from flowvisor.openflow.v10_statistics import actions_of, instructions_of

# Structures begin after the header (a flow-mod's after the match); offsets count from the start of the frame.
PACKET_IN_STRUCT: Final = Struct("!IHHBx")  # buffer_id, total_len, in_port, reason
PACKET_IN_BUFFER_ID: Final = 8
PACKET_IN_TOTAL_LEN: Final = 12
PACKET_IN_IN_PORT: Final = 14
PACKET_IN_REASON: Final = 16
PACKET_IN_DATA: Final = 18
PACKET_OUT_STRUCT: Final = Struct("!IHH")  # buffer_id, in_port, actions_len
PACKET_OUT_BUFFER_ID: Final = 8
PACKET_OUT_IN_PORT: Final = 12
PACKET_OUT_ACTIONS_LEN: Final = 14
PACKET_OUT_ACTIONS: Final = 16
FLOW_MOD_STRUCT: Final = Struct("!QHHHHIHH")  # the fields below, after the match
FLOW_MOD_MATCH: Final = 8
FLOW_MOD_COOKIE: Final = 48
FLOW_MOD_COMMAND: Final = 56
FLOW_MOD_IDLE_TIMEOUT: Final = 58
FLOW_MOD_HARD_TIMEOUT: Final = 60
FLOW_MOD_PRIORITY: Final = 62
FLOW_MOD_BUFFER_ID: Final = 64
FLOW_MOD_OUT_PORT: Final = 68
FLOW_MOD_FLAGS: Final = 70
FLOW_MOD_ACTIONS: Final = 72

EMERGENCY_10: Final = 1 << 2  # OFPFF_EMERG
_FLAGS_10: Final = m.SEND_FLOW_REM | m.CHECK_OVERLAP  # the flags that are the same bits in both versions

_FLOW_REMOVED: Final = Struct("!40sQHBxIIH2xQQ")


def decode_packet_in(reader: Reader, xid: int) -> m.PacketIn:
    buffer_id, total_len, in_port, reason = reader.unpack(PACKET_IN_STRUCT)
    return m.PacketIn(
        xid=xid,
        buffer_id=buffer_id,
        total_len=total_len,
        reason=reason,
        match=Match.of(in_port=port_from_10(in_port)),
        data=reader.rest(),
    )


def encode_packet_in(message: m.PacketIn) -> bytes:
    port = message.match.exact("in_port")
    in_port = port_to_10(ANY if port is None else port)
    reason = min(message.reason, m.REASON_ACTION)  # 1.3's INVALID_TTL: 1.0 has no nearer word
    return PACKET_IN_STRUCT.pack(message.buffer_id, message.total_len, in_port, reason) + message.data


def decode_flow_removed(reader: Reader, xid: int) -> m.FlowRemoved:
    match, cookie, priority, reason, *numbers = reader.unpack(_FLOW_REMOVED)
    duration_sec, duration_nsec, idle_timeout, packets, octets = numbers
    return m.FlowRemoved(
        xid=xid,
        cookie=cookie,
        priority=priority,
        reason=reason,
        duration_sec=duration_sec,
        duration_nsec=duration_nsec,
        idle_timeout=idle_timeout,
        packet_count=packets,
        byte_count=octets,
        match=decode_match(match),
    )


def encode_flow_removed(message: m.FlowRemoved) -> bytes:
    return _FLOW_REMOVED.pack(
        encode_match(message.match),
        message.cookie,
        message.priority,
        min(message.reason, m.REMOVED_BY_DELETE),  # 1.3's GROUP_DELETE is a deletion too
        message.duration_sec,
        message.duration_nsec,
        message.idle_timeout,
        message.packet_count,
        message.byte_count,
    )


def decode_packet_out(reader: Reader, xid: int) -> m.PacketOut:
    buffer_id, in_port, actions_len = reader.unpack(PACKET_OUT_STRUCT)
    with reader.within(actions_len, BAD_LEN):
        actions = decode_actions(reader.rest())
    in_port = port_from_10(in_port)
    return m.PacketOut(xid=xid, buffer_id=buffer_id, in_port=in_port, actions=actions, data=reader.rest())


def encode_packet_out(message: m.PacketOut) -> bytes:
    actions = encode_actions(message.actions)
    actions_len = length_field(len(actions))
    fixed = PACKET_OUT_STRUCT.pack(message.buffer_id, port_to_10(message.in_port), actions_len)
    return fixed + actions + message.data


def decode_flow_mod(reader: Reader, xid: int) -> m.FlowMod:
    match = decode_match(reader.take(MATCH_LENGTH))
    cookie, command, idle_timeout, hard_timeout, *numbers = reader.unpack(FLOW_MOD_STRUCT)
    priority, buffer_id, out_port, flags = numbers
    if command > m.DELETE_STRICT:
        raise MalformedMessage(FLOW_MOD_BAD_COMMAND, f"flow-mod command {command}")
    if flags & ~(_FLAGS_10 | EMERGENCY_10):
        raise MalformedMessage(FLOW_MOD_BAD_FLAGS, f"flow-mod flags {flags:#x}")
    return m.FlowMod(
        xid=xid,
        cookie=cookie,
        command=command,
        idle_timeout=idle_timeout,
        hard_timeout=hard_timeout,
        priority=priority,
        buffer_id=buffer_id,
        out_port=port_from_10(out_port),
        flags=flags & _FLAGS_10 | (m.EMERGENCY if flags & EMERGENCY_10 else 0),
        match=match,
        instructions=instructions_of(decode_actions(reader.rest())),
    )


def encode_flow_mod(message: m.FlowMod) -> bytes:
    if message.table_id not in (0, m.ALL_TABLES):
        raise Inexpressible(FLOW_MOD_BAD_TABLE_ID, f"table {message.table_id}: OpenFlow 1.0 names none")
    if message.cookie_mask or message.out_group != m.ANY_GROUP:
        raise Inexpressible(MATCH_BAD_FIELD, "OpenFlow 1.0 does not filter by cookie or group")
    if message.flags & ~(_FLAGS_10 | m.EMERGENCY):
        raise Inexpressible(FLOW_MOD_BAD_FLAGS, f"flow-mod flags {message.flags:#x}")
    fixed = FLOW_MOD_STRUCT.pack(
        message.cookie,
        message.command,
        message.idle_timeout,
        message.hard_timeout,
        message.priority,
        message.buffer_id,
        port_to_10(message.out_port),
        message.flags & _FLAGS_10 | (EMERGENCY_10 if message.flags & m.EMERGENCY else 0),
    )
    return encode_match(message.match) + fixed + encode_actions(actions_of(message.instructions))
