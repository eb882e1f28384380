"""Queues: the slice's, at the slice's ports."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.rejudging import correction
from flowvisor.hypervisor.translation.queueing import kept_in_queue
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    FlowMod,
    OpaqueProperty,
    PacketOut,
    PacketQueue,
    QueueGetConfigReply,
    QueueGetConfigRequest,
)
from flowvisor.openflow.multipart import (
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    QueueStatsReply,
    QueueStatsRequest,
)
from flowvisor.openflow.ports import ANY
from flowvisor.policies.bandwidth import Bandwidth
from tests.support.groups import add, bucket, physical_groups, through
from tests.support.kinds import ON_TABLES, Kind, as_told
from tests.support.slices import A, B, udp
from tests.support.world import Controller, World, a_slice, ports

QUEUES = (
    PacketQueue(0, min_rate=100, opaque=(OpaqueProperty(0xFFFF, bytes(8)),)),
    PacketQueue(1, max_rate=500),
)


@pytest.fixture
def world(kind: Kind) -> World:
    """A datapath that has two queues at each port."""
    emulated = kind.datapath()
    emulated.statistics.queues = dict.fromkeys((1, 2, 3, 4), QUEUES)
    return World([A, B], [emulated])


@pytest.fixture
def a(world: World, version: int) -> Controller:
    """A controller of each version."""
    return world.controller("a", 1, version)


def queued(controller: Controller, port: int, queue_id: int) -> tuple[act.ApplyActions]:
    """The instructions of an entry that puts packets into a queue, in the controller's own words."""
    if controller.version == 1:
        return (act.ApplyActions((act.Enqueue(port, queue_id),)),)
    return (act.ApplyActions((act.SetQueue(queue_id), act.Output(port))),)


def test_configurations_are_of_the_slices_queues_at_its_ports(a: Controller) -> None:
    for asked, numbers in ((ANY, [1, 2]), (2, [2])):
        told = a.ask(QueueGetConfigRequest(xid=6, port=asked), QueueGetConfigReply)
        assert told.port == asked
        assert [(queue.queue_id, queue.min_rate, queue.opaque) for queue in told.queues] == [
            (0, 100, ()) for _ in numbers
        ]
        if a.version == 4:
            assert [queue.port for queue in told.queues] == numbers


@pytest.mark.parametrize("port", [3, 9])
def test_the_queues_of_others_ports_are_none_of_its_business(a: Controller, port: int) -> None:
    assert a.refused(QueueGetConfigRequest(port=port)) == as_told(codes.QUEUE_BAD_PORT, a.version)
    a.inbox.clear()
    assert a.refused(QueueStatsRequest(port=port)) == as_told(codes.QUEUE_BAD_PORT, a.version)
    a.inbox.clear()
    assert a.refused(QueueStatsRequest(queue_id=1)) == as_told(codes.QUEUE_BAD_QUEUE, a.version)


def test_statistics_are_of_the_slices_queues_at_its_ports(world: World, a: Controller) -> None:
    a.send(FlowMod(match=Match.of(in_port=1), instructions=queued(a, 2, 0)))
    world.packet(1, 1, udp())
    told = a.ask(QueueStatsRequest(), QueueStatsReply).queues
    assert [(one.port, one.queue_id, one.tx_packets) for one in told] == [(1, 0, 0), (2, 0, 1)]
    (one,) = a.ask(QueueStatsRequest(port=2, queue_id=0), QueueStatsReply).queues
    assert (one.port, one.tx_packets) == (2, 1)


def test_entries_may_name_the_slices_queues_and_no_others(world: World, a: Controller) -> None:
    mine = queued(a, 2, 0)
    assert a.send(FlowMod(match=Match.of(in_port=1), instructions=mine)) == []
    assert world.packet(1, 1, udp()) == [(2, udp())]
    bad_queue = as_told(codes.ACTION_BAD_QUEUE, a.version)
    assert a.refused(FlowMod(instructions=queued(a, 2, 1))) == bad_queue
    bad_port = as_told(codes.ACTION_BAD_OUT_PORT, a.version)
    assert a.refused(FlowMod(instructions=queued(a, 3, 0))) == bad_port
    packet = PacketOut(in_port=1, actions=queued(a, 2, 1)[0].actions, data=udp())
    assert a.refused(packet) == bad_queue


def test_a_queue_is_told_in_each_version_as_it_says_it(world: World, a: Controller) -> None:
    """In 1.0 a packet that no action gave a queue is in the default one, so that is what reads back."""
    a.send(FlowMod(match=Match.of(in_port=1), instructions=queued(a, 2, 0)))
    other = world.controller("a", 1, 5 - a.version)
    (flow,) = other.ask(FlowStatsRequest(), FlowStatsReply).flows
    (applied,) = flow.instructions
    assert isinstance(applied, act.ApplyActions)
    assert act.Output(2) in applied.actions or act.Enqueue(2, 0) in applied.actions


GOLD = Bandwidth("gold", rate=1000, queues=(3, 5))


def limited_by_queue() -> Controller:
    """A tenant on a datapath where its bandwidth is limited by a queue."""
    slices = (a_slice("a", ports(1, 2), policies=["gold"]), B)
    a = World(slices, [ON_TABLES.datapath()], policies=[GOLD]).controller("a")
    a.switch.queue = 3
    return a


def test_queues_that_a_policy_names_may_be_asked_for_and_none_leads_out_of_them() -> None:
    switch = limited_by_queue().switch
    assert [switch.owns_queue(queue) for queue in (0, 3, 5, 4)] == [True, True, True, False]
    actions = (act.SetQueue(0), act.Enqueue(1, 0), act.SetQueue(5), act.Output(1))
    kept = (act.SetQueue(3), act.Enqueue(1, 3), act.SetQueue(5), act.Output(1))
    assert kept_in_queue(3, actions) == kept


def test_groups_do_not_lead_out_of_the_queue_that_limits_a_slice() -> None:
    a = limited_by_queue()
    a.send(add(7, bucket(act.SetQueue(0), act.Output(2))), FlowMod(instructions=through(7)))
    assert physical_groups(a) == {1: (bucket(act.SetQueue(3), act.Output(2)),)}
    (flow,) = a.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert flow.instructions == through(7)


def test_an_entry_in_the_slices_queue_is_right_when_it_is_judged_again() -> None:
    a = limited_by_queue()
    a.send(FlowMod(instructions=queued(a, 2, 5)))
    datapath = a.switch.datapath
    (entry,) = a.world.emulated[1].pipeline.tables[1]
    flow = FlowStats(table_id=1, priority=entry.priority, match=entry.match, instructions=entry.instructions)
    assert list(correction(datapath, flow)) == []
