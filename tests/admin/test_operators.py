"""The listeners of `admin:`: each serves what may be said there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from OpenSSL import SSL

from flowvisor.admin.token_file import TokenFile
from flowvisor.network.connection_method import parse_connection_method
from tests.support.admin import Desk, Line, parsed
from tests.support.certificates import authority, issue
from tests.support.tunnel import Tunnel
from tests.support.world import a_slice, configuration, ports


def listening(desk: Desk, *methods: str) -> list[Any]:
    """The factories of listeners at these places."""
    before = len(desk.shell.reactor.tcpServers)
    for method in methods:
        desk.operators.listen(parse_connection_method(method))
    return [server[1] for server in desk.shell.reactor.tcpServers[before:]]


def status(desk: Desk, factory: Any, path: str) -> int:
    line = Line(factory, desk.shell.reactor)
    token = desk.tokens[None]
    line.write(f"GET {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    desk.shell.reactor.advance(0)
    return parsed(line.take()).status


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tokens=tmp_path / "tokens.yaml")


def test_what_others_could_read_is_not_said(desk: Desk) -> None:
    loopback, everywhere = listening(desk, "ptcp:8080:127.0.0.1", "ptcp:9090")
    assert [status(desk, loopback, path) for path in ("/slices", "/health")] == [200, 200]
    assert [status(desk, everywhere, path) for path in ("/slices", "/health", "/metrics")] == [403, 200, 200]


def test_with_tls_everything_is_said_to_whoever_has_a_token_and_no_certificate(tmp_path: Path) -> None:
    ca = authority("ca")
    files = issue("us", ca).write(tmp_path, "us", ca=ca)
    plain = configuration(a_slice("blue", ports(1)))
    admin = (parse_connection_method("pssl:8443"),)
    desk = Desk(
        evolve(plain, settings=evolve(plain.settings, admin=admin, tls=files)),
        tokens=tmp_path / "tokens.yaml",
    )
    (factory,) = listening(desk, "pssl:8443")
    line = Line(factory, desk.shell.reactor)
    tunnel = Tunnel(SSL.Context(SSL.TLS_CLIENT_METHOD), dials=True)
    token = desk.tokens[None]
    line.write(tunnel.send(f"GET /slices HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n".encode()))
    told = b""
    for _ in range(6):
        desk.shell.reactor.advance(0.1)
        told += tunnel.receive(line.take())
        if answer := tunnel.send(b""):
            line.write(answer)
    assert parsed(told).status == 200


def test_tokens_of_slices_that_are_gone_at_the_start_are_taken_back(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens.yaml")
    green, violet = file.create("green", "green"), file.create("violet", "violet")
    desk = Desk(configuration(a_slice("green", ports(1))), tokens=file.path)
    assert [desk.ask("GET", "/whoami", token=token).status for token in (green, violet)] == [200, 401]
    assert "violet" not in file.read()


def test_stopping_closes_everything(desk: Desk) -> None:
    (factory,) = listening(desk, "ptcp:8080:127.0.0.1")
    line = Line(factory, desk.shell.reactor)
    done: list[object] = []
    desk.operators.stop().addBoth(done.append)
    assert line.transport.disconnecting
    assert done
