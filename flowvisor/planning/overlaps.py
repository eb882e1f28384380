"""The proof that slices are disjoint: where two claim the same packets, with a packet that shows it.

Strategy: each rule's boxes are looked up in a classifier of all others at the same datapath, so only what meets
is compared. What they have in common, less all that wins over both, is the overlap; with one rank it is a
conflict, for then nobody could say whose the packet is. Rules for all datapaths are compared once, at a datapath
that no rule names: what meets there meets everywhere, and no other rule of theirs shields it there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final, NamedTuple

from attrs import define, field, frozen

from flowvisor.configuration.match_values import format_value
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError, Place, Problem
from flowvisor.flowspace.box import Box, covers, intersect, overlaps
from flowvisor.flowspace.classifier import Classifier
from flowvisor.flowspace.layout import boxes_of, match_of
from flowvisor.flowspace.region import Region, TooManyPieces
from flowvisor.openflow import fields
from flowvisor.planning.ownership import MAX_PIECES, rank_of
from flowvisor.slices.flowspace_slice import ALL_DATAPATHS, FlowspaceRule

CONFLICT: Final = "conflict"
BY_PRIORITY: Final = "by-priority"

# Of each kind. With more the admin has one mistake to mend, not a thousand to read; the rest is not looked for.
MAX_OVERLAPS: Final = 1000

# Rules that are compared in search of those that a priority settles, before the search ends: a note that is not
# written does no harm, a check that takes minutes does. Conflicts are searched to the end.
MAX_RIVALS: Final = 2_000_000

# What a packet has where any value of some bits would do: the first of these that fits.
_PREFERRED: Final[Mapping[str, tuple[int, ...]]] = {
    "in_port": (1, 2),
    "eth_type": (
        *(fields.ETH_TYPE_IPV4, fields.ETH_TYPE_ARP, fields.ETH_TYPE_IPV6),
        *(fields.ETH_TYPE_LLDP, fields.ETH_TYPE_BDDP, fields.ETH_TYPE_MPLS),
    ),
    "vlan_vid": (fields.VLAN_PRESENT | 1, fields.VLAN_PRESENT | 2),
}


@frozen
class Claim:
    """A slice's rule."""

    slice: str
    rule: FlowspaceRule

    @property
    def place(self) -> Place:
        """Where the admin wrote it."""
        return self.rule.place


@frozen
class Overlap:
    """Packets that two slices claim at a datapath (None is all of them), and one of these packets.

    `kind` is CONFLICT, and nobody wins, or BY_PRIORITY, and the slice `winner` has them.
    """

    kind: str
    first: Claim
    second: Claim
    dpid: int | None
    sample: Mapping[str, int]
    winner: str | None


class _Entry(NamedTuple):
    rank: int
    box: Box
    claim: int  # its index in the claims


def find_overlaps(configuration: Configuration) -> list[Overlap]:
    """All pairs of rules of different slices that claim packets which no third rule wins.

    Conflicts first; at most MAX_OVERLAPS of each kind.
    """
    claims = [
        (one.name, rule) for one in configuration.flowspace_slices for rule in one.rules if rule.may_write
    ]
    search = _Search([Claim(name, rule) for name, rule in claims])
    search.run()
    return [*search.conflicts[:MAX_OVERLAPS], *search.notes[:MAX_OVERLAPS]]


def refuse_conflicts(configuration: Configuration) -> list[Overlap]:
    """The overlaps that priorities settle; raises ConfigurationError if there are others."""
    found = find_overlaps(configuration)
    conflicts = [_problem(overlap, configuration) for overlap in found if overlap.kind == CONFLICT]
    if conflicts:
        raise ConfigurationError(conflicts)
    return found


def _problem(overlap: Overlap, configuration: Configuration) -> Problem:
    first, second = overlap.first, overlap.second
    where = describe_datapath(overlap.dpid, configuration)
    message = (
        f"conflicts with {first.place}: at {where}, with priority {second.rule.priority}, {first.slice} and "
        f"{second.slice} both own packets like {describe_packet(overlap.sample)}"
    )
    return Problem(second.place, key="flowspace", message=message, suggestion="give one a higher priority")


def describe_datapath(dpid: int | None, configuration: Configuration) -> str:
    """Where an overlap is, in the admin's words."""
    return "all datapaths" if dpid is ALL_DATAPATHS else configuration.datapath_name(dpid)


def describe_packet(sample: Mapping[str, int]) -> str:
    """A packet as the admin would write a match for it."""
    return ", ".join(f"{name} {format_value(name, value)}" for name, value in sample.items()) or "any"


@define
class _Boxes:
    """All claims of one datapath alone, or of all datapaths: together, and by rank, where conflicts are."""

    entries: list[_Entry] = field(factory=list)
    _all: Classifier[int] = field(factory=Classifier)
    _by_rank: dict[int, Classifier[int]] = field(factory=dict)

    def add(self, entry: _Entry) -> None:
        """Add a claim's box."""
        self.entries.append(entry)
        self._all.add(entry.box, entry.rank, entry.claim)
        self._by_rank.setdefault(entry.rank, Classifier()).add(entry.box, entry.rank, entry.claim)

    def meeting(self, box: Box) -> list[_Entry]:
        """The claims that have packets of this box."""
        return [_Entry(*found) for found in self._all.overlapping(box)]

    def of_rank_meeting(self, rank: int, box: Box) -> list[_Entry]:
        """Those that have one rank."""
        if rank not in self._by_rank:
            return []
        return [_Entry(*found) for found in self._by_rank[rank].overlapping(box)]


@define
class _Search:
    """The claims of all slices, and the overlaps that were found so far."""

    claims: list[Claim]
    conflicts: list[Overlap] = field(factory=list)
    notes: list[Overlap] = field(factory=list)
    _at: dict[int | None, _Boxes] = field(factory=lambda: {ALL_DATAPATHS: _Boxes()})
    _paired: set[tuple[int, int]] = field(factory=set)
    _rivals_left: int = MAX_RIVALS

    def run(self) -> None:
        """Find everything."""
        self._add_boxes()
        for dpid, boxes in self._at.items():
            for entry in boxes.entries:
                self._find_conflicts(entry, dpid)
                if len(self.conflicts) >= MAX_OVERLAPS:
                    return
        for dpid, boxes in self._at.items():
            for entry in sorted(boxes.entries, reverse=True):
                self._find_notes(entry, dpid)
                if len(self.notes) >= MAX_OVERLAPS or self._rivals_left <= 0:
                    return

    def _add_boxes(self) -> None:
        known: set[tuple[str, int | None, int, Box]] = set()
        for index, claim in enumerate(self.claims):
            datapaths = (
                (ALL_DATAPATHS,) if claim.rule.datapaths is ALL_DATAPATHS else sorted(claim.rule.datapaths)
            )
            for box in (box for match in claim.rule.matches for box in boxes_of(match)):
                entry = _Entry(rank_of(claim.rule, box), box, index)
                for dpid in datapaths:
                    key = (claim.slice, dpid, entry.rank, box)
                    if key not in known:  # what a slice says twice is compared once
                        known.add(key)
                        self._at.setdefault(dpid, _Boxes()).add(entry)

    def _layers(self, dpid: int | None) -> tuple[_Boxes, ...]:
        everywhere = self._at[ALL_DATAPATHS]
        return (everywhere,) if dpid is ALL_DATAPATHS else (everywhere, self._at[dpid])

    def _find_conflicts(self, entry: _Entry, dpid: int | None) -> None:
        layers = self._layers(dpid)
        equals = [other for boxes in layers for other in boxes.of_rank_meeting(entry.rank, entry.box)]
        equals = [other for other in equals if self._is_pair(entry, other, dpid)]
        if not equals:
            return
        winners = [other for boxes in layers for other in boxes.meeting(entry.box) if other.rank > entry.rank]
        if any(covers(winner.box, entry.box) for winner in winners):
            return
        for other in equals:
            self._examine(entry, other, winners, dpid)

    def _find_notes(self, entry: _Entry, dpid: int | None) -> None:
        rivals = [other for boxes in self._layers(dpid) for other in boxes.meeting(entry.box)]
        rivals.sort(reverse=True)
        self._rivals_left -= len(rivals)
        for other in rivals:
            if other.rank != entry.rank and self._is_pair(entry, other, dpid):
                rank = max(entry.rank, other.rank)
                winners = rivals[: bisect_left(rivals, -rank, key=lambda rival: -rival.rank)]
                self._rivals_left -= len(winners)
                self._examine(entry, other, winners, dpid)
            if other.rank > entry.rank and covers(other.box, entry.box):
                return  # it has what the lower ones would dispute

    def _is_pair(self, entry: _Entry, other: _Entry, dpid: int | None) -> bool:
        """Is this the time to compare the two? Each pair that the datapath has alone is met twice."""
        rule = self.claims[other.claim].rule
        is_met_twice = (rule.datapaths is ALL_DATAPATHS) == (dpid is ALL_DATAPATHS)
        return (
            self.claims[other.claim].slice != self.claims[entry.claim].slice
            and not (is_met_twice and other.claim > entry.claim)
            and (other.claim, entry.claim) not in self._paired
        )

    def _examine(self, entry: _Entry, other: _Entry, winners: list[_Entry], dpid: int | None) -> None:
        """Report the two if the winners leave anything of what they have in common."""
        common = intersect(entry.box, other.box)
        assert common is not None
        piece = _sample_piece(common, winners)
        if piece is None or (other.claim, entry.claim) in self._paired:
            return
        self._paired.add((other.claim, entry.claim))
        first, second = sorted((entry, other), key=lambda one: one.claim)
        is_conflict = first.rank == second.rank
        (self.conflicts if is_conflict else self.notes).append(
            Overlap(
                kind=CONFLICT if is_conflict else BY_PRIORITY,
                first=self.claims[first.claim],
                second=self.claims[second.claim],
                dpid=dpid,
                sample=_packet_of(piece),
                winner=None if is_conflict else self.claims[max(first, second).claim].slice,
            )
        )


def _sample_piece(common: Box, winners: list[_Entry]) -> Box | None:
    """Some of the packets that no winner has; None if they have all.

    LOCAL, which is nobody's by a wildcard, need not be taken off: rules have one in_port or any, so where LOCAL
    is left other ports are, too.
    """
    left = Region.of(common)
    try:
        for winner in winners:
            if overlaps(winner.box, common):
                left = left.subtract(winner.box, max_pieces=MAX_PIECES)
                if left.is_empty:
                    return None
    except TooManyPieces:
        return common  # rather one conflict too many than one too few
    return min(left.boxes, key=_readability)


def _readability(piece: Box) -> tuple[bool, int, int]:
    """Smaller is better: a port that exists, one that people would think of, few fields."""
    port = _packet_of(piece).get("in_port", 1)
    return port == 0, port, piece.mask.bit_count()


def _packet_of(piece: Box) -> dict[str, int]:
    """A packet of the piece: the fields that are fixed, at least in part."""
    return {
        name: next((wanted for wanted in _PREFERRED.get(name, ()) if wanted & mask == value), value)
        for name, value, mask in match_of(piece)
    }
