"""JSON in pieces: a long list is made item by item, so that nobody has to wait for all of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flowvisor.admin.page import JSON, Page


def json_page(document: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Page:
    """A page that holds one object."""
    return Page(json.dumps(document, indent=2) + "\n", content_type=JSON, headers=headers or {})


def listing(name: str, items: Iterable[Mapping[str, Any]], **more: Any) -> Page:
    """A page that holds an object with one long list in it, and perhaps a few other things before that."""
    return Page(_pieces(name, items, more), content_type=JSON)


def _pieces(name: str, items: Iterable[Mapping[str, Any]], more: Mapping[str, Any]) -> Iterator[str]:
    before = "{" + "".join(f"{json.dumps(key)}: {json.dumps(value)}, " for key, value in more.items())
    before += f"{json.dumps(name)}: ["
    for item in items:
        yield f"{before}\n{json.dumps(item)}"
        before = ","
    yield "]}\n" if before == "," else f"{before}]}}\n"
