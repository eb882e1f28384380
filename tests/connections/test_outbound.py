"""What waits for a peer: in order, within bounds, and at once where the socket takes it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from flowvisor.configuration.tls_kinds import TlsKind
from flowvisor.connections.outbound import (
    HANG_UP_ABOVE_BYTES,
    RELIEVED_BELOW_BYTES,
    SHED_ABOVE_BYTES,
    TLS_HOLDS_BYTES,
    Outbound,
)
from flowvisor.connections.tls import Credentials
from flowvisor.openflow.frame import ECHO_REPLY, PACKET_IN
from tests.support.certificates import authority, issue
from tests.support.tunnel import Tunnel


def frame(message_type: int, size: int = 64, mark: int = 0) -> bytes:
    return bytes((4, message_type)) + size.to_bytes(4, "big")[2:] + bytes([mark]) * (size - 4)


class Socket:
    """A socket that takes `room` bytes, then would block; or that is broken."""

    def __init__(self, room: int = 1 << 40) -> None:
        self.room = room
        self.error: OSError | None = None
        self.taken = b""
        self.calls = 0
        self.open = True

    def send(self, given: bytes) -> int:
        self.calls += 1
        if self.error is not None:
            raise self.error
        sent = min(self.room, len(given))
        if not sent and given:
            raise BlockingIOError(errno.EWOULDBLOCK, "full")
        self.taken += given[:sent]
        self.room -= sent
        return sent

    def setblocking(self, blocking: bool) -> None: ...
    def fileno(self) -> int:
        return 7

    def shutdown(self, how: int) -> None: ...
    def close(self) -> None:
        self.open = False

    def setsockopt(self, *option: object) -> None: ...


class Reactor:
    """Runs what waits to be written, as one turn of the reactor would."""

    def __init__(self) -> None:
        self.writers: set[Any] = set()
        self.later: list[Callable[[], None]] = []

    def addReader(self, reader: object) -> None: ...  # noqa: N802
    def removeReader(self, reader: object) -> None: ...  # noqa: N802
    def addWriter(self, writer: object) -> None:  # noqa: N802
        self.writers.add(writer)

    def removeWriter(self, writer: object) -> None:  # noqa: N802
        self.writers.discard(writer)

    def callLater(self, delay: float, call: Callable[..., None], *arguments: object) -> None:
        self.later.append(lambda: call(*arguments))

    def turn(self) -> None:
        for writer in list(self.writers):
            why = writer.doWrite()
            if why is not None:
                writer.connectionLost(Failure(why))


class Owner(Protocol):
    """Remembers what its queue told it."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def packet_ins_shed(self, count: int) -> None:
        self.told.append(("shed", count))

    def congested(self) -> None:
        self.told.append("congested")

    def relieved(self) -> None:
        self.told.append("relieved")

    def overflowed(self) -> None:
        self.told.append("overflowed")

    def connectionLost(self, reason: object = None) -> None:
        self.told.append("lost")


class Wire:
    """A real TCP transport of Twisted on a socket and a reactor that the test commands."""

    def __init__(self, room: int = 1 << 40) -> None:
        self.socket, self.reactor, self.owner = Socket(room), Reactor(), Owner()
        self.transport = Connection(self.socket, self.owner, self.reactor)  # type: ignore[arg-type]
        self.transport.connected = 1
        self.outbound = Outbound(self.transport, self.owner)

    def turns(self, most: int = 1000) -> None:
        while self.reactor.writers and most and self.socket.room:
            self.reactor.turn()
            most -= 1


def test_a_frame_is_on_the_wire_before_send_returns() -> None:
    wire = Wire()
    wire.outbound.send([frame(ECHO_REPLY)])
    assert wire.socket.taken == frame(ECHO_REPLY)
    assert not wire.reactor.writers
    assert wire.outbound.queued_bytes == 0


def test_many_frames_are_one_write() -> None:
    wire = Wire()
    wire.outbound.send([frame(ECHO_REPLY, mark=n) for n in range(100)])
    assert wire.socket.calls == 1
    assert wire.socket.taken == b"".join(frame(ECHO_REPLY, mark=n) for n in range(100))


def test_what_the_socket_does_not_take_follows_when_it_can() -> None:
    wire = Wire(room=10)
    wire.outbound.send([frame(ECHO_REPLY, mark=1)])
    assert wire.socket.taken == frame(ECHO_REPLY, mark=1)[:10]
    assert wire.outbound.queued_bytes == 54
    wire.socket.room = 1000
    wire.turns()
    assert wire.socket.taken == frame(ECHO_REPLY, mark=1)
    assert wire.outbound.queued_bytes == 0


def test_nothing_overtakes_what_waits() -> None:
    wire = Wire(room=10)
    wire.outbound.send([frame(ECHO_REPLY, mark=1)])
    wire.socket.room = 1000  # the socket could take it, but the transport still has the rest of the first
    wire.outbound.send([frame(ECHO_REPLY, mark=2)])
    assert wire.socket.taken == frame(ECHO_REPLY, mark=1)[:10]
    wire.turns()
    assert wire.socket.taken == frame(ECHO_REPLY, mark=1) + frame(ECHO_REPLY, mark=2)


def test_a_full_socket_takes_nothing_and_nothing_is_lost() -> None:
    wire = Wire(room=0)
    wire.outbound.send([frame(ECHO_REPLY)])
    assert (wire.socket.taken, wire.outbound.queued_bytes) == (b"", 64)
    wire.socket.room = 64
    wire.turns()
    assert wire.socket.taken == frame(ECHO_REPLY)


@pytest.mark.parametrize("error", [errno.EPIPE, errno.ECONNRESET, errno.EBADF])
def test_a_broken_socket_is_found_and_closed_by_the_transport(error: int) -> None:
    wire = Wire()
    wire.socket.error = OSError(error, "broken")
    wire.outbound.send([frame(ECHO_REPLY)])
    assert wire.owner.told == []
    wire.turns()
    assert wire.owner.told == ["lost"]
    assert not wire.socket.open
    assert wire.outbound.queued_bytes == 0
    wire.outbound.send([frame(ECHO_REPLY)])  # goes nowhere, and hurts nobody
    assert wire.socket.taken == b""


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.lists(st.integers(8, 200_000), min_size=1, max_size=4)),
            st.tuples(st.just("room"), st.integers(0, 400_000)),
            st.tuples(st.just("turn"), st.just(None)),
        ),
        max_size=30,
    )
)
def test_whatever_the_socket_takes_and_when_the_peer_gets_all_in_order(steps: list[tuple[str, Any]]) -> None:
    wire, sent, mark = Wire(room=0), b"", 0
    for verb, argument in steps:
        if verb == "send":
            frames = []
            for size in argument:
                mark = (mark + 1) % 256
                frames.append(frame(ECHO_REPLY, size, mark))
            wire.outbound.send(frames)
            sent += b"".join(frames)
        elif verb == "room":
            wire.socket.room += argument
        else:
            wire.reactor.turn()
        assert sent.startswith(wire.socket.taken)
        assert wire.outbound.queued_bytes >= len(sent) - len(wire.socket.taken)
    wire.socket.room = 1 << 40
    wire.turns()
    assert wire.socket.taken == sent
    assert wire.outbound.queued_bytes == 0


def filled(above: int) -> Wire:
    """A wire with more than `above` bytes waiting, none of them packet-ins."""
    wire = Wire(room=0)
    while wire.outbound.queued_bytes <= above:
        wire.outbound.send([frame(ECHO_REPLY, 60_000)])
    return wire


def test_a_slow_peer_loses_packet_ins_and_no_reply() -> None:
    wire = filled(SHED_ABOVE_BYTES)
    assert wire.owner.told == ["congested"]
    before = wire.outbound.queued_bytes
    wire.outbound.send([frame(PACKET_IN), frame(ECHO_REPLY, mark=9), frame(PACKET_IN)])
    assert wire.owner.told == ["congested", ("shed", 2)]
    assert wire.outbound.queued_bytes == before + 64
    wire.outbound.send([frame(PACKET_IN)])
    assert wire.owner.told == ["congested", ("shed", 2), ("shed", 1)]
    assert wire.outbound.queued_bytes == before + 64
    wire.socket.room = 1 << 40
    wire.turns()
    assert wire.socket.taken.endswith(frame(ECHO_REPLY, mark=9))


def test_below_the_bound_packet_ins_wait_like_everything_else() -> None:
    wire = Wire(room=0)
    wire.outbound.send([frame(PACKET_IN, 60_000)])
    wire.outbound.send([frame(PACKET_IN, 60_000)])
    assert wire.owner.told == []
    assert wire.outbound.queued_bytes == 120_000


def test_one_great_batch_passes_the_bound_at_once() -> None:
    wire = Wire(room=0)
    wire.outbound.send([frame(ECHO_REPLY, 60_000)] * 20)
    assert wire.owner.told == ["congested"]


def test_a_peer_is_relieved_when_the_queue_has_gone_down_and_not_just_below_the_bound() -> None:
    wire = filled(SHED_ABOVE_BYTES)
    while wire.owner.told == ["congested"]:
        wire.socket.room = 60_000
        wire.turns()
    assert wire.owner.told == ["congested", "relieved"]
    assert wire.outbound.queued_bytes < RELIEVED_BELOW_BYTES
    wire.outbound.send([frame(PACKET_IN)])
    assert wire.owner.told == ["congested", "relieved"]


def test_a_peer_that_takes_nothing_overflows_once_and_holds_no_memory_then() -> None:
    wire = filled(HANG_UP_ABOVE_BYTES - 60_000)
    assert "overflowed" not in wire.owner.told
    wire.outbound.send([frame(ECHO_REPLY, 60_000)] * 3)
    wire.outbound.send([frame(ECHO_REPLY, 60_000)] * 3)
    assert wire.owner.told == ["congested", "overflowed"]
    assert wire.outbound.queued_bytes == 0


def test_finish_closes_after_what_waits_and_takes_nothing_more() -> None:
    wire = Wire(room=10)
    wire.outbound.send([frame(ECHO_REPLY)])
    wire.outbound.send([frame(ECHO_REPLY, mark=2)])
    wire.outbound.finish()
    wire.outbound.finish()
    wire.outbound.send([frame(ECHO_REPLY, mark=3)])
    wire.turns()
    assert wire.owner.told == []
    wire.socket.room = 1000
    wire.turns()
    assert wire.socket.taken == frame(ECHO_REPLY) + frame(ECHO_REPLY, mark=2)
    assert wire.owner.told == ["lost"]


def test_finish_with_nothing_waiting_closes_in_the_next_turn() -> None:
    wire = Wire()
    wire.outbound.finish()
    wire.turns()
    assert wire.owner.told == ["lost"]
    assert wire.socket.taken == b""


def test_a_connection_that_somebody_else_closes_still_delivers_what_waits() -> None:
    wire = Wire(room=10)
    wire.outbound.send([frame(ECHO_REPLY)])
    wire.outbound.send([frame(ECHO_REPLY, mark=2)])
    wire.outbound.finish()
    wire.transport.loseConnection()
    wire.socket.room = 1000
    wire.turns()
    assert wire.socket.taken == frame(ECHO_REPLY) + frame(ECHO_REPLY, mark=2)
    assert wire.owner.told == ["lost"]


def test_what_is_no_plain_socket_is_written_through_its_transport() -> None:
    transport, owner = StringTransport(), Owner()
    outbound = Outbound(transport, owner)
    assert transport.streaming is True
    outbound.send([frame(ECHO_REPLY, mark=1), frame(ECHO_REPLY, mark=2)])
    assert transport.value() == frame(ECHO_REPLY, mark=1) + frame(ECHO_REPLY, mark=2)
    outbound.pauseProducing()
    outbound.send([frame(ECHO_REPLY, mark=3)])
    assert outbound.queued_bytes == 64
    assert len(transport.value()) == 128
    outbound.resumeProducing()
    assert outbound.queued_bytes == 0
    outbound.pauseProducing()
    outbound.send([frame(ECHO_REPLY, mark=4)])
    outbound.finish()
    assert not transport.disconnecting
    outbound.resumeProducing()
    assert transport.value().endswith(frame(ECHO_REPLY, mark=3) + frame(ECHO_REPLY, mark=4))
    assert transport.disconnecting
    assert transport.producer is None


class TlsWire:
    """The same with TLS between: what we write is encrypted by Twisted, and read by a peer that may not read."""

    def __init__(self, folder: Path) -> None:
        ca = authority("ca")
        credentials = Credentials(TlsKind(issue("us", ca).write(folder, "us", ca=ca), frozenset()))
        self.peer = Tunnel(issue("peer", ca).context(ca), dials=True)
        self.clock: Any = MemoryReactorClock()
        self.owner = Owner()
        factory = Factory()
        factory.buildProtocol = lambda addr: self.owner  # type: ignore[method-assign]
        self.tls: Any = TLSMemoryBIOFactory(credentials, False, factory, self.clock).buildProtocol(None)
        self.socket, self.reactor = Socket(), Reactor()
        self.transport = Connection(self.socket, self.tls, self.reactor)  # type: ignore[arg-type]
        self.transport.connected = 1
        self.handed_over = 0
        self.tls.makeConnection(self.transport)
        self.outbound = Outbound(self.tls, self.owner)
        write = self.tls.write

        def count(data: bytes) -> None:
            self.handed_over += len(data)
            write(data)

        self.tls.write = count
        self.read = b""
        self.turns()

    def turns(self) -> None:
        """Until nothing more can be done."""
        for _ in range(10_000):
            self.clock.advance(0)
            self.reactor.turn()
            came, self.socket.taken = self.socket.taken, b""
            answer = self.peer.send(b"")
            if came:
                self.read += self.peer.receive(came)
                answer += self.peer.send(b"")
            if answer and not self.peer.was_closed_cleanly:
                self.tls.dataReceived(answer)
            if not came and not answer and (not self.reactor.writers or not self.socket.room):
                return


@pytest.mark.parametrize("size", [64, 3000, 60_000])
def test_a_tls_peer_that_does_not_read_makes_twisted_hold_no_more_than_its_share(
    tmp_path: Path, size: int
) -> None:
    wire = TlsWire(tmp_path)
    wire.socket.room = 0
    sent = 0
    while sent <= SHED_ABOVE_BYTES + TLS_HOLDS_BYTES:
        wire.outbound.send([frame(ECHO_REPLY, size)])
        sent += size
        if not sent // size % 50:
            wire.turns()
        held = wire.handed_over
        assert held <= TLS_HOLDS_BYTES + size
        assert sent - TLS_HOLDS_BYTES - size <= wire.outbound.queued_bytes <= sent
    assert wire.owner.told == ["congested"]
    wire.outbound.send([frame(PACKET_IN)])
    assert wire.owner.told == ["congested", ("shed", 1)]
    wire.socket.room = 1 << 40
    wire.turns()
    assert wire.read == frame(ECHO_REPLY, size) * (sent // size)
    assert wire.owner.told == ["congested", ("shed", 1), "relieved"]
    assert wire.outbound.queued_bytes == 0


def test_a_tls_peer_that_takes_nothing_overflows(tmp_path: Path) -> None:
    wire = TlsWire(tmp_path)
    wire.socket.room = 0
    batch = [frame(ECHO_REPLY, 60_000)] * 20
    for _ in range(HANG_UP_ABOVE_BYTES // len(b"".join(batch)) + 2):
        wire.outbound.send(batch)
        wire.turns()
    assert wire.owner.told == ["congested", "overflowed"]
    assert wire.outbound.queued_bytes == 0


def test_a_tls_connection_is_closed_after_what_waits_and_says_so(tmp_path: Path) -> None:
    wire = TlsWire(tmp_path)
    wire.socket.room = 0
    for mark in range(20):
        wire.outbound.send([frame(ECHO_REPLY, 60_000, mark)])
        wire.turns()
    wire.outbound.finish()
    assert not wire.tls.disconnecting
    wire.socket.room = 1 << 40
    wire.turns()
    assert wire.read == b"".join(frame(ECHO_REPLY, 60_000, mark) for mark in range(20))
    assert wire.peer.was_closed_cleanly


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield here, there


def test_a_real_socket_pair_carries_more_than_its_buffer_holds(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    there.setblocking(False)
    reactor, owner = Reactor(), Owner()
    transport = Connection(here, owner, reactor)  # type: ignore[arg-type]
    transport.connected = 1
    outbound = Outbound(transport, owner)
    frames = [frame(ECHO_REPLY, 3000, mark) for mark in range(100)]
    for one in frames:
        outbound.send([one])
    assert outbound.queued_bytes > 0
    outbound.finish()
    received = b""
    while True:
        reactor.turn()
        try:
            part = there.recv(65536)
        except BlockingIOError:
            continue
        if not part:
            break
        received += part
    assert received == b"".join(frames)
