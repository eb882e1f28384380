"""What a datapath's and a controller's connection have in common: bytes to a channel, frames to the core."""

from __future__ import annotations

import typing
from struct import Struct
from typing import Any, Final

from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.logger import Logger
from twisted.python.failure import Failure

from flowvisor.connections.admission import Admission
from flowvisor.connections.counters import ConnectionCounters
from flowvisor.connections.dialling import reason_of
from flowvisor.connections.outbound import KIB, Outbound
from flowvisor.connections.tls import is_shaking_hands, peer_certificate, tls_reason
from flowvisor.hypervisor.effects import Effects, Peer
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.hypervisor.requests import STALLED
from flowvisor.network.certificate_pin import PeerCertificate
from flowvisor.openflow.channel import Channel, Closed, Established, Event, Frames, Send
from flowvisor.openflow.error_codes import BAD_LEN, BAD_TYPE, BAD_VERSION, HELLO_EPERM, HELLO_INCOMPATIBLE
from flowvisor.openflow.frame import ERROR, HEADER_LENGTH, type_of
from flowvisor.openflow.messages import Error
from flowvisor.openflow.versions import codec

READ_BYTES: Final = (
    16 * KIB
)  # that one peer may have looked at before others get their turn; Twisted takes 64 KiB
CONGESTED_SECONDS: Final = 30.0  # that a peer's queue may be above its bound; then it is hung up on
CLOSING_SECONDS: Final = 3.0  # for what is queued to go out after a hang-up; then the connection is aborted

# What a channel tells a peer that broke the protocol; the numbers are the same in 1.0 and 1.3.
FAULTS: Final = {
    BAD_LEN: "bad-length",
    BAD_TYPE: "bad-type",
    BAD_VERSION: "bad-version",
    HELLO_INCOMPATIBLE: "incompatible",
}
_ERROR: Final = Struct("!HH")


class Shell(typing.Protocol):
    """What a protocol needs of the one that knows all connections."""

    hypervisor: Hypervisor
    counters: ConnectionCounters
    admission: Admission

    def now(self) -> float: ...
    def half_open(self, origin: str | None = None) -> int: ...
    def opened(self, protocol: PeerProtocol) -> None: ...
    def established(self, protocol: PeerProtocol, peer: Peer) -> None: ...
    def gone(self, protocol: PeerProtocol) -> None: ...
    def congested(self, protocol: PeerProtocol) -> None: ...
    def relieved(self, protocol: PeerProtocol) -> None: ...
    def carry_out(self, effects: Effects) -> None: ...


class PeerProtocol(Protocol):
    """One connection. A subclass says how its peer joins and leaves, and who takes its frames."""

    log = Logger()
    side: str  # as counters name it
    failures_are: Any  # how loudly a handshake that failed is told
    outbound: Outbound  # once connected

    def __init__(self, shell: Shell, channel: Channel) -> None:
        self.shell = shell
        self.channel = channel
        self._latencies = shell.counters.latencies[self.side]
        self.peer: Peer | None = None  # once established
        self.certificate: PeerCertificate | None = None  # of the peer, once established with TLS
        self.hang_up_reason: str | None = None
        self._is_ticking = False
        self._abort_at = 0.0
        self._congested_since: float | None = None
        self._pauses: set[object] = set()

    @property
    def is_established(self) -> bool:
        """Does the core know the peer?"""
        return self.peer is not None

    # What subclasses say.

    def join(self, event: Established, now: float) -> Effects:
        """The channel is established."""
        raise NotImplementedError

    def take(self, frames: list[bytes], now: float) -> Effects:
        """The peer sent frames."""
        raise NotImplementedError

    def leave(self, now: float) -> Effects:
        """The channel, once established, is gone."""
        raise NotImplementedError

    def gone(self, reason: str) -> None:
        """The connection is gone, established or not."""
        raise NotImplementedError

    def name(self) -> dict[str, Any]:
        """Who this is, for the log."""
        raise NotImplementedError

    def label(self) -> str:
        """Who this is, once established, for a metric."""
        raise NotImplementedError

    # What Twisted calls.

    def connectionMade(self) -> None:
        assert self.transport is not None
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        if isinstance(self.transport, Connection):
            self.transport.bufferSize = READ_BYTES
        self.outbound = Outbound(self.transport, self)
        self.shell.opened(self)
        now = self.shell.now()
        self._react(self.channel.begin(now), now)

    def dataReceived(self, data: bytes) -> None:
        if self.hang_up_reason is None:
            now = self.shell.now()
            try:
                self._react(self.channel.feed(data, now), now)
            except Exception:
                self._own_error()
            self._latencies.observe(self.shell.now() - now)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.outbound.closed()
        if self.hang_up_reason is None:
            broken = None if self.is_established else tls_reason(self.transport, reason)
            self.hang_up_reason = broken or reason_of(reason)
            if broken is not None:
                self.handshake_failed(broken, detail=reason.getErrorMessage())
        self.shell.gone(self)
        self.gone(self.hang_up_reason)
        self.log.info(event="connection_closed", side=self.side, reason=self.hang_up_reason, **self.name())
        if self.is_established:
            try:
                self.shell.carry_out(self.leave(self.shell.now()))
            except Exception:
                self._own_error()

    # What the shell calls.

    def tick(self, now: float) -> None:
        """About a second has passed."""
        if self.hang_up_reason is not None:
            if now >= self._abort_at:
                self._abort()
        elif self._congested_since is not None and now - self._congested_since >= CONGESTED_SECONDS:
            self.hang_up_reason = STALLED
            self._abort()
        elif not self._pauses - {self}:  # whom others keep us from reading cannot show that it is alive
            self._is_ticking = True
            try:
                self._react(self.channel.tick(now), now)
            except Exception:
                self._own_error()
            self._is_ticking = False

    def hang_up(self, reason: str) -> None:
        """Close the connection after what is queued, or without it when that takes too long."""
        if self.hang_up_reason is None:
            self.hang_up_reason = reason
            self._abort_at = self.shell.now() + CLOSING_SECONDS
            if is_shaking_hands(self.transport):
                self._abort()  # nothing can be told to it yet
            else:
                self.outbound.finish()

    def turn_away(self, reason: str, version: int, **fields: object) -> None:
        """Tell a peer that has finished its handshake that it may not join, and hang up."""
        self.handshake_failed(reason, **fields)
        told = Error(xid=0, error=HELLO_EPERM, data=reason.encode("ascii"))
        self.outbound.send([codec(version).encode(told)])
        self.hang_up(reason)

    def handshake_failed(self, reason: str, **fields: object) -> None:
        """A peer is not let in, or does not let us in: that is counted and told."""
        self.shell.counters.handshake_failures[self.side, reason] += 1
        self.log.emit(
            self.failures_are,
            event="handshake_failed",
            side=self.side,
            reason=reason,
            **{**self.name(), **fields},
        )

    def pause(self, cause: object) -> None:
        """Do not read from the peer as long as this cause stands."""
        if self.hang_up_reason is not None:
            return
        if not self._pauses:
            self.shell.counters.pauses[self.side] += 1
            typing.cast(IPushProducer, self.transport).pauseProducing()
        self._pauses.add(cause)

    def resume(self, cause: object) -> None:
        """This cause is gone."""
        if cause in self._pauses:
            self._pauses.remove(cause)
            if not self._pauses and self.hang_up_reason is None:
                typing.cast(IPushProducer, self.transport).resumeProducing()

    # What its queue tells.

    def packet_ins_shed(self, count: int) -> None:
        """Packet-ins for the peer were dropped."""
        raise NotImplementedError

    def congested(self) -> None:
        """The peer takes less than it is sent."""
        self._congested_since = self.shell.now()
        self.shell.congested(self)

    def relieved(self) -> None:
        """The peer has caught up."""
        self._congested_since = None
        self.shell.relieved(self)

    def overflowed(self) -> None:
        """The peer takes nothing, and there is no room for more."""
        self.hang_up_reason = "queue-full"
        self._abort()

    def _react(self, events: list[Event], now: float) -> None:
        answers: list[bytes] = []  # that follow one another are one write
        for event in events:
            if isinstance(event, Send):
                if type_of(event.frame) == ERROR:
                    fault = FAULTS.get(_ERROR.unpack_from(event.frame, HEADER_LENGTH), "other")
                    self.shell.counters.malformed[self.side, fault] += 1
                answers.append(event.frame)
                continue
            if answers:
                self.outbound.send(answers)
                answers = []
            if isinstance(event, Frames):
                self.shell.carry_out(self.take(event.frames, now))
            elif isinstance(event, Established):
                self.certificate = peer_certificate(self.transport)
                self.shell.carry_out(self.join(event, now))
            else:
                self._close(event)
            if self.hang_up_reason is not None:
                return
        if answers:
            self.outbound.send(answers)

    def _close(self, event: Closed) -> None:
        """The channel is over: its text is for the log, counters get one of a few words."""
        self.log.info(event="channel_closed", side=self.side, reason=event.reason, **self.name())
        if event.error is not None:
            reason = FAULTS.get(event.error, "other")
        elif self._is_ticking:
            reason = "silent" if self.is_established else "no-handshake"
        else:
            reason = "refused-by-peer"
        if not self.is_established:
            self.shell.counters.handshake_failures[self.side, reason] += 1
        self.hang_up(reason)

    def _abort(self) -> None:
        typing.cast(ITCPTransport, self.transport).abortConnection()

    def _own_error(self) -> None:
        """Our own code failed for this peer: it is hung up on, and nobody else feels it."""
        self.log.failure("", event="own_error", **self.name())
        self.shell.counters.own_errors += 1
        self.hang_up("own-error")
