"""A controller's channel to a slice's share of a datapath comes and goes."""

from __future__ import annotations

from typing import Final

from flowvisor.hypervisor import replanning, southbound, waiting
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.transactions import HYPERVISOR_SLOT, MAX_SLOTS, Transactions
from flowvisor.hypervisor.translation import reading
from flowvisor.hypervisor.translation.flow_removed import tell_late
from flowvisor.hypervisor.translation.table_miss import begin_misses, remove_miss
from flowvisor.openflow.versions import codec

CONTROLLER_LEFT: Final = "controller-left"


def open_channel(switch: VirtualSwitch, controller: str, version: int, effects: Effects) -> TenantChannel:
    """A controller's channel to a share is up. Raises KeyError if the datapath can tell no more channels apart."""
    datapath = switch.datapath
    slot = _free_slot(datapath)
    channel = TenantChannel(
        switch=switch,
        controller=controller,
        version=version,
        codec=codec(version),
        counters=switch.tenant.counters[version],
        transactions=Transactions(slot),
        flow_mod=southbound.flow_mods_of(datapath.plan.enforcement, version, datapath.version)
        if switch.view.may_write
        else reading.flow_mod,
        packet_out=southbound.packet_outs_of(version, datapath.version)
        if switch.view.may_write
        else reading.packet_out,
    )
    datapath.slots[slot] = channel
    if switch.rewriting is not None:
        waiting.wait_for_entries(channel)
    wanted_misses = switch.wants_misses
    switch.channels.append(channel)
    switch.channels_changed()
    switch.tenant.channels.append(channel)
    if switch.wants_misses and not wanted_misses:
        begin_misses(switch, effects)
    if switch.untold:
        tell_late(channel, effects)
    return channel


def close_channel(channel: TenantChannel, effects: Effects) -> None:
    """A channel is gone; its xids are free again once the datapath has answered them all."""
    if channel.has_left:
        return
    channel.has_left = True
    waiting.forget(channel, CONTROLLER_LEFT)
    switch = channel.switch
    wanted_misses = switch.wants_misses
    switch.channels.remove(channel)
    switch.past_changes += channel.transactions.changes
    switch.channels_changed()
    switch.tenant.channels.remove(channel)
    if wanted_misses and not switch.wants_misses:
        remove_miss(switch, effects)
    if not switch.channels:
        switch.generation_id = None  # forgotten with the last of the controllers that agreed on it
    replanning.free_slot(switch.datapath, channel.transactions.slot, effects)


def _free_slot(datapath: Datapath) -> int:
    """The slot that was free for the longest: what an earlier channel asked has been answered by then."""
    slot = datapath.last_slot
    for _ in range(MAX_SLOTS):
        slot = (slot + 1) % MAX_SLOTS
        if slot != HYPERVISOR_SLOT and slot not in datapath.slots:
            datapath.last_slot = slot
            return slot
    raise KeyError("no slot is free for another channel")
