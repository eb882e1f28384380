"""Deletions of what leads to ports and groups, looked for entry by entry."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    DELETE_STRICT,
    GROUP_ADD,
    GROUP_TYPE_ALL,
    BarrierReply,
    BarrierRequest,
    Error,
    FlowMod,
    GroupMod,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import FLOOD
from tests.support.dialogue import say
from tests.support.share_world import BLUE, ShareWorld
from tests.support.slices import output
from tests.support.world import Controller

GROUP = GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_ALL, group_id=7)


def entries(leg: Controller) -> list[int]:
    told = leg.ask(FlowStatsRequest(), FlowStatsReply)
    return sorted(one.priority for one in told.flows)


def a_leg() -> Controller:
    """Entries by what they lead to: 1 floods, 2 floods and is of another table, 3 a port, 4 a port and a group."""
    leg = ShareWorld(BLUE, versions={1: 4}, cables=()).controller("blue/big", 1)
    both = (act.ApplyActions((act.Output(2), act.Group(7))),)
    flood = FlowMod(priority=1, cookie=1, match=Match.of(in_port=1), instructions=output(FLOOD))
    assert (
        leg.send(
            GROUP,
            flood,
            evolve(flood, priority=2, cookie=2, table_id=1),
            FlowMod(priority=3, instructions=output(2)),
            FlowMod(priority=4, instructions=both),
        )
        == []
    )
    return leg


@pytest.mark.parametrize(
    ("deletion", "left"),
    [
        (FlowMod(command=DELETE, out_port=FLOOD), [2, 3, 4]),
        (FlowMod(command=DELETE, out_port=FLOOD, table_id=0xFF), [3, 4]),
        (FlowMod(command=DELETE, out_port=FLOOD, table_id=0xFF, cookie=2, cookie_mask=3), [1, 3, 4]),
        (FlowMod(command=DELETE, out_port=FLOOD, match=Match.of(in_port=2)), [1, 2, 3, 4]),
        (FlowMod(command=DELETE_STRICT, out_port=FLOOD, priority=1), [1, 2, 3, 4]),
        (FlowMod(command=DELETE_STRICT, out_port=FLOOD, priority=1, match=Match.of(in_port=1)), [2, 3, 4]),
        (FlowMod(command=DELETE, out_port=2, out_group=7), [1, 2, 3]),
        (FlowMod(command=DELETE, out_port=FLOOD, out_group=7), [1, 2, 3, 4]),
    ],
)
def test_what_is_meant_goes_and_all_else_stays(deletion: FlowMod, left: list[int]) -> None:
    leg = a_leg()
    leg.inbox.clear()
    assert leg.send(deletion, BarrierRequest(xid=5)) == [BarrierReply(xid=5)]
    assert entries(leg) == left


def test_what_is_sent_meanwhile_comes_after_it() -> None:
    leg = a_leg()
    again = FlowMod(priority=1, match=Match.of(in_port=1), instructions=output(FLOOD))
    assert leg.send(FlowMod(command=DELETE, table_id=0xFF, out_port=FLOOD), again) == []
    assert entries(leg) == [1, 3, 4]


def test_a_datapath_that_does_not_tell_is_told_of_in_the_tenants_terms() -> None:
    leg = a_leg()
    world = leg.world
    frame = leg.channel.codec.encode(FlowMod(xid=77, command=DELETE, out_port=FLOOD))
    effects = world.hypervisor.from_controller(leg.channel, [frame], world.now)
    (asked,) = effects.frames[leg.switch.datapath]
    request = leg.switch.datapath.codec.decode(asked)
    say(world, Error(xid=request.xid, error=codes.REQUEST_EPERM, data=asked[:64]))
    (told,) = leg.heard(Error)
    assert (told.xid, told.error, told.data) == (77, codes.REQUEST_EPERM, frame[:64])
    assert leg.send(BarrierRequest(xid=5)) == [BarrierReply(xid=5)]
