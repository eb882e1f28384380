"""The page in the browser: files as they lie in `web/`, which ask the REST API for everything that they show."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from flowvisor.admin.page import Page
from flowvisor.admin.rest.access import Audience
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.instance import Instance
from flowvisor.admin.rest.problems import Refused
from flowvisor.admin.rest.routes import Route

CONTENT_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
INDEX: Final = "index.html"

# Nothing from elsewhere, nothing inline, and in nobody's frame.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = MappingProxyType({"content-security-policy": _POLICY, "referrer-policy": "no-referrer"})


def _read() -> Mapping[str, str]:
    folder = files("flowvisor.admin").joinpath("web")
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in CONTENT_TYPES
    }


FILES: Final = _read()


def _page(name: str) -> Page:
    return Page(FILES[name], content_type=CONTENT_TYPES[name.rpartition(".")[2]], headers=_HEADERS)


def _index(instance: Instance, call: Call) -> Page:
    return _page(INDEX)


def _file(instance: Instance, call: Call) -> Page:
    name = call.parameters["file"]
    if name not in FILES or name == INDEX:
        raise Refused(HTTPStatus.NOT_FOUND, f'the page has no part "{name}"')
    return _page(name)


# For everybody, because there is nothing in them; but to be served only where a token may be sent.
WEB_ROUTES: Final = (
    Route("GET", "/", "showPage", "The page in the browser", Audience.EVERYBODY, _index),
    Route("GET", "/web/{file}", "getPartOfPage", "A part of that page", Audience.EVERYBODY, _file),
)
