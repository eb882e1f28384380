"""Links between datapaths: how they are found and lost, that nobody can make one up, and what follows for tenants."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.hypervisor.effects import Notice
from flowvisor.hypervisor.links import MAX_DOUBTS, SHUT_OUT_SECONDS
from flowvisor.network.discovery import PROBE_ADDRESS, PROBE_INTERVAL_SECONDS, addresses_a_probe
from flowvisor.network.topology import End
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, GotoTable, Group, Output, PopPbb, SetField, SetVlanVid
from flowvisor.openflow.frame import xid_of
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    REMOVED_BY_DELETE,
    SEND_FLOW_REM,
    Error,
    FlowMod,
    FlowRemoved,
    PacketIn,
    PacketOut,
)
from flowvisor.openflow.ports import IN_PORT
from flowvisor.planning.entries import COOKIE, PROBE_PRIORITY
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.groups import add, to
from tests.support.kinds import ON_10, ON_TABLES, Kind, as_told
from tests.support.slices import MISS, A, B, ethernet, output, tag, udp
from tests.support.world import World, a_slice, configuration, flows_of, ports, rule

CABLES = (((1, 1), (2, 1)), ((1, 3), (2, 3)))
A_TO_B = (((1, 1), (2, 3)),)  # between the slices: their admin has mixed up the cables
# Both slices on every port, apart by their VLANs.
RED, BLUE = a_slice("a", rule(Match.of(vlan_vid=tag(100)))), a_slice("b", rule(Match.of(vlan_vid=tag(200))))


def joined(
    kind: Kind,
    *slices: FlowspaceSlice,
    cables: Iterable[tuple[tuple[int, int], tuple[int, int]]] = CABLES,
    declared: Iterable[tuple[tuple[int, int], tuple[int, int]]] = (),
) -> World:
    world = World(slices, [kind.datapath(), kind.datapath(dpid=2)], cables=cables, declared=declared)
    world.look_for_links()
    return world


def links(world: World) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    return {(tuple(near), tuple(far)) for near, far in world.hypervisor.fabric.topology.links()}  # type: ignore[misc]


def both_ways(cables: Iterable[tuple[tuple[int, int], tuple[int, int]]]) -> set[object]:
    return {pair for one, other in cables for pair in ((one, other), (other, one))}


def events(world: World, *names: str) -> list[str]:
    return [one.event for one in world.commands if isinstance(one, Notice) and one.event in names]


def test_links_are_found_and_the_operator_is_told(kind: Kind) -> None:
    world = joined(kind, A, B)
    assert links(world) == both_ways(CABLES)
    assert events(world, "link_found", "link_lost") == ["link_found"] * 4


def test_links_between_datapaths_of_different_versions_are_found() -> None:
    world = World((A, B), [ON_10.datapath(), ON_TABLES.datapath(dpid=2)], cables=CABLES)
    world.look_for_links()
    assert links(world) == both_ways(CABLES)


def test_no_link_is_looked_for_where_the_admin_does_not_want_it(kind: Kind) -> None:
    world = World((A, B), [kind.datapath(), kind.datapath(dpid=2)])
    before = len(world.to_datapaths)
    world.look_for_links()
    assert len(world.to_datapaths) == before
    assert not any(
        entry.match.fields.get("eth_dst") for entries in flows_of(world, 1).values() for entry in entries
    )


def test_probes_come_back_by_an_entry_above_all_others(kind: Kind) -> None:
    world = joined(kind, A, B)
    entries = [entry for entry in flows_of(world, 1)[PROBE_PRIORITY] if entry.match.fields.get("eth_dst")]
    (entry,) = entries
    assert entry.cookie == COOKIE
    assert entry.match == Match.of(eth_dst=PROBE_ADDRESS)


def test_no_tenant_sees_a_probe(kind: Kind, version: int) -> None:
    world = World((A, B), [kind.datapath(), kind.datapath(dpid=2)], cables=CABLES)
    tenants = [world.controller(name, dpid, version) for name in "ab" for dpid in (1, 2)]
    for tenant in tenants:
        tenant.send(
            MISS,
            FlowMod(priority=0xFFFF, instructions=output(2 if tenant.switch.name.slice_name == "a" else 4)),
        )
    world.look_for_links(20.0)
    assert links(world) == both_ways(CABLES)
    assert all(tenant.heard(PacketIn) == [] for tenant in tenants)
    assert all(addresses_a_probe(packet) for _, _, packet in world.transmitted)


def test_what_a_host_makes_up_is_not_believed_and_reaches_nobody(kind: Kind, version: int) -> None:
    world = joined(kind, A, B, cables=())
    a = world.controller("a", 2, version)
    a.send(MISS)
    probe = next(packet for dpid, port, packet in world.transmitted if (dpid, port) == (1, 3))
    forged = probe[:-20] + bytes(18) + probe[-2:]
    for packet in (
        forged,
        ethernet(dst=PROBE_ADDRESS),
        ethernet(dst=PROBE_ADDRESS, vlans=(5,), eth_type=0x88CC),
    ):
        world.packet(2, 1, packet)
    assert links(world) == set()
    assert a.heard(PacketIn) == []
    assert [one.probes_disbelieved for one in world.peers] == [0, 3]


def test_a_port_that_sends_many_of_them_is_not_heard_for_some_time(kind: Kind) -> None:
    world = joined(kind, A, B)
    datapath, forged = world.hypervisor.datapaths[2], ethernet(dst=PROBE_ADDRESS)
    for _ in range(MAX_DOUBTS + 50):
        world.packet(2, 4, forged)
    assert datapath.probes_disbelieved == MAX_DOUBTS
    assert events(world, "probes_shut_out") == ["probes_shut_out"]
    world.packet(2, 2, forged)
    assert datapath.probes_disbelieved == MAX_DOUBTS + 1
    world.look_for_links(2 * PROBE_INTERVAL_SECONDS)
    assert links(world) == both_ways(CABLES)  # those of the other ports stay
    world.pass_time(SHUT_OUT_SECONDS + 1.0)
    world.packet(2, 4, forged)
    assert datapath.probes_disbelieved == MAX_DOUBTS + 2


def test_a_few_of_them_now_and_then_shut_nobody_out(kind: Kind) -> None:
    world = joined(kind, A, B)
    for _ in range(3 * MAX_DOUBTS):
        world.packet(2, 4, ethernet(dst=PROBE_ADDRESS))
        world.now += 1.0
    assert world.hypervisor.datapaths[2].probes_disbelieved == 3 * MAX_DOUBTS
    assert events(world, "probes_shut_out") == []


def test_a_probe_that_a_host_kept_is_not_believed_later(kind: Kind) -> None:
    world = joined(kind, A, B, cables=())
    kept = next(packet for dpid, port, packet in world.transmitted if (dpid, port) == (1, 3))
    world.look_for_links(3 * PROBE_INTERVAL_SECONDS)
    world.packet(2, 1, kept)
    assert links(world) == set()


def test_no_tenant_can_send_a_probe(kind: Kind, version: int) -> None:
    world = joined(kind, A, B)
    a = world.controller("a", 1, version)
    probe = next(packet for dpid, port, packet in world.transmitted if (dpid, port) == (1, 1))
    before = len(world.transmitted)
    refused = as_told(codes.ACTION_EPERM, version)
    to_probes = SetField("eth_dst", PROBE_ADDRESS)
    a.send(PacketOut(in_port=1, actions=(Output(1),), data=probe))
    assert a.refused(PacketOut(in_port=1, actions=(Output(1),), data=ethernet(dst=PROBE_ADDRESS))) == refused
    assert a.refused(PacketOut(in_port=1, actions=(to_probes, Output(1)), data=probe)) == refused
    assert a.refused(FlowMod(instructions=(ApplyActions((to_probes, Output(1))),))) == refused
    if version == 4:
        assert a.refused(FlowMod(instructions=(ApplyActions((PopPbb(), Output(1))),))) == refused
    assert world.transmitted[before:] == []


def test_an_entry_for_probes_alone_is_refused_where_entries_are_cut(version: int) -> None:
    world = joined(ON_10, A, B)
    a = world.controller("a", 1, version)
    for fields in ({"in_port": 1}, {}):
        change = FlowMod(priority=5, match=Match.of(eth_dst=PROBE_ADDRESS, **fields), instructions=output(2))
        assert a.refused(change) == as_told(codes.FLOW_MOD_EPERM, 1, version)


def test_a_link_goes_at_once_with_its_port_and_comes_back(kind: Kind) -> None:
    world = joined(kind, A, B)
    world.change(2, world.emulated[2].set_link(1, is_up=False))
    assert links(world) == both_ways(CABLES[1:])
    assert events(world, "link_lost") == ["link_lost"] * 2
    world.change(2, world.emulated[2].set_link(1, is_up=True))
    world.look_for_links(0.5)
    assert links(world) == both_ways(CABLES)
    world.change(1, world.emulated[1].remove_port(3))
    assert links(world) == both_ways(CABLES[:1])


def test_links_go_at_once_with_a_datapath_and_come_back(kind: Kind) -> None:
    world = joined(kind, A, B)
    world.leave(2)
    assert links(world) == set()
    world.join(world.emulated[2])
    world.look_for_links(0.5)
    assert links(world) == both_ways(CABLES)


def test_a_link_by_which_no_probe_comes_any_more_is_lost(kind: Kind) -> None:
    world = joined(kind, A, B)
    world.cables.pop(End(1, 1))
    world.look_for_links(5 * PROBE_INTERVAL_SECONDS)
    assert links(world) == both_ways(CABLES) - {((1, 1), (2, 1))}


def test_a_port_that_has_just_gone_does_no_harm(kind: Kind) -> None:
    world = joined(kind, A, B)
    datapath = world.hypervisor.datapaths[1]
    probe = next(frame for dpid, frame in reversed(world.to_datapaths) if dpid == 1)
    assert isinstance(datapath.codec.decode(probe), PacketOut)
    error = Error(xid=xid_of(probe), error=codes.ACTION_BAD_OUT_PORT, data=probe[:64])
    effects = world.hypervisor.from_datapath(datapath, [datapath.codec.encode(error)], world.now)
    assert effects.commands == []
    assert (datapath.probes_refused, datapath.own_failures) == (1, 0)


def test_what_leaves_over_a_cable_is_judged_where_it_arrives(kind: Kind, version: int) -> None:
    world = joined(kind, A, B, cables=A_TO_B)
    a = world.controller("a", 1, version)
    refused = as_told(codes.ACTION_EPERM, version)
    assert a.refused(FlowMod(match=Match.of(in_port=2), instructions=output(1))) == refused
    assert a.refused(PacketOut(in_port=2, actions=(Output(1),), data=udp())) == refused
    assert a.refused(FlowMod(match=Match.of(in_port=1), instructions=output(IN_PORT))) == refused
    assert a.send(FlowMod(match=Match.of(in_port=1), instructions=output(2))) == []
    assert world.packet(1, 1, udp()) == [(2, udp())]


def test_over_a_cable_to_a_port_of_its_own_a_slice_may_send_what_would_be_anothers_here(kind: Kind) -> None:
    slices = (
        a_slice("a", ports(1, 2, at=[2]), rule(Match.of(vlan_vid=tag(100)), at=[1])),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), at=[1])),
    )
    change = FlowMod(
        match=Match.of(vlan_vid=tag(100)),
        instructions=(ApplyActions((SetField("vlan_vid", tag(200)), Output(1))),),
    )
    without = joined(kind, *slices, cables=()).controller("a", 1, 4)
    assert without.refused(change)[0] == codes.BAD_ACTION
    world = joined(kind, *slices, cables=CABLES[:1])
    assert world.controller("a", 1, 4).send(change) == []
    assert world.packet(1, 2, udp(vlan=100)) == [(1, udp(vlan=200))]


def test_where_nobody_has_anything_a_cable_may_take_everything(kind: Kind) -> None:
    nowhere = (
        a_slice("a", rule(Match.of(vlan_vid=tag(100)), at=[1])),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), at=[1])),
    )
    world = joined(kind, *nowhere, cables=CABLES[:1])
    change = FlowMod(
        match=Match.of(vlan_vid=tag(100)),
        instructions=(ApplyActions((SetField("vlan_vid", tag(200)), Output(1))),),
    )
    assert world.controller("a", 1, 4).send(change) == []


def test_a_rewrite_counts_that_only_the_far_end_looks_at(kind: Kind, version: int) -> None:
    slices = (
        a_slice("a", ports(1, 2, at=[1]), rule(Match.of(vlan_vid=tag(100)), at=[2])),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), at=[2])),
    )
    world = joined(kind, *slices, cables=CABLES[:1])
    a = world.controller("a", 1, version)
    match = Match.of(in_port=2, vlan_vid=tag(100))
    for vlan, is_fine in ((100, True), (200, False)):
        rewrite = SetVlanVid(vlan) if version == 1 else SetField("vlan_vid", tag(vlan))
        change = FlowMod(match=match, instructions=(ApplyActions((rewrite, Output(1))),))
        answers = a.send(change)
        assert [type(answer) for answer in answers] == ([] if is_fine else [Error])


def test_what_was_found_of_actions_before_a_link_is_not_remembered(kind: Kind, version: int) -> None:
    world = World((A, B), [kind.datapath(), kind.datapath(dpid=2)], cables=A_TO_B)
    a = world.controller("a", 1, version)
    entry = FlowMod(priority=9, match=Match.of(in_port=2), instructions=output(1))
    out = PacketOut(in_port=2, actions=(Output(1),), data=udp())
    assert a.send(entry, out) == []
    world.look_for_links()
    refused = as_told(codes.ACTION_EPERM, version)
    assert (a.refused(entry), a.refused(out)) == (refused, refused)
    world.change(1, world.emulated[1].set_link(1, is_up=False))
    assert a.send(entry, out) == []


def test_an_entry_whose_group_would_leak_over_a_new_link_goes() -> None:
    world = World((A, B), [ON_TABLES.datapath(), ON_TABLES.datapath(dpid=2)], cables=A_TO_B)
    a = world.controller("a", 1, 4)
    through = (ApplyActions((Group(7),)),)
    assert a.send(add(7, *to(1)), FlowMod(match=Match.of(in_port=2), instructions=through)) == []
    assert world.packet(1, 2, udp())[0] == (1, udp())
    world.look_for_links()
    assert world.packet(1, 2, udp()) == []
    assert a.refused(FlowMod(match=Match.of(in_port=2), instructions=through)) == codes.ACTION_EPERM


@pytest.mark.parametrize("is_told", [True, False])
def test_entries_that_would_leak_over_a_new_link_go_and_their_tenant_hears_of_it(
    kind: Kind, version: int, is_told: bool
) -> None:
    world = World((A, B), [kind.datapath(), kind.datapath(dpid=2)], cables=A_TO_B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    flags = SEND_FLOW_REM if is_told else 0
    a.send(FlowMod(cookie=7, flags=flags, priority=9, match=Match.of(in_port=2), instructions=output(1)))
    a.send(FlowMod(cookie=8, flags=flags, priority=9, match=Match.of(in_port=1), instructions=output(2)))
    b.send(FlowMod(cookie=9, flags=flags, priority=9, match=Match.of(in_port=3), instructions=output(4)))
    assert world.packet(1, 2, udp())[0] == (1, udp())
    world.look_for_links()
    assert world.packet(1, 2, udp()) == []
    assert world.packet(1, 1, udp()) == [(2, udp())]
    assert world.packet(1, 3, udp()) == [(4, udp())]
    told = [(one.cookie, one.priority, one.reason) for one in a.heard(FlowRemoved)]
    assert told == ([(7, 9, REMOVED_BY_DELETE)] if is_told else [])
    assert b.heard(FlowRemoved) == []
    assert not a.channel.awaits_answer


def test_entries_over_two_tables_that_would_leak_over_a_new_link_go() -> None:
    slices = (
        a_slice("a", ports(1, 2, at=[1]), rule(Match.of(vlan_vid=tag(100)), at=[2])),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), at=[2])),
    )
    world = World(slices, [ON_TABLES.datapath(), ON_TABLES.datapath(dpid=2)], cables=CABLES[:1])
    a = world.controller("a", 1, 4)
    a.send(
        FlowMod(
            match=Match.of(in_port=2, vlan_vid=tag(100)),
            instructions=(ApplyActions((SetField("vlan_vid", tag(200)),)), GotoTable(1)),
        ),
        FlowMod(table_id=1, instructions=output(1)),
    )
    assert world.packet(1, 2, udp(vlan=100))[0] == (1, udp(vlan=200))
    world.look_for_links()
    assert world.packet(1, 2, udp(vlan=100)) == []


def test_entries_that_leak_by_the_rules_here_go_when_the_link_goes_that_let_them_be(kind: Kind) -> None:
    slices = (
        a_slice("a", ports(1, 2, at=[2]), rule(Match.of(vlan_vid=tag(100)), at=[1])),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), at=[1])),
    )
    world = joined(kind, *slices, cables=CABLES[:1])
    a = world.controller("a", 1, 4)
    instructions = (ApplyActions((SetField("vlan_vid", tag(200)), Output(1))),)
    a.send(FlowMod(flags=SEND_FLOW_REM, match=Match.of(vlan_vid=tag(100)), instructions=instructions))
    world.change(2, world.emulated[2].set_link(1, is_up=False))
    world.look_for_links(0.2)
    assert len(a.heard(FlowRemoved)) == 1
    assert world.packet(1, 2, udp(vlan=100)) == []


def test_other_rules_at_the_far_end_count_when_the_files_are_read_again(kind: Kind, version: int) -> None:
    world = joined(kind, A, B, cables=(((1, 1), (2, 2)),))
    a = world.controller("a", 1, version)
    entry = FlowMod(flags=SEND_FLOW_REM, match=Match.of(in_port=2), instructions=output(1))
    assert a.send(entry) == []
    theirs = a_slice("b", ports(3, 4), ports(2, at=[2], priority=101))
    world.reload(configuration(A, theirs))
    assert world.packet(1, 2, udp()) == []
    assert len(a.heard(FlowRemoved)) == 1
    assert a.refused(entry) == as_told(codes.ACTION_EPERM, version)
    world.reload(configuration(A, B))
    assert a.send(entry) == []
    assert world.packet(1, 2, udp())[0] == (1, udp())


def test_nothing_is_read_back_where_nothing_can_leak(kind: Kind) -> None:
    world = World((A, B), [kind.datapath(), kind.datapath(dpid=2)], cables=CABLES)
    a = world.controller("a", 1, 4)
    a.send(FlowMod(match=Match.of(in_port=2), instructions=output(1)))
    before = len(world.to_datapaths)
    world.look_for_links()
    kinds = {frame[1] for _, frame in world.to_datapaths[before:]}
    assert kinds == {13}  # packet-outs
    assert world.packet(1, 2, udp())[0] == (1, udp())


def test_a_declared_link_counts_also_while_its_other_end_is_away(kind: Kind, version: int) -> None:
    world = World((A, B), [kind.datapath()], cables=(), declared=A_TO_B)
    assert links(world) == both_ways(A_TO_B)
    a = world.controller("a", 1, version)
    refused = as_told(codes.ACTION_EPERM, version)
    assert a.refused(FlowMod(match=Match.of(in_port=2), instructions=output(1))) == refused
    world.look_for_links()
    assert {port for _, port, _ in world.transmitted} == {2, 3, 4}  # no probe where all is known


def test_a_declared_link_counts_for_entries_that_were_there_before(kind: Kind) -> None:
    world = World((A, B), [kind.datapath(), kind.datapath(dpid=2)])
    world.controller("a", 1, 4).send(FlowMod(match=Match.of(in_port=2), instructions=output(1)))
    emulated: list[EmulatedDatapath] = list(world.emulated.values())
    for one in emulated:
        one.disconnect()
    again = World((A, B), emulated, world.hypervisor.allocations, declared=A_TO_B)
    assert again.packet(1, 2, udp()) == []


def test_datapaths_of_which_the_rules_say_the_same_have_cables_of_their_own(kind: Kind) -> None:
    world = joined(kind, A, B, cables=A_TO_B)
    assert world.controller("a", 1, 4).refused(FlowMod(match=Match.of(in_port=2), instructions=output(1)))
    assert world.controller("a", 2, 4).send(FlowMod(match=Match.of(in_port=2), instructions=output(1))) == []
