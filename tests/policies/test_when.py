"""Times by the clock on the wall, through every change of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.policies.when import When, in_force, next_change
from tests.support.examples import examples

BERLIN = "Europe/Berlin"
EVERY_DAY = frozenset(range(7))
# In Berlin clocks go from 2:00 to 3:00 on 28 March 2027 (1:00 UTC), and from 3:00 back to 2:00 on 31 October.
SPRING, AUTUMN = (datetime(2027, month, day, tzinfo=timezone.utc) for month, day in ((3, 28), (10, 31)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN))


def spans(when: When, day: datetime) -> list[tuple[str, str]]:
    """When it begins and ends in the first half of a day of UTC, found minute by minute."""
    minutes = [day + timedelta(minutes=minute) for minute in range(12 * 60 + 1)]
    held = [when.holds(one) for one in minutes]
    edges = [
        f"{one:%H:%M}" for one, before, now in zip(minutes[1:], held, held[1:], strict=False) if before != now
    ]
    return list(zip(edges[::2], edges[1::2], strict=True))


def test_it_holds_from_its_begin_until_before_its_end_on_its_days() -> None:
    office = When(frozenset(range(5)), 8 * 60, 18 * 60, BERLIN)
    assert office.holds(berlin("2026-11-25T08:00"))
    assert office.holds(berlin("2026-11-25T17:59:59"))
    assert not office.holds(berlin("2026-11-25T18:00"))
    assert not office.holds(berlin("2026-11-28T12:00"))  # a Saturday


def test_what_ends_on_the_next_day_belongs_to_the_day_on_which_it_begins() -> None:
    night = When(frozenset({4}), 22 * 60, 6 * 60, BERLIN)  # Fridays
    assert night.holds(berlin("2026-11-27T22:00"))
    assert night.holds(berlin("2026-11-28T05:59"))
    assert not night.holds(berlin("2026-11-27T05:00"))
    assert not night.holds(berlin("2026-11-28T22:00"))


def test_other_zones_have_other_times() -> None:
    assert When(EVERY_DAY, 0, 60, "Asia/Tokyo").holds(utc("2026-11-25T15:30"))
    assert not When(EVERY_DAY, 0, 60, "UTC").holds(utc("2026-11-25T15:30"))


@pytest.mark.parametrize(
    ("begin", "end", "day", "expected"),
    [
        ((2, 30), (4, 0), SPRING, [("01:00", "02:00")]),  # begins in the hour that is skipped: at its end
        ((1, 30), (2, 30), SPRING, [("00:30", "01:00")]),  # ends in it: at its begin
        ((2, 15), (2, 45), SPRING, []),  # is skipped
        ((2, 15), (2, 45), AUTUMN, [("00:15", "00:45"), ("01:15", "01:45")]),  # comes twice
        ((3, 0), (4, 0), AUTUMN, [("02:00", "03:00")]),
    ],
)
def test_when_clocks_change_the_wall_decides(
    begin: tuple[int, int], end: tuple[int, int], day: datetime, expected: list[tuple[str, str]]
) -> None:
    when = When(EVERY_DAY, begin[0] * 60 + begin[1], end[0] * 60 + end[1], BERLIN)
    assert spans(when, day) == expected


def test_the_next_change_of_several_is_the_first() -> None:
    now = berlin("2026-11-25T12:00")
    morning, night = When(EVERY_DAY, 480, 600, BERLIN), When(EVERY_DAY, 22 * 60, 6 * 60, BERLIN)
    assert next_change([morning, night], now) == berlin("2026-11-25T22:00")
    assert next_change([], now) is None


def test_what_falls_into_a_skipped_hour_comes_a_week_later() -> None:
    sunday = When(frozenset({6}), 135, 165, BERLIN)  # Sundays, 2:15 to 2:45
    assert next_change([sunday], SPRING - timedelta(hours=2)) == berlin("2027-04-04T02:15")


def test_without_any_times_it_is_always() -> None:
    now = berlin("2026-11-25T12:00")
    assert in_force((), now)
    night, noon = When(EVERY_DAY, 0, 60, BERLIN), When(EVERY_DAY, 720, 780, BERLIN)
    assert in_force((night, noon), now)
    assert not in_force((night,), now)


whens = st.builds(
    When,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    begin=st.integers(0, 47).map(lambda half: half * 30),
    end=st.integers(1, 48).map(lambda half: half * 30),
    zone=st.sampled_from((BERLIN, "UTC", "Australia/Lord_Howe", "America/St_Johns")),  # of 30 minutes, too
).filter(lambda one: one.begin != one.end)


@examples(60)
@given(
    when=whens,
    day=st.sampled_from((SPRING, AUTUMN, utc("2027-04-03"), utc("2027-03-14"), utc("2026-11-25"))),
    minute=st.integers(0, 24 * 60),
)
def test_the_next_change_is_what_looking_every_minute_finds(when: When, day: datetime, minute: int) -> None:
    start = day + timedelta(minutes=minute)
    found = next_change([when], start)
    is_so = when.holds(start)
    for ahead in range(1, 2 * 24 * 60):
        moment = start + timedelta(minutes=ahead)
        if when.holds(moment) != is_so:
            assert found == moment
            return
    assert found is None or found >= start + timedelta(days=1)
