"""Dialling a controller, again and again until told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.application.internet import ClientService
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
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
    """An endpoint that tells why it could not connect, which ClientService keeps for itself."""

    def __init__(self, endpoint: IStreamClientEndpoint, failed: Callable[[str], None]) -> None:
        self._endpoint = endpoint
        self._failed = failed

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        connecting: Deferred[IProtocol] = self._endpoint.connect(factory)
        return connecting.addErrback(self._tell)

    def _tell(self, failure: Failure) -> Failure:
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


def reason_of(failure: Failure) -> str:
    """Why a connection failed or ended, as one of a few words."""
    for reason, errors in _REASONS:
        if failure.check(*errors):
            return reason
    return "other"


_REASONS: Final[tuple[tuple[str, tuple[type[BaseException], ...]], ...]] = (
    ("closed", (error.ConnectionDone,)),
    ("aborted", (error.ConnectionAborted,)),
    ("refused", (error.ConnectionRefusedError,)),
    ("unreachable", (error.NoRouteError,)),
    ("unknown-host", (error.DNSLookupError, error.UnknownHostError)),
    ("timeout", (error.TimeoutError, error.TCPTimedOutError)),
    ("lost", (error.ConnectionLost,)),
)
