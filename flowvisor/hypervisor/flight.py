"""What a datapath was sent and has not shown yet to have dealt with; a window that bounds it.

Strategy: what makes a tenant's message wait is not our queue but everything in front of the datapath: our queue, the
kernel's buffers, its own input. Only an answer to a barrier (a fence) says that it has gone, so we count what is sent
between fences and are asked for the next one in time. Positions are running sums that only grow.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024

MESSAGE_WEIGHT: Final = 100  # of any message besides its bytes: what a datapath does for the shortest ones
WINDOW: Final = (
    64 * KIB
)  # in flight at one datapath: some 300 flow-mods; then tenants' frames wait their turn
FENCE_AFTER: Final = 24 * KIB  # sent since the last fence; then the next one
STALLED_SECONDS: Final = 24.0  # without an answer to any fence; then the datapath is hung up on


class Flight:
    """What is in flight at one datapath. `sent` is added to by whoever sends, weight by weight."""

    __slots__ = ("_answered", "_fenced", "_waits_since", "closes_at", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.closes_at = WINDOW
        self._answered = 0  # everything before this position was dealt with
        self._fenced = 0  # a fence was sent here
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
        return self.sent - self._fenced > FENCE_AFTER

    def fence(self, now: float) -> int:
        """A fence goes out now; gives its position."""
        self._fenced = self.sent
        if self._waits_since is None:
            self._waits_since = now
        return self._fenced

    def answered(self, position: int, now: float) -> None:
        """The fence at this position was answered."""
        self._answered = max(self._answered, position)
        self.closes_at = self._answered + WINDOW
        self._waits_since = now if self._fenced > self._answered else None

    def given_up(self, now: float) -> bool:
        """A fence was not answered in time: another one is due; True if the datapath has stalled."""
        self._fenced = self._answered
        return self._waits_since is not None and now - self._waits_since >= STALLED_SECONDS
