"""Allocation: a block never moves, never overlaps another, and is read back as it was written."""

from __future__ import annotations

from itertools import combinations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.planning.allocation import FIRST_BLOCK_TABLE, Allocations, TableBlock
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import Transport
from tests.support.virtual import a_network
from tests.support.world import a_slice

_names = st.sampled_from("abcdefgh")
_slices = st.dictionaries(_names, st.integers(1, 9)).map(
    lambda sizes: [a_slice(name, tables=size) for name, size in sizes.items()]
)


def overlap(one: TableBlock, other: TableBlock) -> bool:
    return one.first < other.end and other.first < one.end


@given(st.lists(_slices, max_size=6))
def test_blocks_stay_while_their_slices_live_and_never_overlap(reloads: list[list[FlowspaceSlice]]) -> None:
    allocations = Allocations()
    for slices in reloads:
        before = dict(allocations.blocks)
        allocations = allocations.allocate(slices)
        blocks = allocations.blocks
        assert set(blocks) == {one.name for one in slices}
        for one in slices:
            assert blocks[one.name].size == one.tables
            if one.name in before and before[one.name].size == one.tables:
                assert blocks[one.name] == before[one.name]
        assert not any(overlap(one, other) for one, other in combinations(blocks.values(), 2))
        assert all(block.first >= FIRST_BLOCK_TABLE for block in blocks.values())
        assert Allocations.from_text(allocations.to_text()) == allocations


@given(_slices)
def test_what_is_given_does_not_depend_on_the_order_of_the_files(slices: list[FlowspaceSlice]) -> None:
    assert Allocations().allocate(slices) == Allocations().allocate(slices[::-1])


def test_a_new_slice_has_the_first_gap_that_fits() -> None:
    first = Allocations().allocate([a_slice("a", tables=2), a_slice("b", tables=3), a_slice("c", tables=1)])
    assert first.blocks == {"a": (1, 2), "b": (3, 3), "c": (6, 1)}
    without = first.allocate([a_slice("a", tables=2), a_slice("c", tables=1)])
    both = without.allocate(
        [*(a_slice(name, tables=size) for name, size in (("a", 2), ("c", 1), ("d", 4), ("e", 2)))]
    )
    assert both.blocks == {"a": (1, 2), "c": (6, 1), "d": (7, 4), "e": (3, 2)}


def test_who_has_a_block_is_told_from_whoever_had_it() -> None:
    a, b = a_slice("a", tables=2), a_slice("b", tables=3)
    both = Allocations().allocate([a, b])
    assert both.births == {"a": 1, "b": 1}
    assert both.allocate([a, b]) == both
    without = both.allocate([b])
    assert without.births == {"b": 1}
    again = without.allocate([a, b])
    assert (again.blocks, again.births) == (both.blocks, {"a": 2, "b": 1})
    other = again.allocate([b]).allocate([a_slice("c", tables=2), b])
    assert other.births == {"b": 1, "c": 3}  # not 2, although nobody has it any more
    assert other.allocate([b, a_slice("c", tables=1)]).births == {"b": 1, "c": 4}


def test_a_switch_that_has_other_tables_in_front_is_born_anew() -> None:
    blue = a_network("blue", {"big": {1: "1/1"}})
    answering = evolve(blue, answers_arp=True, tables=blue.tables - 1)
    first = Allocations().allocate([blue])
    other = first.allocate([answering])
    assert other.blocks == first.blocks
    assert (first.births, other.births) == ({"blue/big": 1}, {"blue/big": 2})
    assert Allocations.from_text(other.to_text()) == other == other.allocate([answering])
    assert other.allocate([blue]).births == {"blue/big": 3}


def test_a_slice_whose_size_changes_gets_another_block() -> None:
    first = Allocations().allocate([a_slice("a", tables=2), a_slice("b", tables=2)])
    assert first.allocate([a_slice("a", tables=3), a_slice("b", tables=2)]).blocks == {
        "a": (5, 3),
        "b": (3, 2),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"tables": []}',
        '{"tables": {"a": 5}}',
        '{"tables": {"a": [1]}}',
        '{"tables": {"a": [1, "x"]}}',
        '{"tables": {"a": [1, 2, 3]}}',
        '{"tables": {"a": [1, null]}}',
        '{"tables": {"a": [0, 4]}}',
        '{"tables": {"a": [4, 0]}}',
        '{"tables": {"a": [4, -1]}}',
        '{"tables": {"a": [1, 4], "b": [4, 1]}}',
        '{"tables": {"a": [1, 4], "b": [1, 4]}}',
        '{"tables": {"a": [1, 4]}, "births": {"a": 2}, "last_birth": 1}',
        '{"tables": {"a": [1, 4]}, "births": {"a": -1}, "last_birth": 1}',
        '{"tables": {"a": [1, 4]}, "births": [], "last_birth": 1}',
        '{"tables": {"a": [1, 4]}, "answer_tables": 1}',
        '{"tables": {"a": [1, 4]}, "births": {"a": null}, "last_birth": 1}',
    ],
)
def test_a_file_that_is_not_one_of_allocations_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own message for what is no JSON
        Allocations.from_text(text)


def test_labels_stay_with_their_ports_and_are_read_back() -> None:
    blue = a_network("blue", {"big": {1: "1/1", 2: "2/1"}, "lab": {1: "1/2"}}, ["big/10 lab/10"])
    green = a_network("green", {"big": {1: "1/3", 2: "2/3"}})
    first = Allocations().allocate([green])
    assert first.labels == {PortName("green/big", 1): 2048, PortName("green/big", 2): 2049}
    both = first.allocate([blue, green])
    assert {name: both.labels[name] for name in first.labels} == first.labels
    assert set(both.labels) - set(first.labels) == {
        *(PortName("blue/big", number) for number in (1, 2, 10)),
        PortName("blue/lab", 10),  # its other port is only where its switch is
    }
    assert Allocations.from_text(both.to_text()) == both
    assert both.allocate([green]).labels == first.labels
    assert both.blocks["blue/big"].size == blue.tables + 1


def test_labels_of_tunnels_are_numbered_apart() -> None:
    blue = a_network("blue", {"big": {1: "1/1", 2: "2/1"}})
    green = a_network("green", {"big": {1: "1/3", 2: "2/3"}}, transport=Transport.TUNNEL)
    assert set(Allocations().allocate([blue, green]).labels.values()) == {2048, 2049, 1, 2}


def test_a_port_for_which_no_label_is_left_has_none() -> None:
    blue = a_network("blue", {"big": {1: "1/1", 2: "2/1", 3: "2/2"}})
    first = Allocations().allocate([blue], range(100, 102))
    assert list(first.labels.values()) == [100, 101]
    assert list(first.allocate([blue], range(101, 104)).labels.values()) == [101, 102, 103]


def test_a_file_from_before_there_were_labels_and_births_is_read() -> None:
    read = Allocations.from_text('{"tables": {"a": [1, 2]}}')
    assert (read.labels, read.births) == ({}, {"a": 0})
    assert read.allocate([a_slice("a", tables=2), a_slice("b")]).births == {"a": 0, "b": 1}
    with pytest.raises(ValueError, match="label"):
        Allocations.from_text('{"tables": {}, "labels": {"blue/big": {"1": 0}}}')
