"""What is denied to a slice, as matches that a datapath without tables for slices can drop by itself.

Strategy: taking denied packets off every match that a tenant writes makes many entries of each, or more than a
version can say. They are nobody's, so that one entry above all others may drop them, if the datapath's version
has words for exactly them; only where it has not, matches are cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.layout import match_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.traits import TRAITS
from flowvisor.openflow.versions import codec
from flowvisor.planning.exact_matches import exact_where_required
from flowvisor.planning.ownership import LABEL_GUARD_RANK, THE_CORE, Ownership, RankedBox

MAX_FENCES: Final = 1024  # entries for what is denied to one slice; where it takes more, matches are cut


def fences_of(ownership: Ownership, names: Iterable[str], version: int) -> dict[str, tuple[Match, ...]]:
    """The matches for what is denied to each of these slices, without those for which the version has no words."""
    found = {}
    for name in names:
        try:
            found[name] = _fence(ownership, name, version)
        except (TooManyPieces, Inexpressible):
            continue
    return found


def core_fences(claimed: Iterable[RankedBox], vlan_labels: Iterable[int], version: int) -> tuple[Match, ...]:
    """The matches for what only the core may send: of labels, where a version has no masks for them, those in use."""
    has_masks = TRAITS[version].has_tables
    guards = [(box, owner) for rank, box, owner in claimed if rank == LABEL_GUARD_RANK]
    matches = [match_of(box) for box, owner in guards if owner == THE_CORE or has_masks]
    if not has_masks:
        matches += [Match.of(vlan_vid=VLAN_PRESENT | label) for label in vlan_labels]
    return tuple(matches)


def _fence(ownership: Ownership, name: str, version: int) -> tuple[Match, ...]:
    matches: list[Match] = []
    for box in dict.fromkeys(ownership.denied_pieces(name)):
        for match in exact_where_required(match_of(box)):
            codec(version).encode(FlowMod(match=match))
            matches.append(match)
            if len(matches) > MAX_FENCES:
                raise TooManyPieces(f"more than {MAX_FENCES} entries")
    return tuple(matches)
