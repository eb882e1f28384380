"""Requests to a datapath: their answers, their errors, their bounds."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor import northbound, requests
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.requests import REQUEST_TIMEOUT_SECONDS, send_own
from flowvisor.hypervisor.transactions import FENCE_EVERY, MAX_WAITING
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import BarrierReply, BarrierRequest, Error, FlowMod
from flowvisor.openflow.multipart import (
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    PortStatsReply,
    PortStatsRequest,
)
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.kinds import ON_TABLES, Kind, as_told
from tests.support.slices import A, B, output


def test_a_request_of_several_messages_is_answered_when_the_last_has_its_answer() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    told = withheld(a, FlowStatsRequest(xid=5))
    assert len(told) == 4
    for request in told[:-1]:
        say(world, FlowStatsReply(xid=request.xid))
        assert a.inbox == []
    say(world, FlowStatsReply(xid=told[-1].xid, more=True, flows=(FlowStats(table_id=1, cookie=1),)))
    assert a.inbox == []
    say(world, FlowStatsReply(xid=told[-1].xid, flows=(FlowStats(table_id=2, cookie=2),)))
    (answer,) = a.heard(FlowStatsReply)
    assert (answer.xid, [(one.table_id, one.cookie) for one in answer.flows]) == (5, [(0, 1), (1, 2)])
    assert a.channel.transactions.waiting == {}


def test_one_error_among_several_answers_is_the_answer() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    told = withheld(a, FlowStatsRequest(xid=5))
    say(world, FlowStatsReply(xid=told[0].xid))
    say(world, Error(xid=told[1].xid, error=codes.BAD_MULTIPART))
    say(world, Error(xid=told[2].xid, error=codes.BAD_MULTIPART))
    say(world, FlowStatsReply(xid=told[3].xid))
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 5)]
    assert a.channel.transactions.waiting == {}


def test_what_is_not_answered_in_time_is_answered_with_an_error(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    told = withheld(a, PortStatsRequest(xid=5))
    world.now += REQUEST_TIMEOUT_SECONDS - 1
    world.perform(world.hypervisor.tick(world.now))
    assert a.inbox == []
    world.now += 2
    world.perform(world.hypervisor.tick(world.now))
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 5)]
    say(world, PortStatsReply(xid=told[0].xid))  # too late
    assert len(a.inbox) == 1
    assert the_datapath(world).stale_replies == 1
    assert the_datapath(world).expired == 1


def test_a_sender_has_only_so_many_requests_without_an_answer(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    for number in range(MAX_WAITING):
        withheld(a, PortStatsRequest(xid=number))
    for refused in (PortStatsRequest(xid=7), FlowStatsRequest(xid=9)):
        before = len(a.inbox)
        assert withheld(a, refused) == []
        assert [(type(one), one.xid) for one in a.inbox[before:]] == [(Error, refused.xid)]
    assert len(a.channel.transactions.waiting) == MAX_WAITING
    assert len(withheld(b, PortStatsRequest(xid=1))) == 1


def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(northbound, "MAX_REPLY_BYTES", 1000)
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    told = withheld(a, FlowStatsRequest(xid=5, table_id=0))
    part = FlowStatsReply(xid=told[0].xid, more=True, flows=(FlowStats(table_id=1),) * 5)
    for _ in range(10):
        say(world, part)
    assert [(one.xid, one.error) for one in a.heard(Error)] == [(5, codes.MULTIPART_BUFFER_OVERFLOW)]
    say(world, evolve(part, more=False))
    assert len(a.inbox) == 1
    assert a.channel.transactions.waiting == {}
    assert requests.MAX_REPLY_BYTES > 1 << 20


def test_what_the_hypervisor_sends_of_its_own_is_forgotten_once_done() -> None:
    world = ON_TABLES.world(A, B)
    datapath = the_datapath(world)

    for _ in range(10 * FENCE_EVERY):
        effects = Effects(world.now)
        send_own(datapath, FlowMod(table_id=9, instructions=output(1)), "a test", effects)
        world.perform(effects)
    assert len(datapath.transactions.sent) <= FENCE_EVERY
    assert datapath.transactions.waiting == {}


def test_a_datapath_without_barriers_is_fenced_all_the_same(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    sent = withheld(a, *[FlowMod(xid=number, instructions=output(1)) for number in range(FENCE_EVERY)])
    fences = [one for one in sent if isinstance(one, BarrierRequest)]
    assert len(fences) in (1, 2)
    for fence in fences:
        say(world, Error(xid=fence.xid, error=codes.BAD_TYPE))
    assert a.inbox == []
    # And a barrier of the tenant's own is answered: the datapath has answered in order.
    (own,) = withheld(a, BarrierRequest(xid=77))
    say(world, Error(xid=own.xid, error=codes.BAD_TYPE))
    assert [(type(one), one.xid) for one in a.inbox] == [(BarrierReply, 77)]


def test_a_barrier_that_is_not_answered_is_not_said_to_be_done(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    withheld(a, BarrierRequest(xid=77))
    world.now += 60
    world.perform(world.hypervisor.tick(world.now))
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 77)]
    assert a.heard(Error)[0].error == as_told(codes.REQUEST_EPERM, version)
