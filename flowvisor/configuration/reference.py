"""The formats of all files, told from what reads them: as JSON Schema for editors, and as a page for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from flowvisor.configuration.formats import Format
from flowvisor.configuration.match_reader import MATCH_SHAPE
from flowvisor.configuration.policy_formats import POLICY_FORMATS
from flowvisor.configuration.schema import Keys, Shape, object_shape
from flowvisor.configuration.settings_format import SETTINGS
from flowvisor.configuration.slice_formats import SLICE_FORMATS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
WHATS: Final = ("settings", "slice", "policy")  # the main file, and files of the two folders

_KINDS: Final[Mapping[str, Mapping[str, Format]]] = {
    "settings": {},
    "slice": SLICE_FORMATS.built,
    "policy": POLICY_FORMATS.built,
}
_TITLES: Final = {"settings": "The main file", "slice": "Slices", "policy": "Policies"}
_BEGINNINGS: Final = re.compile(r"\^\(([a-z0-9|]+)\):")  # of a pattern that says how a text begins
_INTRODUCTION: Final = """\
# Reference of all files

Made from what reads the files; `flowvisor schema` writes the same as JSON Schema, for editors. With the YAML language
server, a slice's file begins with

```yaml
# yaml-language-server: $schema=slice.schema.json
```

A key without a default may be left out and says nothing then. Every key that is not here is an error.

"""
_MATCH: Final = """\
## Matches

The fields are OpenFlow 1.3's, by their OXM names; a value is a number, an address, a word (`arp`, `tcp`), `value/mask`,
a prefix, `"a-b"` for numbers, or a list of these, of which any will do. What a field needs is implied: `tcp_dst: 80`
is TCP over IPv4 or IPv6. `vlan_vid: none` is untagged. [Slices](slices.md) says more.

"""


def json_schema(what: str) -> dict[str, Any]:
    """The JSON Schema of one of WHATS."""
    head: dict[str, Any] = {"$schema": DIALECT, "title": f"flowvisor: {_TITLES[what].lower()}"}
    if what == "settings":
        return {**head, **object_shape(SETTINGS.keys)}
    return {**head, "oneOf": [_of_kind(kind, one) for kind, one in _KINDS[what].items()]}


def _of_kind(kind: str, one: Format) -> dict[str, Any]:
    shape = dict(object_shape(one.keys))
    shape["properties"] = {**shape["properties"], "kind": {"const": kind}}
    return {"title": kind, **shape}


def reference() -> str:
    """The page, as Markdown."""
    parts = [_INTRODUCTION]
    for what in WHATS:
        parts.append(f"## {_TITLES[what]}\n\n")
        kinds: Mapping[str, Format] = _KINDS[what] or {"": SETTINGS}
        for kind, one in kinds.items():
            if kind:
                parts.append(f"### `kind: {kind}`\n\n")
            parts += _tables(one.keys)
    parts.append(_MATCH)
    parts.append(", ".join(f"`{name}`" for name in MATCH_SHAPE["properties"]) + "\n")
    return "".join(parts)


def _tables(keys: Keys) -> Iterator[str]:
    properties: Mapping[str, Any] = object_shape(keys)["properties"]
    defaults = {name: _default(key.default) for name, key in keys.items() if not key.is_required}
    required = [name for name, key in keys.items() if key.is_required]
    yield _table(properties, required, defaults)
    for name, shape in properties.items():
        for path, inner in _inside(name, shape):
            yield f"`{path}`\n\n"
            yield _table(inner["properties"], inner.get("required", []), {})


def _inside(path: str, shape: Shape) -> Iterator[tuple[str, Shape]]:
    """The mappings below a value, by where they are; not the matches, which have a section of their own."""
    if shape.get("properties") is MATCH_SHAPE["properties"]:
        return
    if "properties" in shape:
        yield path, shape
        for name, inner in shape["properties"].items():
            yield from _inside(f"{path}.{name}", inner)
    if "items" in shape:
        yield from _inside(f"{path}[]", shape["items"])
    if isinstance(shape.get("additionalProperties"), Mapping):
        yield from _inside(f"{path}.NAME", shape["additionalProperties"])
    for choice in shape.get("anyOf", ()):
        yield from _inside(path, choice)


def _table(properties: Mapping[str, Any], required: list[str], defaults: Mapping[str, str]) -> str:
    rows = ["| key | value | meaning | default |", "|---|---|---|---|"]
    for name, shape in properties.items():
        default = "required" if name in required else defaults.get(name, "")
        rows.append(f"| `{name}` | {form(shape)} | {shape.get('description', '')} | {default} |")
    return "\n".join(rows) + "\n\n"


def form(shape: Shape) -> str:
    """What a value looks like, in words."""
    if shape.get("properties") is MATCH_SHAPE["properties"]:
        return "a [match](#matches)"
    if "const" in shape:
        return f"`{shape['const']}`"
    if "enum" in shape:
        return " or ".join(f"`{choice}`" for choice in shape["enum"])
    if "anyOf" in shape:
        return ", or ".join(dict.fromkeys(form(choice) for choice in shape["anyOf"]))
    kind = shape.get("type", "a value")
    if kind == "array":
        return f"list of: {form(shape['items'])}"
    if kind == "object":
        return "mapping" if "properties" in shape else "mapping by name"
    if kind in ("integer", "number"):
        return f"{shape['minimum']} to {shape['maximum']}"
    beginnings = _BEGINNINGS.match(shape.get("pattern", ""))
    return " or ".join(f"`{one}:`…" for one in beginnings[1].split("|")) if beginnings else "text"


def _default(value: Any) -> str:
    if value is None or value in ({}, ()):
        return ""
    if isinstance(value, bool):
        return ""  # whichever word means it stands first among the values
    if isinstance(value, frozenset):
        return "all of them"
    if isinstance(value, range):
        return f"`{value.start}-{value.stop - 1}`"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, tuple):
        return ", ".join(_default(one) for one in value)
    return f"`{value}`"
