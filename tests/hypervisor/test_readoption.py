"""Where matches are intersected: entries outlive connections and the hypervisor, and none is left to nobody."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import FLOW_ENTRY, Name, encode_batch, encode_header, encode_record, replay
from flowvisor.hypervisor.readoption import MAX_UNTOLD, Comparison
from flowvisor.openflow.frame import FLOW_MOD
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    DELETE_STRICT,
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    MODIFY,
    SEND_FLOW_REM,
    FlowMod,
    FlowRemoved,
)
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import FLOOD, Port
from tests.support.dialogue import the_datapath
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import A, B, output, udp
from tests.support.world import Controller, World, a_slice, configuration, ports

PORT_1 = Match.of(in_port=1)
EVERYTHING = FlowMod(cookie=7, priority=9, instructions=output(2))  # one piece for each of the slice's ports

pytestmark = pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)


def shown(controller: Controller) -> tuple[FlowStats, ...]:
    return controller.ask(FlowStatsRequest(), FlowStatsReply).flows


def on_the_datapath(world: World) -> list[tuple[int, Match]]:
    return sorted(((one.priority, one.match) for one in world.emulated[1].pipeline.tables[0]), key=str)


def pieces(world: World) -> int:
    return sum(entry.cookie >> 32 == 0xF10F_0151 for entry in world.emulated[1].pipeline.tables[0])


def writes(world: World) -> int:
    return sum(frame[1] == FLOW_MOD for _, frame in world.to_datapaths)


def recorded(world: World) -> list[Name]:
    """The entries that the journal knows."""
    return [name for name in replay(world.journals[1], 1).known if name.kind == FLOW_ENTRY]


def lose_journal(world: World) -> None:
    world.journals.clear()
    world.restart()


def test_a_restart_touches_no_entry_and_the_tenant_finds_what_it_wrote(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(EVERYTHING, FlowMod(cookie=8, match=PORT_1, priority=10, instructions=output(FLOOD)))
    world.packet(1, 2, udp())
    world.pass_time(3)
    before = shown(a)
    world.to_datapaths.clear()
    world.restart()
    assert writes(world) == 0
    assert shown(world.controller("a", 1, kind.version)) == before
    assert [one.duration_sec for one in before] == [3, 3]
    assert sum(one.packet_count for one in before) == 1


@pytest.mark.parametrize("change", ["modified", "replaced", "deleted"])
def test_what_became_of_an_entry_is_what_survives(kind: Kind, change: str) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(EVERYTHING)
    if change == "modified":
        a.send(FlowMod(command=MODIFY, cookie=9, instructions=output(1)))
    elif change == "replaced":
        a.send(FlowMod(cookie=9, priority=9, instructions=output(1)))
    else:
        a.send(FlowMod(command=DELETE))
    before = shown(a)
    world.restart()
    again = world.controller("a", 1, kind.version)
    assert shown(again) == before
    again.send(FlowMod(command=DELETE))
    assert (shown(again), pieces(world)) == ((), 0)


@pytest.mark.parametrize("request_", [EVERYTHING, FlowMod(command=DELETE)], ids=["addition", "deletion"])
def test_what_was_recorded_when_the_hypervisor_was_killed_is_done_by_the_next(
    kind: Kind, request_: FlowMod
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    if request_.command == DELETE:
        a.send(EVERYTHING)
    frames = [a.channel.codec.encode(request_)]
    effects = world.hypervisor.from_controller(a.channel, frames, world.now)
    effects.frames.clear()  # records are written first
    world.perform(effects)
    world.restart()
    assert pieces(world) == (0 if request_.command == DELETE else 2)
    assert len(shown(world.controller("a", 1, kind.version))) == pieces(world) // 2


def test_a_lost_journal_costs_the_entries_and_leaves_none_behind(kind: Kind) -> None:
    world = kind.world(A, B)
    world.controller("a", 1, kind.version).send(EVERYTHING)
    assert pieces(world) == 2
    lose_journal(world)
    assert pieces(world) == 0
    assert shown(world.controller("a", 1, kind.version)) == ()


def test_entries_that_are_not_ours_are_removed(kind: Kind) -> None:
    datapath = kind.datapath()
    datapath.from_controller(FlowMod(cookie=3, priority=5, instructions=output(1)), 0.0)
    datapath.from_controller(FlowMod(cookie=0xF10F_0150_0000_0009, priority=6, match=PORT_1), 0.0)
    world = World([A, B], [datapath])
    assert not [one for one in on_the_datapath(world) if one[0] in (5, 6)]


def test_what_stands_where_an_entry_should_be_is_replaced_by_it(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(EVERYTHING)
    places = on_the_datapath(world)
    for priority, match in places[-2:]:
        world.emulated[1].from_controller(FlowMod(cookie=3, priority=priority, match=match), world.now)
    world.restart()
    assert on_the_datapath(world) == places
    assert pieces(world) == 2
    assert world.packet(1, 1, udp()) == [(2, udp())]


def test_a_datapath_that_lost_its_entries_gets_them_again(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(EVERYTHING, FlowMod(command=MODIFY, cookie=7, instructions=output(1)))
    world.leave(1)
    world.join(kind.datapath())
    a = world.controller("a", 1, kind.version)
    assert [one.cookie for one in shown(a)] == [7]
    assert world.packet(1, 2, udp()) == [(1, udp())]


def test_an_entry_that_it_then_refuses_is_no_more(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(EVERYTHING, FlowMod(cookie=8, match=PORT_1, priority=10, instructions=output(2)))
    world.leave(1)
    world.join(kind.datapath(max_entries=3))
    assert the_datapath(world).own_failures == 1
    assert len(shown(world.controller("a", 1, kind.version))) == 1
    world.restart()
    assert len(shown(world.controller("a", 1, kind.version))) == 1


@pytest.mark.parametrize(
    ("timeouts", "reason"), [({"idle_timeout": 2}, IDLE_TIMEOUT), ({"hard_timeout": 2}, HARD_TIMEOUT)]
)
def test_an_entry_that_times_out_meanwhile_is_told_to_the_controller_that_comes(
    kind: Kind, timeouts: dict[str, int], reason: int
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(FlowMod(cookie=7, flags=SEND_FLOW_REM, instructions=output(2), **timeouts))
    a.send(FlowMod(cookie=8, priority=1, instructions=output(2), **timeouts))
    emulated = world.emulated[1]
    world.leave(1)
    emulated.tick(world.now + 5)
    world.join(emulated)
    a, later = (world.controller("a", 1, kind.version) for _ in range(2))
    assert [(one.cookie, one.reason) for one in a.heard(FlowRemoved)] == [(7, reason)]
    assert (shown(a), later.heard(FlowRemoved)) == ((), [])
    world.restart()
    assert shown(world.controller("a", 1, kind.version)) == ()


def test_no_more_is_kept_to_be_told_than_a_bound(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowvisor.hypervisor.readoption.MAX_UNTOLD", 2)
    assert MAX_UNTOLD > 2
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    for priority in range(4):
        a.send(FlowMod(priority=priority, flags=SEND_FLOW_REM, idle_timeout=1, instructions=output(2)))
    world.leave(1)
    world.join(kind.datapath())
    assert len(world.controller("a", 1, kind.version).heard(FlowRemoved)) == 2


def test_pieces_follow_the_files_and_those_that_are_right_stay(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(FlowMod(cookie=7, hard_timeout=60, flags=SEND_FLOW_REM, instructions=output(2)))
    world.pass_time(10)
    world.restart(configuration(a_slice("a", ports(2, 3)), a_slice("b", ports(1, 4))))
    a = world.controller("a", 1, kind.version)
    assert world.packet(1, 1, udp()) == []
    assert world.packet(1, 3, udp()) == [(2, udp())]
    assert [(one.cookie, one.duration_sec, one.packet_count) for one in shown(a)] == [(7, 10, 1)]
    world.pass_time(49)
    assert a.heard(FlowRemoved) == []
    world.pass_time(2)
    assert [one.cookie for one in a.heard(FlowRemoved)] == [7]
    assert pieces(world) == 0


def test_an_entry_that_may_not_be_any_more_goes_and_its_slice_can_be_told(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(FlowMod(cookie=7, match=PORT_1, instructions=output(2)), FlowMod(cookie=8, instructions=output(1)))
    world.restart(configuration(a_slice("a", ports(1)), a_slice("b", ports(2, 3, 4))))
    a = world.controller("a", 1, kind.version)
    assert [one.cookie for one in shown(a)] == [8]
    assert world.packet(1, 2, udp()) == []
    world.restart(configuration(A, B))
    assert [one.cookie for one in shown(world.controller("a", 1, kind.version))] == [8]


def test_entries_of_a_slice_that_is_gone_go_with_it(kind: Kind) -> None:
    world = kind.world(A, B)
    world.controller("a", 1, kind.version).send(EVERYTHING)
    world.restart(configuration(B))
    assert pieces(world) == 0
    world.restart(configuration(A, B))
    assert shown(world.controller("a", 1, kind.version)) == ()


@pytest.mark.parametrize("told_first", ["that it is there", "that it has gone"])
def test_an_entry_that_goes_while_the_datapath_tells_what_it_has_is_gone(kind: Kind, told_first: str) -> None:
    world = kind.world(A, B)
    world.controller("a", 1, kind.version).send(
        FlowMod(cookie=7, match=PORT_1, idle_timeout=5, instructions=output(2))
    )
    datapath = the_datapath(world)
    (entry,) = (one for one in world.emulated[1].pipeline.tables[0] if one.cookie >> 32 == 0xF10F_0151)
    what = {"cookie": entry.cookie, "priority": entry.priority, "match": entry.match}
    comparison = Comparison(datapath)
    tell = [
        lambda: comparison.look_at(FlowStats(**what)),
        lambda: comparison.piece_gone(FlowRemoved(reason=IDLE_TIMEOUT, **what)),
    ]
    for one in tell if told_first == "that it is there" else reversed(tell):
        one()
    comparison.finish(Effects(0.0))
    assert datapath.entries == {}


def test_a_port_that_comes_while_it_tells_joins_what_was_there(kind: Kind) -> None:
    world = kind.world(a_slice("a", ports(1, 2, 4, 7)), a_slice("b", ports(3)))
    a = world.controller("a", 1, kind.version)
    a.send(FlowMod(instructions=output(FLOOD)))
    datapath = the_datapath(world)
    comparison = datapath.readoption = Comparison(datapath)
    for entry in world.emulated[1].pipeline.tables[0]:
        comparison.look_at(FlowStats(cookie=entry.cookie, priority=entry.priority, match=entry.match))
    world.change(1, world.emulated[1].add_port(Port(7, hw_addr=bytes(6)), world.now))
    datapath.readoption = None
    effects = Effects(0.0)
    comparison.finish(effects)
    world.perform(effects)
    assert world.packet(1, 1, udp()) == [(2, udp()), (4, udp()), (7, udp())]


def test_a_record_that_cannot_be_read_costs_its_entry_alone(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(EVERYTHING)
    nonsense = [encode_record(FLOW_ENTRY, "a", bytes([number]), bytes(number)) for number in range(9)]
    world.journals[1] += encode_batch(nonsense)
    world.restart()
    assert [one.cookie for one in shown(world.controller("a", 1, kind.version))] == [7]
    assert len(recorded(world)) == 1


def test_a_datapath_that_comes_back_with_tables_takes_none_of_them_along(kind: Kind) -> None:
    world = kind.world(A, B)
    world.controller("a", 1, kind.version).send(EVERYTHING)
    world.leave(1)
    world.join(ON_TABLES.datapath())
    assert shown(world.controller("a")) == ()
    assert recorded(world) == []


def test_a_datapath_that_comes_back_in_another_version_has_what_that_can_say(kind: Kind) -> None:
    other = ON_FEW_TABLES if kind is ON_10 else ON_10
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(EVERYTHING)
    if kind is ON_FEW_TABLES:
        a.send(FlowMod(cookie=8, match=Match.of(eth_dst=(1, 1)), instructions=output(2)))
    world.leave(1)
    world.join(other.datapath())
    assert [one.cookie for one in shown(world.controller("a", 1, kind.version))] == [7]
    for _ in range(2):
        world.restart()
        assert [one.cookie for one in shown(world.controller("a", 1, kind.version))] == [7]
        assert pieces(world) == 2


def test_another_process_finds_them_also_in_another_version(kind: Kind) -> None:
    world = kind.world(A, B)
    world.controller("a", 1, kind.version).send(EVERYTHING)
    world.emulated[1] = (ON_FEW_TABLES if kind is ON_10 else ON_10).datapath()
    for _ in range(2):
        world.restart()
        assert [one.cookie for one in shown(world.controller("a", 1, kind.version))] == [7]
        assert pieces(world) == 2
        assert len(recorded(world)) == 1


def test_a_journal_that_is_begun_anew_says_what_the_old_one_did(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    for number in range(1, 5):
        a.send(FlowMod(cookie=number, priority=number, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(command=MODIFY, cookie=9, instructions=output(1)))
    living = world.hypervisor.records_of(1)
    anew = encode_batch([next(living)])
    before = len(world.journals[1])
    a.send(FlowMod(command=DELETE_STRICT, priority=2, match=PORT_1))  # meanwhile
    anew += world.journals[1][before:] + encode_batch(living)
    known = replay(world.journals[1], 1).known
    assert replay(encode_header(1) + anew, 1).known == known
    assert len(recorded(world)) == 3
    assert list(world.hypervisor.records_of(2)) == []
