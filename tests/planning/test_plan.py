"""The plan of a datapath: tables where there are enough of them, intersection where not."""

from __future__ import annotations

import pytest

from flowvisor.planning.allocation import Allocations, TableBlock
from flowvisor.planning.plan import DatapathPlan, Enforcement, compile_plan
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.world import a_slice, ports

A = a_slice("a", ports(1))
B = a_slice("b", ports(2, at=[7]))


def plan(*slices: FlowspaceSlice, dpid: int = 7, version: int = 4, n_tables: int = 254) -> DatapathPlan:
    allocations = Allocations().allocate((A, B))
    return compile_plan(slices, allocations, dpid=dpid, version=version, n_tables=n_tables)


def test_each_slice_has_its_block_where_there_are_tables_enough() -> None:
    compiled = plan(A, B)
    assert compiled.enforcement is Enforcement.TABLES
    assert compiled.blocks == {"a": TableBlock(1, 4), "b": TableBlock(5, 4)}
    assert {name: view.block for name, view in compiled.views.items()} == compiled.blocks


@pytest.mark.parametrize(("version", "n_tables"), [(1, 254), (1, 1), (4, 1), (4, 8)])
def test_matches_are_intersected_where_there_are_too_few(version: int, n_tables: int) -> None:
    compiled = plan(A, B, version=version, n_tables=n_tables)
    assert compiled.enforcement is Enforcement.INTERSECT
    assert compiled.blocks == {}
    assert [view.block for view in compiled.views.values()] == [None, None]


def test_as_many_tables_as_are_needed_are_enough() -> None:
    assert plan(A, B, n_tables=9).enforcement is Enforcement.TABLES


def test_a_slice_without_a_rule_at_the_datapath_is_not_there_and_needs_no_tables() -> None:
    compiled = plan(A, B, dpid=8, n_tables=5)
    assert compiled.enforcement is Enforcement.TABLES
    assert list(compiled.views) == ["a"]
    assert not compiled.views["a"].owns_port(9)


def test_a_view_is_of_the_slice_and_the_datapath() -> None:
    views = plan(A, B).views
    assert [(view.slice_name, view.dpid) for view in views.values()] == [("a", 7), ("b", 7)]
    assert views["a"].own_ports([1, 2, 3]) == [1]
    assert views["b"].own_ports([1, 2, 3]) == [2]


def test_a_datapath_that_nobody_has_a_share_of_has_a_plan_too() -> None:
    compiled = plan()
    assert compiled.enforcement is Enforcement.TABLES
    assert compiled.views == {}
