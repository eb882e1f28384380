"""What an entry that is admitted means for others: tables that packets go on to, groups that they are sent through.

Strategy: entries are not kept, they may be many. Of those that pass packets on between tables it is kept which fields
any of them rewrites, and by which ports and groups such packets leave; of those that use groups, in how many ways
packets come to each. What would let a packet out that is another slice's, given all that is kept, is refused. What is
kept only grows, but for the uses of a group, which go with it: with it go all entries that use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from flowvisor.flowspace.box import intersect
from flowvisor.flowspace.layout import forget
from flowvisor.hypervisor.groups import MAX_USES, TenantGroup, Use
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.virtual_outputs import GROUP, NOT_AFTER, end_of, refused_ends
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT
from flowvisor.planning.egress import (
    MAX_BUCKETS_LOOKED_AT,
    Boxes,
    Effort,
    Leak,
    find_leak,
    freed_fields,
    is_visible,
    written_fields,
)

# Uses of groups that are looked at when one of these changes; a change for which there are more is refused.
MAX_USES_LOOKED_AT: Final = 256
# Likewise the buckets, for all that one message may change.
MAX_BUCKETS_OF_A_CHANGE: Final = 8 * MAX_BUCKETS_LOOKED_AT

ANY_TABLE: Final = 0
_SEVERAL_PORTS: Final = (ALL, FLOOD, IN_PORT)
_FOREIGN: Final = Refusal(codes.ACTION_EPERM, "foreign-flowspace")
_FLOOD_BESIDE_OTHERS: Final = Refusal(codes.ACTION_EPERM, "unsupported")


def start_of(
    switch: VirtualSwitch, rewritten: Iterable[str], matched: Boxes | None
) -> Callable[[], Boxes | None]:
    """The packets that reach an entry: of the effective flowspace, what earlier tables made of it, what it matches."""

    def boxes() -> Boxes | None:
        view = switch.view
        if matched is None or rewritten:
            region = _widened(switch, rewritten)
            return region if region is None or matched is None else _within(region, matched)
        pieces = view.own_pieces(matched, is_fenced=True, unlabelled=True)
        return None if pieces is None else tuple(pieces)

    return boxes


def _widened(switch: VirtualSwitch, rewritten: Iterable[str]) -> Boxes | None:
    region = switch.view.region
    if region is None or not rewritten:
        return region
    names = sorted(rewritten)
    return tuple(dict.fromkeys(forget(box, *names) for box in region))


def _within(region: Boxes, matched: Boxes) -> Boxes:
    pairs = (intersect(box, other) for box in region for other in matched)
    return tuple(box for box in pairs if box is not None)


def take_note(
    switch: VirtualSwitch,
    table_id: int,
    applied: act.Actions,
    written: act.Actions,
    *,
    goes_on: bool,
    matched: Boxes | None,
) -> Refusal | None:
    """Take note of what follows from an entry; `matched` is what it was judged by, None if that was any match."""
    for action in applied + written:
        switch.writes.update(freed_fields(action))
    refusal = None
    if switch.view.block is not None:
        refusal = _take_note_of_ends(switch, table_id, written, goes_on=goes_on)
    if refusal is None and (goes_on or table_id > 0):
        refusal = _take_note_of_rewrites(switch, table_id, applied, written)
    if refusal is None and table_id == 0:
        refusal = _take_note_of_uses(switch, (*applied, *written), matched)
    return refusal


def _take_note_of_ends(
    switch: VirtualSwitch, table_id: int, written: act.Actions, *, goes_on: bool
) -> Refusal | None:
    """Take note of where action sets that several entries write may send packets in the end, in whichever tables.

    A flood becomes a group, and so does an output to a port that is shut; in a set a group beats an output wherever it
    was written: what should take its place, or leave another group in its place, cannot be said together with it.
    """
    if switch.view.share is not None:
        return _take_note_of_virtual_ends(switch, table_id, written, goes_on=goes_on)
    ends = [_end_of(action) for action in written if isinstance(action, (act.Output, act.Group))]
    if len({end if end in ("flood", "group") else "port" for end in ends}) > 1 and "flood" in ends:
        return _FLOOD_BESIDE_OTHERS
    counts = ["group"] if "group" in ends else ends[-1:]  # the others are void
    noted = (
        switch.set_ends
        | {(end, False, ANY_TABLE) for end in counts if goes_on}
        | {(end, True, ANY_TABLE) for end in counts if table_id}
    )
    if _displaces(noted, switch.port_configs.is_shut):
        return _FLOOD_BESIDE_OTHERS
    if noted != switch.set_ends:
        switch.verdicts.clear()
        switch.set_ends = noted
    return None


def _take_note_of_virtual_ends(
    switch: VirtualSwitch, table_id: int, written: act.Actions, *, goes_on: bool
) -> Refusal | None:
    """The same where every port is a group. Of two tables only the later one can be what a packet meets later."""
    if refused_ends(written) is not None:
        return _FLOOD_BESIDE_OTHERS
    ends = [end_of(action) for action in written if isinstance(action, (act.Output, act.Group))]
    counts = [GROUP] if GROUP in ends else ends[-1:]
    noted = (
        switch.set_ends
        | {(end, False, table_id) for end in counts if goes_on}
        | {(end, True, table_id) for end in counts if table_id}
    )
    if any(_may_meet(noted, first, later) for first, later in NOT_AFTER):
        return _FLOOD_BESIDE_OTHERS
    if noted != switch.set_ends:
        switch.verdicts.clear()
        switch.set_ends = noted
    return None


def _may_meet(noted: Iterable[tuple[str | int, bool, int]], first: str, later: str) -> bool:
    """Whether one table may write an end to a packet's action set, and another one behind it the other."""
    begun = min((table for end, is_later, table in noted if end == first and not is_later), default=None)
    ended = max((table for end, is_later, table in noted if end == later and is_later), default=None)
    return begun is not None and ended is not None and begun < ended


def _displaces(noted: Iterable[tuple[str | int, bool, int]], is_shut: Callable[[int], bool]) -> bool:
    """Whether some table may write what is a group on the datapath, but not to the tenant, beside what beats it."""
    first = {end for end, comes_later, _ in noted if not comes_later}
    later = {end for end, comes_later, _ in noted if comes_later}
    shut_first, shut_later = (
        {end for end in ends if isinstance(end, int) and is_shut(end)} for ends in (first, later)
    )
    port_later = {end for end in later if isinstance(end, int)}
    return (
        ("flood" in first and bool(port_later))
        or ("group" in first and ("flood" in later or bool(shut_later)))
        or (bool(shut_first) and bool(port_later - shut_later))
    )


def may_be_shut(switch: VirtualSwitch, port: int) -> bool:
    """Whether outputs to the port, in action sets that several entries write, can become a group that sends nothing."""
    return not _displaces(switch.set_ends, lambda one: one == port or switch.port_configs.is_shut(one))


def _end_of(action: act.Output | act.Group) -> str | int:
    if isinstance(action, act.Group):
        return "group"
    return "flood" if action.port in (ALL, FLOOD) else action.port


def _take_note_of_rewrites(
    switch: VirtualSwitch, table_id: int, applied: act.Actions, written: act.Actions
) -> Refusal | None:
    """Take note of what an entry rewrites for later tables, and of where such packets leave.

    Refused when packets so rewritten, at a port where any entry lets them out, could be another slice's.
    """
    used = switch.view.used_mask
    fields = {
        name
        for action in applied + written  # what one table applies is before what any other has written
        if is_visible(written_fields(action), used)
        for name in written_fields(action)
    }
    leaving = written if table_id == 0 else applied + written
    ports = {
        port for action in leaving if isinstance(action, act.Output) for port in _named(switch, action.port)
    }
    groups = {action.group_id for action in leaving if isinstance(action, act.Group)}
    spread = {group_id for group_id in groups if not switch.groups.by_id[group_id].is_spread}
    if fields <= switch.rewritten and ports <= switch.emits and not spread:
        return None
    rewritten, emits = switch.rewritten | fields, switch.emits | ports
    if rewritten:
        boxes = _widened(switch, rewritten)
        if boxes is None or any(switch.view.foreign_part(boxes, port) is not None for port in emits):
            return _FOREIGN
        spread |= {group_id for group_id, group in switch.groups.by_id.items() if group.is_spread}
        effort = Effort(MAX_BUCKETS_OF_A_CHANGE)
        if any(_leak_of_spread(switch, group_id, rewritten, effort) is not None for group_id in spread):
            return _FOREIGN
    if fields - switch.rewritten:
        switch.verdicts.clear()  # what was remembered of later tables took fewer packets for granted
    switch.rewritten, switch.emits = rewritten, emits
    for group_id in groups:
        switch.groups.by_id[group_id].is_spread = True
    return None


def _named(switch: VirtualSwitch, port: int) -> Iterable[int]:
    """The ports that an output means. IN_PORT may be any of the slice's."""
    if port == CONTROLLER:
        return ()
    if port in _SEVERAL_PORTS:
        return switch.view.flooded_ports(switch.known_ports)
    return (port,)


def _take_note_of_uses(switch: VirtualSwitch, actions: act.Actions, matched: Boxes | None) -> Refusal | None:
    visible = switch.view.used_mask
    steps: act.Actions = ()
    new: list[tuple[TenantGroup, Use]] = []
    for action in actions:
        if isinstance(action, act.Group):
            group, use = switch.groups.by_id[action.group_id], Use(matched, steps)
            if use not in group.uses:
                new.append((group, use))
        elif is_visible(written_fields(action), visible):
            steps += (action,)
    if any(len(group.uses) >= MAX_USES for group, _ in new):
        return Refusal(codes.ACTION_EPERM, "too-many-groups")
    for group, use in new:
        group.uses.add(use)
    return None


def leak_through(switch: VirtualSwitch, group_id: int) -> Leak | None:
    """A way in which packets could leave the slice by groups as they are now that lead to this one, if any.

    Looked at is how packets come to them: by entries that are there, or may be.
    """
    roots = {root_id: switch.groups.by_id[root_id] for root_id in switch.groups.leading_to(group_id)}
    if sum(len(group.uses) + group.is_spread for group in roots.values()) > MAX_USES_LOOKED_AT:
        return Leak(codes.ACTION_EPERM, "too-many-groups")
    effort = Effort(MAX_BUCKETS_OF_A_CHANGE)
    for root_id, group in roots.items():
        for use in group.uses:
            actions = (*use.steps, act.Group(root_id))
            leak = _leak(switch, actions, start_of(switch, (), use.matched), effort)
            if leak is not None:
                return leak
        leak = _leak_of_spread(switch, root_id, switch.rewritten, effort) if group.is_spread else None
        if leak is not None:
            return leak
    return None


def _leak_of_spread(switch: VirtualSwitch, group_id: int, rewritten: set[str], effort: Effort) -> Leak | None:
    start = start_of(switch, rewritten, None)
    return _leak(switch, (act.Group(group_id),), start, effort, came_in=not rewritten)


def _leak(
    switch: VirtualSwitch,
    actions: act.Actions,
    start: Callable[[], Boxes | None],
    effort: Effort,
    *,
    came_in: bool = True,
) -> Leak | None:
    return find_leak(
        switch.view,
        actions,
        start,
        ports=switch.known_ports,
        came_in=came_in,
        buckets=switch.groups.buckets_of,
        effort=effort,
    )
