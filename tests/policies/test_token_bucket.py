"""Token buckets: a second's worth at once, then no more than the rate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.policies.token_bucket import BURST_SECONDS, TokenBucket

rates = st.floats(min_value=0.01, max_value=1e6)


def test_what_comes_in_a_second_may_come_at_once() -> None:
    bucket = TokenBucket(5)
    assert [bucket.take(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.wait(100.0) > 0
    assert bucket.take(100.2)
    assert not bucket.take(100.2)


def test_a_rate_below_one_in_a_second_still_lets_one_through() -> None:
    bucket = TokenBucket(0.5)
    assert [bucket.take(0.0), bucket.take(1.9), bucket.take(2.0)] == [True, False, True]


@given(per_second=rates, pauses=st.lists(st.floats(min_value=0, max_value=3), max_size=60))
def test_no_more_than_burst_and_rate_pass_in_any_time(per_second: float, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(per_second), 0.0, []
    for pause in pauses:
        now += pause
        if bucket.take(now):
            taken.append(now)
    burst = max(per_second * BURST_SECONDS, 1.0)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + per_second * (taken[last] - taken[first]) + 1e-3 * burst


@given(per_second=rates, now=st.floats(min_value=0, max_value=1e6), takes=st.integers(0, 50))
def test_a_token_is_there_after_the_wait_that_was_told(per_second: float, now: float, takes: int) -> None:
    bucket = TokenBucket(per_second)
    for _ in range(takes):
        bucket.take(now)
    wait = bucket.wait(now)
    assert bucket.take(now + wait + 1e-6)
    assert wait <= 1 / per_second + 1e-6


@given(per_second=rates, batches=st.lists(st.tuples(st.integers(1, 9), st.floats(0, 2)), max_size=30))
def test_many_at_once_are_as_many_one_by_one(per_second: float, batches: list[tuple[int, float]]) -> None:
    one, many, now = TokenBucket(per_second), TokenBucket(per_second), 0.0
    for count, pause in batches:
        now += pause
        if many.take_many(count, now):
            assert all(one.take(now) for _ in range(count))
        else:
            assert not all(one.take(now) for _ in range(count))
            return


def test_what_is_given_back_is_there_again() -> None:
    bucket = TokenBucket(5)
    assert bucket.take_many(3, 1.0)
    bucket.give_back(3)
    assert bucket.take_many(5, 1.0)
    assert not bucket.take_many(1, 1.0)


def test_it_is_full_until_something_is_taken_and_again_when_that_has_come_back() -> None:
    bucket = TokenBucket(10.0)
    assert bucket.is_full(0.0)
    bucket.take(0.0)
    assert not bucket.is_full(0.05)
    assert bucket.is_full(0.1)
