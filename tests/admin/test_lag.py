"""Lag is counted in buckets that add up."""

from __future__ import annotations

import pytest

from flowvisor.admin.lag import BOUNDS_SECONDS, LagHistogram


def test_lateness_is_counted_in_the_bucket_of_its_bound() -> None:
    lag = LagHistogram(interval=1.0)
    for now in (10.0, 11.0, 12.3, 13.3, 19.3):
        lag.came_round(now)
    buckets = dict(lag.buckets())
    assert buckets["0.001"] == 2
    assert buckets["0.25"] == 2
    assert buckets["0.5"] == 3
    assert buckets["2.5"] == 3
    assert buckets["+Inf"] == 4
    assert lag.total_seconds == pytest.approx(5.3)


def test_the_first_call_is_never_late() -> None:
    lag = LagHistogram(interval=1.0)
    lag.came_round(1e9)
    assert dict(lag.buckets())["+Inf"] == 0


def test_a_call_that_is_early_has_no_negative_lag() -> None:
    lag = LagHistogram(interval=1.0)
    lag.came_round(1.0)
    lag.came_round(1.9)
    assert lag.total_seconds == 0
    assert [float(bound) for bound, _ in lag.buckets()[:-1]] == list(BOUNDS_SECONDS)


def test_the_last_one_is_known_by_itself() -> None:
    lag = LagHistogram(interval=1.0)
    lag.came_round(1.0)
    assert lag.last_seconds is None
    lag.came_round(2.5)
    assert lag.last_seconds == 0.5
