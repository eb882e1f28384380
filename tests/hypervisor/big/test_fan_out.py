"""Requests to one leg or several."""

from __future__ import annotations

from flowvisor.hypervisor.big.fan_out import first_leg, leg_of_port
from flowvisor.openflow.messages import Error, TableMod
from flowvisor.openflow.multipart import GroupDescReply, GroupDescRequest, PortStatsRequest
from tests.support.big_world import big_world


def test_what_all_say_alike_is_asked_of_the_first() -> None:
    world = big_world(3)
    tenant = world.big_controller()
    world.hold(3)
    assert tenant.ask(GroupDescRequest(xid=4), GroupDescReply).groups == ()
    assert tenant.refused(TableMod(xid=5, table_id=0, config=1))
    assert [leg.dpid for leg in first_leg(tenant.channel)] == [1]
    world.go(1)
    assert [leg.dpid for leg in first_leg(tenant.channel)] == [2]


def test_the_leg_of_a_port() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    assert [leg_of_port(tenant.channel, port)[0].dpid for port in (1, 2, 99)] == [1, 2, 1]
    world.go(2)
    assert leg_of_port(tenant.channel, 2)[0].dpid == 1


def test_a_request_whose_only_leg_goes_is_an_error() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    assert tenant.send(PortStatsRequest(xid=4, port=2)) == []
    world.go(2)
    assert [(type(one), one.xid) for one in tenant.inbox] == [(Error, 4)]


def test_an_answer_to_one_that_has_left_goes_nowhere() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    tenant.send(PortStatsRequest(xid=4))
    tenant.leave()
    world.release(2)
    assert tenant.inbox == []
    assert world.big.leaving == []
