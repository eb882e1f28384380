"""FLOW_MOD goes where its packets can come in, and is done there on all or on none."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.big import entries as entries_module
from flowvisor.hypervisor.big import flow_mod
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.frame import FLOW_MOD
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.messages import (
    ADD,
    DELETE,
    DELETE_STRICT,
    MODIFY,
    MODIFY_STRICT,
    SEND_FLOW_REM,
    BarrierReply,
    BarrierRequest,
    Error,
    FlowMod,
    FlowRemoved,
)
from flowvisor.openflow.multipart import AggregateStatsReply, AggregateStatsRequest
from flowvisor.openflow.versions import codec
from tests.support.big_world import REFUSED, big_world
from tests.support.slices import output, udp

TO_2 = FlowMod(match=Match.of(eth_type=0x0800), instructions=output(2))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_it_is_one_message_to_each_edge_and_one_in_all_if_it_matches_an_in_port(n: int) -> None:
    world = big_world(n)
    tenant = world.big_controller()
    world.sent_to()
    tenant.send(TO_2)
    assert world.sent_to() == list(range(1, n + 1))
    tenant.send(FlowMod(match=Match.of(in_port=2), instructions=output(1)))
    assert world.sent_to() == [2]
    tenant.send(FlowMod(command=DELETE_STRICT, match=Match.of(in_port=2)))
    assert world.sent_to() == [2]


def test_one_of_a_port_that_is_nowhere_is_judged_and_kept_everywhere() -> None:
    world = big_world(2)
    world.move(3, None)
    tenant = world.big_controller()
    tenant.send(FlowMod(match=Match.of(in_port=3), instructions=output(1)))
    assert [len(world.entries_at(dpid)) for dpid in (1, 2)] == [1, 1]
    world.move(3, 2)
    assert [len(world.entries_at(dpid)) for dpid in (1, 2)] == [0, 1]


def test_one_of_a_port_whose_datapath_is_away_is_judged_by_another() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.go(2)
    in_port_2 = Match.of(in_port=2)
    assert tenant.refused(FlowMod(xid=3, match=in_port_2, instructions=output(77))) == (2, 4)
    tenant.send(FlowMod(match=in_port_2, instructions=output(1)))
    world.come(world.emulated[2])
    assert [len(world.entries_at(dpid)) for dpid in (1, 2)] == [0, 1]


@pytest.mark.parametrize("version", [1, 4])
def test_what_one_leg_refuses_is_one_error_and_nowhere(version: int) -> None:
    world = big_world(3, room={2: 3})
    tenant = world.big_controller(version)
    fill = 3 if version == 4 else 2  # 1.0 has the table-miss entry there
    for number in range(fill):
        match = Match.of(in_port=2, eth_type=0x0800, ipv4_dst=number)
        assert tenant.send(FlowMod(match=match, instructions=output(1))) == []
    frame = codec(version).encode(FlowMod(xid=7, match=Match.of(eth_type=0x0806), instructions=output(2)))
    (error,) = tenant.send(frame)
    assert isinstance(error, Error)
    assert (error.xid, error.data) == (7, frame[:64])
    assert error.error in (codes.TABLE_FULL, (3, 0))
    assert [len(world.entries_at(dpid)) - (version == 1) for dpid in (1, 2, 3)] == [0, fill, 0]
    assert len(world.big.entries) == fill
    assert not world.big.entries.ending
    assert tenant.ask(BarrierRequest(xid=9), BarrierReply)


def test_a_barrier_behind_it_is_answered_when_it_is_undone() -> None:
    world = big_world(2, room={2: 0})
    tenant = world.big_controller()
    world.hold(1)
    error = tenant.send(FlowMod(xid=7, instructions=output(2)), BarrierRequest(xid=8))
    assert [type(one) for one in error] == [Error]
    world.release(1)
    assert isinstance(tenant.inbox[-1], BarrierReply)
    assert world.entries_at(1) == []


def test_an_addition_that_is_refused_leaves_what_was_there() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(match=Match.of(in_port=1), instructions=output(2)))
    tenant.send(FlowMod(priority=7, cookie=5, instructions=output(2)))
    world.emulated[2].pipeline.tables[1].max_entries = 0
    world.emulated[2].pipeline.tables[1].remove(world.entries_at(2))
    assert len(tenant.send(FlowMod(xid=3, priority=7, cookie=6, instructions=output(4)))) == 1
    (kept,) = [entry for entry in world.entries_at(1) if entry.priority == 7]
    assert (kept.cookie, kept.instructions) == (5, output(2))
    (known,) = [entry for entry in world.big.entries if entry.key[1] == 7]
    assert known.cookie == 5


def test_what_takes_the_place_of_one_that_is_refused_stands() -> None:
    world = big_world(2, room={2: 0})
    tenant = world.big_controller()
    world.hold(1)
    world.hold(2)
    tenant.send(FlowMod(xid=3, priority=7, instructions=output(2)))
    world.emulated[2].pipeline.tables[1].max_entries = 9
    tenant.send(FlowMod(xid=4, priority=7, instructions=output(4)))
    world.emulated[2].pipeline.tables[1].max_entries = 0
    held = world.held[2]
    world.held[2] = held[:1]
    world.release(2)
    world.emulated[2].pipeline.tables[1].max_entries = 9
    world.hold(2)
    world.held[2] = held[1:]
    world.release(2)
    world.release(1)
    assert [error.xid for error in tenant.heard(Error)] == [3]
    assert [[one.instructions for one in world.entries_at(dpid)] for dpid in (1, 2)] == [[output(4)]] * 2


@pytest.mark.parametrize("command", [MODIFY, MODIFY_STRICT, DELETE, DELETE_STRICT])
def test_what_is_refused_everywhere_changes_nothing_here_either(command: int) -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(priority=7, flags=SEND_FLOW_REM, instructions=output(2)))
    (entry,) = world.big.entries
    is_delete = command in (DELETE, DELETE_STRICT)
    bad = FlowMod(
        xid=5,
        command=command,
        priority=7,
        table_id=0,
        instructions=() if is_delete else output(77),
        out_port=0xFFFFFFFB if is_delete else 0xFFFFFFFF,
        out_group=5 if is_delete else 0xFFFFFFFF,
    )
    if is_delete:  # nothing passes both filters: it is refused, and nothing had been taken out
        assert tenant.refused(bad) == codes.FLOW_MOD_EPERM
    else:
        assert tenant.refused(bad) == (2, 4)
    assert list(world.big.entries) == [entry]
    assert entry.flow_mod().instructions == output(2)
    assert tenant.heard(FlowRemoved) == []


def test_a_deletion_that_one_leg_refuses_is_taken_back_on_the_others() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(priority=7, flags=SEND_FLOW_REM, cookie=4, instructions=output(2)))
    world.emulated[2].refuses = {FLOW_MOD}
    assert tenant.refused(FlowMod(xid=8, command=DELETE, table_id=255)) == REFUSED
    assert [[one.cookie for one in world.entries_at(dpid)] for dpid in (1, 2)] == [[4], [4]]
    assert len(world.big.entries) == 1
    assert tenant.heard(FlowRemoved) == []
    modify = FlowMod(xid=9, command=MODIFY, priority=7, instructions=output(3))
    assert tenant.refused(modify) == REFUSED
    assert [[one.instructions for one in world.entries_at(dpid)] for dpid in (1, 2)] == [[output(2)]] * 2


def test_more_entries_than_are_kept_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_module, "MAX_ENTRIES", 1)
    world = big_world(2)
    tenant = world.big_controller()
    assert tenant.send(TO_2) == []
    assert tenant.send(TO_2) == []
    assert tenant.refused(FlowMod(xid=3, priority=9)) == codes.TABLE_FULL


def test_what_is_not_understood_is_refused_by_name() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    strange = Match(opaque=(OpaqueField(0xFFFF0004, b"\0\0\0\1"),))
    assert tenant.refused(FlowMod(xid=3, match=strange)) == codes.MATCH_BAD_FIELD
    frame = bytearray(codec(4).encode(FlowMod(xid=4)))
    frame[25] = 9
    assert tenant.refused(bytes(frame)) == codes.FLOW_MOD_BAD_COMMAND


def test_a_modify_of_1_0_that_finds_nothing_adds_once_and_one_that_does_adds_nowhere() -> None:
    world = big_world(2)
    tenant = world.big_controller(1)
    tenant.send(FlowMod(command=MODIFY, match=Match.of(in_port=2), cookie=3, instructions=output(1)))
    assert len(world.big.entries) == 1
    tenant.send(FlowMod(command=MODIFY, cookie=4, instructions=output(3)))
    assert len(world.big.entries) == 1
    assert [[one.cookie for one in world.entries_at(dpid) if one.match.fields] for dpid in (1, 2)] == [
        [],
        [4],
    ]
    assert tenant.ask(AggregateStatsRequest(xid=4), AggregateStatsReply).flow_count == 1


def test_a_buffer_is_honoured_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.big.buffers[17] = 2
    sent = []
    monkeypatch.setattr(flow_mod, "send", lambda leg, frame, *_rest: sent.append((leg.dpid, frame[32:36])))
    tenant.send(FlowMod(buffer_id=17, instructions=output(1)))
    assert sent == [(1, b"\xff" * 4), (2, b"\0\0\0\x11")]


def test_deletions_are_remembered_only_until_all_shares_have_been_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(FlowMod(command=DELETE, table_id=255))
    assert world.big.deletions == []
    world.big.known.discard(2)
    monkeypatch.setattr(flow_mod, "MAX_DELETIONS", 1)
    tenant.send(FlowMod(command=DELETE, table_id=255))
    assert len(world.big.deletions) == 1
    tenant.send(FlowMod(command=DELETE, table_id=255))
    assert world.big.deletions is None


def test_packets_meet_the_entries_wherever_they_come_in() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(TO_2, FlowMod(command=ADD, priority=0, instructions=output(4)))
    for dpid, port in ((1, 1), (2, 4), (1, 3)):
        assert world.packet(dpid, port, udp()) == [(2, udp())]
