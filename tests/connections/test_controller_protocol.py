"""A controller's connection is a datapath's to it, from the first byte on."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.address import IPv4Address

from flowvisor.connections.controller_protocol import MAX_CALLS, MAX_SILENT_CALLS
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.openflow.frame import HELLO, FrameCutter
from flowvisor.openflow.hello import decode_hello, encode_hello
from flowvisor.openflow.messages import Hello
from tests.support.shell import Shell
from tests.support.world import a_slice, configuration, ports

HELLO_13 = encode_hello(Hello(xid=1, version=4))


def test_the_versions_of_the_slice_are_offered() -> None:
    old = evolve(a_slice("old", ports(1)), versions=frozenset({1}))
    shell = Shell(configuration(old))
    shell.datapath(version=4)
    (hello,) = FrameCutter().feed(shell.controller(speaks=False).transport.value())
    assert (hello[1], decode_hello(hello).version) == (HELLO, 1)


def test_a_controller_that_comes_too_late_is_hung_up_on_without_an_error_of_ours() -> None:
    shell = Shell()
    datapath = shell.datapath()
    controller = shell.controller(speaks=False)
    shell.hypervisor.datapath_left(datapath.near.peer, shell.now)  # its effects are still to be carried out
    controller.write(HELLO_13)
    assert controller.near.hang_up_reason == "no-switch"
    assert controller.transport.disconnecting
    assert shell.connections.counters.own_errors == 0


def test_it_is_named_in_the_log_by_slice_switch_and_controller() -> None:
    shell = Shell()
    shell.datapath(dpid=5)
    assert shell.controller().near.name() == {"slice": "blue", "dpid": 5, "controller": "tcp:127.0.0.1:6801"}


def waiting_shell() -> Shell:
    waiting = evolve(a_slice("w", ports(1)), controllers=(parse_connection_method("ptcp:16801:127.0.0.1"),))
    shell = Shell(configuration(waiting))
    shell.datapath()
    return shell


def test_only_so_many_controllers_may_call_one_virtual_switch() -> None:
    shell = waiting_shell()
    for _ in range(MAX_CALLS):
        assert shell.caller().near.is_established
    factory = shell.reactor.tcpServers[0][1]
    assert factory.buildProtocol(None) is None
    assert shell.connections.counters.handshake_failures == {("controller", "too-many"): 1}


def test_callers_of_one_address_who_say_nothing_keep_nobody_out() -> None:
    shell = waiting_shell()
    silent = IPv4Address("TCP", "192.0.2.66", 4711)
    factory = shell.reactor.tcpServers[0][1]
    taken = [factory.buildProtocol(silent) for _ in range(100)]
    assert sum(one is not None for one in taken) == MAX_SILENT_CALLS
    assert shell.caller(address="192.0.2.1").near.is_established
    count = 100 - MAX_SILENT_CALLS
    assert shell.connections.counters.handshake_failures == {("controller", "too-many-of-address"): count}
