"""A slice's bandwidth: limited by a meter, by a queue, or said not to be."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor.effects import Notice
from flowvisor.openflow.actions import GotoTable, Meter
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import BAND_DROP, METER_ADD, METER_KBPS, FlowMod, MeterBand, MeterMod
from flowvisor.policies.bandwidth import Bandwidth
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import A, B, output, udp
from tests.support.world import World, flows_of, ports

SLOW = Bandwidth("slow", rate=8)  # 1,000 bytes a second
BY_QUEUE = Bandwidth("slow", rate=8, queues=(2, 5))
LIMITED = evolve(A, policies=("slow",))


def warnings(world: World) -> list[str]:
    return [one.event for one in world.commands if isinstance(one, Notice) and one.level == "warning"]


def test_with_meters_the_classifier_measures_what_is_the_slices_and_nothing_else() -> None:
    world = ON_TABLES.world(LIMITED, B, policies=[SLOW])
    switch = world.controller("a").switch
    meter_id = world.hypervisor.datapaths[1].plan.meters["a"]
    (meter,) = world.emulated[1].pipeline.meters
    assert (meter.meter_id, meter.flags & METER_KBPS) == (meter_id, METER_KBPS)
    assert [one.band for one in meter.bands] == [MeterBand(kind=BAND_DROP, rate=8)]
    found = {
        entry.match.exact("in_port"): entry.instructions
        for entries in flows_of(world, 1).values()
        for entry in entries
    }
    assert found[1] == found[2] == (Meter(meter_id), GotoTable(1))
    assert found[3] == (GotoTable(5),)
    assert (switch.queue, switch.exceeds_bandwidth, warnings(world)) == (None, False, [])


def test_what_comes_in_too_fast_is_dropped_and_the_others_traffic_is_not() -> None:
    world = ON_TABLES.world(LIMITED, B, policies=[SLOW])
    for name, port, out in (("a", 1, 2), ("b", 3, 4)):
        world.controller(name).send(FlowMod(match=Match.of(in_port=port), instructions=output(out)))
    long = udp() + bytes(400)
    through = {port: sum(bool(world.packet(1, port, long)) for _ in range(20)) for port in (1, 3)}
    assert through[3] == 20
    assert 1 <= through[1] < 4
    world.pass_time(1)
    assert world.packet(1, 1, long)


def test_a_restart_leaves_a_meter_alone_and_other_files_change_or_remove_it() -> None:
    world = ON_TABLES.world(LIMITED, B, policies=[SLOW])
    emulated, allocations = world.emulated[1], world.hypervisor.allocations

    def again(*slices: object, policies: list[Bandwidth]) -> World:
        emulated.disconnect()
        new = World(slices, [], allocations, policies=policies)  # type: ignore[arg-type]
        new.join(emulated)
        return new

    kinds = {"MeterMod", "FlowMod", "GroupMod"}

    def changes(one: World) -> list[str]:
        peer = one.hypervisor.datapaths[1]
        sent = [type(peer.codec.decode(frame)).__name__ for _, frame in one.to_datapaths]
        return [name for name in sent if name in kinds]

    assert changes(again(LIMITED, B, policies=[SLOW])) == []
    assert changes(again(LIMITED, B, policies=[evolve(SLOW, rate=16)])) == ["MeterMod"]
    assert [one.bands[0].band.rate for one in emulated.pipeline.meters] == [16]
    assert changes(again(A, B, policies=[])) == ["FlowMod", "FlowMod", "MeterMod"]
    assert list(emulated.pipeline.meters) == []
    entries = [entry for entries in flows_of(world, 1).values() for entry in entries]
    assert len([entry for entry in entries if entry.instructions == (GotoTable(1),)]) == 2


@pytest.mark.parametrize("policy", [SLOW, BY_QUEUE], ids=["no-queues", "queues"])
def test_without_meters_it_is_queues_or_it_is_said_that_nothing_limits_the_slice(
    kind: Kind, policy: Bandwidth
) -> None:
    if kind.has_blocks:
        return
    world = kind.world(LIMITED, B, policies=[policy])
    switch = world.controller("a").switch
    assert switch.queue == (2 if policy.queues else None)
    assert switch.exceeds_bandwidth == (not policy.queues)
    assert warnings(world) == ([] if policy.queues else ["bandwidth_not_limited"])
    assert world.controller("b").switch.queue is None


def test_a_slice_that_only_looks_has_nothing_to_limit() -> None:
    reader = evolve(A, name="r", rules=(ports(1, may_write=False),), policies=("slow",))
    world = ON_10.world(A, B, reader, policies=[SLOW])
    assert warnings(world) == []


def test_meters_of_a_time_when_there_were_tables_enough_are_removed() -> None:
    world = ON_FEW_TABLES.world(A, B)
    emulated, highest = world.emulated[1], world.hypervisor.datapaths[1].meter_features.max_meter
    band = MeterBand(kind=BAND_DROP, rate=1)
    old = MeterMod(command=METER_ADD, flags=METER_KBPS, meter_id=highest, bands=(band,))
    emulated.disconnect()
    assert emulated.from_controller(old, world.now) == []
    again = World([LIMITED, B], [], world.hypervisor.allocations, policies=[BY_QUEUE])
    again.join(emulated)
    assert list(emulated.pipeline.meters) == []
