"""A line to a controller comes up again by itself, and says once why it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EADDRINUSE

import pytest
from attrs import evolve
from twisted.internet import error
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from flowvisor.connections.line import Line
from flowvisor.network.connection_method import parse_connection_method
from tests.support.shell import Shell
from tests.support.world import a_slice, configuration, ports

CONTROLLER = "tcp:127.0.0.1:6801"


@pytest.fixture
def told() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []

    def keep(event: LogEvent) -> None:
        if str(event.get("event")).startswith("controller_"):
            events.append(event)

    globalLogPublisher.addObserver(keep)
    yield events
    globalLogPublisher.removeObserver(keep)


@pytest.fixture
def shell() -> Shell:
    shell = Shell(configuration(a_slice("blue", ports(1))))
    shell.datapath()
    return shell


def refuse(shell: Shell, problem: BaseException) -> None:
    shell.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(problem))


def test_an_outage_is_counted_for_every_attempt_and_told_once(shell: Shell, told: list[LogEvent]) -> None:
    for wait in (1, 2, 4):
        refuse(shell, error.ConnectionRefusedError())
        shell.pass_time(wait)
    assert shell.calls == 4
    assert [(event["slice"], event["reason"]) for event in told] == [("blue", "refused")]
    refuse(shell, error.TimeoutError())
    assert [event["reason"] for event in told] == ["refused", "timeout"]
    assert shell.connections.counters.controller_connect_failures == {
        ("blue", CONTROLLER, "refused"): 3,
        ("blue", CONTROLLER, "timeout"): 1,
    }


def test_a_channel_ends_the_outage_and_the_next_one_is_told_again(shell: Shell, told: list[LogEvent]) -> None:
    refuse(shell, error.ConnectionRefusedError())
    shell.pass_time(1)
    shell._taken_calls = 1
    controller = shell.controller()
    (line,) = next(iter(shell.connections.lines.values()))
    assert line.is_established
    controller.hang_up()
    assert not line.is_established
    shell.pass_time(1)  # as after the first failure, not the second
    assert shell.calls == 3
    refuse(shell, error.ConnectionRefusedError())
    assert len(told) == 2


def waiting_shell(method: str = "ptcp:16801:127.0.0.1") -> Shell:
    controllers = (parse_connection_method(method),)
    shell = Shell(configuration(evolve(a_slice("w", ports(1)), controllers=controllers)))
    shell.datapath()
    return shell


def line_of(shell: Shell) -> Line:
    ((line,),) = shell.connections.lines.values()
    return line


def test_a_controller_may_call_us() -> None:
    shell = waiting_shell()
    assert shell.calls == 0
    first, second = shell.caller(), shell.caller()
    assert first.near.is_established
    assert second.near.is_established
    assert line_of(shell).is_established


def test_where_it_may_call_us_is_told(told: list[LogEvent]) -> None:
    shell = waiting_shell()
    assert line_of(shell).port == 16801
    assert [(event["slice"], event["dpid"], event["port"]) for event in told] == [("w", 1, 16801)]


def test_where_it_cannot_be_waited_for_we_try_again_and_nothing_else_suffers(
    told: list[LogEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_use(*_: object, **__: object) -> None:
        raise error.CannotListenError("127.0.0.1", 16801, OSError(EADDRINUSE, "in use"))

    with monkeypatch.context() as context:
        context.setattr("twisted.internet.testing.MemoryReactor.listenTCP", in_use)
        shell = waiting_shell()
        shell.pass_time(7)
    assert [(event["event"], event["reason"]) for event in told] == [("controller_not_awaited", "in-use")]
    key = ("w", "ptcp:16801:127.0.0.1", "in-use")
    assert shell.connections.counters.controller_connect_failures == {key: 4}
    assert shell.hypervisor.datapaths[1].is_ready
    assert not line_of(shell).is_listening
    shell.pass_time(8)
    assert line_of(shell).is_listening
    assert shell.caller().near.is_established


def test_nobody_is_waited_for_when_the_switch_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_use(*_: object, **__: object) -> None:
        raise error.CannotListenError("127.0.0.1", 16801, OSError("in use"))

    with monkeypatch.context() as context:
        context.setattr("twisted.internet.testing.MemoryReactor.listenTCP", in_use)
        shell = waiting_shell()
    shell.far_ends[0].hang_up()
    assert shell.connections.lines == {}
    shell.pass_time(10)
    assert shell.reactor.tcpServers == []


def test_a_method_that_is_not_served_is_told_and_the_others_are_dialled(told: list[LogEvent]) -> None:
    controllers = tuple(map(parse_connection_method, ("ssl:192.0.2.1:6653", CONTROLLER)))
    shell = Shell(configuration(evolve(a_slice("blue", ports(1)), controllers=controllers)))
    shell.datapath()
    assert [event["reason"] for event in told] == ["ssl:192.0.2.1:6653: there is no certificate to show"]
    assert shell.calls == 1
