"""What a datapath is sent when it is to do something else for virtual networks than before: only what differs.

Strategy: both plans are known, so nothing is read back. What is to be done for a port is one object in a plan, and the
same object where nothing is different, so that a thousand ports that stay as they are cost a comparison each, and
nothing is made for them. Groups come before the entries that lead to them, and what is new before what goes; an entry
in the place of another one (for the same packets) replaces it, with one message.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, NamedTuple

from attrs import Factory, define, evolve

from flowvisor.openflow.messages import DELETE, GROUP_DELETE, GROUP_MODIFY, FlowMod, GroupMod, Message
from flowvisor.planning.answer_entries import answers_of_port, entries_of_all
from flowvisor.planning.difference import entry_key, removal_of
from flowvisor.planning.entries import PortConfigs, classifier_priority
from flowvisor.planning.ownership import ATTACHMENT_RANK
from flowvisor.planning.placement import differing
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.share import LabelEntries, Share, SharePort, depth_of_group
from flowvisor.planning.share_entries import (
    egress_entries,
    groups_of_floods,
    groups_of_port,
    label_entries,
    watch_entries,
    ways_in,
)

_ATTACHED: Final = classifier_priority(ATTACHMENT_RANK)
_NOTHING_SET: Final[Mapping[int, int]] = {}
_NO_ENTRIES: Final[LabelEntries] = {}


class PartChanges(NamedTuple):
    """What is sent first, to all datapaths, and then what takes away that to which nothing leads any more."""

    additions: list[Message]
    removals: list[Message]


@define
class _Made:
    """What a plan has a datapath hold, as far as another one may differ in it."""

    plan: DatapathPlan
    configs: PortConfigs
    entries: dict[Hashable, FlowMod] = Factory(dict)
    groups: dict[int, GroupMod] = Factory(dict)

    def put_entries(self, entries: Iterable[FlowMod]) -> None:
        self.entries.update((entry_key(entry), entry) for entry in entries)

    def put_ports(self, share: Share, numbers: Iterable[int]) -> None:
        bits = self.configs.get(share.name, _NOTHING_SET)
        for number in numbers:
            port = share.ports.get(number)
            if port is not None:
                self.put_entries(answers_of_port(self.plan, share, port))
                if port.ingresses:
                    self.put_entries(ways_in(self.plan, share, port, bits.get(number, 0)))
                self.put_groups(groups_of_port(share, port, bits.get(number, 0)))

    def put_floods(self, share: Share) -> None:
        self.put_entries(egress_entries(share))
        self.put_groups(groups_of_floods(share, self.configs.get(share.name, _NOTHING_SET)))

    def put_groups(self, groups: Iterable[GroupMod]) -> None:
        self.groups.update((group.group_id, group) for group in groups)


def part_changes(before: DatapathPlan, after: DatapathPlan, configs: PortConfigs) -> PartChanges:
    """Turn what a datapath does for virtual networks by one plan into what it does by the other.

    The plans differ in nothing else. `configs` are how slices have configured their ports, the same in both.
    """
    old, new = _Made(before, configs), _Made(after, configs)
    cleared: list[Message] = []
    for name in before.shares.keys() | after.shares.keys():
        one, other = before.shares.get(name), after.shares.get(name)
        if one is other:
            continue
        if one is None or other is None or one.block != other.block:
            for made, share in ((old, one), (new, other)):
                if share is not None:
                    made.put_entries(entries_of_all(share))
                    made.put_ports(share, share.ports)
                    made.put_floods(share)
            if one is not None:
                tables = range(one.block.first, one.egress_table)
                cleared += [FlowMod(command=DELETE, table_id=table) for table in tables]
        else:
            _compare_ports(old, one, new, other)
    _compare_passing(old, new)
    return _difference(old, new, cleared)


def _compare_ports(old: _Made, one: Share, new: _Made, other: Share) -> None:
    numbers = differing(one.ports, other.ports)
    old.put_ports(one, numbers)
    new.put_ports(other, numbers)
    if any(_in_floods(one.ports.get(number)) != _in_floods(other.ports.get(number)) for number in numbers):
        old.put_floods(one)
        new.put_floods(other)


def _in_floods(port: SharePort | None) -> object:
    """What else than its own group and entries follows from a port."""
    return port and (port.is_turned, port.copied_to, port.physical is not None and port.egress)


def _compare_passing(old: _Made, new: _Made) -> None:
    """Labels that only pass, and what is looked out for."""
    one, other = old.plan.part, new.plan.part
    for name in differing(one.labels, other.labels):
        mine, others = one.labels.get(name, _NO_ENTRIES), other.labels.get(name, _NO_ENTRIES)
        for in_port in differing(mine, others):
            for made, entries in ((old, mine), (new, others)):
                if in_port in entries:
                    made.put_entries(label_entries(made.plan, (entries[in_port],)))
    if one.watches is not other.watches:
        old.put_entries(watch_entries(one.watches))
        new.put_entries(watch_entries(other.watches))


def _difference(old: _Made, new: _Made, cleared: list[Message]) -> PartChanges:
    additions: list[Message] = []
    for group_id, group in sorted(new.groups.items(), key=lambda item: -depth_of_group(item[0])):
        known = old.groups.get(group_id)
        if known is None:
            additions.append(group)
        elif known.buckets != group.buckets:
            additions.append(
                GroupMod(
                    command=GROUP_MODIFY,
                    group_type=group.group_type,
                    group_id=group_id,
                    buckets=group.buckets,
                )
            )
    for key, entry in new.entries.items():
        present = old.entries.get(key)
        if present is None or present.instructions != entry.instructions:
            additions.append(entry)
    removals: list[Message] = []
    for entry in (entry for key, entry in old.entries.items() if key not in new.entries):
        if entry.table_id == 0 and entry.priority == _ATTACHED:
            additions.append(
                evolve(entry, instructions=())
            )  # what may be attached there is nobody else's meanwhile
        else:
            removals.append(removal_of(entry))
    unused = sorted((one for one in old.groups if one not in new.groups), key=depth_of_group)
    removals += [*cleared, *(GroupMod(command=GROUP_DELETE, group_id=group_id) for group_id in unused)]
    return PartChanges(additions, removals)
