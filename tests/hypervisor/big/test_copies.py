"""What the virtual switch itself has its shares do."""

from __future__ import annotations

from flowvisor.hypervisor.big.copies import own_leg, put, take_away, when_done
from flowvisor.hypervisor.effects import Effects, Notice
from flowvisor.openflow.frame import FLOW_MOD
from flowvisor.openflow.messages import BarrierRequest, FlowMod
from tests.support.big_world import REFUSED, BigWorld, big_world
from tests.support.slices import output


def with_one_entry() -> BigWorld:
    world = big_world(2)
    world.big_controller().send(FlowMod(cookie=3, hard_timeout=5, instructions=output(4)), BarrierRequest())
    return world


def test_an_entry_is_put_and_taken_away() -> None:
    world = with_one_entry()
    (entry,) = world.big.entries
    effects = Effects(world.now)
    take_away(world.big, 2, entry, effects)
    world.perform(effects)
    assert world.entries_at(2) == []
    effects = Effects(world.now)
    put(world.big, 2, entry, effects)
    done = []
    when_done(world.big, {1, 2}, lambda _effects: done.append(True), effects)
    assert not done
    world.perform(effects)
    assert done
    assert [one.cookie for one in world.entries_at(2)] == [3]


def test_what_a_datapath_refuses_it_does_not_have_and_the_operator_is_told() -> None:
    world = with_one_entry()
    (entry,) = world.big.entries
    world.emulated[2].refuses = {FLOW_MOD}
    effects = Effects(world.now)
    put(world.big, 2, entry, effects)
    when_done(world.big, {2}, lambda _effects: None, effects)
    world.perform(effects)
    assert set(entry.copies) == {1}
    fields = {"dpid": 2, "what": "entry", "error": REFUSED}
    assert Notice("error", "own_message_refused", fields) in world.commands


def test_one_whose_time_is_over_or_whose_datapath_is_away_is_not_put() -> None:
    world = with_one_entry()
    (entry,) = world.big.entries
    effects = Effects(world.now + 6)
    put(world.big, 2, entry, effects)
    put(world.big, 9, entry, effects)
    take_away(world.big, 9, entry, effects)
    assert not effects.frames
    assert set(entry.copies) == {1}
    assert own_leg(world.big, 9) is None
    done = []
    when_done(world.big, set(), lambda _effects: done.append(True), effects)
    assert done


def test_on_one_datapath_it_has_no_channel_of_its_own() -> None:
    world = big_world(1)
    assert own_leg(world.big, 1) is None
    assert len(world.big.shares[1].channels) == 0
