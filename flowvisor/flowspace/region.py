"""A region: any set of packets, as a union of boxes.

Strategy: the boxes may overlap, so that union is free; subtraction is where pieces multiply, so it takes a
bound. Containment never builds the difference: it goes depth first and stops at the first piece that is left
over. Rejected: binary decision diagrams, which are canonical, but flow entries have to be boxes in the end.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from flowvisor.errors import FlowVisorError
from flowvisor.flowspace.box import Box, covers, intersect, overlaps, subtract


class TooManyPieces(FlowVisorError):
    """A difference takes more boxes than the caller allows."""


@frozen
class Region:
    """The packets that are in at least one of `boxes`; `==` compares the boxes, not the packets."""

    boxes: tuple[Box, ...] = ()

    @classmethod
    def of(cls, *boxes: Box) -> Region:
        """The union of these boxes."""
        return cls(boxes)

    @property
    def is_empty(self) -> bool:
        """Is there no packet in it?"""
        return not self.boxes

    def union(self, other: Region | Box) -> Region:
        """The packets that are in either."""
        return Region(self.boxes + _boxes(other))

    def intersect(self, other: Region | Box) -> Region:
        """The packets that are in both."""
        theirs = _boxes(other)
        common = (intersect(mine, box) for mine in self.boxes for box in theirs)
        return Region(tuple(box for box in common if box is not None))

    def subtract(self, other: Region | Box, *, max_pieces: int | None = None) -> Region:
        """The packets that are not in the other; raises TooManyPieces if that takes, on the way, more boxes
        than `max_pieces`. The boxes are disjoint if this region's are.
        """
        left = list(self.boxes)
        for box in _boxes(other):
            pieces: list[Box] = []
            for mine in left:
                pieces += subtract(mine, box)
                if max_pieces is not None and len(pieces) > max_pieces:
                    raise TooManyPieces(f"the difference takes more than {max_pieces} boxes")
            left = pieces
        return Region(tuple(left))

    def covers(self, other: Region | Box) -> bool:
        """Is every packet of the other in here?"""
        return all(_is_covered(box, self.boxes) for box in _boxes(other))

    def overlaps(self, other: Region | Box) -> bool:
        """Is some packet in both?"""
        theirs = _boxes(other)
        return any(overlaps(mine, box) for mine in self.boxes for box in theirs)

    def sample(self) -> Box | None:
        """The widest of the boxes, whose match is the shortest to print; None if the region is empty."""
        return min(self.boxes, key=lambda box: box.mask.bit_count(), default=None)

    def simplified(self) -> Region:
        """The same packets without the boxes that another single box covers."""
        # Widest first, so that only what was kept before can cover a box; and that is looked up by the few
        # distinct masks instead of box by box.
        kept: dict[Box, None] = {}
        masks: set[int] = set()
        for box in sorted(self.boxes, key=lambda box: box.mask.bit_count()):
            value, mask = box
            if not any(wide & mask == wide and Box(value & wide, wide) in kept for wide in masks):
                kept[box] = None
                masks.add(mask)
        return Region(tuple(box for box in dict.fromkeys(self.boxes) if box in kept))


EMPTY: Final = Region()


def _boxes(packets: Region | Box) -> tuple[Box, ...]:
    return packets.boxes if isinstance(packets, Region) else (packets,)


def _is_covered(box: Box, by: tuple[Box, ...]) -> bool:
    """Is each packet of the box in one of these? At worst exponential in those that overlap it in part."""
    relevant = [other for other in by if overlaps(other, box)]
    if any(covers(other, box) for other in relevant):
        return True
    left = [(box, 0)]
    while left:
        piece, index = left.pop()
        while index < len(relevant) and not overlaps(piece, relevant[index]):
            index += 1
        if index == len(relevant):
            return False
        left += [(rest, index + 1) for rest in subtract(piece, relevant[index])]
    return True
