"""Transaction ids towards a datapath: an answer or an error finds its way back to whoever asked.

Strategy: a physical xid names its sender, 12 bits of *slot* and 20 bits of sequence. So no tenant can evict
or receive what is another's, whatever it sends, and its own xids may repeat or be 0. Requests that are
answered wait in a dict. What is answered only if it fails (flow-mod, packet-out) is kept in a list, in order of
sequence, until a barrier's reply says that it did not; `fence_is_due` asks for a barrier of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from attrs import Factory, define

from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow.messages import Message
from flowvisor.openflow.multipart import TableFeatures

SEQUENCE_BITS: Final = 20
SEQUENCE_MASK: Final = (1 << SEQUENCE_BITS) - 1
MAX_SLOTS: Final = 1 << 12  # slot 0 is the hypervisor's own; a channel for which none is left is hung up on
HYPERVISOR_SLOT: Final = 0

FENCE_EVERY: Final = 128  # messages that may fail, between two barriers of our own
# Messages that may fail and of which nothing was heard. Beyond it the oldest is forgotten: an error that it
# then gets is still told to the right tenant, but without the tenant's xid.
MAX_SENT: Final = 1024
MAX_WAITING: Final = 256  # requests of one sender without an answer; a further one is refused

T = TypeVar("T")


@define(eq=False)
class Request:
    """A request that waits for its answer, which may come in several parts or to several messages.

    `answer` gets all the replies' messages, once; `fail` the error's pair instead. Replies are held until then,
    unless `each` takes them one by one. If it `takes_frames` they are not decoded but kept in `frames`.
    """

    answer: Callable[[list[Message], Effects], None]
    fail: Callable[[tuple[int, int], Effects], None]
    expires_at: float
    outstanding: int = 1
    takes_frames: bool = False
    each: Callable[[Message], None] | None = None
    parts: list[Message] = Factory(list)
    frames: list[bytes] = Factory(list)
    held_bytes: int = 0
    is_over: bool = False


@define(eq=False)
class PartialRequest:
    """A multipart request of which more is to come: its first frame, and what has come of it so far."""

    frame: bytes
    expires_at: float
    parts: int = 0
    octets: int = 0
    tables: tuple[TableFeatures, ...] = ()


def slot_of(xid: int) -> int:
    """Whose transaction a physical xid is."""
    return xid >> SEQUENCE_BITS


class Transactions(Generic[T]):
    """What one sender has outstanding at one datapath. Tokens are whatever the caller wants back."""

    __slots__ = ("_asked", "_base", "_fenced", "_first", "_next", "sent", "slot", "waiting")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self._base = slot << SEQUENCE_BITS
        self._next = 1
        self._asked = 1
        self._first = 1  # the sequence number of sent[0]
        self._fenced = 1  # a fence was sent when _next was this
        self.sent: list[T | None] = []
        self.waiting: dict[int, T] = {}

    def send(self, token: T) -> int:
        """The xid for a message that is answered only if it fails."""
        sequence = self._next
        self.sent.append(token)
        self._next = (sequence + 1) & SEQUENCE_MASK
        return self._base | sequence

    def ask(self, token: T) -> int:
        """The xid for a request that is answered."""
        sequence = self._next
        self._asked += 1
        self.sent.append(None)
        self._next = (sequence + 1) & SEQUENCE_MASK
        xid = self._base | sequence
        self.waiting[xid] = token
        return xid

    @property
    def changes(self) -> int:
        """How many messages were sent that asked for no answer: they may have changed anything."""
        return self._next - self._asked & SEQUENCE_MASK

    @property
    def fence_is_due(self) -> bool:
        """Whether enough was sent since the last fence; true once until the next lot."""
        if (self._next - self._fenced) & SEQUENCE_MASK < FENCE_EVERY:
            return False
        self._fenced = self._next
        if len(self.sent) > MAX_SENT:
            self._drop(len(self.sent) - MAX_SENT)
        return True

    def answered(self, xid: int) -> T | None:
        """Take the request that this answers; None when nothing waits under this xid."""
        return self.waiting.pop(xid, None)

    def failed(self, xid: int) -> T | None:
        """Take the message that failed, request or not; None when it is not known."""
        waiting = self.waiting.pop(xid, None)
        if waiting is not None:
            return waiting
        index = (xid - self._first) & SEQUENCE_MASK
        if index >= len(self.sent):
            return None
        token, self.sent[index] = self.sent[index], None
        return token

    def settle(self, xid: int) -> list[T]:
        """A barrier with this xid was answered: take all that was sent before it and did not fail."""
        count = (xid - self._first) & SEQUENCE_MASK
        if count >= len(self.sent):
            return []
        done = [token for token in self.sent[:count] if token is not None]
        self._drop(count + 1)
        return done

    def _drop(self, count: int) -> None:
        del self.sent[:count]
        self._first = (self._first + count) & SEQUENCE_MASK
