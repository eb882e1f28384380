"""FLOW_REMOVED of a virtual switch over several datapaths: told once, when the last copy has gone, counters added up.

Strategy: each datapath times its own copy. One that has idled is put back, because others may be in use; when every
copy has idled at some time the shares are asked whether one has been used since, and if none was the entry goes
everywhere. So it goes when it has idled for its time, and at the latest one such time after that. It never goes at one
datapath and stays at another, but for the moment that it takes to put it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flowvisor.hypervisor.big.big_switch import BigSwitch, Errand
from flowvisor.hypervisor.big.copies import own_leg, put, take_away, when_done
from flowvisor.hypervisor.big.entries import Entry, Key, key_of
from flowvisor.hypervisor.big.errands import STALE, ask, begin
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.translation.flow_removed import tell_channels
from flowvisor.openflow.messages import (
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    REMOVED_BY_DELETE,
    SEND_FLOW_REM,
    FlowRemoved,
)
from flowvisor.openflow.multipart import UNKNOWN_COUNTER, FlowStatsReply, FlowStatsRequest

_NANO: Final = 1_000_000_000


def heard(big: BigSwitch, dpid: int, message: FlowRemoved, effects: Effects) -> None:
    """A share has lost an entry."""
    key = key_of(message.table_id, message.priority, message.match)
    ending = _ending_at(big, key, dpid)
    if ending is not None:
        _count(ending, message)
        _one_less(ending.ending, dpid)
        if not ending.ending:
            big.entries.ended(ending)
            tell(big, ending, effects)
        return
    entry = big.entries.find(key)
    if entry is None or (dpid not in entry.copies and dpid not in entry.moved_from):
        big.tenant.counters[4].count_shed(STALE)
        return
    _count(entry, message)
    if dpid in entry.moved_from:
        entry.moved_from.discard(dpid)
    elif message.reason == IDLE_TIMEOUT and len(entry.copies) > 1:
        _put_back(big, dpid, entry, effects)
    elif message.reason == HARD_TIMEOUT and entry.is_patched:
        _one_less(entry.copies, dpid)
        end_everywhere(big, entry, HARD_TIMEOUT, effects)
    else:
        _one_less(entry.copies, dpid)
        if not entry.copies:
            big.entries.take_out(entry)
            entry.ended_by = message.reason
            tell(big, entry, effects)


def _ending_at(big: BigSwitch, key: Key, dpid: int) -> Entry | None:
    return next((entry for entry in big.entries.ending.get(key, ()) if dpid in entry.ending), None)


def _one_less(copies: dict[int, int], dpid: int) -> None:
    if copies[dpid] > 1:
        copies[dpid] -= 1
    else:
        del copies[dpid]


def _count(entry: Entry, message: FlowRemoved) -> None:
    """Add up what a copy that is gone has counted."""
    entry.packet_count = plus(entry.packet_count, message.packet_count)
    entry.byte_count = plus(entry.byte_count, message.byte_count)
    entry.lived = max(entry.lived, (message.duration_sec, message.duration_nsec))


def plus(one: int, other: int) -> int:
    """Two counters added up; one that nobody keeps stays so."""
    return UNKNOWN_COUNTER if UNKNOWN_COUNTER in (one, other) else (one + other) % (1 << 64)


def _put_back(big: BigSwitch, dpid: int, entry: Entry, effects: Effects) -> None:
    entry.is_patched = True
    put(big, dpid, entry, effects)
    entry.idled.add(dpid)
    if entry.copies and entry.idled >= entry.copies.keys() and not entry.is_asked:
        _ask_for_use(big, entry, effects)


def _ask_for_use(big: BigSwitch, entry: Entry, effects: Effects) -> None:
    """All copies have idled, each at its time: see whether one has been used since."""
    own = big.own
    assert own is not None
    entry.is_asked = True

    def done(errand: Errand, effects: Effects) -> None:
        entry.is_asked = False
        if errand.errors:
            entry.idled.clear()
            return
        used = {
            dpid
            for dpid, frames in errand.replies.items()
            for reply in map(own.codec.decode, frames)
            for flow in (reply.flows if isinstance(reply, FlowStatsReply) else ())
            if flow.packet_count and key_of(flow.table_id, flow.priority, flow.match) in entry.parts
        }
        entry.idled -= used
        if not used and big.entries.holds(entry):
            end_everywhere(big, entry, IDLE_TIMEOUT, effects)

    table_id, _, _ = entry.key
    match = entry.flow_mod().match
    frame = own.codec.encode(FlowStatsRequest(table_id=table_id, match=match))
    errand = begin(own, frame, done)
    for dpid in entry.copies:
        leg = own_leg(big, dpid)
        if leg is not None:
            ask(leg, frame, errand, effects)


def end_everywhere(big: BigSwitch, entry: Entry, reason: int, effects: Effects) -> None:
    """An entry's time is over: what is left of it goes, too."""
    entry.ended_by = reason
    places = set(entry.copies)
    if not big.entries.end(entry):
        tell(big, entry, effects)
        return
    for dpid in places:
        take_away(big, dpid, entry, effects)
    when_done(big, places, lambda effects: finish_ending(big, [entry], effects), effects)


def finish_ending(big: BigSwitch, entries: Iterable[Entry], effects: Effects) -> None:
    """Nothing more will be heard of these: tell what is known."""
    for entry in entries:
        if entry.ending:
            entry.ending.clear()
            big.entries.ended(entry)
            tell(big, entry, effects)


def tell(big: BigSwitch, entry: Entry, effects: Effects) -> None:
    """Tell the controllers that want to know, if the tenant asked for it."""
    if not entry.flags & SEND_FLOW_REM:
        return
    written = entry.flow_mod()
    seconds, nanoseconds = age(entry, entry.lived, effects.now)
    message = FlowRemoved(
        cookie=entry.cookie,
        priority=written.priority,
        reason=REMOVED_BY_DELETE if entry.ended_by is None else entry.ended_by,
        table_id=written.table_id,
        duration_sec=seconds,
        duration_nsec=nanoseconds,
        idle_timeout=entry.idle_timeout,
        hard_timeout=entry.hard_timeout,
        packet_count=entry.packet_count,
        byte_count=entry.byte_count,
        match=written.match,
    )
    tell_channels(big.channels, message, effects)


def age(entry: Entry, oldest: tuple[int, int], now: float) -> tuple[int, int]:
    """How long an entry has lived, in seconds and nanoseconds, given its oldest copy."""
    if not entry.is_patched and oldest != (0, 0):
        return oldest
    seconds = max(now - entry.began_at, 0.0)
    return max(oldest, (int(seconds), int(seconds % 1 * _NANO)))
