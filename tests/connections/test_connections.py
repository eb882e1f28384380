"""Effects become I/O, and nobody's trouble is anybody else's."""

from __future__ import annotations

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher

from flowvisor.connections.outbound import HANG_UP_ABOVE_BYTES, SHED_ABOVE_BYTES
from flowvisor.connections.peer_protocol import CLOSING_SECONDS, PeerProtocol
from flowvisor.hypervisor.effects import (
    Command,
    Effects,
    HangUp,
    Notice,
    OpenChannels,
    VirtualSwitchName,
    Wake,
)
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.discovery import KEY_BYTES, Discovery
from flowvisor.openflow.frame import ECHO_REPLY, ECHO_REQUEST, HEADER, PACKET_IN, PACKET_OUT, type_of
from flowvisor.openflow.messages import FlowMod
from tests.support.shell import TO_CONTROLLER, FarDatapath, FarEnd, Shell
from tests.support.world import a_slice, configuration, ports

BLUE, RED = VirtualSwitchName("blue", 1), VirtualSwitchName("red", 1)
PACKET = bytes(64)


def types(far_end: FarEnd) -> list[int]:
    return [type_of(frame) for frame in far_end.frames]


@pytest.fixture
def shell() -> Shell:
    return Shell()


def connected(shell: Shell) -> tuple[FarDatapath, FarEnd, FarEnd]:
    """A datapath, and the controllers of blue (port 2) and red (port 1), who want every packet."""
    datapath = shell.datapath()
    blue, red = shell.controller(), shell.controller()
    for controller in (blue, red):
        controller.say(TO_CONTROLLER)
    shell.settle()
    return datapath, blue, red


def test_a_packet_reaches_the_controller_of_its_slice_and_no_other(shell: Shell) -> None:
    datapath, blue, red = connected(shell)
    datapath.packet(2, PACKET)
    shell.settle()
    assert (types(blue), types(red)) == ([PACKET_IN], [])


def test_controllers_are_dialled_when_the_datapath_is_set_up_and_not_before(shell: Shell) -> None:
    shell.connect()
    assert shell.calls == 0
    shell.datapath()
    assert shell.calls == 2
    assert set(shell.connections.lines) == {BLUE, RED}


def test_frames_of_one_call_are_one_write(shell: Shell) -> None:
    _datapath, blue, _red = connected(shell)
    effects = Effects(shell.now)
    peer = blue.near.peer
    for xid in range(5):
        effects.send(peer, HEADER.pack(4, ECHO_REPLY, 8, xid))
    writes: list[bytes] = []
    blue.transport.write = writes.append
    shell.connections.carry_out(effects)
    assert writes == [b"".join(HEADER.pack(4, ECHO_REPLY, 8, xid) for xid in range(5))]


def test_effects_for_somebody_who_has_gone_go_nowhere(shell: Shell) -> None:
    _datapath, blue, _red = connected(shell)
    peer = blue.near.peer
    blue.hang_up()
    effects = Effects(shell.now)
    effects.send(peer, HEADER.pack(4, ECHO_REPLY, 8, 1))
    effects.commands.append(HangUp(peer, "test"))
    shell.connections.carry_out(effects)
    assert peer not in shell.connections.by_peer


def test_when_the_datapath_leaves_its_controllers_are_hung_up_on_and_not_dialled_again(shell: Shell) -> None:
    datapath, blue, red = connected(shell)
    datapath.hang_up()
    shell.settle()
    assert not blue.is_connected
    assert not red.is_connected
    shell.pass_time(30)
    assert shell.calls == 2
    assert shell.connections.lines == {}
    assert shell.connections.everyone == set()
    disconnects = shell.connections.counters.controller_disconnects
    assert disconnects["blue", "tcp:127.0.0.1:6801", "the datapath has left"] == 1


def test_channels_that_are_open_are_not_opened_twice(shell: Shell) -> None:
    connected(shell)
    effects = Effects(shell.now)
    effects.commands.append(OpenChannels(BLUE))
    shell.connections.carry_out(effects)
    assert shell.calls == 2


def test_nothing_of_one_who_is_hung_up_on_reaches_the_core(shell: Shell) -> None:
    datapath, blue, _red = connected(shell)
    peer = blue.near.peer
    effects = Effects(shell.now)
    effects.commands.append(HangUp(peer, "test"))
    shell.connections.carry_out(effects)
    before = len(datapath.frames)
    blue.say(TO_CONTROLLER)
    datapath.pump()
    assert len(datapath.frames) == before


def test_when_a_controller_leaves_only_it_is_dialled_again(shell: Shell) -> None:
    _datapath, blue, red = connected(shell)
    blue.hang_up()
    shell.pass_time(2)
    assert shell.calls == 3
    assert red.is_connected
    again = shell.controller()
    assert again.near.is_established
    assert shell.connections.counters.controller_connects["blue", "tcp:127.0.0.1:6801"] == 2
    assert shell.connections.counters.controller_disconnects["blue", "tcp:127.0.0.1:6801", "closed"] == 1


def test_a_second_connection_of_a_datapath_replaces_the_first(shell: Shell) -> None:
    first, blue, _red = connected(shell)
    second = shell.datapath()
    assert not first.is_connected
    assert second.is_connected
    assert not blue.is_connected
    assert set(shell.connections.lines) == {BLUE, RED}
    assert shell.calls == 4
    assert shell.controller().near.is_established


def test_where_controllers_call_a_switch_of_a_second_connection_is_listened_on_once_it_is_free() -> None:
    method = parse_connection_method("ptcp:16801:127.0.0.1")
    shell = Shell(configuration(evolve(a_slice("w", ports(1)), controllers=(method,))))
    shell.datapath()
    port = shell.connections.lines[VirtualSwitchName("w", 1)][0]._waiting.port
    closed: Deferred[None] = Deferred()
    port.stopListening = lambda: closed  # as a real one: the socket is closed in the reactor's next turn
    shell.datapath()
    (line,) = shell.connections.lines[VirtualSwitchName("w", 1)]
    assert len(shell.reactor.tcpServers) == 1
    closed.callback(None)
    assert line.is_listening
    assert shell.caller(place=1).near.is_established


def congest(shell: Shell, far_end: FarEnd, above: int = SHED_ABOVE_BYTES) -> None:
    """Let more wait for somebody who does not read than the bound."""
    far_end.stall()
    while far_end.near.outbound.queued_bytes <= above and far_end.near.hang_up_reason is None:
        far_end.near.outbound.send([HEADER.pack(4, ECHO_REPLY, 60_000, 0) + bytes(59_992)])


def test_a_slow_controller_loses_packet_ins_and_delays_nobody(shell: Shell) -> None:
    datapath, blue, red = connected(shell)
    congest(shell, blue)
    for port in (2, 1, 2):
        datapath.packet(port, PACKET)
    shell.settle()
    assert types(red) == [PACKET_IN]
    assert datapath.is_read
    assert shell.hypervisor.tenants["blue"].counters[4].shed == {"queue-full": 2}


def test_a_controller_that_does_not_read_is_not_read_until_it_does(shell: Shell) -> None:
    _datapath, blue, red = connected(shell)
    congest(shell, blue)
    assert not blue.is_read
    assert red.is_read
    blue.flow()
    assert blue.is_read
    assert shell.connections.counters.pauses == {"controller": 1}


def test_a_slow_datapath_slows_its_own_controllers_and_is_still_read(shell: Shell) -> None:
    datapath, blue, red = connected(shell)
    other = shell.datapath(dpid=2)
    elsewhere = shell.controller()
    congest(shell, datapath)
    assert (datapath.is_read, blue.is_read, red.is_read) == (True, False, False)
    assert (other.is_read, elsewhere.is_read) == (True, True)
    datapath.flow()
    assert (blue.is_read, red.is_read) == (True, True)


def test_who_joins_a_slow_datapath_is_slowed_too(shell: Shell) -> None:
    datapath = shell.datapath()
    congest(shell, datapath)
    blue = shell.controller()
    assert not blue.is_read
    datapath.flow()
    assert blue.is_read


def test_who_is_not_read_because_of_another_is_not_taken_for_dead(shell: Shell) -> None:
    datapath, blue, red = connected(shell)
    congest(shell, datapath)
    blue.channel = None  # nothing of what it might answer would be read
    for _ in range(40):
        shell.reactor.advance(1)
        for far_end in (blue, red):
            far_end.near.tick(shell.now)
    assert [far_end.near.hang_up_reason for far_end in (blue, red)] == [None, None]


def test_a_peer_that_takes_nothing_is_hung_up_on_at_the_bound(shell: Shell) -> None:
    _datapath, blue, red = connected(shell)
    congest(shell, blue, HANG_UP_ABOVE_BYTES)
    assert blue.near.hang_up_reason == "queue-full"
    assert blue.transport.disconnected
    shell.settle()
    assert not blue.is_connected
    assert red.is_connected
    assert shell.connections.counters.controller_disconnects["blue", "tcp:127.0.0.1:6801", "queue-full"] == 1


def test_what_is_queued_still_goes_out_to_one_who_is_hung_up_on_but_not_for_ever(shell: Shell) -> None:
    _datapath, blue, _red = connected(shell)
    peer = blue.near.peer
    effects = Effects(shell.now)
    effects.send(peer, HEADER.pack(4, ECHO_REPLY, 8, 7))
    effects.commands.append(HangUp(peer, "test"))
    shell.connections.carry_out(effects)
    assert blue.transport.value() == HEADER.pack(4, ECHO_REPLY, 8, 7)
    assert not blue.transport.disconnected
    shell.reactor.advance(CLOSING_SECONDS)
    shell.connections.tick()
    assert blue.transport.disconnected


class TheCoreFails:
    """A bug of ours, of which a test needs one."""

    def __init__(self, shell: Shell, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        def fail(*_: object) -> Effects:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(shell.hypervisor, method, fail)


@pytest.fixture
def logged() -> list[LogEvent]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events  # type: ignore[misc]
    globalLogPublisher.removeObserver(events.append)


def test_an_error_of_our_own_costs_one_peer_and_is_told_with_its_traceback(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, logged: list[LogEvent]
) -> None:
    datapath, blue, red = connected(shell)
    with monkeypatch.context() as bug:
        TheCoreFails(shell, bug, "from_controller")
        blue.say(TO_CONTROLLER)
    shell.settle()
    assert not blue.is_connected
    assert blue.near.hang_up_reason == "own-error"
    assert shell.connections.counters.own_errors == 1
    (event,) = [event for event in logged if event.get("event") == "own_error"]
    assert (event["slice"], event["log_failure"].type) == ("blue", ZeroDivisionError)
    datapath.packet(1, PACKET)
    shell.settle()
    assert types(red) == [PACKET_IN]


@pytest.mark.parametrize("method", ["controller_left", "datapath_left", "tick"])
def test_no_error_of_our_own_ends_the_process(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    datapath, blue, _red = connected(shell)
    with monkeypatch.context() as bug:
        TheCoreFails(shell, bug, method)
        blue.hang_up()
        datapath.hang_up()
        shell.connections.tick()
    assert shell.connections.counters.own_errors == 1
    assert shell.datapath(dpid=9).near.is_established


def test_notices_become_events_with_their_fields(shell: Shell, logged: list[LogEvent]) -> None:
    effects = Effects(shell.now)
    effects.note("warning", "something_odd", dpid=7, what="this")
    shell.connections.carry_out(effects)
    (event,) = [event for event in logged if event.get("event") == "something_odd"]
    assert (event["log_level"].name, event["dpid"], event["what"]) == ("warn", 7, "this")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_levels_are_those_of_logging(shell: Shell, logged: list[LogEvent], level: str) -> None:
    shell.connections._carry_out(Notice(level, "x", {}))
    assert [event["event"] for event in logged] == ["x"]


def test_stop_hangs_up_on_everybody_and_says_when_all_are_gone(shell: Shell) -> None:
    connected(shell)
    silent = shell.connect()
    stopped: list[object] = []
    stopping: Deferred[None] = shell.connections.stop()
    stopping.addCallback(stopped.append)
    assert stopped == []
    silent.take()
    shell.settle()
    shell.pass_time(1)
    assert [far_end.is_connected for far_end in shell.far_ends] == [False] * 4
    assert stopped == [None]
    effects = Effects(shell.now)
    effects.commands.append(OpenChannels(BLUE))
    shell.connections.carry_out(effects)
    shell.pass_time(30)
    assert shell.calls == 2


def test_stop_with_nobody_there_is_over_at_once(shell: Shell) -> None:
    stopped: list[object] = []
    shell.connections.stop().addCallback(stopped.append)
    assert stopped == [None]


def test_who_connects_while_we_stop_is_hung_up_on(shell: Shell) -> None:
    shell.datapath()
    shell.connections.stop()
    late = shell.connect()
    assert late.near.hang_up_reason == "stopping"


def test_bytes_that_wait_are_told_by_side_and_peer(shell: Shell) -> None:
    _datapath, blue, _red = connected(shell)
    blue.stall()
    blue.near.outbound.send([HEADER.pack(4, ECHO_REQUEST, 8, 0)])
    assert shell.connections.queued_bytes() == {
        ("datapath", "0000000000000001"): 0,
        ("controller", "blue tcp:127.0.0.1:6801"): 8,
        ("controller", "red tcp:127.0.0.1:6801"): 0,
    }


def test_the_core_is_woken_when_it_asks_to_be_and_then_no_more(shell: Shell) -> None:
    woken: list[float] = []

    def wake(now: float) -> Effects:
        woken.append(now)
        return Effects(now)

    shell.hypervisor.wake = wake  # type: ignore[method-assign]
    begun = shell.now
    effects = Effects(begun)
    effects.commands += [Wake(begun + 5), Wake(begun + 2), Wake(begun + 3)]
    shell.connections.carry_out(effects)
    for _ in range(8):
        shell.reactor.advance(1)
    assert woken == [begun + 2]  # the core asks again for what is still to come
    effects.commands[:] = [Wake(begun)]
    shell.connections.carry_out(effects)
    assert len(woken) == 1  # not within the call that asked
    shell.reactor.advance(0)
    assert len(woken) == 2


def test_links_are_looked_for_when_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.hypervisor.fabric.discovery = Discovery(key=bytes(KEY_BYTES), random=lambda: 0.5)
    datapath = shell.datapath()
    before = datapath.near.outbound.queued_bytes
    shell.connections.probe()
    shell.settle()
    assert shell.hypervisor.datapaths[1].down_counts[PACKET_OUT] == len(shell.hypervisor.datapaths[1].ports)
    assert datapath.near.outbound.queued_bytes == before
    with monkeypatch.context() as bug:
        TheCoreFails(shell, bug, "probe")
        shell.connections.probe()
    assert shell.connections.counters.own_errors == 1


def test_an_error_of_our_own_on_waking_ends_nothing(shell: Shell) -> None:
    def wake(_now: float) -> Effects:
        raise ZeroDivisionError

    shell.hypervisor.wake = wake  # type: ignore[method-assign]
    effects = Effects(shell.now)
    effects.commands.append(Wake(shell.now))
    shell.connections.carry_out(effects)
    shell.reactor.advance(0)
    assert shell.connections.counters.own_errors == 1
    shell.connections.carry_out(effects)
    shell.reactor.advance(0)
    assert shell.connections.counters.own_errors == 2


def test_a_controller_of_which_much_waits_is_not_read_from(shell: Shell) -> None:
    datapath, blue, red = connected(shell)
    datapath.is_connected = False  # it answers no fence
    blue.say(*[FlowMod(priority=number) for number in range(2000)])
    assert [blue.is_read, red.is_read] == [False, True]
    datapath.is_connected = True
    shell.settle()
    assert blue.is_read


def test_who_observes_hears_of_channels_and_commands() -> None:
    heard: list[str] = []

    class Observer:
        def established(self, protocol: PeerProtocol) -> None:
            heard.append(f"up {protocol.side}")

        def gone(self, protocol: PeerProtocol) -> None:
            heard.append(f"down {protocol.side} {protocol.hang_up_reason}")

        def carried_out(self, command: Command) -> None:
            heard.append(type(command).__name__)

    shell = Shell()
    shell.connections.observers.append(Observer())
    shell.connect().hang_up()  # nobody that the core has known
    datapath = shell.datapath()
    assert heard.count("OpenChannels") == 2
    shell.controller().hang_up()
    datapath.hang_up()
    assert [one for one in heard if " " in one] == [
        *("up datapath", "up controller", "down controller closed", "down datapath closed"),
    ]
    assert heard.count("CloseChannels") == 2
