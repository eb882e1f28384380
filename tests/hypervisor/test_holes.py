"""The holes of flowvisor's forerunners, by name, each shown not to be here."""

from __future__ import annotations

from struct import pack

import pytest
from attrs import evolve

from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import (
    ApplyActions,
    GotoTable,
    Group,
    Output,
    PopVlan,
    SetField,
    SetVlanVid,
    WriteActions,
)
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    CHECK_OVERLAP,
    DELETE,
    DELETE_STRICT,
    REASON_NO_MATCH,
    SEND_FLOW_REM,
    BarrierReply,
    BarrierRequest,
    Error,
    Experimenter,
    FlowMod,
    FlowRemoved,
    Message,
    PacketIn,
    PacketOut,
    SetConfig,
)
from flowvisor.openflow.multipart import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStatsReply,
    FlowStatsRequest,
)
from flowvisor.openflow.ports import FLOOD, NORMAL
from flowvisor.openflow.versions import codec
from flowvisor.policies.quota import Quota
from tests.support.groups import add, bucket, modify, through, to
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind, as_told
from tests.support.slices import MISS, A, B, ethernet, output, tag, udp
from tests.support.world import Controller, World, a_slice, configuration, ports, rule

LLDP = ethernet(dst=0x0180C200000E, eth_type=0x88CC)


def entries(world: World) -> list[tuple[int, int, Match]]:
    """All flow entries of the datapath that are not the hypervisor's classifier."""
    tables = world.emulated[1].pipeline.tables
    start = 1 if len(tables) > 200 else 0
    return [
        (table.table_id, entry.priority, entry.match)
        for table in tables[start:]
        for entry in table
        if entry.match.fields.get("in_port", (0, 0))[0] < 0xFFFFFF00 and entry.cookie != 0xF10F_0150_0000_0000
    ]


def both(world: World, version: int) -> tuple[Controller, Controller]:
    return world.controller("a", 1, version), world.controller("b", 1, version)


def test_1_action_lengths_that_lie_do_not_spill_into_the_stream(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    honest = codec(version).encode(FlowMod(xid=7, match=Match.of(in_port=1), instructions=output(2)))
    evil = codec(version).encode(FlowMod(xid=8, command=DELETE))
    before = len(world.to_datapaths)
    for at in (-8, -16) if version == 1 else (-16, -24):  # where the action and the instruction begin
        for lie in (0, 4, 8, 9, 24, 0xFFF8):
            frame = bytearray(honest + evil)
            frame[2:4] = len(frame).to_bytes(2, "big")
            position = len(honest) + at + 2
            frame[position : position + 2] = lie.to_bytes(2, "big")
            answers = a.send(bytes(frame))
            assert isinstance(answers[0], Error)
            assert answers[0].xid == 7
            assert answers[0].data == bytes(frame[:64])
    assert world.to_datapaths[before:] == []


@pytest.mark.parametrize("frame", [pack("!BBHI", 4, 77, 8, 1), pack("!BBHIHH4x", 4, 18, 16, 1, 999, 0)])
def test_2_an_unknown_message_or_statistics_type_is_refused_and_nothing_else_happens(frame: bytes) -> None:
    world = ON_TABLES.world(A, B)
    assert world.controller("a").refused(frame) in (codes.BAD_TYPE, codes.BAD_MULTIPART)
    world.perform(world.hypervisor.from_datapath(next(iter(world.peers)), [frame], world.now))
    assert world.controller("b").ask(BarrierRequest(xid=3), BarrierReply)


def test_4_a_rewrite_is_judged_by_what_it_makes_not_by_what_the_match_leaves_open(kind: Kind) -> None:
    world = kind.world(
        a_slice("a", ports(1), rule(Match.of(vlan_vid=tag(100)), priority=90)),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=80), ports(3)),
    )
    a = world.controller("a", 1, 1)
    for match in (Match.of(in_port=1), Match.of(in_port=1, vlan_vid=tag(100))):
        change = FlowMod(match=match, instructions=(ApplyActions((SetVlanVid(200), Output(2))),))
        assert a.refused(change)[0] in (codes.BAD_ACTION, codes.FLOW_MOD_FAILED)
    assert entries(world) == []


def test_5_lldp_is_no_way_round_the_checks(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = both(world, version)
    assert a.refused(PacketOut(in_port=3, actions=(Output(4),), data=LLDP)) == as_told(
        codes.REQUEST_BAD_PORT, version
    )
    for data in (LLDP, ethernet(vlans=(5,), eth_type=0x88CC), ethernet(eth_type=0x8942)):
        for port in (2, FLOOD):
            assert a.send(PacketOut(in_port=1, actions=(Output(port),), data=data)) == []
        out = PacketOut(in_port=1, actions=(Output(3),), data=data)
        assert a.refused(out) == as_told(codes.ACTION_BAD_OUT_PORT, version)
    assert world.transmitted == []
    assert a.channel.counters.shed["lldp"] == 6
    assert b.inbox == []


def test_5_what_a_packet_says_of_its_slice_is_not_believed(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = both(world, version)
    a.send(MISS)
    b.send(MISS)
    world.packet(1, 1, LLDP + b"b" * 8)
    assert len(a.heard(PacketIn)) == 1
    assert b.heard(PacketIn) == []


def test_6_in_an_overlap_the_owner_by_priority_has_the_packet(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice("a", rule(Match.of(vlan_vid=tag(100)), priority=10), ports(2, priority=10)),
        a_slice("b", ports(1, 3, priority=20)),
    )
    a, b = both(world, version)
    b.send(FlowMod(priority=1, match=Match.of(in_port=1), instructions=output(3)))
    a.send(FlowMod(priority=65000, match=Match.of(vlan_vid=tag(100)), instructions=output(2)))
    assert world.packet(1, 1, udp(vlan=100)) == [(3, udp(vlan=100))]
    assert world.packet(1, 4, udp(vlan=100)) == [(2, udp(vlan=100))]


def test_7_untagged_is_no_wildcard_and_neither_is_port_zero(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice("a", rule(Match.of(in_port=1, vlan_vid=0))),
        a_slice("b", rule(Match.of(in_port=1), priority=50), ports(2)),
    )
    a = world.controller("a", 1, version)
    a.send(MISS)
    world.packet(1, 1, udp())
    world.packet(1, 1, udp(vlan=0))
    world.packet(1, 1, udp(vlan=100))
    assert [one.data for one in a.heard(PacketIn)] == [udp()]
    assert a.refused(FlowMod(match=Match.of(in_port=1, vlan_vid=0), instructions=output(0))) in (
        codes.ACTION_BAD_OUT_PORT,
        codes.MATCH_BAD_VALUE,
    )
    assert a.refused(PacketOut(in_port=0, actions=(Output(1),), data=udp())) == as_told(
        codes.REQUEST_BAD_PORT, version
    )


def buffered(world: World, port: int, buffer_id: int, *, cookie: int = 0) -> None:
    """The datapath buffers a packet, although it was asked not to."""
    peer = next(iter(world.peers))
    table = peer.switch_by_table.index(peer.switches["a"]) if peer.plan.blocks else 0
    message = PacketIn(
        buffer_id=buffer_id,
        total_len=len(udp()),
        reason=REASON_NO_MATCH,
        table_id=table,
        cookie=cookie,
        match=Match.of(in_port=port),
        data=udp(),
    )
    world.perform(world.hypervisor.from_datapath(peer, [peer.codec.encode(message)], world.now))


def test_8_a_buffer_is_good_only_for_who_was_shown_it_and_once(kind: Kind) -> None:
    world = kind.world(A, B)
    a, b = both(world, kind.version)
    buffered(world, 1, 77)
    assert [one.buffer_id for one in a.heard(PacketIn)] == [77]
    stolen = PacketOut(buffer_id=77, in_port=3, actions=(Output(4),))
    mod = FlowMod(buffer_id=77, match=Match.of(in_port=3), instructions=output(4))
    before = len(world.to_datapaths)
    assert b.refused(stolen) == codes.BUFFER_UNKNOWN
    assert b.refused(mod) == codes.BUFFER_UNKNOWN
    assert world.to_datapaths[before:] == []
    own = PacketOut(xid=1, buffer_id=77, in_port=1, actions=(Output(2),))
    a.send(own)
    assert len(world.to_datapaths) == before + 1
    assert a.refused(own) == codes.BUFFER_UNKNOWN
    assert len(world.to_datapaths) == before + 1


def test_9_deleting_everything_deletes_what_is_ones_own(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = both(world, version)
    for tenant, port in ((a, 1), (b, 3)):
        tenant.send(FlowMod(match=Match.of(in_port=port), instructions=output(port + 1)))
        tenant.send(FlowMod(priority=3, match=Match.of(in_port=port), instructions=output(port + 1)))
    a.send(FlowMod(command=DELETE, table_id=0xFF if version == 4 else 0))
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    assert len(b.ask(FlowStatsRequest(), FlowStatsReply).flows) == 2
    assert len(entries(world)) == 2
    assert world.packet(1, 3, udp()) == [(4, udp())]


def test_10_who_loses_a_rule_loses_its_entries_and_the_new_owner_meets_none_of_them(
    kind: Kind, version: int
) -> None:
    world = kind.world(a_slice("a", ports(1, 2, 3)), a_slice("b", ports(4)))
    a, b = both(world, version)
    a.send(
        FlowMod(priority=9, match=Match.of(in_port=3), instructions=output(1)),
        FlowMod(priority=9, match=Match.of(in_port=1), instructions=output(3)),
        FlowMod(priority=9, match=Match.of(in_port=2), instructions=output(1)),
    )
    world.reload(configuration(a_slice("a", ports(1, 2)), a_slice("b", ports(3, 4))))
    assert [world.packet(1, port, udp()) for port in (1, 2, 3)] == [[], [(1, udp())], []]
    b.send(FlowMod(priority=1, match=Match.of(in_port=3), instructions=output(4)))
    assert world.packet(1, 3, udp()) == [(4, udp())]


@pytest.mark.parametrize("experimenter", [0x2320, 0x4F4E4600, 1])
def test_11_no_vendor_message_passes_least_of_all_a_flow_mod(
    kind: Kind, version: int, experimenter: int
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    before = len(world.to_datapaths)
    error = a.refused(Experimenter(xid=9, experimenter=experimenter, body=pack("!I", 13) + bytes(40)))
    assert error in (codes.BAD_EXPERIMENTER, codes.BAD_EXP_TYPE)
    assert world.to_datapaths[before:] == []


def test_12_normal_is_refused_and_a_flood_reaches_the_slices_ports_also_those_that_come(
    kind: Kind, version: int
) -> None:
    world = kind.world(a_slice("a", ports(1, 2, 5)), B)
    a = world.controller("a", 1, version)
    match = Match.of(in_port=1)
    assert a.refused(FlowMod(match=match, instructions=output(NORMAL))) == codes.ACTION_BAD_OUT_PORT
    out = PacketOut(in_port=1, actions=(Output(NORMAL),), data=udp())
    assert a.refused(out) == codes.ACTION_BAD_OUT_PORT
    flood = PacketOut(in_port=1, actions=(Output(FLOOD),), data=udp())
    a.send(FlowMod(match=match, instructions=output(FLOOD)), flood)
    assert [port for _, port, _ in world.transmitted] == [2]
    assert world.packet(1, 1, udp()) == [(2, udp())]
    world.change(1, world.emulated[1].add_port(5, world.now))
    assert world.packet(1, 1, udp()) == [(2, udp()), (5, udp())]
    before = len(world.transmitted)
    a.send(flood)
    assert [port for _, port, _ in world.transmitted[before:]] == [2, 5]
    world.change(1, world.emulated[1].remove_port(2))
    assert world.packet(1, 1, udp()) == [(5, udp())]
    a.send(flood)
    assert world.transmitted[-1][1] == 5


def test_12_a_port_that_comes_lets_no_flood_out_of_the_slice(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice("a", ports(1, 2), rule(Match.of(in_port=5, vlan_vid=tag(100)))),
        a_slice("b", ports(3), rule(Match.of(in_port=5), priority=10)),
    )
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=Match.of(in_port=1), instructions=output(FLOOD)))
    world.change(1, world.emulated[1].add_port(5, world.now))
    assert [port for port, _ in world.packet(1, 1, udp())] in ([2], [])
    a.send(PacketOut(in_port=1, actions=(Output(FLOOD),), data=udp()))
    assert world.transmitted[-1][1] == 2


def test_13_a_configuration_is_the_tenants_own(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = both(world, version)
    before = len(world.to_datapaths)
    assert a.refused(SetConfig(flags=1)) == as_told(codes.SWITCH_CONFIG_EPERM, version)
    a.send(SetConfig(miss_send_len=0))
    assert world.to_datapaths[before:] == []
    b.send(MISS)
    world.packet(1, 3, udp())
    assert b.heard(PacketIn)[0].data == udp()


def test_14_what_fails_midway_leaves_no_part_installed(version: int) -> None:
    datapath = ON_10.datapath(max_entries=3)  # one is the fence
    world = World([a_slice("a", ports(1, 2, 4)), a_slice("b", ports(3))], [datapath])
    a = world.controller("a", 1, version)
    answers = a.send(FlowMod(xid=5, priority=4, instructions=output(2)), BarrierRequest(xid=6))
    assert [(type(one), one.xid) for one in answers] == [(Error, 5), (BarrierReply, 6)]
    assert entries(world) == []
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    assert world.peers[next(iter(world.peers))] is datapath
    assert next(iter(world.peers)).entries == {}


def test_14_a_quota_is_given_back_by_what_goes_and_by_nothing_else(kind: Kind, version: int) -> None:
    quota = Quota("q", flow_entries_per_datapath=2)
    world = World([a_slice("a", ports(1, 2), policies=["q"]), B], [kind.datapath()], policies=[quota])
    a = world.controller("a", 1, version)
    one, two, three, four = (
        FlowMod(priority=priority, match=Match.of(in_port=1), instructions=output(2))
        for priority in range(1, 5)
    )
    nothing = FlowMod(command=DELETE_STRICT, priority=9, match=Match.of(in_port=1))
    assert a.send(one, evolve(two, hard_timeout=2), nothing, nothing) == []  # nobody asks for flow-removed
    assert a.refused(three) == codes.TABLE_FULL
    world.pass_time(3)
    assert a.send(three) == []
    assert a.refused(four) == codes.TABLE_FULL


def test_16_a_busy_tenant_cannot_make_anothers_answer_go_astray(kind: Kind) -> None:
    world = kind.world(A, B)
    a, b = both(world, kind.version)
    bad = FlowMod(xid=0xB, match=Match.of(in_port=3), instructions=output(4))
    effects = world.hypervisor.from_controller(b.channel, [b.channel.codec.encode(bad)], world.now)
    (peer,) = world.peers
    (sent,) = effects.frames[peer]
    for number in range(3000):
        a.send(FlowMod(xid=number, priority=number, match=Match.of(in_port=1), instructions=output(2)))
    error = Error(xid=int.from_bytes(sent[4:8], "big"), error=codes.TABLE_FULL, data=sent[:64])
    world.perform(world.hypervisor.from_datapath(peer, [peer.codec.encode(error)], world.now))
    assert a.heard(Error) == []
    assert [(one.xid, one.error) for one in b.heard(Error)] == [(0xB, codes.TABLE_FULL)]


def test_17_the_error_for_a_packet_out_goes_to_who_sent_it(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = both(world, version)
    request = PacketOut(xid=42, in_port=1, actions=(Output(2),), data=udp())
    world.emulated[1].remove_port(1)  # and the hypervisor has not heard of it yet
    assert a.refused(request) == as_told(codes.REQUEST_BAD_PORT, kind.version, version)
    assert a.heard(Error)[0].xid == 42
    assert b.inbox == []


def test_18_nothing_is_left_unanswered_or_ignored(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(xid=1, priority=7, match=Match.of(in_port=1), instructions=output(2)))
    overlapping = FlowMod(xid=99, priority=7, flags=CHECK_OVERLAP, instructions=output(2))
    assert a.refused(overlapping) == codes.OVERLAP
    assert a.heard(Error)[-1].xid == 99
    a.send(FlowMod(command=DELETE))
    answer = a.ask(AggregateStatsRequest(xid=12), AggregateStatsReply)
    assert (answer.flow_count, answer.packet_count, answer.byte_count) == (0, 0, 0)


def test_19_a_barrier_is_answered_after_the_datapath_and_its_errors_are_told(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    encode = a.channel.codec.encode
    change = encode(FlowMod(xid=5, match=Match.of(in_port=1), instructions=output(2)))
    effects = world.hypervisor.from_controller(a.channel, [change, encode(BarrierRequest(xid=6))], world.now)
    (peer,) = world.peers
    assert list(effects.frames) == [peer]  # nothing is answered yet
    mod, barrier = effects.frames[peer]
    error = Error(xid=int.from_bytes(mod[4:8], "big"), error=codes.TABLE_FULL, data=mod[:64])
    done = BarrierReply(xid=int.from_bytes(barrier[4:8], "big"))
    answers = [peer.codec.encode(error), peer.codec.encode(done)]
    world.perform(world.hypervisor.from_datapath(peer, answers, world.now))
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 5), (BarrierReply, 6)]


def test_20_the_same_match_at_two_priorities_is_two_entries(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    match = Match.of(in_port=1)
    for priority in (3, 4):
        a.send(FlowMod(priority=priority, match=match, instructions=output(2)))
    a.send(FlowMod(command=DELETE_STRICT, priority=4, match=match))
    assert [flow.priority for flow in a.ask(FlowStatsRequest(), FlowStatsReply).flows] == [3]
    a.send(FlowMod(command=DELETE_STRICT, priority=4, match=match))
    assert [flow.priority for flow in a.ask(FlowStatsRequest(), FlowStatsReply).flows] == [3]


@pytest.mark.parametrize("comes_back", ["the datapath", "the hypervisor"])
def test_22_a_reconnect_wipes_no_flow(kind: Kind, version: int, comes_back: str) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(cookie=5, match=Match.of(in_port=1), instructions=output(2)))
    if comes_back == "the datapath":
        world.leave(1)
        assert world.packet(1, 1, udp()) == [(2, udp())]
        world.join(world.emulated[1])
    else:
        world.restart()
    assert world.packet(1, 1, udp()) == [(2, udp())]
    a = world.controller("a", 1, version)
    assert [one.cookie for one in a.ask(FlowStatsRequest(), FlowStatsReply).flows] == [5]


def test_22_who_was_to_be_told_that_a_flow_went_is_told_when_it_is_back(version: int) -> None:
    world = ON_10.world(A, B)
    a = world.controller("a", 1, version)
    a.send(
        FlowMod(
            cookie=5, flags=SEND_FLOW_REM, idle_timeout=5, match=Match.of(in_port=1), instructions=output(2)
        )
    )
    world.leave(1)
    world.join(ON_10.datapath())  # it was switched off meanwhile
    assert [one.cookie for one in world.controller("a", 1, version).heard(FlowRemoved)] == [5]


VLAN_SLICES = (
    a_slice("a", ports(1), rule(Match.of(vlan_vid=tag(100)), priority=90)),
    a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=80), ports(3, priority=70)),
)
TAGGED = Match.of(in_port=1, vlan_vid=tag(100))
SPREAD = [
    # What is written in one table is carried out after what another table applies.
    [
        FlowMod(match=TAGGED, instructions=(WriteActions((Output(2),)), GotoTable(1))),
        FlowMod(table_id=1, match=TAGGED, instructions=(ApplyActions((SetField("vlan_vid", tag(200)),)),)),
    ],
    # One table rewrites, the next lets it out.
    [
        FlowMod(match=TAGGED, instructions=(ApplyActions((SetField("vlan_vid", tag(200)),)), GotoTable(1))),
        FlowMod(table_id=1, instructions=output(2)),
    ],
    # The same the other way round in time.
    [
        FlowMod(table_id=1, instructions=output(2)),
        FlowMod(match=TAGGED, instructions=(ApplyActions((SetField("vlan_vid", tag(200)),)), GotoTable(1))),
    ],
    # A rewrite in the action set, an output in the action set, three tables.
    [
        FlowMod(match=TAGGED, instructions=(WriteActions((SetField("vlan_vid", tag(200)),)), GotoTable(1))),
        FlowMod(table_id=1, instructions=(GotoTable(2),)),
        FlowMod(table_id=2, instructions=(WriteActions((Output(2),)),)),
    ],
    [
        FlowMod(match=TAGGED, instructions=(ApplyActions((PopVlan(),)), GotoTable(1))),
        FlowMod(table_id=1, instructions=output(3)),
    ],
]


@pytest.mark.parametrize("changes", SPREAD)
def test_23_rewrites_spread_over_tables_do_not_lead_out_of_the_slice(changes: list[FlowMod]) -> None:
    world = ON_TABLES.world(*VLAN_SLICES)
    a = world.controller("a")
    answers = a.send(*changes)
    assert [one for one in answers if isinstance(one, Error)]
    assert world.packet(1, 1, udp(vlan=100)) == []


REWRITE = SetField("vlan_vid", tag(200))
BY_GROUPS = [
    # In the bucket, before the group, in a group that the group leads to, and by a change that comes later.
    [add(7, bucket(REWRITE, Output(2))), FlowMod(match=TAGGED, instructions=through(7))],
    [add(7, *to(2)), FlowMod(match=TAGGED, instructions=(ApplyActions((REWRITE, Group(7))),))],
    [
        add(8, *to(2)),
        add(7, bucket(REWRITE, Group(8))),
        FlowMod(match=TAGGED, instructions=(WriteActions((Group(7),)),)),
    ],
    [
        add(8, *to(1)),
        add(7, bucket(Group(8))),
        FlowMod(match=TAGGED, instructions=through(7)),
        modify(8, bucket(REWRITE, Output(2))),
    ],
]


@pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
@pytest.mark.parametrize("changes", BY_GROUPS)
def test_23_rewrites_in_a_groups_bucket_do_not_lead_out_of_the_slice(
    kind: Kind, changes: list[Message]
) -> None:
    world = kind.world(*VLAN_SLICES)
    answers = world.controller("a").send(*changes)
    assert [one.error for one in answers if isinstance(one, Error)] == [codes.ACTION_EPERM]
    assert not [packet for port, packet in world.packet(1, 1, udp(vlan=100)) if port == 2]


def test_23_what_stays_in_the_slice_is_admitted() -> None:
    world = ON_TABLES.world(
        a_slice("a", ports(1, 2), rule(Match.of(vlan_vid=tag(100)), priority=90)),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=80), ports(3, priority=70)),
    )
    a = world.controller("a")
    pop = FlowMod(match=TAGGED, instructions=(ApplyActions((PopVlan(),)), GotoTable(1)))
    # Port 2 is an access port that nobody else owns.
    assert a.send(pop, FlowMod(table_id=1, instructions=output(2))) == []
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp())]
