"""Links as the admin writes them: `[leaf-1/3, spine-1/1]` is a cable between two ports."""

from __future__ import annotations

from typing import Final

from flowvisor.configuration.converters import datapath, integer
from flowvisor.configuration.documents import ListNode, Node, Scalar, wrong
from flowvisor.configuration.schema import Names, described, text_of, what_is
from flowvisor.errors import ConfigurationError, Place, Problem
from flowvisor.network.topology import End
from flowvisor.openflow.ports import MAX_PORT

_port: Final = integer(1, MAX_PORT)
_FORM: Final = "write [DATAPATH/PORT, DATAPATH/PORT]"


_END: Final = {"type": "string", "pattern": "/[0-9]+$"}


@described({"type": "array", "items": {"type": "array", "items": _END, "minItems": 2, "maxItems": 2}})
def links(node: Node, names: Names) -> tuple[tuple[End, End], ...]:
    """A list of links, no two of which have an end in common; raises ConfigurationError."""
    if not isinstance(node, ListNode):
        raise wrong(node, f"{what_is(node)} where a list of links is expected", f"{_FORM} for each")
    found: list[tuple[End, End]] = []
    place_of: dict[End, Place] = {}
    problems: list[Problem] = []
    for item in node.items:
        try:
            one, other = _link(item, names)
            for end, where in ((one, item), (other, item)):
                if end in place_of:
                    message = f"{end} is an end of a link already, in line {place_of[end].line}"
                    raise wrong(where, message, "a cable has two ends, and a port takes one cable")
                place_of[end] = item.place
            found.append((one, other))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return tuple(found)


def _link(node: Node, names: Names) -> tuple[End, End]:
    if not isinstance(node, ListNode) or len(node.items) != 2:
        raise wrong(node, "a link has two ends", _FORM)
    one, other = (_end(item, names) for item in node.items)
    return one, other


def _end(node: Node, names: Names) -> End:
    name, slash, port = text_of(node).rpartition("/")
    if not slash:
        raise wrong(node, f"{what_is(node)} names no port of a datapath", "write DATAPATH/PORT")
    return End(
        datapath(_part(node, name), names),
        _port(_part(node, port), names),
    )


def _part(node: Node, text: str) -> Scalar:
    return Scalar(node.place, text=text, is_quoted=False)
