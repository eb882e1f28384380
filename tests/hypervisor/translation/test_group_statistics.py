"""Statistics and features of groups."""

from __future__ import annotations

import pytest

from flowvisor.openflow import actions as act
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod, GroupMod
from flowvisor.openflow.multipart import (
    GroupDesc,
    GroupDescReply,
    GroupDescRequest,
    GroupFeaturesReply,
    GroupFeaturesRequest,
    GroupStats,
    GroupStatsReply,
    GroupStatsRequest,
)
from flowvisor.policies.quota import Quota
from tests.support.dialogue import say, withheld
from tests.support.groups import add, bucket, through, to
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import A, B, udp
from tests.support.world import Controller, World, a_slice, ports

KINDS_13 = pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)


def statistics(controller: Controller, **which: int) -> dict[int, GroupStats]:
    told = controller.ask(GroupStatsRequest(xid=4, **which), GroupStatsReply).groups
    return {one.group_id: one for one in told}


@KINDS_13
def test_statistics_are_of_the_slices_groups_under_its_own_ids(kind: Kind) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a"), world.controller("b")
    b.send(add(1, *to(4)), FlowMod(match=Match.of(in_port=3), instructions=through(1)))
    a.send(add(7, *to(2)), add(8, bucket(act.Group(7)), bucket()))
    a.send(FlowMod(instructions=through(8)))
    world.packet(1, 1, udp())
    world.packet(1, 3, udp())
    size = len(udp())
    found = statistics(a)
    assert found.keys() == {7, 8}
    assert (found[8].packet_count, found[8].byte_count) == (1, size)
    assert (found[8].ref_count, found[7].ref_count) == (1, 1)  # the pieces of an entry are one
    assert found[8].buckets == ((1, size), (1, size))
    assert statistics(a, group_id=7).keys() == {7}
    assert statistics(a, group_id=1) == {}
    assert statistics(b).keys() == {1}


def test_who_has_no_groups_is_told_so_at_once(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    before = len(world.to_datapaths)
    assert statistics(a) == statistics(a, group_id=7) == {}
    assert a.ask(GroupDescRequest(xid=3), GroupDescReply) == GroupDescReply(xid=3)
    assert len(world.to_datapaths) == before


@KINDS_13
def test_a_group_that_goes_while_the_datapath_answers_is_not_told_of(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    a.send(add(7, *to(2)), add(8, *to(1)))
    stats, desc, _ = withheld(a, GroupStatsRequest(), GroupDescRequest(), GroupMod(command=2, group_id=7))
    say(world, GroupStatsReply(xid=stats.xid, groups=(GroupStats(1), GroupStats(2))))
    say(world, GroupDescReply(xid=desc.xid, groups=(GroupDesc(0, 1, to(2)), GroupDesc(0, 2, to(1)))))
    assert [[one.group_id for one in reply.groups] for reply in a.heard(GroupStatsReply)] == [[8]]
    assert [[one.group_id for one in reply.groups] for reply in a.heard(GroupDescReply)] == [[8]]


def test_features_are_what_the_slice_may_have() -> None:
    slices = (a_slice("a", ports(1), policies=["few"]), a_slice("b", ports(2)))
    world = World(slices, [ON_TABLES.datapath()], policies=[Quota("few", groups=3)])
    world.hypervisor.datapaths[1].group_features = GroupFeaturesReply(
        types=0xFFFF_FFFF,
        capabilities=0xFFFF_FFF7,
        max_groups=(0xFFFF_FF00, 2, 0, 5),
        actions=(0xFFFF_FFFF, 1, 2, 3),
    )
    told = world.controller("a").ask(GroupFeaturesRequest(xid=5), GroupFeaturesReply)
    assert (told.types, told.capabilities) == (0xF, 0x7)
    assert told.max_groups == (3, 2, 0, 3)
    assert told.actions == (0x0FFF_FFFF, 1, 2, 3)
    told = world.controller("b").ask(GroupFeaturesRequest(), GroupFeaturesReply)
    assert told.max_groups == (0xEFFF_FFFF, 2, 0, 5)


def test_where_there_are_no_groups_there_are_no_features() -> None:
    a = ON_10.world(A, B).controller("a")
    assert a.ask(GroupFeaturesRequest(), GroupFeaturesReply) == GroupFeaturesReply()
