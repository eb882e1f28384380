"""Pieces: how an entry of a tenant's lies on a datapath that has no table for it, and what an error takes back."""

from __future__ import annotations

from attrs import Factory, define, evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flow_table import MAX_ENTRY_NUMBER, PIECE_COOKIE, Entry, FlowTable, outputs_to
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import send_own, send_to_datapath
from flowvisor.hypervisor.translation.actions import judge
from flowvisor.hypervisor.translation.versions import instructions_in
from flowvisor.openflow.actions import Instructions
from flowvisor.openflow.messages import ADD, DELETE_STRICT, MODIFY_STRICT, SEND_FLOW_REM, FlowMod
from flowvisor.openflow.ports import ALL, FLOOD
from flowvisor.openflow.traits import TRAITS


@define(eq=False)
class Change:
    """What a modify did to its tenant's table, until the datapath is known to have done it too.

    `before` says how each entry was. An addition needs none of this: the entry that it made is enough.
    """

    frame: bytes
    before: list[tuple[Entry, Instructions | None, int]] = Factory(list)
    is_undone: bool = False


def judged(switch: VirtualSwitch, message: FlowMod) -> Instructions | Refusal:
    """The instructions that the datapath gets for a tenant's entry."""
    verdict = judge(switch, 0, message.instructions)
    if verdict.needs_match:
        verdict = judge(switch, 0, message.instructions, message.match)
    return verdict.instructions if verdict.refusal is None else verdict.refusal


def physical_priority(datapath: Datapath, priority: int) -> int:
    """A tenant's priority on the datapath. Where unmatched packets come by an entry, that is below all of them."""
    return priority if TRAITS[datapath.version].unmatched_to_controller else min(priority + 1, 0xFFFF)


def piece_frames(datapath: Datapath, entry: Entry, message: FlowMod) -> list[FlowMod]:
    """One message per piece of an entry; raises Inexpressible where the datapath's version cannot say it."""
    frames = []
    for match in (message.match,) if entry.pieces is None else entry.pieces:
        piece = FlowMod(
            cookie=PIECE_COOKIE | entry.number,
            command=message.command,
            idle_timeout=message.idle_timeout,
            hard_timeout=message.hard_timeout,
            priority=physical_priority(datapath, message.priority),
            flags=SEND_FLOW_REM,
            match=match,
            instructions=instructions_in(datapath.version, message.instructions, match),
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
    number = datapath.entries_made
    while number in datapath.entries:
        number = (number + 1) & MAX_ENTRY_NUMBER
    datapath.entries_made = (number + 1) & MAX_ENTRY_NUMBER
    return number


def put(datapath: Datapath, table: FlowTable, entry: Entry) -> None:
    """Put an entry into its table, perhaps over another one."""
    datapath.entries[entry.number] = entry
    replaced = table.put(entry)
    if replaced is not None:
        datapath.entries.pop(replaced.number, None)  # the datapath overwrites it and tells nobody
        replaced.replaced = None
        entry.replaced = replaced


def undo(channel: TenantChannel, token: Change | Entry, error: tuple[int, int], effects: Effects) -> None:
    """The datapath refused a piece: take back what the request did, and tell its tenant once."""
    switch, datapath = channel.switch, channel.switch.datapath
    repairs = _undo_addition(switch, token) if isinstance(token, Entry) else _undo_change(switch, token)
    if repairs is None:
        return
    for piece in repairs:
        send_own(datapath, piece, "repair", effects)
    if not channel.has_left:
        frame = token.request if isinstance(token, Entry) else token.frame
        refuse(channel, frame, Refusal(error, "datapath"), effects)


def _undo_addition(switch: VirtualSwitch, entry: Entry) -> list[FlowMod] | None:
    """Take an entry out again; None if another piece's error has done so."""
    if entry.is_undone:
        return None
    entry.is_undone = True
    table, datapath = switch.flow_table, switch.datapath
    assert table is not None
    if not table.take_out(entry):
        return []  # something newer is in its place
    datapath.entries.pop(entry.number, None)
    replaced, entry.replaced = entry.replaced, None
    if replaced is None:
        return [] if entry.pieces is None else deletions(datapath, entry)
    put(datapath, table, replaced)
    table.note_punting(replaced, replaced.flow_mod())
    return [] if entry.pieces is None else _as_it_was(switch, replaced, ADD)


def _undo_change(switch: VirtualSwitch, change: Change) -> list[FlowMod] | None:
    """Give entries back what a modify changed; None if another piece's error has done so."""
    if change.is_undone:
        return None
    change.is_undone = True
    repairs: list[FlowMod] = []
    for entry, written, cookie in change.before:
        entry.written, entry.cookie = written, cookie
        repairs += _as_it_was(switch, entry, MODIFY_STRICT)
    return repairs


def _as_it_was(switch: VirtualSwitch, entry: Entry, command: int) -> list[FlowMod]:
    """The messages that bring an entry's pieces to what they should be; none if its ports have gone."""
    message = entry.flow_mod()
    instructions = judged(switch, message)
    if isinstance(instructions, Refusal):
        return []
    return piece_frames(switch.datapath, entry, evolve(message, command=command, instructions=instructions))


def ports_changed(switch: VirtualSwitch, effects: Effects) -> None:
    """Spell out anew what FLOOD and ALL mean in the entries that say so."""
    table = switch.flow_table
    if table is None:
        return
    datapath = switch.datapath
    for entry in table.entries.values():
        message = entry.flow_mod()
        if outputs_to(message.instructions, FLOOD) or outputs_to(message.instructions, ALL):
            for piece in _as_it_was(switch, entry, MODIFY_STRICT):
                send_own(datapath, piece, "ports changed", effects)
