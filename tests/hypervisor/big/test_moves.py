"""Entries follow their ports, and outlive datapaths."""

from __future__ import annotations

import pytest

from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    SEND_FLOW_REM,
    BarrierRequest,
    FlowMod,
    FlowRemoved,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from tests.support.big_world import big_world
from tests.support.slices import output, udp

AT_2 = Match.of(in_port=2)


@pytest.mark.parametrize("flags", [0, SEND_FLOW_REM])
def test_entries_follow_their_port_with_what_they_have_counted(flags: int) -> None:
    world = big_world(3)
    tenant = world.big_controller()
    tenant.send(FlowMod(cookie=3, match=AT_2, flags=flags, instructions=output(1)), FlowMod(priority=1))
    world.packet(2, 2, udp())
    world.pass_time(2.0)
    world.move(2, 3)
    assert [one.cookie for one in world.entries_at(3) if one.match.fields] == [3]
    assert [one for one in world.entries_at(2) if one.match.fields] == []
    assert world.packet(3, 2, udp()) == [(1, udp())]
    flows = tenant.ask(FlowStatsRequest(xid=3), FlowStatsReply).flows
    assert sorted((one.packet_count, one.duration_sec) for one in flows) == [(0, 2), (2, 2)]
    assert tenant.heard(FlowRemoved) == []
    world.sent_to()
    world.move(2, 3)
    assert world.sent_to() == []


def test_one_frame_adds_it_there_and_one_takes_it_from_here() -> None:
    world = big_world(3)
    tenant = world.big_controller()
    tenant.send(FlowMod(match=AT_2, instructions=output(1)), FlowMod(priority=1), BarrierRequest())
    world.sent_to()
    world.move(2, 3)
    assert world.sent_to() == [2, 3]


def test_entries_of_a_port_that_is_nowhere_stay_where_they_were() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(match=AT_2, instructions=output(1)), BarrierRequest())
    world.move(2, None)
    assert len(world.entries_at(2)) == 1
    world.move(2, 1)
    assert [len(world.entries_at(dpid)) for dpid in (1, 2)] == [1, 0]


def test_entries_of_a_port_that_moves_to_a_datapath_that_is_away_come_with_it() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(match=AT_2, instructions=output(1)), BarrierRequest())
    world.go(1)
    world.move(2, 1)
    assert len(world.entries_at(2)) == 1
    world.come(world.emulated[1])
    assert [len(world.entries_at(dpid)) for dpid in (1, 2)] == [1, 0]


@pytest.mark.parametrize(
    ("timeouts", "reason"),
    [({"hard_timeout": 5}, HARD_TIMEOUT), ({"idle_timeout": 5}, IDLE_TIMEOUT)],
    ids=["hard", "idle"],
)
def test_the_time_of_an_entry_ends_also_while_its_datapath_is_away(
    timeouts: dict[str, int], reason: int
) -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(match=AT_2, flags=SEND_FLOW_REM, **timeouts), FlowMod(priority=1), BarrierRequest())
    world.go(2)
    world.pass_time(4.0)
    assert tenant.heard(FlowRemoved) == []
    world.pass_time(2.0)
    (told,) = tenant.heard(FlowRemoved)
    assert (told.reason, told.match) == (reason, AT_2)
    assert len(world.big.entries) == 1
    world.come(world.emulated[2])
    assert [one.priority for one in world.entries_at(2)] == [1]
