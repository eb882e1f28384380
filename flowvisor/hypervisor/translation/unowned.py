"""Requests about tables, which have nothing to configure, and about what each channel wants to hear."""

from __future__ import annotations

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Channel, TenantChannel
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.switch_messages import answer
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import (
    ALL_TABLES,
    GetAsyncReply,
    Message,
    SetAsync,
    TableMod,
)


def table_mod(channel: TenantChannel, _frame: bytes, request: TableMod, _effects: Effects) -> Refusal | None:
    """TABLE_MOD: 1.3 has nothing left that it could configure (section 7.3.4.2)."""
    block = channel.switch.view.block
    size = 1 if block is None else block.size
    if request.table_id != ALL_TABLES and request.table_id >= size:
        return Refusal(codes.TABLE_MOD_BAD_TABLE, "table-id")
    return Refusal(codes.TABLE_MOD_BAD_CONFIG, "table-mod") if request.config else None


def get_async(channel: Channel, _frame: bytes, request: Message, effects: Effects) -> Refusal | None:
    """GET_ASYNC_REQUEST."""
    answer(channel, GetAsyncReply(xid=request.xid, masks=channel.masks), effects)
    return None


def set_async(channel: Channel, _frame: bytes, request: SetAsync, _effects: Effects) -> Refusal | None:
    """SET_ASYNC: for this channel alone."""
    channel.masks = request.masks
    return None
