"""A controller is dialled until somebody says stop, ever more slowly, and anew once it was reached."""

from __future__ import annotations

from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, ENOENT
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from flowvisor.connections.dialling import Backoff, dialling, reason_of


def test_each_wait_is_twice_the_last_up_to_eight_seconds() -> None:
    backoff = Backoff(random=lambda: 0.5)
    assert [backoff(n) for n in range(6)] == [1, 2, 4, 8, 8, 8]


def test_an_established_channel_lets_it_begin_anew() -> None:
    backoff = Backoff(random=lambda: 0.5)
    for attempt in range(5):
        backoff(attempt)
    backoff.reset()
    assert backoff(0) == 1


def test_waits_differ_by_a_quarter_either_way() -> None:
    assert Backoff(random=lambda: 0.0)(1) == 0.75
    assert Backoff(random=lambda: 1.0)(1) == 1.25


class Dialled:
    def __init__(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.failures: list[str] = []
        self.backoff = Backoff(random=lambda: 0.5)
        self.client = dialling(
            self.reactor,
            TCP4ClientEndpoint(self.reactor, "192.0.2.1", 6653),
            Factory.forProtocol(Protocol),
            backoff=self.backoff,
            failed=self.failures.append,
        )
        self.client.startService()

    @property
    def attempts(self) -> int:
        return len(self.reactor.tcpClients)

    def refuse(self) -> None:
        factory = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(error.ConnectionRefusedError()))

    def accept(self) -> Any:
        protocol = self.reactor.tcpClients[-1][2].buildProtocol(None)
        protocol.makeConnection(StringTransport())
        return protocol


def test_a_controller_that_is_away_is_dialled_again_and_the_reason_told() -> None:
    dialled = Dialled()
    for expected_wait, attempts in ((1, 1), (2, 2), (4, 3)):
        assert dialled.attempts == attempts
        dialled.refuse()
        dialled.reactor.advance(expected_wait - 0.1)
        assert dialled.attempts == attempts
        dialled.reactor.advance(0.1)
    assert dialled.failures == ["refused"] * 3


def test_one_that_accepts_and_hangs_up_at_once_is_not_dialled_every_second() -> None:
    dialled = Dialled()
    for expected_wait in (1, 2, 4, 8, 8):
        attempts = dialled.attempts
        dialled.accept().connectionLost(Failure(error.ConnectionDone()))
        dialled.reactor.advance(expected_wait - 0.1)
        assert dialled.attempts == attempts
        dialled.reactor.advance(0.1)
        assert dialled.attempts == attempts + 1


def test_nothing_is_dialled_after_stop() -> None:
    dialled = Dialled()
    dialled.refuse()
    dialled.client.stopService()
    dialled.reactor.advance(100)
    assert dialled.attempts == 1


def test_stopping_an_attempt_is_no_failure_of_the_controller() -> None:
    dialled = Dialled()
    dialled.client.stopService()
    assert dialled.failures == []


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (error.ConnectionDone(), "closed"),
        (error.ConnectionLost(), "lost"),
        (error.ConnectionAborted(), "aborted"),
        (error.ConnectionRefusedError(), "refused"),
        (error.TimeoutError(), "timeout"),
        (error.TCPTimedOutError(), "timeout"),
        (error.NoRouteError(), "unreachable"),
        (error.DNSLookupError(), "unknown-host"),
        (error.CannotListenError("", 1, OSError(EADDRINUSE, "")), "in-use"),
        (error.CannotListenError("", 1, OSError(EADDRNOTAVAIL, "")), "no-such-address"),
        (error.CannotListenError("", 1, OSError(EACCES, "")), "not-permitted"),
        (error.CannotListenError("", "/a/b", OSError(ENOENT, "")), "no-such-file"),
        (error.CannotListenError("", 1, OSError("name or service not known")), "cannot-listen"),
        (error.getConnectError((ENOENT, "")), "no-such-file"),
        (error.getConnectError((EACCES, "")), "not-permitted"),
        (ValueError(), "other"),
    ],
)
def test_reasons_are_a_few_words(problem: BaseException, reason: str) -> None:
    assert reason_of(Failure(problem)) == reason
