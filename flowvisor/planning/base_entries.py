"""The admin's own entries as a datapath's version has words for them."""

from __future__ import annotations

from collections.abc import Iterator

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.layout import boxes_of, match_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.network.wanted_datapath import BaseEntry
from flowvisor.openflow.actions import ApplyActions, Instructions, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.versions import codec
from flowvisor.planning.exact_matches import exact_where_required


def matches_of(entry: BaseEntry) -> Iterator[Match]:
    """One for each flow entry; raises TooManyPieces."""
    boxes = (box for match in entry.matches for box in boxes_of(match))
    for box in dict.fromkeys(boxes):
        yield from exact_where_required(match_of(box))


def instructions_of(entry: BaseEntry) -> Instructions:
    """What each of them does."""
    outputs = tuple(Output(port) for port in entry.outputs)
    return (ApplyActions(outputs),) if outputs else ()


def can_be_said(entry: BaseEntry, version: int) -> bool:
    """Whether a version has words for all packets of an entry, and no others, and for where they go."""
    try:
        for match in matches_of(entry):
            codec(version).encode(FlowMod(match=match, instructions=instructions_of(entry)))
    except (Inexpressible, TooManyPieces):
        return False
    return True
