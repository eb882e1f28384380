"""An entry comes back from its record as it was, whatever became of it since it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.entry_records import (
    decode_entry,
    encode_entry,
    entry_name,
    forget_entry,
    plain_record,
    remember_entry,
)
from flowvisor.hypervisor.flow_table import Entry, Key
from flowvisor.hypervisor.journal import encode_batch, encode_header, replay
from flowvisor.openflow.messages import BarrierRequest, FlowMod
from flowvisor.openflow.versions import codec
from tests.support.slices import A, flow_mods, output

counts = st.integers(0, (1 << 64) - 1)
KEY: Key = (5, 77)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    version = draw(st.sampled_from((1, 4)))
    message = draw(flow_mods(version, A))
    entry = Entry(
        owner="a",
        key=KEY,
        number=draw(st.integers(0, 0xFFFF_FFFF)),
        version=version,
        request=codec(version).encode(message),
        cookie=message.cookie,
        packet_count=draw(counts),
        byte_count=draw(counts),
    )
    if draw(st.booleans()):
        wording = draw(st.sampled_from((1, 4)))
        entry.written = (wording, draw(flow_mods(wording, A)).instructions)
        entry.cookie = draw(counts)
    return entry


def shown(entry: Entry) -> tuple[object, ...]:
    return (
        *(entry.owner, entry.number, entry.version, entry.request, entry.cookie),
        *(entry.packet_count, entry.byte_count, entry.written, entry.flow_mod()),
    )


@given(entries())
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    decoded = decode_entry("a", encode_entry(entry))
    assert decoded is not None
    again, message = decoded
    assert shown(again) == shown(entry)
    assert message == codec(entry.version).decode(entry.request)


@given(entries(), st.data())
def test_what_is_cut_off_is_no_entry(entry: Entry, data: st.DataObject) -> None:
    value = encode_entry(entry)
    assert decode_entry("a", value[: data.draw(st.integers(0, len(value) - 1))]) is None


@pytest.mark.parametrize(
    "value", [b"", b"\0\0\0\1\1\0" + codec(1).encode(BarrierRequest()), b"\0\0\0\1\7\0" + bytes(80)]
)
def test_what_is_no_flow_mod_is_no_entry(value: bytes) -> None:
    assert decode_entry("a", value) is None


def test_entries_of_different_keys_have_different_names() -> None:
    keys: list[Key] = [(1, 2), (2, 1), (1, b""), (1, b"match")]
    assert len({entry_name(key) for key in keys}) == len(keys)


@given(flow_mods(1, A), st.sampled_from(["a", "blå", "x" * 63]), st.integers(0, 0xFFFF_FFFF))
def test_the_record_that_is_made_in_one_step_is_the_same(message: FlowMod, owner: str, number: int) -> None:
    request = codec(1).encode(message)
    match = int.from_bytes(request[8:48], "big")
    key = (message.priority, match)
    entry = Entry(owner=owner, key=key, number=number, version=1, request=request, cookie=message.cookie)
    effects = Effects(0.0)
    remember_entry(7, entry, effects)
    priority = message.priority.to_bytes(2, "big")
    assert effects.records[7] == [plain_record(owner, priority, request[8:48], number, request)]


def test_what_is_remembered_last_is_in_the_journal() -> None:
    request = codec(1).encode(FlowMod(cookie=3, instructions=output(1)))
    entry = Entry(owner="a", key=KEY, number=1, version=1, request=request, cookie=3)
    effects = Effects(0.0)
    remember_entry(7, entry, effects)
    journal = encode_header(7) + encode_batch(effects.records[7])
    assert list(replay(journal, 7).known.values()) == [encode_entry(entry)]
    forget_entry(7, entry, effects)
    journal = encode_header(7) + encode_batch(effects.records[7])
    assert replay(journal, 7).known == {}
