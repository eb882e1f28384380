"""PACKET_OUT of a virtual network's tenant: what the datapath is told, and what is refused."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import Actions
from flowvisor.openflow.messages import (
    GROUP_ADD,
    GROUP_TYPE_ALL,
    NO_BUFFER,
    Bucket,
    GroupMod,
    PacketOut,
    PortMod,
)
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, LOCAL, NO_FWD, NORMAL, TABLE
from flowvisor.planning.share import port_group
from tests.support.dialogue import withheld
from tests.support.share_world import BLUE, ShareWorld
from tests.support.slices import ethernet
from tests.support.virtual import a_network
from tests.support.world import Controller

PACKET = ethernet()
SET = act.SetField("eth_src", 1)


@pytest.fixture(params=[1, 4])
def leg(request: pytest.FixtureRequest) -> Controller:
    return ShareWorld(BLUE).controller("blue/big", 1, request.param)


def told(leg: Controller, in_port: int, *actions: act.Action) -> list[tuple[int, Actions]]:
    """What the datapath is told: in_port and actions of each message; twice the same, by heart."""
    message = PacketOut(in_port=in_port, actions=actions, data=PACKET)
    first, again = withheld(leg, message), withheld(leg, message)
    outs = [one for one in first if isinstance(one, PacketOut)]
    assert all(one.data == PACKET and one.buffer_id == NO_BUFFER for one in outs)
    assert [evolve(one, xid=0) for one in again] == [evolve(one, xid=0) for one in first]
    return [(one.in_port, one.actions) for one in outs]


def to(leg: Controller, *numbers: int) -> Actions:
    share = leg.switch.view.share
    assert share is not None
    return tuple(act.Group(port_group(share.block, number)) for number in numbers)


def test_an_output_is_the_ports_group(leg: Controller) -> None:
    assert told(leg, CONTROLLER, SET, act.Output(5)) == [(CONTROLLER, (SET, *to(leg, 5)))]


def test_all_ports_are_spelled_out_without_that_where_it_came_in(leg: Controller) -> None:
    for port in (FLOOD, ALL):
        assert told(leg, CONTROLLER, act.Output(port)) == [(CONTROLLER, to(leg, 1, 2, 3, 5, 10))]
        assert told(leg, 2, act.Output(port)) == [(2, to(leg, 1, 3, 5, 10))]
        assert told(leg, 5, act.Output(port)) == [(CONTROLLER, to(leg, 1, 2, 3, 10))]
        assert told(leg, 10, act.Output(port)) == [(CONTROLLER, to(leg, 1, 2, 3, 5))]


def test_back_is_by_what_the_packet_came_in_behind(leg: Controller) -> None:
    assert told(leg, 1, act.Output(IN_PORT)) == [(1, (act.Output(IN_PORT),))]
    assert told(leg, 10, act.Output(IN_PORT)) == [(CONTROLLER, to(leg, 10))]
    assert told(leg, CONTROLLER, act.Output(IN_PORT), act.Output(1)) == [(CONTROLLER, to(leg, 1))]
    both = told(leg, 3, act.Output(IN_PORT), SET, act.Output(1))
    assert both == [(3, (SET, *to(leg, 1))), (CONTROLLER, (*to(leg, 3), SET))]
    assert told(leg, 3, act.Output(IN_PORT)) == [(CONTROLLER, to(leg, 3))]


def ports_of(leg: Controller):
    share = leg.switch.view.share
    assert share is not None
    return share.ports


@pytest.mark.parametrize(("number", "in_port"), [(1, 1), (3, 3), (10, 4)])
def test_to_the_tables_it_goes_apart_behind_what_it_would_have_come_in_behind(
    leg: Controller, number: int, in_port: int
) -> None:
    (ingress,) = ports_of(leg)[number].ingresses
    vlan = ingress.match.exact("vlan_vid")
    tagged = () if vlan is None else (act.SetField("vlan_vid", vlan),)
    to_table = act.Output(TABLE, 0xFFE5)  # controllers say how much of it they want everywhere
    (plain, (there, actions)) = told(leg, number, act.Output(2), SET, to_table)
    assert plain == (in_port if number != 10 else CONTROLLER, (*to(leg, 2), SET))
    assert there == in_port
    assert tuple(one for one in actions if not isinstance(one, (act.PushVlan, act.PopVlan))) == (
        SET,
        *tagged,
        to_table,
    )
    assert [(there, actions)] == told(leg, number, SET, to_table)


@pytest.mark.parametrize("in_port", [CONTROLLER, 5])
def test_to_the_tables_goes_only_what_could_have_come_in_here(leg: Controller, in_port: int) -> None:
    message = PacketOut(in_port=in_port, actions=(act.Output(TABLE),), data=PACKET)
    assert leg.refused(message) == codes.ACTION_EPERM


def test_a_tagged_packet_does_not_come_in_where_what_has_no_tag_does() -> None:
    blue = a_network("blue", {"big": {1: "1/1@none", 2: "1/2"}})
    red = a_network("red", {"big": {1: "1/1@20"}})
    leg = ShareWorld(blue, red, versions={1: 4}, cables=()).controller("blue/big", 1)
    message = PacketOut(in_port=1, actions=(act.Output(TABLE),), data=PACKET)
    assert leg.send(message) == []
    assert leg.refused(evolve(message, data=ethernet(vlans=(20,)))) == codes.ACTION_EPERM
    pushed = (act.PushVlan(0x8100), act.SetField("vlan_vid", 0x1014), act.Output(TABLE))
    assert leg.refused(evolve(message, actions=pushed)) == codes.ACTION_EPERM


@pytest.mark.parametrize("port", [4, 6, NORMAL, LOCAL])
def test_other_ports_are_not_the_tenants(leg: Controller, port: int) -> None:
    message = PacketOut(in_port=CONTROLLER, actions=(act.Output(port),), data=PACKET)
    assert leg.refused(message) == codes.ACTION_BAD_OUT_PORT
    if port < 9:
        assert leg.send(PacketOut(in_port=port, actions=(), data=PACKET))[0].error[0] == 1  # type: ignore[attr-defined]


def test_the_label_of_the_core_cannot_be_set() -> None:
    leg = ShareWorld(BLUE).controller("blue/big", 1)
    for name, error in (("tunnel_id", codes.ACTION_BAD_SET_TYPE), ("in_port", codes.ACTION_BAD_SET_TYPE)):
        actions = (act.SetField(name, 5), act.Output(1))
        assert leg.refused(PacketOut(in_port=CONTROLLER, actions=actions, data=PACKET)) == error


def test_a_group_of_the_tenants_keeps_a_packet_from_going_back() -> None:
    world = ShareWorld(BLUE)
    leg = world.controller("blue/big", 1)
    buckets = tuple(Bucket(actions=(act.Output(number),)) for number in (1, 2, 3))
    leg.send(GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_ALL, group_id=7, buckets=buckets))
    for in_port in (1, 3):
        world.transmitted.clear()
        leg.send(PacketOut(in_port=in_port, actions=(act.Group(7),), data=PACKET))
        assert sorted(port for _, port, _ in world.transmitted) == sorted({1, 2, 3} - {in_port})


def test_what_the_tenant_has_shut_is_left_out(leg: Controller) -> None:
    port = leg.switch.logical_ports[2]
    assert leg.send(PortMod(port=2, hw_addr=port.hw_addr, config=NO_FWD, mask=NO_FWD)) == []
    assert told(leg, CONTROLLER, act.Output(FLOOD)) == [(CONTROLLER, to(leg, 1, 3, 5, 10))]
    assert told(leg, CONTROLLER, act.Output(2), act.Output(5)) == [(CONTROLLER, to(leg, 5))]
    assert told(leg, CONTROLLER, act.Output(2)) == []
    assert leg.channel.counters.shed["port-shut"] == 2
