"""Who joins and leaves, and what becomes of what was under way."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor import hypervisor
from flowvisor.hypervisor.effects import CloseChannels, HangUp, OpenChannels, VirtualSwitchName
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    METER_ADD,
    MODIFY,
    BarrierReply,
    BarrierRequest,
    FlowMod,
    MeterBand,
    MeterMod,
    PacketIn,
    PortMod,
)
from flowvisor.openflow.multipart import (
    FlowStatsReply,
    FlowStatsRequest,
    GroupDescReply,
    GroupDescRequest,
    MeterConfigReply,
    MeterConfigRequest,
    PortDescReply,
    PortDescRequest,
    PortStatsRequest,
)
from flowvisor.openflow.ports import NO_FWD, NO_PACKET_IN
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.groups import add, to
from tests.support.kinds import ON_10, ON_TABLES, Kind
from tests.support.slices import MISS, A, B, output, udp
from tests.support.world import World, configuration

PORT_1 = Match.of(in_port=1)


def test_a_datapath_that_leaves_takes_its_switches_channels_with_it(kind: Kind, version: int) -> None:
    world = World([A, B], [kind.datapath(), kind.datapath(dpid=2)])
    a, elsewhere = world.controller("a", 1, version), world.controller("a", 2, version)
    peer = world.hypervisor.datapaths[1]
    world.leave(1)
    closed = [one.switch for one in world.commands if isinstance(one, CloseChannels)]
    assert closed == [VirtualSwitchName("a", 1), VirtualSwitchName("b", 1)]
    assert a.channel.has_left
    assert a.channel.tenant.channels == [elsewhere.channel]
    assert set(world.hypervisor.datapaths) == {2}
    # Whatever comes late is for nobody.
    assert world.hypervisor.datapath_left(peer, world.now).commands == []
    assert world.hypervisor.from_datapath(peer, [b"\x04\x0a\x00\x08\0\0\0\0"], world.now).frames == {}
    frame = a.channel.codec.encode(BarrierRequest())
    assert world.hypervisor.from_controller(a.channel, [frame], world.now).frames == {}
    assert world.hypervisor.controller_left(a.channel, world.now).frames == {}
    assert elsewhere.ask(BarrierRequest(xid=4), BarrierReply)


def test_of_many_datapaths_that_are_away_only_what_nobody_else_knows_is_kept(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hypervisor, "MAX_AWAY", 2)
    world = World([A, B], [kind.datapath(dpid=dpid) for dpid in range(1, 6)])
    shut = PortMod(port=1, hw_addr=world.emulated[4].pipeline.ports[1].hw_addr, config=NO_FWD, mask=NO_FWD)
    assert world.controller("a", 4, 4).send(shut) == []
    for dpid in range(1, 6):
        world.leave(dpid)
    assert set(world.hypervisor.memories) == {1, 2, 4}


def test_of_two_connections_of_one_datapath_the_newer_wins(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    old = the_datapath(world)
    a = world.controller("a", 1, version)
    new = world.join(kind.datapath())
    hung_up = [one.peer for one in world.commands if isinstance(one, HangUp)]
    assert hung_up == [old]
    assert a.channel.has_left
    assert world.hypervisor.datapaths == {1: new}
    assert world.hypervisor.datapath_left(old, world.now).commands == []
    assert world.hypervisor.datapaths == {1: new}
    opened = [one.switch.slice_name for one in world.commands if isinstance(one, OpenChannels)]
    assert opened == ["a", "b", "a", "b"]


def test_each_datapath_is_planned_by_itself() -> None:
    world = World([A, B], [ON_TABLES.datapath(dpid=1), ON_10.datapath(dpid=2)])
    first, second = world.controller("a", 1, 4), world.controller("a", 2, 4)
    for one in (first, second):
        one.send(MISS, FlowMod(match=PORT_1, instructions=output(2)))
    assert world.packet(1, 1, udp()) == [(2, udp())]
    assert world.packet(2, 1, udp()) == [(2, udp())]
    world.packet(2, 2, udp())
    assert first.heard(PacketIn) == []
    assert len(second.heard(PacketIn)) == 1


def test_a_controller_of_a_switch_that_is_gone_is_not_let_in(kind: Kind) -> None:
    world = kind.world(A, B)
    for name in (VirtualSwitchName("a", 2), VirtualSwitchName("nobody", 1)):
        with pytest.raises(KeyError):
            world.hypervisor.controller_joined(name, "tcp:test", 4, world.now)


def test_numbers_of_controllers_are_used_again_only_when_all_is_answered(kind: Kind) -> None:
    world = kind.world(A, B)
    first = world.controller("a", 1, kind.version)
    withheld(first, PortStatsRequest())
    effects = world.hypervisor.controller_left(first.channel, world.now)
    second = world.controller("a", 1, kind.version)
    assert second.channel.transactions.slot != first.channel.transactions.slot
    assert len(the_datapath(world).slots) == 2
    world.perform(effects)
    assert list(the_datapath(world).slots.values()) == [second.channel]
    second.leave()
    assert the_datapath(world).slots == {}


def test_a_controller_that_left_is_forgotten_also_by_a_datapath_that_answers_nothing(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    withheld(a, PortStatsRequest())
    world.hypervisor.controller_left(a.channel, world.now)
    world.now += 60
    world.perform(world.hypervisor.tick(world.now))
    assert the_datapath(world).slots == {}
    assert a.inbox == []


def test_the_generation_of_roles_is_forgotten_with_the_last_controller(kind: Kind) -> None:
    world = kind.world(A, B)
    one, other = world.controller("a"), world.controller("a")
    one.switch.generation_id = 7
    one.leave()
    assert one.switch.generation_id == 7
    other.leave()
    assert one.switch.generation_id is None


def test_a_controller_that_leaves_leaves_its_entries(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=PORT_1, instructions=output(2)))
    a.leave()
    assert world.packet(1, 1, udp()) == [(2, udp())]
    again = world.controller("a", 1, version)
    assert len(again.ask(FlowStatsRequest(), FlowStatsReply).flows) == 1


def test_a_controller_that_leaves_while_its_frames_are_held_is_let_go() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, 1)
    modify = FlowMod(command=MODIFY, match=PORT_1, instructions=output(2))
    (asked,) = withheld(a, modify, BarrierRequest(xid=3))
    world.hypervisor.controller_left(a.channel, world.now)
    say(world, FlowStatsReply(xid=asked.xid))
    assert a.inbox == []
    assert world.controller("a", 1, 1).ask(FlowStatsRequest(), FlowStatsReply).flows == ()


def test_time_alone_does_nothing(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    before = len(world.to_datapaths)
    for _ in range(5):
        world.pass_time(30)
    assert len(world.to_datapaths) == before
    assert a.inbox == []


def test_slices_get_their_tables_once_and_for_all() -> None:
    world = World([A, B], [])
    assert world.hypervisor.allocations.blocks == {"a": (1, 4), "b": (5, 4)}
    again = World([B], [], world.hypervisor.allocations)
    assert again.hypervisor.allocations.blocks == {"b": (5, 4)}


@pytest.mark.parametrize("restarted", ["never", "without the slice", "with its namesake"])
def test_a_new_slice_has_nothing_of_one_that_went_while_the_datapath_was_away(
    kind: Kind, restarted: str
) -> None:
    world = kind.world(A, B)
    a, emulated = world.controller("a"), world.emulated[1]
    port = emulated.pipeline.ports[1]
    a.send(FlowMod(cookie=5, match=PORT_1, instructions=output(2)))
    a.send(PortMod(port=1, hw_addr=port.hw_addr, config=NO_PACKET_IN, mask=NO_PACKET_IN))
    a.send(add(7, *to(2)), MeterMod(command=METER_ADD, meter_id=3, flags=1, bands=(MeterBand(1, 10),)))
    world.leave(1)
    world.reload(configuration(B))
    del world.emulated[1]
    if restarted == "without the slice":
        world.restart()
    world.reload(configuration(A, B))
    if restarted == "with its namesake":
        world.restart()
    world.join(emulated)
    a = world.controller("a")
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    assert a.ask(GroupDescRequest(), GroupDescReply).groups == ()
    assert a.ask(MeterConfigRequest(), MeterConfigReply).meters == ()
    assert [one.config for one in a.ask(PortDescRequest(), PortDescReply).ports] == [0, 0]
    assert world.packet(1, 1, udp()) == []
    # Nor does anything of that come back with the next process.
    world.restart()
    assert world.controller("a").ask(FlowStatsRequest(), FlowStatsReply).flows == ()
