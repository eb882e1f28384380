"""Entries of intersected slices that outlive a connection, or us: what is known of them, and what is there still."""

# Strategy: each piece on a datapath carries its entry's number, so that an entry is matched with what is known of it
# (its table survives in the memory; the journal brings it back after a restart) and judged by today's files as if it
# came now. A piece that is right is left alone: no packet is lost, it goes on counting. An entry none of whose pieces
# is there has timed out if it could; if not, the datapath has lost it, and it is sent again. Pieces of nobody's go.

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from attrs import Factory, define, evolve

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.layout import boxes_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.entry_records import decode_entry, entry_name, forget_entry, remember_entry
from flowvisor.hypervisor.flow_table import (
    MAX_ENTRY_NUMBER,
    PIECE_COOKIE,
    PIECE_COOKIE_MASK,
    REFUSED,
    Entry,
    FlowTable,
)
from flowvisor.hypervisor.journal import FLOW_ENTRY, encode_record
from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.provisioning import what_it_is
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import send_own
from flowvisor.hypervisor.translation.pieces import as_it_was, cut, deletions, key_of, ports_changed
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    MODIFY_STRICT,
    SEND_FLOW_REM,
    FlowMod,
    FlowRemoved,
)
from flowvisor.openflow.multipart import FlowStats
from flowvisor.openflow.traits import TRAITS
from flowvisor.openflow.v10_canonical import bits_of
from flowvisor.planning.difference import entry_changes, removal_of
from flowvisor.planning.entries import CLASSIFIER_TABLE, COOKIE, COOKIE_MASK, miss_entry
from flowvisor.planning.own_state import own_entries
from flowvisor.planning.plan import Enforcement

MAX_UNTOLD: Final = (
    1024  # entries of one virtual switch that went while nobody was there; of more nobody is told
)

Slot = Hashable  # where an entry is in a datapath's tables: there is never more than one of a slot


def restore(datapath: Datapath, effects: Effects) -> None:
    """Give the virtual switches of a datapath that has just connected the flow tables that are remembered.

    What is remembered of slices that are not intersected here is forgotten.
    """
    memory = datapath.memory
    remembered = [entry for table in memory.flow_tables.values() for entry in table.entries.values()]
    fresh = {
        name: new_flow_table(switch)
        for name, switch in datapath.switches.items()
        if datapath.plan.enforcement is Enforcement.INTERSECT
    }
    for name, one in fresh.items():
        datapath.switches[name].flow_table = one
    is_rephrased = memory.version != datapath.version
    memory.entries.clear()
    for entry in remembered:
        table = fresh.get(entry.owner)
        entry.replaced = None
        if entry.idling is not None:  # it begins anew for pieces that may not be those of then
            entry.idling.pieces.clear()
            entry.idling.is_asked = False
        if table is None or is_rephrased:
            forget_entry(memory.dpid, entry, effects)
        if table is not None and (not is_rephrased or _rephrase(datapath, entry, entry.flow_mod(), effects)):
            memory.entries[entry.number] = entry
            table.take_over(entry, memory.flow_tables[entry.owner])
    memory.flow_tables = fresh
    memory.version = datapath.version
    for name, key, value in memory.take(FLOW_ENTRY):
        _recall(datapath, name, key, value, effects)


def _recall(datapath: Datapath, name: str, key: bytes, value: bytes, effects: Effects) -> None:
    """Bring an entry back that the journal has kept."""
    memory = datapath.memory
    decoded = decode_entry(name, value)
    table = memory.flow_tables.get(name)
    if table is not None and decoded is not None:
        entry, message = decoded
        memory.entries_made = max(memory.entries_made, entry.number + 1) & MAX_ENTRY_NUMBER
        if _rephrase(datapath, entry, message, None) and entry.number not in memory.entries:
            if entry_name(entry.key) != key:
                remember_entry(memory.dpid, entry, effects)
                effects.record(memory.dpid, encode_record(FLOW_ENTRY, name, key, None))
            memory.entries[entry.number] = entry
            replaced = table.put(entry)
            if replaced is not None:
                del memory.entries[replaced.number]
            table.note_punting(entry, message)
            return
    effects.record(memory.dpid, encode_record(FLOW_ENTRY, name, key, None))


def _rephrase(datapath: Datapath, entry: Entry, message: FlowMod, effects: Effects | None) -> bool:
    """Find an entry's key in the words of the datapath's version; False if it has none there."""
    try:
        entry.key = key_of(datapath, message)
    except Inexpressible:
        return False
    if effects is not None:
        remember_entry(datapath.dpid, entry, effects)
    return True


def new_flow_table(switch: VirtualSwitch) -> FlowTable:
    """An empty table for a virtual switch."""
    used = switch.view.ownership.used_mask
    from_layout = [name for name in FIELDS if used & _layout_bits(name)]
    return FlowTable(bits_of(from_layout))


def _layout_bits(name: str) -> int:
    bits = 0
    for box in boxes_of(Match.of(**{name: FIELDS[name].all_ones})):
        bits |= box.mask
    return bits


@define(eq=False)
class _Known:
    """An entry, its pieces as they should be (none if it may not be any more), and those that are there."""

    entry: Entry
    wanted: dict[Slot, FlowMod]
    present: dict[Slot, FlowStats] = Factory(dict)


class Comparison:
    """The entries on one datapath, looked at one by one while it tells of them; what is to be sent at the end."""

    def __init__(self, datapath: Datapath) -> None:
        self._datapath = datapath
        self._known: dict[int, _Known] = {}
        self._gone: set[tuple[int, Slot]] = set()  # pieces that went while we looked
        self._own: list[FlowStats] = []
        self._unknown: dict[Slot, FlowStats] = {}
        self._ports = set(datapath.ports)

    def look_at(self, flow: FlowStats) -> None:
        """An entry that is there."""
        if not TRAITS[self._datapath.version].has_tables:
            flow = evolve(flow, table_id=0)  # whatever a 1.0 datapath calls the parts of its one table
        if flow.cookie & COOKIE_MASK == COOKIE and flow.table_id == 0:
            self._own.append(flow)
            return
        slot = self._slot(flow.table_id, flow.priority, flow.match)
        number = flow.cookie & MAX_ENTRY_NUMBER
        entry = self._datapath.entries.get(number)
        if entry is None or flow.cookie & PIECE_COOKIE_MASK != PIECE_COOKIE:
            self._unknown[slot] = flow
        elif (number, slot) not in self._gone:
            self._known_of(entry).present[slot] = flow

    def piece_gone(self, message: FlowRemoved) -> None:
        """The datapath has removed a piece while it told us what it has."""
        slot = self._slot(message.table_id, message.priority, message.match)
        number = message.cookie & MAX_ENTRY_NUMBER
        self._gone.add((number, slot))
        if number in self._known:
            self._known[number].present.pop(slot, None)
        entry = self._datapath.entries.get(number)
        if entry is not None:
            entry.packet_count += message.packet_count
            entry.byte_count += message.byte_count

    def finish(self, effects: Effects) -> None:
        """Make it so. What must go because it is nobody's goes first, a piece that another takes over from last."""
        datapath = self._datapath
        known = [self._known_of(entry) for entry in datapath.entries.values()]
        wanted = {slot for one in known if self._is_alive(one) for slot in one.wanted}
        for slot, flow in self._unknown.items():
            if slot not in wanted:  # it is overwritten otherwise
                send_own(datapath, removal_of(flow), "clearing", effects)
        own = own_entries(datapath.plan, datapath.port_configs)
        has_miss = not TRAITS[datapath.version].unmatched_to_controller
        if has_miss and any(switch.wants_misses for switch in datapath.switches.values()):
            own.append(miss_entry(CLASSIFIER_TABLE))
        for message in entry_changes(own, self._own):
            send_own(datapath, message, what_it_is(datapath, message), effects)
        late: list[FlowMod] = []
        for one in known:
            if self._is_alive(one):
                late += self._complete(one, effects)
            else:
                self._take_out(one, effects)
        for message in late:
            send_own(datapath, message, "clearing", effects)
        if set(datapath.ports) != self._ports:
            for switch in datapath.switches.values():
                ports_changed(switch, effects)

    def _slot(self, table_id: int, priority: int, match: Match) -> Slot:
        try:
            return table_id, key_of(self._datapath, FlowMod(priority=priority, match=match)), match.opaque
        except Inexpressible:  # such a match is no piece of ours
            return table_id, priority, frozenset(match.fields.items()), match.opaque

    def _known_of(self, entry: Entry) -> _Known:
        known = self._known.get(entry.number)
        if known is None:
            pieces = _pieces_today(self._datapath.switches[entry.owner], entry)
            wanted = {self._slot(0, piece.priority, piece.match): piece for piece in pieces}
            known = self._known[entry.number] = _Known(entry, wanted)
        return known

    @staticmethod
    def _is_alive(known: _Known) -> bool:
        """Whether an entry stays: it may be, and is there, or has been lost though it could not time out."""
        return bool(known.wanted) and (bool(known.present) or not _timeouts(known))

    def _complete(self, known: _Known, effects: Effects) -> list[FlowMod]:
        """Send what an entry's pieces lack; return what takes off those that are no more its own."""
        entry = known.entry
        extra = dict(known.present)
        for slot, piece in known.wanted.items():
            flow = extra.pop(slot, None)
            if flow is None:
                fresh = evolve(piece, hard_timeout=_left_of_hard_timeout(piece, known))
                send_own(self._datapath, fresh, entry, effects)
            elif not self._is_same(flow, piece):
                send_own(self._datapath, evolve(piece, command=MODIFY_STRICT), entry, effects)
        entry.live = len(known.wanted) + len(extra)
        return [removal_of(flow) for flow in extra.values()]

    def _is_same(self, flow: FlowStats, piece: FlowMod) -> bool:
        if flow.instructions == piece.instructions:
            return True
        codec = self._datapath.codec
        said = codec.decode(codec.encode(piece))
        assert isinstance(said, FlowMod)
        return flow.instructions == said.instructions

    def _take_out(self, known: _Known, effects: Effects) -> None:
        """An entry is no more: it has timed out, or it may not be; its tenant is told when its pieces have gone."""
        datapath, entry = self._datapath, known.entry
        take_out(datapath, entry, effects)
        if known.present:
            datapath.entries[entry.number] = entry
            entry.live = len(known.present)
            for flow in known.present.values():
                send_own(datapath, removal_of(flow), "clearing", effects)
            return
        switch, message = datapath.switches[entry.owner], entry.flow_mod()
        if message.flags & SEND_FLOW_REM and len(switch.untold) < MAX_UNTOLD:
            switch.untold.append(
                FlowRemoved(
                    cookie=entry.cookie,
                    priority=message.priority,
                    reason=IDLE_TIMEOUT if message.idle_timeout else HARD_TIMEOUT,
                    idle_timeout=message.idle_timeout,
                    hard_timeout=message.hard_timeout,
                    packet_count=entry.packet_count,
                    byte_count=entry.byte_count,
                    match=message.match,
                )
            )


def take_out(datapath: Datapath, entry: Entry, effects: Effects) -> None:
    """An entry is in its slice's table no more."""
    table = datapath.switches[entry.owner].flow_table
    assert table is not None
    datapath.entries.pop(entry.number, None)
    if table.take_out(entry):
        forget_entry(datapath.dpid, entry, effects)


def refused(datapath: Datapath, entry: Entry, error: tuple[int, int], effects: Effects) -> None:
    """The datapath refuses an entry that it was to have again; then its slice has it no more."""
    if entry.live == REFUSED:
        return
    entry.live = REFUSED
    datapath.own_failures += 1
    effects.note("error", "entry_lost", dpid=datapath.dpid, slice=entry.owner, error=error)
    take_out(datapath, entry, effects)
    for message in deletions(datapath, entry):
        send_own(datapath, message, "clearing", effects)


def _pieces_today(switch: VirtualSwitch, entry: Entry) -> list[FlowMod]:
    """The additions of an entry's pieces as today's files have them; none if it may not be."""
    pieces = cut(switch, entry.flow_mod())
    if isinstance(pieces, Refusal):
        return []
    entry.pieces = pieces
    try:
        return as_it_was(switch, entry, ADD)
    except Inexpressible:
        return []


def _timeouts(known: _Known) -> bool:
    return any(piece.idle_timeout or piece.hard_timeout for piece in known.wanted.values())


def _left_of_hard_timeout(piece: FlowMod, known: _Known) -> int:
    """A piece that joins others times out with them."""
    if not piece.hard_timeout or not known.present:
        return piece.hard_timeout
    age = max(flow.duration_sec for flow in known.present.values())
    return max(piece.hard_timeout - age, 1)
