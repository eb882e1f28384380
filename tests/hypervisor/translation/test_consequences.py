"""What is kept of entries for those that come later, and that it is bounded."""

from __future__ import annotations

import pytest

from flowvisor.flowspace.layout import boxes_of
from flowvisor.hypervisor.groups import MAX_USES, Use
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.actions import judge
from flowvisor.hypervisor.translation.consequences import (
    MAX_BUCKETS_OF_A_CHANGE,
    MAX_USES_LOOKED_AT,
    leak_through,
    start_of,
)
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import ALL, FLOOD
from tests.support.groups import add, bucket, modify, through, to
from tests.support.kinds import ON_TABLES
from tests.support.slices import A, tag, udp
from tests.support.world import Controller, a_slice, ports, rule

SHARED = (
    a_slice("a", ports(1), rule(Match.of(vlan_vid=tag(100)), priority=90)),
    a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=80), ports(3, priority=70)),
)


def controller() -> Controller:
    return ON_TABLES.world(*SHARED).controller("a")


def uses(switch: VirtualSwitch, group_id: int) -> set[Use]:
    return switch.groups.by_id[group_id].uses


def test_a_use_is_how_packets_come_and_not_by_which_entry() -> None:
    a = controller()
    a.send(add(7, *to(1)))
    for _ in range(3):
        assert judge(a.switch, 0, through(7)).refusal is None
    assert uses(a.switch, 7) == {Use(None, ())}
    invisible = (act.ApplyActions((act.SetField("eth_dst", 5), act.Group(7))),)
    assert judge(a.switch, 0, invisible).refusal is None
    assert uses(a.switch, 7) == {Use(None, ())}
    popped = act.PopVlan()
    assert judge(a.switch, 0, (act.ApplyActions((popped, act.Group(7))),)).refusal is None
    assert uses(a.switch, 7) == {Use(None, ()), Use(None, (popped,))}


def test_a_match_is_kept_only_where_it_matters() -> None:
    a = controller()
    a.send(add(7, *to(2)))
    assert judge(a.switch, 0, through(7)).needs_match
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    assert judge(a.switch, 0, through(7), tagged).refusal is None
    assert uses(a.switch, 7) == {Use(boxes_of(tagged), ())}


def test_uses_are_bounded_and_what_would_be_one_more_is_refused() -> None:
    a = controller()
    a.send(add(7, *to(2)))
    for number in range(MAX_USES):
        match = Match.of(in_port=1, vlan_vid=tag(100), eth_dst=number)
        assert judge(a.switch, 0, through(7), match).refusal is None
    refused = judge(a.switch, 0, through(7), Match.of(in_port=1, vlan_vid=tag(100))).refusal
    assert refused is not None
    assert refused.error == codes.ACTION_EPERM
    known = Match.of(in_port=1, vlan_vid=tag(100), eth_dst=5)
    assert judge(a.switch, 0, through(7), known).refusal is None


def test_a_change_that_would_take_too_much_looking_is_refused() -> None:
    a = controller()
    a.send(add(1, *to(1)))
    a.send(*(add(number, bucket(act.Group(1))) for number in range(2, MAX_USES_LOOKED_AT + 3)))
    for number in range(2, MAX_USES_LOOKED_AT + 3):
        assert judge(a.switch, 0, through(number)).refusal is None
    assert a.refused(modify(1, *to(1))) == codes.ACTION_EPERM
    assert a.send(modify(2, *to(1))) == []


def test_a_change_of_much_that_is_used_in_many_ways_is_refused() -> None:
    a = controller()
    many = [bucket(act.SetField("eth_dst", number), act.Output(2)) for number in range(500)]
    a.send(add(1, *many))
    for number in range(MAX_BUCKETS_OF_A_CHANGE // 1000):  # what it was before is looked at, too
        match = Match.of(in_port=1, vlan_vid=tag(100), eth_dst=number)
        assert judge(a.switch, 0, through(1), match).refusal is None
    assert a.send(modify(1, *many)) == []
    assert judge(a.switch, 0, through(1), Match.of(in_port=1, vlan_vid=tag(100))).refusal is None
    assert a.refused(modify(1, *many)) == codes.ACTION_EPERM
    assert a.send(modify(1, *many[:100])) == []


def test_a_group_that_nothing_leads_to_cannot_leak() -> None:
    a = controller()
    a.send(add(7, bucket(act.SetField("vlan_vid", tag(200)), act.Output(2))))
    assert leak_through(a.switch, 7) is None


def test_where_packets_start_from() -> None:
    switch = controller().switch
    matched = boxes_of(Match.of(in_port=1))
    assert start_of(switch, (), None)() == switch.view.region
    assert start_of(switch, (), matched)() == tuple(switch.view.own_pieces(matched, is_fenced=True) or ())
    widened = start_of(switch, {"vlan_vid"}, matched)()
    assert widened is not None
    assert set(widened) == set(matched)


def test_what_one_table_rewrites_counts_for_groups_of_all_later_ones() -> None:
    a = controller()
    a.send(add(7, *to(2)), add(8, *to(1)))
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    assert judge(a.switch, 1, through(7), tagged).refusal is None
    assert a.switch.groups.by_id[7].is_spread
    assert uses(a.switch, 7) == set()
    rewrite = (act.ApplyActions((act.SetField("vlan_vid", tag(200)),)), act.GotoTable(1))
    assert judge(a.switch, 0, rewrite, tagged).refusal is not None
    assert judge(a.switch, 1, through(8)).refusal is None


def writing(*actions: act.Action, goes_on: bool) -> act.Instructions:
    """Instructions that write actions to the set, and send packets on to table 1."""
    return (act.WriteActions(actions), *((act.GotoTable(1),) if goes_on else ()))


@pytest.mark.parametrize(("first", "later"), [(FLOOD, 1), (ALL, 1), (None, FLOOD)])
@pytest.mark.parametrize("is_turned", [False, True])
def test_what_would_take_a_floods_place_in_an_action_set_cannot_be_said(
    first: int | None, later: int, *, is_turned: bool
) -> None:
    a = ON_TABLES.world(A).controller("a")
    a.send(add(7, *to(1)))
    sends: act.Action = act.Group(7) if first is None else act.Output(first)
    entries = [(0, writing(sends, goes_on=True)), (1, writing(act.Output(later), goes_on=False))]
    one, other = entries[::-1] if is_turned else entries
    assert judge(a.switch, *one).refusal is None
    assert judge(a.switch, *other).refusal == Refusal(codes.ACTION_EPERM, "unsupported")


@pytest.mark.parametrize(("first", "later"), [(1, FLOOD), (FLOOD, ALL), (1, 2)])
def test_what_a_later_table_writes_to_the_action_set_counts(first: int, later: int) -> None:
    a = ON_TABLES.world(A).controller("a")
    entries = (
        FlowMod(instructions=writing(act.Output(first), goes_on=True)),
        FlowMod(table_id=1, instructions=writing(act.Output(later), goes_on=False)),
    )
    assert a.send(*entries) == []
    assert a.world.packet(1, 1, udp()) == [(2, udp())]


def test_a_flood_and_an_output_in_one_action_set_are_refused() -> None:
    a = ON_TABLES.world(A).controller("a")
    both = (act.Output(FLOOD), act.Output(2))
    assert judge(a.switch, 0, writing(*both, goes_on=False)).refusal == Refusal(
        codes.ACTION_EPERM, "unsupported"
    )
