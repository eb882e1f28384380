"""Groups: what is refused, and where a packet goes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from flowvisor.emulation.group_table import GroupEntry, GroupTable
from flowvisor.errors import OpenFlowError
from flowvisor.openflow import error_codes
from flowvisor.openflow.actions import Group, Output
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    GROUP_TYPE_ALL,
    GROUP_TYPE_FAST_FAILOVER,
    GROUP_TYPE_INDIRECT,
    GROUP_TYPE_SELECT,
    Bucket,
    GroupMod,
)

TO_1, TO_2 = Bucket(actions=(Output(1),)), Bucket(actions=(Output(2),))


def mod(group_id: int = 1, *buckets: Bucket, **fields: Any) -> GroupMod:
    return GroupMod(**{"command": GROUP_ADD, "group_id": group_id, "buckets": buckets, **fields})


def table_with(*mods: GroupMod) -> GroupTable:
    table = GroupTable(max_groups=3)
    for each in mods:
        table.apply(each, 0.0)
    return table


def chain(group_id: int, *others: int) -> GroupMod:
    return mod(group_id, *(Bucket(actions=(Group(other),)) for other in others))


def group(table: GroupTable, group_id: int = 1) -> GroupEntry:
    entry = table.get(group_id)
    assert entry is not None
    return entry


REFUSED: list[tuple[GroupMod, tuple[int, int]]] = [
    (mod(1), error_codes.GROUP_EXISTS),
    (mod(9, command=GROUP_MODIFY), error_codes.UNKNOWN_GROUP),
    (mod(9, command=7), error_codes.GROUP_BAD_COMMAND),
    (mod(0xFFFFFF01), error_codes.INVALID_GROUP),
    (mod(9, group_type=4), error_codes.GROUP_BAD_TYPE),
    (mod(9, TO_1, TO_2, group_type=GROUP_TYPE_INDIRECT), error_codes.INVALID_GROUP),
    (mod(9, Bucket(weight=1)), error_codes.INVALID_GROUP),
    (mod(9, TO_1, group_type=GROUP_TYPE_FAST_FAILOVER), error_codes.GROUP_BAD_WATCH),
    (chain(9, 8), error_codes.ACTION_BAD_OUT_GROUP),
    (chain(9, 9), error_codes.LOOP),
    (
        mod(1, Bucket(actions=(Group(2),)), command=GROUP_MODIFY),
        error_codes.LOOP,
    ),
    (mod(1, command=GROUP_DELETE), error_codes.CHAINED_GROUP),
]


@pytest.mark.parametrize(("refused", "error"), REFUSED)
def test_a_wrong_group_mod_is_refused_and_changes_nothing(refused: GroupMod, error: tuple[int, int]) -> None:
    table = table_with(mod(1, TO_1), chain(2, 1))
    with pytest.raises(OpenFlowError) as raised:
        table.apply(refused, 1.0)
    assert (raised.value.error_type, raised.value.error_code) == error
    assert {entry.group_id: entry.buckets for entry in table} == {1: (TO_1,), 2: chain(2, 1).buckets}


def test_there_is_an_end_to_groups() -> None:
    table = table_with(mod(1), mod(2), mod(3))
    with pytest.raises(OpenFlowError) as raised:
        table.apply(mod(4), 0.0)
    assert (raised.value.error_type, raised.value.error_code) == error_codes.OUT_OF_GROUPS


def test_a_modified_group_keeps_its_age_and_begins_to_count_anew() -> None:
    table = table_with(mod(1, TO_1))
    group(table).packet_count = 5
    table.apply(mod(1, TO_2, TO_1, command=GROUP_MODIFY, group_type=GROUP_TYPE_ALL), 9.0)
    assert (group(table).created_at, group(table).packet_count) == (0.0, 0)
    assert group(table).bucket_counts == [[0, 0], [0, 0]]


def test_a_group_that_is_not_there_is_deleted_without_an_error() -> None:
    table = table_with(mod(1))
    assert table.apply(mod(5, command=GROUP_DELETE), 0.0) == []
    assert [gone.group_id for gone in table.apply(mod(1, command=GROUP_DELETE), 0.0)] == [1]
    assert len(table) == 0


def test_all_groups_are_deleted_at_once_chained_or_not() -> None:
    table = table_with(mod(1), chain(2, 1))
    assert len(table.apply(mod(ALL_GROUPS, command=GROUP_DELETE), 0.0)) == 2
    assert len(table) == 0


def test_references_are_counted_from_flows_and_groups() -> None:
    assert table_with(mod(1), chain(2, 1)).ref_counts({1: 2}) == {1: 3, 2: 0}


def always(port: int) -> bool:
    return True


def test_a_packet_takes_every_bucket_of_an_all_group() -> None:
    table = table_with(mod(1, TO_1, TO_2))
    assert table.buckets_for(group(table), 0, always) == [0, 1]


def test_a_select_group_takes_one_bucket_by_weight() -> None:
    buckets = (Bucket(weight=1), Bucket(weight=3), Bucket(weight=0))
    table = table_with(mod(1, *buckets, group_type=GROUP_TYPE_SELECT))
    taken = Counter(tuple(table.buckets_for(group(table), i, always)) for i in range(8))
    assert taken == {(0,): 2, (1,): 6}


def test_a_select_group_without_live_buckets_drops() -> None:
    table = table_with(mod(1, Bucket(weight=1, watch_port=1), group_type=GROUP_TYPE_SELECT))
    assert table.buckets_for(group(table), 0, lambda port: False) == []


def test_a_fast_failover_group_takes_the_first_live_bucket() -> None:
    buckets = (Bucket(watch_port=1), Bucket(watch_group=9), Bucket(watch_port=3))
    watched = mod(9, Bucket(watch_port=2), group_type=GROUP_TYPE_FAST_FAILOVER)
    table = table_with(watched, mod(1, *buckets, group_type=GROUP_TYPE_FAST_FAILOVER))
    for up, taken in (({1, 2, 3}, [0]), ({2, 3}, [1]), ({3}, [2]), (set(), [])):
        assert table.buckets_for(group(table), 0, lambda port, up=up: port in up) == taken  # type: ignore[misc]


def test_groups_that_watch_each_other_are_not_live_for_that() -> None:
    def watching(group_id: int, other: int) -> GroupMod:
        return mod(group_id, Bucket(watch_group=other), group_type=GROUP_TYPE_FAST_FAILOVER)

    table = table_with(watching(1, 2), watching(2, 3), watching(3, 2))
    assert table.buckets_for(group(table), 0, always) == []
