"""Events: the admin hears of all, a tenant of its own, and who was away of what is kept."""

from __future__ import annotations

import pytest

from flowvisor.admin.rest.events import MAX_EVENTS, MAX_EVENTS_OF_SLICE, Events, Happened


def numbers(happened: Happened, after: int) -> list[tuple[int, str]]:
    return [(one.number, one.event) for one in happened.after(after)]


@pytest.fixture
def events() -> Events:
    return Events("run", lambda: "now")


def test_each_hears_of_its_own_and_the_admin_of_all(events: Events) -> None:
    events.add("datapath_up", None, dpid="1")
    events.add("refused", "red", reason="quota")
    events.add("refused", "blue", reason="quota")
    assert numbers(events.of(None), 0) == [(1, "datapath_up"), (2, "refused"), (3, "refused")]
    assert numbers(events.of("blue"), 0) == [(1, "refused")]
    (told,) = [events.of("blue").as_json(one) for one in events.of("blue").after(0)]
    assert told == {
        "id": "run-1",
        "time": "now",
        "event": "refused",
        "slice": "blue",
        "details": {"reason": "quota"},
    }


def test_who_comes_back_goes_on_after_the_last_that_it_has_seen(events: Events) -> None:
    for _ in range(3):
        events.add("link_found")
    happened = events.of(None)
    assert numbers(happened, happened.number_of("run-2")) == [(3, "link_found")]
    for id_of_another_run in ("", "2", "other-2", "run-x", "run--1", "run-²", "run-" + "9" * 30):
        assert happened.number_of(id_of_another_run) == 0
    assert happened.number_of("run-99") == 3


@pytest.mark.parametrize(("owner", "kept"), [(None, MAX_EVENTS), ("blue", MAX_EVENTS_OF_SLICE)])
def test_only_so_many_are_kept_and_who_has_missed_some_is_told(
    events: Events, owner: str | None, kept: int
) -> None:
    for _ in range(kept + 5):
        events.add("refused", "blue")
    happened = events.of(owner)
    told = list(happened.after(2))
    assert (told[0].event, told[0].details, told[0].number) == ("missed", {"count": 3}, 5)
    assert [one.number for one in told[1:]] == list(range(6, kept + 6))
    assert next(happened.after(5)).number == 6


def test_who_listens_is_told_at_once(events: Events) -> None:
    heard: list[str] = []
    events.of(None).listeners.add(lambda: heard.append("admin"))
    events.of("red").listeners.add(lambda: heard.append("red"))
    events.add("refused", "blue")
    events.add("refused", "red")
    assert heard == ["admin", "admin", "red"]


def test_a_slice_that_takes_the_name_of_one_that_is_gone_hears_nothing_of_it(events: Events) -> None:
    events.add("refused", "blue")
    events.forget_slices_but({"red"})
    assert events.of("blue").last == 0


def test_an_event_that_is_not_in_the_table_is_our_mistake(events: Events) -> None:
    with pytest.raises(AssertionError):
        events.add("something")
