"""Virtual networks at work: what tenants and hosts see of them."""

from __future__ import annotations

from flowvisor.hypervisor.big import legs
from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from flowvisor.hypervisor.sightings import recalled
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Error, FlowMod, PacketOut, PortMod, PortStatus
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest, PortDescReply, PortDescRequest
from flowvisor.openflow.ports import CONTROLLER, FLOOD, IN_PORT, LINK_DOWN, LIVE, NO_PACKET_IN
from tests.support.virtual import a_network, at
from tests.support.virtual_world import VirtualWorld, datapaths, packet
from tests.support.world import Controller, a_slice, configuration, ports

BIG = 0xA0
OUT = (ApplyActions((Output(2),)),)
BLUE = a_network("blue", {"big": {1: "1/1", 2: "2/1", 3: "3/1"}})
RED = a_network("red", {"big": {1: "1/2", 2: "2/2", 3: "3/2"}})
FLOWSPACE = a_slice("lab", ports(3, 4))
PAYLOAD = bytes(60)  # so that with a tag and without it nothing is filled up
LINKED = a_network("blue", {"big": {1: "1/1"}, "lab": {1: "3/1"}}, ["big/9 lab/9"])


def test_hosts_of_a_big_switch_reach_each_other_wherever_they_are() -> None:
    world = VirtualWorld([BLUE])
    assert world.open == {VirtualSwitchName("blue", BIG)}
    world.learning("blue", BIG)
    assert world.reached(1, 1, packet(1)) == [(2, 1), (3, 1)]
    assert world.reached(2, 1, packet(2, 1)) == [(1, 1)]
    assert world.reached(1, 1, packet(1, 2)) == [(2, 1)]


def test_two_tenants_with_the_same_addresses_do_not_hear_each_other() -> None:
    world = VirtualWorld([BLUE, RED])
    world.learning("blue", BIG)
    world.learning("red", BIG, 1)
    for port in (1, 2):
        assert world.reached(1, port, packet(1)) == [(2, port), (3, port)]
        assert world.reached(2, port, packet(2, 1)) == [(1, port)]
        assert world.reached(1, port, packet(1, 2)) == [(2, port)]


def test_a_virtual_link_joins_two_virtual_switches() -> None:
    world = VirtualWorld([LINKED])
    world.learning("blue", 0xA0)
    world.learning("blue", 0xA1)
    assert world.reached(1, 1, packet(1)) == [(3, 1)]
    assert world.reached(3, 1, packet(3, 1)) == [(1, 1)]
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]


def test_a_mirror_gets_a_copy_of_all_that_passes_at_a_port_and_its_tenant_reads_what_it_wrote() -> None:
    # Beside the port, elsewhere, where the others' packets come from, and at the port itself.
    for monitor in ("1/2", "3/1", "2/2", "1/1@30"):
        place = "1/1@20" if "@" in monitor else "1/1"
        blue = a_network("blue", {"big": {1: place, 2: "2/1", 9: monitor}}, mirrors={"big/1": 9})
        world = VirtualWorld([blue])
        tenant = Controller(world, VirtualSwitchName("blue", BIG), 4)
        sides = {1: Output(2), 2: Output(1), 9: Output(1)}
        wanted = {
            port: FlowMod(match=Match.of(in_port=port), instructions=(ApplyActions((output,)),))
            for port, output in sides.items()
        }
        tenant.send(*wanted.values())
        vlan = 20 if "@" in place else None
        sniffer = at(monitor)
        copy = (sniffer.end.dpid, sniffer.end.port, packet(1, 2, PAYLOAD, vlan=sniffer.vlan))
        assert world.arrivals(1, 1, packet(1, 2, PAYLOAD, vlan=vlan)) == sorted(
            [(2, 1, packet(1, 2, PAYLOAD)), copy]
        )
        assert world.arrivals(2, 1, packet(1, 2, PAYLOAD)) == sorted(
            [(1, 1, packet(1, 2, PAYLOAD, vlan=vlan)), copy]
        )
        assert world.arrivals(*copy) == sorted([(1, 1, packet(1, 2, PAYLOAD, vlan=vlan)), copy])
        before = len(world.transmitted)
        tenant.send(PacketOut(in_port=CONTROLLER, actions=(Output(1),), data=packet(1, 2, PAYLOAD)))
        assert {(1, 1, packet(1, 2, PAYLOAD, vlan=vlan)), copy} <= set(world.transmitted[before:])
        tenant.send(FlowStatsRequest())
        assert {
            one.match.exact("in_port"): one.instructions for one in tenant.heard(FlowStatsReply)[-1].flows
        } == {port: one.instructions for port, one in wanted.items()}


def test_what_floods_or_goes_back_where_it_is_copied_is_copied_as_often_as_it_passes() -> None:
    blue = a_network("blue", {"big": {1: "1/1", 2: "2/1", 9: "3/1"}}, mirrors={"big/1": 9})
    for output, left in ((FLOOD, [(2, 1), (3, 1), (3, 1)]), (IN_PORT, [(1, 1), (3, 1), (3, 1)])):
        world = VirtualWorld([blue])
        tenant = Controller(world, VirtualSwitchName("blue", BIG), 4)
        tenant.send(FlowMod(instructions=(ApplyActions((Output(output),)),)))
        assert world.reached(1, 1, packet(1)) == left
        before = len(world.transmitted)
        tenant.send(PacketOut(in_port=1, actions=(Output(output),), data=packet(1)))
        assert len([one for one in world.transmitted[before:] if one[:2] == (3, 1)]) == 1
        assert not tenant.heard(Error)


def test_a_virtual_switch_that_has_nothing_but_links_lies_somewhere() -> None:
    world = VirtualWorld(
        [a_network("blue", {"a": {1: "1/1"}, "hub": {}, "b": {1: "3/1"}}, ["a/9 hub/1", "hub/2 b/9"])]
    )
    for dpid in (0xA0, 0xA1, 0xA2):
        world.learning("blue", dpid)
    assert world.reached(1, 1, packet(1)) == [(3, 1)]
    assert world.reached(3, 1, packet(3, 1)) == [(1, 1)]
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]


def test_a_failed_link_is_gone_round_and_no_tenant_hears_of_it() -> None:
    world = VirtualWorld([BLUE])
    tenant = world.learning("blue", BIG)
    for source, target in ((1, 0), (3, 1), (1, 3)):
        world.packet(source, 1, packet(source, target))
    before = list(tenant.inbox)
    world.cut(1, 13)
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]
    assert world.reached(3, 1, packet(3, 1)) == [(1, 1)]
    assert tenant.inbox == before
    world.mend(1, 13)
    world.look_for_links()
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]
    assert tenant.inbox == before


def test_ends_of_a_link_without_a_path_go_down_and_come_back() -> None:
    world = VirtualWorld([LINKED])
    tenant = world.learning("blue", 0xA0)
    world.cut(1, 12)
    assert tenant.ports_told() == []
    world.cut(1, 13)
    assert tenant.ports_told() == [(9, LINK_DOWN)]
    assert world.reached(1, 1, packet(1)) == []
    world.mend(1, 12)
    world.look_for_links()
    assert tenant.ports_told() == [(9, LINK_DOWN), (9, LIVE)]


def test_a_port_goes_down_with_what_it_is_attached_to() -> None:
    world = VirtualWorld([BLUE])
    tenant = world.learning("blue", BIG)
    world.change(2, world.emulated[2].set_link(1, is_up=False))
    assert tenant.ports_told() == [(2, LINK_DOWN)]
    assert world.reached(1, 1, packet(1)) == [(3, 1)]
    world.change(2, world.emulated[2].set_link(1, is_up=True))
    world.look_for_links(0.2)
    assert tenant.ports_told() == [(2, LINK_DOWN), (2, LIVE)]
    assert world.reached(1, 1, packet(1)) == [(2, 1), (3, 1)]


def test_a_datapath_that_joins_later_brings_its_ports_up() -> None:
    world = VirtualWorld([BLUE])
    tenant = world.learning("blue", BIG)
    world.leave(3)
    world.look_for_links(0.2)
    assert tenant.ports_told() == [(3, LINK_DOWN)]
    assert world.reached(1, 1, packet(1)) == [(2, 1)]
    world.join(world.emulated[3])
    world.look_for_links()
    assert tenant.ports_told()[-1] == (3, LIVE)
    assert world.reached(1, 1, packet(1)) == [(2, 1), (3, 1)]


def test_ports_are_described_alike_wherever_they_lie() -> None:
    world = VirtualWorld([BLUE])
    tenant = world.controller("blue", BIG)
    ports = tenant.ask(PortDescRequest(xid=1), PortDescReply).ports
    assert [(port.number, port.name, port.state) for port in ports] == [
        (1, "big-1", LIVE),
        (2, "big-2", LIVE),
        (3, "big-3", LIVE),
    ]
    assert len({port.hw_addr for port in ports}) == 3


def changes_since(world: VirtualWorld, before: int) -> list[tuple[int, int]]:
    """Which datapaths were sent flow-mods and group-mods since, and how many."""
    kinds = [(dpid, frame[1]) for dpid, frame in world.to_datapaths[before:]]
    return [one for one in kinds if one[1] in (14, 15)]


def test_a_restart_touches_nothing_that_is_right_and_loses_no_packet() -> None:
    world = VirtualWorld([BLUE, RED, FLOWSPACE])
    tenant = world.learning("blue", BIG)
    for source, target in ((1, 0), (3, 1), (1, 3)):
        world.packet(source, 1, packet(source, target))
    del tenant
    before = len(world.to_datapaths)
    world.restart()
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]
    world.look_for_links(30.0)
    assert changes_since(world, before) == []
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]
    again = world.controller("blue", BIG)
    assert all(port.state == LIVE for port in again.ask(PortDescRequest(xid=1), PortDescReply).ports)


def test_datapaths_that_come_back_one_by_one_after_a_restart_go_on_as_before() -> None:
    world = VirtualWorld([BLUE])
    cables, emulated = world.cables, dict(world.emulated)
    before = len(world.to_datapaths)
    for dpid in emulated:
        there = range(1, dpid + 1)
        world.cables = {near: far for near, far in cables.items() if near.dpid in there and far.dpid in there}
        world.emulated = {each: emulated[each] for each in there}
        if dpid == 1:
            world.restart()
        else:
            world.join(emulated[dpid])
        world.look_for_links(2.0)
    world.look_for_links(30.0)
    assert changes_since(world, before) == []


def test_what_has_failed_while_nobody_was_there_is_seen_after_a_restart() -> None:
    world = VirtualWorld([BLUE])
    world.emulated[1].disconnect()
    world.peers.clear()
    world.cut(1, 13)
    world.restart()
    world.look_for_links(0.2)
    world.learning("blue", BIG)
    assert world.reached(1, 1, packet(1)) == [(2, 1), (3, 1)]


def test_a_datapath_that_does_not_come_back_is_given_up_after_a_restart() -> None:
    world = VirtualWorld([BLUE])
    gone, cables = world.emulated.pop(3), world.cables
    world.cables = {near: far for near, far in cables.items() if 3 not in (near.dpid, far.dpid)}
    world.restart()
    tenant = world.controller("blue", BIG)
    for _ in range(30):
        world.pass_time(1.0)
        world.look_for_links(1.0)
    states = {p.number: p.state for p in tenant.ask(PortDescRequest(xid=1), PortDescReply).ports}
    assert states == {1: LIVE, 2: LIVE, 3: LINK_DOWN}
    world.cables = cables
    world.join(gone)
    world.look_for_links()
    states = {p.number: p.state for p in tenant.ask(PortDescRequest(xid=2), PortDescReply).ports}
    assert states == {1: LIVE, 2: LIVE, 3: LIVE}


def test_a_port_that_a_reload_moves_takes_its_entries_along_and_the_channel_stays() -> None:
    world = VirtualWorld([BLUE])
    tenant = world.learning("blue", BIG)
    for source, target in ((1, 0), (3, 1), (1, 3)):
        world.packet(source, 1, packet(source, target))
    heard = len(tenant.inbox)
    world.reload(configuration(a_network("blue", {"big": {1: "1/1", 2: "2/1", 3: "2/3"}})))
    world.look_for_links(0.5)
    assert world.reached(1, 1, packet(1, 3)) == [(2, 3)]
    assert world.reached(2, 3, packet(3, 1)) == [(1, 1)]
    assert all(isinstance(one, PortStatus) for one in tenant.inbox[heard:]), tenant.inbox[heard:]
    assert world.reached(3, 1, packet(3, 1)) == []
    assert world.open == {VirtualSwitchName("blue", BIG)}
    assert tenant.channel in world.controllers


def test_a_port_may_move_off_the_one_datapath_that_its_switch_lay_on() -> None:
    world = VirtualWorld([a_network("blue", {"big": {1: "1/1", 2: "1/2"}})])
    world.learning("blue", BIG)
    assert world.reached(1, 1, packet(1)) == [(1, 2)]
    world.reload(configuration(a_network("blue", {"big": {1: "1/1", 2: "2/2"}})))
    world.look_for_links(0.5)
    world.controllers.clear()  # those of a switch that lies on several datapaths come anew
    world.learning("blue", BIG)
    assert world.reached(1, 1, packet(1)) == [(2, 2)]
    assert world.reached(2, 2, packet(2, 1)) == [(1, 1)]


def test_a_network_comes_and_goes_by_a_reload_and_leaves_nothing() -> None:
    world = VirtualWorld([FLOWSPACE])
    before = {dpid: own_state(world, dpid) for dpid in world.emulated}
    world.reload(configuration(FLOWSPACE, BLUE))
    world.look_for_links(0.5)
    world.learning("blue", BIG)
    assert world.reached(1, 1, packet(1)) == [(2, 1), (3, 1)]
    world.reload(configuration(FLOWSPACE))
    world.look_for_links(0.5)
    assert VirtualSwitchName("blue", BIG) not in world.open
    assert {dpid: own_state(world, dpid) for dpid in world.emulated} == before


def own_state(world: VirtualWorld, dpid: int) -> tuple[list[object], list[int]]:
    """All entries and groups that a datapath has."""
    pipeline = world.emulated[dpid].pipeline
    entries: list[object] = [
        (one.priority, one.match, one.instructions) for table in pipeline.tables for one in table
    ]
    return sorted(entries, key=repr), sorted(group.group_id for group in pipeline.groups)


LINE = (((1, 12), (2, 21)), ((2, 23), (3, 32)))


def test_a_network_that_goes_while_a_share_of_it_is_being_read_is_gone() -> None:
    world = VirtualWorld([BLUE, RED])
    big = world.hypervisor.networks.switches["blue/big"]
    share, effects = big.shares[3], Effects(world.now)
    legs.share_left(big, 3, "its datapath has left", effects)
    legs.share_joined(big, share, effects)
    joining = big.joining[3]
    world.reload(configuration(RED))
    assert joining.is_over
    world.perform(effects)
    assert not big.is_open
    assert not any(peer.leg for peer in share.channels)


def test_labels_pass_a_datapath_that_speaks_openflow_1_0() -> None:
    blue = a_network("blue", {"big": {1: "1/1", 2: "3/1"}})
    world = VirtualWorld([blue], datapaths(LINE, {2: 1}), cables=LINE)
    world.learning("blue", BIG)
    assert world.reached(1, 1, packet(1)) == [(3, 1)]
    assert world.reached(3, 1, packet(3, 1)) == [(1, 1)]
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]
    before = len(world.to_datapaths)
    world.restart()
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]
    world.look_for_links(30.0)
    assert changes_since(world, before) == []
    world.cut(1, 12)
    world.mend(1, 12)
    world.look_for_links()
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]


def test_the_core_holds_no_more_for_more_entries_of_tenants() -> None:
    blue = a_network("blue", {"big": {1: "1/1", 2: "3/1"}})
    world = VirtualWorld([blue], datapaths(LINE), cables=LINE)
    tenant = world.learning("blue", BIG)
    before = own_state(world, 2)
    sent = len(world.to_datapaths)
    tenant.send(
        *(
            FlowMod(priority=9, match=Match.of(in_port=1, eth_dst=number), instructions=OUT)
            for number in range(1, 20)
        )
    )
    assert own_state(world, 2) == before
    told = [dpid for dpid, _ in changes_since(world, sent)]
    assert told == [1] * 19  # one message each, to the one datapath concerned
    tenant.send(FlowMod(priority=8, match=Match.of(eth_dst=7), instructions=OUT))
    assert [dpid for dpid, _ in changes_since(world, sent)][19:] == [1, 3]


def test_a_first_network_that_a_reload_brings_outlives_a_restart_too() -> None:
    world = VirtualWorld([FLOWSPACE])
    assert not any(recalled(memory) for memory in world.hypervisor.memories.values())
    world.reload(configuration(FLOWSPACE, BLUE))
    world.look_for_links(0.5)
    before = len(world.to_datapaths)
    world.restart()
    world.look_for_links(30.0)
    assert changes_since(world, before) == []


def test_of_a_network_that_went_while_its_datapath_was_away_nothing_is_known_to_its_namesake() -> None:
    world = VirtualWorld([BLUE])
    tenant = world.controller("blue", BIG)
    (port, *_) = tenant.ask(PortDescRequest(xid=1), PortDescReply).ports
    tenant.send(PortMod(port=1, hw_addr=port.hw_addr, config=NO_PACKET_IN, mask=NO_PACKET_IN))
    away = world.emulated[1]
    world.leave(1)
    world.reload(configuration(FLOWSPACE))
    world.reload(configuration(FLOWSPACE, BLUE))
    world.join(away)
    world.look_for_links()
    ports_now = world.controller("blue", BIG).ask(PortDescRequest(xid=2), PortDescReply).ports
    assert [one.config for one in ports_now] == [0, 0, 0]
