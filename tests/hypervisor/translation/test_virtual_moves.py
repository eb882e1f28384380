"""What a tenant has on a datapath when its ports lie elsewhere: groups that watch them, and floods."""

from __future__ import annotations

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.translation.virtual_moves import put_view
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import (
    GROUP_ADD,
    GROUP_MODIFY,
    GROUP_TYPE_ALL,
    GROUP_TYPE_FAST_FAILOVER,
    SEND_FLOW_REM,
    Bucket,
    FlowMod,
    FlowRemoved,
    GroupMod,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest, GroupDescReply, GroupDescRequest
from flowvisor.openflow.ports import CONTROLLER, FLOOD, IN_PORT
from flowvisor.openflow.versions import codec
from flowvisor.planning.virtual_view import VirtualView
from tests.support.share_world import PLAIN, ShareWorld
from tests.support.shares import in_vlan, link_end, remote
from tests.support.slices import output
from tests.support.world import Controller


def put(leg: Controller, *ports: object) -> list[object]:
    """Let these ports of the share be others, and return what the datapath was told."""
    world, switch = leg.world, leg.switch
    share = switch.view.share
    assert share is not None
    changed = {port.number: port for port in ports}  # type: ignore[attr-defined]
    other = type(share)(share.name, share.dpid, share.block, {**share.ports, **changed})
    before = len(world.to_datapaths)
    effects = Effects(world.now)
    put_view(switch, VirtualView(other, switch.view.ownership), effects)
    world.perform(effects)
    return [codec(4).decode(frame) for _, frame in world.to_datapaths[before:]]


def a_leg() -> Controller:
    return ShareWorld(PLAIN, versions={1: 4}, cables=()).controller("blue/big", 1)


def watching(*ports: int) -> tuple[Bucket, ...]:
    return tuple(Bucket(watch_port=port, actions=(act.Output(port),)) for port in ports)


FAILOVER = GroupMod(
    command=GROUP_ADD, group_type=GROUP_TYPE_FAST_FAILOVER, group_id=7, buckets=watching(3, 2)
)


def test_a_group_watches_its_port_where_that_is_now() -> None:
    leg = a_leg()
    assert leg.send(FAILOVER) == []
    (sent,) = (one for one in put(leg, remote(3, 3005)) if isinstance(one, GroupMod))
    assert sent.command == GROUP_MODIFY
    (told,) = leg.ask(GroupDescRequest(), GroupDescReply).groups
    assert told.buckets == FAILOVER.buckets
    assert not any(isinstance(one, GroupMod) for one in put(leg, remote(3, 3006)))


def test_where_packets_begin_to_forget_what_would_send_them_back_goes() -> None:
    leg = a_leg()
    flooding = GroupMod(
        command=GROUP_ADD,
        group_type=GROUP_TYPE_ALL,
        group_id=8,
        buckets=(Bucket(actions=(act.Output(FLOOD),)),),
    )
    by_group = (act.ApplyActions((act.Group(8),)),)
    entries = (
        (1, output(FLOOD)),
        (2, output(FLOOD, CONTROLLER)),
        (3, output(IN_PORT, 2)),
        (4, by_group),
        (5, output(2)),
    )
    assert leg.send(FAILOVER, flooding) == []
    for priority, instructions in entries:
        entry = FlowMod(priority=priority, flags=SEND_FLOW_REM, instructions=instructions)
        assert leg.send(entry) == []
    put(leg, link_end(10, 3010, 3020))
    told = leg.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert sorted(one.priority for one in told) == [1, 5]
    assert sorted(one.priority for one in leg.heard(FlowRemoved)) == [2, 3, 4]
    assert [one.group_id for one in leg.ask(GroupDescRequest(), GroupDescReply).groups] == [7]
    assert leg.refused(flooding) == codes.ACTION_EPERM


def test_where_they_come_out_of_a_vlan_only_what_sends_back_goes() -> None:
    leg = a_leg()
    leg.send(FlowMod(priority=2, instructions=output(FLOOD, CONTROLLER)))
    leg.send(FlowMod(priority=3, instructions=output(IN_PORT, 2)))
    put(leg, in_vlan(3, 3, 20))
    told = leg.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert [one.priority for one in told] == [2]
