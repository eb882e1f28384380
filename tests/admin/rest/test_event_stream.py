"""Who listens hears everything in order, as long as it reads, and as long as its token is good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowvisor.admin.rest.event_stream import BEAT_SECONDS, MAX_SUBSCRIBERS
from flowvisor.admin.rest.events import MAX_EVENTS
from tests.support.admin import Desk, Line, parsed, unchunked


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tokens=tmp_path / "tokens.yaml")


class Listener:
    """Somebody who listens."""

    def __init__(self, desk: Desk, by: str | None = None, last: str = "") -> None:
        self.line: Line = desk.line()
        more = f"Last-Event-ID: {last}\r\n" if last else ""
        token = desk.tokens[by]
        self.line.write(
            f"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n".encode()
        )
        head, _, body = self.line.take().partition(b"\r\n\r\n")
        self.head = parsed(head + b"\r\n\r\n" if b"chunked" not in head else head + b"\r\n\r\n0\r\n\r\n")
        self.text = unchunked(body).decode()

    def hear(self) -> list[dict[str, Any]]:
        """What has come since."""
        text = self.text + unchunked(self.line.take()).decode()
        self.text = ""
        told = []
        for block in text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != ":")
            if "data" in lines:
                data = json.loads(lines["data"])
                assert (data["id"], data["event"]) == (lines["id"], lines["event"])
                told.append(data)
        return told

    def names(self) -> list[str]:
        return [one["event"] for one in self.hear()]


def test_what_happens_is_told_at_once(desk: Desk) -> None:
    listener = Listener(desk)
    assert (listener.head.status, listener.head.headers["content-type"]) == (200, "text/event-stream")
    assert listener.text == "retry: 3000\n\n"
    desk.instance.events.add("link_found", None, near="a")
    (told,) = listener.hear()
    assert told["details"] == {"near": "a"}


def test_a_tenant_hears_of_its_own_slice_only(desk: Desk) -> None:
    listener = Listener(desk, "blue")
    for slice_name in (None, "red", "blue"):
        desk.instance.events.add("refused", slice_name)
    (told,) = listener.hear()
    assert (told["slice"], told["id"][-2:]) == ("blue", "-1")


def test_who_comes_back_is_told_what_it_has_missed(desk: Desk) -> None:
    first = Listener(desk)
    desk.instance.events.add("link_found")
    (told,) = first.hear()
    first.line.hang_up()
    desk.instance.events.add("link_lost")
    assert Listener(desk, last=told["id"]).names() == ["link_lost"]
    assert Listener(desk, last="another-7").names() == ["link_found", "link_lost"]
    assert Listener(desk).names() == []


def test_who_does_not_read_is_written_nothing_and_told_that_it_has_missed_some(desk: Desk) -> None:
    listener = Listener(desk)
    listener.line.transport.producer.pauseProducing()
    for _ in range(MAX_EVENTS + 7):
        desk.instance.events.add("link_found")
    assert listener.hear() == []
    listener.line.transport.producer.resumeProducing()
    told = listener.hear()
    assert (told[0]["event"], told[0]["details"]) == ("missed", {"count": 7})
    assert len(told) == MAX_EVENTS + 1


def test_a_sign_of_life_comes_now_and_then(desk: Desk) -> None:
    listener = Listener(desk)
    desk.shell.reactor.advance(BEAT_SECONDS)
    assert unchunked(listener.line.take()) == b": \n\n"


def test_a_token_that_is_revoked_is_told_nothing_any_more(desk: Desk) -> None:
    listener = Listener(desk, "blue")
    assert desk.instance.tokens is not None
    desk.instance.tokens.revoke("blue")
    desk.shell.reactor.advance(BEAT_SECONDS)
    listener.hear()
    desk.instance.events.add("refused", "blue")
    assert listener.hear() == []
    assert desk.instance.events.of("blue").listeners == set()


def test_only_so_many_may_listen_and_who_goes_makes_room(desk: Desk) -> None:
    listeners = [Listener(desk) for _ in range(MAX_SUBSCRIBERS)]
    refused = desk.get("/events")
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    listeners[0].line.hang_up()
    assert len(desk.instance.events.of(None).listeners) == MAX_SUBSCRIBERS - 1
    assert Listener(desk).head.status == 200


def test_head_begins_no_stream(desk: Desk) -> None:
    answer = desk.ask("HEAD", "/events")
    assert (answer.status, answer.body) == (200, b"")
    assert desk.instance.events.of(None).listeners == set()
