"""The hypervisor's own entries: the classifier in table 0 does what ownership says, and no more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.openflow import v13
from flowvisor.openflow.actions import ApplyActions, GotoTable, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import CONTROLLER, LOCAL
from flowvisor.planning.allocation import Allocations, TableBlock
from flowvisor.planning.entries import (
    BASE_PRIORITY,
    COOKIE,
    COOKIE_MASK,
    FENCE_PRIORITY,
    HYPERVISOR_GROUPS,
    OWN_PRIORITY,
    all_group,
    classifier_entries,
    classifier_priority,
    fence_entries,
    flood_group,
    groups_of,
    miss_entry,
)
from flowvisor.planning.ownership import denied_rank
from flowvisor.planning.plan import DatapathPlan, Enforcement, compile_plan
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.slices.flowspace_slice import MAX_PRIORITY, FlowspaceSlice
from tests.support.examples import examples
from tests.support.slices import A, B, naive_receiver, packets_like, slice_sets, some_acls, tag
from tests.support.world import NOWHERE, a_slice, ports, rule


def plan_of(
    *slices: FlowspaceSlice, version: int = 4, n_tables: int = 254, acls: dict[str, Acl] | None = None
) -> DatapathPlan:
    allocations = Allocations().allocate(slices)
    return compile_plan(slices, allocations, dpid=1, version=version, n_tables=n_tables, acls=acls)


@examples(40)
@given(slice_sets(("a", "b", "c")), some_acls("ab"), st.data())
def test_the_classifier_sends_each_packet_into_its_owners_block_unless_it_is_denied(
    slices: list[FlowspaceSlice], acls: dict[str, Acl], data: st.DataObject
) -> None:
    plan = plan_of(*slices, acls=acls)
    datapath = EmulatedDatapath(1, 4, (1, 2, 3, 4))
    for entry in classifier_entries(plan):
        assert datapath.from_controller(v13.encode(entry), 0.0) == []
    firsts = {block.first: name for name, block in plan.blocks.items()}
    matches = [match for one in slices for one_rule in one.rules for match in one_rule.matches]
    matches += [match for acl in acls.values() for one in acl.rules for match in one.matches]
    for match in matches:
        port, packet = data.draw(packets_like(match))
        fields = parse(packet, port)
        found = datapath.pipeline.tables[0].lookup(fields)
        assert found is not None
        goes = [firsts[step.table_id] for step in found.instructions if isinstance(step, GotoTable)]
        assert goes == [owner for owner in (naive_receiver(slices, acls, fields),) if owner]


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
    assert sorted(entry.priority for entry in entries) == [0, 1, 0x7FF9, 0x8001, 0x8002, 0xFFFA]
    highest = max(one.rank for one in plan.ownership.ranked)
    assert (
        classifier_priority(highest)
        < classifier_priority(denied_rank(highest))
        < BASE_PRIORITY
        < OWN_PRIORITY
    )
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


def deny(*matches: Match) -> Acl:
    return Acl("no", tuple(AclRule(True, None, (match,), NOWHERE) for match in matches))


def test_a_denial_costs_an_entry_for_each_rule_that_it_meets_and_none_for_others() -> None:
    fifty = a_slice("a", *(ports(number) for number in range(1, 51)), ports(1, priority=7))
    named = deny(*(Match.of(in_port=1 + n % 50, eth_src=n) for n in range(200)))
    entries = classifier_entries(plan_of(fifty, acls={"a": named}))
    dropping = [entry for entry in entries if not entry.instructions]
    assert len(dropping) == 200 + 4 + 2  # those of port 1 twice; what comes from LOCAL, and the rest
    assert [entry.priority for entry in dropping if entry.match.exact("in_port") == 2] == [202] * 4


def test_where_matches_are_intersected_a_fence_drops_what_is_denied() -> None:
    acls = {"a": deny(Match.of(vlan_vid=tag(5))), "b": deny(Match.of(in_port=9))}
    for version, n_tables in ((1, 1), (4, 3)):
        plan = plan_of(A, B, version=version, n_tables=n_tables, acls=acls)
        fences = fence_entries(plan)
        assert {entry.priority for entry in fences} == {FENCE_PRIORITY}
        assert [dict(entry.match.fields) for entry in fences[1:]] == [
            dict(Match.of(vlan_vid=tag(5), in_port=port).fields) for port in (1, 2)
        ]
        assert plan.ownership.fenced == {"a", "b"}


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
