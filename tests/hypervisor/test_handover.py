"""Packets change hands: at once, for those whom it concerns, and without delay for all others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.hypervisor.effects import CloseChannels, Effects, HangUp, OpenChannels
from flowvisor.hypervisor.peers import Datapath
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, Group, Output, SetField
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    GROUP_ADD,
    METER_ADD,
    METER_KBPS,
    PORT_ADD,
    PORT_DELETE,
    BarrierRequest,
    Bucket,
    Error,
    FlowMod,
    GroupMod,
    Message,
    MeterBand,
    MeterMod,
    PortStatus,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest, GroupDescReply, GroupDescRequest
from flowvisor.openflow.versions import codec
from flowvisor.policies.bandwidth import Bandwidth
from tests.support.dialogue import say, the_datapath
from tests.support.kinds import ON_FEW_TABLES, ON_TABLES
from tests.support.slices import MISS, A, B, output, tag, udp
from tests.support.world import Controller, World, a_slice, configuration, ports, rule

IN_1, IN_3 = Match.of(in_port=1), Match.of(in_port=3)
ENTRY = FlowMod(cookie=1, match=IN_1, instructions=output(2))

# Two slices by VLANs at all ports: what the one has is nothing to the other unless it sets a tag.
RED, BLUE = (
    a_slice(name, rule(Match.of(vlan_vid=tag(vlan)))) for name, vlan in (("red", 100), ("blue", 200))
)
REDDER = a_slice("red", rule(Match.of(vlan_vid=tag(300))))


def of_blue(*actions: SetField) -> FlowMod:
    instructions = (ApplyActions((*actions, Output(4))),)
    return FlowMod(match=Match.of(in_port=3, vlan_vid=tag(200)), instructions=instructions)


def begun(world: World, files: Configuration) -> Effects:
    """A reload of which the datapath has not heard yet."""
    return world.hypervisor.reload(files, world.now)


def sent_by(controller: Controller, *messages: Message) -> list[Message]:
    """What goes to the datapath of what a controller sends, at once."""
    world = controller.world
    frames = [codec(controller.version).encode(one) for one in messages]
    effects = world.hypervisor.from_controller(controller.channel, frames, world.now)
    told = effects.frames.get(the_datapath(world), [])
    world.perform(effects)
    return [codec(4).decode(bytes(frame)) for frame in told]


def frames_to(world: World, effects: Effects) -> list[Message]:
    return [codec(4).decode(bytes(frame)) for frame in effects.frames.get(the_datapath(world), [])]


def wholly_read(effects: list[Message]) -> bool:
    return any(isinstance(one, FlowStatsRequest) and one.table_id == 0 for one in effects)


def test_no_frame_of_a_slice_that_is_not_concerned_waits() -> None:
    world = ON_TABLES.world(RED, BLUE)
    red, blue = world.controller("red"), world.controller("blue")
    effects = begun(world, configuration(REDDER, BLUE))
    assert sent_by(red, FlowMod(instructions=output(2))) == []
    (passed,) = sent_by(blue, of_blue())
    assert isinstance(passed, FlowMod)
    world.perform(effects)
    assert world.packet(1, 3, udp(vlan=200)) == [(4, udp(vlan=200))]
    assert world.packet(1, 1, udp(vlan=300)) == [(2, udp(vlan=300))]
    assert world.packet(1, 1, udp(vlan=100)) == []


def test_of_others_nothing_is_read_and_of_the_hypervisors_own_only_the_difference_is_sent() -> None:
    world = ON_TABLES.world(RED, BLUE)
    begun_with = len(world.to_datapaths)
    world.reload(configuration(REDDER, BLUE))
    told = [codec(4).decode(frame) for _, frame in world.to_datapaths[begun_with:]]
    red = the_datapath(world).switches["red"].view.block
    assert red is not None
    read = [one.table_id for one in told if isinstance(one, FlowStatsRequest)]
    assert read == list(range(red.first, red.end))
    changed = [one for one in told if isinstance(one, (FlowMod, GroupMod))]
    assert [one.match for one in changed] == [  # type: ignore[union-attr]
        Match.of(vlan_vid=tag(300)),
        Match.of(vlan_vid=tag(100)),
    ]


def test_who_may_make_packets_of_those_that_change_hands_waits_and_is_judged_anew() -> None:
    world = ON_TABLES.world(RED, BLUE)
    blue = world.controller("blue")
    assert blue.send(of_blue(SetField("vlan_vid", tag(300)))) == []  # which is nobody's yet
    effects = begun(world, configuration(REDDER, BLUE))
    assert sent_by(blue, evolve(of_blue(), priority=7)) == []
    world.perform(effects)
    assert [one.priority for one in blue.ask(FlowStatsRequest(), FlowStatsReply).flows] == [7]
    refused = evolve(of_blue(SetField("vlan_vid", tag(300))), priority=8)
    assert blue.refused(refused) == codes.ACTION_EPERM


def test_so_does_who_may_by_a_group() -> None:
    world = ON_TABLES.world(RED, BLUE)
    blue = world.controller("blue")
    bucket = Bucket(actions=(SetField("vlan_vid", tag(300)), Output(4)))
    through = FlowMod(match=Match.of(in_port=3, vlan_vid=tag(200)), instructions=(ApplyActions((Group(7),)),))
    assert blue.send(GroupMod(command=GROUP_ADD, group_id=7, buckets=(bucket,)), through) == []
    assert world.packet(1, 3, udp(vlan=200)) == [(4, udp(vlan=300))]
    world.reload(configuration(REDDER, BLUE))
    assert world.packet(1, 3, udp(vlan=200)) == []


def test_what_goes_goes_before_packets_change_hands_and_barriers_are_in_between() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    assert a.send(ENTRY) == []
    begun_with = len(world.to_datapaths)
    world.reload(configuration(a_slice("a", ports(1)), a_slice("b", ports(2, 3, 4))))
    told = [codec(4).decode(frame) for _, frame in world.to_datapaths[begun_with:]]
    block = a.switch.view.block
    assert block is not None
    tables = [one.table_id for one in told if isinstance(one, FlowMod)]
    assert tables == [block.first, 0]
    first, last = (at for at, one in enumerate(told) if isinstance(one, FlowMod))
    assert any(isinstance(one, BarrierRequest) for one in told[first:last])
    assert any(isinstance(one, BarrierRequest) for one in told[last:])


def test_who_comes_finds_its_tables_empty_and_who_goes_leaves_nothing() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    group = GroupMod(command=GROUP_ADD, group_id=7, buckets=(Bucket(actions=(Output(2),)),))
    meter = MeterMod(command=METER_ADD, flags=METER_KBPS, meter_id=3, bands=(MeterBand(kind=1, rate=9),))
    assert a.send(group, meter, ENTRY) == []
    world.reload(configuration(B))
    assert CloseChannels(a.channel.switch.name, "the slice has no share of the datapath any more") in (
        world.commands
    )
    pipeline = world.emulated[1].pipeline
    assert [list(table) for table in pipeline.tables[1:5]] == [[]] * 4
    assert 7 not in pipeline.groups._groups
    assert list(pipeline.meters) == []
    world.commands.clear()
    world.reload(configuration(A, B))
    assert [one.switch.slice_name for one in world.commands if isinstance(one, OpenChannels)] == ["a"]
    again = world.controller("a")
    assert again.ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    assert again.send(group, meter, ENTRY) == []
    assert world.packet(1, 1, udp()) == [(2, udp())]


def test_who_may_only_look_on_from_now_on_has_no_groups_any_more_whoever_has_their_ids_now() -> None:
    world = ON_TABLES.world(A, B)
    group = GroupMod(command=GROUP_ADD, group_id=7, buckets=(Bucket(actions=(Output(2),)),))
    assert world.controller("a").send(group) == []
    looking = a_slice("a", ports(1, 2, at=[1], may_write=False), ports(1, at=[2]))
    the_datapath(world).group_ids.last = 1  # so that the id is used again
    world.reload(configuration(looking, B))
    b = world.controller("b")
    assert b.send(evolve(group, buckets=())) == []  # which anybody might have
    world.reload(configuration(A, B))
    world.leave(1)
    world.join(world.emulated[1])
    a, b = (world.controller(name) for name in "ab")
    assert a.ask(GroupDescRequest(), GroupDescReply).groups == ()
    assert [one.group_id for one in b.ask(GroupDescRequest(), GroupDescReply).groups] == [7]


def test_who_only_looks_on_is_told_of_other_ports_and_waits_for_nothing() -> None:
    looker = a_slice("c", rule(IN_1, priority=5, may_write=False))
    world = ON_TABLES.world(A, B, looker)
    c = world.controller("c")
    effects = begun(world, configuration(A, B, a_slice("c", rule(IN_3, priority=5, may_write=False))))
    assert not c.channel.awaits_answer
    world.perform(effects)
    assert [(one.reason, one.port.number) for one in c.heard(PortStatus)] == [(PORT_DELETE, 1), (PORT_ADD, 3)]


def test_a_limit_on_a_slice_that_comes_is_in_force() -> None:
    world = ON_TABLES.world(B)
    limited = a_slice("a", ports(1, 2), policies=["w"])
    world.reload(configuration(limited, B, policies=[Bandwidth("w", rate=5)]))
    (meter,) = world.emulated[1].pipeline.meters
    a = world.controller("a")
    assert a.send(ENTRY) == []
    world.reload(configuration(B, policies=[Bandwidth("w", rate=5)]))
    assert list(world.emulated[1].pipeline.meters) == []
    assert meter.bands


def refused_something(world: World) -> None:
    the_datapath(world).own_failures += 1


def remarks(world: World) -> None:
    the_datapath(world).switches["b"].meters.remarking.add(3)


@pytest.mark.parametrize("prevent", [refused_something, remarks])
def test_a_datapath_of_which_too_little_is_known_is_read(prevent: Callable[[World], None]) -> None:
    narrower = a_slice("a", rule(Match.of(in_port=1, ip_dscp=3, eth_type=0x0800)))
    world = ON_TABLES.world(A, B)
    assert not wholly_read(frames_to(world, begun(world, configuration(narrower, B))))
    world = ON_TABLES.world(A, B)
    prevent(world)
    assert wholly_read(frames_to(world, begun(world, configuration(narrower, B))))


def test_so_is_one_where_matches_are_cut() -> None:
    world = ON_FEW_TABLES.world(A, B)
    world.to_datapaths.clear()
    world.reload(configuration(a_slice("a", ports(1)), B))
    told = [codec(4).decode(frame) for _, frame in world.to_datapaths]
    assert any(isinstance(one, FlowStatsRequest) for one in told)


def test_a_datapath_that_does_not_say_what_it_has_is_hung_up_on() -> None:
    world = ON_TABLES.world(RED, BLUE)
    effects = begun(world, configuration(REDDER, BLUE))
    (barrier,) = frames_to(world, effects)
    say(world, Error(xid=barrier.xid, error=codes.REQUEST_EPERM, data=b""))
    assert [one.peer for one in world.commands if isinstance(one, HangUp)] == [the_datapath(world)]


def test_other_files_while_entries_are_read_are_for_the_next_connection() -> None:
    world = ON_TABLES.world(RED, BLUE)
    begun(world, configuration(REDDER, BLUE))
    effects = begun(world, configuration(RED, BLUE))
    assert [one.peer for one in effects.commands if isinstance(one, HangUp)] == [the_datapath(world)]


def test_a_group_that_has_been_changed_counts_as_it_is_now() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    add = GroupMod(command=GROUP_ADD, group_id=7, buckets=(Bucket(actions=(Output(2),)),))
    a.send(add, FlowMod(cookie=1, match=IN_1, instructions=(ApplyActions((Group(7),)),)))
    a.send(GroupMod(command=1, group_id=7, buckets=(Bucket(actions=(Output(1),)),)))
    world.reload(configuration(a_slice("a", ports(1)), a_slice("b", ports(2, 3, 4))))
    assert [one.cookie for one in a.ask(FlowStatsRequest(), FlowStatsReply).flows] == [1]


def test_misses_of_who_is_not_concerned_stay() -> None:
    world = ON_TABLES.world(RED, BLUE)
    blue, red = world.controller("blue", version=1), world.controller("red")
    assert red.send(MISS) == []
    before = list(world.emulated[1].pipeline.tables[blue.switch.view.block.first])  # type: ignore[union-attr]
    world.reload(configuration(REDDER, BLUE))
    assert list(world.emulated[1].pipeline.tables[blue.switch.view.block.first]) == before  # type: ignore[union-attr]
    assert before


def test_what_was_judged_by_the_old_rules_is_not_remembered() -> None:
    world = ON_TABLES.world(RED, BLUE)
    blue = world.controller("blue")
    sets = of_blue(SetField("vlan_vid", tag(100)))
    assert blue.refused(sets) == codes.ACTION_EPERM
    world.reload(configuration(REDDER, BLUE))
    assert blue.send(sets) == []


def test_one_that_leaves_meanwhile_comes_back_to_the_new_rules() -> None:
    world = ON_TABLES.world(RED, BLUE)
    effects = begun(world, configuration(REDDER, BLUE))
    gone: Datapath = the_datapath(world)
    world.leave(1)
    effects.frames.pop(gone)
    world.perform(effects)
    world.join(world.emulated[1])
    red = world.controller("red")
    assert red.send(FlowMod(instructions=output(2))) == []
    assert world.packet(1, 1, udp(vlan=300)) == [(2, udp(vlan=300))]
