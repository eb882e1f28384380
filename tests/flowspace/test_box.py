"""Boxes against sets of ints, over four bits: every pair of boxes there is."""

from __future__ import annotations

from itertools import product

from hypothesis import given

from flowvisor.flowspace.box import EVERYTHING, Box, covers, intersect, overlaps, sample, subtract
from tests.support.flowspace_strategies import points_of, small_boxes

BITS = 4
ALL_BOXES = [
    Box(value, mask) for mask in range(1 << BITS) for value in range(1 << BITS) if value & ~mask == 0
]
ALL_PAIRS = list(product(ALL_BOXES, repeat=2))
POINTS = {box: points_of(box, bits=BITS) for box in ALL_BOXES}


def test_an_intersection_holds_what_is_in_both() -> None:
    for a, b in ALL_PAIRS:
        both = intersect(a, b)
        assert (POINTS[both] if both is not None else set()) == POINTS[a] & POINTS[b]


def test_boxes_overlap_if_something_is_in_both() -> None:
    for a, b in ALL_PAIRS:
        assert overlaps(a, b) == bool(POINTS[a] & POINTS[b])


def test_a_box_covers_its_subsets() -> None:
    for a, b in ALL_PAIRS:
        assert covers(a, b) == (POINTS[a] >= POINTS[b])


def test_a_difference_is_disjoint_boxes_of_what_is_only_in_the_first() -> None:
    for a, b in ALL_PAIRS:
        pieces = subtract(a, b)
        assert set().union(*(POINTS[piece] for piece in pieces)) == POINTS[a] - POINTS[b]
        assert sum(len(POINTS[piece]) for piece in pieces) == len(POINTS[a] - POINTS[b])


def test_a_difference_keeps_values_within_their_masks() -> None:
    for a, b in ALL_PAIRS:
        assert all(piece.value & ~piece.mask == 0 for piece in subtract(a, b))


def test_what_is_left_of_a_prefix_is_prefixes() -> None:
    pieces = subtract(Box(0b10_000000, 0b11_000000), Box(0b10_110100, 0b11_111100))
    assert [piece.mask for piece in pieces] == [0b11_100000, 0b11_110000, 0b11_111000, 0b11_111100]
    assert [piece.value for piece in pieces] == [0b10_000000, 0b10_100000, 0b10_111000, 0b10_110000]


def test_a_sample_is_in_its_box() -> None:
    assert all(sample(box) in POINTS[box] for box in ALL_BOXES)


@given(small_boxes())
def test_everything_covers_every_box(box: Box) -> None:
    assert covers(EVERYTHING, box)
    assert intersect(EVERYTHING, box) == box
    assert subtract(box, EVERYTHING) == []
