"""How late the reactor comes round: the time by which a call that was due every second was late."""

from __future__ import annotations

from typing import Final

# Controllers give up after 2 s without an answer (OpenDaylight), so a lag of 1 s is already an alarm.
BOUNDS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LagHistogram:
    """Told the time once in every interval, counts how late that was."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._last: float | None = None
        self._counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self.total_seconds = 0.0

    def observe(self, now: float) -> None:
        """The call that is due once in every interval came now."""
        if self._last is not None:
            late = max(0.0, now - self._last - self._interval)
            self.total_seconds += late
            self._counts[sum(late > bound for bound in BOUNDS_SECONDS)] += 1
        self._last = now

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds and how many calls were not later, as Prometheus wants them."""
        so_far, buckets = 0, []
        for bound, count in zip([*map(str, BOUNDS_SECONDS), "+Inf"], self._counts, strict=True):
            so_far += count
            buckets.append((bound, float(so_far)))
        return buckets
