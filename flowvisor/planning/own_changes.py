"""What a datapath is sent of the hypervisor's own when other rules count there: only what differs.

Strategy: both plans are known, so nothing is read back, and nothing is made for boxes that are in both. Each message
leaves the datapath with what the old plan allows or what the new one does: floods are first narrowed to the ports that
a slice has by both, and widened when all packets go to whom they belong to; what is new goes in before what is old
goes out, so that no packet misses meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import NamedTuple

from attrs import evolve

from flowvisor.openflow.messages import GROUP_DELETE, GROUP_MODIFY, FlowMod, GroupMod, Message
from flowvisor.planning.closed_ports import closed_groups, reception_entries
from flowvisor.planning.difference import entry_key, in_order
from flowvisor.planning.entries import PortConfigs, denying_entries, goto_entries, groups_of
from flowvisor.planning.ownership import RankedBox
from flowvisor.planning.plan import DatapathPlan


class OwnState(NamedTuple):
    """A plan, and how slices have configured their ports while it counts."""

    plan: DatapathPlan
    configs: PortConfigs


class OwnChanges(NamedTuple):
    """What is sent before the entries are changed, what changes them, and what is sent then."""

    first: list[Message]
    entries: list[Message]
    last: list[Message]


def own_changes(
    before: OwnState, after: OwnState, ports: Collection[int], names: Collection[str]
) -> OwnChanges:
    """Turn the one into the other where slices have tables of their own. What is done for virtual networks is the same
    in both, and so is all that is about slices other than these, but for whose packets are whose.
    """
    ranked = before.plan.ownership.differing(after.plan.ownership)
    old, new = (_entries(one, ranked, names) for one in (before, after))
    entries = in_order(
        [
            entry
            for key, entry in new.items()
            if key not in old or old[key].instructions != entry.instructions
        ],
        [entry for key, entry in old.items() if key not in new],
    )
    groups_before, groups_after = (_groups(one, ports, names) for one in (before, after))
    first: list[Message] = []
    last: list[Message] = []
    for group_id, group in groups_after.items():
        known = groups_before.get(group_id)
        if known is None:
            first.append(group)
        elif known.buckets != group.buckets:
            kept = tuple(bucket for bucket in known.buckets if bucket in group.buckets)
            if kept != known.buckets:
                first.append(evolve(group, command=GROUP_MODIFY, buckets=kept))
            if kept != group.buckets:
                last.append(evolve(group, command=GROUP_MODIFY))
    gone = groups_before.keys() - groups_after.keys()
    last += [GroupMod(command=GROUP_DELETE, group_id=group_id) for group_id in sorted(gone)]
    return OwnChanges(first, entries, last)


def _of(state: OwnState, names: Collection[str]) -> DatapathPlan:
    return evolve(state.plan, views={one: view for one, view in state.plan.views.items() if one in names})


def _entries(state: OwnState, ranked: Iterable[RankedBox], names: Collection[str]) -> dict[Hashable, FlowMod]:
    """The entries that follow from boxes that differ, and all that may stand in the same places.

    One place is for the same packets, and the same rank, of one owner's boxes.
    """
    overlapping = state.plan.ownership.overlapping
    beside = dict.fromkeys(
        other for one in ranked for other in overlapping(one.box) if other.rank == one.rank
    )
    made = [
        *denying_entries(state.plan),
        *goto_entries(state.plan, beside),
        *reception_entries(_of(state, names), state.configs),
    ]
    return {entry_key(entry): entry for entry in made}


def _groups(state: OwnState, ports: Collection[int], names: Collection[str]) -> dict[int, GroupMod]:
    plan = _of(state, names)
    made = [*groups_of(plan, ports, state.configs), *closed_groups(plan, state.configs)]
    return {group.group_id: group for group in made}
