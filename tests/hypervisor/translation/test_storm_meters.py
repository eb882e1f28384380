"""Packets that only go to the controller pass a meter where a slice has a rate, and the tenant never sees it."""

from __future__ import annotations

from typing import Any

import pytest

from flowvisor.openflow import actions as act
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod, PacketIn
from flowvisor.openflow.multipart import (
    FlowStatsReply,
    FlowStatsRequest,
    MeterConfigReply,
    MeterConfigRequest,
)
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.policies.rate_limit import RateLimit
from tests.support.kinds import ON_FEW_TABLES, ON_TABLES
from tests.support.slices import MISS, output
from tests.support.world import World, a_slice, flows_of, ports

RATE = 10
LIMITED = a_slice("a", ports(1, 2), policies=["slow"])
FREE = a_slice("b", ports(3, 4))
SLOW = RateLimit(name="slow", packet_in=RATE)
PACKET = bytes.fromhex("0200000000020200000000010800") + bytes(50)


@pytest.fixture
def world() -> World:
    return ON_TABLES.world(LIMITED, FREE, policies=[SLOW])


def meters_of(world: World) -> dict[int, Any]:
    return {meter.meter_id: meter for meter in world.emulated[1].pipeline.meters}


def physical(world: World, slice_name: str, table: int = 0) -> list[act.Instructions]:
    block = world.hypervisor.datapaths[1].switches[slice_name].view.block
    assert block is not None
    found = flows_of(world, 1, block.first + table)
    return [entry.instructions for entries in found.values() for entry in entries]


def the_meter(world: World) -> act.Meter:
    (meter_id,) = meters_of(world)
    return act.Meter(meter_id)


def test_a_storm_stops_at_the_datapath(world: World) -> None:
    tenant = world.controller("a")
    tenant.send(MISS)
    for _ in range(10 * RATE):
        world.packet(1, 1, PACKET)
    assert RATE - 1 <= len(tenant.heard(PacketIn)) <= RATE
    assert world.hypervisor.datapaths[1].up_counts[10] <= 2 * RATE


@pytest.mark.parametrize("version", [1, 4])
def test_the_tenant_reads_what_it_wrote(world: World, version: int) -> None:
    tenant = world.controller("a", 1, version)
    wrote = FlowMod(priority=3, match=Match.of(in_port=1), instructions=output(CONTROLLER))
    tenant.send(wrote)
    assert (the_meter(world), *wrote.instructions) in physical(world, "a")
    (entry,) = tenant.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert entry.instructions == wrote.instructions
    if version == 4:
        assert tenant.ask(MeterConfigRequest(), MeterConfigReply).meters == ()


@pytest.mark.parametrize(
    "instructions",
    [
        output(2),
        (act.ApplyActions((act.Output(CONTROLLER, 0xFFFF), act.Output(2))),),
        (*output(CONTROLLER), act.GotoTable(1)),
        (),
    ],
)
def test_what_does_anything_else_is_not_metered(world: World, instructions: act.Instructions) -> None:
    tenant = world.controller("a")
    tenant.send(FlowMod(priority=3, match=Match.of(in_port=1), instructions=instructions))
    (entry,) = physical(world, "a")
    assert not any(isinstance(one, act.Meter) for one in entry)


def test_the_entry_for_misses_of_1_0_controllers_is_metered(world: World) -> None:
    world.controller("a", 1, 1)
    assert physical(world, "a") == [(the_meter(world), *output(CONTROLLER))]


def test_a_slice_without_a_rate_has_no_meter(world: World) -> None:
    world.controller("b").send(MISS)
    assert physical(world, "b") == [MISS.instructions]
    assert len(meters_of(world)) == 1


def test_where_matches_are_intersected_there_is_none() -> None:
    world = ON_FEW_TABLES.world(LIMITED, FREE, policies=[SLOW])
    world.controller("a").send(MISS)
    assert meters_of(world) == {}


def again(world: World, *policies: RateLimit) -> World:
    """The hypervisor starts anew, with these policies, on the datapath as it is."""
    emulated = world.emulated[1]
    emulated.disconnect()
    a = a_slice("a", ports(1, 2), policies=[one.name for one in policies])
    return World([a, FREE], [emulated], world.hypervisor.allocations, policies=policies)


def test_a_restart_keeps_the_meter_and_what_passes_it(world: World) -> None:
    world.controller("a").send(MISS)
    before = physical(world, "a")
    restarted = again(world, SLOW)
    assert physical(restarted, "a") == before
    assert not any(frame[1] in (14, 29) for _, frame in restarted.to_datapaths)


def test_a_rate_that_has_come_changed_or_gone_is_taken_up_at_the_next_start(world: World) -> None:
    world.controller("a").send(MISS)
    meter = the_meter(world)
    changed = again(world, RateLimit(name="slow", packet_in=77))
    assert the_meter(changed) == meter
    gone = again(changed)
    assert meters_of(gone) == {}
    assert physical(gone, "a") == [MISS.instructions]
    back = again(gone, SLOW)
    assert physical(back, "a") == [(meter, *MISS.instructions)]
