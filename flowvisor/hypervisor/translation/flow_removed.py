"""FLOW_REMOVED: to the slice whose entry it was, if it asked, in its own terms, once for all pieces."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.entry_records import forget_entry, remember_entry
from flowvisor.hypervisor.flow_table import MAX_ENTRY_NUMBER, PIECE_COOKIE, PIECE_COOKIE_MASK
from flowvisor.hypervisor.peers import Channel, Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.translation.idle_pieces import lived, put_back
from flowvisor.hypervisor.translation.table_miss import install_miss
from flowvisor.hypervisor.translation.virtual_ports import match_to_virtual
from flowvisor.openflow.frame import FLOW_REMOVED
from flowvisor.openflow.messages import SEND_FLOW_REM, FlowRemoved


def northbound(datapath: Datapath, frame: bytes, effects: Effects) -> None:
    """A FLOW_REMOVED of any datapath."""
    message = datapath.codec.decode(frame)
    assert isinstance(message, FlowRemoved)
    switch = datapath.switch_by_table[message.table_id]
    if switch is not None:
        _from_tables(switch, message, effects)
    elif message.cookie & PIECE_COOKIE_MASK == PIECE_COOKIE:
        _piece_gone(datapath, message, effects)
    else:
        datapath.unowned_removals += 1


def _from_tables(switch: VirtualSwitch, message: FlowRemoved, effects: Effects) -> None:
    block = switch.view.block
    assert block is not None
    told = True
    if message.table_id == block.first and message.priority == 0 and not message.match.fields:
        if switch.has_own_miss:
            told = switch.own_miss_is_told
        switch.has_own_miss = False
        install_miss(switch, effects)
    if told:
        match = message.match if switch.view.share is None else match_to_virtual(message.match)
        told_as = evolve(message, table_id=message.table_id - block.first, match=match, xid=0)
        _tell(switch, told_as, effects)


def _piece_gone(datapath: Datapath, message: FlowRemoved, effects: Effects) -> None:
    if datapath.readoption is not None:
        datapath.readoption.piece_gone(message)
        return
    entry = datapath.entries.get(message.cookie & MAX_ENTRY_NUMBER)
    if entry is None:
        datapath.unowned_removals += 1
        return
    entry.packet_count += message.packet_count
    entry.byte_count += message.byte_count
    switch = datapath.switches.get(entry.owner)
    if switch is not None and put_back(switch, entry, message, effects):
        if message.packet_count:
            remember_entry(datapath.dpid, entry, effects)
        return
    entry.live -= 1
    table = None if switch is None else switch.flow_table
    if entry.live > 0:
        if table is not None and table.holds(entry) and message.packet_count:
            remember_entry(datapath.dpid, entry, effects)
        return
    del datapath.entries[entry.number]
    if switch is None or table is None:
        return
    if table.take_out(entry):
        forget_entry(datapath.dpid, entry, effects)
    written = entry.flow_mod()
    if written.flags & SEND_FLOW_REM:
        told = evolve(
            message,
            xid=0,
            cookie=entry.cookie,
            priority=written.priority,
            table_id=0,
            match=written.match,
            idle_timeout=written.idle_timeout,
            hard_timeout=written.hard_timeout,
            packet_count=entry.packet_count,
            byte_count=entry.byte_count,
        )
        if entry.idling is not None:
            seconds, nanoseconds = lived(entry.idling, effects.now)
            reason = message.reason if entry.idling.ended_by is None else entry.idling.ended_by
            told = evolve(told, reason=reason, duration_sec=seconds, duration_nsec=nanoseconds)
        _tell(switch, told, effects)


def tell_late(channel: TenantChannel, effects: Effects) -> None:
    """Tell the first controller that comes what went while nobody was there."""
    switch = channel.switch
    untold, switch.untold = switch.untold, []
    for message in untold:
        _tell(switch, message, effects)


def _tell(switch: VirtualSwitch, message: FlowRemoved, effects: Effects) -> None:
    tell_channels(switch.channels, message, effects)


def tell_channels(channels: Iterable[Channel], message: FlowRemoved, effects: Effects) -> None:
    """Tell those of a virtual switch's channels that want to hear of it and can be told in their version."""
    for channel in channels:
        if not channel.wants(channel.masks.flow_removed, message.reason):
            continue
        try:
            frame = channel.codec.encode(message)
        except Inexpressible:
            channel.counters.count_shed("inexpressible")
            continue
        effects.send(channel, frame)
        channel.counters.up[FLOW_REMOVED] += 1
        channel.counters.up_bytes += len(frame)
