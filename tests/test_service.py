"""The service: it listens, it keeps its state, it ends cleanly, and says why it cannot begin."""

from __future__ import annotations

from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.state_folder import FILE, StateFolder
from flowvisor.connections.systemd import Systemd
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.service import PROBE_SECONDS, TICK_SECONDS, Service, ServiceError, _listening
from tests.support.certificates import authority, issue
from tests.support.world import a_slice, configuration, ports


def files(listen: str = "ptcp:6653:127.0.0.1", admin: str = "ptcp:8080:127.0.0.1") -> Configuration:
    plain = configuration(a_slice("blue", ports(1)), a_slice("red", ports(2)))
    settings = evolve(
        plain.settings, listen=(parse_connection_method(listen),), admin=(parse_connection_method(admin),)
    )
    return evolve(plain, settings=settings)


class Running:
    """A service on a reactor in memory."""

    def __init__(self, folder: Path, of: Configuration | None = None, systemd: Systemd | None = None) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.service = Service(of or files(), state_directory=folder, reactor=self.reactor, systemd=systemd)

    def connect(self, place: int = 0) -> tuple[Any, StringTransport]:
        """Somebody connects to what listens there."""
        protocol = self.reactor.tcpServers[place][1].buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        return protocol, transport


def result(of: Deferred[None]) -> object:
    """What a deferred has come to, its failure raised."""
    results: list[object] = []
    of.addBoth(results.append)
    assert results, "it has not fired"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def test_it_listens_where_the_files_say(tmp_path: Path) -> None:
    running = Running(tmp_path)
    assert result(running.service.start()) is None
    assert [(port, interface) for port, _, _, interface in running.reactor.tcpServers] == [
        (6653, "127.0.0.1"),
        (8080, "127.0.0.1"),
    ]
    assert running.service.datapath_port > 0
    assert running.service.admin_port > 0


def test_sockets_in_files_are_listened_on_too(tmp_path: Path) -> None:
    running = Running(tmp_path, files(listen="punix:/run/a", admin="punix:/run/b"))
    assert result(running.service.start()) is None
    assert [server[0] for server in running.reactor.unixServers] == ["/run/a", "/run/b"]
    assert running.service.datapath_port == 0
    assert _listening(running.service._configuration, running.service) == (
        "listening for datapaths on punix:/run/a, for operators on punix:/run/b"
    )


def test_metrics_and_health_are_served(tmp_path: Path) -> None:
    running = Running(tmp_path)
    result(running.service.start())
    for path, expected in (("/metrics", b"flowvisor_build_info"), ("/health", b'"status": "ok"')):
        protocol, transport = running.connect(1)
        protocol.dataReceived(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        running.reactor.advance(0)
        assert expected in transport.value()


def test_allocations_are_kept_and_what_a_slice_has_does_not_move(tmp_path: Path) -> None:
    first = Running(tmp_path / "state")
    result(first.service.start())
    was = StateFolder(tmp_path / "state").read()
    assert set(was.blocks) == {"blue", "red"}
    result(first.service.stop())
    more = evolve(files(), slices=(a_slice("aaa", ports(3)), *files().slices))
    second = Running(tmp_path / "state", more)
    result(second.service.start())
    now = StateFolder(tmp_path / "state").read()
    assert {name: now.blocks[name] for name in ("blue", "red")} == was.blocks
    assert "aaa" in now.blocks


def test_a_port_in_use_is_said_and_nothing_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(tmp_path)
    listen = MemoryReactorClock.listenTCP

    def second_is_in_use(self: Any, port: int, *arguments: Any, **more: Any) -> Any:
        if port == 8080:
            raise CannotListenError("127.0.0.1", port, OSError(98, "Address already in use"))
        return listen(self, port, *arguments, **more)

    monkeypatch.setattr(MemoryReactorClock, "listenTCP", second_is_in_use)
    with pytest.raises(ServiceError, match=r"cannot listen on ptcp:8080:127\.0\.0\.1: .*already in use"):
        result(running.service.start())
    assert running.reactor.getDelayedCalls() == []


def test_a_method_that_is_not_served_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="pssl:6653"):
        result(Running(tmp_path, files(listen="pssl:6653")).service.start())


def test_a_state_that_cannot_be_read_is_said_and_kept(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not ours")
    with pytest.raises(ServiceError, match=r"the state in .* cannot be read"):
        Running(tmp_path)
    assert (tmp_path / FILE).read_text() == "not ours"


def test_a_state_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    running = Running(tmp_path / "state")
    (tmp_path / "state").rmdir()
    with pytest.raises(ServiceError, match=r"allocations\.json cannot be written"):
        result(running.service.start())
    assert running.reactor.getDelayedCalls() == []


def test_stop_hangs_up_and_leaves_nothing_running(tmp_path: Path) -> None:
    running = Running(tmp_path)
    result(running.service.start())
    protocol, transport = running.connect()
    stopping = running.service.stop()
    assert running.service.stop() is stopping
    assert transport.disconnecting
    protocol.connectionLost(Failure(ConnectionError()))
    assert result(stopping) is None
    assert running.reactor.getDelayedCalls() == []


def test_links_are_looked_for_if_the_admin_wants_it(tmp_path: Path) -> None:
    for discovery in (True, False):
        of = files()
        running = Running(tmp_path, evolve(of, settings=evolve(of.settings, discovery=discovery)))
        result(running.service.start())
        assert (running.service.hypervisor.fabric.discovery is not None) == discovery
        times = [call.getTime() - running.reactor.seconds() for call in running.reactor.getDelayedCalls()]
        assert (PROBE_SECONDS in times) == discovery
        result(running.service.stop())
        assert PROBE_SECONDS not in [call.getTime() for call in running.reactor.getDelayedCalls()]


def test_a_second_is_a_tick_and_its_lateness_is_counted(tmp_path: Path) -> None:
    running = Running(tmp_path)
    result(running.service.start())
    for _ in range(10):
        running.reactor.advance(1)
    protocol, page = running.connect(1)
    protocol.dataReceived(b"GET /metrics HTTP/1.0\r\n\r\n")
    running.reactor.advance(0)
    assert b"flowvisor_reactor_lag_seconds_count 10.0" in page.value()


def encrypted(folder: Path) -> Configuration:
    ca = authority("ca")
    of = files(listen="pssl:6653")
    return evolve(of, settings=evolve(of.settings, tls=issue("us", ca).write(folder, "us", ca=ca)))


def test_keys_that_have_become_bad_are_said(tmp_path: Path) -> None:
    of = encrypted(tmp_path)
    (tmp_path / "us-key.pem").unlink()
    with pytest.raises(ServiceError, match=r"private_key: .*us-key\.pem cannot be read: No such file"):
        Running(tmp_path / "state", of)


def test_certificates_are_looked_at_on_a_hang_up_signal(tmp_path: Path) -> None:
    running = Running(tmp_path / "state", encrypted(tmp_path))
    result(running.service.start())
    (credentials,) = running.service.connections.keyring.by_name.values()
    before = credentials.identity.certificate
    encrypted(tmp_path)
    assert credentials.identity.certificate == before
    running.service.hang_up_signal()
    assert credentials.identity.certificate != before
    result(running.service.stop())


def test_systemd_hears_that_it_is_alive_and_that_it_ends(tmp_path: Path) -> None:
    with socket(AF_UNIX, SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        systemd = Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"})
        running = Running(tmp_path, systemd=systemd)
        result(running.service.start())
        assert manager.recv(100) == b"WATCHDOG=1"
        running.reactor.advance(TICK_SECONDS)
        assert manager.recv(100) == b"WATCHDOG=1"
        result(running.service.stop())
        assert manager.recv(100) == b"STOPPING=1"
