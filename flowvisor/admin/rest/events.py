"""What has happened lately: bounded lists, in which everybody who listens has a place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen

from flowvisor.admin.rest import shapes

# That are kept; who was away for longer is told that some are gone.
MAX_EVENTS: Final = 1000
MAX_EVENTS_OF_SLICE: Final = 200

MISSED: Final = "missed"

# Every kind of event, and what it tells.
KINDS: Final[Mapping[str, str]] = {
    "datapath_up": "a datapath has connected",
    "datapath_down": "a datapath's connection is gone",
    "switch_up": "a virtual switch is there",
    "switch_down": "a virtual switch is gone",
    "controller_up": "a controller has a channel to a virtual switch",
    "controller_down": "a controller's channel is gone",
    "link_found": "a link between datapaths was found",
    "link_lost": "a link between datapaths is there no more",
    "refused": "requests of a slice were refused in the last second",
    "limit_reached": "a slice has met a limit in the last second",
    "reloaded": "other files are in force",
    "reload_failed": "the files are not good; what was in force is",
    "file_changed": "a file was changed over this interface",
    MISSED: "events have been lost to you: they came faster than you have read, or you were away for long",
}


@frozen
class Happening:
    """One event. `slice` is whose it is; None is nobody's in particular."""

    number: int
    time: str
    event: str
    slice: str | None = None
    details: Mapping[str, Any] = field(factory=dict)


class Happened:
    """What has happened that one reader may know of. `run` makes its ids others than those of another run."""

    def __init__(self, run: str, length: int) -> None:
        self._run = run
        self._kept: deque[Happening] = deque(maxlen=length)
        self.last = 0  # the number of the last one
        self.listeners: set[Callable[[], None]] = set()

    def add(self, time: str, event: str, slice_name: str | None, details: Mapping[str, Any]) -> None:
        """Something has happened."""
        self.last += 1
        self._kept.append(Happening(self.last, time, event, slice_name, details))
        for tell in list(self.listeners):
            tell()

    def after(self, number: int) -> Iterator[Happening]:
        """Those after this one, before them that some are kept no more, if that is so."""
        kept = [one for one in self._kept if one.number > number]
        missed = self.last - number - len(kept)
        if missed > 0:
            time = kept[0].time if kept else ""
            yield Happening(number + missed, time, MISSED, None, {"count": missed})
        yield from kept

    def number_of(self, event_id: str) -> int:
        """The number of the event of an id; of another run, or of nothing that we can read, it is before all."""
        run, _, number = event_id.partition("-")
        is_ours = run == self._run and number.isascii() and number.isdecimal() and len(number) < 16
        return min(int(number), self.last) if is_ours else 0

    def as_json(self, one: Happening) -> shapes.Event:
        """What is told of an event."""
        return {
            "id": f"{self._run}-{one.number}",
            "time": one.time,
            "event": one.event,
            "slice": one.slice,
            "details": dict(one.details),
        }


class Events:
    """For the admin everything, for each tenant its own, with numbers of its own, which tell nothing of others."""

    def __init__(self, run: str, now: Callable[[], str]) -> None:
        self._run = run
        self._now = now
        self._of_admin = Happened(run, MAX_EVENTS)
        self._of_slices: dict[str, Happened] = {}

    def of(self, slice_name: str | None) -> Happened:
        """What a tenant may know of; None is the admin."""
        if slice_name is None:
            return self._of_admin
        known = self._of_slices.get(slice_name)
        if known is None:
            known = self._of_slices[slice_name] = Happened(self._run, MAX_EVENTS_OF_SLICE)
        return known

    def add(self, event: str, slice_name: str | None = None, **details: Any) -> None:
        """Something has happened; a name that `KINDS` does not have is a mistake of ours."""
        assert event in KINDS
        time = self._now()
        self._of_admin.add(time, event, slice_name, details)
        if slice_name is not None:
            self.of(slice_name).add(time, event, slice_name, details)

    def forget_slices_but(self, names: Collection[str]) -> None:
        """A slice that takes the name of one that is gone has nothing to do with it."""
        for name in self._of_slices.keys() - set(names):
            del self._of_slices[name]
