"""Copies of packet-ins: to slices that may look, if the owner was told, and never with a buffer to use."""

from __future__ import annotations

from attrs import evolve

from flowvisor.openflow.actions import GotoTable, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    NO_BUFFER,
    REASON_NO_MATCH,
    AsyncMasks,
    FlowMod,
    PacketIn,
    PacketOut,
    SetAsync,
)
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.rate_limit import RateLimit
from tests.support.kinds import ON_10, ON_TABLES, TENANT_VERSIONS, Kind
from tests.support.slices import MISS, A, B, output, tag, udp
from tests.support.world import NOWHERE, a_slice, ports, rule

READER = a_slice("r", ports(1, 3, 9, may_write=False))


def data_of(controller: object) -> list[bytes]:
    return [one.data for one in controller.heard(PacketIn)]  # type: ignore[attr-defined]


def test_a_reader_sees_what_the_owner_is_told_at_its_ports(kind: Kind) -> None:
    for of_owner in TENANT_VERSIONS:
        for of_reader in TENANT_VERSIONS:
            world = kind.world(A, B, READER, ports=(1, 2, 3, 4, 9))
            owner, reader = world.controller("a", 1, of_owner), world.controller("r", 1, of_reader)
            owner.send(evolve(MISS, cookie=5))
            for port in (1, 2, 9):
                world.packet(1, port, udp())
            assert data_of(owner) == [udp(), udp()]
            assert data_of(reader) == [udp()], (of_owner, of_reader)
            (copy,) = reader.heard(PacketIn)
            assert copy.match.exact("in_port") == 1
            assert copy.table_id == 0
            first = owner.heard(PacketIn)[0]
            if of_reader == of_owner:
                assert copy == evolve(first, xid=0)


def test_a_copy_says_the_table_and_the_cookie_as_its_owner_does() -> None:
    world = ON_TABLES.world(a_slice("0", ports(5)), A, B, READER)
    owner, reader = world.controller("a"), world.controller("r")
    owner.send(FlowMod(table_id=0, instructions=(GotoTable(2),)))
    owner.send(FlowMod(table_id=2, cookie=77, instructions=output(0xFFFFFFFD)))
    world.packet(1, 1, udp())
    (copy,) = reader.heard(PacketIn)
    assert (copy.table_id, copy.cookie) == (2, 77)


def test_what_nobody_hears_is_shown_to_nobody(kind: Kind) -> None:
    world = kind.world(A, B, READER, ports=(1, 2, 3, 4, 9))
    reader = world.controller("r")
    b = world.controller("b")
    b.send(MISS)
    b.send(SetAsync(masks=AsyncMasks(packet_in=(0, 0))))
    for port in (1, 3, 9):  # its owner has no controller; does not want to hear; nobody's
        world.packet(1, port, udp())
    assert data_of(reader) == []


def test_a_reader_has_masks_limits_and_an_acl_of_its_own(kind: Kind) -> None:
    no_vlan = Acl("no-vlan", (AclRule(True, None, (Match.of(vlan_vid=tag(100)),), NOWHERE),))
    slow = RateLimit("slow", packet_in=1)
    named = evolve(READER, policies=("no-vlan", "slow"))
    world = kind.world(A, B, named, policies=[no_vlan, slow])
    owner, reader = world.controller("a"), world.controller("r")
    owner.send(MISS)
    world.packet(1, 1, udp(vlan=100))
    assert (len(data_of(owner)), data_of(reader)) == (1, [])
    for _ in range(3):
        world.packet(1, 1, udp())
    assert (len(data_of(owner)), data_of(reader)) == (4, [udp()])
    world.pass_time(2)
    reader.send(SetAsync(masks=AsyncMasks(packet_in=(0, 0))))
    world.packet(1, 1, udp())
    assert (len(data_of(owner)), data_of(reader)) == (5, [udp()])


def test_a_reader_cannot_use_the_buffer_that_the_owner_was_shown() -> None:
    world = ON_10.world(A, B, a_slice("r", ports(1, may_write=False), ports(5)), ports=(1, 2, 3, 4, 5))
    owner, reader = world.controller("a", 1, 1), world.controller("r")
    peer = next(iter(world.peers))
    shown = PacketIn(reason=REASON_NO_MATCH, buffer_id=7, total_len=60, match=Match.of(in_port=1), data=udp())
    world.perform(world.hypervisor.from_datapath(peer, [peer.codec.encode(shown)], world.now))
    assert [one.buffer_id for one in owner.heard(PacketIn)] == [7]
    assert [one.buffer_id for one in reader.heard(PacketIn)] == [NO_BUFFER]
    reader.send(PacketOut(buffer_id=7, in_port=5, actions=(Output(5),)))
    assert world.transmitted == []


def test_a_slice_that_owns_a_packet_and_reads_it_too_is_told_once(kind: Kind) -> None:
    both = a_slice("a", ports(1, 2), rule(Match(), may_write=False))
    world = kind.world(both, B)
    owner = world.controller("a")
    owner.send(MISS)
    world.controller("b").send(MISS)
    world.packet(1, 1, udp())
    world.packet(1, 3, udp(vlan=5))
    assert data_of(owner) == [udp(), udp(vlan=5)]
