"""Effects: what the core wants done, told in values that the shell carries out.

Strategy: frames for a peer are collected in a list and not wrapped one by one, because a batch of packet-ins
becomes one write; the shell joins each list once. Everything rarer is a small frozen value in `commands`.
"""

from __future__ import annotations

from typing import Final, Union

from attrs import frozen

# Datapaths, links and ports mostly do not come alone: for so long others are waited for.
GATHERING_SECONDS: Final = 0.05


class Peer:
    """Whoever is at the other end of an established channel; compared by identity."""

    __slots__ = ()


@frozen
class VirtualSwitchName:
    """A virtual switch of a flowspace slice: the slice's share of one datapath."""

    slice_name: str
    dpid: int


@frozen
class OpenChannels:
    """Dial every controller of the slice for this virtual switch, and go on dialling until it is closed."""

    switch: VirtualSwitchName


@frozen
class CloseChannels:
    """Hang up on the controllers of this virtual switch and stop dialling."""

    switch: VirtualSwitchName
    reason: str


@frozen
class HangUp:
    """Close one peer's connection (after what is queued for it)."""

    peer: Peer
    reason: str


@frozen
class PauseReading:
    """Do not read from a peer, because much of what it sent waits."""

    peer: Peer


@frozen
class ResumeReading:
    """Read from the peer again."""

    peer: Peer


@frozen
class Wake:
    """Call `wake` at this time; one that has passed means in the next turn of the shell's loop."""

    at: float


@frozen
class Notice:
    """Something that an operator may want to read: `event` in snake_case, `level` as in logging."""

    level: str
    event: str
    fields: dict[str, object]


Command = Union[  # noqa: UP007
    OpenChannels, CloseChannels, HangUp, PauseReading, ResumeReading, Wake, Notice
]


class Effects:
    """What one call wants done: first the records of the journal, by dpid, so that what they are about is known even
    if we end in the middle; then the frames for each peer, in order; then the commands, in order.
    """

    __slots__ = ("commands", "frames", "now", "records")

    def __init__(self, now: float) -> None:
        self.now = now  # when the call was made, in seconds
        self.frames: dict[Peer, list[bytes]] = {}
        self.commands: list[Command] = []
        self.records: dict[int, list[bytes]] = {}

    def record(self, dpid: int, record: bytes) -> None:
        """Write an encoded record into a datapath's journal."""
        records = self.records.get(dpid)
        if records is None:
            self.records[dpid] = [record]
        else:
            records.append(record)

    def send(self, peer: Peer, frame: bytes) -> None:
        """Queue one frame for a peer."""
        queue = self.frames.get(peer)
        if queue is None:
            self.frames[peer] = [frame]
        else:
            queue.append(frame)

    def add(self, others: Effects) -> None:
        """Let other effects follow these."""
        for peer, frames in others.frames.items():
            self.frames.setdefault(peer, []).extend(frames)
        for dpid, records in others.records.items():
            self.records.setdefault(dpid, []).extend(records)
        self.commands += others.commands

    def note(self, level: str, event: str, **fields: object) -> None:
        """Tell the operator."""
        self.commands.append(Notice(level, event, fields))

    def __repr__(self) -> str:
        return f"Effects(records={self.records!r}, frames={self.frames!r}, commands={self.commands!r})"
