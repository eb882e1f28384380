"""JSON Schema is what the types say."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import pytest

from flowvisor.admin.rest.schemas import Schemas


class Leaf(TypedDict):
    """A leaf."""

    colour: Annotated[Literal["red", "blue"], "of it"]


class Tree(TypedDict):
    """A tree."""

    leaves: list[Leaf]
    height: float | None
    parent: Tree | None
    names: dict[str, int]
    rest: Any


def test_every_type_has_its_schema() -> None:
    schemas = Schemas()
    assert schemas.of(Tree) == {"$ref": "#/components/schemas/Tree"}
    assert schemas.components["Leaf"] == {
        "type": "object",
        "description": "A leaf.",
        "properties": {"colour": {"enum": ["red", "blue"], "description": "of it"}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    assert schemas.components["Tree"]["properties"] == {
        "leaves": {"type": "array", "items": {"$ref": "#/components/schemas/Leaf"}},
        "height": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "parent": {"anyOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "null"}]},
        "names": {"type": "object", "additionalProperties": {"type": "integer"}},
        "rest": {},
    }


def test_what_json_cannot_say_has_none() -> None:
    with pytest.raises(TypeError):
        Schemas().of(set[int])
