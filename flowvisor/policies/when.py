"""When a rule or a policy is in force: days and times by the clock on somebody's wall."""

# Strategy: what the clock on the wall shows decides, and nothing else. In the hour that is repeated when summer time
# ends it shows the same times twice, and they count twice; what begins in the hour that is skipped when summer time
# begins counts from its end on. When it next changes is found among a few moments (times of the days to come, and
# changes of the zone's offset), each of which is tried.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from attrs import frozen

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF_A_DAY: Final = 24 * 60
# A week after which everything comes again, and another one, should what falls on one day fall into a skipped hour.
_DAYS_AHEAD: Final = 15


@frozen
class When:
    """From `begin` to `end`, in minutes after midnight, on the days on which it begins (0 is Monday).

    With an end that is not after the begin it ends on the day after.
    """

    days: frozenset[int]
    begin: int
    end: int
    zone: str

    def holds(self, instant: datetime) -> bool:
        """Is it so at a moment (which has a time zone)?"""
        local = instant.astimezone(ZoneInfo(self.zone))
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or (
            (day - 1) % 7 in self.days and minute < self.end
        )

    def changes_after(self, instant: datetime) -> Iterator[datetime]:
        """All moments, in no order, at which it may begin or end in the days after a moment."""
        zone = ZoneInfo(self.zone)
        today = instant.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        for ahead in range(-1, _DAYS_AHEAD):
            midnight = today.replace(tzinfo=None) + timedelta(days=ahead)
            for minute in {0, self.begin, self.end % MINUTES_OF_A_DAY}:
                local = midnight + timedelta(minutes=minute)
                for fold in (0, 1):
                    yield local.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc)
            yield from _offset_changes(midnight, zone)


def in_force(whens: Iterable[When], instant: datetime) -> bool:
    """Does any of them hold, or are there none, which is always?"""
    whens = tuple(whens)
    return not whens or any(when.holds(instant) for when in whens)


def next_change(whens: Iterable[When], instant: datetime) -> datetime | None:
    """The first moment after this one at which any of them begins or ends; None if there is none in sight."""
    found: datetime | None = None
    for when in set(whens):
        is_so = when.holds(instant)
        for moment in sorted(set(when.changes_after(instant))):
            if found is not None and moment >= found:
                break
            if moment > instant and when.holds(moment) != is_so:
                found = moment
                break
    return found


def _offset_changes(midnight: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The moment in the day from this midnight at which the zone's offset changes, if it does; to the second."""
    low = midnight.replace(tzinfo=zone).astimezone(timezone.utc)
    high = low + timedelta(days=1, hours=1)

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(zone).utcoffset()

    before = offset(low)
    if offset(high) == before:
        return
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if offset(middle) == before:
            low = middle
        else:
            high = middle
    yield high
