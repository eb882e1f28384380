"""What a tenant has written into the tables of a virtual switch over several datapaths.

Strategy: an entry keeps its flow-mod as the bytes that came; what requests select by (table, priority, the boxes of
the match) is its key, so that selecting decodes nothing. A 1.0 entry may be two on a 1.3 datapath, for tagged and for
untagged packets: it is found by the key of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil
from typing import Final

from attrs import Factory, define, evolve

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.box import Box, covers
from flowvisor.flowspace.layout import boxes_of
from flowvisor.hypervisor.flow_table import leads_to, named_by
from flowvisor.openflow.actions import ApplyActions, Group, Instructions, Meter
from flowvisor.openflow.bridge import flow_to_13
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    ALL_TABLES,
    ANY_GROUP,
    CHECK_OVERLAP,
    DELETE_STRICT,
    NO_BUFFER,
    RESET_COUNTS,
    SEND_FLOW_REM,
    FlowMod,
)
from flowvisor.openflow.ports import ANY
from flowvisor.openflow.traits import TRAITS
from flowvisor.openflow.versions import codec

MAX_ENTRIES: Final = 65_536  # of one virtual switch; another one is refused as by a full table

Key = tuple[int, int, tuple[Box, ...]]


def key_of(table_id: int, priority: int, match: Match) -> Key:
    """What an entry is known by: two matches of the same packets are one."""
    return table_id, priority, boxes_of(match)


@define(eq=False)
class Entry:
    """One entry of the tenant's.

    `parts` are the keys of what it is on the datapaths, which is mostly its own. `copies` counts, for each datapath
    that has it, the entries that it is there. `packet_count` and `byte_count` are of copies that are gone. `replaced`
    is the one whose place it took, until it is known that this one stays. `ending` are the copies of an entry that
    goes which have not been heard of, `ended_by` is why it goes.
    """

    key: Key
    version: int
    request: bytes
    cookie: int
    flags: int
    in_port: int | None
    idle_timeout: int
    hard_timeout: int
    began_at: float
    parts: tuple[Key, ...] = ()
    copies: dict[int, int] = Factory(dict)
    packet_count: int = 0
    byte_count: int = 0
    instructions: Instructions | None = None  # when a modify has changed them since
    uses: tuple[Group | Meter, ...] = ()
    replaced: Entry | None = None
    is_void: bool = False  # refused, and taken back
    is_patched: bool = False  # a copy is younger than the entry
    idled: set[int] = Factory(set)  # datapaths where it was put back, and not seen used since
    is_asked: bool = False
    ending: dict[int, int] = Factory(dict)
    ended_by: int | None = None
    absent_since: float = 0.0  # when its last copy was lost with its datapath
    moved_from: set[int] = Factory(
        set
    )  # datapaths where it is being taken away, because it belongs elsewhere now
    lived: tuple[int, int] = (0, 0)  # seconds and nanoseconds, of the oldest copy that is gone

    @property
    def is_watched(self) -> bool:
        """Whether its copies tell when they go: if the tenant asked, or if they go by themselves."""
        return bool(self.flags & SEND_FLOW_REM or self.idle_timeout or self.hard_timeout)

    def is_meant_by(self, message: FlowMod) -> bool:
        """Whether a delete takes it along."""
        table_id, _, boxes = self.key
        if message.command == DELETE_STRICT:
            if self.key != key_of(message.table_id, message.priority, message.match):
                return False
        elif message.table_id not in (ALL_TABLES, table_id) or not _is_within(boxes, boxes_of(message.match)):
            return False
        return _passes(self, message, deletes=True)

    def flow_mod(self) -> FlowMod:
        """The entry as its tenant wrote it, as an addition."""
        message = codec(self.version).decode(self.request)
        assert isinstance(message, FlowMod)
        instructions = message.instructions if self.instructions is None else self.instructions
        return evolve(
            message,
            xid=0,
            command=ADD,
            cookie=self.cookie,
            cookie_mask=0,
            buffer_id=NO_BUFFER,
            out_port=ANY,
            out_group=ANY_GROUP,
            flags=self.flags & ~(CHECK_OVERLAP | RESET_COUNTS),
            instructions=instructions,
        )

    def on_13(self, now: float) -> list[FlowMod]:
        """What a datapath is sent so that it has the entry for the rest of its time; empty if that is over."""
        left = ceil(self.began_at + self.hard_timeout - now) if self.hard_timeout else 0
        if self.hard_timeout and left <= 0:
            return []
        return [evolve(one, hard_timeout=left) for one in self._whole()]

    def deletions(self) -> list[FlowMod]:
        """What a datapath is sent so that it has the entry no more."""
        return [evolve(one, command=DELETE_STRICT, flags=0, instructions=()) for one in self._whole()]

    def _whole(self) -> list[FlowMod]:
        written = self.flow_mod()
        written = evolve(written, flags=written.flags | (SEND_FLOW_REM if self.is_watched else 0))
        return [
            evolve(written, match=match, instructions=instructions)
            for match, instructions in variants(self.version, written.match, written.instructions)
        ]


def variants(version: int, match: Match, instructions: Instructions) -> list[tuple[Match, Instructions]]:
    """The entries that one of this version is on a 1.3 datapath."""
    if TRAITS[version].has_tables:
        return [(match, instructions)]
    actions = tuple(action for one in instructions if isinstance(one, ApplyActions) for action in one.actions)
    try:
        flows = flow_to_13(match, actions)
    except Inexpressible:  # no datapath has it
        return [(match, instructions)]
    return [(found, (ApplyActions(does),) if does else ()) for found, does in flows]


class Entries:
    """The tables of one virtual switch. `ending` are entries that are in them no more but still somewhere below."""

    __slots__ = ("aliases", "by_in_port", "by_key", "ending", "users")

    def __init__(self) -> None:
        self.by_key: dict[Key, Entry] = {}
        self.aliases: dict[Key, Entry] = {}
        self.by_in_port: dict[int, dict[Key, Entry]] = {}
        self.users: dict[Group | Meter, dict[Key, Entry]] = {}
        self.ending: dict[Key, list[Entry]] = {}

    def __len__(self) -> int:
        return len(self.by_key)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self.by_key.values()))

    def count(self, table_id: int) -> int:
        """How many entries a table has."""
        return sum(key[0] == table_id for key in self.by_key)

    def holds(self, entry: Entry) -> bool:
        """Whether an entry is in the tables."""
        return self.by_key.get(entry.key) is entry

    def room_for(self, key: Key) -> bool:
        """Whether an entry of this key may be added."""
        return key in self.by_key or len(self.by_key) < MAX_ENTRIES

    def find(self, key: Key) -> Entry | None:
        """The entry of this key, or the one of which this is a part on the datapaths."""
        return self.by_key.get(key) or self.aliases.get(key)

    def put(self, entry: Entry, message: FlowMod | None = None) -> Entry | None:
        """Add an entry, with the message that it is of if that is at hand; return the one whose place it takes."""
        replaced = self.by_key.get(entry.key)
        if replaced is not None:
            self.take_out(replaced)
        self.by_key[entry.key] = entry
        if entry.in_port is not None:
            self.by_in_port.setdefault(entry.in_port, {})[entry.key] = entry
        self.rewritten(entry, message)
        return replaced

    def rewritten(self, entry: Entry, message: FlowMod | None = None) -> None:
        """An entry's instructions are new."""
        self._forget_uses(entry)
        message = message or entry.flow_mod()
        entry.uses = named_by(message.instructions)
        for used in entry.uses:
            self.users.setdefault(used, {})[entry.key] = entry
        entry.parts = (entry.key,)
        if not TRAITS[entry.version].has_tables:
            parts = variants(entry.version, message.match, message.instructions)
            entry.parts = tuple(key_of(message.table_id, message.priority, match) for match, _ in parts)
            for key in entry.parts:
                if key != entry.key:
                    self.aliases[key] = entry

    def take_out(self, entry: Entry) -> bool:
        """Remove an entry; False if it is not there, or another has taken its place."""
        if not self.holds(entry):
            return False
        del self.by_key[entry.key]
        if entry.in_port is not None:
            self.by_in_port[entry.in_port].pop(entry.key, None)
            if not self.by_in_port[entry.in_port]:
                del self.by_in_port[entry.in_port]
        self._forget_uses(entry)
        return True

    def _forget_uses(self, entry: Entry) -> None:
        for used in entry.uses:
            self.users[used].pop(entry.key, None)
            if not self.users[used]:
                del self.users[used]
        entry.uses = ()
        for key in entry.parts:
            if self.aliases.get(key) is entry:
                del self.aliases[key]

    def select(self, message: FlowMod, *, strict: bool, deletes: bool) -> list[Entry]:
        """The entries that a modify or delete means (1.3.5, section 6.4); the filters count for a delete only."""
        if strict:
            found: Iterable[Entry] = filter(
                None, [self.by_key.get(key_of(message.table_id, message.priority, message.match))]
            )
        else:
            wanted = boxes_of(message.match)
            every = message.table_id == ALL_TABLES
            found = (
                entry
                for (table_id, _, boxes), entry in self.by_key.items()
                if (every or table_id == message.table_id) and _is_within(boxes, wanted)
            )
        return [entry for entry in found if _passes(entry, message, deletes=deletes)]

    def users_of(self, used: Group | Meter) -> list[Entry]:
        """The entries that name a group or meter."""
        return list(self.users.get(used, {}).values())

    def end(self, entry: Entry) -> bool:
        """An entry goes, wherever it is; False if nothing is to be heard of it any more."""
        self.take_out(entry)
        if not entry.is_watched or not entry.copies:
            return False
        entry.ending = dict(entry.copies)
        for key in entry.parts:
            self.ending.setdefault(key, []).append(entry)
        return True

    def ended(self, entry: Entry) -> None:
        """All of it is gone."""
        for key in entry.parts:
            waiting = self.ending.get(key, [])
            if entry in waiting:
                waiting.remove(entry)
            if not waiting:
                self.ending.pop(key, None)


def _is_within(boxes: tuple[Box, ...], wanted: tuple[Box, ...]) -> bool:
    return all(any(covers(outer, box) for outer in wanted) for box in boxes)


def _passes(entry: Entry, message: FlowMod, *, deletes: bool) -> bool:
    """Whether an entry passes the filters of a modify or delete."""
    if (entry.cookie ^ message.cookie) & message.cookie_mask:
        return False
    if not deletes or (message.out_port == ANY and message.out_group == ANY_GROUP):
        return True
    return leads_to(entry.flow_mod().instructions, message.out_port, message.out_group)
