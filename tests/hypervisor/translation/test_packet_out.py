"""Packet-outs: a slice's packet goes where the slice may send it, and nowhere else."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor import verdicts
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import (
    DecNwTtl,
    Enqueue,
    Group,
    OpaqueAction,
    Output,
    PopVlan,
    PushVlan,
    SetField,
    SetQueue,
    SetVlanVid,
    StripVlan,
)
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ROLE_SLAVE,
    BarrierReply,
    BarrierRequest,
    Error,
    FlowMod,
    PacketIn,
    PacketOut,
    RoleRequest,
)
from flowvisor.openflow.ports import ALL, ANY, CONTROLLER, FLOOD, IN_PORT, LOCAL, NO_FLOOD, TABLE, Port
from flowvisor.openflow.versions import codec
from flowvisor.policies.acl import Acl, AclRule
from tests.support.dialogue import say, the_datapath
from tests.support.kinds import ON_10, ON_TABLES, Kind, as_told
from tests.support.slices import MISS, A, B, ethernet, output, tag, udp
from tests.support.world import NOWHERE, World, a_slice, ports, rule

PACKET = udp()


def sent(
    world: World, *actions: object, in_port: int = 1, data: bytes = PACKET, version: int = 4
) -> list[int]:
    """Send a packet-out as a new controller of "a"; return the ports that it left by."""
    before = len(world.transmitted)
    controller = world.controller("a", 1, version)
    out = PacketOut(in_port=in_port, actions=actions, data=data)  # type: ignore[arg-type]
    answers = controller.send(out)
    controller.leave()
    assert [one for one in answers if not isinstance(one, PacketIn)] == []
    return [port for _, port, _ in world.transmitted[before:]]


@pytest.mark.parametrize(
    ("port", "in_port", "expected"),
    [
        (2, 1, [2]),
        (1, 1, []),
        (IN_PORT, 1, [1]),
        (FLOOD, 1, [2, 5]),
        (ALL, 1, [2, 5]),
        (FLOOD, CONTROLLER, [1, 2, 5]),
        (ALL, ANY, [1, 2, 5]),
        (2, CONTROLLER, [2]),
    ],
)
def test_a_packet_leaves_by_the_slices_ports(
    kind: Kind, version: int, port: int, in_port: int, expected: list[int]
) -> None:
    world = kind.world(a_slice("a", ports(1, 2, 5)), B, ports=(1, 2, 3, 4, 5))
    assert sent(world, Output(port), in_port=in_port, version=version) == expected


@pytest.mark.parametrize("in_port", [3, 9, LOCAL, TABLE, 0])
def test_a_packet_comes_from_no_port_that_is_not_ones_own(kind: Kind, version: int, in_port: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    out = PacketOut(xid=5, in_port=in_port, actions=(Output(2),), data=PACKET)
    assert a.refused(out) == as_told(codes.REQUEST_BAD_PORT, version)
    assert world.transmitted == []


@pytest.mark.parametrize("port", [3, 9, LOCAL])
def test_a_packet_leaves_by_no_port_that_is_not_ones_own(kind: Kind, version: int, port: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    out = PacketOut(xid=5, in_port=1, actions=(Output(2), Output(port)), data=PACKET)
    assert a.refused(out) == codes.ACTION_BAD_OUT_PORT
    assert world.transmitted == []


def test_a_packet_without_actions_is_dropped(kind: Kind, version: int) -> None:
    assert sent(kind.world(A, B), version=version) == []


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (Group(1), codes.ACTION_BAD_OUT_GROUP),
        (SetQueue(1), codes.ACTION_BAD_QUEUE),
        (OpaqueAction(0x2320, b"\0\0\x23\x20"), codes.ACTION_BAD_EXPERIMENTER),
    ],
)
def test_what_a_slice_does_not_have_is_refused(kind: Kind, action: object, error: tuple[int, int]) -> None:
    a = kind.world(A, B).controller("a")
    assert a.refused(PacketOut(in_port=1, actions=(action, Output(2)), data=PACKET)) == error  # type: ignore[arg-type]


def test_queues_of_1_0_are_refused(kind: Kind) -> None:
    a = kind.world(A, B).controller("a", 1, 1)
    assert a.refused(PacketOut(in_port=1, actions=(Enqueue(2, 1),), data=PACKET)) == codes.ACTION_BAD_QUEUE


def test_the_tables_see_only_what_would_have_been_ones_own(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    a.send(FlowMod(priority=5, match=Match.of(in_port=1), instructions=output(2)))
    b.send(MISS)
    a.send(PacketOut(in_port=1, actions=(Output(TABLE),), data=PACKET))
    assert world.transmitted == [(1, 2, PACKET)]
    for in_port in (CONTROLLER, ANY):
        out = PacketOut(in_port=in_port, actions=(Output(TABLE),), data=PACKET)
        assert a.refused(out) == codes.ACTION_EPERM
    shared = kind.world(
        a_slice("a", rule(Match.of(vlan_vid=tag(100)))), a_slice("b", rule(Match.of(vlan_vid=tag(200))))
    )
    a = shared.controller("a", 1, version)
    answers = a.send(PacketOut(in_port=1, actions=(Output(TABLE),), data=udp(vlan=100)))
    assert [type(one) for one in answers] == ([PacketIn] if version == 1 else [])
    change = SetField("vlan_vid", tag(200)) if version == 4 else SetVlanVid(200)
    for actions, data in (((Output(TABLE),), udp(vlan=200)), ((change, Output(TABLE)), udp(vlan=100))):
        assert a.refused(PacketOut(in_port=1, actions=actions, data=data)) == codes.ACTION_EPERM


def test_a_shared_port_takes_what_is_ones_own_there(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice("a", ports(1), rule(Match.of(in_port=2, vlan_vid=tag(100)))),
        a_slice("b", ports(2, priority=10)),
    )
    a = world.controller("a", 1, version)
    assert sent(world, Output(2), data=udp(vlan=100), version=version) == [2]
    assert a.refused(PacketOut(in_port=1, actions=(Output(2),), data=udp())) == codes.ACTION_EPERM
    tagging = (PushVlan(0x8100), SetField("vlan_vid", tag(100))) if version == 4 else (SetVlanVid(100),)
    assert sent(world, *tagging, Output(2), version=version) == [2]
    untagging = PopVlan() if version == 4 else StripVlan()
    out = PacketOut(in_port=1, actions=(untagging, Output(2)), data=udp(vlan=100))
    assert a.refused(out) == codes.ACTION_EPERM
    # A flood reaches those ports where the packet is the slice's own.
    assert sent(world, Output(FLOOD), in_port=CONTROLLER, data=udp(), version=version) == [1]
    assert sent(world, Output(FLOOD), in_port=CONTROLLER, data=udp(vlan=100), version=version) == [1, 2]
    assert sent(world, *tagging, Output(FLOOD), in_port=CONTROLLER, version=version) == [1, 2]


def test_a_tag_that_is_set_where_there_is_none_makes_nothing_ones_own(kind: Kind) -> None:
    """Whether 1.3's set-field makes a tag is not the same everywhere."""
    world = kind.world(
        a_slice("a", ports(1), rule(Match.of(in_port=2, vlan_vid=tag(100)))),
        a_slice("b", ports(2, priority=10)),
    )
    a = world.controller("a")
    out = PacketOut(in_port=1, actions=(SetField("vlan_vid", tag(100)), Output(2)), data=udp())
    assert isinstance(a.send(out)[0], Error)
    assert world.transmitted == []


def test_what_some_datapaths_do_not_see_behind_two_tags_counts_for_nothing(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice("a", ports(1), rule(Match.of(eth_type=0x0800, ipv4_src=0x0A000001))),
        a_slice("b", rule(Match(), priority=10)),
    )
    a = world.controller("a", 1, version)
    inner = udp()[14:]
    hidden = ethernet(vlans=(5, 6), eth_type=0x0800, payload=inner)
    assert sent(
        world, Output(2), data=ethernet(vlans=(5,), eth_type=0x0800, payload=inner), version=version
    ) == [2]
    assert a.refused(PacketOut(in_port=1, actions=(Output(2),), data=hidden)) == codes.ACTION_EPERM


def test_a_1_0_port_that_wants_no_floods_gets_none(version: int) -> None:
    quiet = Port(5, hw_addr=b"\2\0\0\0\0\5", name="quiet", config=NO_FLOOD)
    world = ON_10.world(a_slice("a", ports(1, 2, 5)), B, ports=(1, 2, quiet))
    assert sent(world, Output(FLOOD), version=version) == [2]
    assert sent(world, Output(ALL), version=version) == [2, 5]


def test_lldp_is_put_on_no_wire_and_what_is_like_it_passes(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    lldp, tagged = ethernet(eth_type=0x88CC), ethernet(vlans=(5,), eth_type=0x88CC)
    for data in (lldp, tagged):
        assert a.send(PacketOut(in_port=CONTROLLER, actions=(Output(2),), data=data)) == []
    assert world.transmitted == []
    assert a.channel.counters.shed == {"lldp": 2}
    assert sent(world, Output(2), data=udp(vlan=5), version=version) == [2]


@pytest.mark.parametrize("length", [0, 1, 6, 13, 14, 20])
def test_a_packet_that_is_cut_may_leave_only_where_all_is_ones_own(
    kind: Kind, version: int, length: int
) -> None:
    assert sent(kind.world(A, B), Output(2), data=PACKET[:length], version=version) == [2]
    world = kind.world(
        a_slice("a", ports(1), rule(Match.of(in_port=2, eth_type=0x0800, ipv4_src=0x0A000001))),
        a_slice("b", ports(2, priority=10)),
    )
    out = PacketOut(in_port=1, actions=(Output(2),), data=PACKET[:length])
    assert world.controller("a", 1, version).refused(out) == codes.ACTION_EPERM


def test_a_slave_sends_no_packets(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    a.send(RoleRequest(role=ROLE_SLAVE, generation_id=1))
    assert a.refused(PacketOut(in_port=1, actions=(Output(2),), data=PACKET)) == codes.IS_SLAVE


def test_a_packet_out_that_the_datapath_refuses_is_told_with_the_tenants_own_bytes(
    kind: Kind, version: int
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    out = PacketOut(xid=0xABC, in_port=1, actions=(Output(2),), data=PACKET)
    effects = world.hypervisor.from_controller(a.channel, [a.channel.codec.encode(out)], world.now)
    (frame,) = effects.frames[the_datapath(world)]
    say(world, Error(xid=int.from_bytes(frame[4:8], "big"), error=codes.BUFFER_UNKNOWN, data=frame[:64]))
    (error,) = a.heard(Error)
    assert (error.xid, error.data) == (0xABC, codec(version).encode(out)[:64])


def test_lengths_that_lie_are_refused(kind: Kind, version: int) -> None:
    a = kind.world(A, B).controller("a", 1, version)
    frame = bytearray(codec(version).encode(PacketOut(xid=5, in_port=1, actions=(Output(2),), data=PACKET)))
    at = 14 if version == 1 else 16
    for lie in (1, 7, 0xFFF8):
        frame[at : at + 2] = lie.to_bytes(2, "big")
        assert a.refused(bytes(frame))[0] in (codes.BAD_REQUEST, codes.BAD_ACTION)
    assert a.refused(bytes([version, 13, 0, 12]) + bytes(8)) == codes.BAD_LEN


def test_no_more_verdicts_are_remembered_than_the_bound(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "MAX_VERDICTS", 8)
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    for address in range(40):
        a.send(PacketOut(in_port=1, actions=(SetField("eth_dst", address), Output(2)), data=PACKET))
    assert len(world.transmitted) == 40
    assert 0 < len(a.switch.packet_outs) <= 8


def test_long_runs_of_packet_outs_are_fenced(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for _ in range(300):
        a.send(PacketOut(in_port=1, actions=(Output(2),), data=PACKET))
    assert len(a.channel.transactions.sent) < 150
    assert a.ask(BarrierRequest(xid=4), BarrierReply)
    assert a.channel.counters.down[13] == 300


def test_1_3_actions_that_1_0_does_not_have_are_refused() -> None:
    world = ON_10.world(A, B)
    (answer,) = world.controller("a").send(PacketOut(in_port=1, actions=(DecNwTtl(), Output(2)), data=PACKET))
    assert isinstance(answer, Error)
    assert sent(world, PushVlan(0x8100), SetField("vlan_vid", tag(7)), Output(2)) == [2]
    assert world.transmitted[-1][2] == udp(vlan=7)
    assert sent(ON_TABLES.world(A, B), SetVlanVid(7), Output(2), version=1) == [2]


def test_a_packet_that_an_acl_denies_does_not_meet_the_tables_by_a_packet_out(kind: Kind) -> None:
    acl = Acl("no-vlan", (AclRule(True, None, (Match.of(vlan_vid=tag(100)),), NOWHERE),))
    world = kind.world(evolve(A, policies=("no-vlan",)), B, policies=[acl])
    a = world.controller("a")
    a.send(MISS)
    for actions, data in (((Output(TABLE),), udp(vlan=100)), ((SetVlanVid(100), Output(TABLE)), udp())):
        version = 4 if len(actions) == 1 else 1
        controller = a if version == 4 else world.controller("a", 1, version)
        out = PacketOut(in_port=1, actions=actions, data=data)
        assert controller.refused(out) == as_told(codes.ACTION_EPERM, version)
    assert a.heard(PacketIn) == []
    # It may still be sent: an ACL is about what comes in.
    a.send(PacketOut(in_port=1, actions=(Output(2),), data=udp(vlan=100)))
    assert [port for _, port, _ in world.transmitted] == [2]
    assert world.packet(1, 1, udp(vlan=100)) == []
    assert a.heard(PacketIn) == []
