"""Links as the admin writes them: `[leaf-1/3, spine-1/1]` is a cable between two ports.

`{ends: [leaf-1/10, leaf-2/10], kind: tunnel, capacity: 10 Gbit/s}` says more of one.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from flowvisor.configuration.converters import datapath, integer, one_of, parsed
from flowvisor.configuration.documents import ListNode, MappingNode, Node, Scalar, wrong
from flowvisor.configuration.match_values import parse_number
from flowvisor.configuration.schema import (
    Key,
    Keys,
    Names,
    described,
    object_shape,
    read_keys,
    text_of,
    what_is,
)
from flowvisor.errors import ConfigurationError, Place, Problem
from flowvisor.network.topology import End
from flowvisor.openflow.ports import MAX_PORT

_port: Final = integer(1, MAX_PORT)
_END_FORM: Final = "write DATAPATH/PORT"
_FORM: Final = "write [DATAPATH/PORT, DATAPATH/PORT]"

_END: Final = {"type": "string", "pattern": "/[0-9]+$"}
_ENDS: Final = {"type": "array", "items": _END, "minItems": 2, "maxItems": 2}
_CAPACITY_UNITS: Final = {"kbit/s": 1, "Mbit/s": 1000, "Gbit/s": 1_000_000}
MAX_CAPACITY: Final = 10_000_000_000  # kbit/s


@frozen
class DeclaredLink:
    """A link as it was written; `capacity` is in kbit/s, None if nobody said it."""

    ends: tuple[End, End]
    is_tunnel: bool = False
    capacity: int | None = None


@described(_ENDS)
def _ends(node: Node, names: Names) -> tuple[End, End]:
    if not isinstance(node, ListNode) or len(node.items) != 2:
        raise wrong(node, "a link has two ends", _FORM)
    one, other = (read_end(item, names) for item in node.items)
    return one, other


def _capacity(text: str) -> int:
    number, _, unit = text.partition(" ")
    if unit not in _CAPACITY_UNITS or not 0 < parse_number(number) * _CAPACITY_UNITS[unit] <= MAX_CAPACITY:
        raise ValueError(f'"{text}" is no capacity; write a number and kbit/s, Mbit/s or Gbit/s')
    return parse_number(number) * _CAPACITY_UNITS[unit]


LINK_KEYS: Final[Keys] = {
    "ends": Key(_ends, meaning="the two ports", is_required=True),
    "kind": Key(
        one_of({"cable": False, "tunnel": True}),
        meaning="cable, or tunnel: ports of VXLAN or the like that take their keys from flow entries",
        default=False,
    ),
    "capacity": Key(parsed(_capacity), meaning="what it carries, by which labels are spread"),
}


@described({"type": "array", "items": {"anyOf": [_ENDS, object_shape(LINK_KEYS)]}})
def links(node: Node, names: Names) -> tuple[DeclaredLink, ...]:
    """A list of links, no two of which have an end in common; raises ConfigurationError."""
    if not isinstance(node, ListNode):
        raise wrong(node, f"{what_is(node)} where a list of links is expected", f"{_FORM} for each")
    found: list[DeclaredLink] = []
    place_of: dict[End, Place] = {}
    problems: list[Problem] = []
    for item in node.items:
        try:
            link = _link(item, names)
            for end in link.ends:
                if end in place_of:
                    message = f"{end} is an end of a link already, in line {place_of[end].line}"
                    raise wrong(item, message, "a cable has two ends, and a port takes one cable")
                place_of[end] = item.place
            found.append(link)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return tuple(found)


def _link(node: Node, names: Names) -> DeclaredLink:
    if not isinstance(node, MappingNode):
        return DeclaredLink(_ends(node, names))
    found = read_keys(node, LINK_KEYS, names).complete()
    return DeclaredLink(found["ends"], is_tunnel=found["kind"], capacity=found["capacity"])


def read_end(node: Node, names: Names, form: str = _END_FORM) -> End:
    """A port of a datapath; raises ConfigurationError."""
    name, slash, port = text_of(node).rpartition("/")
    if not slash:
        raise wrong(node, f"{what_is(node)} names no port of a datapath", form)
    return End(
        datapath(_part(node, name), names),
        _port(_part(node, port), names),
    )


def _part(node: Node, text: str) -> Scalar:
    return Scalar(node.place, text=text, is_quoted=False)
