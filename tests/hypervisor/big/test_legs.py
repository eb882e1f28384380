"""Controllers of a virtual switch and its shares come, go, and talk."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.big import legs
from flowvisor.hypervisor.effects import CloseChannels, Effects, HangUp, OpenChannels, PauseReading
from flowvisor.openflow.messages import (
    BarrierReply,
    BarrierRequest,
    EchoRequest,
    FlowMod,
    PacketIn,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.versions import codec
from tests.support.big_world import BIG_DPID, PORTS, PickyDatapath, big_world
from tests.support.slices import MISS, output, udp


def test_over_one_leg_frames_pass_as_they_are() -> None:
    world = big_world(1)
    tenant = world.big_controller()
    leg = tenant.channel.legs[1].channel
    frame = codec(4).encode(FlowMod(xid=77, instructions=output(2)))
    alone, through = Effects(world.now), Effects(world.now)
    world.hypervisor.from_controller(leg, [frame], world.now)
    alone.add(world.hypervisor.from_controller(leg, [frame], world.now))
    legs.from_controller(tenant.channel, [frame], through)
    (sent,), (wanted,) = through.frames.values(), alone.frames.values()
    assert [one[8:] for one in sent] == [one[8:] for one in wanted]
    assert tenant.ask(BarrierRequest(xid=5), BarrierReply)


def test_over_one_leg_answers_errors_and_packet_ins_are_the_controllers() -> None:
    world = big_world(1)
    tenant = world.big_controller()
    tenant.send(MISS)
    world.packet(1, 3, udp())
    assert len(tenant.heard(PacketIn)) == 1
    tenant.inbox.clear()
    assert len(tenant.ask(FlowStatsRequest(xid=9), FlowStatsReply).flows) == 1
    assert tenant.refused(FlowMod(xid=10, table_id=99)) == (5, 2)


def test_a_leg_that_is_not_read_from_is_a_channel_that_is_not_read_from() -> None:
    world = big_world(1)
    tenant = world.big_controller()
    tenant.channel.legs[1].channel.awaits_answer = True
    frames = [codec(4).encode(FlowMod(instructions=output(2)))] * 2000
    effects = Effects(world.now)
    legs.from_controller(tenant.channel, frames, effects)
    assert effects.commands == [PauseReading(tenant.channel)]


def test_who_breaks_the_protocol_on_a_leg_is_hung_up_on() -> None:
    world = big_world(1)
    tenant = world.big_controller()
    tenant.send(*[b"\x04\x0e\x00\x08\0\0\0\1"] * 16)
    assert [one.peer for one in world.commands if isinstance(one, HangUp)] == [tenant.channel]


def test_channels_open_with_the_first_share_and_close_with_the_last() -> None:
    world = big_world(2)
    assert [
        one.switch for one in world.commands if isinstance(one, OpenChannels) if one.switch.dpid == BIG_DPID
    ]
    tenant = world.big_controller()
    world.go(1)
    assert world.big.name in world.open
    world.go(2)
    assert world.big.name not in world.open
    assert tenant.channel.has_left
    assert world.big.channels == []
    assert CloseChannels(world.big.name, "the datapath has left") in world.commands
    with pytest.raises(KeyError):
        world.big_controller()
    effects = Effects(world.now)
    legs.share_left(world.big, 1, "again", effects)
    legs.from_controller(tenant.channel, [codec(4).encode(BarrierRequest())], effects)
    assert not effects.commands
    assert not effects.frames


def test_a_controller_that_leaves_takes_its_legs_along() -> None:
    world = big_world(1)
    tenant = world.big_controller()
    leg = tenant.channel.legs[1].channel
    tenant.leave()
    assert leg.has_left
    assert world.big.shares[1].channels == []
    legs.leave(tenant.channel, Effects(world.now))
    assert world.big.channels == []


def test_what_is_nobodys_leg_stays_as_it_is() -> None:
    world = big_world(1)
    plain = world.controller("a")
    assert plain.ask(BarrierRequest(xid=1), BarrierReply)
    assert plain.send(EchoRequest(data=b"x")) != []


def test_a_virtual_switch_that_comes_to_lie_on_several_datapaths_takes_along_what_it_has() -> None:
    world = big_world(1)
    world.big_controller().send(FlowMod(cookie=3, instructions=output(2)), BarrierRequest())
    world.big.edges = frozenset({1, 2})
    assert not world.big.is_spread
    world.commands.clear()
    world.come(PickyDatapath(2, ports=PORTS))
    assert world.big.is_spread
    told = [one for one in world.commands if isinstance(one, (CloseChannels, OpenChannels))]
    big = [one for one in told if one.switch == world.big.name]
    assert [type(one) for one in big] == [CloseChannels, OpenChannels]
    assert [[one.cookie for one in world.entries_at(dpid)] for dpid in (1, 2)] == [[3], [3]]
    tenant = world.big_controller()
    assert set(tenant.channel.legs) == {1, 2}
    world.go(2)
    world.big.edges = frozenset({1})
    assert tenant.ask(FlowStatsRequest(xid=3), FlowStatsReply).flows
    world.go(1)
    world.come(world.emulated[1])
    assert not world.big.is_spread
    assert len(world.big.entries) == 0
    assert world.big_controller().ask(FlowStatsRequest(xid=3), FlowStatsReply).flows


def test_a_share_that_is_known_does_not_join_again_and_another_one_takes_its_place() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.go(2)
    world.join(world.emulated[2])
    world.hold(2)
    world.share_joins(2)
    reading = len(world.held[2])
    world.share_joins(2)
    assert len(world.held[2]) == reading
    assert legs.has_share(world.big, world.hypervisor.datapaths[2].switches["a"])
    world.leave(2)
    del world.held[2]
    world.come(world.emulated[2])
    world.share_joins(2)
    assert set(tenant.channel.legs) == {1, 2}
    assert not world.big.joining
    assert len(world.big.own.legs) == 2
