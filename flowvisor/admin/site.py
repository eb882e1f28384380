"""The admin's HTTP server: it bounds what a client can make us hold, and leaves the answers to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, ITransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.http import Request as HttpRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from flowvisor.admin.page import Page, Stream
from flowvisor.admin.pieces import Pieces
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.problems import Refused

IDLE_SECONDS: Final = 60  # a connection that asks nothing for so long is closed
REQUEST_SECONDS: Final = (
    30.0  # that a request may take to come, however busy its sender is; then it is hung up on
)
MAX_CONNECTIONS: Final = 64  # at once; one more is closed
# Of a request's body; one that is larger is refused and not kept. It is some 10,000 rules of a flowspace.
MAX_BODY_BYTES: Final = 1 << 20
MAX_QUERY_PARAMETERS: Final = 16

Answering: TypeAlias = Callable[[Call], Page | Stream | Deferred[Page]]

_SAFE: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class _BoundedRequest(Request):
    """A request of which no more than so much is kept."""

    is_too_large = False

    def gotLength(self, length: int | None) -> None:
        self.is_too_large = length is not None and length > MAX_BODY_BYTES
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        assert self.content is not None
        if self.content.tell() + len(data) > MAX_BODY_BYTES:
            self.is_too_large = True
        if self.is_too_large:
            self.content = BytesIO()
        else:
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        connection = _connection_of(self)
        if connection is not None:
            connection.is_served()
        Request.requestReceived(self, command, path, version)

    def finish(self) -> None:
        connection = _connection_of(self)
        Request.finish(self)
        if connection is not None:
            connection.waits()


class _Answers(Resource):
    """Gives every request to the one who answers it."""

    isLeaf = True
    log = Logger()

    def __init__(self, reactor: Any, answer: Answering) -> None:
        Resource.__init__(self)
        self._reactor = reactor
        self._answer = answer

    def render(self, request: Request) -> bytes | int:
        """Answer one request; Twisted leaves the body out for HEAD."""
        try:
            answer = self._answer(_call_of(request))
        except Refused as refused:
            answer = refused.page()
        except Exception:
            answer = self._own_error()
        if isinstance(answer, Deferred):
            answer.addErrback(self._failed)
            answer.addCallback(lambda page: self._write(request, page))
            return NOT_DONE_YET
        if isinstance(answer, Stream) and request.method == b"HEAD":
            answer = Page("", content_type=answer.content_type)
        if isinstance(answer, Stream):
            _head(request, HTTPStatus.OK, answer.content_type, {})
            answer.begin(request)
            return NOT_DONE_YET
        self._write(request, answer)
        return NOT_DONE_YET

    def _own_error(self) -> Page:
        """Our own code failed; of what went wrong inside clients are told nothing."""
        self.log.failure("", event="own_error")
        return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "flowvisor failed; its log says how").page()

    def _failed(self, failure: Failure) -> Page:
        if isinstance(failure.value, Refused):
            return failure.value.page()
        self.log.failure("", failure, event="own_error")
        return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "flowvisor failed; its log says how").page()

    def _write(self, request: Request, page: Page) -> None:
        if _has_gone(request):
            return
        _head(request, page.status, page.content_type, page.headers)
        if isinstance(page.body, str):
            body = page.body.encode()
            request.setHeader("content-length", str(len(body)))
            if request.method != b"HEAD":
                request.write(body)
            request.finish()
        elif request.method == b"HEAD":
            request.finish()
        else:
            Pieces(self._reactor, request, page.body).begin()


def _has_gone(request: Request) -> bool:
    """Has the client hung up?"""
    return getattr(request, "channel", None) is None


def _head(request: Request, status: int, content_type: str, headers: Mapping[str, str]) -> None:
    request.setResponseCode(status)
    for name, value in {"content-type": content_type, **_SAFE, **headers}.items():
        request.setHeader(name, value)


def _call_of(request: Request) -> Call:
    """What was sent; raises Refused."""
    if isinstance(request, _BoundedRequest) and request.is_too_large:
        told = f"the body of a request has at most {MAX_BODY_BYTES} bytes"
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
    path, _, query = request.uri.decode("latin-1").partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_PARAMETERS, errors="strict")
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "the query is not well formed, or too long") from error
    if len(dict(pairs)) < len(pairs):
        raise Refused(HTTPStatus.BAD_REQUEST, "a parameter stands in the query twice")
    return Call(
        method=request.method.decode("latin-1"),
        path=path,
        query=dict(pairs),
        headers={
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in request.requestHeaders.getAllRawHeaders()
        },
        body=request.content.read() if request.content is not None else b"",
    )


class _Quiet(Site):
    """Says nothing in the log of requests, and nothing to clients of what went wrong inside."""

    displayTracebacks = False  # noqa: N815
    requestFactory = _BoundedRequest  # noqa: N815

    def __init__(self, reactor: Any, answer: Answering) -> None:
        Site.__init__(self, _Answers(reactor, answer), timeout=IDLE_SECONDS, reactor=reactor)

    def log(self, request: HttpRequest) -> None:
        """A scrape every few seconds is no event."""


class _Connection(ProtocolWrapper):
    """A client's connection, which is hung up on if a request takes too long to come."""

    _deadline: IDelayedCall | None = None

    def makeConnection(self, transport: ITransport) -> None:
        ProtocolWrapper.makeConnection(self, transport)
        self.waits()

    def waits(self) -> None:
        """A request may come now."""
        self.is_served()
        if self.connected:
            self._deadline = self.factory.reactor.callLater(REQUEST_SECONDS, self._hang_up)

    def is_served(self) -> None:
        """A request has come, and is being answered."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_served()
        ProtocolWrapper.connectionLost(self, reason)

    def _hang_up(self) -> None:
        self.loseConnection()  # type: ignore[no-untyped-call]


def _connection_of(request: Request) -> _Connection | None:
    transport = getattr(request.channel, "transport", None)
    return transport if isinstance(transport, _Connection) else None


class AdminSite(WrappingFactory[ProtocolWrapper]):
    """The HTTP server: it knows its connections, so that they have a bound and an end."""

    noisy = False
    protocol = _Connection

    def __init__(self, reactor: Any, answer: Answering) -> None:
        super().__init__(_Quiet(reactor, answer))  # type: ignore[no-untyped-call]
        self.reactor = reactor

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A new connection, unless there are too many."""
        return WrappingFactory.buildProtocol(self, addr) if len(self.protocols) < MAX_CONNECTIONS else None

    def close_connections(self) -> None:
        """Close what clients keep open for their next request."""
        for connection in list(self.protocols):
            connection.loseConnection()
