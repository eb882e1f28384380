"""What must be sent so that a datapath has the entries it should have and no others of the hypervisor's."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from attrs import evolve

from flowvisor.openflow.messages import (
    DELETE_STRICT,
    GROUP_DELETE,
    GROUP_MODIFY,
    FlowMod,
    GroupMod,
    Message,
)
from flowvisor.openflow.multipart import FlowStats, GroupDesc
from flowvisor.planning.entries import HYPERVISOR_GROUPS
from flowvisor.planning.share import depth_of_group


def entry_key(entry: FlowMod | FlowStats) -> Hashable:
    """What a datapath tells entries apart by."""
    match = entry.match
    return entry.table_id, entry.priority, frozenset(match.fields.items()), match.opaque


def entry_changes(wanted: Iterable[FlowMod], present: Iterable[FlowStats]) -> list[Message]:
    """Turn the present entries of whole tables into the wanted ones.

    What is new goes in before what is old goes out, and an entry that is right is not touched: packets that
    keep their owner never miss.
    """
    found = {entry_key(entry): entry for entry in present}
    new: list[FlowMod] = []
    for entry in wanted:
        old = found.pop(entry_key(entry), None)
        if old is None or old.instructions != entry.instructions or old.cookie != entry.cookie:
            new.append(entry)
    return in_order(new, found.values())


def in_order(new: Iterable[FlowMod], old: Iterable[FlowStats | FlowMod]) -> list[Message]:
    """Messages that put entries in, or over others, and take others out, so that at any moment each packet meets the
    entry that it met before all of them or the one that it meets after: what wins comes first and goes last.
    """
    additions = sorted(new, key=lambda entry: -entry.priority)
    return [*additions, *map(removal_of, sorted(old, key=lambda entry: entry.priority))]


def removal_of(entry: FlowStats | FlowMod) -> FlowMod:
    """What takes an entry that is there, and no other, off its datapath."""
    return FlowMod(command=DELETE_STRICT, table_id=entry.table_id, priority=entry.priority, match=entry.match)


def group_changes(
    wanted: Iterable[GroupMod], present: Iterable[GroupDesc]
) -> tuple[list[Message], list[Message]]:
    """What to send before the flow entries (additions, modifications) and what after them (deletions)."""
    found = {group.group_id: group for group in present if group.group_id in HYPERVISOR_GROUPS}
    first: list[Message] = []
    for group in wanted:
        old = found.pop(group.group_id, None)
        if old is None:
            first.append(group)
        elif _ports(old) != _ports(group) or old.group_type != group.group_type:
            first.append(evolve(group, command=GROUP_MODIFY))
    last = sorted(found, key=depth_of_group)  # a group is used by others as long as they are there
    return first, [GroupMod(command=GROUP_DELETE, group_id=group_id) for group_id in last]


def _ports(group: GroupDesc | GroupMod) -> list[object]:
    # Only what they do counts: a datapath may report weights and watch ports its own way.
    return [bucket.actions for bucket in group.buckets]
