"""Every connection method is an endpoint of Twisted's, or is refused by name."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock

from flowvisor.connections.endpoints import (
    CONNECT_SECONDS,
    SOCKET_MODE,
    UnsupportedMethod,
    client_endpoint,
    server_endpoint,
)
from flowvisor.network.connection_method import parse_connection_method


@pytest.mark.parametrize(
    ("text", "host"), [("tcp:192.0.2.1:6801", "192.0.2.1"), ("tcp:[2001:db8::1]:6801", "2001:db8::1")]
)
def test_addresses_are_dialled_as_they_are(text: str, host: str) -> None:
    reactor: Any = MemoryReactorClock()
    client_endpoint(reactor, parse_connection_method(text)).connect(Factory())
    assert [(client[0], client[1], client[3]) for client in reactor.tcpClients] == [
        (host, 6801, CONNECT_SECONDS)
    ]


def test_a_name_is_looked_up_when_it_is_dialled() -> None:
    reactor: Any = MemoryReactorClock()
    endpoint = client_endpoint(reactor, parse_connection_method("tcp:controller.example:6801"))
    assert reactor.tcpClients == []
    assert "controller.example" in repr(endpoint)


@pytest.mark.parametrize(
    ("text", "interface"),
    [
        ("ptcp:6653", ""),
        ("ptcp:6653:127.0.0.1", "127.0.0.1"),
        ("ptcp:6653:[::1]", "::1"),
        ("ptcp:6653:localhost", "localhost"),
    ],
)
def test_listening_is_on_the_address_that_was_asked_for(text: str, interface: str) -> None:
    reactor: Any = MemoryReactorClock()
    server_endpoint(reactor, parse_connection_method(text)).listen(Factory())
    assert [(server[0], server[3]) for server in reactor.tcpServers] == [(6653, interface)]


def test_files_are_endpoints_too(tmp_path: Path) -> None:
    reactor: Any = MemoryReactorClock()
    client_endpoint(reactor, parse_connection_method(f"unix:{tmp_path}/a")).connect(Factory())
    server_endpoint(reactor, parse_connection_method(f"punix:{tmp_path}/b")).listen(Factory())
    assert reactor.unixClients[0][0] == f"{tmp_path}/a"
    path, _, _, mode, _ = reactor.unixServers[0]
    assert (path, mode) == (f"{tmp_path}/b", SOCKET_MODE)


def listen_at(path: Path) -> None:
    reactor: Any = MemoryReactorClock()
    server_endpoint(reactor, parse_connection_method(f"punix:{path}")).listen(Factory())


def test_a_socket_that_a_dead_process_left_behind_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    listen_at(path)
    assert not path.exists()


def test_what_is_in_use_or_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "used"
    with socket.socket(socket.AF_UNIX) as used:
        used.bind(str(path))
        used.listen()
        listen_at(path)
        assert path.exists()
    (tmp_path / "file").write_text("mine")
    listen_at(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("text", ["ssl:192.0.2.1:6653", "ptcp:6653", "punix:/x"])
def test_what_cannot_be_dialled_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedMethod, match=text.partition(":")[0]):
        client_endpoint(MemoryReactorClock(), parse_connection_method(text))


@pytest.mark.parametrize("text", ["pssl:6653", "tcp:192.0.2.1:6653", "unix:/x"])
def test_what_cannot_be_listened_on_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedMethod, match=text.partition(":")[0]):
        server_endpoint(MemoryReactorClock(), parse_connection_method(text))
