"""A datapath has what one slice made, and nothing of another one of its name, whatever was not finished."""

from __future__ import annotations

from flowvisor.hypervisor import births
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import BIRTH, encode_batch, encode_header, replay
from flowvisor.hypervisor.memory import Memory
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from tests.support.kinds import ON_TABLES, Kind
from tests.support.slices import A, B, output
from tests.support.world import Controller, World, configuration

ENTRY = FlowMod(match=Match.of(in_port=1), instructions=output(2))


def entries(tenant: Controller) -> int:
    return len(tenant.ask(FlowStatsRequest(), FlowStatsReply).flows)


def recorded(world: World) -> dict[str, bytes]:
    known = replay(world.journals[1], 1).known
    return {name.slice_name: value for name, value in known.items() if name.kind == BIRTH and value}


def test_a_slice_is_new_until_it_is_remembered_and_when_it_is_born_again() -> None:
    world = ON_TABLES.world(A, B)
    switch, effects = world.hypervisor.datapaths[1].switches["a"], Effects(0.0)
    births.remember(switch, effects)
    assert not effects.records  # it is known already
    memory = switch.datapath.memory
    assert [births.is_new(memory, "a", birth, 9) for birth in (None, 0, 1, 2)] == [False, True, False, True]
    switch.birth, switch.is_new = 2, True
    births.remember(switch, effects)
    assert not effects.records  # the datapath still has what is another's
    switch.is_new = False
    births.remember(switch, effects)
    again = Memory(1, replay(encode_header(1) + encode_batch(effects.records[1]), 1).known)
    assert [births.is_new(again, "a", birth, 9) for birth in (None, 0, 1, 2)] == [False, True, True, False]


def test_where_another_slice_was_seen_a_slice_is_new_but_not_where_nothing_is_known() -> None:
    memory, nothing = ON_TABLES.world(B).hypervisor.memories[1], Memory(1, {})
    assert [births.is_new(memory, "a", birth, 9) for birth in (None, 0, 1)] == [False, False, True]
    assert [births.is_new(nothing, "a", birth, 9) for birth in (None, 0, 1, 10)] == [
        False,
        False,
        False,
        True,
    ]


def test_who_has_what_is_written_down_once_for_each_slice(kind: Kind) -> None:
    world = kind.world(A, B)
    before = recorded(world)
    assert before.keys() == {"a", "b"}
    size = len(world.journals[1])
    world.restart()
    assert len(world.journals[1]) == size
    world.reload(configuration(B))
    assert recorded(world).keys() == {"b"}
    world.reload(configuration(A, B))
    assert recorded(world)["b"] == before["b"]
    assert recorded(world)["a"] > before["a"]


def test_a_set_up_that_breaks_off_is_done_by_the_next_one(kind: Kind) -> None:
    world = kind.world(A, B)
    world.controller("a").send(ENTRY)
    emulated, features = world.emulated[1], world.hypervisor.datapaths[1].features
    world.leave(1)
    world.reload(configuration(B))
    world.reload(configuration(A, B))
    peer, effects = world.hypervisor.datapath_joined(kind.version, features, world.now)
    effects.frames.clear()
    world.perform(effects)
    world.perform(world.hypervisor.datapath_left(peer, world.now))
    world.join(emulated)
    assert entries(world.controller("a")) == 0
