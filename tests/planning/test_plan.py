"""The plan of one datapath: who keeps the slices apart, and who is there."""

from __future__ import annotations

import pytest

from flowvisor.openflow.match import Match
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.plan import Compiled, Enforcement, compile_plan, ownership_at
from flowvisor.policies.acl import Acl, AclRule
from tests.support.slices import A, B, udp
from tests.support.world import NOWHERE, a_slice, ports

SLICES = (A, B, a_slice("c", ports(5, at=[2])))
ALLOCATIONS = Allocations().allocate(SLICES)


@pytest.mark.parametrize(
    ("version", "n_tables", "enforcement"),
    [
        (4, 254, Enforcement.TABLES),
        (4, 9, Enforcement.TABLES),
        (4, 8, Enforcement.INTERSECT),
        (4, 1, Enforcement.INTERSECT),
        (1, 254, Enforcement.INTERSECT),
    ],
)
def test_tables_are_used_where_every_slice_that_is_there_has_room(
    version: int, n_tables: int, enforcement: Enforcement
) -> None:
    plan = compile_plan(SLICES, ALLOCATIONS, dpid=1, version=version, n_tables=n_tables)
    assert plan.enforcement is enforcement
    assert set(plan.views) == {"a", "b"}
    if enforcement is Enforcement.TABLES:
        assert plan.blocks == {"a": (1, 4), "b": (5, 4)}
    else:
        assert plan.blocks == {}


def test_datapaths_share_a_plan_only_if_the_acls_say_the_same_of_them_too() -> None:
    only_at_1 = Acl("no", (AclRule(True, frozenset({1}), (Match.of(in_port=1),), NOWHERE),))
    compiled = Compiled()
    plans = [
        compile_plan(
            SLICES, ALLOCATIONS, dpid=dpid, version=4, n_tables=99, acls={"a": only_at_1}, compiled=compiled
        )
        for dpid in (1, 3, 4)
    ]
    assert [plan.ownership.owner_of_packet(udp(), 1) for plan in plans] == ["a", "a", "a"]
    assert [list(plan.views["a"].own_ports((1, 2))) for plan in plans] == [[2], [1, 2], [1, 2]]
    assert plans[1].ownership is plans[2].ownership is not plans[0].ownership


def test_a_slice_is_where_a_rule_of_its_own_is() -> None:
    assert set(compile_plan(SLICES, ALLOCATIONS, dpid=2, version=1, n_tables=1).views) == {"a", "b", "c"}
    assert set(compile_plan(SLICES[2:], ALLOCATIONS, dpid=1, version=4, n_tables=9).views) == set()


def test_who_owns_what_is_known_also_where_no_datapath_is_connected() -> None:
    compiled = Compiled()
    one, other, same = (ownership_at(SLICES, dpid, {}, compiled) for dpid in (1, 2, 3))
    assert (one.owner_of_packet(udp(), 5), other.owner_of_packet(udp(), 5)) == (None, "c")
    assert one is same


def test_what_a_1_0_datapath_is_to_do_is_not_asked_of_a_1_3_one() -> None:
    compiled = Compiled()
    plans = [
        compile_plan(SLICES, ALLOCATIONS, dpid=dpid, version=version, n_tables=1, compiled=compiled)
        for dpid, version in ((1, 1), (1, 4), (3, 1))
    ]
    assert plans[0].ownership is plans[2].ownership is not plans[1].ownership
    assert plans[0].views["a"] is not plans[2].views["a"]


def test_a_slice_that_only_looks_has_no_block_and_takes_no_room() -> None:
    reader = a_slice("r", ports(1, may_write=False, at=[1]), ports(7, at=[2]))
    slices = (*SLICES, reader)
    plans = {
        dpid: compile_plan(slices, Allocations().allocate(slices), dpid=dpid, version=4, n_tables=n_tables)
        for dpid, n_tables in ((1, 9), (2, 17))
    }
    assert [plan.enforcement for plan in plans.values()] == [Enforcement.TABLES] * 2
    looking, having = (plans[dpid].views["r"] for dpid in (1, 2))
    assert (looking.may_write, looking.block, looking.n_tables) == (False, None, 4)
    assert (having.may_write, having.reads, having.n_tables) == (True, (), 4)
    assert plans[1].ownership.owner_of_packet(udp(), 1) == "a"
