"""When a storm is one."""

from __future__ import annotations

from flowvisor.hypervisor.storm import DROP_SECONDS, MAX_DROPS, SHED_BEFORE_DROPPING, Storm


def test_a_few_that_are_shed_are_no_storm() -> None:
    storm = Storm()
    for second in range(5):
        assert not any(storm.one_more(second * DROP_SECONDS) for _ in range(SHED_BEFORE_DROPPING - 1))


def test_many_are_and_those_that_still_come_after_it_are_another() -> None:
    storm = Storm()
    due = [storm.one_more(7.0) for _ in range(2 * SHED_BEFORE_DROPPING)]
    assert [number for number, is_due in enumerate(due, 1) if is_due] == [
        SHED_BEFORE_DROPPING,
        2 * SHED_BEFORE_DROPPING,
    ]


def test_only_so_many_drop_entries_begin_at_a_time() -> None:
    storm = Storm()
    assert sum(storm.one_more(7.0) for _ in range(100 * SHED_BEFORE_DROPPING)) == MAX_DROPS
    assert sum(storm.one_more(7.0 + DROP_SECONDS) for _ in range(100 * SHED_BEFORE_DROPPING)) == MAX_DROPS
