"""How late the reactor comes round: the time by which a call that was due every second was late."""

from __future__ import annotations

from typing import Final

from flowvisor.connections.histogram import Histogram

# Controllers give up after 2 s without an answer (OpenDaylight), so a lag of 1 s is already an alarm.
BOUNDS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LagHistogram(Histogram):
    """Told the time once in every interval, counts how late that was."""

    __slots__ = ("_interval", "_last", "last_seconds")

    def __init__(self, interval: float) -> None:
        super().__init__(BOUNDS_SECONDS)
        self._interval = interval
        self._last: float | None = None
        self.last_seconds: float | None = None  # how late the last call was

    def came_round(self, now: float) -> None:
        """The call that is due once in every interval came now."""
        if self._last is not None:
            self.last_seconds = max(0.0, now - self._last - self._interval)
            self.observe(self.last_seconds)
        self._last = now
