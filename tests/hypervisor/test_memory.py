"""What is remembered of a datapath is known at once, and to the next process by what was recorded."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flow_table import FlowTable
from flowvisor.hypervisor.journal import (
    GROUP,
    METER,
    SEEN_DATAPATH,
    Name,
    encode_batch,
    encode_header,
    replay,
)
from flowvisor.hypervisor.memory import NO_SLICE, Memory

steps = st.lists(
    st.tuples(
        st.sampled_from([GROUP, METER]),
        st.sampled_from(["red", "blue"]),
        st.binary(max_size=1),
        st.none() | st.binary(max_size=3),
    )
)


def do(memory: Memory, step: tuple[int, str, bytes, bytes | None], effects: Effects) -> None:
    kind, slice_name, key, value = step
    if value is None:
        memory.forget(kind, slice_name, key, effects)
    else:
        memory.remember(kind, slice_name, key, value, effects)


def known(memory: Memory) -> dict[Name, bytes]:
    return {
        Name(kind, name, key): value
        for kind in (GROUP, METER)
        for name in ("red", "blue")
        for key, value in memory.of(kind, name).items()
    }


def read_back(records: Iterable[bytes]) -> dict[Name, bytes]:
    return replay(encode_header(7) + b"".join(encode_batch([record]) for record in records), 7).known


@given(steps)
def test_the_next_process_knows_what_this_one_did(said: list[tuple[int, str, bytes, bytes | None]]) -> None:
    memory, effects = Memory(7, {}), Effects(0.0)
    for step in said:
        do(memory, step, effects)
    again = read_back(effects.records.get(7, []))
    assert again == known(memory) == known(Memory(7, again)) == read_back(memory.records())
    assert memory.is_empty == (not again)


@given(steps, steps, st.integers(0, 5))
def test_a_file_that_is_begun_anew_while_things_change_says_the_same(
    before: list[tuple[int, str, bytes, bytes | None]],
    meanwhile: list[tuple[int, str, bytes, bytes | None]],
    pace: int,
) -> None:
    memory = Memory(7, {})
    for step in before:
        do(memory, step, Effects(0.0))
    file: list[bytes] = []
    living = memory.records()
    for step in meanwhile:
        effects = Effects(0.0)
        do(memory, step, effects)
        file += effects.records.get(7, [])
        file += [record for _, record in zip(range(pace), living, strict=False)]
    file += living
    assert read_back(file) == known(memory)


def test_slices_that_are_gone_are_forgotten_also_by_the_journal() -> None:
    memory, effects = Memory(7, {}), Effects(0.0)
    memory.remember(GROUP, "red", b"1", b"a", effects)
    memory.remember(GROUP, "blue", b"1", b"b", effects)
    memory.forget_slices_but({"blue", "green"}, effects)
    assert known(memory) == read_back(effects.records[7]) == {Name(GROUP, "blue", b"1"): b"b"}


def test_what_its_user_takes_is_kept_by_the_user() -> None:
    memory = Memory(7, {Name(GROUP, "red", b"1"): b"a", Name(METER, "red", b"1"): b"b"})
    assert list(memory.take(GROUP)) == [("red", b"1", b"a")]
    assert known(memory) == {Name(METER, "red", b"1"): b"b"}


def test_the_slices_are_those_of_which_anything_is_known() -> None:
    memory = Memory(7, {Name(GROUP, "red", b"1"): b"a", Name(SEEN_DATAPATH, NO_SLICE, b""): b"b"})
    memory.flow_tables["blue"] = FlowTable()
    assert memory.slices == {"red", "blue"}


@given(steps)
def test_of_a_slice_that_is_forgotten_nothing_is_known_and_of_others_all(
    said: list[tuple[int, str, bytes, bytes | None]],
) -> None:
    memory, effects = Memory(7, {}), Effects(0.0)
    for step in said:
        do(memory, step, effects)
    others = {name: value for name, value in known(memory).items() if name.slice_name != "red"}
    memory.forget_slice("red", effects)
    assert known(memory) == read_back(effects.records.get(7, [])) == others
