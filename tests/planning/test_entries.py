"""The hypervisor's own entries: the classifier in table 0 does what ownership says, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow import v13
from flowvisor.openflow.actions import ApplyActions, GotoTable, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import CONTROLLER, LOCAL
from flowvisor.planning.allocation import Allocations, TableBlock
from flowvisor.planning.entries import (
    COOKIE,
    COOKIE_MASK,
    FENCE_PRIORITY,
    HYPERVISOR_GROUPS,
    all_group,
    classifier_entries,
    classifier_priority,
    exact_where_required,
    fence_entries,
    flood_group,
    groups_of,
    miss_entry,
)
from flowvisor.planning.ownership import denied_rank
from flowvisor.planning.plan import DatapathPlan, Enforcement, compile_plan
from flowvisor.slices.flowspace_slice import MAX_PRIORITY, FlowspaceSlice
from tests.support.flowspace_strategies import applies
from tests.support.slices import A, B, naive_owner, packets_like, slice_sets, tag
from tests.support.world import a_slice, ports, rule


def plan_of(*slices: FlowspaceSlice, version: int = 4, n_tables: int = 254) -> DatapathPlan:
    allocations = Allocations().allocate(slices)
    return compile_plan(slices, allocations, dpid=1, version=version, n_tables=n_tables)


@settings(max_examples=200)
@given(slice_sets(("a", "b", "c")), st.data())
def test_the_classifier_sends_each_packet_into_its_owners_block(
    slices: list[FlowspaceSlice], data: st.DataObject
) -> None:
    plan = plan_of(*slices)
    datapath = EmulatedDatapath(1, 4, (1, 2, 3, 4))
    for entry in classifier_entries(plan):
        assert datapath.from_controller(v13.encode(entry), 0.0) == []
    firsts = {block.first: name for name, block in plan.blocks.items()}
    for match in [match for one in slices for one_rule in one.rules for match in one_rule.matches]:
        port, packet = data.draw(packets_like(match))
        fields = parse(packet, port)
        found = datapath.pipeline.tables[0].lookup(fields)
        assert found is not None
        goes = [firsts[step.table_id] for step in found.instructions if isinstance(step, GotoTable)]
        assert goes == [owner for owner in (naive_owner(slices, fields),) if owner]


@given(slice_sets())
def test_every_entry_is_marked_and_can_be_said_in_1_3(slices: list[FlowspaceSlice]) -> None:
    entries = classifier_entries(plan_of(*slices))
    assert {entry.cookie & COOKIE_MASK for entry in entries} == {COOKIE & COOKIE_MASK}
    assert {entry.table_id for entry in entries} == {0}
    for entry in entries:
        assert v13.decode(v13.encode(entry)) == entry
    last = entries[-1]
    assert (last.priority, last.match, last.instructions) == (0, Match(), ())
    assert all(0 < entry.priority <= 0xFFFF for entry in entries[:-1])


def test_the_highest_and_the_lowest_priority_have_room_in_the_classifier() -> None:
    plan = plan_of(
        a_slice("a", ports(1, LOCAL, priority=MAX_PRIORITY)), a_slice("b", ports(2, LOCAL, priority=0))
    )
    entries = classifier_entries(plan)
    assert sorted(entry.priority for entry in entries) == [0, 1, 0x7FFB, 0x8001, 0x8002, 0xFFFC]
    highest = max(one.rank for one in plan.ownership.ranked)
    assert classifier_priority(highest) < classifier_priority(denied_rank(highest)) < FENCE_PRIORITY
    guard = next(entry for entry in entries if entry.priority == 0x8001)
    assert (guard.match, guard.instructions) == (Match.of(in_port=LOCAL), ())


def test_no_entry_is_there_twice() -> None:
    twice = rule(Match.of(in_port=1), Match.of(in_port=1))
    entries = classifier_entries(plan_of(a_slice("a", twice, twice)))
    keys = [(entry.priority, str(entry.match)) for entry in entries]
    assert len(keys) == len(set(keys))


def test_where_matches_are_intersected_there_is_a_fence_round_local_and_nothing_else() -> None:
    for version, n_tables in ((1, 1), (4, 3)):
        plan = plan_of(A, B, version=version, n_tables=n_tables)
        assert plan.enforcement is Enforcement.INTERSECT
        assert classifier_entries(plan) == []
        assert groups_of(plan, (1, 2)) == []
        (fence,) = fence_entries(plan)
        assert (fence.priority, fence.match, fence.instructions) == (
            FENCE_PRIORITY,
            Match.of(in_port=LOCAL),
            (),
        )
        named = plan_of(A, a_slice("b", ports(LOCAL)), version=version, n_tables=n_tables)
        assert fence_entries(named) == []
    assert fence_entries(plan_of(A, B)) == []


def test_each_slice_floods_by_groups_of_its_own_ports() -> None:
    plan = plan_of(A, B, a_slice("c", rule(Match.of(vlan_vid=tag(5)), priority=1)))
    groups = {group.group_id: group for group in groups_of(plan, (3, 1, 2, 9))}
    assert all(group_id in HYPERVISOR_GROUPS for group_id in groups)
    for name, expected in (("a", [1, 2]), ("b", [3]), ("c", [9])):
        block = plan.blocks[name]
        for group_id in (flood_group(block), all_group(block)):
            outputs = [bucket.actions for bucket in groups[group_id].buckets]
            assert outputs == [(Output(port),) for port in expected]
    assert flood_group(TableBlock(7, 1)) != all_group(TableBlock(7, 1))


def test_the_miss_entry_sends_everything_to_the_controller() -> None:
    entry = miss_entry(5)
    assert (entry.table_id, entry.priority, entry.match) == (5, 0, Match())
    assert entry.instructions == (ApplyActions((Output(CONTROLLER, 0xFFFF),)),)


@given(
    st.integers(0, 0xFFFF),
    st.integers(0, 10).flatmap(
        lambda free: st.sampled_from([0xFFFF ^ (1 << free) - 1, 0xFFFF & ~(0b101 << free)])
    ),
    st.integers(0, 0xFFFF),
)
def test_masks_are_spelled_out_where_1_3_allows_none(value: int, mask: int, sample: int) -> None:
    match = Match.of(eth_type=0x0800, ip_proto=6, tcp_dst=(value, mask), ipv4_src=(1 << 24, 0xFF << 24))
    exact = list(exact_where_required(match))
    assert all(one.exact("tcp_dst") is not None for one in exact)
    assert len({one.exact("tcp_dst") for one in exact}) == len(exact) == 1 << (0xFFFF & ~mask).bit_count()
    packet = {"eth_type": 0x0800, "ip_proto": 6, "tcp_dst": sample, "ipv4_src": (1 << 24) + 5}
    assert any(applies(one, packet) for one in exact) == applies(match, packet)


def test_a_mask_that_leaves_too_much_is_not_spelled_out() -> None:
    with pytest.raises(TooManyPieces):
        list(exact_where_required(Match.of(eth_type=(0, 1))))
