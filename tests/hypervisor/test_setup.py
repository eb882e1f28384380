"""Bringing up a datapath: what it has is made what the plan says, and a restart moves no packet."""

from __future__ import annotations

import pytest

from flowvisor.emulation.datapath import Tell
from flowvisor.hypervisor.effects import HangUp, Notice, OpenChannels
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, GotoTable, SetField
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    GROUP_ADD,
    BarrierReply,
    BarrierRequest,
    Error,
    FeaturesReply,
    FeaturesRequest,
    FlowMod,
    GroupMod,
    PacketIn,
    SetConfig,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.dialogue import the_datapath
from tests.support.kinds import ON_10, ON_TABLES, Kind
from tests.support.slices import MISS, A, B, output, tag, udp
from tests.support.world import World, a_slice, ports, rule

PORT_1 = Match.of(in_port=1)


def restarted(world: World, *slices: FlowspaceSlice) -> World:
    """Another hypervisor takes over the same datapaths; what it allocated before was kept."""
    for emulated in world.emulated.values():
        emulated.disconnect()
    return World(slices, world.emulated.values(), world.hypervisor.allocations)


def writes(world: World) -> list[int]:
    """The types of what a datapath was sent that could change it."""
    return [frame[1] for _, frame in world.to_datapaths if frame[1] in (14, 15)]


def test_tenants_see_their_switches_when_all_is_in_its_place(kind: Kind) -> None:
    world = kind.world(A, B)
    assert {one.slice_name for one in world.open} == {"a", "b"}
    assert the_datapath(world).is_ready
    events = [one.event for one in world.commands if isinstance(one, Notice)]
    assert events == ["datapath_ready"]
    assert world.emulated[1].from_controller(BarrierRequest(xid=1), 0.0)


def test_whole_packets_are_asked_for_and_none_buffered(kind: Kind) -> None:
    world = kind.world(A, B)
    _, first = world.to_datapaths[0]
    message = the_datapath(world).codec.decode(first)
    assert isinstance(message, SetConfig)
    assert (message.miss_send_len, message.flags) == (0xFFFF, 0)


def test_a_restart_on_tables_changes_nothing_that_is_right() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    a.send(FlowMod(cookie=5, match=PORT_1, instructions=output(2)), MISS)
    again = restarted(world, A, B)
    assert writes(again) == []
    assert again.packet(1, 1, udp()) == [(2, udp())]
    a = again.controller("a")
    assert {one.cookie for one in a.ask(FlowStatsRequest(), FlowStatsReply).flows} == {0, 5}
    again.packet(1, 2, udp())
    assert len(a.heard(PacketIn)) == 1


def test_a_restart_without_a_journal_begins_with_nothing_where_matches_are_intersected() -> None:
    world = ON_10.world(A, B)
    world.controller("a", 1, 1).send(FlowMod(match=PORT_1, instructions=output(2)))
    again = restarted(world, A, B)
    assert again.packet(1, 1, udp()) == []
    assert again.controller("a", 1, 1).ask(FlowStatsRequest(), FlowStatsReply).flows == ()


def test_rules_that_change_are_put_right_in_the_classifier_alone() -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a").send(FlowMod(priority=5, instructions=output(2)))
    again = restarted(world, a_slice("a", ports(2, 3)), a_slice("b", ports(1, 4)))
    assert again.packet(1, 1, udp()) == []
    assert again.packet(1, 3, udp()) == [(2, udp())]


def test_entries_that_may_not_be_any_more_are_removed() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    a.send(FlowMod(cookie=1, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(cookie=2, match=Match.of(in_port=2), instructions=output(1)))
    again = restarted(world, a_slice("a", ports(1)), a_slice("b", ports(2, 3, 4)))
    (left,) = again.controller("a").ask(FlowStatsRequest(), FlowStatsReply).flows
    assert left.cookie == 2
    assert again.packet(1, 1, udp()) == []


def test_an_entry_outlives_the_port_that_it_names() -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a").send(FlowMod(match=PORT_1, instructions=output(2)))
    world.change(1, world.emulated[1].remove_port(2))
    again = restarted(world, A, B)
    assert not writes(again)
    assert again.controller("a").ask(FlowStatsRequest(xid=1), FlowStatsReply).flows


def test_what_survived_is_judged_by_its_match_too() -> None:
    slices = (
        a_slice("a", ports(1), rule(Match.of(in_port=2, vlan_vid=tag(5)))),
        a_slice("b", ports(2, priority=10)),
    )
    world = ON_TABLES.world(*slices)
    a = world.controller("a")
    match = Match.of(in_port=1, vlan_vid=tag(5))
    assert a.send(FlowMod(match=match, instructions=output(2))) == []
    again = restarted(world, *slices)
    assert len(again.controller("a").ask(FlowStatsRequest(), FlowStatsReply).flows) == 1


def test_rewrites_of_before_count_for_entries_of_after() -> None:
    slices = (
        a_slice("a", ports(1), rule(Match.of(vlan_vid=tag(100)), priority=90)),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=80), ports(3, priority=70)),
    )
    world = ON_TABLES.world(*slices)
    rewrite = (ApplyActions((SetField("vlan_vid", tag(200)),)), GotoTable(1))
    match = Match.of(in_port=1, vlan_vid=tag(100))
    assert world.controller("a").send(FlowMod(match=match, instructions=rewrite)) == []
    again = restarted(world, *slices)
    refused = again.controller("a").refused(FlowMod(table_id=1, instructions=output(2)))
    assert refused == codes.ACTION_EPERM
    assert again.packet(1, 1, udp(vlan=100)) == []


def test_tables_of_a_slice_that_is_no_more_are_emptied_for_the_next() -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a").send(FlowMod(match=PORT_1, instructions=output(2)))
    other = a_slice("c", ports(1, 2))
    again = restarted(world, B, other)
    assert again.hypervisor.allocations.blocks["c"] == world.hypervisor.allocations.blocks["a"]
    assert again.controller("c").ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    assert again.packet(1, 1, udp()) == []
    third = restarted(again, B)
    assert [len(table) for table in third.emulated[1].pipeline.tables[1:9]] == [0] * 8


def test_a_slice_that_comes_back_while_the_hypervisor_runs_keeps_its_tables() -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a").send(FlowMod(match=PORT_1, instructions=output(2)))
    world.leave(1)
    world.join(world.emulated[1])
    assert world.packet(1, 1, udp()) == [(2, udp())]


def test_groups_that_are_wrong_are_put_right_and_a_strangers_removed() -> None:
    datapath = ON_TABLES.datapath()
    for group_id in (0xF0000001, 0xF0000077, 5):
        datapath.from_controller(GroupMod(command=GROUP_ADD, group_id=group_id), 0.0)
    world = World([A, B], [datapath])
    assert set(datapath.pipeline.groups._groups) == {0xF0000001, 0xF1000001, 0xF0000005, 0xF1000005}
    assert world.controller("a").send(FlowMod(match=PORT_1, instructions=output(0xFFFFFFFB))) == []
    assert world.packet(1, 1, udp()) == [(2, udp())]


def test_a_miss_entry_that_was_for_1_0_controllers_goes_with_the_hypervisor() -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a", 1, 1)
    world.restart()
    a = world.controller("a", 1, 4)
    world.packet(1, 1, udp())
    assert a.inbox == []
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()


def test_the_own_table_miss_entry_survives_also_for_1_0_controllers() -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a", 1, 1).send(FlowMod(priority=0, cookie=5, instructions=output(2)))
    again = restarted(world, A, B)
    a = again.controller("a", 1, 1)
    assert again.packet(1, 1, udp()) == [(2, udp())]
    assert [one.cookie for one in a.ask(FlowStatsRequest(), FlowStatsReply).flows] == [5]


@pytest.mark.parametrize("answers", [[Error(error=codes.BAD_MULTIPART)], []], ids=["refused", "unanswered"])
def test_a_datapath_that_cannot_be_read_is_hung_up_on(kind: Kind, answers: list[Error]) -> None:
    world = World([A, B], [])
    (told,) = kind.datapath().from_controller(FeaturesRequest(), 0.0)
    assert isinstance(told, Tell)
    assert isinstance(told.message, FeaturesReply)
    features = told.message
    peer, effects = world.hypervisor.datapath_joined(kind.version, features, 0.0)
    asked = [peer.codec.decode(frame) for frame in effects.frames[peer]]
    for answer in answers:
        refusal = peer.codec.encode(Error(xid=asked[-1].xid, error=answer.error))
        effects = world.hypervisor.from_datapath(peer, [refusal], 1.0)
    if not answers:
        effects = world.hypervisor.tick(100.0)
    assert [one.peer for one in effects.commands if isinstance(one, HangUp)] == [peer]
    assert not peer.is_ready


@pytest.mark.parametrize("round_of_nonsense", range(5))
def test_an_answer_of_another_kind_to_the_question_what_there_is_harms_nobody(round_of_nonsense: int) -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a").send(FlowMod(match=PORT_1, instructions=output(2)))
    emulated = world.emulated[1]
    peer, effects = world.hypervisor.datapath_joined(4, the_datapath(world).features, 0.0)
    for number in range(5):
        asked = effects.frames.get(peer, ())
        answers = [
            peer.codec.encode(BarrierReply(xid=peer.codec.decode(frame).xid))
            if number == round_of_nonsense
            else peer.codec.encode(told.message)
            for frame in asked
            for told in emulated.from_controller(frame, 0.0)
            if isinstance(told, Tell)
        ]
        effects = world.hypervisor.from_datapath(peer, answers, 0.0)
    assert peer.is_ready


def test_slices_that_are_not_at_a_datapath_have_no_switch_there() -> None:
    world = World([a_slice("a", ports(1, at=[1])), a_slice("b", ports(1, at=[2]))], [ON_TABLES.datapath()])
    opened = [one.switch.slice_name for one in world.commands if isinstance(one, OpenChannels)]
    assert opened == ["a"]
