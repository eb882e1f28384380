"""Packet-ins: to whom, and in whose terms."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.flow_table import PIECE_COOKIE
from flowvisor.openflow.actions import NO_BUFFER_LEN, ApplyActions, Output, SetField, StripVlan
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    NO_BUFFER,
    REASON_ACTION,
    REASON_NO_MATCH,
    ROLE_SLAVE,
    AsyncMasks,
    FlowMod,
    PacketIn,
    PacketOut,
    RoleRequest,
    SetAsync,
    SetConfig,
)
from flowvisor.openflow.ports import CONTROLLER, LOCAL
from tests.support.dialogue import the_datapath
from tests.support.kinds import KINDS, ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import MISS, A, B, ethernet, output, tag, udp
from tests.support.world import World, a_slice, ports, rule

PACKET = udp()


def test_a_miss_is_told_to_the_packets_owner_and_to_nobody_else(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    if version == 4:
        a.send(MISS)
    world.packet(1, 1, PACKET)
    (told,) = a.heard(PacketIn)
    assert told.reason == REASON_NO_MATCH
    assert told.table_id == 0
    assert told.match.exact("in_port") == 1
    assert told.data == PACKET
    assert told.total_len == len(PACKET)
    assert b.inbox == []


def test_a_1_3_controller_hears_of_no_miss_that_it_did_not_ask_for(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    world.packet(1, 1, PACKET)
    assert a.inbox == []


def test_each_of_two_versions_hears_of_what_its_own_rules_say(kind: Kind) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    world.packet(1, 1, PACKET)
    assert len(old.heard(PacketIn)) == 1
    assert new.heard(PacketIn) == []
    new.send(FlowMod(priority=7, match=Match.of(in_port=1), instructions=output(CONTROLLER)))
    world.packet(1, 1, PACKET)
    assert len(old.heard(PacketIn)) == 2
    assert [one.reason for one in new.heard(PacketIn)] == [REASON_ACTION]


def test_a_miss_is_told_again_after_everything_was_deleted(kind: Kind) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, 1), world.controller("b", 1, 1)
    a.send(FlowMod(command=DELETE))
    world.packet(1, 1, PACKET)
    world.packet(1, 3, PACKET)
    assert len(a.heard(PacketIn)) == len(b.heard(PacketIn)) == 1


@pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
def test_nothing_is_sent_for_a_1_0_controller_that_has_left(kind: Kind) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    first, second = world.controller("b", 1, 1), world.controller("b", 1, 1)
    for one in (old, first):
        one.leave()
    heard = next(iter(world.peers)).up_counts[10]
    world.packet(1, 1, PACKET)
    world.packet(1, 3, PACKET)
    assert len(second.heard(PacketIn)) == 1
    second.leave()
    world.packet(1, 3, PACKET)
    assert next(iter(world.peers)).up_counts[10] - heard == (1 if kind.has_blocks else 2)
    assert new.inbox == []
    again = world.controller("a", 1, 1)
    world.packet(1, 1, PACKET)
    assert len(again.heard(PacketIn)) == 1


def test_a_packet_of_nobody_goes_nowhere_and_is_counted_where_it_was_heard_of(version: int) -> None:
    world = ON_10.world(A, ports=(1, 2, 3))
    a = world.controller("a", 1, version)
    world.packet(1, 3, PACKET)
    assert a.inbox == []
    assert next(iter(world.peers)).unowned_packet_ins == 1


def test_packets_of_shared_ports_are_told_apart(kind: Kind, version: int) -> None:
    shared = (
        a_slice("a", rule(Match.of(vlan_vid=tag(100)))),
        a_slice(
            "b", rule(Match.of(vlan_vid=0, eth_type=0x0800, ipv4_src=(0x0A000000, 0xFF000000)), priority=90)
        ),
    )
    world = kind.world(*shared)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    a.send(MISS)
    b.send(FlowMod(priority=0, match=Match.of(eth_type=0x0800), instructions=output(CONTROLLER)))
    for packet in (udp(vlan=100), udp(), udp(0xC0A80001), udp(vlan=7)):
        world.packet(1, 1, packet)
    assert [one.data for one in a.heard(PacketIn)] == [udp(vlan=100)]
    assert [one.data for one in b.heard(PacketIn)] == [udp()]


@pytest.mark.parametrize("miss_send_len", [0, 64, 0xFFFF])
def test_unmatched_packets_come_whole_whatever_a_channel_says_of_their_length(
    kind: Kind, version: int, miss_send_len: int
) -> None:
    """Nothing is buffered, so that what is cut off would be lost (1.3.5, section 6.1.2)."""
    world = kind.world(A, B)
    a, other = world.controller("a", 1, version), world.controller("a", 1, version)
    a.send(SetConfig(miss_send_len=miss_send_len), *([MISS] if version == 4 else []))
    data = ethernet(payload=bytes(200))
    world.packet(1, 1, data)
    for controller in (a, other):
        (told,) = controller.heard(PacketIn)
        assert (told.data, told.total_len, told.buffer_id) == (data, len(data), NO_BUFFER)


def test_every_controller_is_told_but_slaves_and_those_that_masked_it(kind: Kind) -> None:
    world = kind.world(A, B)
    one, other, slave, silent = (world.controller("a", 1, 4) for _ in range(4))
    one.send(MISS)
    slave.send(RoleRequest(role=ROLE_SLAVE, generation_id=1))
    silent.send(SetAsync(masks=AsyncMasks(packet_in=(0, 0))))
    world.packet(1, 1, PACKET)
    assert [len(each.heard(PacketIn)) for each in (one, other, slave, silent)] == [1, 1, 0, 0]
    assert next(iter(world.peers)).switches["a"].tenant.counters[4].up[10] == 2


def test_what_nobody_is_there_for_is_shed_and_counted(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    a.send(FlowMod(match=Match.of(in_port=1), instructions=output(CONTROLLER)))
    a.leave()
    world.packet(1, 1, PACKET)
    assert sum(one.shed.get("no-controller", 0) for one in a.channel.tenant.counters.values()) == 1


def test_the_cookie_and_the_table_are_the_tenants(kind: Kind) -> None:
    if kind.version == 1:
        pytest.skip("OpenFlow 1.0 tells neither")
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    a.send(FlowMod(cookie=0xABC, match=Match.of(in_port=1), instructions=output(CONTROLLER)))
    world.packet(1, 1, PACKET)
    (told,) = a.heard(PacketIn)
    assert (told.cookie, told.table_id, told.reason) == (0xABC, 0, REASON_ACTION)


@pytest.mark.parametrize("cookie", [0xF10F_0150_0000_0000, 0xF10F_0151_0000_0000, (1 << 64) - 1])
def test_a_tenant_may_choose_whatever_cookie_it_likes(kind: Kind, cookie: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    a.send(FlowMod(cookie=cookie, match=Match.of(in_port=1), instructions=output(CONTROLLER)))
    world.packet(1, 1, PACKET)
    assert len(a.heard(PacketIn)) == 1


def test_a_table_miss_entry_is_told_as_a_miss(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    a.send(MISS)
    world.packet(1, 1, PACKET)
    assert [one.reason for one in a.heard(PacketIn)] == [REASON_NO_MATCH]


def test_the_packet_is_told_as_the_entry_left_it(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    rewrite = ApplyActions((SetField("eth_dst", 5), Output(CONTROLLER, NO_BUFFER_LEN)))
    a.send(FlowMod(match=Match.of(in_port=1), instructions=(rewrite,)))
    world.packet(1, 1, PACKET)
    assert a.heard(PacketIn)[0].data[:6] == (5).to_bytes(6, "big")
    assert b.inbox == []


def test_no_slice_makes_a_packet_in_for_another(kind: Kind) -> None:
    world = kind.world(
        a_slice("a", rule(Match.of(vlan_vid=tag(100)), priority=90), ports(2)),
        a_slice("b", rule(Match.of(in_port=1), priority=80)),
    )
    a, b = world.controller("a", 1, 1), world.controller("b", 1, 1)
    strip = ApplyActions((StripVlan(), Output(CONTROLLER, NO_BUFFER_LEN)))
    a.send(FlowMod(match=Match.of(in_port=1, vlan_vid=tag(100)), instructions=(strip,)))
    world.packet(1, 1, udp(vlan=100))
    a.send(PacketOut(in_port=1, actions=(Output(CONTROLLER, NO_BUFFER_LEN),), data=udp()))
    assert b.inbox == []


def test_a_tenant_can_send_itself_a_packet(version: int) -> None:
    for kind in KINDS[1:]:
        world = kind.world(A, B)
        a = world.controller("a", 1, version)
        a.send(PacketOut(in_port=1, actions=(Output(CONTROLLER, NO_BUFFER_LEN),), data=PACKET))
        assert [one.data for one in a.heard(PacketIn)] == [PACKET]


def test_local_is_nobodys_unless_a_rule_names_it(kind: Kind, version: int) -> None:
    everything = a_slice("a", rule(Match()))
    world = kind.world(everything, ports=(1, 2, LOCAL))
    a = world.controller("a", 1, version)
    a.send(MISS, FlowMod(priority=0xFFFF, match=Match.of(eth_type=0x0800), instructions=output(CONTROLLER)))
    world.packet(1, LOCAL, PACKET)
    assert a.heard(PacketIn) == []
    world.packet(1, 1, PACKET)
    assert len(a.heard(PacketIn)) == 1
    named = kind.world(everything, a_slice("b", ports(LOCAL, priority=1)), ports=(1, 2, LOCAL))
    a, b = named.controller("a", 1, version), named.controller("b", 1, version)
    a.send(MISS)
    b.send(MISS)
    named.packet(1, LOCAL, PACKET)
    assert a.heard(PacketIn) == []
    assert [one.match.exact("in_port") for one in b.heard(PacketIn)] == [LOCAL]


def test_a_packet_in_that_is_cut_short_is_refused_by_counting_it(kind: Kind) -> None:
    world = kind.world(A, B)
    (peer,) = world.peers
    frame = bytes([kind.version, 10, 0, 12]) + bytes(8)
    world.perform(world.hypervisor.from_datapath(peer, [frame], world.now))
    assert peer.malformed == 1


def test_a_packet_whose_owner_cannot_be_seen_goes_nowhere() -> None:
    slices = (
        a_slice("a", rule(Match.of(eth_type=0x0800, ipv4_src=1))),
        a_slice("b", rule(Match(), priority=1)),
    )
    world = World(slices, [ON_10.datapath()])
    a, b = world.controller("a", 1, 1), world.controller("b", 1, 1)
    (peer,) = world.peers
    cut = PacketIn(total_len=60, reason=0, match=Match.of(in_port=1), data=udp()[:20])
    world.perform(world.hypervisor.from_datapath(peer, [peer.codec.encode(cut)], world.now))
    assert a.inbox == b.inbox == []
    assert peer.unowned_packet_ins == 1


def test_more_ports_than_1_0_can_number_are_not_told_to_it() -> None:
    world = World([a_slice("a", ports(1, 70000))], [ON_TABLES.datapath((1, 70000))])
    a = world.controller("a", 1, 1)
    world.packet(1, 70000, PACKET)
    assert a.inbox == []
    assert a.channel.counters.shed == {"inexpressible": 1}


@pytest.mark.parametrize("kind", KINDS[1:], ids=str)
def test_a_packet_of_an_entry_that_is_there_no_more_is_its_owners_by_what_it_is(kind: Kind) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a"), world.controller("b")
    (peer,) = world.peers
    late = PacketIn(
        total_len=len(PACKET),
        reason=REASON_ACTION,
        cookie=PIECE_COOKIE | 99,
        match=Match.of(in_port=3),
        data=PACKET,
    )
    world.perform(world.hypervisor.from_datapath(peer, [peer.codec.encode(late)], world.now))
    assert a.inbox == []
    assert [(one.cookie, one.reason) for one in b.heard(PacketIn)] == [((1 << 64) - 1, REASON_ACTION)]


def test_controllers_of_both_versions_are_told_exactly_once_each(kind: Kind) -> None:
    world = kind.world(A, B)
    controllers = [world.controller("a", 1, version) for version in (1, 4, 1, 4)]
    controllers[1].send(FlowMod(cookie=7, match=Match.of(in_port=1), instructions=output(CONTROLLER)))
    for count in (1, 2):
        world.packet(1, 1, PACKET)
        assert [len(one.heard(PacketIn)) for one in controllers] == [count] * 4
    for one in controllers:
        for told in one.heard(PacketIn):
            assert (told.data, told.reason, told.match) == (PACKET, REASON_ACTION, Match.of(in_port=1))
    counters = controllers[0].channel.tenant.counters
    assert [counters[version].up[10] for version in (1, 4)] == [4, 4]
    assert counters[1].up_bytes == sum(map(len, [*controllers[0].frames, *controllers[2].frames]))


def test_a_packet_that_a_datapath_has_buffered_is_shown_with_its_buffer_to_its_owner_only(
    kind: Kind, version: int
) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    (peer,) = world.peers
    table_id = 1 if kind.has_blocks else 0
    buffered = PacketIn(
        buffer_id=77,
        total_len=900,
        reason=REASON_ACTION,
        table_id=table_id,
        match=Match.of(in_port=1),
        data=PACKET,
    )
    world.perform(world.hypervisor.from_datapath(peer, [peer.codec.encode(buffered)], world.now))
    assert [(one.buffer_id, one.total_len, one.data) for one in a.heard(PacketIn)] == [(77, 900, PACKET)]
    assert b.inbox == []
    assert peer.buffers.take(77, "b") is None
    assert peer.buffers.take(77, "a") == ("a", 1, PACKET)


def test_a_buffer_id_that_a_datapath_uses_again_for_nobodys_packet_is_good_no_more(kind: Kind) -> None:
    world = kind.world(a_slice("a", ports(1)))
    world.controller("a", version=kind.version)
    peer = the_datapath(world)
    block = peer.plan.blocks.get("a")
    table_id = 0 if block is None else block.first
    for in_port, table in ((1, table_id), (4, 0)):
        buffered = PacketIn(
            buffer_id=77,
            total_len=len(PACKET),
            reason=REASON_NO_MATCH,
            table_id=table,
            match=Match.of(in_port=in_port),
            data=PACKET,
        )
        world.perform(world.hypervisor.from_datapath(peer, [peer.codec.encode(buffered)], world.now))
    assert peer.buffers.take(77, "a") is None
