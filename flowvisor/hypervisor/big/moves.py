"""Where entries belong changes: a port moves, a datapath goes, the virtual switch lies elsewhere."""

from __future__ import annotations

from flowvisor.hypervisor.big.big_switch import BigSwitch, Errand
from flowvisor.hypervisor.big.copies import own_leg
from flowvisor.hypervisor.big.entries import Entry, key_of
from flowvisor.hypervisor.big.errands import ask, begin
from flowvisor.hypervisor.big.flow_removed import plus, tell
from flowvisor.hypervisor.big.replay import settle
from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow import v13
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import HARD_TIMEOUT, IDLE_TIMEOUT
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest


def port_moved(big: BigSwitch, port: int, dpid: int | None, effects: Effects) -> None:
    """A port's packets come in at another datapath now, or nowhere (None): the entries that match it follow.

    Those of a port that is nowhere stay where they were. Call `heard` afterwards.
    """
    before = big.homes.get(port)
    if dpid is None:
        big.homes.pop(port, None)
        return
    if dpid == before:
        return
    big.homes[port] = dpid
    entries = list(big.entries.by_in_port.get(port, {}).values())
    if not entries or dpid not in big.shares:
        return
    for one in sorted({one for entry in entries for one in entry.copies} - {dpid}):
        _carry_counters(big, one, port, effects)
    for entry in entries:
        settle(big, entry, effects)


def _carry_counters(big: BigSwitch, dpid: int, port: int, effects: Effects) -> None:
    """What entries have counted where they were goes with them; those that tell when they go tell it then."""
    leg = own_leg(big, dpid)
    if leg is None:
        return

    def done(errand: Errand, _effects: Effects) -> None:
        for reply in map(v13.decode, errand.replies.get(dpid, ())):
            for flow in reply.flows if isinstance(reply, FlowStatsReply) else ():
                entry = big.entries.find(key_of(flow.table_id, flow.priority, flow.match))
                if entry is not None and not entry.is_watched:
                    entry.packet_count = plus(entry.packet_count, flow.packet_count)
                    entry.byte_count = plus(entry.byte_count, flow.byte_count)

    frame = v13.encode(FlowStatsRequest(match=Match.of(in_port=port)))
    ask(leg, frame, begin(leg.owner, frame, done), effects)


def copies_lost(big: BigSwitch, dpid: int, effects: Effects) -> None:
    """A datapath has left with what it has; it may come back with it."""
    for entry in big.entries:
        entry.idled.discard(dpid)
        entry.moved_from.discard(dpid)
        if entry.copies.pop(dpid, None) is not None and not entry.copies:
            entry.absent_since = effects.now
    for entry in {one for many in big.entries.ending.values() for one in many}:
        if entry.ending.pop(dpid, None) is not None and not entry.ending:
            big.entries.ended(entry)
            tell(big, entry, effects)


def expire(big: BigSwitch, effects: Effects) -> None:
    """Entries that no datapath has end when their time is over."""
    if big.edges <= big.shares.keys():
        return
    for entry in big.entries:
        reason = None if entry.copies else _expiry(entry, effects.now)
        if reason is not None:
            big.entries.take_out(entry)
            entry.ended_by = reason
            tell(big, entry, effects)


def _expiry(entry: Entry, now: float) -> int | None:
    if entry.hard_timeout and now >= entry.began_at + entry.hard_timeout:
        return HARD_TIMEOUT
    if entry.idle_timeout and now >= entry.absent_since + entry.idle_timeout:
        return IDLE_TIMEOUT
    return None
