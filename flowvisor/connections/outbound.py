"""What one peer is sent: written at once where its socket takes it, queued within bounds where not."""

# Strategy: Twisted's transport leaves every write to the next turn of the reactor, which costs two calls of
# epoll_ctl and one of epoll_wait for each packet-in. So while nothing waits, we try `socket.send` ourselves
# and give the transport only the rest. To know that nothing waits we are the transport's pull producer: it
# calls `resumeProducing` whenever all it had is gone, and between a `write` of ours and that call everything
# is queued here. This is public interface only; a subclass of Twisted's transports with another `write` was
# rejected, because it has to read their private buffers, and endpoints offer no place for it.
#
# A broken socket is not our finding to report: whatever `send` raises, the transport is given the bytes,
# meets the same error and closes the connection in its own way.
#
# TLS (and anything else that is no plain socket) is left to Twisted: there we are a push producer, because Twisted
# asks pull producers of TLS connections again and again while there is nothing to send. It interrupts us as soon as
# it holds more than `TLS_HOLDS_BYTES` besides what it was given last, and then everything is queued here as well.

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.interfaces import IPullProducer, IPushProducer, ITransport
from twisted.internet.tcp import Connection
from zope.interface import implementer

from flowvisor.openflow.frame import PACKET_IN, type_of

KIB: Final = 1024
MIB: Final = 1024 * KIB

SHED_ABOVE_BYTES: Final = 1 * MIB  # packet-ins are shed, replies are not; what makes replies is not read
RELIEVED_BELOW_BYTES: Final = 512 * KIB  # then reading goes on
HANG_UP_ABOVE_BYTES: Final = 16 * MIB  # a table-features reply of Open vSwitch is 1.25 MB
# Twisted joins up to 64,000 bytes before it encrypts them, and takes up to 64 KiB more for its socket.
TLS_HOLDS_BYTES: Final = 128 * KIB
JOINED_BYTES: Final = 128 * KIB  # Twisted sends no more in one turn


class Congestible(Protocol):
    """Whoever owns a queue is told what became of it."""

    def packet_ins_shed(self, count: int) -> None: ...
    def congested(self) -> None: ...
    def relieved(self) -> None: ...
    def overflowed(self) -> None: ...


@implementer(IPushProducer, IPullProducer)
class Outbound:
    """One peer's way out. After `finish` nothing more is taken: what waits is sent, then it is closed."""

    def __init__(self, transport: ITransport, owner: Congestible) -> None:
        self._transport = transport
        self._owner = owner
        self._send_now: Callable[[bytes], int] | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._blocked = False
        self._in_transport_bytes = 0
        self._is_congested = self._is_finishing = self._is_closed = False
        if isinstance(transport, Connection) and not transport.TLS:
            self._send_now = transport.getHandle().send
        transport.registerProducer(self, self._send_now is None)  # type: ignore[attr-defined]

    @property
    def queued_bytes(self) -> int:
        """How much the peer has not taken yet; on TLS, there may be `TLS_HOLDS_BYTES` more."""
        return self._waiting_bytes + self._in_transport_bytes

    @property
    def is_congested(self) -> bool:
        """Whether the owner was told `congested`, and not yet `relieved`."""
        return self._is_congested

    def send(self, frames: list[bytes]) -> None:
        """Send frames in order, with one write; tell the owner if a bound was passed."""
        if self._is_finishing:
            return
        if self._blocked:
            self._enqueue(frames)
        else:
            self._hand_over(frames[0] if len(frames) == 1 else b"".join(frames))
            if self._in_transport_bytes > SHED_ABOVE_BYTES:
                self._check_bounds()

    def finish(self) -> None:
        """Close the connection as soon as everything is sent."""
        if not self._is_finishing:
            self._is_finishing = True
            if not self._blocked:
                self._close()

    def closed(self) -> None:
        """The connection is gone, and with it what waited."""
        self._is_finishing = self._is_closed = True
        self._waiting.clear()
        self._waiting_bytes = self._in_transport_bytes = 0

    # What the transport calls.

    def pauseProducing(self) -> None:
        """A push producer's: the transport holds enough."""
        self._blocked = True

    def resumeProducing(self) -> None:
        """The transport holds nothing any more."""
        self._blocked = False
        self._in_transport_bytes = 0
        while self._waiting and not self._blocked:
            self._hand_over(self._take())
        if self._is_congested and self.queued_bytes < RELIEVED_BELOW_BYTES:
            self._is_congested = False
            self._owner.relieved()
        if self._is_finishing and not self._is_closed and not self._blocked:
            self._close()

    def stopProducing(self) -> None:
        """The transport is gone."""
        self.closed()

    def _hand_over(self, frames: bytes) -> None:
        if self._send_now is None:
            self._transport.write(frames)
            if self._blocked:
                self._in_transport_bytes = len(frames)
            return
        try:
            sent = self._send_now(frames)
        except OSError:  # the socket is full or broken; the transport tells which
            sent = 0
        if sent < len(frames):
            self._blocked = True
            self._in_transport_bytes = len(frames) - sent
            self._transport.write(frames[sent:])

    def _take(self) -> bytes:
        """Take from the queue's front about as much as one turn of the reactor can send."""
        taken = [self._waiting.popleft()]
        size = len(taken[0])
        while self._waiting and size + len(self._waiting[0]) <= JOINED_BYTES:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        self._waiting_bytes -= size
        return b"".join(taken)

    def _enqueue(self, frames: list[bytes]) -> None:
        if self._is_congested:
            kept = [frame for frame in frames if type_of(frame) != PACKET_IN]
            if len(kept) < len(frames):
                self._owner.packet_ins_shed(len(frames) - len(kept))
            frames = kept
        if frames:
            joined = b"".join(frames)
            self._waiting.append(joined)
            self._waiting_bytes += len(joined)
            self._check_bounds()

    def _check_bounds(self) -> None:
        if self.queued_bytes > HANG_UP_ABOVE_BYTES:
            self.closed()
            self._owner.overflowed()
        elif self.queued_bytes > SHED_ABOVE_BYTES and not self._is_congested:
            self._is_congested = True
            self._owner.congested()

    def _close(self) -> None:
        # A transport with a producer does not close.
        self._transport.unregisterProducer()  # type: ignore[attr-defined]
        self._transport.loseConnection()
