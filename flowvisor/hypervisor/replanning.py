"""A connected datapath gets another plan: what its slices keep stays as it is, and what they lose goes at once.

Strategy: it is brought up once more, over the connection that it has. What is there is read back and made right, as
after a restart, so that a reload has no ways of its own to be wrong; only the channels of slices that go on stay open,
and wait until it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from flowvisor.hypervisor import flow_quota, readoption, setup, waiting
from flowvisor.hypervisor.buffers import Buffers
from flowvisor.hypervisor.effects import CloseChannels, Effects, HangUp
from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.port_configs import recalled
from flowvisor.hypervisor.rejudging import stop
from flowvisor.hypervisor.requests import ask
from flowvisor.hypervisor.translation import port_status
from flowvisor.hypervisor.translation.flow_removed import tell_late
from flowvisor.hypervisor.translation.table_miss import install_miss
from flowvisor.openflow.messages import PORT_ADD, PORT_DELETE, BarrierRequest, Message, PortStatus
from flowvisor.openflow.ports import Port
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.view import View

MakeSwitch = Callable[[Datapath, str, View], VirtualSwitch]

NO_SHARE: Final = "the slice has no share of the datapath any more"  # why its channels close


def put_plan(datapath: Datapath, plan: DatapathPlan, make: MakeSwitch, effects: Effects) -> bool:
    """Give each slice its new share. False if that cannot be now: the datapath is hung up on, and comes back."""
    if not datapath.is_ready or any(one.rewriting is not None for one in datapath.switches.values()):
        effects.commands.append(HangUp(datapath, "reloaded while it was being set up"))
        return False
    before = dict(datapath.switches)
    shown = {name: told_here(switch) for name, switch in before.items()}
    datapath.plan = evolve(plan, is_probed=datapath.plan.is_probed)
    datapath.buffers = Buffers()  # packets in them may be another slice's now
    datapath.has_flood_groups = False
    datapath.switches.clear()
    datapath.readers.clear()
    datapath.switch_by_table[:] = [None] * len(datapath.switch_by_table)
    for name, switch in before.items():
        view = plan.views.get(name)
        if not goes_on(switch, view):
            close(switch, NO_SHARE, effects)
            del shown[name]
    for name, view in plan.views.items():
        if name in shown:
            _change(before[name], view)
            place(before[name])
        else:
            place(make(datapath, name, view))
    for name, ports in shown.items():
        tell_of_ports(before[name], ports, effects)
    return True


def place(switch: VirtualSwitch) -> None:
    """Let a datapath know a virtual switch, and which of its tables are the slice's."""
    datapath, view = switch.datapath, switch.view
    datapath.switches[view.slice_name] = switch
    if view.reads:
        datapath.readers.append(switch)
    if view.block is not None:
        for table_id in range(view.block.first, view.block.end):
            datapath.switch_by_table[table_id] = switch


def take_away(switch: VirtualSwitch) -> None:
    """Let a datapath know a virtual switch no more."""
    datapath, name = switch.datapath, switch.view.slice_name
    del datapath.switches[name]
    datapath.readers = [one for one in datapath.readers if one is not switch]
    for table_id, one in enumerate(datapath.switch_by_table):
        if one is switch:
            datapath.switch_by_table[table_id] = None


def make_so(datapath: Datapath, effects: Effects) -> None:
    """Read what the datapath has, and make it what its new plan says."""
    releases = [stop(switch) for switch in datapath.switches.values()]
    datapath.memory.forget_slices_but(datapath.switches, effects)
    readoption.restore(datapath, effects)
    for switch in datapath.switches.values():
        flow_quota.end(switch, effects)
        flow_quota.begin(switch)

    def done(effects: Effects) -> None:
        for switch in datapath.switches.values():
            install_miss(switch, effects)  # as the slice's policies have it now
        for release in releases:
            release(effects)
        for switch in datapath.switches.values():
            if switch.channels and switch.untold:
                tell_late(switch.channels[0], effects)

    setup.again(datapath, done, effects)


def close(switch: VirtualSwitch, reason: str, effects: Effects) -> None:
    """The virtual switch is no more: nothing goes to its channels any more, nor is anything of theirs done."""
    if switch.view.share is not None:
        switch.datapath.fabric.upper_storey.share_left(switch, reason, effects)
        flow_quota.end(switch, effects)
        return
    for channel in switch.channels:
        channel.has_left = True
        waiting.forget(channel, "no-datapath")
        switch.tenant.channels.remove(channel)
        free_slot(switch.datapath, channel.transactions.slot, effects)
    switch.channels.clear()
    flow_quota.end(switch, effects)
    effects.commands.append(CloseChannels(switch.name, reason))


def free_slot(datapath: Datapath, slot: int, effects: Effects) -> None:
    """A channel's xids are free again once the datapath has answered them all."""

    def settled(_replies: list[Message], _effects: Effects) -> None:
        datapath.slots.pop(slot, None)

    def failed(_error: tuple[int, int], effects: Effects) -> None:
        settled([], effects)

    ask(datapath, datapath.transactions, [BarrierRequest()], settled, failed, effects)


def goes_on(switch: VirtualSwitch, view: View | None) -> bool:
    """Whether a slice has the same tables as before at the datapath, whatever it has of packets."""
    return view is not None and (view.block, view.may_write) == (switch.view.block, switch.view.may_write)


def _change(switch: VirtualSwitch, view: View) -> None:
    """What a virtual switch goes on with."""
    put_view(switch, view, switch.datapath.plan)
    switch.queue, switch.exceeds_bandwidth = None, False


def put_view(switch: VirtualSwitch, view: View, plan: DatapathPlan) -> None:
    """Give a virtual switch the view that it has by a plan; what its entries do is to be learned anew from them."""
    switch.view = view
    switch.port_configs = recalled(switch.datapath.memory, plan, view.slice_name)
    switch.verdicts.clear()
    switch.packet_outs.clear()
    switch.rewritten, switch.emits, switch.set_ends = set(), set(), frozenset()


def told_here(switch: VirtualSwitch) -> list[Port]:
    """The ports of which its tenant hears from this datapath; of those of a virtual network it hears elsewhere."""
    return switch.visible_ports if switch.view.share is None else []


def tell_of_ports(switch: VirtualSwitch, before: list[Port], effects: Effects) -> None:
    """Ports that a reload gives or takes look to the tenant as if they came or went."""
    old = {port.number: port for port in before}
    new = {port.number: port for port in told_here(switch)}
    for number in sorted(old.keys() - new.keys()):
        port_status.tell(switch, PortStatus(reason=PORT_DELETE, port=old[number]), effects)
    for number in sorted(new.keys() - old.keys()):
        port_status.tell(switch, PortStatus(reason=PORT_ADD, port=new[number]), effects)
