"""Reaching a controller until told to stop: dialling it again and again, or waiting for it to dial us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.application.internet import ClientService, StreamServerEndpointService
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
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


class _Observed:
    """Tells why an endpoint came to nothing, which Twisted's services keep for themselves."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._failed = failed

    def observe(self, failure: Failure) -> Failure:
        if not failure.check(CancelledError, error.ConnectingCancelledError):
            self._failed(reason_of(failure))
        return failure


@implementer(IStreamClientEndpoint)
class _ObservedClient(_Observed):
    def __init__(self, endpoint: IStreamClientEndpoint, failed: Callable[[str], None]) -> None:
        super().__init__(failed)
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        connecting: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)
        return connecting.addErrback(self.observe)


@implementer(IStreamServerEndpoint)
class _ObservedServer(_Observed):
    def __init__(self, endpoint: IStreamServerEndpoint, failed: Callable[[str], None]) -> None:
        super().__init__(failed)
        self._endpoint = endpoint

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:  # noqa: N803
        # Told once is enough: a service that waits takes None for "there is no port".
        listening: Deferred[Any] = self._endpoint.listen(protocolFactory)
        listening.addErrback(self.observe)
        listening.addErrback(_forget)
        return listening


def _forget(failure: Failure) -> None: ...


def dialling(
    reactor: Any,
    endpoint: IStreamClientEndpoint,
    factory: IProtocolFactory,
    *,
    backoff: Backoff,
    failed: Callable[[str], None],
) -> ClientService:
    """A service that keeps one connection up; `failed` is told why an attempt came to nothing."""
    return ClientService(_ObservedClient(endpoint, failed), factory, retryPolicy=backoff, clock=reactor)


def waiting(
    endpoint: IStreamServerEndpoint, factory: IProtocolFactory, *, failed: Callable[[str], None]
) -> StreamServerEndpointService:
    """A service that takes calls; `failed` is told why it cannot."""
    return StreamServerEndpointService(_ObservedServer(endpoint, failed), factory)


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
    ("in-use", (error.CannotListenError,)),
    ("timeout", (error.TimeoutError, error.TCPTimedOutError)),
    ("lost", (error.ConnectionLost,)),
)
