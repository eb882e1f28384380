"""Statistics of all legs, added up."""

from __future__ import annotations

from flowvisor.openflow.actions import ApplyActions, Group, Meter, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    BAND_DROP,
    DELETE_STRICT,
    GROUP_ADD,
    METER_ADD,
    METER_KBPS,
    METER_STATS,
    BarrierRequest,
    Bucket,
    Error,
    FlowMod,
    GroupMod,
    MeterBand,
    MeterMod,
    PacketQueue,
    QueueGetConfigReply,
    QueueGetConfigRequest,
)
from flowvisor.openflow.multipart import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStatsReply,
    FlowStatsRequest,
    GroupStatsReply,
    GroupStatsRequest,
    MeterStatsReply,
    MeterStatsRequest,
    PortStatsReply,
    PortStatsRequest,
    QueueStatsReply,
    QueueStatsRequest,
    TableStatsReply,
    TableStatsRequest,
)
from flowvisor.openflow.ports import ANY
from flowvisor.policies.bandwidth import Bandwidth
from tests.support.big_world import big_world
from tests.support.slices import output, udp

SIZE = len(udp())


def test_an_entry_is_one_however_many_have_it_and_has_counted_for_all() -> None:
    world = big_world(3)
    tenant = world.big_controller()
    tenant.send(FlowMod(instructions=output(4)), FlowMod(match=Match.of(in_port=1), priority=0xFFFF))
    for dpid, port in ((1, 1), (2, 2), (3, 3)):
        world.packet(dpid, port, udp())
    flows = tenant.ask(FlowStatsRequest(xid=2), FlowStatsReply).flows
    assert sorted((one.packet_count, one.byte_count) for one in flows) == [(1, SIZE), (2, 2 * SIZE)]
    total = tenant.ask(AggregateStatsRequest(xid=3), AggregateStatsReply)
    assert (total.flow_count, total.packet_count, total.byte_count) == (2, 3, 3 * SIZE)
    tables = tenant.ask(TableStatsRequest(xid=4), TableStatsReply).tables
    assert [(one.table_id, one.active_count, one.lookup_count) for one in tables[:2]] == [
        (0, 2, 3),
        (1, 0, 0),
    ]


def test_many_entries_are_told_in_parts() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(*[FlowMod(priority=number, instructions=output(4)) for number in range(16)])
    for start in range(16, 1200, 16):
        tenant.send(
            *[FlowMod(priority=number, instructions=output(4)) for number in range(start, start + 16)]
        )
    replies = tenant.send(FlowStatsRequest(xid=2))
    assert len(replies) > 1
    assert [one.more for one in replies] == [True] * (len(replies) - 1) + [False]
    assert sorted(flow.priority for one in replies for flow in one.flows) == list(range(1200))


def test_an_entry_whose_datapath_is_away_is_there_still() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    at_2 = FlowMod(cookie=3, priority=9, match=Match.of(in_port=2), instructions=output(1))
    tenant.send(at_2, BarrierRequest())
    world.go(2)
    world.pass_time(2.0)
    (flow,) = tenant.ask(FlowStatsRequest(xid=2), FlowStatsReply).flows
    assert (flow.cookie, flow.priority, flow.match, flow.instructions) == (3, 9, at_2.match, output(1))
    assert flow.duration_sec == 2
    assert tenant.ask(FlowStatsRequest(xid=2, table_id=1), FlowStatsReply).flows == ()
    assert tenant.ask(FlowStatsRequest(xid=2, out_port=3), FlowStatsReply).flows == ()
    assert tenant.ask(AggregateStatsRequest(xid=2), AggregateStatsReply).flow_count == 1
    tenant.send(FlowMod(command=DELETE_STRICT, priority=9, match=at_2.match))
    assert tenant.ask(FlowStatsRequest(xid=2), FlowStatsReply).flows == ()


def test_groups_and_meters_have_counted_for_all_and_who_uses_them_counts_once() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    bands = (MeterBand(BAND_DROP, 1_000_000),)
    tenant.send(
        GroupMod(command=GROUP_ADD, group_id=3, buckets=(Bucket(actions=(Output(4),)),)),
        GroupMod(command=GROUP_ADD, group_id=4, buckets=(Bucket(actions=(Group(3),)),)),
        MeterMod(command=METER_ADD, flags=METER_KBPS | METER_STATS, meter_id=1, bands=bands),
        FlowMod(instructions=(Meter(1), ApplyActions((Group(3),)))),
        FlowMod(priority=1, match=Match.of(in_port=2), instructions=(ApplyActions((Group(3),)),)),
    )
    for dpid, port in ((1, 1), (2, 2), (2, 2)):
        assert world.packet(dpid, port, udp()) == [(4, udp())]
    groups = {one.group_id: one for one in tenant.ask(GroupStatsRequest(xid=5), GroupStatsReply).groups}
    assert (groups[3].packet_count, groups[3].byte_count, groups[3].ref_count) == (3, 3 * SIZE, 3)
    assert groups[3].buckets == ((3, 3 * SIZE),)
    assert groups[4].ref_count == 0
    (meter,) = tenant.ask(MeterStatsRequest(xid=6), MeterStatsReply).meters
    assert (meter.packet_in_count, meter.byte_in_count, meter.flow_count) == (3, 3 * SIZE, 1)
    assert meter.bands == ((0, 0),)


def test_a_port_is_that_of_the_datapath_where_it_is() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.packet(1, 1, udp())
    world.packet(2, 2, udp())
    world.packet(1, 2, udp())  # no packet of the port's
    ports = tenant.ask(PortStatsRequest(xid=5), PortStatsReply).ports
    assert sorted((one.port, one.rx_packets) for one in ports) == [(1, 1), (2, 1), (3, 0), (4, 0)]
    world.to_datapaths.clear()
    (port,) = tenant.ask(PortStatsRequest(xid=6, port=2), PortStatsReply).ports
    assert port.rx_packets == 1
    assert [dpid for dpid, _ in world.to_datapaths] == [2]
    world.move(2, None)
    assert len(tenant.ask(PortStatsRequest(xid=7), PortStatsReply).ports) == 4
    world.move(2, 2)
    world.go(2)
    assert len(tenant.ask(PortStatsRequest(xid=7), PortStatsReply).ports) == 4


def test_queues_are_those_of_the_datapath_where_their_port_is() -> None:
    queues = {port: (PacketQueue(1, port=port, min_rate=100 * port),) for port in (1, 2)}
    gold = Bandwidth(name="gold", rate=10_000_000, queues=(1,))
    world = big_world(2, queues=queues, policies=[gold])
    tenant = world.big_controller()
    config = tenant.ask(QueueGetConfigRequest(xid=3, port=ANY), QueueGetConfigReply)
    assert sorted(one.port for one in config.queues) == [1, 2]
    (queue,) = tenant.ask(QueueGetConfigRequest(xid=3, port=2), QueueGetConfigReply).queues
    assert (queue.port, queue.min_rate) == (2, 200)
    stats = tenant.ask(QueueStatsRequest(xid=4), QueueStatsReply).queues
    assert sorted((one.port, one.queue_id) for one in stats) == [(1, 1), (2, 1)]
    assert len(tenant.ask(QueueStatsRequest(xid=4, port=1), QueueStatsReply).queues) == 1


def test_a_datapath_that_does_not_answer_in_time_makes_it_an_error() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    assert tenant.send(FlowStatsRequest(xid=4)) == []
    world.pass_time(9.0)
    (error,) = tenant.heard(Error)
    assert error.xid == 4
    assert tenant.channel.pending == 0
    assert tenant.channel.held_bytes == 0


def test_a_datapath_that_goes_leaves_the_answer_to_the_others() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(instructions=output(4)), BarrierRequest())
    world.hold(2)
    assert tenant.send(FlowStatsRequest(xid=4)) == []
    world.go(2)
    (reply,) = tenant.heard(FlowStatsReply)
    assert len(reply.flows) == 1
