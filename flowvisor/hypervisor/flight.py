"""What a datapath was sent and has not shown yet to have dealt with; a window that bounds it.

Strategy: what makes a tenant's message wait is not our queue but everything in front of the datapath: our queue, the
kernel's buffers, its own input. Only an answer to a barrier (a fence) says that it has gone, so we count what is sent
between fences and are asked for the next one in time. Positions are running sums that only grow. How much a datapath
does in a millisecond nobody tells us: the window follows from how long fences take, as a congestion window does. A
fixed one was tried, and is either too long for a slow datapath or needs many more fences on a quick one.
"""

from __future__ import annotations

from collections import deque
from typing import Final

KIB: Final = 1024

MESSAGE_WEIGHT: Final = 100  # of any message besides its bytes: what a datapath does for the shortest ones
MAX_WINDOW: Final = (
    64 * KIB
)  # in flight at one datapath: some 300 flow-mods; then tenants' frames wait their turn
MIN_WINDOW: Final = 8 * KIB  # at a datapath that is slow: some 40 flow-mods
GROWTH: Final = 1 * KIB  # of the window with each fence that was answered soon enough
FENCES_PER_WINDOW: Final = 3
# That a fence may take, besides the least that one took: that is the way there and back, which no window makes shorter.
# For a longer one the window shrinks, at most by half.
TARGET_SECONDS: Final = 0.005
STALLED_SECONDS: Final = 24.0  # without an answer to any fence; then the datapath is hung up on


class Flight:
    """What is in flight at one datapath. `sent` is added to by whoever sends, weight by weight."""

    __slots__ = (
        "_answered",
        "_fenced",
        "_least_seconds",
        "_under_way",
        "_waits_since",
        "closes_at",
        "last_seconds",
        "sent",
        "window",
    )

    def __init__(self) -> None:
        self.sent = 0
        self.window = self.closes_at = MAX_WINDOW
        self.last_seconds: float | None = None  # how long the last fence took that was answered
        self._answered = 0  # everything before this position was dealt with
        self._fenced = 0  # a fence was sent here
        self._least_seconds = float("inf")
        self._under_way: deque[tuple[int, float]] = deque()  # fences: where, and when
        self._waits_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is room for another message."""
        return self.sent < self.closes_at

    @property
    def unanswered(self) -> int:
        """The weight of what is in flight."""
        return self.sent - self._answered

    @property
    def fence_is_due(self) -> bool:
        """Whether enough was sent since the last fence."""
        return (self.sent - self._fenced) * FENCES_PER_WINDOW > self.window

    def fence(self, now: float) -> int:
        """A fence goes out now; gives its position."""
        self._fenced = self.sent
        self._under_way.append((self._fenced, now))
        if self._waits_since is None:
            self._waits_since = now
        return self._fenced

    def answered(self, position: int, now: float) -> None:
        """The fence at this position was answered, and so everything before it was dealt with."""
        taken = self._least_seconds  # if this one was given up before
        while self._under_way and self._under_way[0][0] <= position:
            _, begun = self._under_way.popleft()
            taken = now - begun
        self._least_seconds = min(self._least_seconds, taken)
        self.last_seconds = taken if taken < float("inf") else None
        waited = taken - self._least_seconds if self._least_seconds < float("inf") else 0.0
        if waited > TARGET_SECONDS:
            self.window = max(int(self.window * max(TARGET_SECONDS / waited, 0.5)), MIN_WINDOW)
        else:
            self.window = min(self.window + GROWTH, MAX_WINDOW)
        self._answered = max(self._answered, position)
        self.closes_at = self._answered + self.window
        self._waits_since = now if self._under_way else None

    def given_up(self, now: float) -> bool:
        """A fence was not answered in time: another one is due; True if the datapath has stalled."""
        self._fenced = self._answered
        self._under_way.clear()
        return self._waits_since is not None and now - self._waits_since >= STALLED_SECONDS
