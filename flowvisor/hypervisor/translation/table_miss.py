"""The table-miss entry of a slice's tables: the hypervisor's while 1.0 controllers want it, or the tenant's own.

Strategy: ours has a cookie of its own, which a tenant may have chosen as well. So it is remembered with the datapath
that what has this cookie there is ours, from when it is sent until the tenant puts an entry of that cookie over it.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import TABLE_MISS
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.requests import ask, send_own
from flowvisor.hypervisor.translation.storm_meters import metered
from flowvisor.openflow.messages import ADD, DELETE_STRICT, SEND_FLOW_REM, FlowMod, Message
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.entries import CLASSIFIER_TABLE, COOKIE, miss_entry

ALL_COOKIE_BITS: Final = (1 << 64) - 1
_KEY: Final = b""  # there is one such place in a slice's tables


def is_miss(message: FlowMod | FlowStats, block: TableBlock) -> bool:
    """Whether a physical entry stands where the hypervisor's table-miss entry of the block does."""
    return message.table_id == block.first and message.priority == 0 and not message.match.fields


def is_wanted(switch: VirtualSwitch) -> bool:
    """Whether that place is to be the hypervisor's."""
    return switch.wants_misses and not switch.has_own_miss


def is_sent_by_us(switch: VirtualSwitch, entry: FlowStats) -> bool:
    """Whether an entry in that place is the hypervisor's, of this connection or of one before."""
    return entry.cookie == COOKIE and _KEY in switch.datapath.memory.of(TABLE_MISS, switch.name.slice_name)


def own_miss_comes(switch: VirtualSwitch, addition: FlowMod, effects: Effects) -> FlowMod:
    """The tenant puts an entry there; gives what the datapath gets, which tells when it goes if that matters."""
    if addition.cookie == COOKIE:
        switch.datapath.memory.forget(TABLE_MISS, switch.name.slice_name, _KEY, effects)
    if not switch.watches_miss:
        return addition
    switch.has_own_miss, switch.has_our_miss = True, False
    switch.own_miss_is_told = bool(addition.flags & SEND_FLOW_REM)
    return evolve(addition, flags=addition.flags | SEND_FLOW_REM)


def begin_misses(switch: VirtualSwitch, effects: Effects) -> None:
    """The first controller that wants misses has come: see whether the tenant has an entry in that place itself."""
    datapath, block = switch.datapath, switch.view.block
    if block is None:
        install_miss(switch, effects)
        return

    def found(replies: list[Message], effects: Effects) -> None:
        for reply in replies:
            for flow in reply.flows if isinstance(reply, FlowStatsReply) else ():
                if is_miss(flow, block) and not is_sent_by_us(switch, flow):
                    _watch_own_miss(switch, flow, effects)
        install_miss(switch, effects)

    def failed(_error: tuple[int, int], effects: Effects) -> None:
        found([], effects)

    ask(datapath, datapath.transactions, [FlowStatsRequest(table_id=block.first)], found, failed, effects)


def _watch_own_miss(switch: VirtualSwitch, flow: FlowStats, effects: Effects) -> None:
    """Have the datapath tell when the tenant's own table-miss entry goes, because ours then takes its place."""
    if switch.has_own_miss:
        return
    switch.has_own_miss, switch.has_our_miss = True, False
    switch.own_miss_is_told = bool(flow.flags & SEND_FLOW_REM)
    if not switch.own_miss_is_told:
        again = FlowMod(
            cookie=flow.cookie,
            table_id=flow.table_id,
            idle_timeout=flow.idle_timeout,
            hard_timeout=flow.hard_timeout,
            priority=0,
            flags=flow.flags | SEND_FLOW_REM,
            instructions=flow.instructions,
        )
        send_own(switch.datapath, again, "table-miss entry", effects)


def install_miss(switch: VirtualSwitch, effects: Effects) -> None:
    """Put the table-miss entry for 1.0 controllers in its place, if some controller wants it and it has a place."""
    if is_wanted(switch):
        _send_miss(switch, ADD, effects)


def remove_miss(switch: VirtualSwitch, effects: Effects) -> None:
    """Take it away again when nobody wants it any more."""
    shared = switch.view.block is None
    switches = switch.datapath.switches.values() if shared else (switch,)
    if not switch.has_own_miss and not any(one.wants_misses for one in switches):
        _send_miss(switch, DELETE_STRICT, effects)


def _send_miss(switch: VirtualSwitch, command: int, effects: Effects) -> None:
    datapath, block = switch.datapath, switch.view.block
    if TRAITS[datapath.version].unmatched_to_controller:
        return  # no entry is needed
    switch.has_our_miss = command != DELETE_STRICT
    switch.past_changes += 1  # what was read of the table before is out of date
    entry = miss_entry(CLASSIFIER_TABLE if block is None else block.first)
    entry = evolve(entry, instructions=metered(switch, entry.instructions))
    if command == DELETE_STRICT:
        entry = evolve(entry, command=command, cookie_mask=ALL_COOKIE_BITS, instructions=())
    elif block is not None and not datapath.memory.of(TABLE_MISS, switch.name.slice_name):
        datapath.memory.remember(TABLE_MISS, switch.name.slice_name, _KEY, b"", effects)
    send_own(datapath, entry, "table-miss entry", effects)


def is_our_miss(switch: VirtualSwitch, flow: FlowStats) -> bool:
    """Whether an entry of the slice's first table is the hypervisor's own."""
    block = switch.view.block
    return is_wanted(switch) and block is not None and is_miss(flow, block) and is_sent_by_us(switch, flow)
