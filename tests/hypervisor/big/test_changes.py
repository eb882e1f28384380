"""A change is done on all legs, or on none, also if its controller or a datapath goes in the middle."""

from __future__ import annotations

from flowvisor.openflow.frame import FLOW_MOD
from flowvisor.openflow.messages import BarrierReply, BarrierRequest, Error, FlowMod
from tests.support.big_world import big_world
from tests.support.slices import output


def test_what_was_refused_after_its_controller_left_is_undone_all_the_same() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    world.emulated[2].refuses = {FLOW_MOD}
    tenant.send(FlowMod(instructions=output(2)))
    tenant.leave()
    assert len(world.entries_at(1)) == 1
    world.release(2)
    assert world.entries_at(1) == []
    assert len(world.big.entries) == 0
    assert tenant.inbox == []


def test_a_datapath_that_goes_before_it_says_what_it_did_is_no_refusal() -> None:
    world = big_world(3)
    tenant = world.big_controller()
    world.hold(2)
    assert tenant.send(FlowMod(instructions=output(2)), BarrierRequest(xid=3)) == []
    world.go(2)
    assert [type(one) for one in tenant.inbox] == [BarrierReply]
    assert len(world.entries_at(1)) == 1
    assert tenant.channel.pending == 0


def test_a_refusal_is_undone_though_one_that_took_it_goes_meanwhile() -> None:
    world = big_world(3)
    tenant = world.big_controller()
    world.emulated[1].refuses = {FLOW_MOD}
    world.hold(2)
    tenant.send(FlowMod(xid=5, instructions=output(2)))
    assert [type(one) for one in tenant.inbox] == [Error]
    assert tenant.channel.undoing == 1
    world.go(2)
    assert tenant.channel.undoing == 0
    assert world.entries_at(3) == []
    world.emulated[1].refuses = frozenset()
    world.come(world.emulated[2])
    assert world.entries_at(2) == []


def test_one_that_is_refused_by_several_is_told_once() -> None:
    world = big_world(3)
    tenant = world.big_controller()
    for dpid in (1, 3):
        world.emulated[dpid].refuses = {FLOW_MOD}
    assert len(tenant.send(FlowMod(xid=5, instructions=output(2)))) == 1
    assert world.entries_at(2) == []
