"""What a route is, and how its path is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from attrs import frozen
from twisted.internet.defer import Deferred

from flowvisor.admin.page import JSON, Page, Stream
from flowvisor.admin.rest.access import Audience
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.instance import Instance

Answer: TypeAlias = Page | Stream | Deferred[Page]

# What a name in a path looks like; what does not is not there. A datapath's may also be its dpid.
NAME_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
_NAME: Final = re.compile(NAME_PATTERN)
_PARAMETER: Final = re.compile(r"\{([a-z]+)\}")


@frozen
class Query:
    """A parameter behind the question mark."""

    name: str
    meaning: str
    schema: Mapping[str, Any]
    is_required: bool = False


@frozen
class Header:
    """A header that a request may have."""

    name: str
    meaning: str


@frozen
class Route:
    """Something that can be asked.

    `operation` is its name for programs that are made from the OpenAPI document; `shape` is the type of what is
    answered, None where that is no JSON; `refusals` are the statuses it may have besides those that all such routes
    have; `body` the content types that it takes.
    """

    method: str
    path: str
    operation: str
    summary: str
    audience: Audience
    answer: Callable[[Instance, Call], Answer]
    shape: Any = None
    content_type: str = JSON
    statuses: tuple[int, ...] = (HTTPStatus.OK,)
    query: tuple[Query, ...] = ()
    headers: tuple[Header, ...] = ()
    body: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()
    has_etag: bool = False

    @property
    def parameters(self) -> list[str]:
        """The names in its path that stand for something."""
        return _PARAMETER.findall(self.path)

    def matched(self, segments: list[str]) -> dict[str, str] | None:
        """What the parameters are in a path; None if the path is another one."""
        own = self.path.split("/")
        if len(own) != len(segments):
            return None
        found = {}
        for mine, theirs in zip(own, segments, strict=True):
            parameter = _PARAMETER.fullmatch(mine)
            if parameter is None:
                if mine != theirs:
                    return None
            elif _NAME.fullmatch(theirs):
                found[parameter[1]] = theirs
            else:
                return None
        return found


def segments_of(path: str) -> list[str] | None:
    """The segments of a path as it was sent; None if it is none that could name anything."""
    try:
        return [unquote(part, errors="strict") for part in path.split("/")]
    except UnicodeDecodeError:
        return None


def matching(routes: Iterable[Route], path: str) -> Iterator[tuple[Route, dict[str, str]]]:
    """The routes of a path, for all methods."""
    segments = segments_of(path)
    for route in routes if segments is not None else ():
        assert segments is not None
        found = route.matched(segments)
        if found is not None:
            yield route, found
