"""A tenant's instructions: checked against what the slice may do, and put in the datapath's terms.

Strategy: what leaves the slice is decided for the whole flowspace first, because then the verdict does not depend
on the match and is remembered by the instructions' bytes. Only where that fails is it decided again for the
packets that the entry's own match leaves (`needs_match`). What follows from an entry for others, later tables and
groups, is kept by `consequences`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.layout import boxes_of
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.consequences import start_of, take_note
from flowvisor.hypervisor.translation.queueing import queued
from flowvisor.hypervisor.translation.storm_meters import as_mapped, metered
from flowvisor.hypervisor.translation.versions import translated
from flowvisor.hypervisor.translation.virtual_outputs import (
    is_label,
    marked,
    refused_instructions,
    unmarked,
)
from flowvisor.network.discovery import PROBE_ADDRESS
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.bridge import as_carried_out
from flowvisor.openflow.fields import ETH_TYPE_BDDP, ETH_TYPE_LLDP
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import ALL, FLOOD, MAX_PORT, NO_FLOOD
from flowvisor.planning.closed_ports import closed_group, closed_port
from flowvisor.planning.egress import find_leak, is_visible
from flowvisor.planning.entries import all_group, flood_group
from flowvisor.planning.share import port_group, port_of_group

EVERYWHERE: Final = (ALL, FLOOD)
MAX_FLOODS: Final = 16  # of one list; each is looked at for each of the slice's ports


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
    matched = None if match is None else boxes_of(match)
    fresh = table_id == 0 or not switch.rewritten
    leak = find_leak(
        view,
        (*applied, *written),
        start_of(switch, () if fresh else switch.rewritten, matched),
        ports={*switch.known_ports, *_outputs((*applied, *written))} if may_have_gone else switch.known_ports,
        came_in=fresh,
        buckets=switch.groups.buckets_of,
    )
    if leak is not None:
        return Verdict(
            (), Refusal(leak.error, leak.reason), leak.error == codes.ACTION_EPERM and match is None
        )
    refusal = take_note(
        switch,
        table_id,
        applied,
        written,
        goes_on=any(isinstance(instruction, act.GotoTable) for instruction in instructions),
        matched=matched,
    )
    if refusal is not None:
        return Verdict((), refusal)
    mapped = tuple(_mapped(switch, instructions))
    # Where matches are intersected it is another version's words, maybe; `pieces` does it there.
    return Verdict(mapped if view.block is None else metered(switch, queued(switch, mapped)))


def judge_entry(switch: VirtualSwitch, message: FlowMod, version: int) -> Verdict:
    """Check and map the instructions of an entry as a tenant that speaks this version has written it."""
    target = switch.datapath.version
    try:
        instructions = translated(message.instructions, message.match, source=version, target=target)
    except Inexpressible as error:
        return Verdict((), Refusal((error.error_type, error.error_code), "inexpressible"))
    return judge_for(switch, message.table_id, instructions, message.match)


def judge_for(
    switch: VirtualSwitch,
    table_id: int,
    instructions: act.Instructions,
    match: Match,
    *,
    may_have_gone: bool = False,
) -> Verdict:
    """What `judge` says for any match, or where that is not enough for this one."""
    verdict = judge(switch, table_id, instructions, may_have_gone=may_have_gone)
    if verdict.needs_match:
        verdict = judge(switch, table_id, instructions, match, may_have_gone=may_have_gone)
    return verdict


def _outputs(actions: act.Actions) -> Iterator[int]:
    return (action.port for action in actions if isinstance(action, act.Output) and action.port <= MAX_PORT)


def actions_to_physical(
    switch: VirtualSwitch, actions: act.Actions, *, floods_by_group: bool = False, is_set: bool = False
) -> act.Actions:
    """The tenant's actions in the datapath's ids, and spelled out what it must not decide: which ports are all ports.

    A flood is the group that follows the slice's ports where there are tables for it, or if it must be one action.
    To the ports of a virtual network's switch all outputs are groups.
    """
    block, share = switch.view.block, switch.view.share
    mapped: list[act.Action] = []
    for at, action in enumerate(actions):
        if isinstance(action, act.Output) and action.port in EVERYWHERE:
            if block is None and not floods_by_group:
                mapped += [act.Output(port) for port in flood_ports(switch, action.port)]
            else:
                group = flood_group if action.port == FLOOD else all_group
                mapped.append(act.Group(group(switch.allotted if block is None else block)))
        elif isinstance(action, act.Group):
            mapped.append(act.Group(switch.groups.by_id[action.group_id].physical))
        elif share is not None and isinstance(action, act.Output) and action.port <= MAX_PORT:
            mapped.append(act.Group(port_group(share.block, action.port)))
        elif isinstance(action, (act.Output, act.Enqueue)) and switch.port_configs.is_shut(action.port):
            if is_set and _is_void(actions, at):
                mapped.append(action)  # the datapath does not carry it out either
            elif block is not None:
                mapped.append(act.Group(closed_group(block, action.port)))
            elif floods_by_group:
                mapped.append(action)
            elif is_set:  # it would have taken their place
                mapped = [one for one in mapped if not isinstance(one, act.Output)]
        else:
            mapped.append(action)
    return tuple(mapped)


def _is_void(action_set: act.Actions, at: int) -> bool:
    """Whether an output that is written to an action set is void: for a group, or for a later output."""
    later = any(isinstance(action, act.Output) for action in action_set[at + 1 :])
    return later or any(isinstance(action, act.Group) for action in action_set)


def actions_to_virtual(switch: VirtualSwitch, actions: act.Actions) -> act.Actions:
    """The inverse, where a flood is a group. What is no group of the slice's becomes an id that no group has."""
    block = switch.view.block or switch.allotted
    floods = {flood_group(block): FLOOD, all_group(block): ALL}
    other = closed_port if switch.view.share is None else port_of_group

    def back(action: act.Action) -> act.Action:
        if not isinstance(action, act.Group):
            return action
        port = floods.get(action.group_id) or other(block, action.group_id)
        return act.Group(switch.groups.to_virtual(action.group_id)) if port is None else act.Output(port)

    return tuple(back(action) for action in actions)


def flood_ports(switch: VirtualSwitch, port: int) -> list[int]:
    """The ports that FLOOD or ALL means; a datapath never sends a packet out of the port it came in by."""
    return [
        one.number
        for one in switch.ports
        if not switch.port_configs.is_shut(one.number) and (port == ALL or not one.config & NO_FLOOD)
    ]


def instructions_to_virtual(switch: VirtualSwitch, instructions: act.Instructions) -> act.Instructions:
    """The inverse for entries in tables: what the tenant wrote, of what the datapath tells."""
    block, share = switch.view.block, switch.view.share
    assert block is not None
    told = tuple(
        _each(
            as_mapped(switch, instructions),
            lambda actions, _: actions_to_virtual(switch, actions),
            switch.meters.to_virtual,
            -block.first,
        )
    )
    return told if share is None else unmarked(share, told)


def _each(
    instructions: act.Instructions,
    actions: Callable[[act.Actions, bool], act.Actions],  # which, and whether it is a set
    meter: Callable[[int], int],
    shift: int,
) -> Iterator[act.Instruction]:
    for instruction in instructions:
        if isinstance(instruction, act.GotoTable):
            yield act.GotoTable(instruction.table_id + shift)
        elif isinstance(instruction, act.ApplyActions):
            yield act.ApplyActions(actions(instruction.actions, False))
        elif isinstance(instruction, act.WriteActions):
            yield act.WriteActions(actions(instruction.actions, True))
        elif isinstance(instruction, act.Meter):
            yield act.Meter(meter(instruction.meter_id))
        else:
            yield instruction


def _mapped(switch: VirtualSwitch, instructions: act.Instructions) -> Iterator[act.Instruction]:
    block, share = switch.view.block, switch.view.share
    if block is None:
        instructions = _floods_applied(instructions)
    elif share is not None:
        instructions = marked(share, instructions)
    return _each(
        instructions,
        lambda actions, is_set: actions_to_physical(switch, actions, is_set=is_set),
        switch.meters.to_physical,
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
    if act.Group in latest:  # which makes the output void
        latest.pop(act.Output)
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
            if instruction.meter_id not in switch.meters.by_id:
                return Refusal(codes.UNKNOWN_METER, "unknown-meter")
            if instruction.meter_id in switch.meters.remarking and is_visible(
                ("ip_dscp",), switch.view.used_mask
            ):
                return Refusal(codes.ACTION_EPERM, "foreign-flowspace")
        elif isinstance(instruction, act.OpaqueInstruction):
            return Refusal(codes.INST_BAD_EXPERIMENTER, "experimenter")
        elif isinstance(instruction, act.WriteMetadata):
            if block is None:
                return Refusal(codes.UNSUP_METADATA, "unsupported")
        elif isinstance(instruction, (act.ApplyActions, act.WriteActions)):
            refusal = refused_action(switch, instruction.actions)
            if refusal is not None:
                return refusal
    share = switch.view.share
    return None if share is None else refused_instructions(share, instructions)


def refused_action(switch: VirtualSwitch, actions: Iterable[act.Action]) -> Refusal | None:
    """The first action that the slice may not use: it names what is not the slice's, or is not understood."""
    floods = 0
    for action in actions:
        if isinstance(action, act.Output) and action.port in EVERYWHERE:
            floods += 1
            if floods > MAX_FLOODS:
                return Refusal(codes.ACTION_TOO_MANY, "too-many-floods")
        if isinstance(action, act.OpaqueAction):
            return Refusal(codes.ACTION_BAD_EXPERIMENTER, "experimenter")
        if isinstance(action, act.Group) and action.group_id not in switch.groups.by_id:
            return Refusal(codes.ACTION_BAD_OUT_GROUP, "unknown-group")
        if isinstance(action, (act.SetQueue, act.Enqueue)) and not switch.owns_queue(action.queue_id):
            return Refusal(codes.ACTION_BAD_QUEUE, "unknown-queue")
        if isinstance(action, act.SetField) and action.name == "in_port":
            return Refusal(codes.ACTION_BAD_SET_TYPE, "unsupported")
        # What an outer Ethernet header hides may be a probe that somebody has kept.
        if switch.view.share is not None and is_label(action):
            return Refusal(codes.ACTION_BAD_SET_TYPE, "unsupported")
        if action == _MAKES_A_PROBE or isinstance(action, act.PopPbb):
            return Refusal(codes.ACTION_EPERM, "probe")
        if action in _MAKE_LLDP:  # it would be on a wire past all that is done with a tenant's LLDP
            return Refusal(codes.ACTION_EPERM, "lldp")
    return None


_MAKE_LLDP: Final = tuple(
    action
    for kind in (ETH_TYPE_LLDP, ETH_TYPE_BDDP)
    for action in (act.SetField("eth_type", kind), act.PopMpls(kind))
)
_MAKES_A_PROBE: Final = act.SetField("eth_dst", PROBE_ADDRESS)


def _lists(instructions: act.Instructions) -> tuple[act.Actions, act.Actions]:
    """The actions as carried out: those applied at once, then the action set in its order."""
    applied: act.Actions = ()
    written: act.Actions = ()
    for instruction in instructions:
        if isinstance(instruction, act.ApplyActions):
            applied = instruction.actions
        elif isinstance(instruction, act.WriteActions):
            written = instruction.actions
    return applied, as_carried_out(written)
