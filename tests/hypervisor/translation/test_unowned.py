"""Requests about what slices do not have: lists are empty, deleting all of nothing succeeds, making is refused."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.peers import DEFAULT_MASKS
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    ALL_METERS,
    ALL_TABLES,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    METER_ADD,
    METER_DELETE,
    METER_MODIFY,
    REASON_ACTION,
    REASON_NO_MATCH,
    AsyncMasks,
    GetAsyncReply,
    GetAsyncRequest,
    GroupMod,
    MeterMod,
    PacketIn,
    PacketQueue,
    PortStatus,
    QueueGetConfigReply,
    QueueGetConfigRequest,
    SetAsync,
    TableMod,
)
from flowvisor.openflow.multipart import (
    GroupDescReply,
    GroupDescRequest,
    GroupFeaturesReply,
    GroupFeaturesRequest,
    GroupStatsReply,
    GroupStatsRequest,
    MeterConfigReply,
    MeterConfigRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    MeterStatsReply,
    MeterStatsRequest,
    MultipartReply,
    MultipartRequest,
    QueueStatsReply,
    QueueStatsRequest,
)
from flowvisor.openflow.ports import ANY
from tests.support.kinds import Kind, as_told
from tests.support.slices import MISS, A, B, udp
from tests.support.world import Controller, World

PAIRS: list[tuple[MultipartRequest, type[MultipartReply]]] = [
    (GroupStatsRequest(xid=3), GroupStatsReply),
    (GroupStatsRequest(xid=3, group_id=7), GroupStatsReply),
    (GroupDescRequest(xid=3), GroupDescReply),
    (GroupFeaturesRequest(xid=3), GroupFeaturesReply),
    (MeterStatsRequest(xid=3), MeterStatsReply),
    (MeterConfigRequest(xid=3), MeterConfigReply),
    (MeterFeaturesRequest(xid=3), MeterFeaturesReply),
    (QueueStatsRequest(xid=3), QueueStatsReply),
]


@pytest.fixture
def world(kind: Kind) -> World:
    """A datapath that has a queue at each port."""
    queues = dict.fromkeys((1, 2, 3, 4), (PacketQueue(1),))
    emulated = kind.datapath()
    emulated.statistics.queues = queues
    return World([A, B], [emulated])


@pytest.fixture
def a(world: World) -> Controller:
    """A 1.3 controller."""
    return world.controller("a")


@pytest.mark.parametrize(("request_", "reply"), PAIRS)
def test_a_list_of_what_the_slice_does_not_have_is_empty(
    world: World, a: Controller, request_: MultipartRequest, reply: type[MultipartReply]
) -> None:
    before = len(world.to_datapaths)
    assert a.ask(request_, reply) == reply(xid=3)
    assert len(world.to_datapaths) == before


def test_a_1_0_tenants_queues_are_an_empty_list(world: World) -> None:
    a = world.controller("a", 1, 1)
    assert a.ask(QueueStatsRequest(), QueueStatsReply).queues == ()


@pytest.mark.parametrize("group_id", [ALL_GROUPS, 1, 0xF000_0001])
def test_groups_cannot_be_made_and_deleting_is_done_at_once(
    world: World, a: Controller, group_id: int
) -> None:
    groups = [group.group_id for group in world.emulated[1].pipeline.groups]
    assert a.send(GroupMod(command=GROUP_DELETE, group_id=group_id)) == []
    assert a.refused(GroupMod(command=GROUP_ADD, group_id=group_id)) == codes.OUT_OF_GROUPS
    a.inbox.clear()
    assert a.refused(GroupMod(command=GROUP_MODIFY, group_id=group_id)) == codes.UNKNOWN_GROUP
    assert [group.group_id for group in world.emulated[1].pipeline.groups] == groups


@pytest.mark.parametrize("meter_id", [ALL_METERS, 1])
def test_meters_cannot_be_made_and_deleting_is_done_at_once(a: Controller, meter_id: int) -> None:
    assert a.send(MeterMod(command=METER_DELETE, meter_id=meter_id)) == []
    assert a.refused(MeterMod(command=METER_ADD, meter_id=1)) == codes.OUT_OF_METERS
    assert a.refused(MeterMod(command=METER_MODIFY, meter_id=1)) == codes.UNKNOWN_METER


def test_tables_have_nothing_that_could_be_configured(a: Controller, kind: Kind) -> None:
    beyond = 4 if kind.has_blocks else 1
    for table_id in (0, beyond - 1, ALL_TABLES):
        assert a.send(TableMod(table_id=table_id)) == []
        assert a.refused(TableMod(table_id=table_id, config=3)) == codes.TABLE_MOD_BAD_CONFIG
    assert a.refused(TableMod(table_id=beyond)) == codes.TABLE_MOD_BAD_TABLE


@pytest.mark.parametrize("port", [1, 2, ANY])
def test_the_slices_ports_have_no_queues(world: World, version: int, port: int) -> None:
    a = world.controller("a", 1, version)
    told = a.ask(QueueGetConfigRequest(xid=6, port=port), QueueGetConfigReply)
    assert (told.port, told.queues) == (port, ())


@pytest.mark.parametrize("port", [3, 9])
def test_the_queues_of_others_ports_are_none_of_its_business(world: World, version: int, port: int) -> None:
    a = world.controller("a", 1, version)
    assert a.refused(QueueGetConfigRequest(port=port)) == as_told(codes.QUEUE_BAD_PORT, version)


def test_what_a_controller_wants_to_hear_of_is_its_own_choice(world: World, a: Controller) -> None:
    other = world.controller("a")
    assert a.ask(GetAsyncRequest(xid=1), GetAsyncReply).masks == DEFAULT_MASKS
    masks = AsyncMasks(packet_in=(1 << REASON_ACTION, 0), port_status=(0, 7), flow_removed=(1, 0))
    before = len(world.to_datapaths)
    assert a.send(SetAsync(masks=masks)) == []
    assert a.ask(GetAsyncRequest(xid=2), GetAsyncReply) == GetAsyncReply(xid=2, masks=masks)
    assert len(world.to_datapaths) == before
    a.send(MISS)
    world.packet(1, 1, udp())
    world.change(1, world.emulated[1].set_link(1, is_up=False))
    assert a.heard(PacketIn) == a.heard(PortStatus) == []
    assert [one.reason for one in other.heard(PacketIn)] == [REASON_NO_MATCH]
    assert len(other.heard(PortStatus)) == 1
