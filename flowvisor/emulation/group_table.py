"""The group table: groups with their buckets, and which bucket a packet takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from attrs import define, field

from flowvisor.errors import OpenFlowError
from flowvisor.openflow import error_codes
from flowvisor.openflow.actions import Group
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    ANY_GROUP,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    GROUP_TYPE_ALL,
    GROUP_TYPE_FAST_FAILOVER,
    GROUP_TYPE_INDIRECT,
    GROUP_TYPE_SELECT,
    MAX_GROUP,
    Bucket,
    GroupMod,
)
from flowvisor.openflow.ports import ANY

MAX_GROUPS: Final = 10_000  # then an add is answered with OUT_OF_GROUPS

PortIsLive = Callable[[int], bool]


@define(eq=False)
class GroupEntry:
    """One group with its counters; `bucket_counts` holds [packets, bytes] of each bucket."""

    group_id: int
    group_type: int
    buckets: tuple[Bucket, ...]
    created_at: float
    packet_count: int = 0
    byte_count: int = 0
    bucket_counts: list[list[int]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.bucket_counts = [[0, 0] for _ in self.buckets]

    @property
    def next_groups(self) -> set[int]:
        """The groups that its buckets send packets on to."""
        return {
            action.group_id
            for bucket in self.buckets
            for action in bucket.actions
            if isinstance(action, Group)
        }


@define(eq=False)
class GroupTable:
    """Groups by id. What breaks a rule of the protocol raises OpenFlowError and changes nothing."""

    max_groups: int = MAX_GROUPS
    _groups: dict[int, GroupEntry] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[GroupEntry]:
        return iter(list(self._groups.values()))

    def get(self, group_id: int) -> GroupEntry | None:
        return self._groups.get(group_id)

    def apply(self, mod: GroupMod, now: float) -> list[GroupEntry]:
        """Add, modify or delete groups (1.3.5, section 6.5); return those that are gone."""
        if mod.command == GROUP_DELETE:
            return self._delete(mod.group_id)
        if mod.command not in (GROUP_ADD, GROUP_MODIFY):
            raise OpenFlowError(error_codes.GROUP_BAD_COMMAND, f"group command {mod.command}")
        if mod.group_id > MAX_GROUP:
            raise OpenFlowError(error_codes.INVALID_GROUP, f"group {mod.group_id:#x} is reserved")
        if mod.command == GROUP_ADD:
            if mod.group_id in self._groups:
                raise OpenFlowError(error_codes.GROUP_EXISTS, f"group {mod.group_id} exists")
            if len(self._groups) >= self.max_groups:
                raise OpenFlowError(error_codes.OUT_OF_GROUPS, f"there are {len(self._groups)} groups")
        elif mod.group_id not in self._groups:
            raise OpenFlowError(error_codes.UNKNOWN_GROUP, f"no group {mod.group_id}")
        self._check(mod)
        old = self._groups.get(mod.group_id)
        self._groups[mod.group_id] = GroupEntry(
            group_id=mod.group_id,
            group_type=mod.group_type,
            buckets=mod.buckets,
            created_at=now if old is None else old.created_at,
        )
        return []

    def _delete(self, group_id: int) -> list[GroupEntry]:
        if group_id == ALL_GROUPS:
            gone = list(self)
            self._groups.clear()
            return gone
        if any(group_id in other.next_groups for other in self):
            raise OpenFlowError(error_codes.CHAINED_GROUP, f"another group uses group {group_id}")
        group = self._groups.pop(group_id, None)  # section 6.5: to delete none is no error
        return [] if group is None else [group]

    def _check(self, mod: GroupMod) -> None:
        if mod.group_type > GROUP_TYPE_FAST_FAILOVER:
            raise OpenFlowError(error_codes.GROUP_BAD_TYPE, f"group type {mod.group_type}")
        if mod.group_type == GROUP_TYPE_INDIRECT and len(mod.buckets) != 1:
            raise OpenFlowError(error_codes.INVALID_GROUP, "an indirect group has one bucket")
        for bucket in mod.buckets:
            if bucket.weight and mod.group_type != GROUP_TYPE_SELECT:
                raise OpenFlowError(error_codes.INVALID_GROUP, "only a select group has weights")
            if mod.group_type == GROUP_TYPE_FAST_FAILOVER and _watches_nothing(bucket):
                raise OpenFlowError(error_codes.GROUP_BAD_WATCH, "a bucket watches neither port nor group")
        self._check_chain(mod)

    def _check_chain(self, mod: GroupMod) -> None:
        """Every group that it leads to exists, and none leads back to it."""
        seen: set[int] = set()
        ahead = list(GroupEntry(mod.group_id, mod.group_type, mod.buckets, 0.0).next_groups)
        while ahead:
            group_id = ahead.pop()
            if group_id == mod.group_id:
                raise OpenFlowError(error_codes.LOOP, f"group {group_id} leads back to itself")
            if group_id not in self._groups:
                raise OpenFlowError(error_codes.ACTION_BAD_OUT_GROUP, f"no group {group_id}")
            if group_id not in seen:
                seen.add(group_id)
                ahead += self._groups[group_id].next_groups

    def buckets_for(self, group: GroupEntry, flow_hash: int, port_is_live: PortIsLive) -> list[int]:
        """Which buckets a packet takes. `flow_hash` chooses in a select group, by the buckets' weights."""
        indices = range(len(group.buckets))
        if group.group_type in (GROUP_TYPE_ALL, GROUP_TYPE_INDIRECT):
            return list(indices)
        live = [i for i in indices if self._is_live(group.buckets[i], {group.group_id}, port_is_live)]
        if group.group_type == GROUP_TYPE_SELECT:  # its buckets need not watch anything
            live = [i for i in indices if i in live or _watches_nothing(group.buckets[i])]
        if group.group_type == GROUP_TYPE_FAST_FAILOVER:
            return live[:1]
        total = sum(group.buckets[i].weight for i in live)
        point = flow_hash % total if total else 0
        for i in live:
            point -= group.buckets[i].weight
            if point < 0:
                return [i]
        return []

    def _is_live(self, bucket: Bucket, seen: set[int], port_is_live: PortIsLive) -> bool:
        """Section 6.5: a bucket is live if its watched port is, or a bucket of its watched group.

        As Open vSwitch has it, there a bucket is that need not watch anything.
        """
        if bucket.watch_port != ANY and port_is_live(bucket.watch_port):
            return True
        watched = self._groups.get(bucket.watch_group)
        if watched is None or watched.group_id in seen:
            return False
        seen = seen | {watched.group_id}
        return any(
            _watches_nothing(each) or self._is_live(each, seen, port_is_live) for each in watched.buckets
        )

    def ref_counts(self, uses_in_flows: Mapping[int, int]) -> dict[int, int]:
        """How many flow entries and groups lead to each group."""
        counts = {group.group_id: uses_in_flows.get(group.group_id, 0) for group in self}
        for group in self:
            for group_id in group.next_groups & counts.keys():
                counts[group_id] += 1
        return counts


def _watches_nothing(bucket: Bucket) -> bool:
    return bucket.watch_port == ANY and bucket.watch_group == ANY_GROUP
