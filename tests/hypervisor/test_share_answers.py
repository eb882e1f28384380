"""What a share answers and is told: in its tenant's terms, and nothing of the datapath's that is not its own."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    GROUP_ADD,
    GROUP_TYPE_ALL,
    GROUP_TYPE_FAST_FAILOVER,
    NO_BUFFER,
    PORT_MODIFY,
    Bucket,
    Error,
    FeaturesReply,
    FeaturesRequest,
    FlowMod,
    GroupMod,
    PacketIn,
    PacketOut,
    PortMod,
    PortStatus,
    QueueGetConfigReply,
    QueueGetConfigRequest,
)
from flowvisor.openflow.multipart import (
    APPLY_SETFIELD,
    MATCH,
    NEXT_TABLES,
    UNKNOWN_COUNTER,
    WILDCARDS,
    WRITE_SETFIELD,
    AggregateStatsReply,
    AggregateStatsRequest,
    DescReply,
    DescRequest,
    FlowStatsReply,
    FlowStatsRequest,
    GroupDescReply,
    GroupDescRequest,
    PortDescReply,
    PortDescRequest,
    PortStatsReply,
    PortStatsRequest,
    QueueStatsReply,
    QueueStatsRequest,
    TableFeaturesReply,
    TableFeaturesRequest,
    TableProperty,
    TableStatsReply,
    TableStatsRequest,
)
from flowvisor.openflow.ports import (
    ANY,
    CONTROLLER,
    FLOOD,
    IN_PORT,
    LINK_DOWN,
    NO_FLOOD,
    NO_FWD,
    NO_PACKET_IN,
    NO_RECV,
    PORT_DOWN,
)
from flowvisor.planning.share import TENANT_BITS
from tests.support.dialogue import the_datapath
from tests.support.share_world import BLUE, ShareWorld
from tests.support.slices import MISS, ethernet, output
from tests.support.world import Controller

BIG = "blue/big"
PACKET = ethernet()
IN_VLAN = ethernet(vlans=(20,))


@pytest.fixture
def leg() -> Controller:
    return ShareWorld(BLUE).controller(BIG, 1)


def one_datapath() -> Controller:
    """All of it on one, which a test can speak for."""
    return ShareWorld(BLUE, versions={1: 4}, cables=()).controller(BIG, 1)


# ---------------------------------------------------------------------------------------------------- descriptions


@pytest.mark.parametrize("version", [1, 4])
def test_it_has_the_virtual_switchs_dpid_tables_and_ports(version: int) -> None:
    leg = ShareWorld(BLUE).controller(BIG, 1, version)
    told = leg.ask(FeaturesRequest(), FeaturesReply)
    assert told.dpid == BLUE.logical["big"].dpid
    assert told.n_tables == (BLUE.tables if version == 4 else 1)
    ports = told.ports if version == 1 else leg.ask(PortDescRequest(), PortDescReply).ports
    assert [(port.number, port.name) for port in ports] == [(n, f"port-{n}") for n in (1, 2, 3, 5, 10)]
    said = leg.ask(DescRequest(), DescReply)
    assert said.datapath == f"blue/big at {told.dpid:016x}"


def test_table_features_say_whose_half_of_the_metadata_is_whose(leg: Controller) -> None:
    told = leg.ask(TableFeaturesRequest(), TableFeaturesReply).tables
    assert [one.table_id for one in told] == list(range(BLUE.tables))
    for one in told:
        assert one.metadata_match == one.metadata_write == TENANT_BITS
        ids = {each.kind: each.ids for each in one.properties if isinstance(each, TableProperty)}
        assert ids[NEXT_TABLES] == tuple(range(one.table_id + 1, BLUE.tables))
        for kind in (MATCH, WILDCARDS, WRITE_SETFIELD, APPLY_SETFIELD):
            shown = {header >> 9 & 0x7F for header in ids[kind]}
            assert not shown & {FIELDS["tunnel_id"].number, FIELDS["in_phy_port"].number}
            assert (FIELDS["in_port"].number in shown) == (kind in (MATCH, WILDCARDS))


def test_table_statistics_are_of_its_own_tables(leg: Controller) -> None:
    leg.send(FlowMod(table_id=1, instructions=output(2)))
    told = leg.ask(TableStatsRequest(), TableStatsReply).tables
    assert [(one.table_id, one.active_count) for one in told] == [(0, 0), (1, 1), (2, 0), (3, 0)]


# ---------------------------------------------------------------------------------------------------------- counters


def test_ports_that_nothing_counts_say_so_and_remote_ones_are_told_elsewhere(leg: Controller) -> None:
    leg.world.packet(1, 2, PACKET)
    told = {one.port: one for one in leg.ask(PortStatsRequest(), PortStatsReply).ports}
    assert sorted(told) == [1, 2, 3, 10]
    assert (told[1].rx_packets, told[2].rx_packets) == (0, 1)
    assert told[3].rx_packets == told[10].tx_bytes == UNKNOWN_COUNTER


@pytest.mark.parametrize("port", [1, 2, 3, 5, 10, 4])
def test_one_port_is_told_alone(leg: Controller, port: int) -> None:
    told = leg.ask(PortStatsRequest(port=port), PortStatsReply).ports
    assert [one.port for one in told] == ([port] if port in (1, 2, 3, 10) else [])


def test_an_aggregate_is_of_what_matches_the_virtual_port(leg: Controller) -> None:
    for number, port in enumerate((1, 1, 3)):
        leg.send(FlowMod(priority=number, match=Match.of(in_port=port), instructions=output(FLOOD)))
    for port, count in ((1, 2), (3, 1), (5, 0)):
        request = AggregateStatsRequest(match=Match.of(in_port=port))
        assert leg.ask(request, AggregateStatsReply).flow_count == count


def test_what_cannot_be_matched_cannot_be_asked_for(leg: Controller) -> None:
    for match, error in (
        (Match.of(metadata=5), codes.MATCH_BAD_MASK),
        (Match.of(tunnel_id=5), codes.MATCH_BAD_FIELD),
    ):
        assert leg.refused(FlowStatsRequest(match=match)) == error
        assert leg.refused(FlowMod(match=match)) == error


def test_queues_are_those_of_whole_ports(leg: Controller) -> None:
    for port, known in ((1, True), (3, True), (5, True), (4, False)):
        for request, reply in (
            (QueueGetConfigRequest(port=port), QueueGetConfigReply),
            (QueueStatsRequest(port=port), QueueStatsReply),
        ):
            if known:
                assert all(one.port == port for one in leg.ask(request, reply).queues)
            else:
                assert leg.refused(request) == codes.QUEUE_BAD_PORT
    told = leg.ask(QueueGetConfigRequest(port=ANY), QueueGetConfigReply)
    assert {one.port for one in told.queues} <= {1, 2}


# ---------------------------------------------------------------------------------------------------------- packet-ins


@pytest.mark.parametrize("version", [1, 4])
def test_a_packet_in_has_the_tenants_metadata_and_no_buffer(version: int) -> None:
    leg = one_datapath()
    if version == 1:
        leg.leave()
        leg = leg.world.controller(BIG, 1, 1)
    block = leg.switch.view.block
    assert block is not None
    for metadata, shown in ((3, {}), (7 << 32 | 0x1_0003, {"metadata": 7 << 32})):
        leg.inbox.clear()
        said = PacketIn(
            buffer_id=9,
            reason=1,
            table_id=block.first,
            cookie=5,
            match=Match.of(in_port=1, metadata=metadata, tunnel_id=4),
            total_len=len(PACKET),
            data=PACKET,
        )
        for message in (said, evolve(said, match=said.match.without("tunnel_id"), buffer_id=NO_BUFFER)):
            _say(leg, message)
            (told,) = leg.inbox
            assert isinstance(told, PacketIn)
            expected = Match.of(in_port=3, **(shown if version == 4 else {}))
            assert (told.match, told.table_id, told.buffer_id) == (expected, 0, NO_BUFFER)
            leg.inbox.clear()


def _say(leg: Controller, message: PacketIn) -> None:
    datapath = the_datapath(leg.world)
    frames = [datapath.codec.encode(message)]
    leg.world.perform(leg.world.hypervisor.from_datapath(datapath, frames, leg.world.now))


def test_what_an_action_set_sends_up_behind_the_last_table_is_the_last_tables(leg: Controller) -> None:
    first = (act.WriteActions((act.Output(CONTROLLER, 0xFFFF),)), act.GotoTable(1))
    assert leg.send(FlowMod(cookie=6, instructions=first)) == []
    assert leg.send(FlowMod(table_id=1, cookie=5, instructions=output(FLOOD))) == []
    leg.world.packet(1, 1, PACKET)
    (told,) = leg.heard(PacketIn)
    assert (told.match, told.table_id) == (Match.of(in_port=1), BLUE.tables - 1)
    assert told.cookie == 0xFFFF_FFFF_FFFF_FFFF


# ---------------------------------------------------------------------------------------------------- what it shuts


def configure(leg: Controller, port: int, config: int, mask: int | None = None) -> None:
    known = leg.switch.logical_ports[port]
    mask = config if mask is None else mask
    told = leg.send(PortMod(port=port, hw_addr=known.hw_addr, config=config, mask=mask))
    assert not any(isinstance(one, Error) for one in told)


def reached(leg: Controller, port: int, packet: bytes) -> set[tuple[int, bytes]]:
    world = leg.world
    world.transmitted.clear()
    world.packet(1, port, packet)
    return {(out, data) for dpid, out, data in world.transmitted if dpid == 1 and out != 4}


@pytest.mark.parametrize("config", [NO_FWD, PORT_DOWN])
def test_nothing_goes_out_of_a_port_that_is_shut_until_it_is_open_again(leg: Controller, config: int) -> None:
    leg.send(FlowMod(command=ADD, priority=1, match=Match.of(in_port=1), instructions=output(FLOOD)))
    leg.send(FlowMod(priority=1, match=Match.of(in_port=2), instructions=output(3)))
    written = leg.ask(FlowStatsRequest(), FlowStatsReply).flows
    configure(leg, 3, config)
    assert reached(leg, 1, PACKET) == {(2, PACKET)}
    assert reached(leg, 2, PACKET) == set()
    shown = [evolve(one, duration_sec=0, packet_count=0, byte_count=0) for one in written]
    told = leg.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert [evolve(one, packet_count=0, byte_count=0) for one in told] == shown
    configure(leg, 3, 0, config)
    assert reached(leg, 1, PACKET) == {(2, PACKET), (3, IN_VLAN)}
    assert reached(leg, 2, PACKET) == {(3, IN_VLAN)}


@pytest.mark.parametrize("config", [NO_RECV, PORT_DOWN])
def test_nothing_comes_in_where_nobody_listens(leg: Controller, config: int) -> None:
    leg.send(FlowMod(priority=1, instructions=output(2)))
    configure(leg, 3, config)
    assert reached(leg, 3, IN_VLAN) == set()
    assert reached(leg, 1, PACKET) == {(2, PACKET)}
    configure(leg, 3, 0, config)
    assert reached(leg, 3, IN_VLAN) == {(2, PACKET)}


def test_a_port_that_is_not_flooded_is_still_output_to() -> None:
    leg = ShareWorld(BLUE).controller(BIG, 1, 1)
    leg.send(FlowMod(priority=1, match=Match.of(in_port=1), instructions=output(FLOOD)))
    leg.send(FlowMod(priority=1, match=Match.of(in_port=2), instructions=output(3)))
    configure(leg, 3, NO_FLOOD)
    assert reached(leg, 1, PACKET) == {(2, PACKET)}
    assert reached(leg, 2, PACKET) == {(3, IN_VLAN)}


def test_unmatched_packets_of_a_silent_port_are_not_told(leg: Controller) -> None:
    leg.send(MISS)
    configure(leg, 3, NO_PACKET_IN)
    leg.world.packet(1, 3, IN_VLAN)
    assert leg.heard(PacketIn) == []
    leg.world.packet(1, 1, PACKET)
    assert [one.match for one in leg.heard(PacketIn)] == [Match.of(in_port=1)]


def test_a_port_that_is_down_looks_so_and_stays_so_over_a_restart(leg: Controller) -> None:
    configure(leg, 3, PORT_DOWN)
    (told,) = leg.heard(PortStatus)
    assert (told.reason, told.port.number) == (PORT_MODIFY, 3)
    assert told.port.state & LINK_DOWN
    assert leg.refused(PortMod(port=4)) == codes.PORT_MOD_BAD_PORT
    leg.send(FlowMod(priority=1, instructions=output(3)))
    world = leg.world
    assert isinstance(world, ShareWorld)
    leg.leave()
    world.put()
    again = world.controller(BIG, 1)
    shown = {port.number: port.config for port in again.ask(PortDescRequest(), PortDescReply).ports}
    assert shown == {1: 0, 2: 0, 3: PORT_DOWN, 5: 0, 10: 0}
    assert reached(again, 1, PACKET) == reached(again, 3, IN_VLAN) == set()


def test_a_port_of_the_datapath_is_not_the_tenants_to_hear_of(leg: Controller) -> None:
    world = leg.world
    world.change(1, world.emulated[1].set_link(2, is_up=False))
    assert leg.heard(PortStatus) == []


# ------------------------------------------------------------------------------------------------------------- groups


def test_a_bucket_that_watches_a_port_here_follows_it() -> None:
    leg = ShareWorld(BLUE).controller(BIG, 1)
    buckets = tuple(Bucket(watch_port=port, actions=(act.Output(port),)) for port in (3, 2))
    group = GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_FAST_FAILOVER, group_id=7, buckets=buckets)
    assert leg.send(group, FlowMod(instructions=(act.ApplyActions((act.Group(7),)),))) == []
    assert reached(leg, 1, PACKET) == {(3, IN_VLAN)}
    world = leg.world
    world.change(1, world.emulated[1].set_link(3, is_up=False))
    assert reached(leg, 1, PACKET) == {(2, PACKET)}
    (told,) = leg.ask(GroupDescRequest(), GroupDescReply).groups
    assert (told.group_id, told.buckets) == (7, buckets)


def test_a_bucket_that_watches_a_port_elsewhere_follows_whether_anything_leads_there() -> None:
    leg = ShareWorld(BLUE).controller(BIG, 1)
    buckets = tuple(Bucket(watch_port=port, actions=(act.Output(port),)) for port in (5, 2))
    group = GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_FAST_FAILOVER, group_id=7, buckets=buckets)
    assert leg.send(group, FlowMod(instructions=(act.ApplyActions((act.Group(7),)),))) == []
    assert reached(leg, 1, PACKET) == set()  # it goes to the other datapath
    configure(leg, 5, NO_FWD)
    assert reached(leg, 1, PACKET) == {(2, PACKET)}
    (told,) = leg.ask(GroupDescRequest(), GroupDescReply).groups
    assert told.buckets == buckets


@pytest.mark.parametrize("port", [FLOOD, IN_PORT])
def test_a_bucket_does_not_flood_where_packets_forget_where_they_came_in(leg: Controller, port: int) -> None:
    group = GroupMod(
        command=GROUP_ADD,
        group_type=GROUP_TYPE_ALL,
        group_id=7,
        buckets=(Bucket(actions=(act.Output(port),)),),
    )
    assert leg.refused(group) == codes.ACTION_EPERM
    assert (
        leg.refused(evolve(group, buckets=(Bucket(actions=(act.Output(4),)),))) == codes.ACTION_BAD_OUT_PORT
    )
    assert (
        leg.refused(PacketOut(in_port=1, actions=(act.Group(7),), data=PACKET)) == codes.ACTION_BAD_OUT_GROUP
    )
