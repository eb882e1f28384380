"""Events as they happen, as server-sent events (HTML, section 9.2).

Strategy: nothing is queued for those who listen. Each has a place in the one list of events, and is written to while
it reads; who reads too slowly falls out of the list, and is told that it has missed some.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from twisted.web.server import Request
from zope.interface import implementer

from flowvisor.admin.page import Stream
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.events import Events, Happened, Happening
from flowvisor.admin.rest.problems import Refused

CONTENT_TYPE: Final = "text/event-stream"
MAX_SUBSCRIBERS: Final = 32  # at once; half of the connections, so that there are others left
BEAT_SECONDS: Final = 15.0  # between signs of life; and so long a token that was revoked is heard yet
EVENTS_PER_WRITE: Final = 50


class Subscribers:
    """Everybody who listens."""

    def __init__(self, reactor: Any, events: Events) -> None:
        self._reactor = reactor
        self._events = events
        self._all: set[_Subscriber] = set()

    def stream(self, call: Call, slice_name: str | None, is_still_allowed: Callable[[], bool]) -> Stream:
        """The answer to who wants to listen, from after its Last-Event-ID; raises Refused."""
        if len(self._all) >= MAX_SUBSCRIBERS:
            told = f"{MAX_SUBSCRIBERS} listen already; come again later"
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, told, headers={"retry-after": "10"})
        happened = self._events.of(slice_name)
        last = call.headers.get("last-event-id")
        number = happened.last if last is None else happened.number_of(last)

        def begin(request: Request) -> None:
            subscriber = _Subscriber(happened, request, number, is_still_allowed)
            self._all.add(subscriber)
            request.notifyFinish().addBoth(lambda _: self._gone(subscriber))
            subscriber.begin(self._reactor)

        return Stream(begin, CONTENT_TYPE)

    def _gone(self, subscriber: _Subscriber) -> None:
        self._all.discard(subscriber)
        subscriber.stopProducing()


@implementer(IPushProducer)
class _Subscriber:
    def __init__(
        self,
        happened: Happened,
        request: Request,
        number: int,
        is_still_allowed: Callable[[], bool],
    ) -> None:
        self._happened = happened
        self._request = request
        self._number = number  # of the last event that it was told
        self._is_still_allowed = is_still_allowed
        self._is_paused = False
        self._beat = LoopingCall(self._live)

    def begin(self, reactor: Any) -> None:
        self._beat.clock = reactor
        self._request.registerProducer(self, True)
        self._happened.listeners.add(self._tell)
        self._request.write(b"retry: 3000\n\n")
        self._beat.start(BEAT_SECONDS, now=False)
        self._tell()

    def pauseProducing(self) -> None:
        self._is_paused = True

    def resumeProducing(self) -> None:
        self._is_paused = False
        self._tell()

    def stopProducing(self) -> None:
        self._is_paused = True
        self._happened.listeners.discard(self._tell)
        if self._beat.running:
            self._beat.stop()

    def _live(self) -> None:
        if not self._is_still_allowed():
            self.stopProducing()
            self._request.unregisterProducer()
            self._request.finish()
        elif not self._is_paused:
            self._request.write(b": \n\n")

    def _tell(self) -> None:
        """Write what is new, until it is told to stop."""
        while not self._is_paused and self._number < self._happened.last:
            text = []
            for one in self._happened.after(self._number):
                self._number = one.number
                text.append(self._text(one))
                if len(text) == EVENTS_PER_WRITE:
                    break
            self._request.write("".join(text).encode())

    def _text(self, one: Happening) -> str:
        told = self._happened.as_json(one)
        return f"id: {told['id']}\nevent: {one.event}\ndata: {json.dumps(told)}\n\n"
