"""A storm of misses that nobody may hear stops at a datapath on which matches are intersected."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.storm import SHED_BEFORE_DROPPING
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod, PacketIn
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.planning.entries import COOKIE
from flowvisor.policies.rate_limit import RateLimit
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import output
from tests.support.world import World, a_slice, flows_of, ports

PACKET = bytes.fromhex("0200000000020200000000010800") + bytes(50)
RATE = 5
STORM = SHED_BEFORE_DROPPING + RATE


@pytest.fixture(params=[ON_10, ON_FEW_TABLES], ids=str)
def world(request: pytest.FixtureRequest) -> World:
    return world_of(request.param)


def world_of(kind: Kind) -> World:
    a = a_slice("a", ports(1, 2), policies=["slow"])
    return kind.world(a, a_slice("b", ports(3, 4)), policies=[RateLimit(name="slow", packet_in=RATE)])


def storm(world: World, port: int = 1, count: int = STORM) -> None:
    for _ in range(count):
        world.packet(1, port, PACKET)


def drops(world: World) -> list[tuple[int, Match]]:
    """Priorities and matches of the drop entries that stand."""
    return [
        (priority, entry.match)
        for priority, entries in flows_of(world, 1).items()
        for entry in entries
        if entry.cookie == COOKIE and entry.hard_timeout
    ]


def test_a_storm_above_the_rate_is_dropped_for_a_while(world: World) -> None:
    tenant = world.controller("a", 1, 1)
    storm(world)
    assert len(tenant.heard(PacketIn)) == RATE
    assert [match for _, match in drops(world)] == [Match.of(in_port=1)]
    before = world.hypervisor.datapaths[1].up_counts[10]
    storm(world)
    assert world.hypervisor.datapaths[1].up_counts[10] == before  # nothing comes up any more
    world.pass_time(1.1)
    assert drops(world) == []
    world.packet(1, 1, PACKET)
    assert len(tenant.heard(PacketIn)) == RATE + 1


def test_what_the_slice_forwards_and_what_comes_in_elsewhere_goes_on(world: World) -> None:
    tenant, other = world.controller("a", 1, 1), world.controller("b", 1, 1)
    to_2 = FlowMod(priority=5, match=Match.of(in_port=1, eth_dst=0x020000000009), instructions=output(2))
    tenant.send(to_2)
    storm(world)
    assert drops(world)
    assert world.packet(1, 1, bytes.fromhex("020000000009") + PACKET[6:]) != []
    world.packet(1, 3, PACKET)
    assert len(other.heard(PacketIn)) == 1


def test_the_miss_of_a_slice_without_controllers_is_dropped() -> None:
    world = world_of(ON_10)
    storm(world, count=SHED_BEFORE_DROPPING)
    assert drops(world) == [(0, Match.of(in_port=1))]
    assert world.hypervisor.tenants["a"].counters[1].shed == {
        "no-controller": RATE,
        "rate-limited": SHED_BEFORE_DROPPING - RATE,
    }


def test_a_miss_by_the_tenants_own_entry_is_dropped_above_it(world: World) -> None:
    tenant = world.controller("a", 1, 4)
    tenant.send(FlowMod(priority=0, instructions=output(CONTROLLER)))
    storm(world)
    ((priority, match),) = drops(world)
    assert match == Match.of(in_port=1)
    # Just above the tenant's entry.
    below = [entry for entry in flows_of(world, 1) if entry < priority]
    assert max(below) == priority - 1
    (shown,) = tenant.ask(FlowStatsRequest(xid=3), FlowStatsReply).flows
    assert (shown.priority, shown.match.fields) == (0, {})


def test_an_entry_of_the_tenants_is_never_in_the_way_of_one(world: World) -> None:
    tenant = world.controller("a", 1, 1)
    tenant.send(
        FlowMod(priority=0, match=Match.of(in_port=1, eth_dst=0x020000000009), instructions=output(2))
    )
    storm(world)
    assert drops(world) == []


def test_packets_that_an_entry_sends_up_are_only_shed(world: World) -> None:
    tenant = world.controller("a", 1, 1)
    tenant.send(FlowMod(priority=7, match=Match.of(in_port=1), instructions=output(CONTROLLER)))
    storm(world)
    assert drops(world) == []
    assert len(tenant.heard(PacketIn)) == RATE


def test_where_a_slice_has_tables_of_its_own_nothing_is_put_into_them() -> None:
    world = world_of(ON_TABLES)
    tenant = world.controller("a", 1, 4)
    tenant.send(FlowMod(priority=0, instructions=output(CONTROLLER)))
    storm(world)
    assert drops(world) == []
    assert len(tenant.heard(PacketIn)) == RATE
