"""TLS on both sides: who shows a good certificate joins, all others are told apart and turned away."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from OpenSSL import SSL
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from flowvisor.configuration.snapshot import Configuration
from flowvisor.configuration.tls_kinds import TlsKind
from flowvisor.connections.peer_protocol import CLOSING_SECONDS
from flowvisor.connections.tls import Credentials, is_shaking_hands, peer_certificate, tls_reason
from flowvisor.network.certificate_pin import CertificatePin, PeerCertificate
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.openflow.channel import HANDSHAKE_SECONDS
from flowvisor.slices.slice import SwitchSettings
from tests.support.certificates import Owned, authority, issue
from tests.support.shell import TO_CONTROLLER, FarEnd, Shell
from tests.support.world import a_slice, configuration, ports

PSSL = parse_connection_method("pssl:6653")
CALLED, WAITING = "ssl:127.0.0.1:6801", "pssl:16801"


@frozen
class Authorities:
    """Who signs for whom."""

    ours: Owned
    foreign: Owned


@pytest.fixture(scope="module")
def signed() -> Authorities:
    return Authorities(authority("ours"), authority("foreign"))


def files(folder: Path, signed: Authorities, *controllers: str, **of_slice: Any) -> Configuration:
    """One slice with these controllers, on a datapath that comes with TLS."""
    tls = issue("flowvisor", signed.ours).write(folder, "main", ca=signed.ours)
    methods = tuple(map(parse_connection_method, controllers))
    plain = configuration(evolve(a_slice("blue", ports(1)), controllers=methods, **of_slice))
    return evolve(plain, settings=evolve(plain.settings, tls=tls, listen=(PSSL,)))


def listening(of: Configuration) -> tuple[Shell, Any]:
    shell = Shell(of)
    shell.connections.listen(PSSL)
    return shell, shell.reactor.tcpServers[0][1]


def peers(signed: Authorities) -> dict[str, SSL.Context]:
    """Those who are to be refused, by the reason."""
    ours = signed.ours
    old = issue("old", ours).context(ours)
    old.set_options(SSL.OP_NO_TLSv1_2 | SSL.OP_NO_TLSv1_3)
    old.set_cipher_list(b"ALL:@SECLEVEL=0")
    return {
        "tls-expired": issue("leaf", ours, days=(-9, -1)).context(ours),
        "tls-not-yet-valid": issue("leaf", ours, days=(1, 9)).context(ours),
        "tls-unknown-ca": issue("leaf", signed.foreign).context(ours),
        "tls-no-certificate": SSL.Context(SSL.TLS_METHOD),
        "tls-refused-by-peer": issue("leaf", ours).context(signed.foreign),
        "tls-version": old,
    }


REASONS = (
    "tls-expired",
    "tls-not-yet-valid",
    "tls-unknown-ca",
    "tls-no-certificate",
    "tls-refused-by-peer",
    "tls-version",
)
NOT_TLS = {
    "no-tls": b"\x04\x00\x00\x08\x00\x00\x00\x01" * 2,
    "http": b"GET / HTTP/1.1\r\n\r\n",
}


def test_a_datapath_with_a_good_certificate_joins_and_leaves_cleanly(
    tmp_path: Path, signed: Authorities
) -> None:
    shell, factory = listening(files(tmp_path, signed, "tcp:127.0.0.1:6801"))
    leaf = issue("leaf", signed.ours)
    datapath = shell.datapath(context=leaf.context(signed.ours), factory=factory)
    assert shell.hypervisor.datapaths[1].is_ready
    assert datapath.near.certificate == leaf.peer
    assert datapath.near.name() == {"dpid": 1}
    datapath.near.hang_up("test")
    shell.settle()
    assert datapath.tunnel is not None
    assert datapath.tunnel.was_closed_cleanly
    assert not datapath.is_connected


@pytest.mark.parametrize("reason", REASONS)
def test_a_datapath_with_another_is_told_apart_and_refused(
    tmp_path: Path, signed: Authorities, reason: str
) -> None:
    shell, factory = listening(files(tmp_path, signed, "tcp:127.0.0.1:6801"))
    datapath = shell.datapath(context=peers(signed)[reason], factory=factory)
    assert not datapath.is_connected
    assert shell.hypervisor.datapaths == {}
    assert shell.connections.counters.handshake_failures == {("datapath", reason): 1}
    assert shell.connections.half_open() == 0


@pytest.mark.parametrize("sent", NOT_TLS.values(), ids=NOT_TLS)
def test_who_speaks_no_tls_is_refused(tmp_path: Path, signed: Authorities, sent: bytes) -> None:
    shell, factory = listening(files(tmp_path, signed, "tcp:127.0.0.1:6801"))
    far_end = FarEnd(shell, factory.buildProtocol(None))
    far_end.write(sent)
    assert far_end.transport.disconnecting
    far_end.hang_up()
    assert shell.connections.counters.handshake_failures == {("datapath", "no-tls"): 1}


def test_a_handshake_that_never_ends_is_ended_in_time_and_counts_as_half_open(
    tmp_path: Path, signed: Authorities
) -> None:
    shell, factory = listening(files(tmp_path, signed, "tcp:127.0.0.1:6801"))
    far_end = FarEnd(shell, factory.buildProtocol(None))
    shell.far_ends.append(far_end)
    far_end.write(b"\x16\x03\x01\x01")  # the beginning of a ClientHello
    shell.pass_time(HANDSHAKE_SECONDS - 1)
    assert shell.connections.half_open() == 1
    assert not far_end.transport.disconnecting
    shell.pass_time(1)
    assert far_end.transport.disconnecting  # at once: nothing could be told to it
    far_end.hang_up()
    assert shell.connections.half_open() == 0
    assert shell.connections.counters.handshake_failures == {("datapath", "no-handshake"): 1}


@pytest.mark.parametrize("pin", ["sha256", "cn"])
def test_no_datapath_passes_for_another(tmp_path: Path, signed: Authorities, pin: str) -> None:
    one, other = issue("leaf-1", signed.ours), issue("leaf-2", signed.ours)
    value = one.peer.sha256 if pin == "sha256" else "leaf-1"
    of = files(tmp_path, signed, "tcp:127.0.0.1:6801")
    settings = evolve(of.settings, certificates={1: (CertificatePin(pin, value),)})
    shell, factory = listening(evolve(of, settings=settings))
    assert not shell.datapath(1, context=other.context(signed.ours), factory=factory).is_connected
    assert shell.datapath(2, context=other.context(signed.ours), factory=factory).is_connected
    assert not shell.datapath(1).is_connected  # it comes without TLS
    assert shell.datapath(1, context=one.context(signed.ours), factory=factory).is_connected
    assert set(shell.hypervisor.datapaths) == {1, 2}
    assert shell.connections.counters.handshake_failures == {
        ("datapath", "wrong-certificate"): 1,
        ("datapath", "no-certificate"): 1,
    }


@pytest.mark.parametrize("days", [(-1, 30), (-9, -1)])
def test_a_certificate_that_nobody_signed_is_believed_if_it_is_the_very_one(
    tmp_path: Path, signed: Authorities, days: tuple[int, int]
) -> None:
    own, other = issue("leaf", days=days), issue("leaf")
    of = files(tmp_path, signed, "tcp:127.0.0.1:6801")
    pin = CertificatePin("sha256", own.peer.sha256)
    shell, factory = listening(evolve(of, settings=evolve(of.settings, certificates={1: (pin,)})))
    assert not shell.datapath(context=other.context(signed.ours), factory=factory).is_connected
    joins = shell.datapath(context=own.context(signed.ours), factory=factory)
    assert joins.is_connected is (days[1] > 0)


def test_a_controller_is_called_with_the_certificate_of_its_slice(
    tmp_path: Path, signed: Authorities
) -> None:
    tenants = authority("tenants")
    for_blue = issue("blue", tenants)
    tls = for_blue.write(tmp_path, "blue", ca=tenants)
    shell = Shell(files(tmp_path, signed, CALLED, tls=tls))
    shell.datapath()
    controller = shell.controller(context=issue("their", tenants).context(tenants))
    assert controller.near.is_established
    assert controller.tunnel is not None
    shown = controller.tunnel.connection.get_peer_certificate(as_cryptography=True)
    assert shown == for_blue.certificate
    controller.say(TO_CONTROLLER)
    shell.settle()
    shell.far_ends[0].packet(1, bytes(64))  # type: ignore[attr-defined]
    shell.settle()
    assert [frame[1] for frame in controller.frames] == [10]


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason != "tls-no-certificate"])
def test_a_controller_with_another_is_not_talked_to_and_the_reason_told(
    tmp_path: Path, signed: Authorities, reason: str
) -> None:
    shell = Shell(files(tmp_path, signed, CALLED))
    shell.datapath()
    controller = shell.controller(context=peers(signed)[reason])
    assert not controller.near.is_established
    counters = shell.connections.counters
    assert counters.controller_connect_failures == {("blue", CALLED, reason): 1}
    assert counters.handshake_failures == {("controller", reason): 1}
    shell.pass_time(2)
    assert shell.calls == 2
    assert shell.controller(context=issue("good", signed.ours).context(signed.ours)).near.is_established


@pytest.mark.parametrize("reason", REASONS)
def test_a_controller_that_calls_with_another_is_refused(
    tmp_path: Path, signed: Authorities, reason: str
) -> None:
    shell = Shell(files(tmp_path, signed, WAITING))
    shell.datapath()
    assert not shell.caller(context=peers(signed)[reason]).near.is_established
    failures = shell.connections.counters.controller_connect_failures
    assert failures == {("blue", WAITING, reason): 1}
    assert shell.caller(context=issue("good", signed.ours).context(signed.ours)).near.is_established


@pytest.mark.parametrize("method", [CALLED, WAITING])
def test_only_the_pinned_controller_is_the_slices(tmp_path: Path, signed: Authorities, method: str) -> None:
    pins = (CertificatePin("cn", "onos"),)
    shell = Shell(files(tmp_path, signed, method, controller_certificates=pins))
    shell.datapath()
    meet = shell.controller if method == CALLED else shell.caller
    other = meet(context=issue("other", signed.ours).context(signed.ours))
    assert not other.is_connected
    assert other.frames == []
    failures = shell.connections.counters.controller_connect_failures
    assert failures == {("blue", method, "wrong-certificate"): 1}
    shell.pass_time(2)
    assert meet(context=issue("onos", signed.ours).context(signed.ours)).near.is_established


def test_a_switch_may_have_a_certificate_of_its_own(tmp_path: Path, signed: Authorities) -> None:
    special = issue("special", signed.ours)
    switches = {2: SwitchSettings(tls=special.write(tmp_path, "special"))}
    shell = Shell(files(tmp_path, signed, CALLED, switches=switches))
    shown = []
    for dpid in (1, 2):
        shell.datapath(dpid)
        controller = shell.controller(context=issue("good", signed.ours).context(signed.ours))
        assert controller.tunnel is not None
        shown.append(controller.tunnel.connection.get_peer_certificate(as_cryptography=True))
    assert shown[0] != special.certificate
    assert shown[1] == special.certificate


def test_a_peer_that_does_not_answer_our_goodbye_is_left_alone(tmp_path: Path, signed: Authorities) -> None:
    shell, factory = listening(files(tmp_path, signed, "tcp:127.0.0.1:6801"))
    datapath = shell.datapath(context=issue("leaf", signed.ours).context(signed.ours), factory=factory)
    datapath.channel = None  # it reads no more
    datapath.near.hang_up("test")
    assert not datapath.transport.disconnecting
    shell.pass_time(CLOSING_SECONDS)
    assert datapath.transport.disconnected


def test_of_a_certificate_that_cannot_be_read_only_its_bytes_count(
    tmp_path: Path, signed: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(certificate: object) -> None:
        raise ValueError("a country of three letters")

    monkeypatch.setattr("flowvisor.connections.tls.described", refuse)
    shell, factory = listening(files(tmp_path, signed, "tcp:127.0.0.1:6801"))
    leaf = issue("leaf", signed.ours)
    datapath = shell.datapath(context=leaf.context(signed.ours), factory=factory)
    assert datapath.near.certificate == PeerCertificate(leaf.peer.sha256, frozenset(), expires_at=0.0)
    assert shell.connections.counters.own_errors == 0


def test_a_callers_address_is_told_and_many_failures_are_one_warning(
    tmp_path: Path, signed: Authorities
) -> None:
    events: list[LogEvent] = []
    shell = Shell(files(tmp_path, signed, WAITING))
    shell.datapath()
    globalLogPublisher.addObserver(events.append)
    try:
        for _ in range(3):
            shell.caller(context=peers(signed)["tls-expired"], address="192.0.2.66")
    finally:
        globalLogPublisher.removeObserver(events.append)
    failed = [event for event in events if event.get("event") == "handshake_failed"]
    assert [(one["address"], one["reason"]) for one in failed] == [("192.0.2.66:4711", "tls-expired")] * 3
    warnings = [event["event"] for event in events if event["log_level"] is LogLevel.warn]
    assert warnings == ["controller_refused"]


def test_without_tls_there_is_no_certificate_and_no_handshake() -> None:
    transport = Shell().connect().near.transport
    assert peer_certificate(transport) is None
    assert not is_shaking_hands(transport)
    assert tls_reason(transport, Any) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_not_resumed_because_it_would_not_be_verified_again(
    tmp_path: Path, signed: Authorities, version: ssl.TLSVersion
) -> None:
    credentials = Credentials(
        TlsKind(issue("us", signed.ours).write(tmp_path, "us", ca=signed.ours), frozenset())
    )
    issue("peer", signed.ours).write(tmp_path, "peer")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(tmp_path / "peer-cert.pem", tmp_path / "peer-key.pem")
    session = None
    for _ in range(2):
        session, was_resumed = met(credentials, context, session)
        assert session is not None
        assert not was_resumed


def met(credentials: Credentials, context: ssl.SSLContext, session: Any) -> tuple[Any, bool]:
    """Shake hands as a client that has a session, and say something; the session then, and whether it was old."""
    near = credentials.connection()
    near.set_accept_state()
    to_far, from_far = ssl.MemoryBIO(), ssl.MemoryBIO()
    far = context.wrap_bio(to_far, from_far, session=session)
    for step in (far.do_handshake, far.do_handshake, far.do_handshake, lambda: far.read(4)):
        with contextlib.suppress(ssl.SSLWantReadError):
            step()
        if said := from_far.read():
            near.bio_write(said)
        with contextlib.suppress(SSL.WantReadError):
            near.do_handshake()
            near.send(b"word")
        with contextlib.suppress(SSL.WantReadError):
            to_far.write(near.bio_read(65536))
    assert near.is_established
    far.read(4)
    return far.session, bool(far.session_reused)


def test_new_connections_are_made_with_what_the_files_hold_now(tmp_path: Path, signed: Authorities) -> None:
    first, second = issue("first", signed.ours), issue("second", signed.ours)
    credentials = Credentials(TlsKind(first.write(tmp_path, "x", ca=signed.ours), frozenset()))
    second.write(tmp_path, "x", ca=signed.ours)
    assert credentials.identity.certificate == first.certificate
    credentials.read_again()
    assert credentials.identity.certificate == second.certificate
