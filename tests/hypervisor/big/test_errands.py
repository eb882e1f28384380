"""What is sent over legs finds its way back, within bounds."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.big import errands
from flowvisor.hypervisor.big.big_switch import MAX_UNSETTLED
from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import BarrierReply, BarrierRequest, Error, FlowMod
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest, PortStatsReply, PortStatsRequest
from flowvisor.openflow.versions import codec
from tests.support.big_world import big_world
from tests.support.slices import output


def test_xids_of_the_tenants_may_repeat_and_be_0() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    tenant.send(FlowStatsRequest(xid=0), PortStatsRequest(xid=0), FlowStatsRequest(xid=0))
    world.release(2)
    assert [type(one) for one in tenant.inbox] == [FlowStatsReply, PortStatsReply, FlowStatsReply]
    assert {one.xid for one in tenant.inbox} == {0}


def test_a_controller_that_only_asks_is_never_stuck() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    for number in range(3 * MAX_UNSETTLED):
        assert tenant.ask(PortStatsRequest(xid=number), PortStatsReply)
    assert len(tenant.channel.legs[1].sent.sent) < MAX_UNSETTLED
    assert tenant.channel.pending == 0


def test_answers_that_are_too_long_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "MAX_REPLY_BYTES", 200)
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(*[FlowMod(priority=number, instructions=output(4)) for number in range(9)])
    assert tenant.refused(FlowStatsRequest(xid=7)) == codes.MULTIPART_BUFFER_OVERFLOW
    assert tenant.channel.held_bytes == 0
    assert tenant.ask(BarrierRequest(xid=8), BarrierReply)


def test_what_answers_nothing_is_counted() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    leg = tenant.channel.legs[1]
    for message in (BarrierReply(xid=5), Error(xid=6, error=(1, 1))):
        errands.heard(leg, codec(4).encode(message), Effects(world.now))
    assert tenant.channel.counters.shed == {errands.STALE: 2}
    assert tenant.inbox == []


def test_all_that_went_over_a_leg_that_goes_is_over() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    tenant.send(FlowMod(), FlowStatsRequest(xid=3), FlowMod(priority=3))
    assert tenant.channel.pending > 0
    world.go(2)
    tenant.send(BarrierRequest())
    assert tenant.channel.pending == 0
    assert tenant.channel.held_bytes == 0


def test_own_frames_wait_for_a_leg_that_is_full() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    for start in range(0, 1500, 10):
        tenant.send(*[FlowMod(priority=n, instructions=output(4)) for n in range(start, start + 10)])
    world.go(2)
    world.emulated[2].pipeline.tables[1].remove(world.entries_at(2))
    world.join(world.emulated[2])
    world.hold(2)
    world.share_joins(2)
    own = world.big.own.legs[2]
    while 2 in world.held:
        assert own.channel.backlog_bytes < 100_000
        assert len(own.sent.sent) <= MAX_UNSETTLED + 1
        world.release(2)
        if world.big.joining:
            world.hold(2)
    assert len(world.entries_at(2)) == 1500
