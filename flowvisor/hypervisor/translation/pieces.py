"""Pieces: how an entry of a tenant's lies on a datapath that has no table for it, and what an error takes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from attrs import Factory, define, evolve

from flowvisor.flowspace.box import covers
from flowvisor.flowspace.layout import boxes_of, match_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.entry_records import forget_entry, remember_entry
from flowvisor.hypervisor.flow_table import (
    MAX_ENTRY_NUMBER,
    PIECE_COOKIE,
    REFUSED,
    Entry,
    FlowTable,
    Key,
    Written,
    outputs_to,
)
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import ask, finish, send_own, send_to_datapath
from flowvisor.hypervisor.translation.actions import judge_for
from flowvisor.hypervisor.translation.queueing import queued
from flowvisor.hypervisor.translation.versions import translated
from flowvisor.network.discovery import PROBE_ADDRESS
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import v10, v13
from flowvisor.openflow.actions import Instructions
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    DELETE_STRICT,
    MODIFY_STRICT,
    NO_BYTE_COUNTS,
    NO_PACKET_COUNTS,
    RESET_COUNTS,
    SEND_FLOW_REM,
    BarrierRequest,
    FlowMod,
    Message,
)
from flowvisor.openflow.ports import ALL, FLOOD, LOCAL, MAX_PORT
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.entries import HIGHEST_OF_SLICES
from flowvisor.planning.exact_matches import exact_where_required

MAX_PIECES_PER_ENTRY: Final = 256  # a flow-mod that would need more is refused
HIGHEST_PRIORITY: Final = 0xFFFF
# An entry for these alone would never see one, but a 1.0 datapath may take an entry without wildcards for the highest
# of all, whatever its priority.
(PROBES,) = boxes_of(Match.of(eth_dst=PROBE_ADDRESS))
_COUNTING: Final = RESET_COUNTS | NO_PACKET_COUNTS | NO_BYTE_COUNTS


@define(eq=False)
class Change:
    """What a modify did to its tenant's table, until the datapath is known to have done it too.

    `before` says how each entry was. An addition needs none of this: the entry that it made is enough.
    """

    frame: bytes
    after: Written
    before: list[tuple[Entry, Written | None, int]] = Factory(list)
    is_undone: bool = False


def judged(switch: VirtualSwitch, message: FlowMod) -> Instructions | Refusal:
    """The instructions that the datapath gets for a tenant's entry."""
    verdict = judge_for(switch, 0, message.instructions, message.match)
    return verdict.instructions if verdict.refusal is None else verdict.refusal


def physical_priority(datapath: Datapath, priority: int) -> int:
    """A tenant's priority on the datapath: below the hypervisor's own entries, and above the one by which unmatched
    packets come where there has to be one.

    To make room for them the priorities below the highest are missing, five or six, which are refused.
    """
    raised = priority if TRAITS[datapath.version].unmatched_to_controller else priority + 1
    return min(raised, HIGHEST_OF_SLICES)


def cut(switch: VirtualSwitch, message: FlowMod) -> tuple[Match, ...] | Refusal | None:
    """What of an entry's match is the slice's, as matches without masks where there must be none; None: all of it."""
    highest = physical_priority(switch.datapath, HIGHEST_PRIORITY)
    if (
        message.priority < HIGHEST_PRIORITY
        and physical_priority(switch.datapath, message.priority) == highest
    ):
        return Refusal(codes.FLOW_MOD_EPERM, "priority")
    boxes = boxes_of(message.match)
    if any(covers(PROBES, box) for box in boxes):
        return Refusal(codes.FLOW_MOD_EPERM, "probe")
    owned = switch.view.own_pieces(boxes, is_fenced=True)
    if owned is None:
        return Refusal(codes.FLOW_MOD_EPERM, "too-many-pieces")
    if set(boxes) <= set(owned) and boxes:
        return None
    pieces: list[Match] = []
    try:
        for box in dict.fromkeys(owned):
            for match in _at_ports(match_of(box), switch.datapath.ports):
                pieces += islice(exact_where_required(match), MAX_PIECES_PER_ENTRY + 1)
            if len(pieces) > MAX_PIECES_PER_ENTRY:
                return Refusal(codes.FLOW_MOD_EPERM, "too-many-pieces")
    except TooManyPieces:
        return Refusal(codes.FLOW_MOD_EPERM, "too-many-pieces")
    return tuple(pieces) or Refusal(codes.FLOW_MOD_EPERM, "foreign-flowspace")


def _at_ports(match: Match, ports: Iterable[int]) -> Iterator[Match]:
    """The same match, at each of the ports that are there if it leaves out some: no version has a mask for them."""
    value, mask = match.fields.get("in_port", (0, 0))
    if mask in (0, FIELDS["in_port"].all_ones):
        if value <= MAX_PORT or value == LOCAL:  # no packet comes in at any other reserved port
            yield match
    else:
        yield from (match.having(in_port=port) for port in sorted(ports) if port & mask == value)


def piece_frames(
    datapath: Datapath,
    entry: Entry,
    message: FlowMod,
    wording: int,
    only: tuple[Match, ...] | None = None,
) -> list[FlowMod]:
    """One message per piece of an entry; raises Inexpressible where the datapath's version cannot say it.

    `only` are the pieces that are meant, if not all of them; `wording` is the version in whose words the message's
    instructions are.
    """
    kept = _COUNTING if TRAITS[datapath.version].has_tables else 0
    frames = []
    switch = datapath.switches[entry.owner]
    for match in only or entry.pieces or (message.match,):
        instructions = () if switch.port_configs.stops(match) else message.instructions
        piece = FlowMod(
            cookie=PIECE_COOKIE | entry.number,
            command=message.command,
            idle_timeout=message.idle_timeout,
            hard_timeout=message.hard_timeout,
            priority=physical_priority(datapath, message.priority),
            flags=SEND_FLOW_REM | message.flags & kept,
            match=match,
            instructions=queued(
                switch, translated(instructions, match, source=wording, target=datapath.version)
            ),
        )
        datapath.codec.encode(piece)  # nothing is changed if one of them cannot be said
        frames.append(piece)
    return frames


def deletions(datapath: Datapath, entry: Entry) -> list[FlowMod]:
    """The messages that take an entry's pieces off the datapath."""
    priority = physical_priority(datapath, entry.key[0])
    return [
        FlowMod(command=DELETE_STRICT, priority=priority, match=match) for match in entry.physical_matches()
    ]


def send_all(
    channel: TenantChannel, token: Change | Entry | None, pieces: list[FlowMod], effects: Effects
) -> None:
    """Send messages about pieces in a tenant's name; an error on any of them brings back the token."""
    datapath = channel.switch.datapath
    for piece in pieces:
        xid = channel.transactions.send(token)
        send_to_datapath(datapath, datapath.codec.encode(evolve(piece, xid=xid)), effects)


def next_number(datapath: Datapath) -> int:
    """A number that no entry at the datapath has."""
    memory = datapath.memory
    number = memory.entries_made
    while number in datapath.entries:
        number = (number + 1) & MAX_ENTRY_NUMBER
    memory.entries_made = (number + 1) & MAX_ENTRY_NUMBER
    return number


def key_of(datapath: Datapath, message: FlowMod) -> Key:
    """What makes two entries the same; for 1.0 the int that the fast path computes from the bytes alone."""
    if TRAITS[datapath.version].has_tables:
        return message.priority, v13.encode_match(message.match)
    return message.priority, int.from_bytes(v10.encode_match(message.match), "big")


def put(datapath: Datapath, table: FlowTable, entry: Entry) -> Entry | None:
    """Put an entry into its table; return the one whose place it takes."""
    datapath.entries[entry.number] = entry
    replaced = table.put(entry)
    if replaced is not None:
        datapath.entries.pop(replaced.number, None)  # the datapath overwrites it and tells nobody
        entry.replaced = replaced
    return replaced


def settle(tokens: Iterable[object]) -> None:
    """The datapath has done what was sent with these tokens."""
    for token in tokens:
        if type(token) is Entry:
            token.replaced = None


def undo(channel: TenantChannel, token: Change | Entry, error: tuple[int, int], effects: Effects) -> None:
    """The datapath refused a piece: take back what the request did, and tell its tenant once."""
    switch, datapath = channel.switch, channel.switch.datapath
    repairs = (
        _undo_addition(switch, token, effects)
        if isinstance(token, Entry)
        else _undo_change(switch, token, effects)
    )
    if repairs is None:
        return
    for piece in repairs:
        send_own(datapath, piece, "repair", effects)
    if repairs:
        _postpone_answers(channel, effects)
    frame = token.request if isinstance(token, Entry) else token.frame
    refuse(channel, frame, Refusal(error, "datapath"), effects)


def _postpone_answers(channel: TenantChannel, effects: Effects) -> None:
    """Let what the datapath answers a channel wait until the repairs have taken effect."""
    datapath = channel.switch.datapath
    channel.repairs += 1

    def confirmed(_replies: list[Message], effects: Effects) -> None:
        channel.repairs -= 1
        if channel.repairs == 0:
            postponed, channel.postponed = channel.postponed, []
            for request in postponed if not channel.has_left else ():
                finish(request, effects)

    def failed(_error: tuple[int, int], effects: Effects) -> None:
        confirmed([], effects)

    ask(datapath, datapath.transactions, [BarrierRequest()], confirmed, failed, effects)


def _undo_addition(switch: VirtualSwitch, entry: Entry, effects: Effects) -> list[FlowMod] | None:
    """Take an entry out again; None if another piece's error has done so."""
    if entry.live == REFUSED:
        return None
    entry.live = REFUSED
    table, datapath = switch.flow_table, switch.datapath
    assert table is not None
    datapath.entries.pop(entry.number, None)
    replaced, entry.replaced = entry.replaced, None
    newer = table.entries.get(entry.key)
    if newer is not entry:
        while newer is not None and newer.replaced is not entry:
            newer = newer.replaced
        if newer is not None:
            newer.replaced = replaced
        return []
    table.take_out(entry)
    if replaced is None:
        forget_entry(datapath.dpid, entry, effects)
        return [] if entry.pieces is None else deletions(datapath, entry)
    put(datapath, table, replaced)
    remember_entry(datapath.dpid, replaced, effects)
    table.note_punting(replaced, replaced.flow_mod())
    return [] if entry.pieces is None else as_it_was(switch, replaced, ADD)


def _undo_change(switch: VirtualSwitch, change: Change, effects: Effects) -> list[FlowMod] | None:
    """Give entries back what a modify changed; None if another piece's error has done so."""
    if change.is_undone:
        return None
    change.is_undone = True
    table = switch.flow_table
    assert table is not None
    repairs: list[FlowMod] = []
    for entry, written, cookie in change.before:
        if entry.written is not change.after or table.entries.get(entry.key) is not entry:
            continue  # something newer has become of it
        entry.written, entry.cookie = written, cookie
        remember_entry(switch.datapath.dpid, entry, effects)
        repairs += as_it_was(switch, entry, MODIFY_STRICT)
    return repairs


def as_it_was(switch: VirtualSwitch, entry: Entry, command: int) -> list[FlowMod]:
    """The messages that bring an entry's pieces to what they should be; none if its ports have gone."""
    message = entry.flow_mod()
    instructions = judged(switch, message)
    if isinstance(instructions, Refusal):
        return []
    flags = message.flags & ~RESET_COUNTS
    wanted = evolve(message, command=command, flags=flags, instructions=instructions)
    return piece_frames(switch.datapath, entry, wanted, entry.wording)


def ports_changed(switch: VirtualSwitch, effects: Effects, *, port: int | None = None) -> None:
    """Spell out anew what depends on which ports there are: FLOOD and ALL, and matches that leave out some ports.

    And what depends on one port that the slice has configured: outputs to it, and pieces that match on it.
    """
    table, datapath = switch.flow_table, switch.datapath
    if table is None or datapath.readoption is not None:  # which looks at the ports itself
        return
    for entry in table.entries.values():
        message = entry.flow_mod()
        frames = _new_pieces(switch, entry, message)
        named = (FLOOD, ALL) if port is None else (FLOOD, ALL, port)
        if any(outputs_to(message.instructions, one) for one in named) or _is_at(entry, port):
            frames += as_it_was(switch, entry, MODIFY_STRICT)
        for piece in frames:
            send_own(datapath, piece, "ports changed", effects)


def _is_at(entry: Entry, port: int | None) -> bool:
    return port is not None and any(match.exact("in_port") == port for match in entry.physical_matches())


def _new_pieces(switch: VirtualSwitch, entry: Entry, message: FlowMod) -> list[FlowMod]:
    """The additions of those pieces of an entry that its match has at ports which have come."""
    known = entry.pieces
    if known is None or "in_port" in message.match.fields:
        return []
    pieces = cut(switch, message)
    if pieces is None or isinstance(pieces, Refusal):
        return []
    new = tuple(match for match in pieces if match not in known)
    if not new:
        return []
    entry.pieces = new
    frames = as_it_was(switch, entry, ADD)
    entry.pieces = (*known, *new[: len(frames)])
    entry.live += len(frames)
    return frames


def users_gone(switch: VirtualSwitch, used: act.Group | act.Meter, effects: Effects) -> None:
    """A group or meter goes, and with it, by the datapath's own doing, go all entries that name it."""
    if switch.flow_table is not None:
        for entry in switch.flow_table.take_out_users(used):
            forget_entry(switch.datapath.dpid, entry, effects)
