"""Reaching a controller until told to stop: dialling it again and again, or waiting for it to dial us."""

from __future__ import annotations

from collections.abc import Callable
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, ENOENT
from typing import Any, Final

from twisted.application.internet import ClientService
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

FIRST_DELAY_SECONDS: Final = 1.0
LAST_DELAY_SECONDS: Final = 8.0  # Open vSwitch's own max_backoff
JITTER: Final = 0.25  # so that the channels of a controller that was away do not all come back in one moment


class Backoff:
    """Seconds to wait before each attempt: about 1, 2, 4, 8, 8, … since `reset`.

    ClientService counts anew from every TCP connection; a controller that accepts and then says nothing
    OpenFlow would be dialled every second, so our count starts anew only when a channel was established.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._next = FIRST_DELAY_SECONDS

    def reset(self) -> None:
        """A channel was established."""
        self._next = FIRST_DELAY_SECONDS

    def __call__(self, attempt: int) -> float:
        delay = self._next
        self._next = min(delay * 2, LAST_DELAY_SECONDS)
        return delay * (1 + JITTER * (2 * self._random() - 1))


@implementer(IStreamClientEndpoint)
class _Observed:
    """Tells why an endpoint came to nothing, which Twisted's service keeps for itself."""

    def __init__(self, endpoint: IStreamClientEndpoint, failed: Callable[[str], None]) -> None:
        self._endpoint = endpoint
        self._failed = failed

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        connecting: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)
        return connecting.addErrback(self._observe)

    def _observe(self, failure: Failure) -> Failure:
        if not failure.check(CancelledError, error.ConnectingCancelledError):
            self._failed(reason_of(failure))
        return failure


def dialling(
    reactor: Any,
    endpoint: IStreamClientEndpoint,
    factory: IProtocolFactory,
    *,
    backoff: Backoff,
    failed: Callable[[str], None],
) -> ClientService:
    """A service that keeps one connection up; `failed` is told why an attempt came to nothing."""
    return ClientService(_Observed(endpoint, failed), factory, retryPolicy=backoff, clock=reactor)


class Waiting:
    """Listens from `start` until `stop`; where it cannot, it says why and tries again."""

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamServerEndpoint,
        factory: IProtocolFactory,
        *,
        backoff: Backoff,
        listening: Callable[[IListeningPort], None],
        failed: Callable[[str], None],
    ) -> None:
        self.port: IListeningPort | None = None  # while it listens
        self._reactor = reactor
        self._endpoint = endpoint
        self._factory = factory
        self._backoff = backoff
        self._listening = listening
        self._failed = failed
        self._retry: IDelayedCall | None = None
        self._is_stopped = False

    def start(self) -> None:
        """Begin."""
        self._retry = None
        if not self._is_stopped:
            waiting: Deferred[IListeningPort] = self._endpoint.listen(self._factory)
            waiting.addCallbacks(self._listens, self._cannot_listen)

    def stop(self) -> Deferred[object]:
        """Fires when the port is free for others."""
        self._is_stopped = True
        if self._retry is not None:
            self._retry.cancel()
        port, self.port = self.port, None
        return succeed(None) if port is None else maybeDeferred(port.stopListening)

    def _listens(self, port: IListeningPort) -> None:
        if self._is_stopped:
            port.stopListening()
            return
        self.port = port
        self._backoff.reset()
        self._listening(port)

    def _cannot_listen(self, failure: Failure) -> None:
        self._failed(reason_of(failure))
        if not self._is_stopped:
            self._retry = self._reactor.callLater(self._backoff(0), self.start)


def reason_of(failure: Failure) -> str:
    """Why a connection or a listener failed or ended, as one of a few words."""
    problem = failure.value
    if isinstance(problem, error.CannotListenError):
        return _NUMBERS.get(getattr(problem.socketError, "errno", None), "cannot-listen")
    if isinstance(problem, error.ConnectError) and problem.osError in _NUMBERS:
        return _NUMBERS[problem.osError]
    for reason, errors in _REASONS:
        if failure.check(*errors):
            return reason
    return "other"


_NUMBERS: Final[dict[object, str]] = {
    EADDRINUSE: "in-use",
    EADDRNOTAVAIL: "no-such-address",
    EACCES: "not-permitted",
    ENOENT: "no-such-file",
}
_REASONS: Final[tuple[tuple[str, tuple[type[BaseException], ...]], ...]] = (
    ("closed", (error.ConnectionDone,)),
    ("aborted", (error.ConnectionAborted,)),
    ("refused", (error.ConnectionRefusedError,)),
    ("unreachable", (error.NoRouteError,)),
    ("unknown-host", (error.DNSLookupError, error.UnknownHostError)),
    ("timeout", (error.TimeoutError, error.TCPTimedOutError)),
    ("lost", (error.ConnectionLost,)),
)
