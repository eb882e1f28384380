"""What is in flight at a datapath is bounded, and fences tell what is not any more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.flight import FENCE_AFTER, STALLED_SECONDS, WINDOW, Flight


def test_the_window_closes_when_it_is_full_and_opens_with_an_answer() -> None:
    flight = Flight()
    flight.sent += WINDOW - 1
    assert flight.is_open
    position = flight.fence(0.0)
    flight.sent += 1
    assert not flight.is_open
    flight.answered(position, 1.0)
    assert flight.is_open
    assert flight.unanswered == 1


def test_a_fence_is_due_when_enough_was_sent_since_the_last() -> None:
    flight = Flight()
    flight.sent += FENCE_AFTER
    assert not flight.fence_is_due
    flight.sent += 1
    assert flight.fence_is_due
    flight.fence(0.0)
    assert not flight.fence_is_due


@given(st.lists(st.tuples(st.sampled_from(["send", "answer"]), st.integers(0, 3 * WINDOW)), max_size=50))
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
    assert flight.unanswered <= FENCE_AFTER


def test_answers_out_of_order_take_nothing_back() -> None:
    flight = Flight()
    first = flight.fence(0.0)
    flight.sent += 100
    flight.answered(flight.fence(0.0), 1.0)
    flight.answered(first, 2.0)
    assert flight.unanswered == 0


def test_a_datapath_that_answers_no_fence_has_stalled_after_a_while() -> None:
    flight = Flight()
    flight.sent += 2 * WINDOW
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
