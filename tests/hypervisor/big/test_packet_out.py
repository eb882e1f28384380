"""PACKET_OUT goes to the leg where its port is."""

from __future__ import annotations

import pytest

from flowvisor.openflow.actions import Output
from flowvisor.openflow.frame import PACKET_OUT
from flowvisor.openflow.messages import FlowMod, PacketOut
from flowvisor.openflow.ports import ANY, CONTROLLER, TABLE
from flowvisor.openflow.versions import codec
from tests.support.big_world import BigWorld, big_world
from tests.support.slices import output, udp


def sent_by(world: BigWorld) -> list[int]:
    sent = [dpid for dpid, frame in world.to_datapaths if frame[1] == PACKET_OUT]
    world.to_datapaths.clear()
    return sent


@pytest.mark.parametrize("version", [1, 4])
def test_where_its_port_is_else_to_the_first(version: int) -> None:
    world = big_world(3)
    tenant = world.big_controller(version)
    nowhere = ANY if version == 1 else CONTROLLER
    for in_port, dpid in ((1, 1), (2, 2), (3, 3), (nowhere, 1)):
        assert tenant.send(PacketOut(in_port=in_port, actions=(Output(4),), data=udp())) == []
        assert sent_by(world) == [dpid]
        assert world.transmitted.pop() == (dpid, 4, udp())


def test_through_the_tables_it_meets_the_entries_of_its_port() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(instructions=output(4)))
    tenant.send(PacketOut(in_port=1, actions=(Output(TABLE),), data=udp()))
    assert world.transmitted == [(1, 4, udp())]


def test_to_the_leg_whose_datapath_has_the_packet() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.big.buffers[9] = 2
    assert tenant.refused(PacketOut(xid=3, buffer_id=9, in_port=1, actions=(Output(4),))) == (1, 8)
    assert 9 not in world.big.buffers


def test_what_is_wrong_with_it_is_told_in_the_tenants_terms() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    assert tenant.refused(PacketOut(xid=3, in_port=2, actions=(Output(77),), data=udp())) == (2, 4)
    short = codec(4).encode(PacketOut(xid=4, data=udp()))[:12]
    assert tenant.refused(short[:2] + b"\0\x0c" + short[4:])
