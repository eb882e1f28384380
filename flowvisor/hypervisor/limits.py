"""A slice's rate limits while it runs: its buckets, whom they keep waiting, and what they did."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from flowvisor.openflow.frame import FLOW_MOD, PACKET_OUT
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.policies.token_bucket import TokenBucket

# A request waits so long at most, counted from when it came; one that would have to wait longer is refused.
MAX_DELAY_SECONDS: Final = 1.0

RATE_LIMITED: Final = "rate-limited"  # why something is shed or refused
DELAYED, REFUSED = "delayed", "refused"  # the actions that are counted

T = TypeVar("T")


class Limits(Generic[T]):
    """One slice's, for all its channels together. `waiting` are those whose next request needs a token."""

    __slots__ = (
        "_buckets",
        "_messages",
        "counts",
        "packet_ins_per_second",
        "policy",
        "take_packet_in",
        "waiting",
        "wakes_at",
    )

    def __init__(self, limit: RateLimit) -> None:
        self.policy = limit
        self.packet_ins_per_second = limit.packet_in
        packet_in = _bucket(limit.packet_in)
        # Whether a packet-in may go up at this time: the bucket's own method, because it is called for each.
        self.take_packet_in: Callable[[float], bool] = _always if packet_in is None else packet_in.take
        self._messages = _bucket(limit.messages)
        pairs = ((FLOW_MOD, _bucket(limit.flow_mod)), (PACKET_OUT, _bucket(limit.packet_out)))
        self._buckets = {kind: bucket for kind, bucket in pairs if bucket is not None}
        self.waiting: deque[T] = deque()
        self.wakes_at: float | None = None  # when the shell was last asked to wake us
        self.counts: Counter[tuple[str, str]] = Counter()  # by the limit's key in the file, and the action

    def admits_all(self, frames: list[bytes], now: float) -> bool:
        """Take what all these requests need, if it is there; for a whole read at once this costs next to nothing."""
        kinds = [frame[1] for frame in frames]
        wanted = [(bucket, kinds.count(kind)) for kind, bucket in self._buckets.items()]
        if self._messages is not None:
            wanted.append((self._messages, len(kinds)))
        for done, (bucket, count) in enumerate(wanted):
            if count and not bucket.take_many(count, now):
                for taken, number in wanted[:done]:
                    taken.give_back(number)
                return False
        return True

    def admits(self, kind: int, now: float) -> bool:
        """Take what a request of this wire type needs, if it is there."""
        bucket, messages = self._buckets.get(kind), self._messages
        if messages is None:
            return bucket is None or bucket.take(now)
        if bucket is None:
            return messages.take(now)
        return not bucket.wait(now) and messages.take(now) and bucket.take(now)

    def wait(self, kind: int, now: float) -> float:
        """How many seconds a request of this type has to wait now."""
        buckets = (self._buckets.get(kind), self._messages)
        return max((bucket.wait(now) for bucket in buckets if bucket is not None), default=0.0)

    def count_shed_packet_in(self) -> None:
        """A packet-in was above the rate."""
        self.counts["packet_in", "shed"] += 1

    def count(self, kind: int, action: str, now: float) -> None:
        """Count a request that has to wait, or is refused, under the limit that it meets."""
        bucket = self._buckets.get(kind)
        limit = "messages" if bucket is None or not bucket.wait(now) else _NAMES[kind]
        self.counts[limit, action] += 1


_NAMES: Final = {FLOW_MOD: "flow_mod", PACKET_OUT: "packet_out"}


def _always(_now: float) -> bool:
    return True


def _bucket(per_second: float | None) -> TokenBucket | None:
    return None if per_second is None else TokenBucket(per_second)
