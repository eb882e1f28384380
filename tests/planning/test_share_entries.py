"""Entries and groups of shares: what comes in finds its port, and what goes out goes where its port leads."""

from __future__ import annotations

from attrs import evolve

from flowvisor.openflow.actions import ApplyActions, GotoTable, Group, Meter, Output, PopVlan, WriteMetadata
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import CONTROLLER, IN_PORT, NO_FLOOD, NO_RECV, NO_RECV_STP, PORT_DOWN
from flowvisor.openflow.versions import codec
from flowvisor.planning.entries import COOKIE, FENCE_PRIORITY, HYPERVISOR_GROUPS, flood_group
from flowvisor.planning.share import (
    FLOOD_BUT_GROUPS,
    MARK_BITS,
    MARK_FLOOD,
    MARK_IN_PORT,
    MARK_SHIFT,
    Share,
    copy_group,
    port_group,
)
from flowvisor.planning.share_entries import (
    but_group,
    egress_entries,
    groups_of_floods,
    groups_of_port,
    label_entries,
    share_entries,
    share_groups,
    watch_entries,
    ways_in,
)
from tests.support.shares import in_vlan
from tests.support.shares import share as a_share
from tests.support.slices import ethernet, udp
from tests.support.virtual import Core, a_network, at

# Port 1 is whole, 2 and 3 are VLANs of one port, 4 is untagged, 5 elsewhere; 10 leads to another switch, there.
PLACES = {1: "1/1", 2: "1/2@20", 3: "1/2@30", 4: "1/3@none", 5: "2/1"}


def a_core() -> Core:
    blue = a_network("blue", {"big": PLACES, "lab": {1: "2/2"}}, ["big/10 lab/10"])
    core = Core({1: 4, 2: 4}, [("1/5", "2/5")], [blue])
    core.put()
    return core


def the_share(core: Core) -> Share:
    return core.plans[1].shares["blue/big"]


def test_every_message_can_be_said_in_1_3_and_is_marked_as_ours() -> None:
    plan = a_core().plans[1]
    v13 = codec(4)
    for entry in share_entries(plan, {}):
        assert v13.decode(v13.encode(entry)) == entry
        assert entry.cookie == COOKIE
    for group in share_groups(plan, {}):
        assert v13.decode(v13.encode(group)) == group
        assert group.group_id in HYPERVISOR_GROUPS


def test_groups_come_after_those_that_they_lead_to() -> None:
    seen: set[int] = set()
    for group in share_groups(a_core().plans[1], {}):
        assert {a.group_id for b in group.buckets for a in b.actions if isinstance(a, Group)} <= seen
        seen.add(group.group_id)


def test_what_comes_in_says_where_and_pays_for_its_bandwidth() -> None:
    core = a_core()
    share = the_share(core)
    plan = evolve(core.plans[1], meters={"blue/big": 7})
    (entry,) = ways_in(plan, share, share.ports[1])
    assert entry.match == Match.of(in_port=1)
    assert entry.instructions == (Meter(7), WriteMetadata(1, 0xFFFFFFFF), GotoTable(share.block.first))


def test_what_a_port_is_not_to_hear_is_dropped_before_it_comes_in() -> None:
    core = a_core()
    share = the_share(core)
    way, dropped = ways_in(core.plans[1], share, share.ports[1], PORT_DOWN)
    assert (dropped.match, dropped.instructions) == (way.match, ())
    assert dropped.priority == way.priority + 1
    _, bridges = ways_in(core.plans[1], share, share.ports[10], NO_RECV_STP)
    assert bridges.match.exact("eth_dst") == 0x0180C2000000
    assert len(list(ways_in(core.plans[1], share, share.ports[1], NO_RECV | NO_RECV_STP))) == 2
    assert list(ways_in(core.plans[1], share, share.ports[5], PORT_DOWN)) == []


def test_a_group_is_empty_while_its_port_is_shut_or_leads_nowhere() -> None:
    share = the_share(a_core())
    assert [len(group.buckets) for group in groups_of_port(share, share.ports[5])] == [1]
    assert [len(group.buckets) for group in groups_of_port(share, share.ports[5], PORT_DOWN)] == [0]


def test_what_comes_in_is_copied_as_the_tenant_sees_it_and_the_way_back_too() -> None:
    blue = a_network("blue", {"big": {1: "1/1@20", 2: "1/2", 9: "1/3@none"}}, mirrors={"big/1": 9})
    core = Core({1: 4}, [], [blue])
    core.put()
    share = the_share(core)
    copies = Group(copy_group(share.block, 9))
    (entry,) = ways_in(core.plans[1], share, share.ports[1])
    assert entry.instructions[0] == ApplyActions((PopVlan(), copies))
    own, copied = next(iter(groups_of_port(share, share.ports[1]))).buckets
    assert copied.actions == (copies,)
    assert len(own.actions) == 3
    assert [len(group.buckets) for group in groups_of_port(share, share.ports[1], PORT_DOWN)] == [0]
    back = next(
        entry
        for entry in egress_entries(share)
        if entry.match.exact("metadata") is None
        and entry.match.fields["metadata"][0] == MARK_IN_PORT << MARK_SHIFT | 1
    )
    (applied,) = back.instructions
    assert isinstance(applied, ApplyActions)
    assert applied.actions[0] == copies
    assert but_group(FLOOD_BUT_GROUPS, share, 1) in {group.group_id for group in groups_of_floods(share)}


def test_no_tag_leaves_where_only_untagged_packets_are_the_networks() -> None:
    core = a_core()
    for edge in (1, 2):
        for tags in ((), (20,), (20, 30)):
            left = core.output(edge, "blue/big", 4, ethernet(vlans=tags))
            assert left == [(at("1/3").end, ethernet())]


def test_floods_leave_out_what_a_tenant_has_shut_and_come_back_nowhere() -> None:
    share = the_share(a_core())
    groups = {group.group_id: group for group in groups_of_floods(share, {5: NO_FLOOD})}

    def ports_of(group_id: int) -> list[int]:
        actions = [action for bucket in groups[group_id].buckets for action in bucket.actions]
        return [action.group_id & 0xFFFF for action in actions if isinstance(action, Group)]

    assert ports_of(flood_group(share.block)) == [1, 2, 3, 4, 10]
    assert ports_of(but_group(FLOOD_BUT_GROUPS, share, 2)) == [1, 3, 4, 10]
    assert but_group(FLOOD_BUT_GROUPS, share, 1) not in groups  # the datapath sees to it


def test_the_port_it_came_from_is_found_again_whatever_that_takes() -> None:
    share = the_share(a_core())
    found = {
        entry.match.fields["metadata"][0] & 0xFFFF: entry.instructions
        for entry in egress_entries(share)
        if entry.match.fields["metadata"][0] >> MARK_SHIFT == MARK_IN_PORT
    }
    assert found[0] == (ApplyActions((Output(IN_PORT),)),)
    assert found[2] == (ApplyActions((Group(port_group(share.block, 2)),)),)
    assert set(found) == {0, 2, 3, 4, 10}


def test_what_goes_back_into_a_vlan_has_no_tag_for_what_comes_behind() -> None:
    (entry,) = (
        entry
        for entry in egress_entries(a_share(in_vlan(3, 3, 20)))
        if entry.match.fields["metadata"][0] == MARK_IN_PORT << MARK_SHIFT | 3
    )
    push, tag, _ = in_vlan(3, 3, 20).egress
    assert entry.instructions == (ApplyActions((push, tag, Output(IN_PORT), PopVlan())),)


def test_a_vlan_that_has_its_port_alone_goes_back_tagged() -> None:
    core = Core({1: 4}, [], [a_network("blue", {"big": {1: "1/1@20", 2: "1/2"}})])
    core.put()
    share = the_share(core)
    for mark in (MARK_IN_PORT, MARK_FLOOD):
        marked = (WriteMetadata(mark << MARK_SHIFT, MARK_BITS), GotoTable(share.egress_table))
        core.add_entry(1, FlowMod(table_id=share.block.first, priority=1, instructions=marked))
        left = core.come_in(at("1/1").end, udp(vlan=20))
        wanted = ("1/1", udp(vlan=20)) if mark == MARK_IN_PORT else ("1/2", udp())
        assert left == [(at(wanted[0]).end, wanted[1])]
        assert core.come_in(at("1/1").end, udp(vlan=21)) == []


def test_where_matches_are_intersected_labels_pass_above_all_slices() -> None:
    blue = a_network("blue", {"big": {1: "1/1", 2: "3/1"}})
    core = Core({1: 4, 2: 1, 3: 4}, [("1/5", "2/5"), ("2/6", "3/6")], [blue])
    core.put()
    assert {entry.priority for entry in label_entries(core.plans[2], core.plans[2].label_entries)} == {
        FENCE_PRIORITY
    }
    assert core.output(1, "blue/big", 2, udp()) == [(at("3/1").end, udp())]


def test_a_port_that_follows_is_looked_out_for_at_its_other_places() -> None:
    blue = a_network("blue", {"big": {1: "1/1 1/2@20"}}, follows={"big/1": 0x0200_0000_0001})
    core = Core({1: 4}, [], [blue])
    core.put()
    (entry,) = watch_entries(core.plans[1].part.watches)
    assert entry.match.exact("eth_src") == 0x0200_0000_0001
    assert entry.match.exact("in_port") == 2
    assert entry.instructions == (ApplyActions((Output(CONTROLLER, 0xFFFF),)),)
    (ingress,) = the_share(core).ports[1].ingresses
    assert ingress.match == Match.of(in_port=1)
