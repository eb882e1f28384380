"""A token bucket: so many in a second, and as many at once as come in a second.

Strategy: the bucket's level is not kept but when it would be full again (ITU-T I.371's virtual scheduling), one
float that a look at the clock need not bring up to date first.
"""

from __future__ import annotations

from typing import Final

BURST_SECONDS: Final = 1.0  # a bucket holds what comes in so long, and at least one token


class TokenBucket:
    """Begins full. Times may not go back."""

    __slots__ = ("_full_at", "_interval", "_tolerance")

    def __init__(self, per_second: float) -> None:
        self._interval = 1.0 / per_second
        self._tolerance = max(BURST_SECONDS - self._interval, 0.0) + 1e-9  # what floats lose in adding up
        self._full_at = float("-inf")

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        full_at = self._full_at
        if full_at <= now:
            self._full_at = now + self._interval
        elif full_at - now <= self._tolerance:
            self._full_at = full_at + self._interval
        else:
            return False
        return True

    def take_many(self, count: int, now: float) -> bool:
        """Take so many tokens if all of them are there."""
        begins = max(self._full_at, now)
        full_at = begins + count * self._interval
        if full_at - self._interval - now > self._tolerance:
            return False
        self._full_at = full_at
        return True

    def give_back(self, count: int) -> None:
        """Undo the last `take_many`, of so many."""
        self._full_at -= count * self._interval

    def is_full(self, now: float) -> bool:
        """Whether it is as it began."""
        return self._full_at <= now

    def wait(self, now: float) -> float:
        """How many seconds it takes until there is a token; 0 if there is one."""
        return max(self._full_at - self._tolerance - now, 0.0)
