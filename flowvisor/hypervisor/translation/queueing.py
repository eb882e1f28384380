"""Outputs through the queue of a slice whose bandwidth a datapath without meters limits.

Strategy: it is the last step, on actions that are in the datapath's own words; the tenant's view of its entries is
without it. Where the tenant asks for the queue that packets are in by themselves, it is the slice's own that it gets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.openflow import actions as act
from flowvisor.openflow.bridge import DEFAULT_QUEUE
from flowvisor.openflow.ports import CONTROLLER, IN_PORT, MAX_PORT, TABLE
from flowvisor.openflow.traits import TRAITS

_NOT_ON_A_WIRE: Final = (CONTROLLER, TABLE)


def queued(switch: VirtualSwitch, instructions: act.Instructions) -> act.Instructions:
    """The instructions of an entry with its outputs through the slice's queue, if it has one."""
    if switch.queue is None:
        return instructions
    return _each(instructions, lambda actions: queued_actions(switch, actions))


def queued_actions(switch: VirtualSwitch, actions: act.Actions) -> act.Actions:
    """A list of actions with its outputs through the slice's queue, if it has one."""
    queue = switch.queue
    if queue is None:
        return actions
    own = kept_in_queue(queue, actions)
    if TRAITS[switch.datapath.version].has_tables:
        return (act.SetQueue(queue), *own) if _outputs(own) else own
    return tuple(
        act.Enqueue(action.port, queue) if isinstance(action, act.Output) and _has_queues(action) else action
        for action in own
    )


def kept_in_queue(queue: int, actions: act.Actions) -> act.Actions:
    """Actions that do not take packets out of a queue again."""
    return tuple(
        evolve(action, queue_id=queue)
        if isinstance(action, (act.SetQueue, act.Enqueue)) and action.queue_id == DEFAULT_QUEUE
        else action
        for action in actions
    )


def unqueued(switch: VirtualSwitch, instructions: act.Instructions) -> act.Instructions:
    """The inverse, for a datapath that has tables: an entry's instructions as they were without the queue."""
    if switch.queue is None:
        return instructions
    first = act.SetQueue(switch.queue)
    return _each(
        instructions,
        lambda actions: actions[1:] if _outputs(actions) and actions[0] == first else actions,
    )


def _each(instructions: act.Instructions, change: Callable[[act.Actions], act.Actions]) -> act.Instructions:
    return tuple(
        type(one)(change(one.actions)) if isinstance(one, (act.ApplyActions, act.WriteActions)) else one
        for one in instructions
    )


def _outputs(actions: act.Actions) -> bool:
    return any(
        isinstance(action, act.Group)
        or (isinstance(action, act.Output) and action.port not in _NOT_ON_A_WIRE)
        for action in actions
    )


def _has_queues(output: act.Output) -> bool:
    """Whether 1.0 lets the output be an ENQUEUE (1.0.1, section 5.2.4)."""
    return output.port < MAX_PORT or output.port == IN_PORT
