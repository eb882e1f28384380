"""GROUP_MOD: a tenant's groups on the datapath, under ids that no other slice has.

Strategy: judged here is what names tell (whose ports, groups and queues these are, loops, the quota), and where
packets may get by all that uses a group. What a datapath can or cannot do it says itself, and if it refuses a group
none is known here either. An output to FLOOD or ALL is a group of the hypervisor's, which follows the slice's ports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

from attrs import define, evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.groups import TenantGroup, Version, users_first
from flowvisor.hypervisor.journal import GROUP
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import fence, send_own, send_to_datapath
from flowvisor.hypervisor.translation.actions import (
    EVERYWHERE,
    actions_to_physical,
    actions_to_virtual,
    flood_ports,
    refused_action,
)
from flowvisor.hypervisor.translation.consequences import leak_through
from flowvisor.hypervisor.translation.flow_mod import Copies
from flowvisor.hypervisor.translation.pieces import users_gone
from flowvisor.hypervisor.translation.queueing import kept_in_queue
from flowvisor.hypervisor.translation.virtual_buckets import refused_bucket, watching_here, watching_there
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.frame import GROUP_MOD
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    ANY_GROUP,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    MAX_GROUP,
    Bucket,
    GroupMod,
)
from flowvisor.openflow.multipart import GroupDesc
from flowvisor.openflow.ports import ALL, ANY, CONTROLLER, FLOOD, IN_PORT, MAX_PORT
from flowvisor.planning.entries import HYPERVISOR_GROUPS, all_group, flood_group

# Changes of one group of which the datapath has not said yet that it took them; another one is refused.
MAX_VERSIONS: Final = 64
_ID: Final = Struct("!I")  # in the journal
_CHAINING: Final = 1 << 2  # OFPGFC_CHAINING


@define(eq=False)
class Change:
    """What a tenant wants of a group, until the datapath is known to have done it."""

    switch: VirtualSwitch
    frame: bytes
    group_id: int
    group: TenantGroup
    version: Version

    @property
    def is_of_this_group(self) -> bool:
        """Whether the group that it is about is still there."""
        return self.switch.groups.by_id.get(self.group_id) is self.group


def southbound(channel: TenantChannel, frame: bytes, request: GroupMod, effects: Effects) -> Refusal | None:
    """GROUP_MOD."""
    if request.command == GROUP_DELETE:
        return _delete(channel, frame, request, effects)
    if request.group_id > MAX_GROUP:
        return Refusal(codes.INVALID_GROUP, "group-id")
    return (_add if request.command == GROUP_ADD else _modify)(channel, frame, request, effects)


def _add(channel: TenantChannel, frame: bytes, request: GroupMod, effects: Effects) -> Refusal | None:
    switch, datapath = channel.switch, channel.switch.datapath
    groups, quota = switch.groups, switch.tenant.quota
    group_id = request.group_id
    if group_id in groups.by_id:
        return Refusal(codes.GROUP_EXISTS, "group-exists")
    if not datapath.group_features.types:
        return Refusal(codes.OUT_OF_GROUPS, "no-groups")
    held = sum(len(one.groups) for one in datapath.switches.values() if one.tenant is switch.tenant)
    if quota is not None and quota.groups is not None and held >= quota.groups:
        return Refusal(codes.OUT_OF_GROUPS, "quota")
    version = Version(request.group_type, request.buckets)
    refusal = _refused(switch, group_id, version)
    if refusal is not None:
        return refusal
    physical = datapath.group_ids.allocate()
    if physical is None:
        return Refusal(codes.OUT_OF_GROUPS, "no-groups")
    group = groups.add(group_id, physical, version)
    # Named by others it is only if it was there before, and the datapath has kept buckets that led to it.
    waiting = groups.named_by(group_id)
    leak = leak_through(switch, group_id) if waiting else None
    if leak is not None:
        _forget(switch, group_id, effects)
        return Refusal(leak.error, leak.reason)
    datapath.memory.remember(GROUP, switch.name.slice_name, _ID.pack(group_id), _ID.pack(physical), effects)
    _send(channel, Change(switch, frame, group_id, group, version), GROUP_ADD, effects)
    for one in sorted(waiting):
        if groups.by_id[one].versions[-1].names <= groups.by_id.keys():
            again = group_to_physical(switch, one, groups.by_id[one].versions[-1], GROUP_MODIFY)
            send_own(datapath, again, "group", effects)
    return None


def _modify(channel: TenantChannel, frame: bytes, request: GroupMod, effects: Effects) -> Refusal | None:
    switch = channel.switch
    group = switch.groups.by_id.get(request.group_id)
    if group is None:
        return Refusal(codes.UNKNOWN_GROUP, "unknown-group")
    if len(group.versions) >= MAX_VERSIONS:
        return Refusal(codes.REQUEST_EPERM, "too-many-requests")
    version = Version(request.group_type, request.buckets)
    refusal = _refused(switch, request.group_id, version)
    if refusal is not None:
        return refusal
    before = group.versions
    switch.groups.change(request.group_id, version)
    leak = leak_through(switch, request.group_id)
    if leak is not None:
        switch.groups.keep(request.group_id, before)
        return Refusal(leak.error, leak.reason)
    _send(channel, Change(switch, frame, request.group_id, group, version), GROUP_MODIFY, effects)
    fence(channel, effects)  # the sooner what it was before needs not be reckoned with any more
    return None


def _delete(channel: TenantChannel, frame: bytes, request: GroupMod, effects: Effects) -> Refusal | None:
    switch = channel.switch
    by_id = switch.groups.by_id
    if request.group_id == ALL_GROUPS:
        wanted = users_first({one: group.versions[-1].names for one, group in by_id.items()})
    else:
        wanted = [one for one in (request.group_id,) if one in by_id]
        if wanted and switch.groups.latest_naming(request.group_id):
            return Refusal(codes.CHAINED_GROUP, "chained-group")
    copies = Copies(frame)
    for group_id in wanted:
        physical = _forget(switch, group_id, effects)
        users_gone(switch, act.Group(group_id), effects)
        _send_mod(channel, copies, GroupMod(command=GROUP_DELETE, group_id=physical), effects)
    channel.counters.down[GROUP_MOD] += 1
    channel.counters.down_bytes += len(frame)
    return None


def _forget(switch: VirtualSwitch, group_id: int, effects: Effects) -> int:
    """Know a group no more; returns what the datapath calls it."""
    physical = switch.groups.take_out(group_id).physical
    switch.verdicts.clear()
    switch.datapath.group_ids.release(physical)
    switch.datapath.memory.forget(GROUP, switch.name.slice_name, _ID.pack(group_id), effects)
    return physical


def _send(channel: TenantChannel, change: Change, command: int, effects: Effects) -> None:
    switch = channel.switch
    switch.verdicts.clear()
    if any(_floods(bucket.actions) for bucket in change.version.buckets):
        _make_flooding_groups(switch, effects)
    _send_mod(channel, change, group_to_physical(switch, change.group_id, change.version, command), effects)
    channel.counters.down[GROUP_MOD] += 1
    channel.counters.down_bytes += len(change.frame)


def _send_mod(channel: TenantChannel, token: Change | Copies, mod: GroupMod, effects: Effects) -> None:
    datapath = channel.switch.datapath
    xid = channel.transactions.send(token)
    send_to_datapath(datapath, datapath.codec.encode(evolve(mod, xid=xid)), effects)
    if channel.transactions.fence_is_due:
        fence(channel, effects)


def _make_flooding_groups(switch: VirtualSwitch, effects: Effects) -> None:
    """Where no slice has tables the groups that floods go through are there once some bucket needs them."""
    if switch.view.block is not None or switch.floods_by_group:
        return
    switch.floods_by_group = True
    for group in _flooding_groups(switch):
        send_own(switch.datapath, group, "flood group", effects)


def _floods(actions: Iterable[act.Action]) -> bool:
    return any(isinstance(action, act.Output) and action.port in EVERYWHERE for action in actions)


def _refused(
    switch: VirtualSwitch, group_id: int, version: Version, *, may_have_gone: bool = False
) -> Refusal | None:
    """What is wrong with a group however it is used. One that is there already may name ports that have gone."""
    groups = switch.groups
    if not may_have_gone and not groups.has_room_for(version):
        return Refusal(codes.OUT_OF_BUCKETS, "too-many-buckets")
    if version.names & groups.latest_leading_to(group_id):
        return Refusal(codes.LOOP, "group-loop")
    for bucket in version.buckets:
        refusal = refused_action(switch, bucket.actions) or _refused_output(
            switch, bucket.actions, may_have_gone=may_have_gone
        )
        if refusal is not None:
            return refusal
        share = switch.view.share
        refusal = None if share is None else refused_bucket(share, bucket)
        if refusal is not None:
            return refusal
        watched = bucket.watch_port
        if watched != ANY and not _is_own_port(switch, watched, may_have_gone=may_have_gone):
            return Refusal(codes.GROUP_BAD_WATCH, "foreign-port")
        if bucket.watch_group != ANY_GROUP and bucket.watch_group not in groups.by_id:
            return Refusal(codes.GROUP_BAD_WATCH, "unknown-group")
    return None


def _refused_output(switch: VirtualSwitch, actions: act.Actions, *, may_have_gone: bool) -> Refusal | None:
    outputs = [action for action in actions if isinstance(action, (act.Output, act.Group))]
    for action in outputs:
        if not isinstance(action, act.Output) or action.port in (CONTROLLER, IN_PORT):
            continue
        is_group = action.port in EVERYWHERE or switch.view.share is not None
        if is_group and not switch.datapath.group_features.capabilities & _CHAINING:
            return Refusal(codes.CHAINING_UNSUPPORTED, "unsupported")
        if action.port not in EVERYWHERE:
            if not _is_own_port(switch, action.port, may_have_gone=may_have_gone):
                return Refusal(codes.ACTION_BAD_OUT_PORT, "foreign-port")
        elif len(outputs) > 1 and switch.view.share is None:
            # Of an action set, which a bucket is, only one of them is carried out; a flood becomes a group.
            return Refusal(codes.ACTION_TOO_MANY, "unsupported")
    return None


def _is_own_port(switch: VirtualSwitch, port: int, *, may_have_gone: bool) -> bool:
    is_there = port in switch.known_ports or (may_have_gone and port <= MAX_PORT)
    return is_there and switch.view.owns_port(port)


def group_to_physical(switch: VirtualSwitch, group_id: int, version: Version, command: int) -> GroupMod:
    """A group in the datapath's terms."""
    by_id, queue, share = switch.groups.by_id, switch.queue, switch.view.share
    buckets = (
        evolve(
            bucket,
            watch_group=ANY_GROUP if bucket.watch_group == ANY_GROUP else by_id[bucket.watch_group].physical,
            actions=actions_to_physical(
                switch,
                bucket.actions if queue is None else kept_in_queue(queue, bucket.actions),
                floods_by_group=True,
                is_set=True,
            ),
        )
        for bucket in version.buckets
    )
    return GroupMod(
        command=command,
        group_type=version.kind,
        group_id=by_id[group_id].physical,
        buckets=tuple(buckets if share is None else (watching_there(share, one) for one in buckets)),
    )


def buckets_to_virtual(switch: VirtualSwitch, buckets: Iterable[Bucket]) -> tuple[Bucket, ...]:
    """The inverse: a group's buckets as the tenant wrote them."""
    to_virtual, share = switch.groups.to_virtual, switch.view.share
    told = buckets if share is None else (watching_here(share, bucket) for bucket in buckets)
    return tuple(
        evolve(
            bucket,
            watch_group=ANY_GROUP if bucket.watch_group == ANY_GROUP else to_virtual(bucket.watch_group),
            actions=actions_to_virtual(switch, bucket.actions),
        )
        for bucket in told
    )


def settle(changes: Iterable[Change]) -> None:
    """The datapath has done these: nothing that was before counts any more."""
    for change in changes:
        if change.is_of_this_group:
            versions = change.group.versions
            if change.version in versions[1:]:
                change.switch.groups.keep(change.group_id, versions[versions.index(change.version) :])


def undo(channel: TenantChannel, change: Change, error: tuple[int, int], effects: Effects) -> None:
    """The datapath refused a change: the group is what it was before, or not there."""
    switch = change.switch
    if change.is_of_this_group:
        left = [version for version in change.group.versions if version is not change.version]
        if left:
            switch.groups.keep(change.group_id, left)
            switch.verdicts.clear()
        else:
            _forget(switch, change.group_id, effects)
    refuse(channel, change.frame, Refusal(error, "datapath"), effects)


def bucket_floods(datapath: Datapath) -> list[GroupMod]:
    """The groups of the hypervisor's own that should be there for buckets that flood where no slice has tables."""
    return [
        group
        for switch in datapath.switches.values()
        if switch.floods_by_group
        for group in _flooding_groups(switch)
    ]


def _flooding_groups(switch: VirtualSwitch) -> list[GroupMod]:
    return [
        GroupMod(
            command=GROUP_ADD,
            group_id=group_of(switch.allotted),
            buckets=tuple(Bucket(actions=(act.Output(number),)) for number in flood_ports(switch, port)),
        )
        for port, group_of in ((FLOOD, flood_group), (ALL, all_group))
    ]


def port_configured(switch: VirtualSwitch, port: int, effects: Effects) -> None:
    """The slice has shut or opened a port: say anew what outputs to it, and what floods."""
    own = _flooding_groups(switch) if switch.floods_by_group else []
    meant = [
        group_to_physical(switch, group_id, group.versions[-1], GROUP_MODIFY)
        for group_id, group in switch.groups.by_id.items()
        if any(act.Output(port) in bucket.actions for bucket in group.versions[-1].buckets)
    ]
    for group in (*(evolve(one, command=GROUP_MODIFY) for one in own), *meant):
        send_own(switch.datapath, group, "port configuration", effects)


def adopt(datapath: Datapath, present: Iterable[GroupDesc], effects: Effects) -> list[GroupMod]:
    """Take up the groups that a datapath has kept for slices; returns the removals of those that nobody may have."""
    found = {group.group_id: group for group in present if group.group_id not in HYPERVISOR_GROUPS}
    for switch in datapath.switches.values():
        known = datapath.memory.of(GROUP, switch.name.slice_name)
        ids = {_ID.unpack(key)[0]: _ID.unpack(value)[0] for key, value in known.items()}
        for group_id, physical in ids.items():
            if physical in found and physical not in datapath.group_ids.taken:
                switch.groups.add(group_id, physical, Version(found[physical].group_type, ()))
                datapath.group_ids.take(physical)
            else:
                datapath.memory.forget(GROUP, switch.name.slice_name, _ID.pack(group_id), effects)
        for group_id, group in switch.groups.by_id.items():
            desc = found[group.physical]
            switch.groups.keep(group_id, [Version(desc.group_type, buckets_to_virtual(switch, desc.buckets))])
        for group_id in _illegal(switch):
            _forget(switch, group_id, effects)
        switch.floods_by_group = switch.view.block is None and any(
            _floods(bucket.actions)
            for group in switch.groups.by_id.values()
            for bucket in group.versions[-1].buckets
        )
    names = {one: Version(group.group_type, group.buckets).names for one, group in found.items()}
    return [
        GroupMod(command=GROUP_DELETE, group_id=one)
        for one in users_first(names)
        if one not in datapath.group_ids.taken
    ]


def take_out_illegal(switch: VirtualSwitch, effects: Effects) -> None:
    """Take off a datapath that is up the groups that the slice may not have any more, with all that uses them."""
    for group_id in _illegal(switch):
        physical = _forget(switch, group_id, effects)
        removal = GroupMod(command=GROUP_DELETE, group_id=physical)
        send_own(switch.datapath, removal, "group", effects)


def _illegal(switch: VirtualSwitch) -> Iterator[int]:
    """Groups that the slice may not have any more, and those that lead to such."""
    pending = True
    while pending:
        pending = False
        for group_id, group in list(switch.groups.by_id.items()):
            if _refused(switch, group_id, group.versions[-1], may_have_gone=True) is not None:
                pending = True
                yield group_id
