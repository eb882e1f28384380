"""Idle timeouts where an entry lies in several pieces: to its tenant it is one entry with one timeout."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.flow_table import PIECE_COOKIE, PIECE_COOKIE_MASK
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    SEND_FLOW_REM,
    Error,
    FlowMod,
    FlowRemoved,
)
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from tests.support.dialogue import say, the_datapath
from tests.support.kinds import ON_10, ON_FEW_TABLES, Kind
from tests.support.slices import A, B, output, udp
from tests.support.world import Controller, World

INTERSECTED = pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
EVERYTHING = FlowMod(cookie=5, idle_timeout=10, flags=SEND_FLOW_REM, match=Match(), instructions=output(1, 2))


def flows(controller: Controller) -> tuple[FlowStats, ...]:
    return controller.ask(FlowStatsRequest(), FlowStatsReply).flows


def left_on(world: World) -> list[object]:
    """The slices' entries on the datapath."""
    tables = world.emulated[1].pipeline.tables
    return [one for one in tables[0] if one.cookie & PIECE_COOKIE_MASK == PIECE_COOKIE]


def pass_seconds(world: World, seconds: int) -> None:
    for _ in range(seconds):
        world.pass_time(1)


def prepared(kind: Kind, version: int, mod: FlowMod = EVERYTHING) -> tuple[World, Controller]:
    """A slice that has ports 1 and 2, and an entry that lies in a piece at each."""
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(mod)
    assert len(a.switch.flow_table.entries) == 1  # type: ignore[union-attr]
    (entry,) = the_datapath(world).entries.values()
    assert len(entry.pieces or ()) == 2
    return world, a


@INTERSECTED
def test_an_entry_that_nobody_uses_goes_when_it_has_idled(kind: Kind, version: int) -> None:
    world, a = prepared(kind, version)
    pass_seconds(world, 9)
    assert len(flows(a)) == 1
    pass_seconds(world, 2)
    assert flows(a) == ()
    (told,) = a.heard(FlowRemoved)
    assert (told.reason, told.cookie, told.match, told.idle_timeout) == (IDLE_TIMEOUT, 5, Match(), 10)
    assert 10 <= told.duration_sec <= 11
    assert the_datapath(world).entries == {}
    assert left_on(world) == []


@INTERSECTED
def test_an_entry_of_which_one_piece_is_used_lives_with_all_of_them(kind: Kind, version: int) -> None:
    world, a = prepared(kind, version)
    for _ in range(40):
        world.pass_time(1)
        assert [port for port, _ in world.packet(1, 1, udp())] == [2]
    assert a.heard(FlowRemoved) == []
    assert [port for port, _ in world.packet(1, 2, udp())] == [1]  # the other piece is there, too
    (told,) = flows(a)
    assert told.packet_count == 41
    assert told.duration_sec == 40
    pass_seconds(world, 21)  # the last use of either is a timeout and a bit ago
    assert flows(a) == ()
    (gone,) = a.heard(FlowRemoved)
    assert (gone.reason, gone.packet_count) == (IDLE_TIMEOUT, 41)
    assert 50 <= gone.duration_sec <= 61


@INTERSECTED
def test_use_that_goes_from_piece_to_piece_keeps_all_alive(kind: Kind, version: int) -> None:
    world, a = prepared(kind, version)
    for turn in range(12):
        pass_seconds(world, 6)
        assert len(world.packet(1, 1 + turn % 2, udp())) == 1, turn
    assert a.heard(FlowRemoved) == []
    assert flows(a)[0].packet_count == 12


@INTERSECTED
def test_a_hard_timeout_is_not_prolonged_by_pieces_that_are_put_back(kind: Kind, version: int) -> None:
    world, a = prepared(
        kind, version, FlowMod(cookie=5, idle_timeout=4, hard_timeout=15, flags=1, instructions=output(1, 2))
    )
    for _ in range(14):
        world.pass_time(1)
        world.packet(1, 1, udp())
    assert [flow.hard_timeout for flow in flows(a)] == [15]
    pass_seconds(world, 2)
    assert flows(a) == ()
    (gone,) = a.heard(FlowRemoved)
    assert (gone.reason, gone.packet_count) == (HARD_TIMEOUT, 14)
    assert left_on(world) == []


@INTERSECTED
def test_an_entry_that_is_deleted_is_not_put_back(kind: Kind, version: int) -> None:
    world, a = prepared(kind, version)
    pass_seconds(world, 5)
    world.packet(1, 1, udp())
    pass_seconds(world, 6)
    a.send(FlowMod(command=DELETE, match=Match(), table_id=0))
    assert flows(a) == ()
    assert len(a.heard(FlowRemoved)) == 1
    pass_seconds(world, 30)
    assert len(a.heard(FlowRemoved)) == 1
    assert the_datapath(world).entries == {}


@INTERSECTED
def test_a_datapath_that_does_not_say_what_was_used_is_asked_again(kind: Kind) -> None:
    world, a = prepared(kind, kind.version)
    datapath = the_datapath(world)
    (entry,) = datapath.entries.values()
    told = [
        FlowRemoved(
            cookie=PIECE_COOKIE | entry.number, priority=0, reason=IDLE_TIMEOUT, match=piece, duration_sec=10
        )
        for piece in entry.physical_matches()
    ]
    frames = [datapath.codec.encode(one) for one in told]
    effects = world.hypervisor.from_datapath(datapath, frames, world.now)
    asked = [datapath.codec.decode(one) for one in effects.frames.pop(datapath)]
    questions = [one for one in asked if isinstance(one, FlowStatsRequest)]
    assert len(questions) == 2
    say(world, Error(xid=questions[0].xid, error=codes.REQUEST_EPERM))
    assert entry.idling is not None
    assert (entry.idling.is_asked, entry.idling.pieces) == (False, set())
    assert len(flows(a)) == 1
