"""How often a duration was how long: plain ints in buckets, exported when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts durations in seconds; `bounds` are the buckets' upper ends, in ascending order."""

    __slots__ = ("_bounds", "_counts", "total_seconds")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.total_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """One more that took so long."""
        self.total_seconds += seconds
        self._counts[bisect_left(self._bounds, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds and how many were not longer, as Prometheus wants them."""
        so_far, buckets = 0, []
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            so_far += count
            buckets.append((bound, float(so_far)))
        return buckets
