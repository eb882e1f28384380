"""What one slice sees of one datapath: its tables, its ports, and where its packets may leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Final, NamedTuple

from attrs import Factory, define

from flowvisor.flowspace.box import EVERYTHING, Box, covers, intersect, overlaps
from flowvisor.flowspace.layout import boxes_of, forget, set_field
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import LOCAL
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.ownership import Ownership, names_local
from flowvisor.planning.share import Share

# What a packet leaves behind when it goes out of a port.
_LEFT_BEHIND = ("metadata", "in_phy_port", "tunnel_id")


class FarEnd(NamedTuple):
    """Where a cable leads: a port, and who owns what at its datapath."""

    ownership: Ownership
    port: int


@define(eq=False)
class _Answers:
    """What is remembered of a plan, which never changes."""

    owned: dict[int, bool] = Factory(dict)
    private: dict[int, bool] = Factory(dict)
    safe: dict[int, bool] = Factory(dict)
    region: tuple[Box, ...] | bool | None = False  # False: nobody has asked yet
    outside: tuple[Box, ...] | None = None  # what it is once it has left, at whichever port


class View:
    """The slice's share of a datapath; answers are remembered, those about cables until a cable is another.

    `block` is None where the datapath has no tables for the slice and flow entries are intersected. `used_mask` is
    the bits of a packet on which it may depend whose it is where it arrives. `reads` is what the slice sees although it
    is not its own; it is all that there is if it may not write. If it has a `share` it is of a virtual network's
    switch, and speaks of that switch's ports.
    """

    share: Share | None = None

    def __init__(
        self,
        *,
        slice_name: str,
        ownership: Ownership,
        block: TableBlock | None,
        may_write: bool = True,
        reads: tuple[Box, ...] = (),
        n_tables_of_others: int = 1,
    ) -> None:
        self.slice_name = slice_name
        self.ownership = ownership
        self.block = block
        self.may_write = may_write
        self.reads = reads
        own = block.size if block is not None else 1
        self.n_tables: Final = own if may_write else n_tables_of_others
        # Tables that an entry which the slice is shown may be in, numbered as its owner does.
        self.n_tables_seen: Final = max(own, n_tables_of_others) if reads else own
        self._n_tables_of_others = n_tables_of_others
        self.used_mask = ownership.used_mask
        self._answers = _Answers()
        self._far_ends: dict[int, tuple[FarEnd, ...]] = {}
        self._over_cables = _Answers()

    def of_another_datapath(self) -> View:
        """The same share at a datapath of which the rules say the same; its cables are its own."""
        other = View(
            slice_name=self.slice_name,
            ownership=self.ownership,
            block=self.block,
            may_write=self.may_write,
            reads=self.reads,
            n_tables_of_others=self._n_tables_of_others,
        )
        other._answers = self._answers
        return other

    def put_far_ends(self, port: int, far_ends: tuple[FarEnd, ...]) -> None:
        """What leaves at the port arrives at all of these; without any, at the same port seen from outside."""
        if far_ends:
            self._far_ends[port] = far_ends
        else:
            self._far_ends.pop(port, None)
        self._over_cables.private.pop(port, None)
        self._over_cables.safe.pop(port, None)
        masks = (far.ownership.used_mask for ends in self._far_ends.values() for far in ends)
        self.used_mask = reduce(or_, masks, self.ownership.used_mask)

    @property
    def far_ends(self) -> Mapping[int, tuple[FarEnd, ...]]:
        """Where what leaves the slice's ports arrives, as far as that is known."""
        return self._far_ends

    @property
    def cabled_ports(self) -> Collection[int]:
        """The slice's ports of which it is known where they lead."""
        return self._far_ends.keys()

    def owns_port(self, port: int) -> bool:
        """Whether any packet that comes in at the port belongs to the slice."""
        port = self.ownership.representative_of(port)
        known = self._answers.owned.get(port)
        if known is None:
            known = self._answers.owned[port] = self._is_owned(port)
        return known

    def sees_port(self, port: int) -> bool:
        """Whether the slice is told of the port: it has it, or may look at packets that come in there."""
        return self.owns_port(port) or any(self._reaches(box, port) for box in self.reads)

    def _reaches(self, box: Box, port: int) -> bool:
        return overlaps(box, _at(port)) and (port != LOCAL or names_local(box))

    def sees(self, packet: Box) -> bool:
        """Whether the slice may look at a packet (its in_port among its fields) that is another's."""
        is_local = names_local(packet)
        return any(
            covers(box, packet) and (not is_local or names_local(box)) for box in self.reads
        ) and not self.ownership.is_denied(packet, self.slice_name)

    def sees_some_of(self, boxes: Collection[Box]) -> bool:
        """Whether the slice may look at some packets of a set."""
        return any(overlaps(box, other) for box in self.reads for other in boxes)

    def sees_some_of_slice(self, other: View) -> bool:
        """Whether the slice may look at any packet that is the other's."""
        owned = other.own_pieces(self.reads)
        return owned is None or bool(owned)

    def own_ports(self, ports: Iterable[int]) -> list[int]:
        """Those of a datapath's ports that the slice has, in ascending order."""
        return sorted(port for port in ports if self.owns_port(port))

    def flooded_ports(self, ports: Iterable[int], *, may_grow: bool = False) -> list[int]:
        """The ports that an output to FLOOD or ALL is judged by.

        In a block of tables a port that comes joins the flood of entries that are there already, so that the ports
        that may yet come count like those that have; everywhere if it `may_grow`, as a group's does.
        """
        if self.block is None and not may_grow:
            return self.own_ports(ports)
        named, other = self.ownership.named_ports, self.ownership.any_other_port
        while other in named or other in self._far_ends:
            other += 1
        return self.own_ports({*ports, *named, other})

    def port_is_private(self, port: int) -> bool:
        """Whether no packet at all is another slice's where it arrives that leaves at this port."""
        answers, number = self._beyond(port)
        known = answers.private.get(number)
        if known is None:
            known = answers.private[number] = self.foreign_part((EVERYTHING,), port) is None
        return known

    def has_port_alone(self, port: int) -> bool:
        """Whether no packet at all is another slice's that comes in at this port or leaves at it."""
        outside = (FarEnd(self.ownership, port),)
        return self.port_is_private(port) and self._foreign_at(outside, (EVERYTHING,)) is None

    def port_is_safe(self, port: int) -> bool:
        """Whether every packet of the slice may leave here as it came in, whatever it is."""
        answers, number = self._beyond(port)
        known = answers.safe.get(number)
        if known is None:
            region = self._region_outside
            safe = region is not None and self.foreign_part(region, port) is None
            known = answers.safe[number] = safe or self.port_is_private(port)
        return known

    def _beyond(self, port: int) -> tuple[_Answers, int]:
        """Where it is remembered what holds beyond a port, and under which number."""
        if port in self._far_ends:
            return self._over_cables, port
        return self._answers, self.ownership.representative_of(port)

    @property
    def region(self) -> tuple[Box, ...] | None:
        """The effective flowspace as boxes, or None where that would take too many."""
        if isinstance(self._answers.region, bool):
            try:
                own = self.ownership.own_pieces
                found = own(EVERYTHING, self.slice_name, is_fenced=True, unlabelled=True)
                self._answers.region = tuple(found)
            except TooManyPieces:
                self._answers.region = None
        return self._answers.region

    @property
    def _region_outside(self) -> tuple[Box, ...] | None:
        # Of a slice that has many ports whole all boxes are the same here: else it would be as many for each port.
        if self._answers.outside is None and self.region is not None:
            left = (forget(box, "in_port", *_LEFT_BEHIND) for box in self.region)
            self._answers.outside = tuple(dict.fromkeys(left))
        return self._answers.outside

    def own_pieces(
        self, boxes: Collection[Box], *, is_fenced: bool = False, unlabelled: bool = False
    ) -> list[Box] | None:
        """What of a set of packets is in the effective flowspace; None where that would take too many boxes.

        What `is_fenced` and `unlabelled` are, see `Ownership.own_pieces`.
        """
        own, name = self.ownership.own_pieces, self.slice_name
        try:
            return [
                piece for box in boxes for piece in own(box, name, is_fenced=is_fenced, unlabelled=unlabelled)
            ]
        except TooManyPieces:
            return None

    def foreign_part(self, boxes: Iterable[Box], port: int) -> Box | None:
        """Of packets that leave at a port, some that belong to another slice where they arrive, else None.

        They arrive at the far ends of its cable, where labels are the core's, or where no cable is known at the same
        port seen from outside.
        """
        far_ends = self._far_ends.get(port)
        if far_ends is None:
            return self._foreign_at((FarEnd(self.ownership, port),), boxes)
        return self._foreign_at(far_ends, boxes, self.ownership.labels)

    def _foreign_at(
        self, arriving: Iterable[FarEnd], boxes: Iterable[Box], labels: Collection[Box] = ()
    ) -> Box | None:
        for box in boxes:
            outside = forget(box, *_LEFT_BEHIND)
            for label in labels:
                labelled = intersect(outside, label)
                if labelled is not None:
                    return labelled
            for ownership, port in arriving:
                foreign = ownership.foreign_part(set_field(outside, "in_port", port), self.slice_name)
                if foreign is not None:
                    return foreign
        return None

    def _is_owned(self, port: int) -> bool:
        try:
            return any(True for _ in self.ownership.own_pieces(_at(port), self.slice_name))
        except TooManyPieces:
            return True


def _at(port: int) -> Box:
    return boxes_of(Match.of(in_port=port))[0]
