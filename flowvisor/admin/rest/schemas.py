"""JSON Schema of the shapes: a type's docstring is its description, an annotation's text that of its field."""

from __future__ import annotations

import types
from inspect import getdoc
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

Schema = dict[str, Any]

_PLAIN: Final[dict[Any, Schema]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


class Schemas:
    """Schemas of some types, and of all that they are made of: these by name, in `components`."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, shape: Any) -> Schema:
        """The schema of a type; for a TypedDict a reference to it."""
        if is_typeddict(shape):
            return self._reference(shape)
        if shape in _PLAIN:
            return dict(_PLAIN[shape])
        origin, parts = get_origin(shape), get_args(shape)
        if origin is Annotated:
            return {**self.of(parts[0]), "description": parts[1]}
        if origin is Literal:
            return {"enum": list(parts)}
        if origin is list:
            return {"type": "array", "items": self.of(parts[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(parts[1])}
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(part) for part in parts]}
        raise TypeError(f"{shape} has no schema")

    def _reference(self, shape: Any) -> Schema:
        name = shape.__name__
        if name not in self.components:
            self.components[name] = {}  # a shape may hold itself
            hints = get_type_hints(shape, include_extras=True)
            self.components[name] = {
                "type": "object",
                "description": getdoc(shape),
                "properties": {key: self.of(hint) for key, hint in hints.items()},
                "required": sorted(shape.__required_keys__),
                "additionalProperties": False,
            }
        return {"$ref": f"#/components/schemas/{name}"}
