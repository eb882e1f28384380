"""The reference and the JSON Schemas say what the reader takes: no more, and no less."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from flowvisor.configuration.match_reader import MATCH_SHAPE
from flowvisor.configuration.policy_formats import POLICY_FORMATS
from flowvisor.configuration.reference import WHATS, form, json_schema, reference
from flowvisor.configuration.schema import Shape
from flowvisor.configuration.settings_format import SETTINGS
from flowvisor.configuration.slice_formats import SLICE_FORMATS

ROOT = Path(__file__).parents[2]
SHIPPED = [
    *(
        ("settings", path)
        for path in (ROOT / "deploy/flowvisor.yaml", *ROOT.glob("deploy/[ck]*/flowvisor.yaml"))
    ),
    *(("slice", path) for path in (*ROOT.glob("slices/*.yaml"), *ROOT.glob("deploy/*/slices/*.yaml"))),
    *(("policy", path) for path in (*ROOT.glob("policies/*.yaml"), *ROOT.glob("deploy/*/policies/*.yaml"))),
]


class Strings(yaml.SafeLoader):
    """YAML as editors read it, where `on` and `off` are words (YAML 1.2)."""


Strings.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def validator(what: str) -> Any:
    return jsonschema_rs.validator_for(json_schema(what))


def document(path: Path) -> Any:
    return json.loads(json.dumps(yaml.load(path.read_text(), Strings)))


def leaves(shape: Shape, path: str) -> Iterator[tuple[str, Shape]]:
    """Everything below a shape that is not made of further shapes."""
    parts = [
        *((f"{path}.{name}", inner) for name, inner in shape.get("properties", {}).items()),
        *((f"{path}[]", shape[key]) for key in ("items",) if key in shape),
        *((path, choice) for choice in (*shape.get("anyOf", ()), *shape.get("oneOf", ()))),
    ]
    if isinstance(shape.get("additionalProperties"), Mapping):
        parts.append((f"{path}.NAME", shape["additionalProperties"]))
    if not parts:
        yield path, shape
    for inner_path, inner in parts:
        yield from leaves(inner, inner_path)


@pytest.mark.parametrize("what", WHATS)
def test_every_value_says_what_it_looks_like(what: str) -> None:
    for path, shape in leaves(json_schema(what), what):
        assert {"type", "const", "enum"} & shape.keys(), path


@pytest.mark.parametrize(("what", "path"), SHIPPED, ids=lambda one: str(one)[-40:])
def test_what_ships_is_as_the_schema_wants_it(what: str, path: Path) -> None:
    assert [error.message for error in validator(what).iter_errors(document(path))] == []


@pytest.mark.parametrize(("what", "path"), SHIPPED, ids=lambda one: str(one)[-40:])
def test_an_editor_sees_a_key_that_is_misspelt_or_missing(what: str, path: Path) -> None:
    good = document(path)
    assert not validator(what).is_valid({**good, "priorty": 1})
    for key in ("kind", "name", "listen", "flowspace"):
        if key in good:
            assert not validator(what).is_valid({name: good[name] for name in good if name != key}), key


def test_the_page_is_as_it_would_be_made_now() -> None:
    told = "docs/reference.md is out of date: python -m flowvisor schema --markdown > docs/reference.md"
    assert (ROOT / "docs/reference.md").read_text() == reference(), told


def test_the_page_has_every_kind_and_every_key() -> None:
    page = reference()
    for kind, one in {"": SETTINGS, **SLICE_FORMATS.built, **POLICY_FORMATS.built}.items():
        assert not kind or f"### `kind: {kind}`" in page
        for name, key in one.keys.items():
            assert f"| `{name}` |" in page
            assert key.meaning in page


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"enum": ["open", "listed"]}, "`open` or `listed`"),
        ({"type": "integer", "minimum": 1, "maximum": 8}, "1 to 8"),
        ({"type": "array", "items": {"type": "string"}}, "list of: text"),
        ({"type": "string", "pattern": "^(tcp|ssl):"}, "`tcp:`… or `ssl:`…"),
        ({"anyOf": [{"const": "all"}, {"type": "string"}]}, "`all`, or text"),
        (MATCH_SHAPE, "a [match](#matches)"),
        ({"type": "object", "additionalProperties": {"type": "object", "properties": {}}}, "mapping by name"),
    ],
)
def test_a_shape_is_told_in_words(shape: Shape, words: str) -> None:
    assert form(shape) == words
