"""How each slice's bandwidth is limited at a datapath: by a meter, by a queue, or, which is told, not at all."""

from __future__ import annotations

from attrs import evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Datapath
from flowvisor.openflow.messages import MeterMod
from flowvisor.planning.meters import meter_ids, meters_of
from flowvisor.policies.bandwidth import Bandwidth


def limited(datapath: Datapath) -> dict[str, Bandwidth]:
    """The slices at a datapath whose bandwidth is limited."""
    return {
        name: switch.tenant.bandwidth
        for name, switch in datapath.switches.items()
        if switch.tenant.bandwidth is not None and switch.view.may_write
    }


def decide(datapath: Datapath, max_meter: int, effects: Effects) -> None:
    """Choose for each slice, now that it is known whether the datapath has meters."""
    wanted, blocks = limited(datapath), datapath.plan.blocks
    ids = meter_ids(blocks, [name for name in wanted if name in blocks], max_meter)
    datapath.plan = evolve(datapath.plan, meters=ids)
    for name, bandwidth in wanted.items():
        switch = datapath.switches[name]
        if name not in ids and bandwidth.queues:
            switch.queue = bandwidth.queues[0]
        elif name not in ids:
            switch.exceeds_bandwidth = True
            effects.note(
                "warning", "bandwidth_not_limited", slice=name, dpid=datapath.dpid, policy=bandwidth.name
            )


def meters(datapath: Datapath) -> list[MeterMod]:
    """The meters of slices that should be there."""
    return meters_of(datapath.plan.meters, limited(datapath))
