"""What is kept of entries for those that come later, and that it is bounded."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from flowvisor.emulation.pipeline import action_set_order
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
from flowvisor.openflow.messages import Error, FlowMod, PortMod
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, NO_FWD
from tests.support.groups import add, bucket, modify, through, to
from tests.support.kinds import ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.share_world import PLAIN, ShareWorld
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


@pytest.mark.parametrize(
    ("first", "later"), [(act.Group(7), act.Output(2)), (act.Output(2), act.Output(CONTROLLER))]
)
def test_of_a_virtual_network_what_entries_write_counts_only_for_later_tables(
    first: act.Action, later: act.Action
) -> None:
    a = ShareWorld(PLAIN).controller("blue/big")
    a.send(add(7, *to(1)))

    def written(table_id: int, action: act.Action, number: int) -> FlowMod:
        instructions = (act.WriteActions((action,)), act.GotoTable(table_id + 1))
        return FlowMod(table_id=table_id, match=Match.of(eth_dst=number), instructions=instructions)

    assert a.send(written(1, first, 1), written(1, later, 2), written(0, later, 3)) == []
    assert a.refused(written(2, later, 4)) == codes.ACTION_EPERM
    assert a.refused(written(0, first, 5)) == codes.ACTION_EPERM


# -------------------------------------------------------------------------- action sets, and ports that are shut

FOUR_PORTS = a_slice("a", ports(1, 2, 3, 4))
GROUP_TO_4, TO_2, TO_3 = act.Group(7), act.Output(2), act.Output(3)
WRITTEN = ((), *permutations((GROUP_TO_4, TO_2, TO_3), 1), *permutations((GROUP_TO_4, TO_2, TO_3), 2))


def write(*tables: act.Actions) -> list[FlowMod]:
    """An entry in each of the tables, one after the other, that writes to the action set."""
    return [
        FlowMod(
            table_id=table,
            match=Match.of(in_port=1),
            instructions=(
                act.WriteActions(written),
                *([act.GotoTable(table + 1)] if table + 1 < len(tables) else []),
            ),
        )
        for table, written in enumerate(tables)
    ]


def shut(a: Controller, port: int) -> PortMod:
    return PortMod(
        port=port, hw_addr=a.world.emulated[1].pipeline.ports[port].hw_addr, config=NO_FWD, mask=NO_FWD
    )


def meant(*tables: act.Actions) -> list[int]:
    """Where a packet leaves by these, on a datapath of the tenant's own on which port 2 is shut."""
    ends = [
        one
        for one in action_set_order(sum(tables, ()))
        if isinstance(one, (act.Output, act.Group)) and one != TO_2
    ]
    return [{GROUP_TO_4: 4, TO_3: 3}[one] for one in ends]


@pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
@pytest.mark.parametrize("is_shut_first", [True, False])
def test_an_output_to_a_shut_port_takes_nothings_place_in_an_action_set(
    kind: Kind, *, is_shut_first: bool
) -> None:
    refused = 0
    for first, later in product(WRITTEN, WRITTEN):
        if kind is ON_FEW_TABLES and later:
            continue
        a = kind.world(FOUR_PORTS).controller("a")
        tables = [first, later] if kind is ON_TABLES else [first]
        entries = write(*tables)
        changes = [shut(a, 2), *entries] if is_shut_first else [*entries, shut(a, 2)]
        a.send(add(7, *to(4)))
        errors = [one.error for one in a.send(*changes) if isinstance(one, Error)]
        refused += len(errors)
        if errors:
            assert errors == [codes.ACTION_EPERM if is_shut_first else codes.PORT_MOD_EPERM]
            assert first
            assert TO_2 in (*first, *later)
            continue
        assert [port for port, _ in a.world.packet(1, 1, udp())] == meant(*tables), tables
        told = a.ask(FlowStatsRequest(), FlowStatsReply).flows
        assert {one.instructions for one in told} == {one.instructions for one in entries}
    assert refused < 25


def test_what_two_tables_write_is_refused_only_where_it_cannot_be_said() -> None:
    a = ON_TABLES.world(FOUR_PORTS).controller("a")
    assert a.send(add(7, *to(4)), shut(a, 2)) == []
    assert a.send(*write((TO_2,), (GROUP_TO_4,))) == []
    assert a.send(*write((TO_2,), (TO_2,))) == []
    assert a.refused(write((), (TO_3,))[1]) == codes.ACTION_EPERM
    b = ON_TABLES.world(FOUR_PORTS).controller("a")
    assert b.send(*write((TO_2,), (TO_3,))) == []
    assert b.refused(shut(b, 2)) == codes.PORT_MOD_EPERM
    assert b.channel.counters.refused[16, "unsupported"] == 1
    b.inbox.clear()
    assert b.send(shut(b, 4)) == []
    assert [port for port, _ in b.world.packet(1, 1, udp())] == [3]


@pytest.mark.parametrize("order", [(GROUP_TO_4, TO_2), (TO_2, GROUP_TO_4)])
def test_a_bucket_goes_where_its_group_does_though_the_port_beside_it_is_shut(order: act.Actions) -> None:
    a = ON_TABLES.world(FOUR_PORTS).controller("a")
    a.send(add(7, *to(4)), add(8, bucket(*order)), FlowMod(instructions=through(8)))
    a.send(shut(a, 2))
    assert [port for port, _ in a.world.packet(1, 1, udp())] == [4]
