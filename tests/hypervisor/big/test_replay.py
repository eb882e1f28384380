"""A share that joins is made what its virtual switch is."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.big.replay import in_order
from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow.actions import ApplyActions, Group, Output
from flowvisor.openflow.frame import FLOW_MOD, GROUP_MOD, METER_MOD, MULTIPART_REQUEST
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    BAND_DROP,
    DELETE,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    METER_ADD,
    METER_KBPS,
    BarrierReply,
    BarrierRequest,
    Bucket,
    FlowMod,
    GroupMod,
    MeterBand,
    MeterMod,
    PortMod,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import NO_FLOOD, NO_PACKET_IN
from tests.support.big_world import PORTS, BigWorld, PickyDatapath, big_world
from tests.support.slices import output, udp
from tests.support.world import Controller, World

CHANGES = {FLOW_MOD, GROUP_MOD, METER_MOD}


def fill(tenant: Controller) -> None:
    """Something of everything."""
    tenant.send(
        GroupMod(command=GROUP_ADD, group_id=7, buckets=(Bucket(actions=(Output(4),)),)),
        GroupMod(command=GROUP_ADD, group_id=3, buckets=(Bucket(actions=(Group(7),)),)),
        MeterMod(command=METER_ADD, flags=METER_KBPS, meter_id=1, bands=(MeterBand(BAND_DROP, 9),)),
        FlowMod(cookie=5, instructions=(ApplyActions((Group(3),)),)),
        FlowMod(priority=9, hard_timeout=10, match=Match.of(in_port=2), instructions=output(1)),
        BarrierRequest(),
    )


def changes_at(world: BigWorld, dpid: int) -> int:
    """How many changes a datapath was sent for the tenant since this was last asked."""
    block = world.hypervisor.allocations.blocks["a"]
    sent = [
        frame
        for to, frame in world.to_datapaths
        if to == dpid and frame[1] in CHANGES and (frame[1] != FLOW_MOD or frame[24] >= block.first)
    ]
    world.to_datapaths.clear()
    return len(sent)


def contents(world: BigWorld, dpid: int) -> set[object]:
    return {(one.priority, one.cookie, one.instructions) for one in world.entries_at(dpid)}


def test_an_empty_datapath_is_given_groups_meters_and_entries_with_the_rest_of_their_time() -> None:
    world = big_world(3)
    world.go(2)
    tenant = world.big_controller()
    fill(tenant)
    world.pass_time(4.0)
    world.come(PickyDatapath(2, ports=PORTS, now=world.now))
    (entry,) = [one for one in world.entries_at(2) if one.priority == 9]
    assert entry.hard_timeout == 6
    assert {one for one in contents(world, 2) if one[0] != 9} == contents(world, 3)
    assert [one for one in world.entries_at(1) if one.priority == 9] == []
    assert len(list(world.emulated[2].pipeline.meters)) >= 1
    assert world.packet(2, 4, udp()) == []  # never back where it came from
    assert world.packet(2, 2, udp()) == [(4, udp())]  # through both groups


def test_a_datapath_that_has_kept_everything_is_given_nothing() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    fill(tenant)
    world.go(2)
    changes_at(world, 2)
    world.come(world.emulated[2])
    assert changes_at(world, 2) == 0
    world.go(1)
    world.to_datapaths.clear()
    world.come(world.emulated[1])
    assert changes_at(world, 1) == 0


def test_what_was_changed_while_it_was_away_is_made_right() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    fill(tenant)
    world.go(2)
    tenant.send(
        FlowMod(command=DELETE, table_id=255),
        GroupMod(command=GROUP_DELETE, group_id=3),
        GroupMod(command=GROUP_MODIFY, group_id=7, buckets=(Bucket(actions=(Output(1),)),)),
        FlowMod(cookie=6, instructions=(ApplyActions((Group(7),)),)),
        BarrierRequest(),
    )
    world.come(world.emulated[2])
    assert contents(world, 2) == contents(world, 1)
    mine = world.hypervisor.datapaths[2].switches["a"].groups
    assert list(mine.by_id) == [7]
    assert world.packet(2, 2, udp()) == [(1, udp())]


def restarted(world: BigWorld) -> BigWorld:
    """Another hypervisor, with what the datapaths have kept; none has connected yet."""
    datapaths = list(world.emulated.values())
    for one in datapaths:
        one.disconnect()
    again = BigWorld([], world.big.homes, allocations=world.hypervisor.allocations)
    again.big.edges = world.big.edges
    again.kept = {one.dpid: one for one in datapaths}
    return again


def test_after_a_restart_what_the_datapaths_have_is_taken_over() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(cookie=5, instructions=output(4)))
    tenant.send(FlowMod(priority=9, match=Match.of(in_port=2), instructions=output(1)), BarrierRequest())
    world.pass_time(3.0)
    again = restarted(world)
    again.now = world.now
    again.come(again.kept[1])
    tenant = again.big_controller()
    assert len(tenant.ask(FlowStatsRequest(xid=1), FlowStatsReply).flows) == 1
    again.come(again.kept[2])
    flows = tenant.ask(FlowStatsRequest(xid=1), FlowStatsReply).flows
    assert sorted((one.priority, one.cookie, one.duration_sec) for one in flows) == [
        (9, 0, 3),
        (0x8000, 5, 3),
    ]
    assert contents(again, 1) == {(0x8000, 5, output(4))}


def test_after_a_restart_what_was_deleted_meanwhile_is_not_taken_over() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(cookie=5, instructions=output(4)))
    tenant.send(FlowMod(priority=9, match=Match.of(in_port=2), instructions=output(1)), BarrierRequest())
    again = restarted(world)
    again.come(again.kept[1])
    tenant = again.big_controller()
    tenant.send(FlowMod(command=DELETE, table_id=255, match=Match.of(in_port=2)))
    again.come(again.kept[2])
    assert contents(again, 2) == contents(again, 1) == {(0x8000, 5, output(4))}


def test_a_datapath_that_lost_all_gets_back_what_another_has_kept() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(cookie=5, instructions=output(4)), BarrierRequest())
    again = restarted(world)
    again.come(PickyDatapath(1, ports=PORTS))
    again.come(again.kept[2])
    assert contents(again, 1) == contents(again, 2) == {(0x8000, 5, output(4))}


def test_controllers_wait_while_a_share_is_given_what_it_lacks() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    fill(tenant)
    world.go(2)
    world.join(PickyDatapath(2, ports=PORTS))
    world.hold(2)
    world.share_joins(2)
    reading = world.held.pop(2)
    assert tenant.ask(BarrierRequest(xid=4), BarrierReply)  # it is only being read
    world.held[2] = []
    effects = Effects(world.now)
    effects.frames[world.hypervisor.datapaths[2]] = reading
    World.perform(world, effects)
    assert world.big.replaying == 1
    assert tenant.send(FlowMod(priority=77), BarrierRequest(xid=5)) == []
    world.release(2)
    assert [one.xid for one in tenant.heard(BarrierReply)][-1] == 5
    assert contents(world, 2) >= {(77, 0, ())}
    assert set(tenant.channel.legs) == {1, 2}


@pytest.mark.parametrize(("version", "config"), [(4, NO_PACKET_IN), (1, NO_FLOOD | NO_PACKET_IN)])
def test_ports_are_configured_as_they_are_elsewhere(version: int, config: int) -> None:
    world = big_world(2)
    tenant = world.big_controller(version)
    own_addresses(world, 1)
    world.go(2)
    port = world.big.ports[3]
    tenant.send(PortMod(port=3, hw_addr=port.hw_addr, config=config, mask=config), BarrierRequest())
    assert world.big.shown(port).config == config
    world.join(PickyDatapath(2, ports=PORTS))
    own_addresses(world, 2)
    world.share_joins(2)
    assert world.hypervisor.datapaths[2].switches["a"].port_configs.bits == {3: config}


def test_after_a_restart_ports_are_as_their_shares_remember_them() -> None:
    world = big_world(2)
    world.go(2)
    world.join(PickyDatapath(2, ports=PORTS))
    own_addresses(world, 1)
    own_addresses(world, 2)
    world.big.known.clear()
    world.hypervisor.datapaths[2].switches["a"].port_configs.put(3, NO_PACKET_IN)
    world.share_joins(2)
    assert world.big.configs.bits == {3: NO_PACKET_IN}


def own_addresses(world: BigWorld, dpid: int) -> None:
    """The stand-ins' ports tell the addresses that the virtual switch's have."""
    world.hypervisor.datapaths[dpid].ports.update(world.big.ports)


def test_groups_come_behind_those_that_they_name() -> None:
    assert in_order({1: {2}, 2: {3}, 3: set()}) == [3, 2, 1]
    assert sorted(in_order({1: {2}, 2: {1}})) == [1, 2]


def test_a_share_that_goes_while_it_is_read_is_forgotten() -> None:
    world = big_world(2)
    world.go(2)
    tenant = world.big_controller()
    world.join(world.emulated[2])
    world.held[2] = []
    world.share_joins(2)
    assert any(frame[1] == MULTIPART_REQUEST for frame in world.held[2])
    world.go(2)
    assert not world.big.joining
    assert not world.big.replaying
    assert tenant.ask(BarrierRequest(xid=5), BarrierReply)
