"""The admin's address without a socket: requests go into the real site, answers come out of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.operators import Operators
from flowvisor.admin.rest.dispatch import Dispatch
from flowvisor.admin.rest.table import ROUTES
from flowvisor.admin.site import AdminSite
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.folder_source import load
from flowvisor.connections.watching import Files
from tests.support.shell import Shell, Wire
from tests.support.world import a_slice, configuration, ports

SECONDS_FOR_AN_ANSWER = 100


@attrs.frozen
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """A client's connection."""

    def __init__(self, site: AdminSite, reactor: Any) -> None:
        self.reactor = reactor
        self.transport: Any = Wire()
        self.protocol = site.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def write(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def take(self) -> bytes:
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def hang_up(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


class Desk:
    """A shell with an admin's address."""

    def __init__(
        self,
        of: Configuration | None = None,
        *,
        main_file: Path | None = None,
        tokens: Path | None = None,
        is_private: bool = True,
    ) -> None:
        """With a `main_file` what runs is read from files, and may be changed."""
        if main_file is not None:
            of = load(main_file)[0]
        of = of or configuration(a_slice("blue", ports(1, 3)), a_slice("red", ports(2)))
        settings = attrs.evolve(of.settings, tokens=None if tokens is None else str(tokens))
        self.shell = Shell(attrs.evolve(of, settings=settings))
        self.lag = LagHistogram(1.0)
        files = (
            None
            if main_file is None
            else Files(main_file, lambda: (of.settings.slices, of.settings.policies))
        )
        if files is not None:
            self.shell.files = files.read
        self.operators = Operators(
            self.shell.reactor,
            hypervisor=self.shell.hypervisor,
            connections=self.shell.connections,
            reloading=self.shell.reloading,
            lag=self.lag,
            peek=None if files is None else files.peek,
            in_thread=maybeDeferred,
        )
        self.instance = self.operators.instance
        dispatch = Dispatch(ROUTES, self.instance, is_private=is_private)
        self.site = AdminSite(self.shell.reactor, dispatch.answer)
        self.tokens: dict[str | None, str] = {}  # by slice; None is the admin's
        if self.instance.tokens is not None:
            for owner in (None, "blue", "red"):
                self.tokens[owner] = self.instance.tokens.create(owner or "admin", owner)

    def line(self) -> Line:
        return Line(self.site, self.shell.reactor)

    def raw(self, data: bytes) -> Answer:
        """One request on a connection of its own; its answer, when all of it has come."""
        line = self.line()
        line.write(data)
        for _ in range(SECONDS_FOR_AN_ANSWER):
            if line.transport.disconnecting or line.transport.disconnected:
                break
            self.shell.reactor.advance(0.01)
            self.shell.settle()
        answer = parsed(line.take())
        line.hang_up()
        return answer

    def ask(
        self,
        method: str,
        path: str,
        *,
        by: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        token: str | None = None,
    ) -> Answer:
        """A request by a slice's tenant, or by the admin."""
        token = token if token is not None else self.tokens.get(by)
        sent = {"Host": "x", "Connection": "close", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body:
            sent["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        return self.raw(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)

    def get(self, path: str, *, by: str | None = None, **headers: str) -> Answer:
        return self.ask("GET", path, by=by, headers=headers)


def parsed(data: bytes) -> Answer:
    """An answer as it came over the wire."""
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = unchunked(body)
    return Answer(int(status.split()[1]), headers, body)


def unchunked(data: bytes) -> bytes:
    whole = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        whole, data = whole + data[:length], data[length + 2 :]
        if not length:
            break
    return whole
