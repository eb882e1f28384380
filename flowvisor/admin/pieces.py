"""A long answer, written in pieces: a few in each turn of the reactor, and none while the client does not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

# In one turn of the reactor, besides the last piece that was begun: messages of slices wait for so long.
TURN_SECONDS: Final = 0.005
# That a client may keep us waiting; then the connection is closed.
STALL_SECONDS: Final = 60.0


@implementer(IPushProducer)
class Pieces:
    """Writes the pieces to a request, and finishes it."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        request: Request,
        pieces: Iterator[str],
        *,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._reactor = reactor
        self._request = request
        self._pieces = pieces
        self._clock = clock
        self._next: IDelayedCall | None = None
        self._is_over = False

    def begin(self) -> None:
        """The first turn is now."""
        self._request.notifyFinish().addErrback(lambda _: self.stopProducing())
        self._request.registerProducer(self, True)
        self._turn()

    def pauseProducing(self) -> None:
        self._cancel()
        if not self._is_over:
            self._next = self._reactor.callLater(STALL_SECONDS, self._abort)

    def resumeProducing(self) -> None:
        self._cancel()
        if not self._is_over:
            self._next = self._reactor.callLater(0, self._turn)

    def stopProducing(self) -> None:
        self._cancel()
        self._is_over = True

    def _cancel(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def _turn(self) -> None:
        self._next = None
        ends_at = self._clock() + TURN_SECONDS
        made: list[str] = []
        try:
            for piece in self._pieces:
                made.append(piece)
                if self._clock() >= ends_at:
                    break
            else:
                self._finish(made)
                return
        except Exception:
            self.log.failure("", event="own_error")
            self._abort()
            return
        # Before writing, which may pause us.
        self._next = self._reactor.callLater(0, self._turn)
        self._request.write("".join(made).encode())

    def _finish(self, made: list[str]) -> None:
        self._is_over = True
        self._request.write("".join(made).encode())
        self._request.unregisterProducer()
        self._request.finish()

    def _abort(self) -> None:
        """The rest cannot be sent; that the answer breaks off is how the client knows."""
        self.stopProducing()
        self._request.unregisterProducer()
        abort_connection(self._request)


def abort_connection(request: Request) -> None:
    """Close a request's connection in the middle of its answer."""
    channel: Any = request.channel
    if channel is not None:
        channel.transport.abortConnection()
