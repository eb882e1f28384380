"""A tenant's instructions: checked against what the slice may do, and put in the datapath's terms.

Strategy: what leaves the slice is decided for the whole flowspace first, because then the verdict does not depend
on the match and is remembered by the instructions' bytes. Only where that fails is it decided again for the
packets that the entry's own match leaves (`needs_match`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from flowvisor.flowspace.box import intersect
from flowvisor.flowspace.layout import boxes_of, forget
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.queueing import queued
from flowvisor.network.discovery import PROBE_ADDRESS
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, MAX_PORT, NO_FLOOD
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.closed_ports import closed_group, closed_port
from flowvisor.planning.egress import Boxes, find_leak, is_visible, written_fields
from flowvisor.planning.entries import all_group, flood_group

EVERYWHERE: Final = (ALL, FLOOD)
# The order in which an action set is carried out (OpenFlow 1.3.5, section 5.10); all set-field come together.
_SET_ORDER: Final = (
    act.CopyTtlIn, act.PopVlan, act.PopMpls, act.PopPbb, act.StripVlan, act.PushMpls, act.PushPbb, act.PushVlan,
    act.CopyTtlOut, act.DecNwTtl, act.DecMplsTtl, act.SetField, act.SetNwTtl, act.SetMplsTtl, act.SetQueue,
    act.Group, act.Output,
)  # fmt: skip


class Verdict(NamedTuple):
    """What becomes of a tenant's instructions: those that the datapath gets, unless refused.

    `needs_match`: refused for the whole flowspace, but may be admitted for some matches.
    """

    instructions: act.Instructions
    refusal: Refusal | None = None
    needs_match: bool = False


def judge(
    switch: VirtualSwitch,
    table_id: int,
    instructions: act.Instructions,
    match: Match | None = None,
    *,
    may_have_gone: bool = False,
) -> Verdict:
    """Check and map the instructions of an entry in a table of the slice's own numbering.

    Without a match the answer is for any match; with one, for the packets that it leaves. `may_have_gone`: the entry
    was there when other ports were, and outlives those that have gone.
    """
    refusal = _refused_instruction(switch, table_id, instructions)
    if refusal is not None:
        return Verdict((), refusal)
    view = switch.view
    applied, written = _lists(instructions)
    fresh = table_id == 0 or not switch.rewritten
    leak = find_leak(
        view,
        (*applied, *written),
        _start(switch, None if fresh else frozenset(switch.rewritten), match),
        ports={*switch.datapath.ports, *_outputs((*applied, *written))}
        if may_have_gone
        else switch.datapath.ports,
        came_in=fresh,
    )
    if leak is not None:
        return Verdict(
            (), Refusal(leak.error, leak.reason), leak.error == codes.ACTION_EPERM and match is None
        )
    refusal = _widen(switch, table_id, instructions)
    if refusal is not None:
        return Verdict((), refusal)
    mapped = tuple(_mapped(switch, instructions))
    # Where matches are intersected it is another version's words, maybe; `pieces` does it there.
    return Verdict(mapped if view.block is None else queued(switch, mapped))


def _outputs(actions: act.Actions) -> Iterator[int]:
    return (action.port for action in actions if isinstance(action, act.Output) and action.port <= MAX_PORT)


def actions_to_physical(switch: VirtualSwitch, actions: act.Actions) -> act.Actions:
    """Spell out what the datapath must not decide by itself: which ports are all ports."""
    block = switch.view.block
    mapped: list[act.Action] = []
    for action in actions:
        if isinstance(action, act.Output) and action.port in EVERYWHERE:
            if block is None:
                mapped += [act.Output(port) for port in flood_ports(switch, action.port)]
            else:
                mapped.append(act.Group(flood_group(block) if action.port == FLOOD else all_group(block)))
        elif isinstance(action, (act.Output, act.Enqueue)) and switch.port_configs.is_shut(action.port):
            if block is not None:
                mapped.append(act.Group(closed_group(block, action.port)))
        else:
            mapped.append(action)
    return tuple(mapped)


def flood_ports(switch: VirtualSwitch, port: int) -> list[int]:
    """The ports that FLOOD or ALL means; a datapath never sends a packet out of the port it came in by."""
    return [
        one.number
        for one in switch.ports
        if not switch.port_configs.is_shut(one.number) and (port == ALL or not one.config & NO_FLOOD)
    ]


def instructions_to_virtual(block: TableBlock, instructions: act.Instructions) -> act.Instructions:
    """The inverse of what `judge` gives for tables: what the tenant wrote."""
    groups = {flood_group(block): FLOOD, all_group(block): ALL}

    def back(actions: act.Actions) -> act.Actions:
        return tuple(
            action if port is None else act.Output(port)
            for action in actions
            for port in [meant(action.group_id) if isinstance(action, act.Group) else None]
        )

    def meant(group_id: int) -> int | None:
        return groups.get(group_id) or closed_port(block, group_id)

    return tuple(_each(instructions, back, -block.first))


def _each(
    instructions: act.Instructions, actions: Callable[[act.Actions], act.Actions], shift: int
) -> Iterator[act.Instruction]:
    for instruction in instructions:
        if isinstance(instruction, act.GotoTable):
            yield act.GotoTable(instruction.table_id + shift)
        elif isinstance(instruction, act.ApplyActions):
            yield act.ApplyActions(actions(instruction.actions))
        elif isinstance(instruction, act.WriteActions):
            yield act.WriteActions(actions(instruction.actions))
        else:
            yield instruction


def _mapped(switch: VirtualSwitch, instructions: act.Instructions) -> Iterator[act.Instruction]:
    block = switch.view.block
    if block is None:
        instructions = _floods_applied(instructions)
    return _each(
        instructions,
        lambda actions: actions_to_physical(switch, actions),
        block.first if block is not None else 0,
    )


def _floods_applied(instructions: act.Instructions) -> act.Instructions:
    """Where there is one table: a flood that is written to the action set is applied at the end instead.

    It is spelled out as several outputs, and of those a set would keep the last.
    """
    applied, written = _lists(instructions)
    if not any(isinstance(action, act.Output) and action.port in EVERYWHERE for action in written):
        return instructions
    latest: dict[object, act.Action] = {}
    for action in written:
        latest[(type(action), action.name) if isinstance(action, act.SetField) else type(action)] = action
    others = (one for one in instructions if not isinstance(one, (act.ApplyActions, act.WriteActions)))
    return (*others, act.ApplyActions((*applied, *latest.values())))


def _refused_instruction(
    switch: VirtualSwitch, table_id: int, instructions: act.Instructions
) -> Refusal | None:
    block = switch.view.block
    size = block.size if block is not None else 1
    for instruction in instructions:
        if isinstance(instruction, act.GotoTable):
            if not table_id < instruction.table_id < size:
                return Refusal(codes.INST_BAD_TABLE_ID, "table-id")
        elif isinstance(instruction, act.Meter):
            return Refusal(codes.UNKNOWN_METER, "unknown-meter")
        elif isinstance(instruction, act.OpaqueInstruction):
            return Refusal(codes.INST_BAD_EXPERIMENTER, "experimenter")
        elif isinstance(instruction, act.WriteMetadata):
            if block is None:
                return Refusal(codes.UNSUP_METADATA, "unsupported")
        elif isinstance(instruction, (act.ApplyActions, act.WriteActions)):
            refusal = refused_action(instruction.actions)
            if refusal is not None:
                return refusal
    return None


def refused_action(actions: Iterable[act.Action]) -> Refusal | None:
    """The first action that no slice may use: it names what the slice does not have, or is not understood."""
    for action in actions:
        refusal = _REFUSED_ACTIONS.get(type(action))
        if refusal is not None:
            return refusal
        if action == _MAKES_A_PROBE:
            return Refusal(codes.ACTION_EPERM, "probe")
    return None


_MAKES_A_PROBE: Final = act.SetField("eth_dst", PROBE_ADDRESS)
_REFUSED_ACTIONS: Final[dict[type, Refusal]] = {
    act.OpaqueAction: Refusal(codes.ACTION_BAD_EXPERIMENTER, "experimenter"),
    act.Group: Refusal(codes.ACTION_BAD_OUT_GROUP, "unknown-group"),
    act.SetQueue: Refusal(codes.ACTION_BAD_QUEUE, "unknown-queue"),
    act.Enqueue: Refusal(codes.ACTION_BAD_QUEUE, "unknown-queue"),
}


def _lists(instructions: act.Instructions) -> tuple[act.Actions, act.Actions]:
    """The actions as carried out: those applied at once, then the action set in its order."""
    applied: act.Actions = ()
    written: act.Actions = ()
    for instruction in instructions:
        if isinstance(instruction, act.ApplyActions):
            applied = instruction.actions
        elif isinstance(instruction, act.WriteActions):
            written = instruction.actions
    ordered = sorted(
        written, key=lambda action: _SET_ORDER.index(type(action)) if type(action) in _SET_ORDER else 0
    )
    return applied, tuple(ordered)


def _start(
    switch: VirtualSwitch, widened: frozenset[str] | None, match: Match | None
) -> Callable[[], Boxes | None]:
    """The packets that reach an entry: of the effective flowspace, what earlier tables made of it, what it matches."""

    def boxes() -> Boxes | None:
        view = switch.view
        if match is None or widened is not None:
            region = view.region
            if region is None:
                return None
            if widened is not None:
                region = tuple(dict.fromkeys(forget(box, *widened) for box in region))
            return region if match is None else _within(region, match)
        pieces = view.own_pieces(boxes_of(match), is_fenced=True)
        return None if pieces is None else tuple(pieces)

    return boxes


def _within(region: Boxes, match: Match) -> Boxes:
    from_match = boxes_of(match)
    pairs = (intersect(box, other) for box in region for other in from_match)
    return tuple(box for box in pairs if box is not None)


def _widen(switch: VirtualSwitch, table_id: int, instructions: act.Instructions) -> Refusal | None:
    """Take note of what an entry rewrites for later tables, and of where such packets leave.

    Refused when packets so rewritten, at a port where any entry lets them out, could be another slice's.
    """
    applied, written = _lists(instructions)
    goes_on = any(isinstance(instruction, act.GotoTable) for instruction in instructions)
    spread = goes_on or table_id > 0
    if not spread:
        return None
    used = switch.view.used_mask
    fields = {
        name
        for action in applied + written  # what one table applies is before what any other has written
        if is_visible(written_fields(action), used)
        for name in written_fields(action)
    }
    leaving = written if table_id == 0 else applied + written
    ports = {
        port for action in leaving if isinstance(action, act.Output) for port in _named(switch, action.port)
    }
    if fields <= switch.rewritten and ports <= switch.emits:
        return None
    rewritten, emits = switch.rewritten | fields, switch.emits | ports
    if rewritten:
        region = switch.view.region
        if region is None:
            return Refusal(codes.ACTION_EPERM, "foreign-flowspace")
        widened = tuple(dict.fromkeys(forget(box, *sorted(rewritten)) for box in region))
        if any(switch.view.foreign_part(widened, port) is not None for port in emits):
            return Refusal(codes.ACTION_EPERM, "foreign-flowspace")
    if fields - switch.rewritten:
        switch.verdicts.clear()  # what was remembered of later tables took fewer packets for granted
    switch.rewritten, switch.emits = rewritten, emits
    return None


def _named(switch: VirtualSwitch, port: int) -> Iterable[int]:
    """The ports that an output means. IN_PORT may be any of the slice's."""
    if port == CONTROLLER:
        return ()
    if port in (*EVERYWHERE, IN_PORT):
        return switch.view.flooded_ports(switch.datapath.ports)
    return (port,)
