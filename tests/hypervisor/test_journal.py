"""The journal reads back as what was said last, whole batches only, and says when it is no journal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.journal import (
    FLOW_ENTRY,
    GROUP,
    HEADER_LENGTH,
    Corrupt,
    Name,
    encode_batch,
    encode_header,
    encode_record,
    replay,
)

names = st.builds(
    Name, st.sampled_from([FLOW_ENTRY, GROUP]), st.sampled_from(["red", "blå"]), st.binary(max_size=2)
)
batches = st.lists(
    st.lists(st.tuples(names, st.none() | st.binary(max_size=9)), min_size=1, max_size=5), max_size=6
)


def written(said: list[list[tuple[Name, bytes | None]]]) -> list[bytes]:
    return [encode_batch(encode_record(*name, value) for name, value in batch) for batch in said]


def naive(said: list[list[tuple[Name, bytes | None]]]) -> dict[Name, bytes]:
    last = {name: value for batch in said for name, value in batch}
    return {name: value for name, value in last.items() if value is not None}


@given(batches)
def test_what_was_said_last_is_known(said: list[list[tuple[Name, bytes | None]]]) -> None:
    data = encode_header(7) + b"".join(written(said))
    assert replay(data, 7) == (naive(said), len(data))


@given(batches.filter(bool), st.integers(min_value=1), st.booleans())
def test_a_tail_that_is_torn_takes_its_own_batch_along_and_no_more(
    said: list[list[tuple[Name, bytes | None]]], cut: int, zeros: bool
) -> None:
    *before, last = written(said)
    whole = encode_header(7) + b"".join(before)
    lost = 1 + cut % len(last)
    tail = last[: len(last) - lost] + bytes(lost if zeros else 0)
    if tail == last:
        return  # what was lost were zeros
    known, whole_bytes = replay(whole + tail, 7)
    assert known == naive(said[:-1])
    assert whole_bytes == len(whole)


def test_the_order_is_that_in_which_values_were_last_said() -> None:
    one, other = Name(GROUP, "red", b"1"), Name(GROUP, "red", b"2")
    data = encode_header(7) + b"".join(written([[(one, b"a")], [(other, b"b")], [(one, b"c")]]))
    assert list(replay(data, 7).known) == [other, one]


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", encode_header(8), encode_header(7)[:-1]])
def test_what_does_not_begin_as_this_datapaths_journal_is_none(data: bytes) -> None:
    with pytest.raises(Corrupt):
        replay(data, 7)


def test_damage_before_the_end_is_no_torn_tail() -> None:
    said = written([[(Name(GROUP, "red", b"1"), b"a")], [(Name(GROUP, "red", b"2"), b"b")]])
    data = bytearray(encode_header(7) + b"".join(said))
    data[HEADER_LENGTH + len(said[0]) - 1] ^= 1
    with pytest.raises(Corrupt, match=f"byte {HEADER_LENGTH}"):
        replay(bytes(data), 7)
