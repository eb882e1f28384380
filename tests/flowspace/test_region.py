"""Regions against sets: of ints over a few bits, and of packets by the naive meaning of matches."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.flowspace.box import EVERYTHING, Box, overlaps
from flowvisor.flowspace.layout import boxes_of, point_of
from flowvisor.flowspace.region import EMPTY, Region, TooManyPieces
from flowvisor.openflow.match import Match
from tests.support.flowspace_strategies import (
    Packet,
    applies,
    matches,
    packets,
    points_of,
    regions,
    small_boxes,
)

small_regions = st.lists(small_boxes(), max_size=5).map(lambda boxes: Region.of(*boxes))
small = st.one_of(small_regions, small_boxes())


def ints(packets_: Region | Box) -> set[int]:
    boxes = packets_.boxes if isinstance(packets_, Region) else (packets_,)
    return set().union(*(points_of(box) for box in boxes))


def of(*matches_: Match) -> Region:
    return Region.of(*(box for match in matches_ for box in boxes_of(match)))


# --------------------------------------------------------------------------------------- over a few bits


@given(small_regions, small)
def test_union_intersection_and_difference_are_those_of_sets(a: Region, b: Region | Box) -> None:
    assert ints(a.union(b)) == ints(a) | ints(b)
    assert ints(a.intersect(b)) == ints(a) & ints(b)
    assert ints(a.subtract(b)) == ints(a) - ints(b)


@given(small_regions, small)
def test_covering_and_overlapping_are_those_of_sets(a: Region, b: Region | Box) -> None:
    assert a.covers(b) == (ints(a) >= ints(b))
    assert a.overlaps(b) == bool(ints(a) & ints(b))


@given(small_regions)
def test_a_region_is_empty_if_nothing_is_in_it(region: Region) -> None:
    assert region.is_empty == (not ints(region))


@given(small_regions)
def test_a_sample_is_part_of_the_region_and_there_is_one_unless_it_is_empty(region: Region) -> None:
    sample = region.sample()
    assert (sample is None) == region.is_empty
    assert sample is None or region.covers(sample)


@given(small_regions)
def test_a_simplified_region_has_the_same_packets_in_no_box_that_another_covers(region: Region) -> None:
    simplified = region.simplified()
    assert ints(simplified) == ints(region)
    assert set(simplified.boxes) <= set(region.boxes)
    for a, b in combinations(simplified.boxes, 2):
        assert not points_of(a) <= points_of(b)
        assert not points_of(b) <= points_of(a)


@given(small_boxes(), small_regions)
def test_the_difference_of_disjoint_boxes_is_disjoint_boxes(box: Box, other: Region) -> None:
    left = Region.of(box).subtract(other)
    assert not any(overlaps(a, b) for a, b in combinations(left.boxes, 2))


@given(small_regions, small_regions, st.integers(0, 8))
def test_a_difference_within_its_bound_is_the_same_and_beyond_it_is_refused(
    a: Region, b: Region, bound: int
) -> None:
    try:
        left = a.subtract(b, max_pieces=bound)
    except TooManyPieces:
        pass
    else:
        assert left == a.subtract(b)
        assert len(left.boxes) <= bound or not b.boxes


def test_the_bound_holds_on_the_way_too() -> None:
    hole = Box(0b11111, 0b11111)
    with pytest.raises(TooManyPieces, match="more than 4 boxes"):
        Region.of(EVERYTHING).subtract(Region.of(hole, EVERYTHING), max_pieces=4)
    assert Region.of(EVERYTHING).subtract(Region.of(hole, EVERYTHING), max_pieces=5).is_empty


def test_the_widest_box_is_the_sample() -> None:
    assert Region.of(Box(1, 3), Box(0, 4), Box(3, 3)).sample() == Box(0, 4)


def test_nothing_is_in_the_empty_region() -> None:
    assert EMPTY.is_empty
    assert EMPTY.sample() is None
    assert EMPTY.subtract(EVERYTHING) == EMPTY.intersect(EVERYTHING) == EMPTY.simplified() == EMPTY
    assert Region.of(EVERYTHING).covers(EMPTY)
    assert not EMPTY.covers(EVERYTHING)
    assert not EMPTY.overlaps(EVERYTHING)


# --------------------------------------------------------------------------------------- over all fields


@given(st.lists(matches(), max_size=3), st.lists(matches(), max_size=3), packets())
def test_the_algebra_means_what_matches_mean(a: list[Match], b: list[Match], packet: Packet) -> None:
    in_a = any(applies(match, packet) for match in a)
    in_b = any(applies(match, packet) for match in b)
    point = point_of(packet)
    assert of(*a).covers(point) == in_a
    assert of(*a).union(of(*b)).covers(point) == (in_a or in_b)
    assert of(*a).intersect(of(*b)).covers(point) == (in_a and in_b)
    assert of(*a).simplified().covers(point) == in_a
    try:
        left = of(*a).subtract(of(*b), max_pieces=5_000)
    except TooManyPieces:
        return
    assert left.covers(point) == left.overlaps(point) == (in_a and not in_b)


@given(regions(max_size=3), regions(max_size=2))
def test_a_difference_and_what_was_taken_off_make_up_the_region(a: Region, b: Region) -> None:
    try:
        left = a.subtract(b, max_pieces=2_000)
    except TooManyPieces:
        return
    assert not left.overlaps(b)
    assert a.covers(left)
    assert left.union(b).covers(a)
    assert a.covers(b) or not b.subtract(a).is_empty


def test_a_slice_of_everything_else_owns_the_rest() -> None:
    research = of(Match.of(vlan_vid=0x1064), Match.of(tcp_dst=80))
    rest = Region.of(EVERYTHING).subtract(research)
    assert not rest.overlaps(research)
    assert rest.union(research).covers(EVERYTHING)
    assert not rest.covers(EVERYTHING)
