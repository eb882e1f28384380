"""Roles and what each controller wants are the virtual switch's, not the datapaths'."""

from __future__ import annotations

from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.frame import PACKET_IN
from flowvisor.openflow.messages import (
    ROLE_EQUAL,
    ROLE_MASTER,
    ROLE_SLAVE,
    AsyncMasks,
    FlowMod,
    GetAsyncReply,
    GetAsyncRequest,
    GetConfigReply,
    GetConfigRequest,
    PacketIn,
    PacketOut,
    RoleReply,
    RoleRequest,
    SetAsync,
    SetConfig,
)
from tests.support.big_world import big_world
from tests.support.slices import MISS, udp


def test_a_new_master_makes_the_old_one_a_slave_everywhere() -> None:
    world = big_world(2)
    one, other = world.big_controller(), world.big_controller()
    one.send(MISS)
    assert one.ask(RoleRequest(xid=1, role=ROLE_MASTER, generation_id=1), RoleReply).role == ROLE_MASTER
    assert other.ask(RoleRequest(xid=1, role=ROLE_MASTER, generation_id=2), RoleReply).role == ROLE_MASTER
    assert one.channel.role == ROLE_SLAVE
    assert one.refused(RoleRequest(xid=3, role=ROLE_MASTER, generation_id=1)) == codes.ROLE_STALE
    assert one.refused(FlowMod(xid=4)) == codes.IS_SLAVE
    assert one.refused(PacketOut(xid=5, data=udp())) == codes.IS_SLAVE
    for dpid in (1, 2):
        world.packet(dpid, dpid, udp())
    assert (len(one.heard(PacketIn)), len(other.heard(PacketIn))) == (0, 2)


def test_a_share_that_joins_later_knows_what_each_wants() -> None:
    world = big_world(2)
    deaf, short = world.big_controller(), world.big_controller()
    short.send(MISS)
    deaf.send(SetAsync(masks=AsyncMasks(packet_in=(0, 0))))
    short.send(SetConfig(miss_send_len=20))
    world.go(2)
    world.come(world.emulated[2])
    world.packet(2, 2, udp())
    assert deaf.heard(PacketIn) == []
    assert [len(one.data) for one in short.heard(PacketIn)] in ([20], [len(udp())])
    assert deaf.ask(GetAsyncRequest(xid=3), GetAsyncReply).masks.packet_in == (0, 0)
    assert short.ask(GetConfigRequest(xid=3), GetConfigReply).miss_send_len == 20
    assert all(leg.channel.miss_send_len == 20 for leg in short.channel.legs.values())


def test_the_generation_is_forgotten_with_the_last_controller() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(RoleRequest(xid=1, role=ROLE_MASTER, generation_id=9))
    tenant.leave()
    assert world.big.generation_id is None
    assert world.big_controller().channel.role == ROLE_EQUAL


def test_packet_ins_are_passed_as_they_are() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(MISS)
    world.packet(2, 2, udp())
    assert tenant.frames[-1][1] == PACKET_IN
    assert tenant.heard(PacketIn)[-1].match.exact("in_port") == 2
