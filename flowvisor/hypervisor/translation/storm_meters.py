"""Storm meters: where a slice has tables of its own, a storm of packet-ins stops at the datapath.

An entry that does nothing but send packets to the controller has them pass a meter of the hypervisor's, one for each
slice and datapath, that drops what is above the slice's rate. The tenant is never shown it.
"""

from __future__ import annotations

from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.translation.queueing import unqueued
from flowvisor.openflow import actions as act
from flowvisor.openflow.messages import MeterMod
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.planning.entries import max_tenant_meter
from flowvisor.planning.storm_meters import storm_meter


def decide(datapath: Datapath) -> None:
    """Choose which slices have one, now that it is known whether there are meters; entries use it from now on."""
    for switch in datapath.switches.values():
        meter = _meter_of(switch)
        switch.storm_meter = None if meter is None else meter.meter_id


def meters(datapath: Datapath) -> list[MeterMod]:
    """The meters that should be there."""
    return [meter for switch in datapath.switches.values() if (meter := _meter_of(switch)) is not None]


def _meter_of(switch: VirtualSwitch) -> MeterMod | None:
    limits, block = switch.tenant.limits, switch.view.block
    if limits is None or limits.packet_ins_per_second is None or block is None:
        return None
    return storm_meter(switch.datapath.meter_features, block, limits.packet_ins_per_second)


def metered(switch: VirtualSwitch, instructions: act.Instructions) -> act.Instructions:
    """What the datapath gets for an entry's instructions, which are in its own terms already."""
    if switch.storm_meter is None or not _only_to_controller(instructions):
        return instructions
    return (act.Meter(switch.storm_meter), *instructions)


def as_mapped(switch: VirtualSwitch, instructions: act.Instructions) -> act.Instructions:
    """An entry's instructions as a datapath tells them, without what is ours in them: a queue, a meter of any time."""
    datapath = switch.datapath
    return unqueued(switch, tuple(one for one in instructions if not _is_own(datapath, one)))


def _is_own(datapath: Datapath, instruction: act.Instruction) -> bool:
    most = max_tenant_meter(datapath.meter_features.max_meter)
    return isinstance(instruction, act.Meter) and instruction.meter_id > most


def _only_to_controller(instructions: act.Instructions) -> bool:
    actions = [
        action
        for one in instructions
        if isinstance(one, (act.ApplyActions, act.WriteActions))
        for action in one.actions
    ]
    return (
        bool(actions)
        and all(isinstance(one, (act.ApplyActions, act.WriteActions)) for one in instructions)
        and all(isinstance(action, act.Output) and action.port == CONTROLLER for action in actions)
    )
