"""Idle timeouts of an entry that lies in several pieces: it lives as long as any of them is used, and all go together.

Strategy: the datapath times each piece by itself. One that has idled is put back at once, because the others may be in
use; when every piece has idled at some time, the datapath is asked how often each was used since, and if none was the
entry is taken away. So it goes when it has idled for its time, and at the latest one such time after that. Rejected:
asking once a second for each such entry, which costs the same whether anything has idled or not.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from attrs import evolve

from flowvisor.flowspace.layout import boxes_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.entry_records import forget_entry
from flowvisor.hypervisor.flow_table import MAX_ENTRY_NUMBER, Entry, Idling
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import ask, send_own
from flowvisor.hypervisor.translation.pieces import deletions, judged, piece_frames
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    CHECK_OVERLAP,
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    RESET_COUNTS,
    FlowRemoved,
    Message,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest

_NANO: Final = 1_000_000_000


def put_back(switch: VirtualSwitch, entry: Entry, message: FlowRemoved, effects: Effects) -> bool:
    """A piece has gone by itself: put it back if its entry is to go on living; False if it is really gone."""
    table = switch.flow_table
    if table is None or not entry.is_cut or not table.holds(entry):
        return False
    if message.reason == HARD_TIMEOUT and entry.idling is not None:
        _end(switch, entry, entry.idling, HARD_TIMEOUT, effects)
    index = _index(entry, message.match)
    if message.reason != IDLE_TIMEOUT or index is None:
        return False
    if entry.idling is None:
        age = message.duration_sec + message.duration_nsec / _NANO
        entry.idling = Idling(effects.now - age)
    idling = entry.idling
    if not _add_again(switch, entry, idling, entry.physical_matches()[index], effects):
        return False
    idling.pieces.add(index)
    if len(idling.pieces) == len(entry.physical_matches()) and not idling.is_asked:
        _ask_for_use(switch, entry, idling, effects)
    return True


def _index(entry: Entry, match: Match) -> int | None:
    boxes = boxes_of(match)
    return next((n for n, one in enumerate(entry.physical_matches()) if boxes_of(one) == boxes), None)


def _add_again(switch: VirtualSwitch, entry: Entry, idling: Idling, piece: Match, effects: Effects) -> bool:
    written = entry.flow_mod()
    instructions = judged(switch, written)
    left = ceil(idling.began_at + written.hard_timeout - effects.now) if written.hard_timeout else 0
    if isinstance(instructions, Refusal) or (written.hard_timeout and left <= 0):
        return False
    flags = written.flags & ~(RESET_COUNTS | CHECK_OVERLAP)
    wanted = evolve(written, command=ADD, flags=flags, hard_timeout=left, instructions=instructions)
    for frame in piece_frames(switch.datapath, entry, wanted, entry.wording, (piece,)):
        send_own(switch.datapath, frame, "idle piece", effects)
    return True


def _ask_for_use(switch: VirtualSwitch, entry: Entry, idling: Idling, effects: Effects) -> None:
    """All pieces have idled, each at its time: see whether one has been used since."""
    datapath, table = switch.datapath, switch.flow_table
    assert table is not None
    idling.is_asked = True

    def told(replies: list[Message], effects: Effects) -> None:
        idling.is_asked = False
        used = {
            _index(entry, piece.match)
            for reply in replies
            for piece in (reply.flows if isinstance(reply, FlowStatsReply) else ())
            if piece.cookie & MAX_ENTRY_NUMBER == entry.number and piece.packet_count
        }
        idling.pieces -= used
        if not used and table.holds(entry):
            _end(switch, entry, idling, IDLE_TIMEOUT, effects)

    def failed(_error: tuple[int, int], _effects: Effects) -> None:
        idling.is_asked = False
        idling.pieces.clear()

    wanted: list[Message] = [FlowStatsRequest(match=piece) for piece in entry.physical_matches()]
    ask(datapath, datapath.transactions, wanted, told, failed, effects)


def _end(switch: VirtualSwitch, entry: Entry, idling: Idling, reason: int, effects: Effects) -> None:
    """The entry's time is over: what is left of it goes, too."""
    assert switch.flow_table is not None
    idling.ended_by = reason
    if switch.flow_table.take_out(entry):
        forget_entry(switch.datapath.dpid, entry, effects)
    for frame in deletions(switch.datapath, entry):
        send_own(switch.datapath, frame, "idle entry", effects)


def lived(idling: Idling, now: float) -> tuple[int, int]:
    """How long an entry whose pieces were put back has lived, in seconds and nanoseconds."""
    seconds = max(now - idling.began_at, 0.0)
    return int(seconds), int(seconds % 1 * _NANO)
