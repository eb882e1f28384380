"""FLOW_REMOVED is told once, and entries do not go in pieces."""

from __future__ import annotations

from flowvisor.hypervisor.big.flow_removed import plus
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    REMOVED_BY_DELETE,
    SEND_FLOW_REM,
    AsyncMasks,
    FlowMod,
    FlowRemoved,
    SetAsync,
)
from flowvisor.openflow.multipart import UNKNOWN_COUNTER, FlowStatsReply, FlowStatsRequest
from tests.support.big_world import big_world
from tests.support.slices import output, udp

HOMES = ((1, 1), (2, 2))


def test_a_deletion_is_told_once_to_each_with_the_counters_of_all() -> None:
    world = big_world(2)
    tenant, other = world.big_controller(), world.big_controller(1)
    tenant.send(FlowMod(cookie=9, priority=4, flags=SEND_FLOW_REM, instructions=output(4)))
    for dpid, port in HOMES:
        world.packet(dpid, port, udp())
    world.pass_time(2.0)
    tenant.send(FlowMod(command=DELETE, table_id=255))
    for one in (tenant, other):
        (told,) = one.heard(FlowRemoved)
        assert (told.cookie, told.priority, told.packet_count, told.byte_count) == (9, 4, 2, 2 * len(udp()))
        assert (told.reason, told.duration_sec) == (REMOVED_BY_DELETE, 2)
    assert not world.big.entries.ending


def test_it_is_not_told_to_who_does_not_want_it_or_did_not_ask() -> None:
    world = big_world(2)
    tenant, deaf = world.big_controller(), world.big_controller()
    deaf.send(SetAsync(masks=AsyncMasks(flow_removed=(0, 0))))
    tenant.send(FlowMod(flags=SEND_FLOW_REM), FlowMod(priority=1))
    tenant.send(FlowMod(command=DELETE, table_id=255))
    assert len(tenant.heard(FlowRemoved)) == 1
    assert deaf.heard(FlowRemoved) == []


def test_an_entry_that_only_times_out_goes_without_a_word_and_is_known_to_be_gone() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(xid=2, hard_timeout=2, instructions=output(1)))
    (flow,) = tenant.ask(FlowStatsRequest(xid=4), FlowStatsReply).flows
    assert (flow.flags, flow.hard_timeout) == (0, 2)
    world.pass_time(3.0)
    assert tenant.heard(FlowRemoved) == []
    assert len(world.big.entries) == 0


def test_a_hard_timeout_is_told_once() -> None:
    world = big_world(3)
    tenant = world.big_controller()
    tenant.send(FlowMod(hard_timeout=2, flags=SEND_FLOW_REM, instructions=output(1)))
    world.pass_time(2.0)
    (told,) = tenant.heard(FlowRemoved)
    assert (told.reason, told.duration_sec, told.hard_timeout) == (HARD_TIMEOUT, 2, 2)


def test_a_copy_that_idles_while_another_is_used_is_put_back() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(idle_timeout=3, flags=SEND_FLOW_REM, instructions=output(4)))
    for _ in range(10):
        world.pass_time(1.0)
        assert world.packet(1, 1, udp()) == [(4, udp())]
    assert tenant.heard(FlowRemoved) == []
    assert world.packet(2, 2, udp()) == [(4, udp())]
    (flow,) = tenant.ask(FlowStatsRequest(xid=4), FlowStatsReply).flows
    assert (flow.packet_count, flow.duration_sec, flow.idle_timeout) == (11, 10, 3)
    for _ in range(6):  # at the latest twice its time after it was last used
        world.pass_time(1.0)
    (told,) = tenant.heard(FlowRemoved)
    assert (told.reason, told.packet_count) == (IDLE_TIMEOUT, 11)
    assert world.entries_at(1) == world.entries_at(2) == []
    assert len(world.big.entries) == 0
    assert not world.big.entries.ending


def test_an_entry_that_nobody_uses_idles_once() -> None:
    world = big_world(3)
    tenant = world.big_controller()
    tenant.send(FlowMod(idle_timeout=3, flags=SEND_FLOW_REM, instructions=output(4)))
    for _ in range(4):
        world.pass_time(1.0)
    (told,) = tenant.heard(FlowRemoved)
    assert (told.reason, told.packet_count) == (IDLE_TIMEOUT, 0)
    assert all(world.entries_at(dpid) == [] for dpid in (1, 2, 3))


def test_one_that_was_put_back_ends_everywhere_when_its_hard_time_is_over() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(idle_timeout=2, hard_timeout=5, flags=SEND_FLOW_REM, instructions=output(4)))
    for _ in range(5):
        world.pass_time(1.0)
        world.packet(1, 1, udp())
    (told,) = tenant.heard(FlowRemoved)
    assert told.reason == HARD_TIMEOUT
    assert world.entries_at(1) == world.entries_at(2) == []


def test_one_that_matches_an_in_port_goes_when_its_only_copy_does() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(idle_timeout=2, flags=SEND_FLOW_REM, match=Match.of(in_port=1)))
    world.pass_time(2.0)
    (told,) = tenant.heard(FlowRemoved)
    assert told.reason == IDLE_TIMEOUT


def test_a_datapath_that_goes_takes_its_part_of_a_removal_along() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(flags=SEND_FLOW_REM, instructions=output(4)))
    world.hold(2)
    tenant.send(FlowMod(command=DELETE, table_id=255))
    assert tenant.heard(FlowRemoved) == []
    world.go(2)
    assert len(tenant.heard(FlowRemoved)) == 1
    assert not world.big.entries.ending


def test_counters_that_nobody_keeps_stay_so() -> None:
    assert plus(1, 2) == 3
    assert plus(UNKNOWN_COUNTER, 2) == UNKNOWN_COUNTER
