"""A datapath is left alone where the new files say of it what the old ones said."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.configuration.snapshot import Configuration
from flowvisor.network.topology import End
from flowvisor.network.wanted_datapath import BaseEntry, WantedDatapath
from flowvisor.openflow.match import Match
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.own_state import own_entries
from flowvisor.planning.plan import compile_plan
from flowvisor.planning.touched import Touched
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.policy import Policy
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.slices import slice_sets
from tests.support.virtual import a_network
from tests.support.world import NOWHERE, a_slice, configuration, ports

A, B = a_slice("a", ports(1, at=[1]), ports(2, at=[2])), a_slice("b", ports(3))


def touched(before: Configuration, after: Configuration) -> Touched:
    allocations = Allocations().allocate(before.slices)
    return Touched(before, after, allocations.blocks, allocations.allocate(after.slices).blocks)


def at(before: Configuration, after: Configuration) -> list[int]:
    found = touched(before, after)
    return [dpid for dpid in (1, 2, 3) if found.at(dpid)]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ((A, B), []),
        ((a_slice("a", ports(1, at=[1]), ports(2, at=[2, 3])), B), [3]),
        ((a_slice("a", ports(1, at=[1])), B), [2]),
        ((a_slice("a", ports(1, at=[1]), ports(2, at=[2], priority=7)), B), [2]),
        ((A,), [1, 2, 3]),
        ((A, B, a_slice("c", ports(9, at=[3]))), [3]),
        ((A, a_slice("b", ports(3, at=[1, 2, 3]))), []),
        ((evolve(A, tables=9), B), [1, 2]),
        ((evolve(A, may_configure_ports=True), B), [1, 2]),
        ((evolve(A, versions=frozenset({1})), B), []),
    ],
)
def test_only_what_is_said_of_a_datapath_touches_it(
    after: tuple[FlowspaceSlice, ...], expected: list[int]
) -> None:
    assert at(configuration(A, B), configuration(*after)) == expected


def denying(*dpids: int) -> Acl:
    matches = (Match.of(vlan_vid=0x1001),)
    return Acl("p", (AclRule(is_denied=True, datapaths=frozenset(dpids), matches=matches, place=NOWHERE),))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Quota("p", groups=1), Quota("p", groups=1), []),
        (Quota("p", groups=1), Quota("p", groups=2), [1, 2]),
        (RateLimit("p", packet_in=1), RateLimit("p", packet_in=2), [1, 2]),
        (Bandwidth("p", rate=1), Bandwidth("p", rate=2), [1, 2]),
        (Bandwidth("p", rate=1), Quota("p", groups=1), [1, 2]),
        (denying(1), denying(2), [1, 2]),
        (denying(1), denying(1, 3), []),
    ],
)
def test_a_policy_touches_where_its_slices_are(before: Policy, after: Policy, expected: list[int]) -> None:
    one = evolve(A, policies=("p",))
    assert at(configuration(one, B, policies=[before]), configuration(one, B, policies=[after])) == expected


def test_only_rules_are_different_unless_a_policy_or_a_network_is() -> None:
    moved = a_slice("a", ports(2, at=[1]), ports(2, at=[2]))
    assert touched(configuration(A, B), configuration(moved, B)).is_only_rules_at(1)
    limited = evolve(A, policies=("p",))
    policies = [[Quota("p", groups=number)] for number in (1, 2)]
    before, after = (configuration(limited, B, policies=one) for one in policies)
    assert not touched(before, after).is_only_rules_at(1)
    assert touched(before, after).is_only_rules_at(3)
    there = a_network("blue", {"big": {1: "1/1", 2: "2/1"}})
    assert not touched(configuration(A), configuration(A, there)).is_only_rules_at(1)


def test_what_is_different_at_the_far_end_of_a_link_touches_its_near_end() -> None:
    found = touched(configuration(A, B), configuration(a_slice("a", ports(1, at=[1])), B))
    links = [(End(1, 9), End(2, 9)), (End(2, 9), End(1, 9)), (End(3, 1), End(1, 8)), (End(7, 1), End(2, 1))]
    assert found.with_near_ends({1, 2, 3}, links) == {1, 2}
    assert found.with_near_ends({1, 3}, links) == {1}  # 2 need not be connected


@examples(60)
@given(first=slice_sets(("a", "b")), then=slice_sets(("a", "b")), dpid=st.just(1))
def test_what_is_not_touched_would_be_compiled_to_the_same(
    first: list[FlowspaceSlice], then: list[FlowspaceSlice], dpid: int
) -> None:
    before, after = configuration(*first), configuration(*then)
    allocations = Allocations().allocate(before.slices)
    allocated = allocations.allocate(after.slices)
    if not Touched(before, after, allocations.blocks, allocated.blocks).at(dpid):
        plans = [
            compile_plan(of.slices, blocks, dpid=dpid, version=version, n_tables=254)
            for of, blocks in ((before, allocations), (after, allocated))
            for version in (1, 4)
        ]
        entries = [own_entries(plan, {}) for plan in plans]
        assert entries[:2] == entries[2:]


def test_virtual_networks_touch_where_they_claim_something_else() -> None:
    there = a_network("blue", {"big": {1: "1/1", 2: "2/1"}})
    assert at(configuration(there), configuration(there)) == []
    moved = a_network("blue", {"big": {1: "1/1", 2: "3/1"}})
    assert at(configuration(there), configuration(moved)) == [2, 3]


def test_the_admins_own_entries_touch_their_datapath() -> None:
    def having(*outputs: int) -> Configuration:
        entry = BaseEntry((Match.of(in_port=1),), outputs, NOWHERE)
        plain = configuration(A)
        return evolve(plain, settings=evolve(plain.settings, wanted={2: WantedDatapath(entries=(entry,))}))

    assert at(configuration(A), having(3)) == [2]
    assert at(having(3), having(4)) == [2]
    assert at(having(3), having(3)) == []
    assert not touched(having(3), having(4)).is_only_rules_at(2)


def test_virtual_networks_touch_where_they_lie_when_a_policy_is_another() -> None:
    there = evolve(a_network("blue", {"big": {1: "1/1", 2: "2/1"}}), policies=("limit",))
    before = configuration(there, policies=[Quota("limit", groups=5)])
    after = configuration(there, policies=[Quota("limit", groups=6)])
    assert at(before, after) == [1, 2]
