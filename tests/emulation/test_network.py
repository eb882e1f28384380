"""Packets travel over links from datapath to datapath and to hosts."""

from __future__ import annotations

import pytest

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.emulation.hosts import Host
from flowvisor.emulation.learning_switch import LearningSwitch
from flowvisor.emulation.network import MAX_HOPS, Attachment, Network, Told
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import BarrierReply, BarrierRequest, FlowMod, FlowRemoved
from flowvisor.openflow.ports import ALL


def line(version: int = 4) -> tuple[Network, Host, Host]:
    """Datapaths 1 and 2, joined at their ports 2, with a host at port 1 of each."""
    network = Network()
    for dpid in (1, 2):
        network.add(EmulatedDatapath(dpid, version, (1, 2, 3), n_tables=1))
    network.link((1, 2), (2, 2))
    a, b = Host("a", 0x02000000000A, 0x0A000001), Host("b", 0x02000000000B, 0x0A000002)
    network.attach(a, 1, 1)
    network.attach(b, 2, 1)
    return network, a, b


def test_it_knows_what_is_at_the_end_of_a_cable() -> None:
    network, a, _ = line()
    assert network.far_end(1, 2) == Attachment(2, 2)
    assert network.far_end(1, 1) is a
    assert network.far_end(1, 3) is None
    assert network.place_of(a) == Attachment(1, 1)


def test_a_packet_goes_where_entries_send_it_and_is_answered() -> None:
    network, a, b = line()
    for dpid in (1, 2):
        for in_port, out_port in ((1, 2), (2, 1)):
            mod = FlowMod(match=Match.of(in_port=in_port), instructions=(ApplyActions((Output(out_port),)),))
            assert network.from_controller(dpid, mod, 0.0) == []
    assert network.send(a, a.ping(b.ip), 1.0) == []
    assert a.answered == {b.ip}


def test_what_a_datapath_tells_is_returned_with_its_name() -> None:
    network, _, _ = line()
    request = BarrierRequest(xid=5)
    assert network.from_controller(2, request, 0.0, controller=7) == [Told(2, 7, BarrierReply(xid=5))]


def test_time_passes_everywhere() -> None:
    network, _, _ = line()
    for dpid in (1, 2):
        network.from_controller(dpid, FlowMod(hard_timeout=5, flags=1), 0.0)
    told = network.tick(6.0)
    assert [each.dpid for each in told] == [1, 2]
    assert all(isinstance(each.message, FlowRemoved) for each in told)


def test_a_storm_is_shed() -> None:
    network, a, b = line()
    network.link((1, 3), (2, 3))
    for dpid in (1, 2):
        network.from_controller(dpid, FlowMod(instructions=(ApplyActions((Output(ALL),)),)), 0.0)
    network.send(a, a.ping(b.ip), 1.0)
    assert network.shed_packets > 0
    assert len(b.received) < MAX_HOPS


@pytest.mark.parametrize("version", [1, 4])
def test_hosts_reach_each_other_through_learning_switches(version: int) -> None:
    network, a, b = line(version)
    listeners = {(dpid, 0): LearningSwitch(version) for dpid in (1, 2)}
    for (dpid, controller), switch in listeners.items():
        for message in switch.begin():
            network.converse(network.from_controller(dpid, message, 0.0, controller), listeners, 0.0)
    network.converse(network.send(a, a.ping(b.ip), 1.0), listeners, 1.0)
    assert a.answered == {b.ip}
    a.answered.clear()
    # By now the entries are there: no controller is asked any more.
    assert network.send(b, b.ping(a.ip), 2.0) == []
    assert b.answered == {a.ip}
