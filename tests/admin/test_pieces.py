"""A long answer holds nobody up: so much in a turn, nothing while the client does not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from flowvisor.admin.page import Page
from flowvisor.admin.pieces import STALL_SECONDS, TURN_SECONDS, Pieces
from flowvisor.admin.site import AdminSite
from tests.support.admin import Line, unchunked

TURN = 0.001


class TurnByTurn(MemoryReactorClock):
    """As a reactor has it: what is called in no time is called in the next turn, and not in this one."""

    def callLater(self, delay: float, *more: Any, **named: Any) -> Any:
        return super().callLater(delay or TURN, *more, **named)


class Writing:
    """Pieces that are written to a connection; each takes a third of a turn."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.reactor: Any = TurnByTurn()
        self.made, self.time = 0, 0.0
        self.count, self.fails = count, fails
        site = AdminSite(self.reactor, lambda call: Page(self._make()))
        self.line = Line(site, self.reactor)

    def _make(self) -> Iterator[str]:
        for _ in range(self.count):
            self.made += 1
            self.time += TURN_SECONDS / 3
            yield "x" * 100
        if self.fails:
            raise ZeroDivisionError("a bug of ours")

    def begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Pieces.__init__, "__kwdefaults__", {"clock": lambda: self.time})
        self.line.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    def body(self) -> bytes:
        return unchunked(self.line.take().partition(b"\r\n\r\n")[2])


def test_each_turn_makes_as_much_as_fits_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(10)
    writing.begin(monkeypatch)
    seen = [writing.made]
    while not writing.line.transport.disconnecting:
        writing.reactor.advance(TURN)
        seen.append(writing.made)
    assert seen == [3, 6, 9, 10]
    assert writing.body() == b"x" * 1000


def test_nothing_is_made_while_the_client_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(10)
    writing.begin(monkeypatch)
    writing.line.transport.producer.pauseProducing()
    writing.reactor.advance(1)
    assert writing.made == 3
    writing.line.transport.producer.resumeProducing()
    writing.reactor.advance(TURN)
    assert writing.made == 6


def test_who_never_reads_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(10)
    writing.begin(monkeypatch)
    writing.line.transport.producer.pauseProducing()
    writing.reactor.advance(STALL_SECONDS)
    assert writing.line.transport.disconnected
    assert writing.made == 3


def test_nothing_is_made_for_who_has_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(10)
    writing.begin(monkeypatch)
    writing.line.hang_up()
    writing.reactor.advance(1)
    assert writing.made == 3
    assert writing.reactor.getDelayedCalls() == []


def test_an_answer_that_fails_in_the_middle_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(4, fails=True)
    writing.begin(monkeypatch)
    writing.reactor.advance(TURN)
    assert writing.line.transport.disconnected
    assert not writing.line.take().endswith(b"0\r\n\r\n")
