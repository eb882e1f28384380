"""A flow entry's instructions in the words of another version."""

from __future__ import annotations

from flowvisor.openflow import bridge
from flowvisor.openflow.actions import ApplyActions, Instruction, Instructions, WriteActions
from flowvisor.openflow.match import Match
from flowvisor.openflow.traits import TRAITS


def translated(instructions: Instructions, match: Match, *, source: int, target: int) -> Instructions:
    """Instructions in one version's words as the other says them: between equal versions just as they are."""
    return instructions if source == target else instructions_in(target, instructions, match)


def instructions_in(version: int, instructions: Instructions, match: Match) -> Instructions:
    """The same behaviour as a version says it; raises Inexpressible when it cannot."""
    if not TRAITS[version].has_tables:
        actions = bridge.instructions_to_10(instructions, match)
        return (ApplyActions(actions),) if actions else ()

    def converted(instruction: Instruction) -> Instruction:
        if isinstance(instruction, ApplyActions):
            return ApplyActions(bridge.actions_to_13(instruction.actions, match))
        if isinstance(instruction, WriteActions):
            return WriteActions(bridge.actions_to_13(instruction.actions, match))
        return instruction

    return tuple(converted(instruction) for instruction in instructions)
