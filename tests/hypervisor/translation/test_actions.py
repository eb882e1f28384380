"""Instructions judged and put in the datapath's terms, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.translation.actions import (
    MAX_FLOODS,
    Verdict,
    actions_to_physical,
    flood_ports,
    instructions_to_virtual,
    judge,
    refused_action,
)
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, LOCAL, NO_FLOOD, Port
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.groups import add, to
from tests.support.kinds import KINDS, ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import A, B, flow_mods, output, tag
from tests.support.world import a_slice, ports, rule

SHARED = (
    a_slice("a", ports(1), rule(Match.of(vlan_vid=tag(100)), priority=90)),
    a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=80), ports(3, priority=70)),
)
TO_200 = act.ApplyActions((act.SetField("vlan_vid", tag(200)),))


def switch(kind: Kind, *slices: FlowspaceSlice, numbers: tuple[int, ...] = (1, 2, 3, 4)) -> VirtualSwitch:
    world = kind.world(*slices, ports=numbers)
    return world.hypervisor.datapaths[1].switches["a"]


def without_lengths(instructions: act.Instructions) -> list[object]:
    """Instructions without the `max_len` of outputs other than to the controller, for which it means nothing."""
    return [
        [
            act.Output(action.port) if getattr(action, "port", CONTROLLER) != CONTROLLER else action
            for action in one.actions
        ]
        if isinstance(one, (act.ApplyActions, act.WriteActions))
        else one
        for one in instructions
    ]


@given(st.sampled_from(KINDS), st.data())
def test_what_is_admitted_in_a_block_reads_back_as_it_was_written(kind: Kind, data: st.DataObject) -> None:
    mine = switch(kind, A, B)
    mod = data.draw(flow_mods(4, A, n_tables=4 if kind.has_blocks else 1))
    verdict = judge(mine, mod.table_id, mod.instructions)
    if verdict.refusal is not None:
        assert verdict.instructions == ()
    elif mine.view.block is not None:
        back = instructions_to_virtual(mine, verdict.instructions)
        assert without_lengths(back) == without_lengths(mod.instructions)
        shifted = [one.table_id for one in verdict.instructions if isinstance(one, act.GotoTable)]
        assert shifted == [
            one.table_id + mine.view.block.first for one in mod.instructions if isinstance(one, act.GotoTable)
        ]


def test_what_is_no_flood_passes_as_it_is(kind: Kind) -> None:
    mine = switch(kind, A, B)
    actions = (act.SetField("eth_dst", 1), act.Output(2), act.Output(IN_PORT), act.Output(CONTROLLER, 9))
    assert actions_to_physical(mine, actions) == actions


def test_floods_are_groups_in_a_block_and_ports_elsewhere() -> None:
    floods = (act.Output(FLOOD), act.Output(ALL))
    assert actions_to_physical(switch(ON_TABLES, A, B), floods) == (
        act.Group(0xF0000001),
        act.Group(0xF1000001),
    )
    for kind in (ON_10, ON_FEW_TABLES):
        assert actions_to_physical(switch(kind, A, B), floods) == tuple(map(act.Output, (1, 2, 1, 2)))


def test_a_flood_that_is_written_to_the_action_set_is_not_one_output_of_several() -> None:
    written = (act.WriteActions((act.Output(FLOOD), act.PopVlan(), act.Output(ALL))),)
    tagged = Match.of(vlan_vid=(0x1000, 0x1000))
    cut = judge(switch(ON_FEW_TABLES, a_slice("a", ports(1, 2, 3))), 0, written, tagged)
    spelled_out = (act.PopVlan(), *(act.Output(port) for port in (1, 2, 3)))
    assert cut.instructions == (act.ApplyActions(spelled_out),)
    in_a_block = judge(switch(ON_TABLES, a_slice("a", ports(1, 2, 3))), 0, written, tagged)
    assert isinstance(in_a_block.instructions[0], act.WriteActions)


def test_a_list_that_floods_very_often_is_refused(kind: Kind) -> None:
    mine = switch(kind, A, B)
    floods = (act.Output(FLOOD), act.Output(ALL)) * (MAX_FLOODS // 2)
    assert refused_action(mine, (*floods, act.Output(1))) is None
    refusal = refused_action(mine, (*floods, act.Output(FLOOD)))
    assert refusal is not None
    assert refusal.error == codes.ACTION_TOO_MANY


def test_a_group_that_is_written_beside_a_flood_makes_it_void_where_there_is_one_table() -> None:
    mine = ON_FEW_TABLES.world(A).controller("a")
    mine.send(add(7, *to(1)))
    written = (act.WriteActions((act.Output(FLOOD), act.Group(7))),)
    (applied,) = judge(mine.switch, 0, written).instructions
    assert isinstance(applied, act.ApplyActions)
    assert [type(one) for one in applied.actions] == [act.Group]


def test_flood_leaves_out_ports_that_want_none_and_all_does_not() -> None:
    quiet = Port(2, config=NO_FLOOD)
    world = ON_10.world(A, B, ports=(1, quiet))
    mine = world.hypervisor.datapaths[1].switches["a"]
    assert (flood_ports(mine, FLOOD), flood_ports(mine, ALL)) == ([1], [1, 2])


@pytest.mark.parametrize(
    "action", [act.Group(1), act.SetQueue(1), act.Enqueue(1, 1), act.OpaqueAction(5, b"\0\0\0\5")], ids=str
)
def test_an_action_on_what_the_slice_does_not_have_is_found_wherever_it_stands(action: act.Action) -> None:
    mine = switch(ON_TABLES, A, B)
    found = refused_action(mine, (act.Output(1), action))
    assert found is not None
    assert found.error[0] == codes.BAD_ACTION
    assert refused_action(mine, (act.Output(1), act.PopVlan(), act.SetQueue(0))) is None


def test_a_verdict_may_need_the_match() -> None:
    mine = switch(ON_TABLES, *SHARED)
    instructions = output(2)
    assert judge(mine, 0, instructions).needs_match
    tagged = judge(mine, 0, instructions, Match.of(in_port=1, vlan_vid=tag(100)))
    assert tagged == Verdict(instructions)
    refused = judge(mine, 0, instructions, Match.of(in_port=1, vlan_vid=tag(200)))
    assert refused.refusal is not None
    assert not refused.needs_match
    outside = judge(mine, 0, output(9))
    assert outside.refusal is not None
    assert not outside.needs_match


def test_a_match_of_nothing_that_is_ones_own_may_go_anywhere_because_nothing_comes() -> None:
    mine = switch(ON_TABLES, *SHARED)
    assert judge(mine, 0, output(2), Match.of(in_port=3)).refusal is None


def test_where_the_flowspace_cannot_be_listed_only_private_ports_are_outputs() -> None:
    crowd = a_slice("b", *(rule(Match.of(eth_src=number * 0x10101 + 7)) for number in range(200)))
    mine = switch(ON_TABLES, a_slice("a", rule(Match(), priority=1)), crowd)
    verdict = judge(mine, 0, output(2))
    assert verdict.needs_match
    assert judge(mine, 0, output(2), Match()).refusal is not None
    assert judge(mine, 0, output(2), Match.of(eth_src=5)).refusal is None
    rewrite = (act.ApplyActions((act.SetField("eth_src", 5),)), act.GotoTable(1))
    assert judge(mine, 0, rewrite).refusal is not None


def test_what_tables_rewrite_is_remembered_and_forgets_verdicts_that_took_it_not_into_account() -> None:
    mine = switch(ON_TABLES, *SHARED)
    mine.verdicts.remember("something", "admitted", size=9)
    plain = (act.ApplyActions((act.SetField("eth_dst", 5),)), act.GotoTable(1))
    assert judge(mine, 0, plain).refusal is None
    assert mine.rewritten == set()
    assert mine.verdicts
    assert judge(mine, 0, (TO_200, act.GotoTable(1))).refusal is None
    assert mine.rewritten == {"vlan_vid"}
    assert not mine.verdicts
    mine.verdicts.remember("something", "admitted", size=9)
    assert judge(mine, 1, (TO_200,)).refusal is None  # nothing new
    assert mine.verdicts
    assert judge(mine, 1, output(2)).refusal is not None
    assert judge(mine, 1, output(CONTROLLER)).refusal is None


def test_what_tables_let_out_is_remembered_against_rewrites_that_come() -> None:
    mine = switch(ON_TABLES, *SHARED)
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    assert judge(mine, 1, output(2), tagged).refusal is None
    assert mine.emits == {2}
    late = judge(mine, 0, (TO_200, act.GotoTable(1)))
    assert late.refusal is not None
    assert late.refusal.error == codes.ACTION_EPERM
    assert mine.rewritten == set()


@pytest.mark.parametrize("port", [FLOOD, ALL, IN_PORT])
def test_a_port_that_may_be_any_lets_out_by_all(port: int) -> None:
    mine = switch(ON_TABLES, A, B)
    assert judge(mine, 1, output(port)).refusal is None
    assert mine.emits == {1, 2}


def test_an_action_set_is_judged_in_the_order_in_which_it_is_carried_out() -> None:
    mine = switch(ON_TABLES, *SHARED)
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    written = act.WriteActions((act.Output(2), act.SetField("vlan_vid", tag(200))))
    assert judge(mine, 0, (written,), tagged).refusal is not None
    applied = act.ApplyActions((act.Output(2), act.SetField("vlan_vid", tag(200))))
    assert judge(mine, 0, (applied,), tagged).refusal is None
    cleared = (act.ClearActions(), act.WriteActions((act.SetMplsTtl(3), act.Output(2))))
    assert judge(mine, 0, cleared, tagged).refusal is None


def test_local_is_an_output_only_if_owned(kind: Kind) -> None:
    assert judge(switch(kind, A, B, numbers=(1, 2, LOCAL)), 0, output(LOCAL)).refusal is not None
    with_local = a_slice("a", ports(1, LOCAL))
    assert judge(switch(kind, with_local, B, numbers=(1, 2, LOCAL)), 0, output(LOCAL)).refusal is None
