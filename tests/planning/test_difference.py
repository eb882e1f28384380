"""Differences: applying them gives just what is wanted, and what is right is not touched."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.openflow.actions import GotoTable, Output
from flowvisor.openflow.messages import (
    ADD,
    DELETE_STRICT,
    GROUP_DELETE,
    GROUP_MODIFY,
    Bucket,
    FlowMod,
    GroupMod,
)
from flowvisor.openflow.multipart import (
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    GroupDesc,
    GroupDescReply,
    GroupDescRequest,
)
from flowvisor.planning.difference import entry_changes, group_changes, in_order
from tests.support.slices import flowspace_matches

_entries = st.lists(
    st.builds(
        FlowMod,
        cookie=st.sampled_from((1, 2)),
        priority=st.integers(0, 2),
        match=flowspace_matches(),
        instructions=st.sampled_from(((), (GotoTable(1),), (GotoTable(2),))),
    ),
    max_size=6,
    unique_by=lambda entry: (entry.priority, str(sorted(entry.match.fields.items()))),
)
_groups = st.dictionaries(
    st.sampled_from((0xF0000001, 0xF0000002, 0xF1000001)), st.lists(st.integers(1, 3), max_size=2)
).map(
    lambda groups: [
        GroupMod(
            command=0, group_id=group_id, buckets=tuple(Bucket(actions=(Output(port),)) for port in ports)
        )
        for group_id, ports in groups.items()
    ]
)


def present(datapath: EmulatedDatapath) -> tuple[list[FlowStats], list[GroupDesc]]:
    flows: list[FlowStats] = []
    groups: list[GroupDesc] = []
    for request in (FlowStatsRequest(), GroupDescRequest()):
        for told in datapath.from_controller(request, 0.0):
            assert isinstance(told, Tell)
            flows += told.message.flows if isinstance(told.message, FlowStatsReply) else ()
            groups += told.message.groups if isinstance(told.message, GroupDescReply) else ()
    return flows, groups


def key(entry: FlowMod | FlowStats) -> tuple[object, ...]:
    return entry.priority, sorted(entry.match.fields.items()), entry.instructions, entry.cookie


@given(_entries, _entries)
def test_the_changes_of_entries_give_the_wanted_ones_and_no_others(
    before: list[FlowMod], wanted: list[FlowMod]
) -> None:
    datapath = EmulatedDatapath(1, 4)
    for entry in before:
        assert datapath.from_controller(entry, 0.0) == []
    changes = entry_changes(wanted, present(datapath)[0])
    for change in changes:
        assert datapath.from_controller(change, 0.0) == []
    flows = present(datapath)[0]
    assert sorted(map(key, flows), key=str) == sorted(map(key, wanted), key=str)
    assert entry_changes(wanted, flows) == []
    assert len(changes) <= len(before) + len(wanted)


@given(_entries)
def test_entries_that_are_right_are_not_touched(entries: list[FlowMod]) -> None:
    datapath = EmulatedDatapath(1, 4)
    for entry in entries:
        datapath.from_controller(entry, 0.0)
    assert entry_changes(entries, present(datapath)[0]) == []


def test_what_is_new_goes_in_before_what_is_old_goes_out() -> None:
    old = FlowStats(priority=5, instructions=(GotoTable(1),))
    changes = entry_changes([FlowMod(priority=6)], [old])
    assert [change.command for change in changes if isinstance(change, FlowMod)] == [0, 4]


@given(_groups, _groups)
def test_the_changes_of_groups_give_the_wanted_ones_and_no_others(
    before: list[GroupMod], wanted: list[GroupMod]
) -> None:
    datapath = EmulatedDatapath(1, 4)
    alien = GroupMod(command=0, group_id=5)
    for group in (*before, alien):
        assert datapath.from_controller(group, 0.0) == []
    first, last = group_changes(wanted, present(datapath)[1])
    assert {change.command for change in last if isinstance(change, GroupMod)} <= {GROUP_DELETE}
    for change in (*first, *last):
        assert datapath.from_controller(change, 0.0) == []
    found = {group.group_id: [bucket.actions for bucket in group.buckets] for group in present(datapath)[1]}
    assert found == {5: [], **{group.group_id: [one.actions for one in group.buckets] for group in wanted}}
    assert group_changes(wanted, present(datapath)[1]) == ([], [])


def test_a_group_of_another_type_is_put_right() -> None:
    group = GroupMod(command=0, group_id=0xF0000001)
    first, last = group_changes([group], [GroupDesc(group_type=1, group_id=0xF0000001)])
    assert (first, last) == ([evolve(group, command=GROUP_MODIFY)], [])


def test_weights_and_watched_ports_are_the_datapaths_own_affair() -> None:
    group = GroupMod(command=0, group_id=0xF0000001, buckets=(Bucket(actions=(Output(1),)),))
    told = GroupDesc(0, 0xF0000001, (Bucket(weight=1, watch_port=1, actions=(Output(1),)),))
    assert group_changes([group], [told]) == ([], [])


def test_what_wins_comes_first_and_goes_last() -> None:
    low, high = (FlowMod(priority=priority, instructions=(GotoTable(1),)) for priority in (1, 2))
    changes = in_order([low, high], [high, low])
    assert [(one.command, one.priority) for one in changes if isinstance(one, FlowMod)] == [
        (ADD, 2),
        (ADD, 1),
        (DELETE_STRICT, 1),
        (DELETE_STRICT, 2),
    ]
