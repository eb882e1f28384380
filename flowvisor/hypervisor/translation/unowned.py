"""Requests about what a slice does not have yet: groups, meters, queues.

Deleting all of nothing succeeds, and lists of nothing are empty, because controllers begin with both.
"""

from __future__ import annotations

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import TenantChannel
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.switch_messages import answer
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import (
    ALL_TABLES,
    GROUP_ADD,
    GROUP_DELETE,
    METER_ADD,
    METER_DELETE,
    GetAsyncReply,
    GroupMod,
    Message,
    MeterMod,
    QueueGetConfigReply,
    QueueGetConfigRequest,
    SetAsync,
    TableMod,
)
from flowvisor.openflow.multipart import (
    GroupDescReply,
    GroupDescRequest,
    GroupFeaturesReply,
    GroupFeaturesRequest,
    GroupStatsReply,
    GroupStatsRequest,
    MeterConfigReply,
    MeterConfigRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    MeterStatsReply,
    MeterStatsRequest,
    QueueStatsReply,
    QueueStatsRequest,
)
from flowvisor.openflow.ports import ANY

_NOTHING: dict[type[Message], type[Message]] = {
    GroupStatsRequest: GroupStatsReply,
    GroupDescRequest: GroupDescReply,
    GroupFeaturesRequest: GroupFeaturesReply,
    MeterStatsRequest: MeterStatsReply,
    MeterConfigRequest: MeterConfigReply,
    MeterFeaturesRequest: MeterFeaturesReply,
    QueueStatsRequest: QueueStatsReply,
}
LISTS_OF_NOTHING = tuple(_NOTHING)


def nothing(channel: TenantChannel, _frame: bytes, request: Message, effects: Effects) -> Refusal | None:
    """A list that has no entries, or features that say so."""
    answer(channel, _NOTHING[type(request)](xid=request.xid), effects)
    return None


def group_mod(_channel: TenantChannel, _frame: bytes, request: GroupMod, _effects: Effects) -> Refusal | None:
    """GROUP_MOD."""
    if request.command == GROUP_DELETE:
        return None
    error = codes.OUT_OF_GROUPS if request.command == GROUP_ADD else codes.UNKNOWN_GROUP
    return Refusal(error, "no-groups")


def meter_mod(_channel: TenantChannel, _frame: bytes, request: MeterMod, _effects: Effects) -> Refusal | None:
    """METER_MOD."""
    if request.command == METER_DELETE:
        return None
    error = codes.OUT_OF_METERS if request.command == METER_ADD else codes.UNKNOWN_METER
    return Refusal(error, "no-meters")


def table_mod(channel: TenantChannel, _frame: bytes, request: TableMod, _effects: Effects) -> Refusal | None:
    """TABLE_MOD: 1.3 has nothing left that it could configure (section 7.3.4.2)."""
    block = channel.switch.view.block
    size = 1 if block is None else block.size
    if request.table_id != ALL_TABLES and request.table_id >= size:
        return Refusal(codes.TABLE_MOD_BAD_TABLE, "table-id")
    return Refusal(codes.TABLE_MOD_BAD_CONFIG, "table-mod") if request.config else None


def queue_config(
    channel: TenantChannel, _frame: bytes, request: QueueGetConfigRequest, effects: Effects
) -> Refusal | None:
    """QUEUE_GET_CONFIG_REQUEST."""
    if request.port != ANY and all(port.number != request.port for port in channel.switch.ports):
        return Refusal(codes.QUEUE_BAD_PORT, "foreign-port")
    answer(channel, QueueGetConfigReply(xid=request.xid, port=request.port), effects)
    return None


def get_async(channel: TenantChannel, _frame: bytes, request: Message, effects: Effects) -> Refusal | None:
    """GET_ASYNC_REQUEST."""
    answer(channel, GetAsyncReply(xid=request.xid, masks=channel.masks), effects)
    return None


def set_async(channel: TenantChannel, _frame: bytes, request: SetAsync, _effects: Effects) -> Refusal | None:
    """SET_ASYNC: for this channel alone."""
    channel.masks = request.masks
    return None
