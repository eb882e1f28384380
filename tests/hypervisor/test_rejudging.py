"""Entries that are there already, judged as if they came now."""

from __future__ import annotations

from flowvisor.hypervisor.effects import Effects, HangUp
from flowvisor.hypervisor.rejudging import correction, rejudge
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import DELETE, DELETE_STRICT, BarrierReply, BarrierRequest, FlowMod
from flowvisor.openflow.multipart import FlowStats
from tests.support.dialogue import the_datapath
from tests.support.groups import add, bucket, modify, through, to
from tests.support.kinds import ON_TABLES, Kind
from tests.support.slices import MISS, A, B, output, tag, udp
from tests.support.world import World, a_slice, rule

IN_1 = Match.of(in_port=1)


def flow(table_id: int, *out: int) -> FlowStats:
    return FlowStats(table_id=table_id, priority=5, match=IN_1, instructions=output(*out))


def look_again(world: World, name: str) -> None:
    effects = Effects(world.now)
    rejudge(the_datapath(world).switches[name], effects)
    world.perform(effects)


def test_an_entry_that_may_not_be_is_removed_strictly() -> None:
    datapath = the_datapath(ON_TABLES.world(A, B))
    assert list(correction(datapath, flow(1, 2))) == []
    (removal,) = correction(datapath, flow(1, 3))
    assert removal == FlowMod(command=DELETE_STRICT, table_id=1, priority=5, match=IN_1)


def test_what_is_in_nobodys_table_is_left_to_others() -> None:
    datapath = the_datapath(ON_TABLES.world(A, B))
    assert list(correction(datapath, flow(0, 3))) == []


def test_all_that_is_right_stays_and_the_slice_goes_on(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(MISS, FlowMod(priority=5, match=IN_1, instructions=output(2)))
    before = [list(table) for table in world.emulated[1].pipeline.tables]
    look_again(world, "a")
    assert [list(table) for table in world.emulated[1].pipeline.tables] == before
    assert not a.channel.awaits_answer
    assert world.packet(1, 1, udp()) == [(2, udp())]


def test_what_a_tenant_sends_meanwhile_waits_its_turn() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    effects = Effects(world.now)
    rejudge(a.switch, effects)
    waiting = world.hypervisor.from_controller(a.channel, [b"\x04\x14\0\x08\0\0\0\x09"], world.now)
    assert waiting.frames == {}
    assert a.channel.awaits_answer
    world.perform(effects)
    assert not a.channel.awaits_answer
    assert [one.xid for one in a.heard(BarrierReply)] == [9]
    assert a.ask(BarrierRequest(xid=1), BarrierReply)


def test_a_datapath_that_cannot_say_what_it_holds_is_hung_up_on() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    effects = Effects(world.now)
    rejudge(a.switch, effects)
    assert effects.frames  # and no answer comes
    late = world.hypervisor.tick(world.now + 60.0)
    assert HangUp(the_datapath(world), "entries cannot be read") in late.commands


def test_how_packets_come_to_groups_is_learned_anew_from_the_entries_that_are_there() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    a.send(add(7, *to(2)), add(8, *to(1)))
    a.send(FlowMod(match=IN_1, instructions=through(7)), FlowMod(instructions=through(8)))
    a.send(FlowMod(command=DELETE, out_group=8))
    look_again(world, "a")
    groups = a.switch.groups.by_id
    assert (len(groups[7].uses), len(groups[8].uses)) == (1, 0)
    assert world.packet(1, 1, udp()) == [(2, udp())]


RED = a_slice("red", rule(Match.of(vlan_vid=tag(100))))
BLUE = a_slice("blue", rule(Match.of(vlan_vid=tag(200))))
ON_100 = Match.of(in_port=1, vlan_vid=tag(100))
BECOMES_BLUE = act.SetField("vlan_vid", tag(200))


def test_an_entry_that_comes_back_is_judged_anew_for_what_follows_through_groups() -> None:
    world = ON_TABLES.world(RED, BLUE)
    red, entry = world.controller("red"), FlowMod(match=ON_100, instructions=through(7))
    red.send(add(7, *to(2)), entry, FlowMod(command=DELETE))
    look_again(world, "red")
    assert red.send(entry) == []
    assert red.refused(modify(7, bucket(BECOMES_BLUE, act.Output(2)))) == codes.ACTION_EPERM
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp(vlan=100))]


def test_an_entry_that_comes_back_is_judged_anew_for_what_follows_in_later_tables() -> None:
    world = ON_TABLES.world(RED, BLUE)
    red = world.controller("red")
    entry = FlowMod(match=ON_100, instructions=(act.ApplyActions((BECOMES_BLUE,)), act.GotoTable(1)))
    red.send(entry, FlowMod(command=DELETE))
    look_again(world, "red")
    assert red.send(entry) == []
    assert red.refused(FlowMod(table_id=1, instructions=output(2))) == codes.ACTION_EPERM
    assert world.packet(1, 1, udp(vlan=100)) == []
