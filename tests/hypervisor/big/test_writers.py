"""Changes of several controllers end up the same at all datapaths, and none of them waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow import v13
from flowvisor.openflow.messages import ADD, DELETE_STRICT, FlowMod, GetConfigReply, GetConfigRequest
from tests.support.big_world import BigController, BigWorld, big_world
from tests.support.examples import examples
from tests.support.slices import output

DPIDS = (1, 2)
FRAMES = 40  # more than a slice may send to a datapath at which too much is in flight


def choke(world: BigWorld, dpid: int, writer: BigController) -> None:
    """A datapath does nothing, hardly anything may be in flight towards it, and what a controller sends waits."""
    flight = world.hypervisor.datapaths[dpid].flight
    flight.window, flight.closes_at = 200, flight.sent + 200
    world.hold(dpid)
    writer.send(*[add(1000 + number) for number in range(FRAMES)])
    assert writer.channel.legs[dpid].channel.backlog


def tables(world: BigWorld) -> list[list[object]]:
    return [
        sorted((entry.priority, entry.instructions) for entry in world.entries_at(dpid)) for dpid in DPIDS
    ]


def add(priority: int, port: int = 4) -> FlowMod:
    return FlowMod(priority=priority, instructions=output(port))


def test_what_was_written_last_stands_at_every_datapath() -> None:
    world = big_world(2)
    first, second = world.big_controller(), world.big_controller()
    choke(world, 2, first)
    first.send(add(99, port=4))
    second.send(add(99, port=3))
    world.release(2)
    one, other = tables(world)
    assert one == other
    assert (99, output(3)) in one


def test_what_changes_nothing_does_not_wait() -> None:
    world = big_world(2)
    first, second = world.big_controller(), world.big_controller()
    choke(world, 2, first)
    assert [type(one) for one in second.send(GetConfigRequest())] == [GetConfigReply]


def test_who_writes_much_lets_others_have_their_turn() -> None:
    world = big_world(2)
    first, second = world.big_controller(), world.big_controller()
    choke(world, 2, first)
    second.send(add(99))
    first.send(*[add(number) for number in range(100, 600)])
    assert world.big.line == [second.channel, first.channel]
    before = len(world.to_datapaths)
    world.release(2)
    assert world.big.line == []
    sent = [v13.decode(frame) for dpid, frame in world.to_datapaths[before:] if dpid == 1]
    priorities = [message.priority for message in sent if isinstance(message, FlowMod)]
    assert priorities[:2] == [99, 100]
    assert len(priorities) == 501


def test_who_leaves_is_not_waited_for() -> None:
    world = big_world(2)
    first, second, third = (world.big_controller() for _ in range(3))
    choke(world, 2, first)
    second.send(add(98))
    third.send(add(99))
    second.leave()
    assert world.big.line == [third.channel]
    world.release(2)
    assert [len(world.entries_at(dpid)) for dpid in DPIDS] == [FRAMES + 1, FRAMES + 1]


def test_a_datapath_that_leaves_is_not_waited_for() -> None:
    world = big_world(2)
    first, second = world.big_controller(), world.big_controller()
    choke(world, 2, first)
    second.send(add(99))
    assert world.big.line == [second.channel]
    world.go(2)
    assert world.big.line == []
    assert len(world.entries_at(1)) == FRAMES + 1


steps = st.lists(
    st.one_of(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from((ADD, ADD, DELETE_STRICT)),
            st.integers(1, 3),
            st.sampled_from((3, 4)),
        ),
        st.sampled_from(("choke", "release")),
    ),
    min_size=5,
    max_size=60,
)


@examples(30)
@given(steps)
def test_all_datapaths_end_up_the_same_whoever_writes_and_whichever_is_slow(todo: list[object]) -> None:
    world = big_world(2)
    writers = [world.big_controller() for _ in range(3)]
    for step in todo:
        if isinstance(step, tuple):
            writer, command, priority, port = step
            writers[writer].send(FlowMod(command=command, priority=priority, instructions=output(port)))
        elif step == "choke" and not world.held:
            choke(world, 2, writers[0])
        elif step == "release" and world.held:
            world.release(2)
    if world.held:
        world.release(2)
    assert world.big.line == []
    one, other = tables(world)
    assert one == other
