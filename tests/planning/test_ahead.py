"""What a reload needs is compiled before it, and that is what the reload would have compiled."""

from __future__ import annotations

from flowvisor.network.topology import End
from flowvisor.planning.ahead import Ahead, Facts
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.plan import compile_plan
from tests.support.world import a_slice, configuration, ports

A, B = a_slice("a", ports(1, at=[1])), a_slice("b", ports(2))
MORE = a_slice("a", ports(1, at=[1]), ports(3, at=[2]))
BEFORE, AFTER = configuration(A, B), configuration(MORE, B)


def ahead(links: tuple[tuple[End, End], ...] = ()) -> Ahead:
    datapaths = dict.fromkeys((1, 2, 3), Facts(version=4, n_tables=254))
    return Ahead(BEFORE, Allocations().allocate(BEFORE.slices), datapaths, links)


def test_only_what_is_touched_is_compiled() -> None:
    assert [plan.dpid for plan in ahead().compile(AFTER).plans.values()] == [2]
    links = ((End(1, 1), End(2, 1)),)
    assert {plan.dpid for plan in ahead(links).compile(AFTER).plans.values()} == {1, 2}
    assert ahead().compile(BEFORE).plans == {}


def test_the_reload_finds_it() -> None:
    compiled = ahead().compile(AFTER)
    (plan,) = compiled.plans.values()
    found = compile_plan(
        AFTER.slices, ahead().allocated(AFTER), dpid=2, version=4, n_tables=254, compiled=compiled
    )
    assert found.ownership is plan.ownership
