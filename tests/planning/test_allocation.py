"""Blocks of tables: nobody's overlap, and nobody's moves."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.planning.allocation import FIRST_BLOCK_TABLE, Allocations, TableBlock
from tests.support.world import a_slice, ports

sizes = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9), max_size=8)


def allocated(sizes: dict[str, int], before: Allocations | None = None) -> Allocations:
    before = before if before is not None else Allocations()
    return before.allocate(a_slice(name, ports(1), tables=size) for name, size in sizes.items())


def test_slices_are_given_blocks_one_after_another_by_name() -> None:
    assert allocated({"b": 4, "a": 2}).blocks == {"a": TableBlock(1, 2), "b": TableBlock(3, 4)}


def test_the_end_of_a_block_is_the_table_after_it() -> None:
    assert TableBlock(3, 4).end == 7


def test_what_a_slice_has_stays_where_it_is_when_others_come_and_go() -> None:
    before = allocated({"a": 4, "b": 4, "c": 4})
    after = allocated({"aa": 5, "b": 4, "c": 4}, before)
    assert after.blocks == {"b": TableBlock(5, 4), "c": TableBlock(9, 4), "aa": TableBlock(13, 5)}


def test_a_new_slice_gets_the_first_gap_that_it_fits_into() -> None:
    before = allocated({"a": 4, "b": 2, "c": 4})
    without_b = allocated({"a": 4, "c": 4}, before)
    assert allocated({"a": 4, "c": 4, "d": 3}, without_b).blocks["d"] == TableBlock(11, 3)
    assert allocated({"a": 4, "c": 4, "d": 2}, without_b).blocks["d"] == TableBlock(5, 2)
    assert allocated({"c": 4, "d": 4}, without_b).blocks["d"] == TableBlock(1, 4)


def test_a_slice_that_wants_another_number_of_tables_is_given_another_block() -> None:
    before = allocated({"a": 4, "b": 4})
    assert allocated({"a": 5, "b": 4}, before).blocks == {"b": TableBlock(5, 4), "a": TableBlock(9, 5)}
    assert allocated({"a": 3, "b": 4}, before).blocks["a"] == TableBlock(1, 3)


@given(sizes, sizes)
def test_no_two_blocks_share_a_table_and_no_slice_that_stays_moves(
    first: dict[str, int], second: dict[str, int]
) -> None:
    before = allocated(first)
    after = allocated(second, before)
    for allocations, wanted in ((before, first), (after, second)):
        assert {name: block.size for name, block in allocations.blocks.items()} == wanted
        ordered = sorted(allocations.blocks.values())
        assert all(one.end <= other.first for one, other in pairwise(ordered))
        assert all(block.first >= FIRST_BLOCK_TABLE for block in ordered)
    for name in first.keys() & second.keys():
        if first[name] == second[name]:
            assert after.blocks[name] == before.blocks[name]
    assert allocated(second, after) == after


@given(sizes)
def test_what_is_kept_on_disk_is_read_back(wanted: dict[str, int]) -> None:
    allocations = allocated(wanted)
    assert Allocations.from_text(allocations.to_text()) == allocations


def test_the_same_allocations_are_the_same_text() -> None:
    one = Allocations({"a": TableBlock(1, 2), "b": TableBlock(3, 4)})
    other = Allocations({"b": TableBlock(3, 4), "a": TableBlock(1, 2)})
    assert one.to_text() == other.to_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "3",
        "{}",
        '{"tables": []}',
        '{"tables": {"a": 3}}',
        '{"tables": {"a": [1]}}',
        '{"tables": {"a": [1, 2, 3]}}',
        '{"tables": {"a": ["one", 2]}}',
        '{"tables": {"a": [null, 2]}}',
        '{"tables": {"a": [1, 4], "b": [4, 4]}}',
        '{"tables": {"a": [5, 4], "b": [1, 5]}}',
        '{"tables": {"a": [1, 4], "b": [1, 4]}}',
        '{"tables": {"a": [0, 4]}}',
        '{"tables": {"a": [-3, 2]}}',
        '{"tables": {"a": [1, 0]}}',
    ],
)
def test_what_is_no_file_of_allocations_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whoever reads the file tells what is wrong with it
        Allocations.from_text(text)
