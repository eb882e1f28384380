"""The tables of a virtual switch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.flow_table import FlowTable
from flowvisor.hypervisor.big.entries import Entries, Entry, key_of, variants
from flowvisor.openflow.actions import ApplyActions, Group, Meter, Output, SetVlanVid, StripVlan
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    ALL_TABLES,
    CHECK_OVERLAP,
    DELETE,
    DELETE_STRICT,
    SEND_FLOW_REM,
    FlowMod,
)
from flowvisor.openflow.ports import ANY
from flowvisor.openflow.versions import codec


def entry_of(message: FlowMod, version: int = 4, began_at: float = 0.0) -> Entry:
    return Entry(
        key=key_of(message.table_id, message.priority, message.match),
        version=version,
        request=codec(version).encode(message),
        cookie=message.cookie,
        flags=message.flags,
        in_port=message.match.exact("in_port"),
        idle_timeout=message.idle_timeout,
        hard_timeout=message.hard_timeout,
        began_at=began_at,
    )


_matches = st.builds(
    lambda port, address, mask: Match.of(
        **({"in_port": port} if port else {}),
        **({"eth_type": 0x0800, "ipv4_dst": (address, mask)} if mask else {}),
    ),
    st.sampled_from((0, 1, 2)),
    st.sampled_from((0x0A000000, 0x0A000001, 0x0B000000)),
    st.sampled_from((0, 0xFF000000, 0xFFFFFFFF)),
)
_additions = st.builds(
    FlowMod,
    table_id=st.integers(0, 1),
    priority=st.integers(0, 1),
    cookie=st.integers(0, 3),
    match=_matches,
    instructions=st.sampled_from((1, 2)).map(lambda port: (ApplyActions((Output(port),)),)),
)
_deletions = st.builds(
    FlowMod,
    command=st.sampled_from((DELETE, DELETE_STRICT)),
    table_id=st.integers(0, 1),
    priority=st.integers(0, 1),
    cookie=st.integers(0, 3),
    cookie_mask=st.sampled_from((0, 1, 3)),
    match=_matches,
    out_port=st.sampled_from((ANY, 1)),
)


@given(additions=st.lists(_additions, max_size=12), deletion=_deletions)
def test_a_delete_means_what_it_means_to_a_datapath(additions: list[FlowMod], deletion: FlowMod) -> None:
    entries, tables = Entries(), [FlowTable(0), FlowTable(1)]
    for message in additions:
        replaced = entries.put(entry_of(message))
        was_there = tables[message.table_id].get(message.match, message.priority) is not None
        assert (replaced is not None) == was_there
        tables[message.table_id].add(message, 0.0)
    assert len(entries) == len(tables[0]) + len(tables[1])
    gone = tables[deletion.table_id].delete(deletion)
    strict = deletion.command == DELETE_STRICT
    found = entries.select(deletion, strict=strict, deletes=True)
    assert {one.key for one in found} == {key_of(deletion.table_id, one.priority, one.match) for one in gone}
    assert {one.key for one in entries if one.is_meant_by(deletion)} == {one.key for one in found}


def test_an_entry_is_found_by_what_it_names_and_where_it_comes_in_until_it_goes() -> None:
    entries = Entries()
    uses = (Meter(2), ApplyActions((Group(7),)))
    entry = entry_of(FlowMod(match=Match.of(in_port=3), instructions=uses))
    entries.put(entry)
    assert entries.users_of(Group(7)) == entries.users_of(Meter(2)) == [entry]
    assert list(entries.by_in_port[3].values()) == [entry]
    entry.instructions = ()
    entries.rewritten(entry)
    assert entries.users_of(Group(7)) == []
    assert entries.take_out(entry)
    assert not entries.take_out(entry)
    assert (entries.users, entries.by_in_port, entries.aliases) == ({}, {}, {})


def test_all_tables_are_meant_by_a_delete_of_all() -> None:
    entries = Entries()
    for table_id in (0, 3):
        entries.put(entry_of(FlowMod(table_id=table_id)))
    everything = FlowMod(command=DELETE, table_id=ALL_TABLES)
    assert len(entries.select(everything, strict=False, deletes=True)) == 2


def test_a_modify_has_no_filters() -> None:
    entries = Entries()
    entries.put(entry_of(FlowMod(instructions=(ApplyActions((Output(2),)),))))
    wanted = FlowMod(out_port=9)
    assert len(entries.select(wanted, strict=False, deletes=False)) == 1
    assert len(entries.select(wanted, strict=False, deletes=True)) == 0


@pytest.mark.parametrize(
    ("message", "is_watched"),
    [
        (FlowMod(), False),
        (FlowMod(flags=SEND_FLOW_REM), True),
        (FlowMod(idle_timeout=3), True),
        (FlowMod(hard_timeout=3), True),
    ],
)
def test_whatever_may_go_by_itself_is_asked_to_say_so(message: FlowMod, *, is_watched: bool) -> None:
    entry = entry_of(message)
    assert entry.is_watched == is_watched
    (sent,) = entry.on_13(0.0)
    assert bool(sent.flags & SEND_FLOW_REM) == is_watched


def test_it_is_sent_for_the_rest_of_its_time_and_without_what_counts_once() -> None:
    entry = entry_of(FlowMod(hard_timeout=10, flags=CHECK_OVERLAP, buffer_id=7, command=1, cookie_mask=3))
    (sent,) = entry.on_13(3.5)
    assert (sent.command, sent.hard_timeout, sent.flags) == (ADD, 7, SEND_FLOW_REM)
    assert (sent.buffer_id, sent.cookie_mask) == (0xFFFFFFFF, 0)
    assert entry.on_13(10.0) == []
    (gone,) = entry.deletions()
    assert (gone.command, gone.instructions) == (DELETE_STRICT, ())


def test_one_of_1_0_that_is_two_on_1_3_is_found_by_each() -> None:
    tags = (ApplyActions((SetVlanVid(5), Output(2))),)
    assert len(variants(1, Match(), tags[0:1])) == 2
    entries = Entries()
    entry = entry_of(FlowMod(instructions=tags), version=1)
    entries.put(entry)
    assert len(entry.parts) == len(entry.on_13(0.0)) == len(entry.deletions()) == 2
    assert all(entries.find(part) is entry for part in entry.parts)
    assert entries.find(entry.key) is entry
    entry.copies = {1: 2}
    entry.flags = SEND_FLOW_REM
    assert entries.end(entry)
    assert [entries.ending[part] for part in entry.parts] == [[entry], [entry]]
    entries.ended(entry)
    assert not entries.ending
    assert not entries.aliases


def test_what_no_1_3_datapath_can_do_is_one_all_the_same() -> None:
    strips = (ApplyActions((StripVlan(), SetVlanVid(1), Output(1))),)
    assert len(variants(1, Match(), strips)) >= 1
    assert variants(4, Match(), strips) == [(Match(), strips)]


def test_one_that_nobody_says_is_gone_is_not_waited_for() -> None:
    entries = Entries()
    silent, absent = entry_of(FlowMod()), entry_of(FlowMod(priority=3, flags=SEND_FLOW_REM))
    silent.copies = {1: 1}
    for one in (silent, absent):
        entries.put(one)
        assert not entries.end(one)
    assert not entries.ending
    assert len(entries) == 0
