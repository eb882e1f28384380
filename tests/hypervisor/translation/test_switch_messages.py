"""What the virtual switch says of itself, and the roles of those who control it."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor import __version__
from flowvisor.hypervisor.transactions import HYPERVISOR_SLOT, slot_of
from flowvisor.hypervisor.translation.switch_messages import MAX_BARRIERS, take_role
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    FLOW_STATS,
    GROUP_STATS,
    NO_BUFFER,
    PORT_STATS,
    QUEUE_STATS,
    ROLE_EQUAL,
    ROLE_MASTER,
    ROLE_NOCHANGE,
    ROLE_SLAVE,
    TABLE_STATS,
    BarrierReply,
    BarrierRequest,
    Error,
    FeaturesReply,
    FeaturesRequest,
    FlowMod,
    FlowRemoved,
    GetConfigReply,
    GetConfigRequest,
    GroupMod,
    MeterMod,
    PacketIn,
    PacketOut,
    PortMod,
    PortStatus,
    RoleReply,
    RoleRequest,
    SetConfig,
    TableMod,
)
from flowvisor.openflow.multipart import (
    DescReply,
    DescRequest,
    FlowStatsReply,
    FlowStatsRequest,
    GroupFeaturesReply,
    PortDescReply,
    PortDescRequest,
)
from flowvisor.openflow.ports import Port
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.kinds import ON_10, ON_TABLES, Kind, as_told
from tests.support.slices import MISS, A, B, output, udp
from tests.support.world import World, a_slice, ports

NO_GENERATION = (1 << 64) - 1


# ------------------------------------------------------------------------------- features, configuration, description


def test_the_features_are_the_virtual_switchs(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    b = world.controller("b", 1, version)
    told = b.ask(FeaturesRequest(xid=4), FeaturesReply)
    assert told.dpid == 1
    assert told.n_buffers == 0
    assert told.n_tables == (4 if kind.has_blocks and version == 4 else 1)
    assert told.auxiliary_id == 0
    groups = GROUP_STATS if kind.version == version == 4 else 0
    assert told.capabilities == FLOW_STATS | TABLE_STATS | PORT_STATS | QUEUE_STATS | groups
    assert [port.number for port in told.ports] == ([3, 4] if version == 1 else [])
    assert told.actions == (0xFFF if version == 1 else 0)  # all that 1.0 has


@pytest.mark.parametrize("kind", [ON_10, ON_TABLES], ids=str)
def test_what_the_datapath_does_not_offer_is_not_promised(kind: Kind) -> None:
    world = kind.world(A, B)
    datapath = world.hypervisor.datapaths[1]
    datapath.features = evolve(datapath.features, capabilities=0, actions=0x7FF)
    datapath.group_features = GroupFeaturesReply()
    told = world.controller("b", 1, 1).ask(FeaturesRequest(), FeaturesReply)
    assert (told.capabilities, told.actions) == (FLOW_STATS | TABLE_STATS | PORT_STATS, 0x7FF)
    told = world.controller("b", 1, 4).ask(FeaturesRequest(), FeaturesReply)
    assert told.capabilities == FLOW_STATS | TABLE_STATS | PORT_STATS


def test_ports_that_1_0_cannot_number_are_not_among_its_features() -> None:
    world = World([a_slice("a", ports(1, 70000))], [ON_TABLES.datapath((1, 70000))])
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    assert [port.number for port in old.ask(FeaturesRequest(), FeaturesReply).ports] == [1]
    assert [port.number for port in new.ask(PortDescRequest(), PortDescReply).ports] == [1, 70000]


def test_the_ports_are_told_as_they_are_and_no_others(kind: Kind) -> None:
    world = kind.world(A, B, ports=(Port(1, b"\2\0\0\0\0\1", "eth1", state=0x4), 2, 3))
    a = world.controller("a")
    told = a.ask(PortDescRequest(xid=4), PortDescReply).ports
    assert [(port.number, port.name) for port in told] == [(1, "eth1"), (2, "port-2")]


def test_a_slice_with_a_thousand_ports_is_told_of_them_in_parts(kind: Kind) -> None:
    numbers = range(1, 1001)
    world = World([a_slice("a", ports(*numbers))], [kind.datapath(numbers)])
    a = world.controller("a")
    parts = [one for one in a.send(PortDescRequest(xid=4)) if isinstance(one, PortDescReply)]
    assert [part.more for part in parts] == [True, False]
    assert [port.number for part in parts for port in part.ports] == list(numbers)


def test_the_description_is_flowvisors_and_says_whose_switch_it_is(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    told = a.ask(DescRequest(xid=4), DescReply)
    assert (told.manufacturer, told.hardware, told.software) == ("flowvisor", "virtual switch", __version__)
    assert told.serial_number == "0000000000000001"
    assert told.datapath == "a at 0000000000000001"


def test_a_configuration_is_kept_for_each_channel(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    one, other = world.controller("a", 1, version), world.controller("a", 1, version)
    assert one.ask(GetConfigRequest(xid=1), GetConfigReply).miss_send_len == 128
    before = len(world.to_datapaths)
    assert one.send(SetConfig(miss_send_len=0xFFFF)) == []
    told = one.ask(GetConfigRequest(xid=2), GetConfigReply)
    assert (told.flags, told.miss_send_len) == (0, 0xFFFF)
    assert other.ask(GetConfigRequest(), GetConfigReply).miss_send_len == 128
    assert len(world.to_datapaths) == before


@pytest.mark.parametrize("flags", [1, 2, 3])
def test_how_fragments_are_treated_is_everybodys(kind: Kind, version: int, flags: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    refusal = a.refused(SetConfig(xid=3, flags=flags, miss_send_len=7))
    assert refusal == as_told(codes.SWITCH_CONFIG_EPERM, version)
    assert a.channel.counters.refused == {(9, "fragments"): 1}
    a.inbox.clear()
    assert a.ask(GetConfigRequest(), GetConfigReply).miss_send_len == 128


def test_what_is_answered_here_is_counted(version: int) -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FeaturesRequest(), GetConfigRequest(), DescRequest(), BarrierRequest())
    answered = {kind: count for kind, count in enumerate(a.channel.counters.answered) if count}
    assert answered == {6: 1, 8: 1, (17 if version == 1 else 19): 1, (19 if version == 1 else 21): 1}


# --------------------------------------------------------------------------------------------------------- barrier


def test_a_barrier_is_answered_when_the_datapath_has_answered_one(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    told = withheld(
        a, FlowMod(xid=1, match=Match.of(in_port=1), instructions=output(2)), BarrierRequest(xid=2)
    )
    barrier = told[-1]
    assert isinstance(barrier, BarrierRequest)
    assert a.inbox == []
    say(world, BarrierReply(xid=barrier.xid))
    assert a.inbox == [BarrierReply(xid=2)]
    assert a.channel.transactions.sent == []  # nothing before it can fail any more


def test_xids_may_repeat_and_be_0(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    asked = withheld(a, *[BarrierRequest(xid=0)] * 3)
    assert len({one.xid for one in asked}) == 3
    say(world, *[BarrierReply(xid=one.xid) for one in asked])
    assert a.inbox == [BarrierReply(xid=0)] * 3


def test_a_datapath_that_has_no_barriers_has_done_what_came_before(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    (asked,) = withheld(a, BarrierRequest(xid=2))
    say(world, Error(xid=asked.xid, error=codes.BAD_TYPE))
    assert a.inbox == [BarrierReply(xid=2)]


def test_a_barrier_that_nobody_answers_is_not_said_to_be_done(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    withheld(a, BarrierRequest(xid=2))
    world.pass_time(9)
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 2)]
    (asked,) = withheld(a, BarrierRequest(xid=3))
    say(world, Error(xid=asked.xid, error=codes.REQUEST_EPERM))
    assert [(type(one), one.xid) for one in a.inbox[1:]] == [(Error, 3)]


def test_barriers_without_an_answer_are_bounded(version: int) -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, version)
    a.switch.datapath.flight.closes_at = 1 << 40  # or they would wait for what is in flight before
    asked = withheld(a, *[BarrierRequest(xid=1)] * MAX_BARRIERS)
    asked = [one for one in asked if slot_of(one.xid) != HYPERVISOR_SLOT]
    assert len(asked) == MAX_BARRIERS
    assert withheld(a, BarrierRequest(xid=9)) == []
    say(world, *[BarrierReply(xid=one.xid) for one in asked])
    assert [(one.xid, one.error) for one in a.heard(Error)] == [(9, codes.REQUEST_EPERM)]
    assert len(a.heard(BarrierReply)) == MAX_BARRIERS
    assert len(withheld(a, BarrierRequest(xid=9))) == 1


# ----------------------------------------------------------------------------------------------------------- roles


def test_roles_are_among_the_controllers_of_one_virtual_switch(kind: Kind) -> None:
    world = kind.world(A, B)
    one, other, stranger = world.controller("a"), world.controller("a"), world.controller("b")
    stranger.send(RoleRequest(role=ROLE_MASTER, generation_id=5))
    before = len(world.to_datapaths)
    assert one.ask(RoleRequest(xid=1, role=ROLE_NOCHANGE), RoleReply) == RoleReply(
        xid=1, role=ROLE_EQUAL, generation_id=NO_GENERATION
    )
    assert one.ask(RoleRequest(xid=2, role=ROLE_MASTER, generation_id=3), RoleReply) == RoleReply(
        xid=2, role=ROLE_MASTER, generation_id=3
    )
    assert other.ask(RoleRequest(role=ROLE_NOCHANGE), RoleReply).role == ROLE_EQUAL
    other.send(RoleRequest(role=ROLE_MASTER, generation_id=4))
    assert len(one.inbox) == 2  # the old master is told nothing
    assert one.ask(RoleRequest(role=ROLE_NOCHANGE, generation_id=9), RoleReply) == RoleReply(
        role=ROLE_SLAVE, generation_id=4
    )
    assert stranger.ask(RoleRequest(role=ROLE_NOCHANGE), RoleReply).role == ROLE_MASTER
    assert len(world.to_datapaths) == before  # the datapath's roles are nobody's business


def test_a_master_may_become_master_again() -> None:
    a = ON_TABLES.world(A).controller("a")
    for generation in (1, 1, 2):
        told = a.ask(RoleRequest(role=ROLE_MASTER, generation_id=generation), RoleReply)
        assert (told.role, told.generation_id) == (ROLE_MASTER, generation)


@pytest.mark.parametrize("role", [ROLE_MASTER, ROLE_SLAVE])
@pytest.mark.parametrize(
    ("known", "asked", "is_stale"),
    [
        *((5, 5, False), (5, 6, False), (5, 4, True), (0, 0, False)),
        *((0, NO_GENERATION, True), (NO_GENERATION, 0, False)),  # they may wrap
        *((0, (1 << 63) - 1, False), (0, 1 << 63, True)),
    ],
)
def test_a_generation_that_has_passed_is_refused(role: int, known: int, asked: int, is_stale: bool) -> None:
    world = ON_TABLES.world(A)
    one, other = world.controller("a"), world.controller("a")
    one.send(RoleRequest(role=ROLE_MASTER, generation_id=known))
    request = RoleRequest(xid=7, role=role, generation_id=asked)
    if is_stale:
        assert other.refused(request) == codes.ROLE_STALE
        assert other.channel.role == ROLE_EQUAL
        assert one.channel.role == ROLE_MASTER
        assert one.switch.generation_id == known
    else:
        assert other.ask(request, RoleReply).generation_id == asked


def test_equal_and_no_change_look_at_no_generation() -> None:
    world = ON_TABLES.world(A)
    a = world.controller("a")
    a.send(RoleRequest(role=ROLE_MASTER, generation_id=100))
    assert a.ask(RoleRequest(role=ROLE_NOCHANGE, generation_id=1), RoleReply).role == ROLE_MASTER
    assert a.ask(RoleRequest(role=ROLE_EQUAL, generation_id=1), RoleReply).role == ROLE_EQUAL
    assert a.switch.generation_id == 100


def test_a_generation_is_forgotten_with_the_last_controller() -> None:
    world = ON_TABLES.world(A)
    one, other = world.controller("a"), world.controller("a")
    one.send(RoleRequest(role=ROLE_MASTER, generation_id=100))
    one.leave()
    assert other.refused(RoleRequest(role=ROLE_MASTER, generation_id=1)) == codes.ROLE_STALE
    other.leave()
    again = world.controller("a")
    assert again.ask(RoleRequest(role=ROLE_MASTER, generation_id=1), RoleReply).role == ROLE_MASTER


def test_a_role_that_does_not_exist_is_refused() -> None:
    a = ON_TABLES.world(A).controller("a")
    frame = bytearray(a.channel.codec.encode(RoleRequest(xid=5, role=ROLE_EQUAL)))
    frame[11] = 4
    assert a.refused(bytes(frame)) == codes.BAD_ROLE
    refusal = take_role(a.channel, 4, None)
    assert refusal is not None
    assert refusal.error == codes.BAD_ROLE
    assert a.channel.role == ROLE_EQUAL


def test_a_slave_may_read_but_not_write(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    a.send(RoleRequest(role=ROLE_SLAVE, generation_id=1))
    before = len(world.to_datapaths)
    for change in (
        FlowMod(match=Match.of(in_port=1), instructions=output(2)),
        PacketOut(in_port=1, data=udp()),
        GroupMod(command=0, group_id=1),
        MeterMod(command=0, meter_id=1),
        PortMod(port=1),
        TableMod(table_id=0),
    ):
        a.inbox.clear()
        assert a.refused(change) == codes.IS_SLAVE
    assert len(world.to_datapaths) == before
    a.inbox.clear()
    a.ask(FlowStatsRequest(), FlowStatsReply)
    a.inbox.clear()
    a.send(RoleRequest(role=ROLE_EQUAL))
    assert a.send(FlowMod(match=Match.of(in_port=1), instructions=output(2))) == []


def test_a_slave_hears_of_ports_only(kind: Kind) -> None:
    world = kind.world(A, B)
    slave, master = world.controller("a"), world.controller("a")
    slave.send(RoleRequest(role=ROLE_SLAVE, generation_id=1))
    master.send(
        MISS, FlowMod(flags=1, priority=9, hard_timeout=5, match=Match.of(in_port=2), instructions=())
    )
    world.packet(1, 1, udp())
    world.pass_time(6)
    world.change(1, world.emulated[1].set_link(1, is_up=False))
    assert [type(one) for one in slave.inbox] == [RoleReply, PortStatus]
    assert [type(one) for one in master.inbox] == [PacketIn, FlowRemoved, PortStatus]
    assert the_datapath(world).buffers.take(NO_BUFFER, "a") is None
