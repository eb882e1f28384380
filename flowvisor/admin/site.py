"""The admin's HTTP: a few pages, made in the reactor's thread when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen
from twisted.internet.interfaces import IAddress
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import NOT_ALLOWED, NOT_FOUND, OK, Request
from twisted.web.resource import Resource
from twisted.web.server import Site

IDLE_SECONDS: Final = 60  # a connection that asks nothing for so long is closed
MAX_CONNECTIONS: Final = 64  # at once; one more is closed


@frozen
class Page:
    """What is answered to one request."""

    body: str
    status: int = OK
    content_type: str = "text/plain; charset=utf-8"


class Pages(Resource):
    """Every page by its path; nothing else is there, and nothing can be changed here."""

    isLeaf = True

    def __init__(self, pages: Mapping[str, Callable[[], Page]]) -> None:
        Resource.__init__(self)
        self._pages = pages

    def render(self, request: Request) -> bytes:
        """Answer one request; Twisted leaves the body out for HEAD."""
        page = self._page(request)
        body = page.body.encode()
        request.setResponseCode(page.status)
        request.setHeader("content-type", page.content_type)
        request.setHeader("content-length", str(len(body)))
        request.setHeader("cache-control", "no-store")
        return body

    def _page(self, request: Request) -> Page:
        make = self._pages.get(request.path.decode("latin-1"))
        if make is None:
            known = "".join(f"  {path}\n" for path in sorted(self._pages))
            return Page(f"There is no such page. There are:\n{known}", NOT_FOUND)
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader("allow", "GET, HEAD")
            return Page("Only GET and HEAD.\n", NOT_ALLOWED)
        return make()


class _Quiet(Site):
    """Says nothing in the log of requests, and nothing to clients of what went wrong inside."""

    displayTracebacks = False  # noqa: N815

    def __init__(self, pages: Mapping[str, Callable[[], Page]]) -> None:
        Site.__init__(self, Pages(pages), timeout=IDLE_SECONDS)

    def log(self, request: Request) -> None:
        """A scrape every few seconds is no event."""


class AdminSite(WrappingFactory[ProtocolWrapper]):
    """The HTTP server: it knows its connections, so that they have a bound and an end."""

    noisy = False

    def __init__(self, pages: Mapping[str, Callable[[], Page]]) -> None:
        super().__init__(_Quiet(pages))  # type: ignore[no-untyped-call]

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A new connection, unless there are too many."""
        return WrappingFactory.buildProtocol(self, addr) if len(self.protocols) < MAX_CONNECTIONS else None

    def close_connections(self) -> None:
        """Close what clients keep open for their next request."""
        for connection in list(self.protocols):
            connection.loseConnection()
