"""The entries and groups of virtual networks on a datapath: ways in, ways out, and what passes.

Strategy: the groups of the ports are all that changes when a port's way does, so floods send to those groups and not
where these do. Table 0 writes the port into the metadata; the egress table, behind the tenant's, gives "all ports" and
"the port it came from" their meaning, which for a port that forgets where a packet came in only metadata tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from flowvisor.flowspace.box import intersect
from flowvisor.flowspace.layout import boxes_of, match_of
from flowvisor.openflow.actions import (
    NO_BUFFER_LEN,
    Actions,
    ApplyActions,
    GotoTable,
    Group,
    Instructions,
    Meter,
    Output,
    PopVlan,
    PushVlan,
    WriteMetadata,
)
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import GROUP_ADD, GROUP_TYPE_ALL, Bucket, FlowMod, GroupMod
from flowvisor.openflow.ports import CONTROLLER, IN_PORT, NO_FLOOD
from flowvisor.planning.answer_entries import answer_entries
from flowvisor.planning.closed_ports import unheard
from flowvisor.planning.entries import (
    CLASSIFIER_TABLE,
    COOKIE,
    FENCE_PRIORITY,
    SHUT,
    PortConfigs,
    all_group,
    classifier_priority,
    flood_group,
)
from flowvisor.planning.exact_matches import exact_where_required
from flowvisor.planning.ownership import ATTACHMENT_RANK, LABEL_RANK, denied_rank
from flowvisor.planning.plan import DatapathPlan, Enforcement
from flowvisor.planning.share import (
    ALL_BUT_GROUPS,
    FLOOD_BUT_GROUPS,
    MARK_ALL,
    MARK_BITS,
    MARK_FLOOD,
    MARK_IN_PORT,
    MARK_SHIFT,
    OWN_BITS,
    UNTAGGED_GROUPS,
    Filter,
    LabelEntry,
    Share,
    SharePort,
    Watch,
    copy_group,
    depth_of_group,
    port_group,
)

# In an egress table: what depends on the port that a packet came in by is above what does not.
BY_PORT_PRIORITY: Final = 2
BY_MARK_PRIORITY: Final = 1

# In table 0, of one attached port each, so that none meets another one's: what is not heard, and below it the filters.
UNHEARD_PRIORITY: Final = 0xF000

_NOTHING_SET: Final[Mapping[int, int]] = {}
_TWO_TAGS_OFF: Final = (PopVlan(), PopVlan())


def but_group(kind: int, share: Share, port: int) -> int:
    """The group of all ports but one; `kind` is FLOOD_BUT_GROUPS or ALL_BUT_GROUPS."""
    return kind | share.block.first << 16 | port


# ------------------------------------------------------------------------------------------------------- entries


def share_entries(plan: DatapathPlan, configs: PortConfigs) -> Iterator[FlowMod]:
    """Everything in table 0, and in the tables in front of tenants' and behind them."""
    yield from label_entries(plan, plan.label_entries)
    for share in plan.shares.values():
        yield from answer_entries(plan, share)
        for port in share.ports.values():
            yield from ways_in(plan, share, port, configs.get(share.name, _NOTHING_SET).get(port.number, 0))
        yield from egress_entries(share)
    if plan.enforcement is Enforcement.TABLES:
        yield from watch_entries(plan.part.watches)


def label_entries(plan: DatapathPlan, entries: Iterable[LabelEntry]) -> Iterator[FlowMod]:
    """What is done with packets that pass behind a label; above all that slices have where matches are intersected."""
    is_classified = plan.enforcement is Enforcement.TABLES
    priority = classifier_priority(LABEL_RANK) if is_classified else FENCE_PRIORITY
    for match, actions in entries:
        yield _in_table_0(match, priority, (ApplyActions(actions),))


def ways_in(plan: DatapathPlan, share: Share, port: SharePort, config: int = 0) -> Iterator[FlowMod]:
    """What brings packets to a port in, and what takes those away that it is configured not to hear."""
    meter_id = plan.meters.get(share.name)
    rank = LABEL_RANK if port.physical is None else ATTACHMENT_RANK
    for match, actions in ((ingress.match, ingress.actions) for ingress in port.ingresses):
        metered: Instructions = () if meter_id is None else (Meter(meter_id),)
        applied: Instructions = (ApplyActions(actions),) if actions else ()
        instructions = (
            *metered,
            *applied,
            WriteMetadata(port.number, OWN_BITS),
            GotoTable(share.first_table),
        )
        yield _in_table_0(match, classifier_priority(rank), instructions)
        for priority, filtered, is_let_in in _filtered(match, port.filters):
            yield _in_table_0(filtered, priority, instructions if is_let_in else ())
        unheard_priority = UNHEARD_PRIORITY if port.filters else classifier_priority(denied_rank(rank))
        taken = [intersect(box, packets) for box in boxes_of(match) for packets in unheard(config)]
        for box in (one for one in taken if one is not None):
            for exact in exact_where_required(match_of(box)):
                yield _in_table_0(exact, unheard_priority, ())


def _filtered(match: Match, filters: tuple[Filter, ...]) -> Iterator[tuple[int, Match, bool]]:
    """Of what comes in at a place, in which order it is looked at what is let in."""
    (at_place,) = boxes_of(match)
    for index, one in enumerate(filters):
        for box in boxes_of(one.match):
            common = intersect(at_place, box)
            if common is not None:
                for exact in exact_where_required(match_of(common)):
                    yield UNHEARD_PRIORITY - 1 - index, exact, one.is_let_in


def watch_entries(watches: Iterable[Watch]) -> Iterator[FlowMod]:
    """What tells us that a port has moved here."""
    for watch in watches:
        to_us = (ApplyActions((Output(CONTROLLER, NO_BUFFER_LEN),)),)
        yield _in_table_0(watch.match, classifier_priority(denied_rank(ATTACHMENT_RANK)), to_us)


def egress_entries(share: Share) -> Iterator[FlowMod]:
    """What marks mean behind the tenant's tables."""
    for port in share.ports.values():
        for mark, actions in _by_port(share, port):
            match = Match.of(metadata=(mark << MARK_SHIFT | port.number, OWN_BITS))
            yield _behind(share, match, BY_PORT_PRIORITY, actions)
    for mark, action in (
        (MARK_FLOOD, Group(flood_group(share.block))),
        (MARK_ALL, Group(all_group(share.block))),
        (MARK_IN_PORT, Output(IN_PORT)),
    ):
        match = Match.of(metadata=(mark << MARK_SHIFT, MARK_BITS))
        yield _behind(share, match, BY_MARK_PRIORITY, (action,))


def _by_port(share: Share, port: SharePort) -> Iterator[tuple[int, Actions]]:
    if port.is_looked_after:
        yield MARK_FLOOD, (Group(but_group(FLOOD_BUT_GROUPS, share, port.number)),)
        yield MARK_ALL, (Group(but_group(ALL_BUT_GROUPS, share, port.number)),)
    if port.is_turned:
        yield MARK_IN_PORT, (Group(port_group(share.block, port.number)),)
    elif port.physical is not None and (len(port.egress) > 1 or port.copied_to is not None):
        # What the action set does with the packet is behind it, and without the tag.
        tags = (PopVlan() for action in port.egress if isinstance(action, PushVlan))
        yield MARK_IN_PORT, (*_copied(share, port), *port.egress[:-1], Output(IN_PORT), *tags)


def _copied(share: Share, port: SharePort) -> Actions:
    return () if port.copied_to is None else (Group(copy_group(share.block, port.copied_to)),)


def _behind(share: Share, match: Match, priority: int, actions: Actions) -> FlowMod:
    return FlowMod(
        cookie=COOKIE,
        table_id=share.egress_table,
        priority=priority,
        match=match,
        instructions=(ApplyActions(actions),),
    )


def _in_table_0(match: Match, priority: int, instructions: Instructions) -> FlowMod:
    return FlowMod(
        cookie=COOKIE,
        table_id=CLASSIFIER_TABLE,
        priority=priority,
        match=match,
        instructions=instructions,
    )


# -------------------------------------------------------------------------------------------------------- groups


def share_groups(plan: DatapathPlan, configs: PortConfigs) -> list[GroupMod]:
    """All groups, each after those that it leads to."""
    groups: list[GroupMod] = []
    for share in plan.shares.values():
        bits = configs.get(share.name, _NOTHING_SET)
        for port in share.ports.values():
            groups += groups_of_port(share, port, bits.get(port.number, 0))
        groups += groups_of_floods(share, bits)
    return sorted(groups, key=lambda group: -depth_of_group(group.group_id))


def groups_of_port(share: Share, port: SharePort, config: int = 0) -> Iterator[GroupMod]:
    """What an output to a port does; nothing while it is shut, or no way leads there.

    A bucket is an action set, and so has one action of a kind: a further tag takes a further group.
    """
    actions = () if config & SHUT else port.egress
    if actions[:2] == _TWO_TAGS_OFF:
        behind = UNTAGGED_GROUPS | share.block.first << 16 | port.number
        yield _group(behind, (Bucket(actions=actions[1:]),))
        actions = (PopVlan(), Group(behind))
    buckets = (Bucket(actions=actions),) if actions else ()
    if port.takes_copies:  # by a group of its own, which leads to no other port's
        yield _group(copy_group(share.block, port.number), buckets)
    copied = _copied(share, port) if actions else ()
    yield _group(
        port_group(share.block, port.number), buckets + tuple(Bucket(actions=(one,)) for one in copied)
    )


def groups_of_floods(share: Share, bits: Mapping[int, int] = _NOTHING_SET) -> Iterator[GroupMod]:
    """What "all ports" do, for all packets and for those that have to be kept from going back."""
    for whole, but, without in (
        (flood_group(share.block), FLOOD_BUT_GROUPS, SHUT | NO_FLOOD),
        (all_group(share.block), ALL_BUT_GROUPS, SHUT),
    ):
        buckets = {
            number: Bucket(actions=(Group(port_group(share.block, number)),))
            for number in share.ports
            if not bits.get(number, 0) & without
        }
        yield _group(whole, tuple(buckets.values()))
        for port in share.ports.values():
            if port.is_looked_after:
                rest = tuple(bucket for number, bucket in buckets.items() if number != port.number)
                yield _group(but_group(but, share, port.number), rest)


def _group(group_id: int, buckets: tuple[Bucket, ...]) -> GroupMod:
    return GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_ALL, group_id=group_id, buckets=buckets)
