"""A slice's flow table where the datapath has no tables for it: what the tenant wrote, and what stands for it.

Strategy: an entry keeps the tenant's flow-mod as the bytes that came, and is decoded when somebody asks. The
datapath holds one *piece* for each box that the match leaves after intersection; all of them carry the entry's
own cookie, so that whatever comes back (statistics, flow-removed) is the entry's by one dict access. All pieces
ask for flow-removed, so that the table knows what timed out, whether the tenant asked or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from attrs import Factory, define, evolve

from flowvisor.flowspace.box import Box, covers, overlaps
from flowvisor.flowspace.layout import boxes_of
from flowvisor.openflow import v13
from flowvisor.openflow.actions import (
    ApplyActions,
    Enqueue,
    Group,
    Instructions,
    Meter,
    Output,
    WriteActions,
)
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import ANY_GROUP, FlowMod, FlowRemoved
from flowvisor.openflow.ports import ANY, CONTROLLER
from flowvisor.openflow.structure import padding
from flowvisor.openflow.versions import codec

# The upper half of the cookie of every piece; the lower is the entry's number at its datapath.
PIECE_COOKIE: Final = 0xF10F_0151_0000_0000
PIECE_COOKIE_MASK: Final = 0xFFFF_FFFF_0000_0000
MAX_ENTRY_NUMBER: Final = 0xFFFF_FFFF

# (priority, the match in a canonical form that the datapath's version decides): what strictness compares.
Key = tuple[int, int | bytes]
Written = tuple[int, Instructions]

REFUSED: Final = -1  # as an entry's `live`: the datapath refused it, and it has been undone


class Readoption(Protocol):
    """Whoever compares entries that were there before with those that are."""

    def piece_gone(self, message: FlowRemoved) -> None: ...


@define(eq=False)
class Idling:
    """An entry of which some pieces have idled and were put back: these, by their places among all."""

    began_at: float  # when the entry was made
    pieces: set[int] = Factory(set)
    is_asked: bool = False  # whether the datapath is being asked which of them have been used since
    ended_by: int | None = None  # the reason for which all of them go


def packed(pieces: tuple[Match, ...] | None) -> bytes | None:
    """Pieces as an entry keeps them: one after the other, because each match says how long it is without padding."""
    if pieces is None:
        return None
    encoded = map(v13.encode_match, pieces)
    return b"".join(piece[: _end(piece, 0)] for piece in encoded)


def _end(pieces: bytes, start: int) -> int:
    """Where the piece that begins here ends."""
    return start + int.from_bytes(pieces[start + 2 : start + 4], "big")


@define(eq=False, weakref_slot=False)
class Entry:
    """One flow entry of the tenant's. `pieces` is None when its only piece is its own match.

    They are kept as bytes (`packed_pieces`), because a match is ten times as large.

    `written` is set when a modify has changed the instructions since `request`, with the version that says them so.
    `replaced` is the entry whose place this one took, until that is known to be gone from the datapath.
    """

    owner: str
    key: Key
    number: int
    version: int
    request: bytes
    cookie: int
    packed_pieces: bytes | None = None
    live: int = 1  # pieces that the datapath still has; `REFUSED`
    packet_count: int = 0  # of the pieces that it has no more
    byte_count: int = 0
    written: Written | None = None
    replaced: Entry | None = None
    idling: Idling | None = None
    uses: tuple[Group | Meter, ...] = ()  # the slice's groups and meters that it names

    @property
    def pieces(self) -> tuple[Match, ...] | None:
        """What its match leaves on the datapath."""
        kept, pieces, start = self.packed_pieces, [], 0
        if kept is None:
            return None
        while start < len(kept):
            end = _end(kept, start)
            pieces.append(v13.decode_match(kept[start:end] + padding(end - start), strict=False))
            start = end
        return tuple(pieces)

    @pieces.setter
    def pieces(self, pieces: tuple[Match, ...] | None) -> None:
        self.packed_pieces = packed(pieces)

    @property
    def is_cut(self) -> bool:
        """Whether it lies in several pieces."""
        kept = self.packed_pieces
        return kept is not None and _end(kept, 0) < len(kept)

    def flow_mod(self) -> FlowMod:
        """The entry as its tenant wrote it."""
        message = codec(self.version).decode(self.request)
        assert isinstance(message, FlowMod)
        if self.written is not None:
            message = evolve(message, instructions=self.written[1])
        return evolve(message, cookie=self.cookie)

    @property
    def wording(self) -> int:
        """The version in whose words its instructions are."""
        return self.version if self.written is None else self.written[0]

    def physical_matches(self) -> tuple[Match, ...]:
        """The matches of its pieces on the datapath."""
        return self.pieces or (self.flow_mod().match,)


class FlowTable:
    """The entries of one virtual switch.

    `relevant` is the bits of a match (as the key's int) on which it depends what intersection leaves of it, and
    `within` remembers, by those bits, that it leaves the match itself. `table_miss` is the entry that takes what no
    other does, `punting` are the others that send packets to the controller, `users` those that name each group and
    meter.
    """

    __slots__ = ("entries", "punting", "relevant", "table_miss", "users", "within")

    def __init__(self, relevant: int = 0) -> None:
        self.entries: dict[Key, Entry] = {}
        self.relevant = relevant
        self.within: set[int] = set()
        self.punting: set[Entry] = set()
        self.table_miss: Entry | None = None
        self.users: dict[Group | Meter, set[Entry]] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def holds(self, entry: Entry) -> bool:
        """Whether an entry is in the table: it is neither about to go, nor replaced by another."""
        return self.entries.get(entry.key) is entry

    def put(self, entry: Entry) -> Entry | None:
        """Add an entry; return the one with the same match and priority whose place it takes."""
        replaced = self.entries.get(entry.key)
        if replaced is not None:
            self.take_out(replaced)
        self.entries[entry.key] = entry
        return replaced

    def take_over(self, entry: Entry, other: FlowTable) -> None:
        """Add an entry as it is in another table."""
        self.entries[entry.key] = entry
        if entry in other.punting:
            self.punting.add(entry)
        if other.table_miss is entry:
            self.table_miss = entry
        for used in entry.uses:
            self.users.setdefault(used, set()).add(entry)

    def take_out(self, entry: Entry) -> bool:
        """Remove an entry; False if it is no longer in the table (another has taken its place)."""
        if not self.holds(entry):
            return False
        del self.entries[entry.key]
        self.punting.discard(entry)
        if self.table_miss is entry:
            self.table_miss = None
        if entry.uses:
            self._note_uses(entry, ())
        return True

    def take_out_users(self, used: Group | Meter) -> tuple[Entry, ...]:
        """Remove, and return, the entries that name a group or meter which goes: the datapath does so by itself."""
        users = tuple(self.users.get(used, ()))
        for entry in users:
            self.take_out(entry)
        return users

    def _note_uses(self, entry: Entry, uses: tuple[Group | Meter, ...]) -> None:
        for used in entry.uses:
            self.users[used].discard(entry)
            if not self.users[used]:
                del self.users[used]
        entry.uses = uses
        for used in uses:
            self.users.setdefault(used, set()).add(entry)

    def note_punting(self, entry: Entry, message: FlowMod) -> None:
        """Take note of whether an entry, just written, sends packets to the controller, and of what it names."""
        self._note_uses(entry, named_by(message.instructions))
        self.punting.discard(entry)
        if message.priority == 0 and not message.match.fields:
            self.table_miss = entry
        elif outputs_to(message.instructions, CONTROLLER):
            self.punting.add(entry)

    def is_missed_by(self, packet: Box) -> bool:
        """Whether a packet that some entry sent to the controller came there by the table-miss entry.

        A 1.0 datapath does not tell, but 1.3 has a reason of its own for it (1.3.5, section 7.4.1).
        """
        return self.table_miss is not None and not any(
            overlaps(box, packet) for entry in self.punting for box in boxes_of(entry.flow_mod().match)
        )

    def matching(
        self,
        match: Match,
        *,
        out_port: int = ANY,
        out_group: int = ANY_GROUP,
        cookie: int = 0,
        cookie_mask: int = 0,
    ) -> Iterator[tuple[Entry, FlowMod]]:
        """The entries that a non-strict request means: as specific as `match` or more (section 6.4)."""
        wanted = boxes_of(match)
        for entry in list(self.entries.values()):
            if (entry.cookie ^ cookie) & cookie_mask:
                continue
            message = entry.flow_mod()
            if _is_within(boxes_of(message.match), wanted) and leads_to(
                message.instructions, out_port, out_group
            ):
                yield entry, message

    def overlapping(self, match: Match, priority: int) -> bool:
        """Whether an entry of this priority could match a packet that `match` does, and is not the same entry."""
        boxes = boxes_of(match)
        return any(
            entry.key[0] == priority
            and any(overlaps(box, other) for box in boxes for other in boxes_of(entry.flow_mod().match))
            for entry in self.entries.values()
        )

    def has_other_than_miss(self, match: Match, *, up_to: int) -> bool:
        """Whether an entry of this priority or a lower one, but the table-miss entry, could match what `match` does."""
        boxes = boxes_of(match)
        return any(
            entry.key[0] <= up_to
            and entry is not self.table_miss
            and any(overlaps(box, other) for box in boxes for other in boxes_of(entry.flow_mod().match))
            for entry in self.entries.values()
        )


def outputs_to(instructions: Instructions, port: int) -> bool:
    """Whether an entry outputs to a port, as a request's out_port filter means it; ANY is no filter."""
    if port == ANY:
        return True
    return any(
        isinstance(action, (Output, Enqueue)) and action.port == port
        for instruction in instructions
        if isinstance(instruction, (ApplyActions, WriteActions))
        for action in instruction.actions
    )


def leads_to(instructions: Instructions, port: int, group_id: int) -> bool:
    """Whether an entry outputs to a port and to a group, as a request's filters mean it; ANY_GROUP is no filter."""
    if group_id != ANY_GROUP and Group(group_id) not in named_by(instructions):
        return False
    return outputs_to(instructions, port)


def named_by(instructions: Instructions) -> tuple[Group | Meter, ...]:
    """The groups and meters that instructions name, each once."""
    named: dict[Group | Meter, None] = {}
    for instruction in instructions:
        if isinstance(instruction, Meter):
            named[instruction] = None
        elif isinstance(instruction, (ApplyActions, WriteActions)):
            named.update((action, None) for action in instruction.actions if isinstance(action, Group))
    return tuple(named)


def _is_within(boxes: tuple[Box, ...], wanted: tuple[Box, ...]) -> bool:
    return all(any(covers(outer, box) for outer in wanted) for box in boxes)
