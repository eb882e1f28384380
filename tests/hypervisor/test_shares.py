"""A share of a virtual switch, whole: by itself it is a correct switch in its tenant's terms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.translation.virtual_outputs import NOT_AFTER
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.frame import BARRIER_REQUEST, MULTIPART_REQUEST
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    BAND_DROP,
    DELETE,
    GROUP_ADD,
    GROUP_TYPE_ALL,
    GROUP_TYPE_FAST_FAILOVER,
    METER_ADD,
    METER_KBPS,
    NO_BUFFER,
    SEND_FLOW_REM,
    Bucket,
    FlowMod,
    FlowRemoved,
    GroupMod,
    MeterBand,
    MeterMod,
    PacketIn,
    PacketOut,
)
from flowvisor.openflow.multipart import (
    FlowStatsReply,
    FlowStatsRequest,
    GroupDescReply,
    GroupDescRequest,
)
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, TABLE
from flowvisor.openflow.versions import codec
from flowvisor.slices.virtual_network import VirtualNetwork
from tests.support.share_world import BLUE, PLAIN, ShareWorld
from tests.support.shares import instructions, matches
from tests.support.slices import ethernet, output
from tests.support.world import Controller

BIG, LAB = "blue/big", "blue/lab"
PACKET = ethernet()
MISS = FlowMod(priority=0, instructions=output(CONTROLLER))
IN_VLAN = ethernet(vlans=(20,))
# Where hosts are, by the virtual port of big that they are at, with the packet as it is on their wire.
HOSTS = {1: (1, 1, PACKET), 2: (1, 2, PACKET), 3: (1, 3, IN_VLAN), 5: (2, 1, PACKET)}


def delivered(world: ShareWorld) -> list[int]:
    """The virtual ports of big at which hosts were given the packet since this was last asked; 10 is its link's."""
    places = {(dpid, port): number for number, (dpid, port, _) in HOSTS.items()}
    core = {(one.dpid, one.port) for one in world.cables}
    left = [(dpid, port, packet) for dpid, port, packet in world.transmitted if (dpid, port) not in core]
    world.transmitted.clear()
    assert all(packet == HOSTS[places[dpid, port]][2] for dpid, port, packet in left)
    return sorted(places[dpid, port] for dpid, port, _ in left)


def come_in(world: ShareWorld, number: int) -> list[int]:
    """A host at a virtual port sends the packet; where it is delivered."""
    world.transmitted.clear()
    dpid, port, packet = HOSTS[number]
    world.packet(dpid, port, packet)
    return delivered(world)


def hub(world: ShareWorld, version: int = 4) -> list[Controller]:
    """An entry that floods, on each share."""
    legs = [world.controller(BIG, dpid, version) for dpid in (1, 2)]
    for leg in legs:
        assert leg.send(FlowMod(command=ADD, priority=1, instructions=output(FLOOD))) == []
    return legs


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize("network", [BLUE, PLAIN], ids=["every kind of port", "no port turned"])
def test_a_hub_delivers_to_all_ports_once_each_and_never_back(network: object, version: int) -> None:
    hosts = dict(HOSTS)
    world = ShareWorld(network)  # type: ignore[arg-type]
    if network is PLAIN:
        hosts[3] = (1, 3, PACKET)
    hub(world, version)
    for number, (dpid, port, packet) in hosts.items():
        world.transmitted.clear()
        world.packet(dpid, port, packet)
        core = {(one.dpid, one.port) for one in world.cables}
        left = [one for one in world.transmitted if one[:2] not in core]
        assert sorted(left) == sorted(where for other, where in hosts.items() if other != number)


def test_a_packet_over_the_virtual_link_comes_in_at_the_other_switch_and_is_not_flooded_back() -> None:
    world = ShareWorld(BLUE)
    hub(world)
    (dpid,) = (one.dpid for one in world.hypervisor.datapaths.values() if LAB in one.switches)
    lab = world.controller(LAB, dpid)
    lab.send(MISS)
    come_in(world, 1)
    (told,) = lab.heard(PacketIn)
    assert told.match == Match.of(in_port=10)
    assert told.data == PACKET
    lab.send(FlowMod(command=DELETE), FlowMod(priority=1, instructions=output(FLOOD)))
    world.transmitted.clear()
    world.packet(2, 2, PACKET)  # lab's host: to all of big's
    assert delivered(world) == [1, 2, 3, 5]


@pytest.mark.parametrize("number", HOSTS)
@pytest.mark.parametrize("version", [1, 4])
def test_a_packet_in_says_the_virtual_port(number: int, version: int) -> None:
    world = ShareWorld(BLUE)
    dpid, port, packet = HOSTS[number]
    leg = world.controller(BIG, dpid, version)
    if version == 4:
        leg.send(MISS)
    world.packet(dpid, port, packet)
    (told,) = leg.heard(PacketIn)
    assert (told.match, told.data, told.table_id) == (Match.of(in_port=number), PACKET, 0)
    assert told.buffer_id == NO_BUFFER


def test_a_learning_switchs_entries_match_virtual_ports_and_lead_to_them() -> None:
    world = ShareWorld(BLUE)
    one, other = (world.controller(BIG, dpid) for dpid in (1, 2))
    for leg in (one, other):
        for source, target in ((1, 3), (1, 5), (3, 1), (5, 2)):
            entry = FlowMod(
                priority=source * 10 + target,
                match=Match.of(in_port=source, eth_dst=target),
                instructions=output(target),
            )
            assert leg.send(entry) == []
    for source, target in ((1, 3), (1, 5), (3, 1), (5, 2), (2, 1)):
        dpid, port, packet = HOSTS[source]
        world.transmitted.clear()
        world.packet(dpid, port, target.to_bytes(6, "big") + packet[6:])
        reached = [(dpid, port) for dpid, port, _ in world.transmitted if port != 4]
        assert reached == ([HOSTS[target][:2]] if source != 2 else [])


@pytest.mark.parametrize("port", [FLOOD, ALL])
@pytest.mark.parametrize("in_port", [1, 3, 5, 10, CONTROLLER])
@pytest.mark.parametrize("version", [1, 4])
def test_a_packet_out_to_all_ports_goes_to_each_once_but_not_back(
    port: int, in_port: int, version: int
) -> None:
    world = ShareWorld(BLUE)
    leg = world.controller(BIG, 1, version)
    for _ in range(2):  # judged, then by the remembered verdict
        assert leg.send(PacketOut(in_port=in_port, actions=(act.Output(port),), data=PACKET)) == []
        assert delivered(world) == [number for number in HOSTS if number != in_port]


@pytest.mark.parametrize("number", HOSTS)
def test_a_packet_out_back_goes_back_and_one_to_where_it_came_in_does_not(number: int) -> None:
    world = ShareWorld(BLUE)
    leg = world.controller(BIG, 1)
    leg.send(PacketOut(in_port=number, actions=(act.Output(IN_PORT),), data=PACKET))
    assert delivered(world) == [number]
    leg.send(PacketOut(in_port=number, actions=(act.Output(number),), data=PACKET))
    assert delivered(world) == []
    other = 1 if number != 1 else 2
    actions = (act.Output(IN_PORT), act.Output(other))
    leg.send(PacketOut(in_port=number, actions=actions, data=PACKET))
    assert delivered(world) == sorted((number, other))


@pytest.mark.parametrize("number", [1, 3, 10])
def test_a_packet_out_to_the_tables_is_as_if_it_had_come_in(number: int) -> None:
    world = ShareWorld(BLUE)
    leg = world.controller(BIG, 1)
    leg.send(FlowMod(priority=1, match=Match.of(in_port=number), instructions=output(FLOOD)))
    actions = (act.Output(TABLE), act.Output(2))
    assert leg.send(PacketOut(in_port=number, actions=actions, data=PACKET)) == []
    reached = delivered(world)
    assert reached == sorted([*(one for one in HOSTS if one != number), 2])


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_an_entry_that_sends_back_does_so_wherever_the_packet_came_in(number: int) -> None:
    world = ShareWorld(BLUE)
    for dpid in (1, 2):
        world.controller(BIG, dpid).send(FlowMod(instructions=output(IN_PORT)))
    assert come_in(world, number) == [number]


def test_groups_lead_to_virtual_ports() -> None:
    world = ShareWorld(BLUE)
    leg = world.controller(BIG, 1)
    buckets = tuple(Bucket(actions=(act.Output(number),)) for number in (2, 3, 5))
    group = GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_ALL, group_id=7, buckets=buckets)
    entry = FlowMod(instructions=(act.ApplyActions((act.Group(7),)),))
    assert leg.send(group, entry) == []
    assert come_in(world, 1) == [2, 3, 5]
    assert come_in(world, 2) == [3, 5]


SET_ENDS = {"group": act.Group(7), "port": act.Output(2), "elsewhere": act.Output(CONTROLLER)}


@pytest.mark.parametrize("later", SET_ENDS)
@pytest.mark.parametrize("first", SET_ENDS)
def test_no_end_of_an_action_set_takes_the_place_of_another_over_tables(first: str, later: str) -> None:
    leg = ShareWorld(BLUE).controller(BIG, 1)
    leg.send(GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_ALL, group_id=7))
    begins = FlowMod(instructions=(act.WriteActions((SET_ENDS[first],)), act.GotoTable(1)))
    ends = FlowMod(table_id=1, instructions=(act.WriteActions((SET_ENDS[later],)),))
    assert leg.send(begins) == []
    if (first, later) in NOT_AFTER:
        assert leg.refused(ends) == codes.ACTION_EPERM
    else:
        assert leg.send(ends) == []


@pytest.mark.parametrize("match", [Match.of(in_port=3), Match.of(in_port=1, metadata=(1 << 40, 1 << 40))])
def test_what_a_tenant_wrote_it_reads_back_and_is_told(match: Match) -> None:
    world = ShareWorld(BLUE)
    leg = world.controller(BIG, 1)
    entry = FlowMod(
        table_id=1,
        cookie=5,
        priority=9,
        match=match,
        hard_timeout=3,
        flags=SEND_FLOW_REM,
        instructions=(
            act.ApplyActions((act.SetField("eth_dst", 1), act.Output(FLOOD))),
            act.WriteMetadata(3 << 32, 7 << 32),
        ),
    )
    assert leg.send(entry) == []
    for port in (1, FLOOD):
        told = leg.ask(FlowStatsRequest(match=match, out_port=port), FlowStatsReply)
        assert [(one.table_id, one.match, one.instructions) for one in told.flows] == (
            [] if port == 1 else [(1, match, entry.instructions)]
        )
    world.pass_time(4)
    (gone,) = leg.heard(FlowRemoved)
    assert (gone.table_id, gone.match, gone.cookie) == (1, match, 5)


@pytest.mark.parametrize("port", [2, 5, FLOOD, ALL, IN_PORT, CONTROLLER])
def test_deletions_by_port_take_what_leads_there_and_nothing_else(port: int) -> None:
    world = ShareWorld(BLUE)
    leg = world.controller(BIG, 1)
    ports = (1, 2, 5, FLOOD, ALL, IN_PORT, CONTROLLER)
    for number, out in enumerate(ports):
        assert leg.send(FlowMod(priority=number, match=Match.of(in_port=1), instructions=output(out))) == []
    assert leg.send(FlowMod(command=DELETE, match=Match.of(in_port=1), out_port=port)) == []
    told = leg.ask(FlowStatsRequest(), FlowStatsReply)
    assert sorted(one.priority for one in told.flows) == [n for n, out in enumerate(ports) if out != port]


@given(
    st.sampled_from((BLUE, PLAIN)),
    st.lists(st.tuples(st.integers(0, 3), matches(), instructions()), min_size=1, max_size=6),
)
def test_a_restart_leaves_entries_and_groups_as_they_are(
    network: VirtualNetwork, written: list[tuple[int, Match, act.Instructions]]
) -> None:
    world = ShareWorld(network, versions={1: 4}, cables=())
    leg = world.controller(BIG, 1)
    watched = Bucket(watch_port=1, actions=(act.Output(1),))
    leg.send(GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_FAST_FAILOVER, group_id=7, buckets=(watched,)))
    leg.send(MeterMod(command=METER_ADD, flags=METER_KBPS, meter_id=1, bands=(MeterBand(BAND_DROP, rate=5),)))
    for priority, (table, match, said) in enumerate(written):
        leg.send(FlowMod(table_id=table, priority=priority, match=match, instructions=said))
    before = (leg.ask(FlowStatsRequest(), FlowStatsReply), leg.ask(GroupDescRequest(), GroupDescReply))
    leg.leave()
    world.to_datapaths.clear()
    world.put()
    assert {frame[1] for _, frame in world.to_datapaths} <= {MULTIPART_REQUEST, BARRIER_REQUEST}
    again = world.controller(BIG, 1)
    after = (again.ask(FlowStatsRequest(), FlowStatsReply), again.ask(GroupDescRequest(), GroupDescReply))
    assert after == before
    accepted = {one.priority: (one.table_id, one.match, one.instructions) for one in before[0].flows}
    assert all(accepted[number] == written[number] for number in accepted)


def test_what_was_changed_behind_its_back_is_made_right_by_a_restart() -> None:
    world = ShareWorld(BLUE)
    leg = world.controller(BIG, 1)
    leg.send(FlowMod(priority=1, instructions=output(2)), FlowMod(priority=2, instructions=output(5)))
    block = leg.switch.view.block
    assert block is not None
    foreign = FlowMod(table_id=block.first, priority=3, instructions=output(4))  # past all groups
    world.emulated[1].from_controller(codec(4).encode(foreign), world.now)
    leg.leave()
    world.put()
    told = world.controller(BIG, 1).ask(FlowStatsRequest(), FlowStatsReply)
    assert sorted(one.priority for one in told.flows) == [1, 2]
