"""What a format is: for one kind of object its keys, and what is made of their values.

The formats themselves are data, in `settings_format`, `slice_formats` and `policy_formats`: the reader knows no
key that does not stand there. Kinds and keys that are designed and not built yet stand there too, so that they
are refused by name and never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from flowvisor.configuration import converters
from flowvisor.configuration.documents import MappingNode, Node
from flowvisor.configuration.schema import (
    TEXT,
    Described,
    Key,
    Keys,
    Names,
    mapping_of,
    object_shape,
    read_keys,
    text_of,
)


@frozen
class Format:
    """One kind of object: its keys, and what is made of their values."""

    keys: Keys
    build: Callable[[MappingNode, Mapping[str, Any]], Any]

    @property
    def item(self) -> Described[Any]:
        """The converter for such an object within another."""
        return Described(self.read, object_shape(self.keys))

    def read(self, node: Node, names: Names) -> Any:
        """The object that a node holds; raises ConfigurationError."""
        mapping = mapping_of(node)
        return self.build(mapping, read_keys(mapping, self.keys, names).complete())


@frozen
class Formats:
    """The kinds of objects that a folder's files may hold, and those of which only the name is known."""

    built: Mapping[str, Format]
    not_built: tuple[str, ...]


KIND: Final = Key(
    Described(lambda node, names: text_of(node), TEXT), meaning="what the file holds", is_required=True
)
NAME: Final = Key(converters.own_name, meaning="the name of the file without .yaml", is_required=True)
