"""The quota of flow entries: an addition is refused if and only if the slice holds as many as it may.

Strategy: where a slice has tables of its own nobody here knows its entries, and a hundred bytes for each would be
more than what the rest costs. So additions are only counted down from what was free when the datapath was last asked,
and when that has been used up the datapath is asked again: deletions, time-outs and overwriting give back by
themselves. The channel waits for that; at the limit a second question says whether the entry is there already, because
then it does not become one more. Counting what flow-removed tells was rejected: it would have to be asked for in each
entry, and comes to nothing while the connection is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowvisor.errors import Inexpressible
from flowvisor.hypervisor.effects import Effects, Wake
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import ask
from flowvisor.hypervisor.room import UNLIMITED, Counting, Room
from flowvisor.hypervisor.translation.table_miss import is_our_miss
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import BarrierRequest, FlowMod, Message
from flowvisor.openflow.multipart import (
    FlowStatsReply,
    FlowStatsRequest,
    TableStatsReply,
    TableStatsRequest,
)

FULL: Final = Refusal(codes.TABLE_FULL, "quota")

GoOn = Callable[[Effects], None]


def begin(switch: VirtualSwitch) -> None:
    """A virtual switch is there from now on: find out what bounds it."""
    tenant = switch.tenant
    room = switch.room = Room(switch=switch)
    table = switch.flow_table
    if table is not None:
        room.counts_itself = table.__len__
    quota = tenant.quota
    if quota is None or (quota.flow_entries is None and quota.flow_entries_per_datapath is None):
        room.left = UNLIMITED
        return
    if quota.flow_entries_per_datapath is not None:
        room.limit = quota.flow_entries_per_datapath
    if quota.flow_entries is not None:
        room.pool = tenant.pool
        room.pool.limit = quota.flow_entries
    else:
        others = (one.room for one in switch.datapath.switches.values() if one.tenant is tenant)
        room.pool = next((one.pool for one in others if one in one.pool.rooms), room.pool)
    room.pool.rooms.append(room)


def end(switch: VirtualSwitch, effects: Effects) -> None:
    """The virtual switch is there no more; whoever waits for its count goes on without."""
    room = switch.room
    if room in room.pool.rooms:
        room.pool.rooms.remove(room)
        _is_told(room, effects)


def _find_room(channel: TenantChannel, go_on: GoOn, is_full: GoOn, effects: Effects) -> None:
    """Have the entries counted of all who share the limit; until then the channel waits.

    Then `go_on` if there is room for one more, else `is_full`.
    """
    room = channel.switch.room
    channel.awaits_answer = True

    def decide(effects: Effects) -> None:
        if not channel.has_left:
            (go_on if room.take() else is_full)(effects)

    pool = room.pool
    if pool.counting is not None:
        pool.counting.waiting.append(decide)
        return
    asked = [one for one in pool.rooms if one.counts_itself is None or one is room]
    pool.counting = Counting(set(asked), [decide])
    for one in asked:
        one.give_back()
    for one in asked:
        _count(one, effects)


def _count(room: Room, effects: Effects) -> None:
    """Ask one datapath, behind all that it was sent before."""
    switch: VirtualSwitch = room.switch
    block, ours = switch.view.block, switch.our_entries  # when the datapath counts

    def told(replies: list[Message], effects: Effects) -> None:
        if block is not None:
            tables = [one for reply in replies if isinstance(reply, TableStatsReply) for one in reply.tables]
            count = sum(one.active_count for one in tables if block.first <= one.table_id < block.end)
            room.counted(max(count - ours, 0))
        _is_told(room, effects)

    def failed(_error: tuple[int, int], effects: Effects) -> None:
        _is_told(room, effects)

    wanted = [BarrierRequest(), *([] if block is None else [TableStatsRequest()])]
    ask(switch.datapath, switch.datapath.transactions, wanted, told, failed, effects)


def _is_told(room: Room, effects: Effects) -> None:
    counting = room.pool.counting
    if counting is None or room not in counting.pending:
        return
    counting.pending.remove(room)
    if not counting.pending:
        room.pool.counting = None
        for decide in counting.waiting:
            decide(effects)
        effects.commands.append(Wake(effects.now))  # for channels of other datapaths than the last to answer


def add(channel: TenantChannel, frame: bytes, physical: FlowMod, go_on: GoOn, effects: Effects) -> bool:
    """Send a tenant's addition to its block of tables, now (True), or once it is known that there is room."""
    if channel.switch.room.take():
        go_on(effects)
        return True
    then = _Then(channel, frame, go_on)

    def look(effects: Effects) -> None:
        _look_for(channel, physical, then, effects)

    _find_room(channel, then.sent, look, effects)
    return False


def add_known(channel: TenantChannel, frame: bytes, go_on: GoOn, effects: Effects) -> Refusal | None:
    """The same of an entry that becomes one more in a table that is kept here."""
    room = channel.switch.room
    if room.take():
        go_on(effects)
        return None
    if all(one.counts_itself is not None for one in room.pool.rooms):
        return FULL
    then = _Then(channel, frame, go_on)
    _find_room(channel, then.sent, lambda effects: then.refused(FULL.error, effects), effects)
    return None


class _Then:
    """What becomes of an addition that had to wait, and of its channel."""

    def __init__(self, channel: TenantChannel, frame: bytes, go_on: GoOn) -> None:
        self._channel = channel
        self._frame = frame
        self._go_on = go_on

    def sent(self, effects: Effects) -> None:
        """There is room."""
        try:
            self._go_on(effects)
        except Inexpressible as error:  # nobody else is there any more to refuse it
            refusal = Refusal((error.error_type, error.error_code), "inexpressible")
            refuse(self._channel, self._frame, refusal, effects)
        self._channel.switch.datapath.resumable.append(self._channel)

    def refused(self, error: tuple[int, int], effects: Effects) -> None:
        """There is none, or the datapath does not say so."""
        refusal = FULL if error == FULL.error else Refusal(error, "datapath")
        refuse(self._channel, self._frame, refusal, effects)
        self._channel.switch.datapath.resumable.append(self._channel)


def _look_for(channel: TenantChannel, physical: FlowMod, then: _Then, effects: Effects) -> None:
    """See whether the entry is there already, and would only be overwritten."""
    switch = channel.switch
    is_there = False

    def look_at(reply: Message) -> None:
        nonlocal is_there
        for flow in reply.flows if isinstance(reply, FlowStatsReply) else ():
            is_same = flow.priority == physical.priority and flow.match.fields == physical.match.fields
            is_there = is_there or (is_same and not is_our_miss(switch, flow))

    def decide(_replies: list[Message], effects: Effects) -> None:
        if is_there:
            then.sent(effects)
        else:
            then.refused(FULL.error, effects)

    request = FlowStatsRequest(table_id=physical.table_id, match=physical.match)
    ask(switch.datapath, channel.transactions, [request], decide, then.refused, effects, each=look_at)
