"""Flow-removed: told to who asked, once for all pieces, in the words in which the entry was written."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor.flow_table import PIECE_COOKIE
from flowvisor.openflow.actions import ApplyActions, DecNwTtl, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    DELETE_STRICT,
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    MODIFY,
    REMOVED_BY_DELETE,
    ROLE_SLAVE,
    SEND_FLOW_REM,
    AsyncMasks,
    FlowMod,
    FlowRemoved,
    PacketIn,
    RoleRequest,
    SetAsync,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import FLOOD
from tests.support.dialogue import say, the_datapath
from tests.support.kinds import KINDS, ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import MISS, A, B, output, udp

INTERSECTED = pytest.mark.parametrize("kind", KINDS[1:], ids=str)
IP_ON_1 = Match.of(in_port=1, eth_type=0x0800)


def test_what_times_out_is_told_as_it_was_written(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    written = FlowMod(
        priority=9, cookie=0xC0, match=IP_ON_1, hard_timeout=10, flags=SEND_FLOW_REM, instructions=output(2)
    )
    a.send(written)
    world.packet(1, 1, udp())
    world.pass_time(11)
    assert a.inbox == [
        FlowRemoved(
            cookie=0xC0,
            priority=9,
            reason=HARD_TIMEOUT,
            duration_sec=11,
            hard_timeout=10 if version == 4 else 0,  # 1.0 does not say
            packet_count=1,
            byte_count=len(udp()),
            match=IP_ON_1,
        )
    ]
    assert b.inbox == []
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()


def test_nothing_is_told_of_what_nobody_asked_to_be_told_of(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=IP_ON_1, hard_timeout=10, instructions=output(2)))
    world.pass_time(11)
    assert a.inbox == []
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()


@pytest.mark.parametrize("strict", [True, False])
def test_a_deletion_is_told_once(kind: Kind, version: int, strict: bool) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    for one, priority in ((a, 5), (b, 5), (b, 6)):
        one.send(FlowMod(priority=priority, cookie=priority, flags=SEND_FLOW_REM, instructions=()))
    command = DELETE_STRICT if strict else DELETE
    a.send(FlowMod(command=command, priority=5))
    assert [(one.cookie, one.reason, one.match) for one in a.heard(FlowRemoved)] == [
        (5, REMOVED_BY_DELETE, Match())
    ]
    assert b.inbox == []


@INTERSECTED
def test_an_entry_of_several_pieces_is_gone_when_the_last_is_and_its_counters_are_added_up(
    kind: Kind, version: int
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(priority=5, cookie=7, idle_timeout=10, flags=SEND_FLOW_REM, instructions=output(FLOOD)))
    for port in (1, 1, 2):
        world.packet(1, port, udp())
    world.pass_time(6)
    world.packet(1, 2, udp())
    world.pass_time(6)
    assert a.inbox == []  # the piece at port 2 is still there
    world.pass_time(6)
    ((told),) = a.heard(FlowRemoved)
    assert (told.cookie, told.priority, told.reason) == (7, 5, IDLE_TIMEOUT)
    assert (told.packet_count, told.byte_count) == (4, 4 * len(udp()))
    assert (told.match, told.idle_timeout) == (Match(), 10)
    assert the_datapath(world).entries == {}


@INTERSECTED
def test_an_entry_that_was_modified_is_told_with_what_it_was_added_with(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(cookie=7, match=IP_ON_1, hard_timeout=10, flags=SEND_FLOW_REM, instructions=output(2)))
    a.send(FlowMod(cookie=7, command=MODIFY, match=IP_ON_1, instructions=()))
    world.pass_time(11)
    assert [(one.cookie, one.match) for one in a.heard(FlowRemoved)] == [(7, IP_ON_1)]


def test_an_entry_whose_place_another_takes_is_not_told_of(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for cookie in (1, 2):
        a.send(FlowMod(cookie=cookie, match=IP_ON_1, flags=SEND_FLOW_REM, instructions=output(2)))
    assert a.inbox == []
    a.send(FlowMod(command=DELETE))
    assert [one.cookie for one in a.heard(FlowRemoved)] == [2]


def test_the_table_is_the_slices_own() -> None:
    world = ON_TABLES.world(A, B)
    b = world.controller("b")
    b.send(FlowMod(table_id=2, flags=SEND_FLOW_REM, match=IP_ON_1, instructions=output(4)))
    b.send(FlowMod(command=DELETE, table_id=2))
    assert [one.table_id for one in b.heard(FlowRemoved)] == [2]


def test_every_controller_is_told_but_slaves_and_those_that_masked_it(kind: Kind) -> None:
    world = kind.world(A, B)
    one, old, slave, silent = (world.controller("a", 1, version) for version in (4, 1, 4, 4))
    slave.send(RoleRequest(role=ROLE_SLAVE, generation_id=1))
    silent.send(SetAsync(masks=AsyncMasks(flow_removed=(1 << IDLE_TIMEOUT, 0xF))))
    one.send(FlowMod(match=IP_ON_1, flags=SEND_FLOW_REM, instructions=output(2)))
    one.send(FlowMod(command=DELETE))
    assert [len(each.heard(FlowRemoved)) for each in (one, old, slave, silent)] == [1, 1, 0, 0]
    counters = one.channel.tenant.counters
    assert [counters[version].up[11] for version in (1, 4)] == [1, 1]
    assert counters[4].up_bytes == len(one.frames[-1])


@pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
def test_what_a_version_cannot_say_is_shed_and_counted(kind: Kind) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    ipv6 = Match.of(in_port=1, eth_type=0x86DD, ipv6_src=1)
    new.send(
        FlowMod(match=ipv6, flags=SEND_FLOW_REM, instructions=(ApplyActions((DecNwTtl(), Output(2))),)),
        FlowMod(command=DELETE),
    )
    assert [one.match for one in new.heard(FlowRemoved)] == [ipv6]
    assert old.heard(FlowRemoved) == []
    assert old.channel.counters.shed == {"inexpressible": 1}


# ------------------------------------------------------------------------------------------------- the table miss


def test_the_hypervisors_own_table_miss_entry_is_not_told_of(kind: Kind) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    new.send(FlowMod(command=DELETE))
    old.send(FlowMod(command=DELETE))
    assert old.inbox == new.inbox == []
    world.packet(1, 1, udp())
    assert [type(one) for one in old.inbox] == [PacketIn]


@pytest.mark.parametrize("flags", [0, SEND_FLOW_REM])
@pytest.mark.parametrize("cookie", [0xABC, 0xF10F_0150_0000_0000])
def test_the_tenants_own_table_miss_entry_is_told_of_if_it_asked(kind: Kind, flags: int, cookie: int) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    new.send(evolve(MISS, cookie=cookie, flags=flags, hard_timeout=10))
    world.pass_time(11)
    for one in (old, new):
        assert [told.cookie for told in one.heard(FlowRemoved)] == ([cookie] if flags else [])
    world.packet(1, 1, udp())  # 1.0's rule holds again
    assert len(old.heard(PacketIn)) == 1
    assert new.heard(PacketIn) == []


def test_where_there_are_1_3_controllers_only_the_miss_entry_is_one_as_any_other(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    a.send(evolve(MISS, cookie=5, flags=SEND_FLOW_REM, hard_timeout=10))
    world.pass_time(11)
    assert [told.cookie for told in a.heard(FlowRemoved)] == [5]
    world.packet(1, 1, udp())
    assert a.heard(PacketIn) == []


# ------------------------------------------------------------------------------------------------ what is nobody's


def test_an_entry_that_is_nobodys_is_told_to_nobody(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    say(
        world,
        FlowRemoved(cookie=3, priority=1, reason=0),
        FlowRemoved(cookie=0xF10F_0150_0000_0000, priority=0, reason=0),
        FlowRemoved(cookie=PIECE_COOKIE | 99, priority=1, reason=0),
    )
    assert a.inbox == []


@INTERSECTED
def test_a_piece_of_an_entry_whose_slice_is_there_no_more_is_forgotten(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    a.send(FlowMod(flags=SEND_FLOW_REM, match=IP_ON_1, instructions=output(2)))
    datapath = the_datapath(world)
    (entry,) = datapath.entries.values()
    del datapath.switches["a"]
    say(world, FlowRemoved(cookie=PIECE_COOKIE | entry.number, priority=1, reason=0))
    assert datapath.entries == {}
    assert a.inbox == []


@INTERSECTED
def test_a_piece_that_goes_after_its_entry_was_replaced_does_not_take_the_new_one_along(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(FlowMod(cookie=1, flags=SEND_FLOW_REM, match=IP_ON_1, instructions=output(2)))
    (old,) = the_datapath(world).entries.values()
    a.send(FlowMod(cookie=2, flags=SEND_FLOW_REM, match=IP_ON_1, instructions=output(2)))
    say(world, FlowRemoved(cookie=PIECE_COOKIE | old.number, priority=1, reason=0))
    assert [flow.cookie for flow in a.ask(FlowStatsRequest(), FlowStatsReply).flows] == [2]


def test_a_1_0_datapath_is_not_believed_to_have_tables_of_slices() -> None:
    world = ON_10.world(A, B)
    a = world.controller("a", 1, 1)
    say(world, FlowRemoved(cookie=0, priority=0, reason=0))
    assert a.inbox == []
