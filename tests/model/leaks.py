"""Leaks to plant, one at a time: each takes away one thing that keeps slices apart. The model must find each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve

from flowvisor.flowspace.box import Box, intersect
from flowvisor.hypervisor import flow_quota, handover, setup
from flowvisor.hypervisor.buffers import BufferedPacket, Buffers
from flowvisor.hypervisor.flow_table import Entry
from flowvisor.hypervisor.groups import Groups
from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.readoption import Comparison
from flowvisor.hypervisor.translation import (
    actions,
    consequences,
    flow_mod,
    flow_mod_intersect,
    flow_removed,
    packet_out,
)
from flowvisor.openflow.messages import ALL_TABLES, DELETE, FlowMod, FlowRemoved
from flowvisor.planning import entries, own_changes
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.concerned import Concerned
from flowvisor.planning.ownership import Ownership
from flowvisor.planning.view import View
from flowvisor.slices.flowspace_slice import FlowspaceRule

Plant = Callable[[pytest.MonkeyPatch], None]


def no_egress_check(patch: pytest.MonkeyPatch) -> None:
    """What an action list emits is not looked at."""
    patch.setattr(actions, "find_leak", lambda *_args, **_more: None)
    patch.setattr(packet_out, "find_leak", lambda *_args, **_more: None)


def no_priorities(patch: pytest.MonkeyPatch) -> None:
    """Of overlapping rules the better does not win: neither in the classifier nor where matches are cut."""
    goto_entries = entries.goto_entries

    def flattened(*args: Any) -> Iterator[FlowMod]:
        return (evolve(entry, priority=1) for entry in goto_entries(*args))

    def unsubtracted(self: Ownership, box: Box, owner: str, **_how: bool) -> Iterator[Box]:
        for _, rule_box, rule_owner in self._classifier.overlapping(box):
            piece = intersect(box, rule_box)
            if rule_owner == owner and piece is not None:
                yield piece

    for module in (entries, own_changes):
        patch.setattr(module, "goto_entries", flattened)
    patch.setattr(Ownership, "own_pieces", unsubtracted)


def delete_by_wildcard(patch: pytest.MonkeyPatch) -> None:
    """A deletion takes what its match covers, whoever made it."""

    def all_tables(channel: Any, frame: bytes, message: FlowMod, block: TableBlock, effects: Any) -> Any:
        wide = TableBlock(1, 253) if message.table_id == ALL_TABLES else block
        return delete(channel, frame, message, wide, effects)

    def not_strict(_datapath: Datapath, entry: Entry) -> list[FlowMod]:
        return [FlowMod(command=DELETE, match=match) for match in entry.physical_matches()]

    delete = flow_mod._delete
    patch.setattr(flow_mod, "_delete", all_tables)
    patch.setattr(flow_mod_intersect, "deletions", not_strict)


def foreign_buffers(patch: pytest.MonkeyPatch) -> None:
    """A buffer id is good for whoever names it."""

    def take(self: Buffers, buffer_id: int, _slice_name: str) -> BufferedPacket | None:
        return self._shown.pop(buffer_id, None)

    patch.setattr(Buffers, "take", take)


def unchecked_buckets(patch: pytest.MonkeyPatch) -> None:
    """What a group's buckets do with a packet is not looked at."""
    patch.setattr(Groups, "buckets_of", lambda *_args: iter(()))


def each_table_alone(patch: pytest.MonkeyPatch) -> None:
    """What one table rewrites is not reckoned with where another one sends."""
    patch.setattr(consequences, "_take_note_of_rewrites", lambda *_args: None)


def reload_keeps_what_was(patch: pytest.MonkeyPatch) -> None:
    """When the files change, what slices have on a datapath is not judged by the new ones."""

    def nothing_extra(self: Comparison, known: Any, effects: Any) -> list[FlowMod]:
        complete(self, known, effects)
        return []

    complete = Comparison._complete
    for module in (setup, handover):
        patch.setattr(module, "correction", lambda *_args: iter(()))
    patch.setattr(Comparison, "_complete", nothing_extra)


def nobody_concerned(patch: pytest.MonkeyPatch) -> None:
    """When the files change, whoever's own rules stay as they are is taken for right as it is."""
    patch.setattr(Concerned, "_owners_meeting", lambda *_args: frozenset())


def far_ends_unseen(patch: pytest.MonkeyPatch) -> None:
    """What a slice sends over a known link is not judged by whose it is at the far end."""
    patch.setattr(View, "put_far_ends", lambda *_args: None)


def readers_own(patch: pytest.MonkeyPatch) -> None:
    """Who may only look on owns what is looked at."""
    patch.setattr(FlowspaceRule, "may_write", True)


def quota_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """A slice may have one flow entry more than its quota says."""

    def begin_with_one_more(switch: VirtualSwitch) -> None:
        begin(switch)
        switch.room.limit += 1

    begin = flow_quota.begin
    patch.setattr(flow_quota, "begin", begin_with_one_more)


def flow_removed_to_all(patch: pytest.MonkeyPatch) -> None:
    """Everybody at a datapath is told which entries have gone."""

    def tell_all(switch: VirtualSwitch, message: FlowRemoved, effects: Any) -> None:
        for each in switch.datapath.switches.values():
            tell(each, message, effects)

    tell = flow_removed._tell
    patch.setattr(flow_removed, "_tell", tell_all)
