"""What controllers send waits its turn, within bounds."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.big import backlog, legs
from flowvisor.hypervisor.effects import Effects, PauseReading, ResumeReading, Wake
from flowvisor.openflow.messages import (
    BarrierReply,
    BarrierRequest,
    Error,
    FlowMod,
    GetConfigReply,
    GetConfigRequest,
    RoleRequest,
)
from flowvisor.openflow.versions import codec
from flowvisor.policies.rate_limit import RateLimit
from tests.support.big_world import big_world
from tests.support.slices import output


def test_nothing_behind_a_barrier_is_looked_at_before_all_legs_have_answered_it() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    assert tenant.send(FlowMod(), BarrierRequest(xid=4), GetConfigRequest(xid=5)) == []
    assert len(world.entries_at(1)) == 1
    world.release(2)
    assert [type(one) for one in tenant.inbox] == [BarrierReply, GetConfigReply]


def test_a_barrier_that_a_datapath_does_not_answer_is_an_error_and_the_rest_goes_on() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    tenant.send(BarrierRequest(xid=4), GetConfigRequest(xid=5))
    world.pass_time(9.0)
    assert [(type(one), one.xid) for one in tenant.inbox] == [(Error, 4), (GetConfigReply, 5)]


def test_a_barrier_whose_only_leg_goes_is_answered_by_those_that_stay() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    tenant.send(BarrierRequest(xid=4))
    world.go(2)
    assert [type(one) for one in tenant.inbox] == [BarrierReply]


def test_who_sends_too_much_is_not_read_from_and_then_again() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    frames = [codec(4).encode(FlowMod(priority=number, instructions=output(4))) for number in range(2000)]
    tenant.send(BarrierRequest(xid=1), *frames)
    assert [one for one in world.commands if isinstance(one, PauseReading)] == [PauseReading(tenant.channel)]
    assert tenant.channel.is_paused
    world.release(2)
    assert not tenant.channel.is_paused
    assert [one for one in world.commands if isinstance(one, ResumeReading)] == [
        ResumeReading(tenant.channel)
    ]
    assert [len(world.entries_at(dpid)) for dpid in (1, 2)] == [2000, 2000]


def test_what_is_more_than_can_be_kept_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_KEPT_BYTES", 200)
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    tenant.send(BarrierRequest(xid=1))
    errors = tenant.send(*[GetConfigRequest(xid=number) for number in range(5)])
    assert [one.xid for one in errors if isinstance(one, Error)] == [3, 4]
    world.release(2)
    assert [one.xid for one in tenant.heard(GetConfigReply)] == [0, 1, 2]


def test_a_datapath_that_is_slow_stops_its_controllers_and_not_for_ever() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    for start in range(0, 3000, 100):
        frames = [FlowMod(priority=number, instructions=output(4)) for number in range(start, start + 100)]
        tenant.send(*frames)
    assert tenant.channel.backlog
    assert len(tenant.channel.legs[2].sent.sent) <= 600
    assert tenant.channel.pending <= backlog.MAX_PENDING
    world.release(2)
    world.pass_time(0.0)
    assert not tenant.channel.backlog
    assert [len(world.entries_at(dpid)) for dpid in (1, 2)] == [3000, 3000]


def test_a_long_read_does_not_keep_others_waiting() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    frames = [codec(4).encode(FlowMod(priority=number)) for number in range(40)]
    effects = Effects(world.now)
    legs.from_controller(tenant.channel, frames, effects)
    assert len(tenant.channel.backlog) == 40 - backlog.FRAMES_PER_TURN
    assert Wake(world.now) in effects.commands
    world.perform(effects)
    assert not tenant.channel.backlog


def test_a_rate_limit_counts_a_message_once_however_many_legs_it_goes_to() -> None:
    world = big_world(3, policies=[RateLimit(name="steady", flow_mod=10)])
    tenant = world.big_controller()
    limits = world.hypervisor.tenants["a"].limits
    assert tenant.send(*[FlowMod(priority=number) for number in range(10)]) == []
    assert not limits.counts
    assert len(world.entries_at(3)) == 10
    tenant.send(FlowMod(priority=10))
    assert len(world.entries_at(3)) == 10
    world.pass_time(0.5)
    assert len(world.entries_at(3)) == 11
    errors = tenant.send(*[FlowMod(priority=20 + number) for number in range(30)])
    world.pass_time(5.0)
    refused = limits.counts["flow_mod", "refused"]
    assert refused == len([one for one in tenant.inbox if isinstance(one, Error)]) > 0
    assert errors == [] or all(isinstance(one, Error) for one in errors)


def test_what_waits_of_one_that_leaves_is_counted_and_not_done() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    tenant.send(BarrierRequest(xid=1), FlowMod(), RoleRequest(role=1))
    tenant.leave()
    world.release(2)
    assert tenant.channel.counters.shed == {"controller-left": 2}
    assert world.entries_at(1) == []
    assert world.big.leaving == []
    assert tenant.channel.legs == {}
