"""Where a virtual link leads, and LLDP along it."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.translation.virtual_links import far_end, virtual_far_ends
from flowvisor.openflow.actions import Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import PacketIn, PacketOut, PortMod
from flowvisor.openflow.ports import CONTROLLER, FLOOD, NO_RECV
from flowvisor.slices.virtual_switch import LinkEnd
from tests.support.share_world import BLUE, PLAIN, ShareWorld
from tests.support.slices import ethernet

LLDP = ethernet(eth_type=0x88CC)


def test_a_link_leads_to_the_other_switchs_port() -> None:
    world = ShareWorld(BLUE)
    assert far_end(world.share(), 10) == LinkEnd("lab", 10)
    assert far_end(world.share("blue/lab", 2), 10) == LinkEnd("big", 10)
    assert far_end(world.share(), 1) is None
    assert far_end(ShareWorld(PLAIN).share(), 10) is None


def test_it_is_left_at_the_share_where_its_packets_come_in() -> None:
    world = ShareWorld(BLUE)
    lab = world.share("blue/lab", 2)
    assert list(virtual_far_ends(world.share(), 10)) == [(lab, 10)]
    assert list(virtual_far_ends(world.share(dpid=2), 10)) == [(lab, 10)]
    assert list(virtual_far_ends(lab, 10)) == [(world.share(), 10)]
    assert list(virtual_far_ends(lab, 1)) == []


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize("port", [10, FLOOD])
def test_lldp_is_shown_at_the_far_end_and_put_on_no_wire(version: int, port: int) -> None:
    world = ShareWorld(BLUE)
    big, lab = world.controller("blue/big", 1, version), world.controller("blue/lab", 2, version)
    before = len(world.transmitted)
    assert big.send(PacketOut(in_port=CONTROLLER, actions=(Output(port),), data=LLDP)) == []
    assert len(world.transmitted) == before
    (told,) = lab.heard(PacketIn)
    assert (told.match, told.data) == (Match.of(in_port=10), LLDP)


def test_where_nobody_listens_it_goes_nowhere() -> None:
    world = ShareWorld(BLUE)
    big, lab = world.controller("blue/big", 1), world.controller("blue/lab", 2)
    port = world.share("blue/lab", 2).logical_ports[10]
    assert lab.send(PortMod(port=10, hw_addr=port.hw_addr, config=NO_RECV, mask=NO_RECV)) == []
    assert big.send(PacketOut(in_port=CONTROLLER, actions=(Output(10),), data=LLDP)) == []
    assert big.send(PacketOut(in_port=CONTROLLER, actions=(Output(1),), data=LLDP)) == []
    assert lab.heard(PacketIn) == []
    assert big.channel.counters.shed["lldp"] == 2
