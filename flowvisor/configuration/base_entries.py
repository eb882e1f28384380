"""The admin's own entries at a datapath, as the main file has them: `{match: {vlan_vid: 4000}, output: [1, local]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flowvisor.configuration.converters import list_of, one_or_more, parsed
from flowvisor.configuration.documents import Node, Scalar, wrong
from flowvisor.configuration.formats import Format
from flowvisor.configuration.match_reader import read_match
from flowvisor.configuration.match_values import parse_number
from flowvisor.configuration.schema import TEXT_OR_NUMBER, Key, Names, described, shape_of
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.flowspace.box import Box, overlaps
from flowvisor.flowspace.layout import boxes_of
from flowvisor.network.wanted_datapath import BaseEntry
from flowvisor.openflow.ports import FLOOD, LOCAL, MAX_PORT, NORMAL

MAX_BOXES: Final = 1024  # of all entries of one datapath, their lists and ranges multiplied out
NOWHERE: Final = "nowhere"
_PORTS: Final[Mapping[str, int]] = {"local": LOCAL, "normal": NORMAL, "flood": FLOOD}


def _port(text: str) -> int:
    if text in _PORTS:
        return _PORTS[text]
    try:
        number = parse_number(text)
    except ValueError:
        number = 0
    if not 1 <= number <= MAX_PORT:
        raise ValueError(f'"{text}" is no port: write a number, {", ".join(_PORTS)}, or {NOWHERE}')
    return number


_ports: Final = one_or_more(parsed(_port, TEXT_OR_NUMBER))


@described(shape_of(_ports))
def _outputs(node: Node, names: Names) -> tuple[int, ...]:
    if isinstance(node, Scalar) and node.text == NOWHERE:
        return ()
    return _ports(node, names)


BASE_ENTRY: Final = Format(
    keys={
        "match": Key(read_match, meaning="packets that no slice is to have; {} is all", is_required=True),
        "output": Key(
            _outputs,
            meaning=f"the ports that they go out of: numbers, {', '.join(_PORTS)}; or {NOWHERE}",
            is_required=True,
        ),
    },
    build=lambda node, values: BaseEntry(values["match"], values["output"], node.place),
)

_entries: Final = list_of(BASE_ENTRY.item, may_repeat=True)


@described(shape_of(_entries))
def base_entries(node: Node, names: Names) -> tuple[BaseEntry, ...]:
    """All of a datapath's; raises ConfigurationError where it is not certain which of two a packet meets."""
    found = tuple(_entries(node, names))
    seen: list[tuple[Box, BaseEntry]] = []
    problems: list[Problem] = []
    for entry in found:
        boxes = [box for match in entry.matches for box in boxes_of(match)]
        other = next((one for known, one in seen for box in boxes if overlaps(box, known)), None)
        if other is not None:
            message = f"some packets are those of the entry in line {other.place.line}, too"
            problems.append(
                Problem(entry.place, key="", message=message, suggestion="let no packet fit both")
            )
        seen += [(box, entry) for box in boxes]
        if len(seen) > MAX_BOXES:
            raise wrong(node, f"the entries multiply out to more than {MAX_BOXES} matches")
    if problems:
        raise ConfigurationError(problems)
    return found
