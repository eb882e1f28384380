"""One request, as those who answer it see it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from attrs import field, frozen

from flowvisor.admin.rest.access import Access
from flowvisor.admin.rest.problems import Refused


@frozen
class Call:
    """`parameters` are those of the path, `headers` by lower-case names; `access` is None where nobody is asked."""

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    parameters: Mapping[str, str] = field(factory=dict)
    access: Access | None = None

    @property
    def who(self) -> Access:
        """Who asks."""
        assert self.access is not None  # the dispatch sees to it, except where everybody may ask
        return self.access

    def number(self, name: str, *, default: int, highest: int) -> int:
        """A number of the query, from 1 to `highest`; raises Refused."""
        text = self.query.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= highest:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{name} is a number from 1 to {highest}")
        return int(text)
