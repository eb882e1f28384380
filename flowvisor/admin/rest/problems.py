"""Problem documents (RFC 9457): what is said to who asks wrongly. Nothing has been changed then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flowvisor.admin.page import Page
from flowvisor.errors import ConfigurationError, FlowVisorError, Problem

CONTENT_TYPE: Final = "application/problem+json"


class Refused(FlowVisorError):
    """A request that is not done; `status` says why, the text says it in words."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def page(self) -> Page:
        """The document."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": str(self),
            **self.more,
        }
        return Page(json.dumps(document, indent=2) + "\n", self.status, CONTENT_TYPE, self.headers)


def bad_files(error: ConfigurationError) -> Refused:
    """The files would not be good; every problem is told."""
    told = "; ".join(map(str, error.problems[:3]))
    more = {"problems": [problem_as_json(one) for one in error.problems]}
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, told, more=more)


def problem_as_json(problem: Problem) -> dict[str, Any]:
    """One thing that is wrong in the files, as the command line tells it with --json."""
    names = ("file", "line", "column", "key", "message", "suggestion")
    return {name: getattr(problem, name) for name in names}
