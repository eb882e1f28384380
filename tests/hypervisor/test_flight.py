"""What is in flight at a datapath is bounded, and fences tell what is not any more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.flight import (
    FENCES_PER_WINDOW,
    MAX_WINDOW,
    MIN_WINDOW,
    STALLED_SECONDS,
    TARGET_SECONDS,
    Flight,
)
from tests.support.examples import examples


def test_the_window_closes_when_it_is_full_and_opens_with_an_answer() -> None:
    flight = Flight()
    flight.sent += MAX_WINDOW - 1
    assert flight.is_open
    position = flight.fence(0.0)
    flight.sent += 1
    assert not flight.is_open
    flight.answered(position, TARGET_SECONDS)
    assert flight.is_open
    assert flight.unanswered == 1


def test_a_fence_is_due_when_enough_was_sent_since_the_last() -> None:
    flight = Flight()
    flight.sent += MAX_WINDOW // FENCES_PER_WINDOW
    assert not flight.fence_is_due
    flight.sent += 1
    assert flight.fence_is_due
    flight.fence(0.0)
    assert not flight.fence_is_due


@given(st.lists(st.tuples(st.sampled_from(["send", "answer"]), st.integers(0, 3 * MAX_WINDOW)), max_size=50))
def test_a_closed_window_has_a_fence_under_way_that_will_open_it(steps: list[tuple[str, int]]) -> None:
    flight = Flight()
    fences: list[int] = []
    for step, amount in steps:
        if step == "send" and flight.is_open:
            flight.sent += amount
            if flight.fence_is_due:
                fences.append(flight.fence(0.0))
        elif step == "answer" and fences:
            flight.answered(fences.pop(0), 0.0)
        assert flight.is_open or fences
    for position in fences:
        flight.answered(position, 0.0)
    assert flight.unanswered <= MAX_WINDOW // FENCES_PER_WINDOW


def test_answers_out_of_order_take_nothing_back() -> None:
    flight = Flight()
    first = flight.fence(0.0)
    flight.sent += 100
    flight.answered(flight.fence(0.0), 1.0)
    flight.answered(first, 2.0)
    assert flight.unanswered == 0


def test_a_datapath_that_answers_no_fence_has_stalled_after_a_while() -> None:
    flight = Flight()
    flight.sent += 2 * MAX_WINDOW
    flight.fence(100.0)
    assert not flight.given_up(100.0 + STALLED_SECONDS / 2)
    assert flight.fence_is_due  # another try
    flight.fence(100.0 + STALLED_SECONDS / 2)
    assert flight.given_up(100.0 + STALLED_SECONDS)


def test_time_in_which_no_fence_was_under_way_does_not_count() -> None:
    flight = Flight()
    flight.answered(flight.fence(0.0), 1.0)
    flight.sent += 10
    flight.fence(1000.0)
    assert not flight.given_up(1008.0)


def test_an_answer_gives_a_stalling_datapath_its_time_again() -> None:
    flight = Flight()
    first = flight.fence(0.0)
    flight.sent += 10
    flight.fence(1.0)
    flight.answered(first, STALLED_SECONDS)
    assert not flight.given_up(STALLED_SECONDS + 8)


def round_trip(flight: Flight, seconds: float) -> None:
    flight.sent += 1
    flight.answered(flight.fence(100.0), 100.0 + seconds)


def test_at_a_slow_datapath_less_is_in_flight_and_more_again_when_it_is_quick() -> None:
    flight = Flight()
    round_trip(flight, 0.0)
    round_trip(flight, 1.5 * TARGET_SECONDS)
    assert flight.window == pytest.approx(MAX_WINDOW / 1.5, abs=2)
    for _ in range(20):
        round_trip(flight, 100 * TARGET_SECONDS)
    assert flight.window == MIN_WINDOW
    assert flight.closes_at - flight.sent == MIN_WINDOW
    for _ in range(100):
        round_trip(flight, TARGET_SECONDS / 2)
    assert flight.window == MAX_WINDOW


@examples(15)
@given(rate=st.floats(min_value=2e5, max_value=2e7), weight=st.integers(100, 3000))
def test_the_window_comes_to_what_a_datapath_does_in_the_time_that_is_aimed_at(
    rate: float, weight: int
) -> None:
    """`rate` is what the datapath does in a second; as much is sent as may be."""
    flight, done_at, now = Flight(), 0.0, 0.0
    round_trip(flight, 0.0)  # before there was much to do
    fences: list[tuple[float, int]] = []
    for _ in range(1000):
        while flight.is_open or flight.fence_is_due:
            if flight.is_open:
                flight.sent += weight
                done_at = max(done_at, now) + weight / rate
            if flight.fence_is_due:
                fences.append((done_at, flight.fence(now)))
        now, position = fences.pop(0)
        flight.answered(position, now)
    in_time = rate * TARGET_SECONDS
    assert flight.window <= max(1.5 * in_time, MIN_WINDOW) + 2 * weight
    assert flight.window >= min(0.4 * in_time, MAX_WINDOW) - 2 * weight


def test_a_datapath_that_is_far_away_is_not_taken_for_a_slow_one() -> None:
    flight = Flight()
    for _ in range(20):
        round_trip(flight, 0.1)
    assert flight.window == MAX_WINDOW
    round_trip(flight, 0.1 + 2 * TARGET_SECONDS)
    assert flight.window == MAX_WINDOW // 2


def test_an_answer_to_a_fence_that_was_given_up_still_counts() -> None:
    flight = Flight()
    flight.sent += 100
    position = flight.fence(0.0)
    flight.given_up(8.0)
    flight.answered(position, 9.0)
    assert flight.unanswered == 0


def test_how_long_the_last_fence_took_is_known_once_it_was_answered() -> None:
    flight = Flight()
    position = flight.fence(1.0)
    assert flight.last_seconds is None
    flight.answered(position, 1.25)
    assert flight.last_seconds == 0.25
