"""What is sent so that a datapath becomes what the plan says."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow.actions import GotoTable, Output
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.messages import (
    ADD,
    DELETE_STRICT,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    GROUP_TYPE_ALL,
    GROUP_TYPE_SELECT,
    Bucket,
    FlowMod,
    GroupMod,
    Message,
)
from flowvisor.openflow.multipart import FlowStats, GroupDesc
from flowvisor.planning.difference import entry_changes, group_changes

MATCHES = (Match(), Match.of(in_port=1), Match.of(in_port=2), Match.of(in_port=1, eth_type=0x0800))
FLOOD = 0xF000_0001
NOT_OURS = 17


def entry(match: Match = MATCHES[1], *, priority: int = 5, goto: int = 1, cookie: int = 9) -> FlowMod:
    return FlowMod(priority=priority, match=match, cookie=cookie, instructions=(GotoTable(goto),))


def there(flow_mod: FlowMod) -> FlowStats:
    return FlowStats(
        priority=flow_mod.priority,
        match=flow_mod.match,
        cookie=flow_mod.cookie,
        instructions=flow_mod.instructions,
        packet_count=3,
        duration_sec=99,
    )


def removal(flow_mod: FlowMod) -> FlowMod:
    return FlowMod(command=DELETE_STRICT, priority=flow_mod.priority, match=flow_mod.match)


entries = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(0, len(MATCHES) - 1)),
    st.tuples(st.integers(1, 2), st.integers(8, 9)),
    max_size=8,
).map(
    lambda chosen: [
        entry(MATCHES[number], priority=priority, goto=goto, cookie=cookie)
        for (priority, number), (goto, cookie) in chosen.items()
    ]
)


def applied(present: Iterable[FlowMod], changes: Iterable[Message]) -> list[FlowMod]:
    table = {(one.priority, repr(one.match)): one for one in present}
    for change in changes:
        assert isinstance(change, FlowMod)
        key = (change.priority, repr(change.match))
        if change.command == ADD:
            table[key] = change
        else:
            assert change.command == DELETE_STRICT
            del table[key]
    return list(table.values())


def by_key(flow_mods: Iterable[FlowMod]) -> list[FlowMod]:
    return sorted(flow_mods, key=lambda one: (one.priority, repr(one.match)))


@given(entries, entries)
def test_the_changes_make_what_is_there_what_is_wanted(present: list[FlowMod], wanted: list[FlowMod]) -> None:
    changes = entry_changes(wanted, map(there, present))
    assert by_key(applied(present, changes)) == by_key(wanted)
    assert not [one for one in changes if one in present]  # what is right is not touched
    commands = [one.command for one in changes if isinstance(one, FlowMod)]
    assert commands == sorted(commands)  # what is new goes in before what is old goes out


def test_an_entry_that_leads_elsewhere_or_has_another_cookie_is_overwritten() -> None:
    assert entry_changes([entry(goto=2)], [there(entry(goto=1))]) == [entry(goto=2)]
    assert entry_changes([entry(cookie=1)], [there(entry(cookie=2))]) == [entry(cookie=1)]


def test_an_entry_is_removed_from_the_table_it_is_in() -> None:
    old = evolve(there(entry()), table_id=3)
    assert entry_changes([], [old]) == [evolve(removal(entry()), table_id=3)]


def test_an_entry_that_matches_what_is_not_understood_is_not_taken_for_the_plain_one() -> None:
    match = evolve(MATCHES[1], opaque=(OpaqueField(header=0xFFFF0004, body=b"1234"),))
    foreign = entry(match)
    assert entry_changes([entry()], [there(foreign), there(entry())]) == [removal(foreign)]
    assert entry_changes([entry()], [there(entry()), there(foreign)]) == [removal(foreign)]
    assert entry_changes([entry()], [there(foreign)]) == [entry(), removal(foreign)]


def group(*ports: int, group_id: int = FLOOD, group_type: int = GROUP_TYPE_ALL) -> GroupMod:
    buckets = tuple(Bucket(actions=(Output(port),)) for port in ports)
    return GroupMod(command=GROUP_ADD, group_type=group_type, group_id=group_id, buckets=buckets)


def described(group_mod: GroupMod) -> GroupDesc:
    buckets = tuple(evolve(bucket, weight=1, watch_port=0) for bucket in group_mod.buckets)
    return GroupDesc(group_mod.group_type, group_mod.group_id, buckets)


def test_a_group_that_is_not_there_is_added() -> None:
    assert group_changes([group(1, 2)], []) == ([group(1, 2)], [])


def test_a_group_that_does_what_it_should_is_not_touched_whatever_else_is_told_of_it() -> None:
    assert group_changes([group(1, 2)], [described(group(1, 2))]) == ([], [])


def test_a_group_with_other_ports_or_of_another_type_is_modified() -> None:
    changed = [evolve(group(1, 2), command=GROUP_MODIFY)]
    for present in (group(1), group(), group(2, 1), group(1, 2, group_type=GROUP_TYPE_SELECT)):
        assert group_changes([group(1, 2)], [described(present)]) == (changed, [])


def test_a_group_of_the_hypervisors_that_is_not_wanted_goes_after_the_entries_that_may_name_it() -> None:
    first, last = group_changes([], [described(group(1))])
    assert (first, last) == ([], [GroupMod(command=GROUP_DELETE, group_id=FLOOD)])


def test_groups_that_are_not_the_hypervisors_are_left_alone() -> None:
    assert group_changes([], [described(group(1, group_id=NOT_OURS))]) == ([], [])
