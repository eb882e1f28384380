"""Whose a packet is at one datapath, and what of a set of packets is somebody else's.

Strategy: rules are never compiled into one disjoint partition, which a few hundred overlapping rules would
blow up. They stay as ranked boxes in a tuple-space classifier; a question about a set of packets looks up the
rules that overlap it and subtracts only those that win over them. What an ACL denies is looked up apart, when the owner
is known: it is nobody's to receive, and stays the owner's for all others who would emit it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import reduce
from itertools import count
from operator import or_
from typing import Final, NamedTuple

from flowvisor.flowspace.box import EVERYTHING, Box, covers, intersect
from flowvisor.flowspace.classifier import Classifier
from flowvisor.flowspace.layout import FIELD_SLOTS, boxes_of, field_mask
from flowvisor.flowspace.packet_point import (
    ADDRESSES,
    point_behind_one_tag,
    point_of_addresses,
    point_of_packet,
)
from flowvisor.flowspace.region import Region, TooManyPieces
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import LOCAL
from flowvisor.policies.acl import Acl
from flowvisor.slices.flowspace_slice import FlowspaceRule, FlowspaceSlice

MAX_PIECES: Final = (
    512  # of one set of packets after subtraction; past that the answer is "not provably ours"
)
NOBODY: Final = ""  # owns what must not be anybody's by way of a wildcard
THE_ADMIN: Final = "//"  # likewise what the admin's own entries send on
THE_CORE: Final = "/"  # owns the ports of tunnels; no slice and no share is called so

# Ranks: twice an admin's priority, so that there is one above each rule for what is denied to its owner; LOCAL is
# nobody's unless a rule names it, whatever that rule's priority. Between them is what virtual networks need: the labels
# of packets that cross the core, which no host and no slice may send; above them where virtual ports are attached,
# whose packets cross behind a label whatever they are; and labelled packets where they come over a link.
LABEL_GUARD_RANK: Final = 0x7FFC
ATTACHMENT_RANK: Final = 0x7FFE
LABEL_RANK: Final = 0x7FFF
LOCAL_GUARD_RANK: Final = 0x8000
BASE_RANK: Final = 0xFFFC  # what the admin's own entries take, above everybody's rules
IN_PORT_MASK: Final = field_mask("in_port")
_PORT_SHIFT: Final = FIELD_SLOTS["in_port"].shift
_PORT_BITS: Final = FIELDS["in_port"].all_ones
LOCAL_BOX: Final = boxes_of(Match.of(in_port=LOCAL))[0]


class RankedBox(NamedTuple):
    """A box of a slice's rule; the highest rank wins."""

    rank: int
    box: Box
    owner: str


class Ownership:
    """The ranked boxes of all slices at one datapath, and the boxes that are denied to each.

    `fenced` are the slices whose denied packets the datapath drops before any entry sees them.
    """

    def __init__(
        self, ranked: Iterable[RankedBox], denied: Mapping[str, Collection[Box]] | None = None
    ) -> None:
        self.ranked: tuple[RankedBox, ...] = (*ranked, RankedBox(LOCAL_GUARD_RANK, LOCAL_BOX, NOBODY))
        self._classifier: Classifier[str] = Classifier()
        for rank, box, owner in self.ranked:
            self._classifier.add(box, rank, owner)
        self._port_of = self._only_ports()
        self._denied = {owner: _classifier_of(boxes) for owner, boxes in (denied or {}).items() if boxes}
        self._checked = self._denied  # of whose owners packets have to be looked at here
        self.fenced: frozenset[str] = frozenset()
        self._keeps_base_out = False
        ranked_mask = reduce(or_, (box.mask for _, box, _ in self.ranked))
        self._addresses_suffice = not ranked_mask & ~ADDRESSES
        denied_boxes = [box for boxes in (denied or {}).values() for box in boxes]
        # The bits of the layout that any rule looks at, be it of a flowspace or of an ACL.
        self.used_mask: Final = reduce(or_, (box.mask for box in denied_boxes), ranked_mask)
        named = {
            box.value >> _PORT_SHIFT & _PORT_BITS
            for box in (*(box for _, box, _ in self.ranked), *denied_boxes)
            if box.mask & IN_PORT_MASK
        }
        # The labelled packets that only the core may emit over a link, at whatever port.
        self.labels: Final = tuple(
            box for rank, box, owner in self.ranked if rank == LABEL_GUARD_RANK and owner == NOBODY
        )
        # Stands for all ports that no rule names: what holds at one of them holds at each.
        self.any_other_port: Final = next(port for port in count(1) if port not in named)
        self.named_ports: Final = frozenset(named - {LOCAL})
        self.local_is_nobodys: Final = not any(
            names_local(box) for rank, box, owner in self.ranked if owner and rank != BASE_RANK
        )

    @classmethod
    def at(
        cls,
        dpid: int,
        slices: Iterable[FlowspaceSlice],
        acls: Mapping[str, Acl] | None = None,
        claims: Iterable[RankedBox] = (),
    ) -> Ownership:
        """The ownership that the slices' rules give at a datapath, and their ACLs by the slices' names.

        `claims` are what virtual networks have there.
        """
        rules = (
            RankedBox(rank_of(rule, box), box, one.name)
            for one in slices
            for rule in one.rules_at(dpid)
            if rule.may_write
            for match in rule.matches
            for box in boxes_of(match)
        )
        return cls(
            (*rules, *claims),
            {name: acl.denied_at(dpid) for name, acl in (acls or {}).items()},
        )

    def fence(self, names: Iterable[str], *, keeps_base_out: bool = True) -> None:
        """Take note that what is denied to these slices is dropped at the datapath, above all of their entries.

        And whether it has the admin's own entries, for which no slice's need be cut.
        """
        self.fenced, self._keeps_base_out = frozenset(names), keeps_base_out
        self._checked = {name: denied for name, denied in self._denied.items() if name not in self.fenced}

    def representative_of(self, port: int) -> int:
        """A port at which everything belongs to whom it does at this one: itself if a rule names it."""
        return port if port in self.named_ports or port == LOCAL else self.any_other_port

    def owner_of(self, packet: Box) -> str | None:
        """The slice that owns a packet (its in_port among its fields), None when nobody surely does."""
        owner = self._classifier.lookup(packet) or None
        return None if self._denied and self.is_denied(packet, owner) else owner

    def is_denied(self, packet: Box, owner: str | None) -> bool:
        """Whether a packet that a slice owns, or one of a set of them, is (or may be) denied to it."""
        denied = self._denied.get(owner or NOBODY)
        return denied is not None and any(True for _ in denied.overlapping(packet))

    def owner_of_packet(self, data: bytes, in_port: int) -> str | None:
        """The slice that owns a packet that came in at a port; no more of it is read than rules look at.

        What a fence keeps from coming here is not looked for. A packet with two tags is somebody's only if it is
        so behind the first as behind both.
        """
        if self._port_of is not None:
            owner = self._port_of.get(in_port)
        elif self._addresses_suffice:
            owner = self._classifier.lookup(point_of_addresses(data, in_port)) or None
        else:
            owner = self._classifier.lookup(point_of_packet(data, in_port)) or None
            outer = point_behind_one_tag(data, in_port)
            if outer is not None and (self._classifier.lookup(outer) or None) != owner:
                return None
        if owner in self._checked:
            readings = (point_of_packet(data, in_port), point_behind_one_tag(data, in_port))
            if any(one is not None and self.is_denied(one, owner) for one in readings):
                return None
        return owner

    def own_pieces(
        self, box: Box, owner: str, *, is_fenced: bool = False, unlabelled: bool = False
    ) -> Iterator[Box]:
        """The parts of a set of packets that are the slice's effective flowspace.

        Parts may overlap one another. `is_fenced`: packets that come from LOCAL and are nobody's, those that are
        denied to a slice of `fenced`, labelled ones and the admin's own, are kept out by entries of the hypervisor's
        and need not be taken off; the last two are if the parts are to be `unlabelled`. Raises TooManyPieces where the
        subtraction grows past MAX_PIECES.
        """
        overlapping = list(self._classifier.overlapping(box))
        base = [other for rank, other, _ in overlapping if rank == BASE_RANK]
        if is_fenced:
            kept_out = self._kept_out(box, unlabelled=unlabelled)
            overlapping = [
                entry
                for entry in overlapping
                if not (entry[0] in kept_out and entry[2] in (NOBODY, THE_CORE, THE_ADMIN))
            ]
        taken: list[Box] = []
        if owner in self._denied and not (is_fenced and owner in self.fenced):
            taken = [denied for _, denied, _ in self._denied[owner].overlapping(box)]
        foreign = [(rank, other) for rank, other, name in overlapping if name != owner]
        for rank, rule_box, rule_owner in overlapping:
            if rule_owner != owner:
                continue
            piece = intersect(box, rule_box)
            assert piece is not None
            if any(covers(other, piece) for other in base):
                continue
            winners = [other for other_rank, other in foreign if other_rank > rank]
            yield from _less(piece, [*winners, *taken])

    def _kept_out(self, box: Box, *, unlabelled: bool) -> set[int]:
        """The ranks of what entries of the hypervisor's keep from slices' entries for a set of packets."""
        kept_out = {LOCAL_GUARD_RANK} if self.local_is_nobodys and not names_local(box) else set()
        if not unlabelled:
            kept_out |= {LABEL_GUARD_RANK, BASE_RANK} if self._keeps_base_out else {LABEL_GUARD_RANK}
        return kept_out

    def differing(self, other: Ownership) -> frozenset[RankedBox]:
        """The boxes of rules that only one of the two has."""
        return frozenset(self.ranked) ^ frozenset(other.ranked)

    def overlapping(self, box: Box) -> Iterator[RankedBox]:
        """The boxes of rules that have packets in common with a box, whoever wins."""
        for rank, other, owner in self._classifier.overlapping(box):
            yield RankedBox(rank, other, owner)

    def denied_boxes(self) -> Iterator[RankedBox]:
        """What is denied to each slice of what its rules name: as many boxes as rules and denials that meet."""
        for rank, box, owner in self.ranked if self._denied else ():
            if owner in self._denied:
                for _, denied, _ in self._denied[owner].overlapping(box):
                    common = intersect(box, denied)
                    assert common is not None
                    yield RankedBox(denied_rank(rank), common, owner)

    def denied_pieces(self, owner: str) -> Iterator[Box]:
        """What is denied to a slice and would be its own else; raises TooManyPieces like `own_pieces`."""
        for rank, box, name in self.denied_boxes():
            if name == owner:
                others = self._classifier.overlapping(box)
                yield from _less(
                    box,
                    [other for higher, other, by in others if by not in (owner, NOBODY) and higher > rank],
                )

    def foreign_part(self, box: Box, owner: str) -> Box | None:
        """A part of a set of packets that belongs to another slice, or None when no packet of it does."""
        overlapping = list(self._classifier.overlapping(box))
        for rank, rule_box, rule_owner in overlapping:
            if rule_owner in (owner, NOBODY):
                continue
            piece = intersect(box, rule_box)
            assert piece is not None
            # LOCAL_BOX, which nobody owns, shields like one of ours.
            shields = [
                other
                for other_rank, other, name in overlapping
                if name in (owner, NOBODY) and other_rank > rank
            ]
            try:
                for rest in _less(piece, shields):
                    return rest
            except TooManyPieces:
                return piece
        return None

    def _only_ports(self) -> dict[int, str] | None:
        """Owner by port where every rule is one whole port."""
        owners: dict[int, tuple[int, str]] = {}
        for rank, box, owner in self.ranked:
            if box.mask != IN_PORT_MASK:
                return None
            port = box.value >> _PORT_SHIFT
            if port not in owners or owners[port][0] < rank:
                owners[port] = (rank, owner)
        return {port: owner for port, (_rank, owner) in owners.items() if owner != NOBODY}


def rank_of(rule: FlowspaceRule, box: Box) -> int:
    """What a box of a rule weighs: the highest wins."""
    return 2 * rule.priority + (LOCAL_GUARD_RANK + 1 if names_local(box) else 0)


def denied_rank(rank: int) -> int:
    """The rank of what a rule's owner must not have of the rule's packets: above the rule, and below all that win."""
    return rank + 1


def names_local(box: Box) -> bool:
    """Whether a box says in so many words that the packet comes from LOCAL."""
    return box.mask & IN_PORT_MASK == IN_PORT_MASK and box.value & IN_PORT_MASK == LOCAL_BOX.value


def _classifier_of(boxes: Iterable[Box]) -> Classifier[None]:
    classifier: Classifier[None] = Classifier()
    for box in boxes:
        classifier.add(box, 0, None)
    return classifier


def _less(piece: Box, others: list[Box]) -> Iterator[Box]:
    if not others:
        yield piece
        return
    if any(covers(other, piece) for other in others):
        return  # which subtracting one after the other might find only after too many pieces
    rest = Region.of(piece)
    for other in others:
        rest = rest.subtract(other, max_pieces=MAX_PIECES)
        if rest.is_empty:
            return
    yield from rest.boxes


__all__ = ["EVERYTHING", "MAX_PIECES", "NOBODY", "Ownership", "RankedBox", "names_local"]
