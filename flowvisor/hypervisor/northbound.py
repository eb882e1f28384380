"""From a datapath to the controllers: each message to what is done with it, by tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flowvisor.errors import MalformedMessage
from flowvisor.hypervisor import links, provisioning, readoption
from flowvisor.hypervisor.effects import Effects, HangUp
from flowvisor.hypervisor.faults import TOO_MANY_FAULTS
from flowvisor.hypervisor.flow_table import Entry
from flowvisor.hypervisor.peers import Datapath, TenantChannel
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import MAX_REPLY_BYTES, finish
from flowvisor.hypervisor.transactions import HYPERVISOR_SLOT, Request, Transactions, slot_of
from flowvisor.hypervisor.translation import (
    flow_mod,
    flow_removed,
    groups,
    meters,
    packet_in,
    pieces,
    port_status,
)
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as msg
from flowvisor.openflow import multipart as multi
from flowvisor.openflow.frame import ERROR, FLOW_REMOVED, PACKET_IN, PORT_STATUS, xid_of

OfDatapath = Callable[[Datapath, bytes, Effects], None]

_MULTIPART_FLAGS: Final = slice(10, 12)  # in both versions
_MORE: Final = 1


def error(datapath: Datapath, frame: bytes, effects: Effects) -> None:
    """An ERROR: to whoever sent what failed."""
    message = datapath.codec.decode(frame)
    assert isinstance(message, msg.Error)
    transactions, channel = _sender(datapath, message.xid)
    token = transactions.failed(message.xid) if transactions is not None else None
    if token is None:
        datapath.stale_replies += 1
    elif channel is not None and isinstance(token, (Entry, pieces.Change)):
        pieces.undo(channel, token, message.error, effects)
    elif channel is not None and isinstance(token, groups.Change):
        groups.undo(channel, token, message.error, effects)
    elif channel is not None and isinstance(token, meters.Addition):
        meters.undo(channel, token, message.error, effects)
    elif isinstance(token, Request):
        if not token.is_over:
            token.is_over = True
            token.fail(message.error, effects)
    elif channel is None and token == links.PROBE:
        datapath.probes_refused += 1
    elif channel is None and isinstance(token, Entry):
        readoption.refused(datapath, token, message.error, effects)
    elif channel is None:
        datapath.own_failures += 1
        provisioning.refused(datapath, token, message.error)
        effects.note("error", "own_message_refused", dpid=datapath.dpid, what=token, error=message.error)
    elif channel.has_left or (isinstance(token, flow_mod.Copies) and token.is_told):
        return
    elif isinstance(token, flow_mod.Copies):
        token.is_told = True
        refuse(channel, token.frame, Refusal(message.error, "datapath"), effects)
    elif isinstance(token, bytes):
        refuse(channel, token, Refusal(message.error, "datapath"), effects)


def reply(datapath: Datapath, frame: bytes, effects: Effects) -> None:
    """An answer: to whoever asked; requests of several messages are answered when the last has its answer."""
    xid = xid_of(frame)
    transactions, channel = _sender(datapath, xid)
    request = transactions.waiting.get(xid) if transactions is not None else None
    if transactions is None or not isinstance(request, Request):
        datapath.stale_replies += 1
        return
    kind = datapath.codec.decode(frame) if not request.takes_frames else None
    has_more = _has_more(frame) if kind is None else isinstance(kind, multi.MultipartReply) and kind.more
    if not has_more:
        transactions.answered(xid)
        request.outstanding -= 1
    if isinstance(kind, msg.BarrierReply):
        done = transactions.settle(xid)
        pieces.settle(done)
        groups.settle([token for token in done if type(token) is groups.Change])
    if request.is_over or (channel is not None and channel.has_left):
        return
    if kind is not None and request.each is not None:
        request.each(kind)
    elif not _hold(request, frame, kind):
        request.is_over = True
        request.fail(codes.MULTIPART_BUFFER_OVERFLOW, effects)
        return
    if request.outstanding == 0:
        request.is_over = True
        if channel is not None and channel.repairs:
            channel.postponed.append(request)
        else:
            finish(request, effects)


def _hold(request: Request, frame: bytes, message: msg.Message | None) -> bool:
    """Keep one reply of a request; False when they have become too many."""
    request.held_bytes += len(frame)
    if request.held_bytes > MAX_REPLY_BYTES:
        return False
    if message is None:
        request.frames.append(frame)
    else:
        request.parts.append(message)
    return True


def _has_more(frame: bytes) -> bool:
    return bool(int.from_bytes(frame[_MULTIPART_FLAGS], "big") & _MORE)


def _sender(datapath: Datapath, xid: int) -> tuple[Transactions[object] | None, TenantChannel | None]:
    slot = slot_of(xid)
    if slot == HYPERVISOR_SLOT:
        return datapath.transactions, None
    channel = datapath.slots.get(slot)
    return (None, None) if channel is None else (channel.transactions, channel)


_BY_TYPE: Final[Mapping[int, OfDatapath]] = {
    ERROR: error,
    FLOW_REMOVED: flow_removed.northbound,
    PORT_STATUS: port_status.northbound,
}
_PACKET_IN: Final[Mapping[int, OfDatapath]] = {
    1: packet_in.northbound_patched_10,
    4: packet_in.northbound_patched_13,
}


def table_for(version: int) -> list[OfDatapath]:
    """What is done with each message type of a datapath of this version; what is no event is an answer."""
    table: list[OfDatapath] = [reply] * 256
    for kind, translation in _BY_TYPE.items():
        table[kind] = translation
    table[PACKET_IN] = _PACKET_IN[version]
    return table


TABLES: Final[Mapping[int, list[OfDatapath]]] = {version: table_for(version) for version in _PACKET_IN}


def translate(datapath: Datapath, table: list[OfDatapath], frame: bytes, effects: Effects) -> None:
    """Do what is done with one of a datapath's frames."""
    try:
        table[frame[1]](datapath, frame, effects)
    except MalformedMessage as fault:
        datapath.malformed += 1
        effects.note("warning", "malformed_from_datapath", dpid=datapath.dpid, what=str(fault))
        if datapath.faults.one_more(effects.now):
            effects.commands.append(HangUp(datapath, TOO_MANY_FAULTS))
