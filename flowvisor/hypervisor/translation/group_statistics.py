"""GROUP statistics, descriptions and features: the slice's groups only, under the tenant's own ids."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.readings import ask_shared
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import ask_for_tenant
from flowvisor.hypervisor.translation.groups import buckets_to_virtual
from flowvisor.hypervisor.translation.statistics import send_reply
from flowvisor.hypervisor.translation.switch_messages import answer
from flowvisor.openflow.actions import Group
from flowvisor.openflow.messages import ALL_GROUPS, ANY_GROUP, Message
from flowvisor.openflow.multipart import (
    GroupDescReply,
    GroupDescRequest,
    GroupFeaturesReply,
    GroupFeaturesRequest,
    GroupStats,
    GroupStatsReply,
    GroupStatsRequest,
)
from flowvisor.planning.entries import MAX_TENANT_GROUP

_ACTION_BITS: Final = (1 << 28) - 1  # OFPAT_* of OpenFlow 1.3


def statistics(
    channel: TenantChannel, frame: bytes, request: GroupStatsRequest, effects: Effects
) -> Refusal | None:
    """A request for GROUP statistics."""
    switch = channel.switch
    wants_all = request.group_id in (ALL_GROUPS, ANY_GROUP)
    group = None if wants_all else switch.groups.by_id.get(request.group_id)
    if group is None and not (wants_all and switch.groups.by_id):
        send_reply(channel, GroupStatsReply(xid=request.xid), "groups", (), effects)
        return None

    def all_told(replies: list[Message], effects: Effects) -> None:
        told = [
            _stats_to_virtual(switch, stats)
            for reply in replies
            if isinstance(reply, GroupStatsReply)
            for stats in reply.groups
            if stats.group_id in switch.groups.by_physical
        ]
        send_reply(channel, GroupStatsReply(xid=request.xid), "groups", told, effects)

    wanted = GroupStatsRequest(group_id=ALL_GROUPS if group is None else group.physical)
    return ask_shared(channel, frame, [wanted], all_told, effects)


def _stats_to_virtual(switch: VirtualSwitch, stats: GroupStats) -> GroupStats:
    group_id = switch.groups.by_physical[stats.group_id]
    references = stats.ref_count
    if switch.flow_table is not None:  # the datapath counts pieces
        references = len(switch.flow_table.users.get(Group(group_id), ()))
        references += len(switch.groups.latest_naming(group_id))
    return evolve(stats, group_id=group_id, ref_count=references)


def descriptions(
    channel: TenantChannel, frame: bytes, request: GroupDescRequest, effects: Effects
) -> Refusal | None:
    """A request for GROUP_DESC."""
    switch = channel.switch
    if not switch.groups.by_id:
        send_reply(channel, GroupDescReply(xid=request.xid), "groups", (), effects)
        return None

    def all_told(replies: list[Message], effects: Effects) -> None:
        known = switch.groups.by_physical
        told = [
            evolve(desc, group_id=known[desc.group_id], buckets=buckets_to_virtual(switch, desc.buckets))
            for reply in replies
            if isinstance(reply, GroupDescReply)
            for desc in reply.groups
            if desc.group_id in known
        ]
        send_reply(channel, GroupDescReply(xid=request.xid), "groups", told, effects)

    return ask_for_tenant(channel, frame, [GroupDescRequest()], all_told, effects)


def features(
    channel: TenantChannel, _frame: bytes, request: GroupFeaturesRequest, effects: Effects
) -> Refusal | None:
    """A request for GROUP_FEATURES: what the datapath offers, as far as the slice may have it."""
    offered, quota = channel.switch.datapath.group_features, channel.tenant.quota
    most = MAX_TENANT_GROUP if quota is None or quota.groups is None else quota.groups
    counts = (min(count, most) for count in offered.max_groups)
    bits = (actions & _ACTION_BITS for actions in offered.actions)
    reply = GroupFeaturesReply(
        xid=request.xid,
        types=offered.types & 0xF,
        capabilities=offered.capabilities & 0xF,
        max_groups=(next(counts), next(counts), next(counts), next(counts)),
        actions=(next(bits), next(bits), next(bits), next(bits)),
    )
    answer(channel, reply, effects)
    return None
