"""Outputs of a virtual network's tenant: each is a group, which says what an output to the port does here.

Strategy: so a port that is another one tomorrow is another group, and no entry of the tenant's is touched. What means
"all ports" or "back" depends on where the packet came in, and where a packet has to forget that (see `Share`) only
the egress table knows: if it is the last thing that an entry does, the entry marks the packet and sends it there.
Anywhere else it is a plain group, or the datapath's own IN_PORT; refused where that would be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import evolve

from flowvisor.hypervisor.refusal import Refusal
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.ports import ALL, FLOOD, IN_PORT
from flowvisor.planning.share import (
    MARK_ALL,
    MARK_BITS,
    MARK_FLOOD,
    MARK_IN_PORT,
    MARK_SHIFT,
    OWN_BITS,
    TENANT_BITS,
    Share,
)

MARKS: Final = {FLOOD: MARK_FLOOD, ALL: MARK_ALL, IN_PORT: MARK_IN_PORT}
_PORTS_OF_MARKS: Final = {mark: port for port, mark in MARKS.items()}
_UNSUPPORTED: Final = Refusal(codes.ACTION_EPERM, "unsupported")


def refused_instructions(share: Share, instructions: act.Instructions) -> Refusal | None:
    """What of an entry's instructions cannot be said on a datapath where it is of a share."""
    for instruction in instructions:
        if isinstance(instruction, act.WriteMetadata) and instruction.mask & OWN_BITS:
            return Refusal(codes.UNSUP_METADATA_MASK, "metadata")
    if _is_marked(instructions):
        instructions = _without_last(instructions)
    for instruction in instructions:
        if isinstance(instruction, (act.ApplyActions, act.WriteActions)):
            refusal = refused_actions(share, instruction.actions)
            if refusal is not None:
                return refusal
    return None


def refused_actions(share: Share, actions: Iterable[act.Action]) -> Refusal | None:
    """Of actions that an entry may go on after, or that are in a bucket, what cannot be said."""
    for action in actions:
        if not isinstance(action, act.Output) or action.port not in MARKS:
            continue
        if share.has_turned_ports or (action.port == IN_PORT and not share.comes_back_plainly):
            return _UNSUPPORTED
    return None


def is_label(action: act.Action) -> bool:
    """Whether an action sets what tells packets apart that cross the core in a tunnel."""
    return isinstance(action, act.SetField) and action.name == "tunnel_id"


# ------------------------------------------------------------------------------------------ what an entry does last


def marked(share: Share, instructions: act.Instructions) -> act.Instructions:
    """The instructions (tables by the tenant's numbers) with what goes everywhere or back as a mark, if it is last."""
    if not _is_marked(instructions):
        return instructions
    (last,) = (one.actions[-1] for one in instructions if isinstance(one, act.ApplyActions))
    assert isinstance(last, act.Output)
    mark = MARKS[last.port] << MARK_SHIFT
    said = [one for one in _without_last(instructions) if not isinstance(one, act.WriteMetadata)]
    tenants = next((one for one in instructions if isinstance(one, act.WriteMetadata)), None)
    if tenants is None:
        written = act.WriteMetadata(mark, MARK_BITS)
    else:
        written = act.WriteMetadata(tenants.metadata | mark, tenants.mask | MARK_BITS)
    return (*said, written, act.GotoTable(share.block.size))


def unmarked(share: Share, instructions: act.Instructions) -> act.Instructions:
    """The inverse."""
    if act.GotoTable(share.block.size) not in instructions:
        return instructions
    written = next((one for one in instructions if isinstance(one, act.WriteMetadata)), None)
    port = None if written is None else _PORTS_OF_MARKS.get((written.metadata & MARK_BITS) >> MARK_SHIFT)
    if written is None or port is None:
        return instructions  # no entry of ours
    return tuple(_unmarked(instructions, written, act.Output(port)))


def _unmarked(
    instructions: act.Instructions, written: act.WriteMetadata, last: act.Output
) -> Iterator[act.Instruction]:
    is_said = not any(isinstance(one, act.ApplyActions) for one in instructions)
    for one in instructions:
        if is_said and not isinstance(one, act.Meter):
            yield act.ApplyActions((last,))
            is_said = False
        if isinstance(one, act.ApplyActions):
            yield act.ApplyActions((*one.actions, last))
        elif isinstance(one, act.WriteMetadata):
            if written.mask & TENANT_BITS:
                yield act.WriteMetadata(written.metadata & TENANT_BITS, written.mask & TENANT_BITS)
        elif not isinstance(one, act.GotoTable):
            yield one


def _is_marked(instructions: act.Instructions) -> bool:
    """Whether the last that an entry does is to send the packet everywhere or back, and that can be read back."""
    applied: act.Actions = ()
    for one in instructions:
        if isinstance(one, act.GotoTable) or (isinstance(one, act.WriteMetadata) and not one.mask):
            return False
        if isinstance(one, act.ApplyActions):
            applied = one.actions
    return bool(applied) and isinstance(applied[-1], act.Output) and applied[-1].port in MARKS


def _without_last(instructions: act.Instructions) -> act.Instructions:
    shortened = (
        evolve(one, actions=one.actions[:-1]) if isinstance(one, act.ApplyActions) else one
        for one in instructions
    )
    return tuple(one for one in shortened if one != act.ApplyActions(()))


# -------------------------------------------------------------------------------------------------------- action sets

# Of what ends an action set: ports are groups on the datapath, and there a group makes an output void wherever each
# stands, while for the tenant a group makes a port void, and of ports the later counts.
GROUP, PORT, ELSEWHERE = "group", "port", "elsewhere"
NOT_AFTER: Final = ((GROUP, PORT), (PORT, ELSEWHERE))


def end_of(action: act.Output | act.Group) -> str:
    """The kind of an end."""
    if isinstance(action, act.Group):
        return GROUP
    return ELSEWHERE if action.port not in (ALL, FLOOD) and action.port >= 0xFFFF_FF00 else PORT


def refused_ends(actions: Iterable[act.Action]) -> Refusal | None:
    """Why the ends of one action set would not be on the datapath what they are to the tenant."""
    seen: set[str] = set()
    for action in actions:
        if isinstance(action, (act.Output, act.Group)):
            end = end_of(action)
            if any(later == end and first in seen for first, later in NOT_AFTER):
                return _UNSUPPORTED
            seen.add(end)
    return None
