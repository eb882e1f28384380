"""GROUP_MOD: a tenant's groups on the datapath, and where packets may get through them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor import groups as groups_module
from flowvisor.hypervisor.translation.groups import MAX_VERSIONS
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    DELETE,
    GROUP_DELETE,
    GROUP_TYPE_FAST_FAILOVER,
    GROUP_TYPE_INDIRECT,
    GROUP_TYPE_SELECT,
    REMOVED_BY_GROUP_DELETE,
    SEND_FLOW_REM,
    BarrierReply,
    BarrierRequest,
    Error,
    FlowMod,
    FlowRemoved,
    GroupMod,
    PacketIn,
    PacketOut,
    PortMod,
)
from flowvisor.openflow.multipart import (
    FlowStatsReply,
    FlowStatsRequest,
    GroupDescReply,
    GroupDescRequest,
    GroupFeaturesReply,
)
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, NORMAL, PORT_DOWN, TABLE
from flowvisor.policies.quota import Quota
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.examples import examples
from tests.support.groups import add, bucket, delete, group_mods, modify, physical_groups, through, to
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.share_world import BLUE, ShareWorld
from tests.support.slices import A, B, tag, udp
from tests.support.world import Controller, World, a_slice, ports, rule

KINDS_13 = pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
PORT_1 = Match.of(in_port=1)
# Two VLANs on a trunk, and ports of one's own.
SHARED = (
    a_slice("a", ports(1), rule(Match.of(vlan_vid=tag(100)), priority=90)),
    a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=80), ports(3, priority=70)),
)
TO_200 = act.SetField("vlan_vid", tag(200))


def both(kind: Kind) -> tuple[World, Controller, Controller]:
    world = kind.world(A, B)
    return world, world.controller("a"), world.controller("b")


def entry(*group_ids: int, match: Match = PORT_1, flags: int = 0, table_id: int = 0) -> FlowMod:
    return FlowMod(match=match, instructions=through(*group_ids), flags=flags, table_id=table_id)


# ---------------------------------------------------------------------------------------------------- ids


@KINDS_13
def test_ids_are_each_slices_own(kind: Kind) -> None:
    world, a, b = both(kind)
    assert a.send(add(7, *to(2)), entry(7)) == []
    assert b.send(add(7, *to(4)), entry(7, match=Match.of(in_port=3))) == []
    assert physical_groups(a) == {1: to(2), 2: to(4)}
    assert world.packet(1, 1, udp()) == [(2, udp())]
    assert world.packet(1, 3, udp()) == [(4, udp())]
    assert b.send(delete(ALL_GROUPS)) == []
    assert physical_groups(a) == {1: to(2)}
    assert world.packet(1, 1, udp()) == [(2, udp())]


@KINDS_13
def test_entries_read_back_with_the_ids_that_were_written(kind: Kind) -> None:
    _, a, b = both(kind)
    b.send(add(1, *to(4)))
    a.send(add(900, *to(2)), entry(900))
    (flow,) = a.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert flow.instructions == through(900)
    for out_group, found in ((900, 1), (1, 0), (901, 0)):
        assert len(a.ask(FlowStatsRequest(out_group=out_group), FlowStatsReply).flows) == found
    for out_group, left in ((1, 1), (901, 1), (900, 0)):
        assert a.send(FlowMod(command=DELETE, table_id=0, out_group=out_group)) == []
        assert len(a.ask(FlowStatsRequest(), FlowStatsReply).flows) == left


def test_a_flood_and_a_group_are_two_filters(kind: Kind) -> None:
    if kind is ON_10:
        pytest.skip("OpenFlow 1.0 has no groups")
    _, a, _ = both(kind)
    a.send(add(7, *to(2)), entry(7))
    a.send(FlowMod(priority=5, instructions=(act.ApplyActions((act.Group(7), act.Output(FLOOD))),)))
    found = a.ask(FlowStatsRequest(out_port=FLOOD, out_group=7), FlowStatsReply).flows
    assert [flow.match for flow in found] == [Match()]
    deletion = FlowMod(command=DELETE, out_port=FLOOD, out_group=7)
    if kind is ON_TABLES:
        assert a.refused(deletion) == codes.FLOW_MOD_EPERM
    else:
        assert a.send(deletion) == []
        assert len(a.ask(FlowStatsRequest(), FlowStatsReply).flows) == 1


@KINDS_13
@examples(40)
@given(data=st.data())
def test_what_a_tenant_wrote_it_reads_back(kind: Kind, data: st.DataObject) -> None:
    _, a, b = both(kind)
    b.send(add(7, *to(3)))
    written: dict[int, GroupMod] = {}
    for mod in data.draw(st.lists(group_mods((1, 2, 3)), min_size=1, max_size=6)):
        if a.send(mod):
            continue
        if mod.command == GROUP_DELETE:
            written.pop(mod.group_id, None)
        else:
            written[mod.group_id] = mod
    told = a.ask(GroupDescRequest(), GroupDescReply).groups
    assert {(one.group_id, one.group_type, without_lengths(one.buckets)) for one in told} == {
        (one.group_id, one.group_type, without_lengths(one.buckets)) for one in written.values()
    }


def without_lengths(buckets: tuple[object, ...]) -> str:
    """For comparing: an output's `max_len` counts only towards the controller."""
    return str(buckets).replace("max_len=65535", "max_len=0")


# ------------------------------------------------------------------------------------------ what is refused


@KINDS_13
@pytest.mark.parametrize(
    ("mod", "error"),
    [
        (add(7, *to(2)), codes.GROUP_EXISTS),
        (modify(8, *to(2)), codes.UNKNOWN_GROUP),
        (add(0xFFFF_FF01, *to(2)), codes.INVALID_GROUP),
        (modify(ALL_GROUPS, *to(2)), codes.INVALID_GROUP),
        (add(8, bucket(act.Group(8))), codes.LOOP),
        (modify(7, bucket(act.Group(9))), codes.LOOP),
        (modify(7, bucket(act.Output(1), watch_group=9)), codes.LOOP),
        (add(8, bucket(act.Group(1))), codes.ACTION_BAD_OUT_GROUP),
        (add(8, *to(3)), codes.ACTION_BAD_OUT_PORT),
        (add(8, *to(77)), codes.ACTION_BAD_OUT_PORT),
        (add(8, *to(NORMAL)), codes.ACTION_BAD_OUT_PORT),
        (add(8, *to(TABLE)), codes.ACTION_BAD_OUT_PORT),
        (add(8, bucket(act.Output(1), act.Output(FLOOD))), codes.ACTION_TOO_MANY),
        (add(8, bucket(act.Group(7), act.Output(ALL))), codes.ACTION_TOO_MANY),
        (add(8, bucket(act.SetQueue(5), act.Output(1))), codes.ACTION_BAD_QUEUE),
        (add(8, bucket(act.Output(1), watch_port=3)), codes.GROUP_BAD_WATCH),
        (add(8, bucket(act.Output(1), watch_group=55)), codes.GROUP_BAD_WATCH),
        (delete(7), codes.CHAINED_GROUP),
        # What the datapath itself says.
        (add(8, bucket(act.Output(1)), kind=GROUP_TYPE_FAST_FAILOVER), codes.GROUP_BAD_WATCH),
        (add(8, *to(1, 2), kind=GROUP_TYPE_INDIRECT), codes.INVALID_GROUP),
        (add(8, bucket(act.Output(1), weight=4)), codes.INVALID_GROUP),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_and_leaves_nothing(
    kind: Kind, mod: GroupMod, error: tuple[int, int]
) -> None:
    _, a, b = both(kind)
    b.send(add(1, *to(4)))
    a.send(add(7, *to(2)), add(9, bucket(act.Group(7))))
    before = physical_groups(a)
    assert a.refused(mod) == error
    assert physical_groups(a) == before
    assert set(a.switch.groups.by_id) == {7, 9}
    assert a.switch.datapath.group_ids.taken == set(before)
    assert len(a.ask(GroupDescRequest(), GroupDescReply).groups) == 2


@KINDS_13
def test_a_group_that_is_not_there_cannot_be_used(kind: Kind) -> None:
    _, a, b = both(kind)
    b.send(add(7, *to(4)))
    for group_id in (7, 1, 0xF000_0001):
        assert a.refused(entry(group_id)) == codes.ACTION_BAD_OUT_GROUP
    assert a.refused(PacketOut(actions=(act.Group(7),))) == codes.ACTION_BAD_OUT_GROUP
    a.send(add(7, *to(2)))
    assert a.send(entry(7)) == []


def test_there_are_no_groups_on_1_0() -> None:
    _, a, _ = both(ON_10)
    assert a.refused(add(7, *to(2))) == codes.OUT_OF_GROUPS
    assert a.refused(modify(7, *to(2))) == codes.UNKNOWN_GROUP
    assert a.send(delete(7), delete(ALL_GROUPS)) == []


@KINDS_13
def test_a_quota_is_kept_exactly(kind: Kind) -> None:
    slices = (a_slice("a", ports(1, 2), policies=["few"]), B)
    world = World(slices, [kind.datapath()], policies=[Quota("few", groups=2)])
    a, b = world.controller("a"), world.controller("b")
    assert a.send(add(1, *to(1)), add(2, *to(2))) == []
    assert a.refused(add(3, *to(1))) == codes.OUT_OF_GROUPS
    assert b.send(*(add(number, *to(3)) for number in range(5))) == []
    a.send(delete(77), delete(1))
    assert a.send(add(3, *to(1))) == []
    assert a.refused(add(4, *to(1))) == codes.OUT_OF_GROUPS


def test_virtual_switches_of_a_network_share_its_quota_at_a_datapath() -> None:
    world = ShareWorld(BLUE, quota=Quota("few", groups=2))
    big, lab, elsewhere = (
        world.controller(f"blue/{name}", dpid) for name, dpid in (("big", 2), ("lab", 2), ("big", 1))
    )
    assert big.send(add(1, *to(1))) == lab.send(add(1, *to(1))) == []
    assert big.refused(add(2, *to(1))) == lab.refused(add(2, *to(1))) == codes.OUT_OF_GROUPS
    assert elsewhere.send(add(1, *to(1)), add(2, *to(1))) == []


@KINDS_13
def test_what_the_datapath_has_no_room_for_is_not_there(kind: Kind) -> None:
    world, a, _ = both(kind)
    groups = world.emulated[1].pipeline.groups
    groups.max_groups = len(groups) + 1
    answers = a.send(add(1, *to(1)), add(2, *to(2)), entry(2), BarrierRequest(xid=9))
    assert [one.error for one in answers if isinstance(one, Error)] == [
        codes.OUT_OF_GROUPS,
        codes.ACTION_BAD_OUT_GROUP,
    ]
    assert isinstance(answers[-1], BarrierReply)
    assert set(a.switch.groups.by_id) == {1}
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    groups.max_groups += 1
    assert a.send(add(2, *to(2)), entry(2)) == []


# ---------------------------------------------------------------------------------------- deleting, flow entries


@KINDS_13
def test_entries_go_with_their_group_and_their_tenant_is_told(kind: Kind) -> None:
    _, a, b = both(kind)
    a.send(add(7, *to(2)), add(8, *to(1)))
    told = FlowMod(cookie=5, priority=3, match=PORT_1, instructions=through(7), flags=SEND_FLOW_REM)
    a.send(told, entry(7, match=Match()), entry(8, match=Match.of(in_port=2)))
    b.send(add(7, *to(4)), FlowMod(match=Match.of(in_port=3), instructions=through(7), flags=SEND_FLOW_REM))
    a.send(delete(7))
    (removed,) = a.heard(FlowRemoved)
    assert (removed.reason, removed.cookie, removed.priority) == (REMOVED_BY_GROUP_DELETE, 5, 3)
    assert (removed.table_id, removed.match) == (0, PORT_1)
    assert len(a.ask(FlowStatsRequest(), FlowStatsReply).flows) == 1
    assert b.heard(FlowRemoved) == []
    if a.switch.flow_table is not None:
        assert len(a.switch.flow_table) == 1
        assert a.switch.flow_table.users.keys() == {act.Group(8)}


@KINDS_13
def test_all_groups_go_however_they_lead_to_each_other(kind: Kind) -> None:
    _, a, _ = both(kind)
    a.send(add(3, *to(2)), add(2, bucket(act.Group(3))), add(1, bucket(act.Group(2)), bucket(act.Group(3))))
    a.send(add(4, bucket(act.Output(1), watch_group=1), kind=GROUP_TYPE_FAST_FAILOVER))
    assert len(physical_groups(a)) == 4
    assert a.send(delete(ALL_GROUPS)) == []
    assert physical_groups(a) == {}
    assert a.switch.datapath.group_ids.taken == set()


@KINDS_13
def test_a_group_is_free_when_what_named_it_names_it_no_more(kind: Kind) -> None:
    _, a, _ = both(kind)
    a.send(add(1, *to(2)), add(2, bucket(act.Group(1))))
    assert a.refused(delete(1)) == codes.CHAINED_GROUP
    assert a.send(modify(2, *to(1)), delete(1)) == []
    assert list(physical_groups(a).values()) == [to(1)]


# --------------------------------------------------------------------------------------------------- floods


@KINDS_13
@pytest.mark.parametrize("port", [FLOOD, ALL])
def test_a_bucket_floods_over_the_slices_ports_and_follows_them(kind: Kind, port: int) -> None:
    world = kind.world(a_slice("a", ports(1, 2, 5)), B)
    a = world.controller("a")
    buckets = (bucket(act.SetField("eth_src", 9), act.Output(port)),)
    assert a.send(add(7, *buckets, kind=GROUP_TYPE_INDIRECT), entry(7)) == []
    assert [number for number, _ in world.packet(1, 1, udp())] == [2]
    world.change(1, world.emulated[1].add_port(5, world.now))
    assert [number for number, _ in world.packet(1, 1, udp())] == [2, 5]
    (told,) = a.ask(GroupDescRequest(), GroupDescReply).groups
    assert told.buckets == buckets
    world.restart()
    a = world.controller("a")
    if kind is ON_FEW_TABLES:
        assert a.switch.floods_by_group
    assert [number for number, _ in world.packet(1, 1, udp())] == [2, 5]


def test_where_groups_do_not_lead_to_groups_no_bucket_floods() -> None:
    _, a, _ = both(ON_TABLES)
    features = a.switch.datapath.group_features
    a.switch.datapath.group_features = GroupFeaturesReply(types=features.types)
    assert a.refused(add(7, *to(FLOOD))) == codes.CHAINING_UNSUPPORTED
    assert a.send(add(7, *to(1, 2))) == []


def test_buckets_to_a_port_that_the_slice_shuts_stop_and_go_on() -> None:
    world, a, _ = both(ON_TABLES)
    hw_addr = world.emulated[1].pipeline.ports[2].hw_addr
    a.send(add(7, *to(2)), entry(7))
    a.send(PortMod(port=2, hw_addr=hw_addr, config=PORT_DOWN, mask=PORT_DOWN))
    assert world.packet(1, 1, udp()) == []
    (told,) = a.ask(GroupDescRequest(), GroupDescReply).groups
    assert told.buckets == to(2)
    a.send(PortMod(port=2, hw_addr=hw_addr, config=0, mask=PORT_DOWN))
    assert world.packet(1, 1, udp()) == [(2, udp())]


# ------------------------------------------------------------------------------------------- where packets get


@KINDS_13
def test_rewrites_in_a_bucket_do_not_lead_out(kind: Kind) -> None:
    world = kind.world(*SHARED)
    a = world.controller("a")
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    a.send(add(7, bucket(TO_200, act.Output(2))), add(8, bucket(act.Group(7))))
    for group_id in (7, 8):
        assert a.refused(entry(group_id, match=tagged)) == codes.ACTION_EPERM
    assert a.send(add(9, *to(2)), entry(9, match=tagged)) == []
    assert a.refused(modify(9, bucket(TO_200, act.Output(2)))) == codes.ACTION_EPERM
    assert a.refused(modify(9, bucket(act.Group(7)))) == codes.ACTION_EPERM
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp(vlan=100))]
    # Nor do rewrites before the group.
    rewritten = (act.ApplyActions((TO_200, act.Group(9))),)
    assert a.refused(FlowMod(match=tagged, instructions=rewritten)) == codes.ACTION_EPERM


@KINDS_13
def test_a_change_is_judged_by_entries_that_use_what_leads_to_the_group(kind: Kind) -> None:
    world = kind.world(*SHARED)
    a = world.controller("a")
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    a.send(add(1, *to(2)), add(2, bucket(act.Group(1))), add(3, bucket(act.Group(2))), entry(3, match=tagged))
    assert a.refused(modify(1, bucket(TO_200, act.Output(2)))) == codes.ACTION_EPERM
    assert a.send(modify(1, bucket(act.PopVlan(), act.Output(1)))) == []
    a.send(delete(3))
    assert a.send(modify(1, bucket(TO_200, act.Output(2)))) == []


@KINDS_13
def test_what_has_to_work_works(kind: Kind) -> None:
    """Popping the slice's tag towards a port that is its alone, and rewriting inside what it owns."""
    world = kind.world(*SHARED)
    a = world.controller("a")
    tagged = Match.of(in_port=2, vlan_vid=tag(100))
    own = act.SetField("eth_dst", 5)
    buckets = (bucket(act.PopVlan(), act.Output(1)), bucket(own, act.Output(IN_PORT)))
    assert a.send(add(7, *buckets), entry(7, match=tagged)) == []
    out = world.packet(1, 2, udp(vlan=100))
    assert [port for port, _ in out] == [1, 2]
    assert out[0][1] == udp()


def test_rewrites_of_one_table_and_a_group_of_the_next_do_not_lead_out() -> None:
    world = ON_TABLES.world(*SHARED)
    a = world.controller("a")
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    rewrite = FlowMod(match=tagged, instructions=(act.ApplyActions((TO_200,)), act.GotoTable(1)))
    a.send(add(7, *to(2)))
    # Either way round.
    assert a.send(entry(7, match=tagged, table_id=1)) == []
    assert a.refused(rewrite) == codes.ACTION_EPERM
    other = ON_TABLES.world(*SHARED).controller("a")
    assert other.send(add(7, *to(2)), rewrite) == []
    assert other.refused(entry(7, match=tagged, table_id=1)) == codes.ACTION_EPERM
    # And what comes later to be in a group.
    assert other.send(add(8, *to(1)), entry(8, match=tagged, table_id=1)) == []
    assert other.refused(modify(8, *to(2))) == codes.ACTION_EPERM
    assert other.send(modify(8, bucket(act.SetField("eth_dst", 5), act.Output(1)))) == []


def test_a_group_of_an_action_set_is_judged_with_what_later_tables_rewrite() -> None:
    world = ON_TABLES.world(*SHARED)
    a = world.controller("a")
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    written = (act.WriteActions((act.Group(7),)), act.GotoTable(1))
    assert a.send(add(7, *to(2)), FlowMod(match=tagged, instructions=written)) == []
    later = FlowMod(table_id=1, match=tagged, instructions=(act.ApplyActions((TO_200,)),))
    assert a.refused(later) == codes.ACTION_EPERM
    assert a.send(FlowMod(table_id=1, priority=0)) == []
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp(vlan=100))]


@KINDS_13
def test_a_packet_out_goes_through_groups_and_not_out_of_the_slice(kind: Kind) -> None:
    world = kind.world(*SHARED)
    a = world.controller("a")
    a.send(add(7, *to(2)), add(8, bucket(TO_200, act.Output(2))))
    through_7 = PacketOut(in_port=1, actions=(act.Group(7),), data=udp(vlan=100))
    assert a.send(through_7) == []
    assert [packet for _, _, packet in world.transmitted] == [udp(vlan=100)]
    assert a.refused(PacketOut(in_port=1, actions=(act.Group(8),), data=udp(vlan=100))) == codes.ACTION_EPERM
    assert (
        a.refused(PacketOut(in_port=1, actions=(TO_200, act.Group(7)), data=udp(vlan=100)))
        == codes.ACTION_EPERM
    )
    a.send(modify(7, bucket(act.PopVlan(), act.Output(1))))
    a.send(PacketOut(in_port=2, actions=(act.Group(7),), data=udp(vlan=100)))
    assert [packet for _, _, packet in world.transmitted[1:]] == [udp()]


@KINDS_13
def test_a_bucket_to_the_controller_is_a_packet_in_of_ones_own(kind: Kind) -> None:
    world, a, b = both(kind)
    a.send(add(7, bucket(act.Output(CONTROLLER, 0xFFFF))), entry(7))
    world.packet(1, 1, udp())
    assert [one.data for one in a.heard(PacketIn)] == [udp()]
    assert b.heard(PacketIn) == []


# ---------------------------------------------------------------------------- changes that are not known to be done


@KINDS_13
def test_what_a_group_was_counts_until_the_datapath_has_taken_the_change(kind: Kind) -> None:
    world = kind.world(*SHARED)
    a = world.controller("a")
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    leaky, harmless = bucket(TO_200, act.Output(2)), bucket(act.Output(2))
    a.send(add(7, leaky))
    sent = withheld(a, modify(7, harmless))
    (change,) = [one for one in sent if isinstance(one, GroupMod)]
    assert a.refused(entry(7, match=tagged)) == codes.ACTION_EPERM
    say(world, Error(xid=change.xid, error=codes.OUT_OF_GROUPS))
    assert [one.error for one in a.heard(Error)][-1] == codes.OUT_OF_GROUPS
    assert a.refused(entry(7, match=tagged)) == codes.ACTION_EPERM
    a.send(modify(7, harmless), BarrierRequest())
    assert a.send(entry(7, match=tagged)) == []


@KINDS_13
def test_a_change_that_is_refused_leaves_the_group_as_it_was(kind: Kind) -> None:
    _, a, _ = both(kind)
    a.send(add(7, *to(2)), entry(7))
    assert a.refused(modify(7, *to(1, 2), kind=GROUP_TYPE_INDIRECT)) == codes.INVALID_GROUP
    (told,) = a.ask(GroupDescRequest(), GroupDescReply).groups
    assert told.buckets == to(2)
    assert a.switch.groups.by_id[7].versions[-1].buckets == to(2)
    assert a.send(modify(7, *to(1))) == []


def test_no_more_changes_of_a_group_are_under_way_than_are_looked_at() -> None:
    world, a, _ = both(ON_TABLES)
    a.send(add(7, *to(2)))
    withheld(a, *(modify(7, *to(1)) for _ in range(MAX_VERSIONS - 1)))
    assert a.refused(modify(7, *to(2))) == codes.REQUEST_EPERM
    assert len(a.switch.groups.by_id[7].versions) == MAX_VERSIONS
    assert the_datapath(world).transactions is not None


def test_buckets_that_a_datapath_kept_follow_a_group_that_comes_after_all() -> None:
    """Open vSwitch takes a bucket that leads to a group which it has refused."""
    world, a, _ = both(ON_TABLES)
    (first,) = withheld(a, add(1, *to(2)))
    a.inbox.clear()
    withheld(a, add(2, bucket(act.Group(1))))
    say(world, Error(xid=first.xid, error=codes.OUT_OF_GROUPS))
    sent = [one for one in withheld(a, add(1, *to(2))) if isinstance(one, GroupMod)]
    new, again = sent
    assert again.buckets == (bucket(act.Group(new.group_id)),)
    assert new.group_id != first.xid


# ------------------------------------------------------------------------------------------------- restarts


@KINDS_13
def test_groups_survive_a_restart_and_are_each_slices_own_still(kind: Kind) -> None:
    world, a, b = both(kind)
    b.send(add(1, *to(4)))
    buckets = (bucket(act.Group(8), weight=3), bucket(act.Output(1), weight=1, watch_port=2))
    a.send(add(8, *to(2)), add(7, *buckets, kind=GROUP_TYPE_SELECT), entry(8))
    before = physical_groups(a)
    world.restart()
    a, b = world.controller("a"), world.controller("b")
    assert physical_groups(a) == before
    told = {one.group_id: one.buckets for one in a.ask(GroupDescRequest(), GroupDescReply).groups}
    assert told == {8: to(2), 7: buckets}
    assert a.refused(add(7, *to(1))) == codes.GROUP_EXISTS
    assert a.send(add(1, *to(1)), entry(8)) == []
    assert len(physical_groups(a)) == 4
    b.send(delete(ALL_GROUPS))
    assert len(physical_groups(a)) == 3
    world.restart()
    assert len(physical_groups(a)) == 3


def test_entries_of_before_count_when_a_group_changes_after() -> None:
    world = ON_TABLES.world(*SHARED)
    a = world.controller("a")
    a.send(add(7, *to(2)), entry(7, match=Match.of(in_port=1, vlan_vid=tag(100))))
    world.restart()
    a = world.controller("a")
    assert a.refused(modify(7, bucket(TO_200, act.Output(2)))) == codes.ACTION_EPERM
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp(vlan=100))]


@KINDS_13
def test_what_a_datapath_has_lost_is_forgotten(kind: Kind) -> None:
    world, a, _ = both(kind)
    a.send(add(8, *to(2)), add(7, bucket(act.Group(8))), add(6, *to(2)))
    emulated = world.emulated[1]
    world.leave(1)
    for physical in (2, 1):
        emulated.pipeline.groups.apply(delete(physical), 0.0)
    world.join(emulated)
    a = world.controller("a")
    assert set(a.switch.groups.by_id) == {6}
    world.restart()
    assert set(world.controller("a").switch.groups.by_id) == {6}


@KINDS_13
def test_groups_of_slices_that_are_no_more_and_that_may_not_be_any_more_go(kind: Kind) -> None:
    world, a, b = both(kind)
    a.send(add(1, *to(1)), add(2, *to(2)), add(3, bucket(act.Group(2))))
    b.send(add(1, *to(4)), add(2, bucket(act.Group(1))))
    changed = World([a_slice("a", ports(1))], [])
    world.restart(changed.hypervisor.configuration)
    a = world.controller("a")
    assert list(physical_groups(a).values()) == [to(1)]
    assert set(a.switch.groups.by_id) == {1}
    world.restart()
    assert set(world.controller("a").switch.groups.by_id) == {1}


@KINDS_13
def test_a_slave_may_not_change_groups(kind: Kind) -> None:
    _, a, _ = both(kind)
    a.channel.role = 3
    assert a.refused(add(1, *to(1))) == codes.IS_SLAVE


@KINDS_13
def test_a_group_outlives_a_port_of_its_buckets(kind: Kind) -> None:
    world, a, _ = both(kind)
    a.send(add(7, *to(2)), add(8, bucket(act.Group(7)), bucket(act.Output(1))), entry(8))
    world.change(1, world.emulated[1].remove_port(2))
    assert a.refused(add(9, *to(2))) == codes.ACTION_BAD_OUT_PORT
    assert a.send(modify(8, bucket(act.Group(7))), entry(8, match=Match.of(in_port=1, eth_type=0x0800))) == []
    world.restart()
    a = world.controller("a")
    assert set(a.switch.groups.by_id) == {7, 8}
    assert len(a.ask(FlowStatsRequest(), FlowStatsReply).flows) == 2
    world.change(1, world.emulated[1].add_port(2, world.now))
    assert world.packet(1, 1, udp()) == [(2, udp())]


@KINDS_13
def test_what_groups_hold_in_all_is_bounded(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups_module, "MAX_WEIGHT", 20)
    world = kind.world(A, B)
    a, b = world.controller("a"), world.controller("b")
    assert a.send(add(1, *to(1, 2)), add(2, *to(1, 2))) == []
    assert a.refused(add(3, *to(1))) == codes.OUT_OF_BUCKETS
    assert (
        a.refused(modify(1, *to(2))) == codes.OUT_OF_BUCKETS
    )  # what it was before counts until it is known to be gone
    assert b.send(add(3, *to(3))) == []
    assert a.send(delete(2), modify(1, *to(2)), BarrierRequest())
    assert a.send(add(3, *to(1)), modify(3, *to(2))) == []
    assert [len(one.switch.groups) for one in (a, b)] == [2, 1]
