"""One flow table: entries by match and priority, found, added, modified, deleted and expired.

Strategy: entries that match on the same fields under the same masks share one dict from values to entries
(tuple-space search), so that a lookup costs one hash per kind of match and not one comparison per entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import define, field

from flowvisor.errors import OpenFlowError
from flowvisor.openflow.actions import (
    Action,
    ApplyActions,
    Enqueue,
    Group,
    Instructions,
    Meter,
    Output,
    WriteActions,
)
from flowvisor.openflow.error_codes import OVERLAP, TABLE_FULL
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import (
    ANY_GROUP,
    CHECK_OVERLAP,
    DELETE_STRICT,
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    MODIFY_STRICT,
    NO_BYTE_COUNTS,
    NO_PACKET_COUNTS,
    RESET_COUNTS,
    FlowMod,
)
from flowvisor.openflow.ports import ANY

MAX_ENTRIES: Final = 100_000  # then an add is answered with TABLE_FULL

Shape = tuple[tuple[str, int], ...]  # (field, mask), sorted
Values = tuple[int, ...]
Seconds = float


@define(eq=False)
class FlowEntry:
    """One entry with its counters. `installed_at` and `used_at` are times as the caller counts them."""

    match: Match
    priority: int
    cookie: int
    instructions: Instructions
    flags: int
    idle_timeout: int
    hard_timeout: int
    installed_at: Seconds
    used_at: Seconds
    packet_count: int = 0
    byte_count: int = 0

    def count(self, length: int, now: Seconds) -> None:
        """A packet of this length matched."""
        self.used_at = now
        if not self.flags & NO_PACKET_COUNTS:
            self.packet_count += 1
        if not self.flags & NO_BYTE_COUNTS:
            self.byte_count += length

    @property
    def is_table_miss(self) -> bool:
        """Whether it is 1.3's table-miss entry (section 5.4)."""
        return self.priority == 0 and not self.match.fields

    @property
    def actions(self) -> Iterator[Action]:
        """All its actions, those written to the action set too."""
        for instruction in self.instructions:
            if isinstance(instruction, ApplyActions | WriteActions):
                yield from instruction.actions

    def outputs_to(self, port: int) -> bool:
        return any(isinstance(action, Output | Enqueue) and action.port == port for action in self.actions)

    def uses_group(self, group_id: int) -> bool:
        return any(isinstance(action, Group) and action.group_id == group_id for action in self.actions)

    def uses_meter(self, meter_id: int) -> bool:
        return any(isinstance(each, Meter) and each.meter_id == meter_id for each in self.instructions)

    def expiry(self, now: Seconds) -> int | None:
        """The reason why it has expired, else None."""
        if self.hard_timeout and now >= self.installed_at + self.hard_timeout:
            return HARD_TIMEOUT
        if self.idle_timeout and now >= self.used_at + self.idle_timeout:
            return IDLE_TIMEOUT
        return None


def is_within(narrow: Match, wide: Match) -> bool:
    """Whether `wide` matches all that `narrow` does: each of its fields is there, under no smaller mask."""
    for name, value, mask in wide:
        narrow_value, narrow_mask = narrow.fields.get(name, (0, 0))
        if mask & ~narrow_mask or (narrow_value ^ value) & mask:
            return False
    return True


def may_overlap(one: Match, other: Match) -> bool:
    """Whether one packet may match both (section 6.4)."""
    for name, value, mask in one:
        other_value, other_mask = other.fields.get(name, (0, 0))
        if (value ^ other_value) & mask & other_mask:
            return False
    return True


def _place(match: Match) -> tuple[Shape, Values]:
    fields = sorted((name, mask, value) for name, value, mask in match if mask)
    return tuple((name, mask) for name, mask, _ in fields), tuple(value for _, _, value in fields)


@define(eq=False)
class FlowTable:
    """Entries of one table. What breaks a rule of the protocol raises OpenFlowError and changes nothing."""

    table_id: int = 0
    max_entries: int = MAX_ENTRIES
    lookup_count: int = 0
    matched_count: int = 0
    _entries: dict[Shape, dict[Values, dict[int, FlowEntry]]] = field(factory=dict, init=False)
    _size: int = field(default=0, init=False)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[FlowEntry]:
        """Every entry, in no order; the table may be changed meanwhile."""
        return iter(
            [
                entry
                for by_values in self._entries.values()
                for by_priority in by_values.values()
                for entry in by_priority.values()
            ]
        )

    def lookup(self, fields: Mapping[str, int]) -> FlowEntry | None:
        """The entry of the highest priority that matches a packet's fields."""
        self.lookup_count += 1
        best: FlowEntry | None = None
        for shape, by_values in self._entries.items():
            try:
                values = tuple([fields[name] & mask for name, mask in shape])
            except KeyError:  # the packet has not this field
                continue
            by_priority = by_values.get(values)
            if by_priority is not None:
                entry = by_priority[max(by_priority)]
                if best is None or entry.priority > best.priority:
                    best = entry
        if best is not None:
            self.matched_count += 1
        return best

    def get(self, match: Match, priority: int) -> FlowEntry | None:
        """The entry with just this match and priority."""
        shape, values = _place(match)
        return self._entries.get(shape, {}).get(values, {}).get(priority)

    def add(self, mod: FlowMod, now: Seconds) -> FlowEntry:
        """Add an entry. One with the same match and priority goes, and leaves only its counters, unless they
        are to be reset (1.3.5, section 6.4)."""
        if mod.flags & CHECK_OVERLAP and any(
            entry.priority == mod.priority and may_overlap(entry.match, mod.match) for entry in self
        ):
            raise OpenFlowError(OVERLAP, "another entry of the same priority overlaps")
        old = self.get(mod.match, mod.priority)
        if old is None and self._size >= self.max_entries:
            raise OpenFlowError(TABLE_FULL, f"table {self.table_id} holds {self._size} entries")
        new = FlowEntry(
            match=mod.match,
            priority=mod.priority,
            cookie=mod.cookie,
            instructions=mod.instructions,
            flags=mod.flags,
            idle_timeout=mod.idle_timeout,
            hard_timeout=mod.hard_timeout,
            installed_at=now,
            used_at=now,
        )
        if old is not None and not mod.flags & RESET_COUNTS:
            new.packet_count, new.byte_count = old.packet_count, old.byte_count
        self._size += old is None
        shape, values = _place(mod.match)
        self._entries.setdefault(shape, {}).setdefault(values, {})[mod.priority] = new
        return new

    def modify(self, mod: FlowMod) -> list[FlowEntry]:
        """Give the entries that it selects its instructions; all else of them stays."""
        selected = self._selected(mod, strict=mod.command == MODIFY_STRICT)
        for entry in selected:
            entry.instructions = mod.instructions
            if mod.flags & RESET_COUNTS:
                entry.packet_count = entry.byte_count = 0
        return selected

    def delete(self, mod: FlowMod) -> list[FlowEntry]:
        """Remove and return the entries that it selects; `out_port` and `out_group` count here only."""
        selected = [
            entry
            for entry in self._selected(mod, strict=mod.command == DELETE_STRICT)
            if _outputs(entry, mod.out_port, mod.out_group)
        ]
        self.remove(selected)
        return selected

    def _selected(self, mod: FlowMod, *, strict: bool) -> list[FlowEntry]:
        if not strict:
            return self.select(mod.match, cookie=mod.cookie, cookie_mask=mod.cookie_mask)
        entry = self.get(mod.match, mod.priority)
        return [entry] if entry is not None and not (entry.cookie ^ mod.cookie) & mod.cookie_mask else []

    def select(
        self,
        match: Match = MATCH_ALL,
        *,
        cookie: int = 0,
        cookie_mask: int = 0,
        out_port: int = ANY,
        out_group: int = ANY_GROUP,
    ) -> list[FlowEntry]:
        """The entries whose match is this one or narrower, filtered (1.3.5, section 6.4)."""
        return [
            entry
            for entry in self
            if not (entry.cookie ^ cookie) & cookie_mask
            and is_within(entry.match, match)
            and _outputs(entry, out_port, out_group)
        ]

    def remove(self, entries: Iterable[FlowEntry]) -> None:
        """Take these entries, which it holds, out."""
        for entry in entries:
            shape, values = _place(entry.match)
            by_values = self._entries[shape]
            del by_values[values][entry.priority]
            if not by_values[values]:
                del by_values[values]
            if not by_values:
                del self._entries[shape]
            self._size -= 1

    def expire(self, now: Seconds) -> list[tuple[FlowEntry, int]]:
        """Remove and return the entries whose time is up, each with the reason."""
        expired = [(entry, reason) for entry in self if (reason := entry.expiry(now)) is not None]
        self.remove(entry for entry, _ in expired)
        return expired


def _outputs(entry: FlowEntry, out_port: int, out_group: int) -> bool:
    return (out_port == ANY or entry.outputs_to(out_port)) and (
        out_group == ANY_GROUP or entry.uses_group(out_group)
    )
