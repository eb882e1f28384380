"""Ports that a slice has closed: groups that stand for them, and entries that take what the slice would receive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.flowspace.region import Region
from flowvisor.openflow import v13
from flowvisor.openflow.actions import GotoTable
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import LOCAL, NO_FLOOD, NO_FWD, NO_RECV, NO_RECV_STP, PORT_DOWN
from flowvisor.planning.allocation import Allocations, TableBlock
from flowvisor.planning.closed_ports import (
    SPANNING_TREE,
    closed_group,
    closed_groups,
    closed_port,
    has_closed_group,
    reception_entries,
    unheard,
)
from flowvisor.planning.entries import FENCE_PRIORITY, HYPERVISOR_GROUPS, classifier_entries
from flowvisor.planning.plan import DatapathPlan, compile_plan
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.slices import PORTS, A, B, naive_owner, packets_like, slice_sets


def plan_of(*slices: FlowspaceSlice, version: int = 4) -> DatapathPlan:
    return compile_plan(slices, Allocations().allocate(slices), dpid=1, version=version, n_tables=254)


blocks = st.builds(TableBlock, st.integers(1, 250), st.integers(1, 4))


@given(blocks, blocks, st.one_of(st.integers(1, 0xFEFF), st.just(LOCAL)))
def test_a_group_says_which_port_it_stands_for_and_whose(
    one: TableBlock, other: TableBlock, port: int
) -> None:
    assert has_closed_group(port)
    group = closed_group(one, port)
    assert group in HYPERVISOR_GROUPS
    assert closed_port(one, group) == port
    if other.first != one.first:
        assert closed_port(other, group) is None


@pytest.mark.parametrize("port", [0xFF00, 70000, 0xFFFFFF00 - 1])
def test_a_number_that_takes_more_than_16_bits_has_no_group(port: int) -> None:
    assert not has_closed_group(port)


def test_only_ports_that_are_shut_have_a_group() -> None:
    plan = plan_of(A, B)
    configs = {"a": {1: NO_FWD, 2: NO_RECV | NO_FLOOD}, "b": {3: PORT_DOWN}, "gone": {1: NO_FWD}}
    found = {(closed_port(plan.blocks[name], one.group_id), name, one.buckets)
             for name in plan.blocks for one in closed_groups(plan, configs)
             if closed_port(plan.blocks[name], one.group_id) is not None}  # fmt: skip
    assert found == {(1, "a", ()), (3, "b", ())}
    assert closed_groups(plan_of(A, B, version=1), configs) == []


def test_the_spanning_tree_is_told_from_the_rest() -> None:
    assert unheard(NO_FWD) == ()
    assert unheard(NO_RECV_STP) == (SPANNING_TREE,)
    rest = Region(unheard(NO_RECV))
    assert not rest.overlaps(SPANNING_TREE)
    for config in (PORT_DOWN, NO_RECV | NO_RECV_STP):
        assert Region(unheard(config)).covers(rest.union(SPANNING_TREE))


@examples(40)
@given(slice_sets(("a", "b")), st.sampled_from(PORTS), st.sampled_from((PORT_DOWN, NO_RECV_STP)), st.data())
def test_the_classifier_drops_what_the_slice_does_not_hear_and_nothing_else(
    slices: list[FlowspaceSlice], port: int, config: int, data: st.DataObject
) -> None:
    plan = plan_of(*slices)
    datapath = EmulatedDatapath(1, 4, PORTS)
    for entry in (*classifier_entries(plan), *reception_entries(plan, {"a": {port: config}})):
        assert datapath.from_controller(v13.encode(entry), 0.0) == []
    firsts = {block.first: name for name, block in plan.blocks.items()}
    for match in [match for one in slices for one_rule in one.rules for match in one_rule.matches]:
        in_port, packet = data.draw(packets_like(match))
        fields = parse(packet, in_port)
        found = datapath.pipeline.tables[0].lookup(fields)
        assert found is not None
        goes = [firsts[step.table_id] for step in found.instructions if isinstance(step, GotoTable)]
        owner = naive_owner(slices, fields)
        is_dropped = owner == "a" and in_port == port and config == PORT_DOWN
        assert goes == ([owner] if owner and not is_dropped else [])


def test_where_matches_are_intersected_fences_are_cut_to_what_the_slice_has_there() -> None:
    plan = plan_of(A, B, version=1)
    assert reception_entries(plan, {"a": {3: PORT_DOWN}, "b": {1: NO_RECV_STP}}) == []  # not theirs
    (down,) = reception_entries(plan, {"a": {1: PORT_DOWN}})
    assert (down.priority, down.match.exact("in_port"), down.instructions) == (FENCE_PRIORITY, 1, ())
    below, spared = reception_entries(plan, {"a": {1: NO_RECV}})
    assert (below.priority, below.instructions) == (FENCE_PRIORITY - 1, ())
    assert (spared.priority, spared.match.exact("eth_dst")) == (FENCE_PRIORITY, 0x0180_C200_0000)
