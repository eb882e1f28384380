"""What is answered to one request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from attrs import field, frozen
from twisted.web.server import Request

JSON = "application/json"


@frozen
class Page:
    """Text; or pieces of it, each made in a moment when nothing else is to be done."""

    body: str | Iterator[str]
    status: int = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class Stream:
    """An answer that has no end: `begin` is given the request, and writes when there is something to say."""

    begin: Callable[[Request], Any]
    content_type: str
