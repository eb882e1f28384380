"""Durations are counted in buckets that add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.connections.histogram import Histogram

BOUNDS = (0.001, 0.01, 0.1)


def test_a_duration_is_counted_in_every_bucket_that_it_fits_into() -> None:
    histogram = Histogram(BOUNDS)
    for seconds in (0.0005, 0.01, 0.011, 7.0):
        histogram.observe(seconds)
    assert histogram.buckets() == [("0.001", 1), ("0.01", 2), ("0.1", 3), ("+Inf", 4)]
    assert histogram.total_seconds == pytest.approx(7.0215)


@given(st.lists(st.floats(min_value=0, max_value=10)))
def test_each_bucket_holds_what_is_not_longer_than_its_bound(durations: list[float]) -> None:
    histogram = Histogram(BOUNDS)
    for seconds in durations:
        histogram.observe(seconds)
    for bound, count in histogram.buckets():
        assert count == sum(seconds <= float(bound) for seconds in durations)
