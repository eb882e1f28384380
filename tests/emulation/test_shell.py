"""Datapaths and learning controllers joined in memory, on a clock."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.emulation.hosts import Host
from flowvisor.emulation.network import Network
from flowvisor.emulation.shell import DatapathProtocol, LearningController, LearningProtocol, RunningNetwork
from flowvisor.openflow.channel import DEAD_SECONDS
from flowvisor.openflow.messages import EchoReply, FlowMod
from flowvisor.openflow.versions import codec


def one_datapath(version: int = 4) -> tuple[RunningNetwork, Host, Host]:
    """Datapath 1 with a host at its ports 1 and 2."""
    network = Network()
    network.add(EmulatedDatapath(1, version, (1, 2), n_tables=1))
    hosts = [Host(f"host-{i}", 0x020000000000 | i, 0x0A000000 | i) for i in (1, 2)]
    for i, host in enumerate(hosts, 1):
        network.attach(host, 1, i)
    return RunningNetwork(MemoryReactorClock(), network), hosts[0], hosts[1]


def join(running: RunningNetwork, controller: LearningController) -> tuple[IOPump, DatapathProtocol]:
    datapath = DatapathProtocol(running, 1, next(running.numbers))
    learning = controller.buildProtocol(None)
    pump = connect(
        learning, FakeTransport(learning, isServer=True), datapath, FakeTransport(datapath, isServer=False)
    )
    pump.flush()
    return pump, datapath


@pytest.mark.parametrize("version", [1, 4])
def test_hosts_reach_each_other_through_a_controller_at_the_end_of_a_channel(version: int) -> None:
    running, one, other = one_datapath(version)
    controller = LearningController(running.reactor, frozenset({version}))
    pump, _ = join(running, controller)
    assert controller.dpids == {1}
    assert running.connected_datapaths == {1}
    running.send(one, one.ping(other.ip))
    pump.flush()
    assert one.answered == {other.ip}


def test_a_channel_that_is_gone_is_forgotten_at_both_ends() -> None:
    running, one, other = one_datapath()
    controller = LearningController(running.reactor, frozenset({4}))
    pump, datapath = join(running, controller)
    datapath.hang_up()
    pump.flush()
    assert controller.dpids == set()
    assert running.connected_datapaths == set()
    running.send(one, one.ping(other.ip))
    assert one.answered == set()


def test_a_controller_that_stops_hangs_up() -> None:
    running, _, _ = one_datapath()
    controller = LearningController(running.reactor, frozenset({4}))
    pump, _ = join(running, controller)
    controller.stop()
    pump.flush()
    assert running.connected_datapaths == set()


def test_a_channel_without_a_common_version_is_closed() -> None:
    running, _, _ = one_datapath(1)
    controller = LearningController(running.reactor, frozenset({4}))
    pump, _ = join(running, controller)
    pump.flush()
    assert controller.dpids == set()
    assert running.connected_datapaths == set()


def test_a_malformed_frame_is_answered_with_an_error() -> None:
    reactor: Any = MemoryReactorClock()
    learning = LearningProtocol(LearningController(reactor, frozenset({4})))
    datapath = EmulatedDatapath(1, 4, (1,), n_tables=1)
    transport = StringTransport()
    learning.makeConnection(transport)
    learning.dataReceived(bytes.fromhex("04 00 0008 00000001"))
    (told,) = datapath.from_controller(transport.value()[-8:], 0.0)
    learning.dataReceived(codec(4).encode(told.message))  # type: ignore[union-attr]
    transport.clear()
    learning.dataReceived(bytes.fromhex("04 0a 0008 00000007"))  # a packet-in of nothing
    assert transport.value()[:8] == bytes.fromhex("04 01 0014 00000007")


def test_a_silent_peer_is_given_up() -> None:
    running, _, _ = one_datapath()
    datapath = DatapathProtocol(running, 1, 1)
    transport = StringTransport()
    datapath.makeConnection(transport)
    datapath.dataReceived(bytes.fromhex("04 00 0008 00000001"))
    for _ in range(int(DEAD_SECONDS) + 1):
        running.reactor.advance(1)
    assert transport.disconnecting


def test_time_passes_in_a_running_network() -> None:
    running, _, _ = one_datapath()
    running.start()
    running.network.from_controller(1, FlowMod(hard_timeout=3), running.reactor.seconds())
    for _ in range(4):
        running.reactor.advance(1)
    assert len(running.network.datapaths[1].pipeline.tables[0]) == 0
    running.stop()


def test_a_datapath_dials_again_and_again_until_it_is_stopped() -> None:
    running, _, _ = one_datapath()
    running.connect(1, "127.0.0.1", 6653)
    dialled = running.reactor.tcpClients
    for count in (1, 2, 3):
        assert len(dialled) == count
        factory = dialled[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        running.reactor.advance(3)
    running.stop()
    running.reactor.advance(30)
    assert len(dialled) == 4


def test_a_message_that_nobody_waits_for_goes_nowhere() -> None:
    running, _, _ = one_datapath()
    assert running.network.from_controller(1, EchoReply(), 0.0) == []
    running.tell([])
