"""Numbers for groups and meters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.ids import Ids


def test_numbers_begin_at_one_and_one_that_is_free_again_is_the_last_to_be_given() -> None:
    ids = Ids(3)
    assert [ids.allocate(), ids.allocate()] == [1, 2]
    ids.release(1)
    assert [ids.allocate(), ids.allocate(), ids.allocate()] == [3, 1, None]


def test_where_there_are_none_none_is_given() -> None:
    ids = Ids(0)
    assert ids.allocate() is None
    ids.last = 1
    assert ids.allocate() == 1


def test_a_number_that_somebody_has_already_is_not_given() -> None:
    ids = Ids(3)
    ids.take(2)
    assert {ids.allocate(), ids.allocate()} == {1, 3}
    assert ids.allocate() is None


@given(st.integers(1, 6), st.lists(st.integers(0, 7), max_size=40))
def test_no_number_is_given_twice_and_all_are_given(last: int, steps: list[int]) -> None:
    ids, held = Ids(last), set[int]()
    for step in steps:
        if step in held:
            ids.release(step)
            held.discard(step)
            continue
        number = ids.allocate()
        assert (number is None) == (len(held) == last)
        if number is not None:
            assert 1 <= number <= last
            assert number not in held
            held.add(number)
    assert ids.taken == held
