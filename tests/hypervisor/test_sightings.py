"""What was seen of datapaths and links is what the next process recalls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import encode_batch, encode_header, replay
from flowvisor.hypervisor.memory import Memory
from flowvisor.hypervisor.sightings import (
    Sighting,
    recalled,
    recalled_links,
    remember,
    remember_link,
)
from flowvisor.network.topology import End
from flowvisor.openflow.messages import FeaturesReply
from flowvisor.openflow.ports import LINK_DOWN, PORT_DOWN, Port

numbers = st.integers(0, 0xFFFF_FFFF)
capacities = st.integers(0, 0xFFFF_FFFF)
ports = st.builds(
    Port,
    number=numbers,
    state=st.sampled_from([0, LINK_DOWN]),
    config=st.sampled_from([0, PORT_DOWN]),
    current_speed=capacities,
)


def next_process(effects: Effects) -> Memory:
    data = encode_header(7) + encode_batch(effects.records[7])
    return Memory(7, replay(data, 7).known)


@given(st.sampled_from([1, 4]), st.integers(0, 255), st.lists(ports, unique_by=lambda port: port.number))
def test_a_datapath_is_recalled_as_it_was_seen(version: int, n_tables: int, seen: list[Port]) -> None:
    memory, effects = Memory(7, {}), Effects(0.0)
    features = FeaturesReply(dpid=7, n_tables=n_tables)
    sighting = Sighting.of(version, features, {port.number: port for port in seen})
    remember(memory, sighting, effects)
    assert recalled(next_process(effects)) == sighting == recalled(memory)
    assert sighting.ports == {port.number: not port.state and not port.config for port in seen}


def test_what_is_nothing_new_is_not_written_down() -> None:
    memory, effects = Memory(7, {}), Effects(0.0)
    sighting = Sighting(4, 254, {1: True}, {1: 1000})
    remember(memory, sighting, effects)
    again = Effects(0.0)
    remember(memory, sighting, again)
    assert not again.records


def test_of_a_datapath_that_was_never_seen_nothing_is_recalled() -> None:
    assert recalled(Memory(7, {})) is None
    assert list(recalled_links(Memory(7, {}))) == []


@given(st.dictionaries(numbers, st.lists(st.builds(End, st.integers(0, 2**64 - 1), numbers), max_size=3)))
def test_links_are_recalled_as_they_were_seen_last(links: dict[int, list[End]]) -> None:
    memory, effects = Memory(7, {}), Effects(0.0)
    remember_link(memory, End(7, 1), [End(8, 8)], effects)
    for port in links.keys() | {1}:
        remember_link(memory, End(7, port), links.get(port, []), effects)
    expected = {(End(7, port), far) for port, far_ends in links.items() for far in far_ends}
    assert set(recalled_links(next_process(effects))) == expected == set(recalled_links(memory))


def test_what_is_of_no_slice_is_not_forgotten_with_slices() -> None:
    memory, effects = Memory(7, {}), Effects(0.0)
    remember_link(memory, End(7, 1), [End(8, 8)], effects)
    memory.forget_slices_but([], effects)
    assert list(recalled_links(memory)) == [(End(7, 1), End(8, 8))]
