"""Statistics of a virtual switch over several datapaths: of all legs, added up in the tenant's terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import evolve

from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch
from flowvisor.hypervisor.big.entries import Entry, Key, key_of
from flowvisor.hypervisor.big.fan_out import ask_legs, leg_of_port
from flowvisor.hypervisor.big.flow_removed import age, plus
from flowvisor.hypervisor.big.modifications import names_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.statistics import is_wanted, send_reply
from flowvisor.hypervisor.translation.switch_messages import answer
from flowvisor.hypervisor.translation.versions import translated
from flowvisor.openflow.actions import Group, Meter
from flowvisor.openflow.messages import (
    ALL_TABLES,
    Message,
    QueueGetConfigReply,
    QueueGetConfigRequest,
)
from flowvisor.openflow.multipart import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    GroupStats,
    GroupStatsReply,
    GroupStatsRequest,
    MeterStats,
    MeterStatsReply,
    MeterStatsRequest,
    PortStatsReply,
    PortStatsRequest,
    QueueStatsReply,
    QueueStatsRequest,
    TableStats,
    TableStatsReply,
    TableStatsRequest,
)
from flowvisor.openflow.ports import ANY

Replies = dict[int, list[Message]]


def flows(channel: BigChannel, frame: bytes, request: FlowStatsRequest, effects: Effects) -> Refusal | None:
    """FLOW: entries united by what they match, each once."""

    def merge(replies: Replies, effects: Effects) -> None:
        found = united(channel, request, replies, effects.now)
        send_reply(channel, FlowStatsReply(xid=request.xid), "flows", found, effects)

    ask_legs(channel, frame, frame, channel.legs.values(), merge, effects)
    return None


def aggregate(
    channel: BigChannel, frame: bytes, request: AggregateStatsRequest, effects: Effects
) -> Refusal | None:
    """AGGREGATE: FLOW's, added up, because only so an entry that is at several datapaths counts once."""
    wanted = FlowStatsRequest(
        table_id=request.table_id,
        out_port=request.out_port,
        out_group=request.out_group,
        cookie=request.cookie,
        cookie_mask=request.cookie_mask,
        match=request.match,
    )

    def merge(replies: Replies, effects: Effects) -> None:
        reply = AggregateStatsReply(xid=request.xid)
        for one in united(channel, wanted, replies, effects.now):
            reply = evolve(
                reply,
                packet_count=plus(reply.packet_count, one.packet_count),
                byte_count=plus(reply.byte_count, one.byte_count),
                flow_count=reply.flow_count + 1,
            )
        answer(channel, reply, effects)

    ask_legs(channel, frame, channel.codec.encode(wanted), channel.legs.values(), merge, effects)
    return None


def united(
    channel: BigChannel, request: FlowStatsRequest, replies: Replies, now: float
) -> Iterator[FlowStats]:
    """The entries that the legs tell of, each once; and those that no leg has, because their datapath is away."""
    found: dict[Key, FlowStats] = {}
    for one in _entries(replies, "flows"):
        key = key_of(one.table_id, one.priority, one.match)
        before = found.get(key)
        found[key] = one if before is None else sum_of_flows(before, one)
    entries = channel.switch.entries
    for key, stats in found.items():
        entry = entries.find(key)
        yield stats if entry is None else as_written(entry, stats, now)
    for entry in entries:
        if entry.copies.keys() & channel.legs.keys():
            continue
        if request.table_id in (ALL_TABLES, entry.key[0]) and entry.key not in found:
            stats = of_absent(entry, now)
            does = translated(stats.instructions, stats.match, source=entry.version, target=channel.version)
            stats = evolve(stats, instructions=does)
            if is_wanted(request, stats):
                yield stats


def sum_of_flows(one: FlowStats, other: FlowStats) -> FlowStats:
    """What two copies of an entry have counted together."""
    seconds, nanoseconds = max(
        (one.duration_sec, one.duration_nsec), (other.duration_sec, other.duration_nsec)
    )
    return evolve(
        one,
        packet_count=plus(one.packet_count, other.packet_count),
        byte_count=plus(one.byte_count, other.byte_count),
        duration_sec=seconds,
        duration_nsec=nanoseconds,
    )


def as_written(entry: Entry, stats: FlowStats, now: float) -> FlowStats:
    """What copies tell, with what copies have counted that are gone, and the tenant's own flags and timeouts."""
    seconds, nanoseconds = age(entry, (stats.duration_sec, stats.duration_nsec), now)
    return evolve(
        stats,
        packet_count=plus(stats.packet_count, entry.packet_count),
        byte_count=plus(stats.byte_count, entry.byte_count),
        duration_sec=seconds,
        duration_nsec=nanoseconds,
        hard_timeout=entry.hard_timeout,
        flags=entry.flags,
    )


def of_absent(entry: Entry, now: float) -> FlowStats:
    """An entry of which no copy tells, in the words of the version in which it was written."""
    written = entry.flow_mod()
    seconds, nanoseconds = age(entry, (0, 0), now)
    return FlowStats(
        table_id=written.table_id,
        duration_sec=seconds,
        duration_nsec=nanoseconds,
        priority=written.priority,
        idle_timeout=entry.idle_timeout,
        hard_timeout=entry.hard_timeout,
        flags=entry.flags,
        cookie=entry.cookie,
        packet_count=entry.packet_count,
        byte_count=entry.byte_count,
        match=written.match,
        instructions=written.instructions,
    )


def tables(channel: BigChannel, frame: bytes, request: TableStatsRequest, effects: Effects) -> Refusal | None:
    """TABLE: an entry that is at several datapaths is one that is active."""

    def merge(replies: Replies, effects: Effects) -> None:
        active = Counter(entry.key[0] for entry in channel.switch.entries)
        found: dict[int, TableStats] = {}
        for one in _entries(replies, "tables"):
            before = found.get(one.table_id)
            if before is not None:
                one = evolve(
                    one,
                    lookup_count=plus(one.lookup_count, before.lookup_count),
                    matched_count=plus(one.matched_count, before.matched_count),
                )
            found[one.table_id] = evolve(one, active_count=active[one.table_id])
        send_reply(channel, TableStatsReply(xid=request.xid), "tables", found.values(), effects)

    ask_legs(channel, frame, frame, channel.legs.values(), merge, effects)
    return None


def ports(channel: BigChannel, frame: bytes, request: PortStatsRequest, effects: Effects) -> Refusal | None:
    """PORT: each from the datapath where it is."""

    def merge(replies: Replies, effects: Effects) -> None:
        found = _at_home(channel.switch, replies, "ports")
        send_reply(channel, PortStatsReply(xid=request.xid), "ports", found, effects)

    legs = channel.legs.values() if request.port == ANY else leg_of_port(channel, request.port)
    ask_legs(channel, frame, frame, legs, merge, effects)
    return None


def queues(channel: BigChannel, frame: bytes, request: QueueStatsRequest, effects: Effects) -> Refusal | None:
    """QUEUE: each port's from the datapath where it is."""

    def merge(replies: Replies, effects: Effects) -> None:
        found = _at_home(channel.switch, replies, "queues")
        send_reply(channel, QueueStatsReply(xid=request.xid), "queues", found, effects)

    legs = channel.legs.values() if request.port == ANY else leg_of_port(channel, request.port)
    ask_legs(channel, frame, frame, legs, merge, effects)
    return None


def queue_config(
    channel: BigChannel, frame: bytes, request: QueueGetConfigRequest, effects: Effects
) -> Refusal | None:
    """QUEUE_GET_CONFIG: each port's from the datapath where it is."""

    def merge(replies: Replies, effects: Effects) -> None:
        parts = [one for part in replies.values() for one in part if isinstance(one, QueueGetConfigReply)]
        if request.port == ANY:
            found = tuple(_at_home(channel.switch, replies, "queues"))
        else:
            found = tuple(queue for part in parts for queue in part.queues)
        answer(channel, QueueGetConfigReply(xid=request.xid, port=request.port, queues=found), effects)

    legs = channel.legs.values() if request.port == ANY else leg_of_port(channel, request.port)
    ask_legs(channel, frame, frame, legs, merge, effects)
    return None


def groups(channel: BigChannel, frame: bytes, request: GroupStatsRequest, effects: Effects) -> Refusal | None:
    """GROUP: counters added up; what refers to a group is counted here, each once."""
    big = channel.switch

    def merge(replies: Replies, effects: Effects) -> None:
        found: dict[int, GroupStats] = {}
        for one in _entries(replies, "groups"):
            before = found.get(one.group_id)
            found[one.group_id] = one if before is None else _sum_of_groups(before, one)
        shown = [evolve(one, ref_count=_references(big, one.group_id)) for one in found.values()]
        send_reply(channel, GroupStatsReply(xid=request.xid), "groups", shown, effects)

    ask_legs(channel, frame, frame, channel.legs.values(), merge, effects)
    return None


def _references(big: BigSwitch, group_id: int) -> int:
    by_groups = sum(group_id in names_of(mod) for mod in big.groups.values())
    return by_groups + len(big.entries.users_of(Group(group_id)))


def _sum_of_groups(one: GroupStats, other: GroupStats) -> GroupStats:
    return evolve(
        one, buckets=_pairs(one.buckets, other.buckets), **_sums(one, other, "packet_count", "byte_count")
    )


def meters(channel: BigChannel, frame: bytes, request: MeterStatsRequest, effects: Effects) -> Refusal | None:
    """METER: counters added up; what uses a meter is counted here, each once."""
    entries = channel.switch.entries

    def merge(replies: Replies, effects: Effects) -> None:
        found: dict[int, MeterStats] = {}
        for one in _entries(replies, "meters"):
            before = found.get(one.meter_id)
            found[one.meter_id] = one if before is None else _sum_of_meters(before, one)
        shown = [evolve(one, flow_count=len(entries.users_of(Meter(one.meter_id)))) for one in found.values()]
        send_reply(channel, MeterStatsReply(xid=request.xid), "meters", shown, effects)

    ask_legs(channel, frame, frame, channel.legs.values(), merge, effects)
    return None


def _sum_of_meters(one: MeterStats, other: MeterStats) -> MeterStats:
    sums = _sums(one, other, "packet_in_count", "byte_in_count")
    return evolve(one, bands=_pairs(one.bands, other.bands), **sums)


def _sums(one: Any, other: Any, *names: str) -> dict[str, Any]:
    """The duration of the older, and these counters added up."""
    oldest = max((one.duration_sec, one.duration_nsec), (other.duration_sec, other.duration_nsec))
    sums = {name: plus(getattr(one, name), getattr(other, name)) for name in names}
    return {"duration_sec": oldest[0], "duration_nsec": oldest[1], **sums}


def _pairs(
    one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    if len(one) != len(other):  # one of them is being changed
        return one
    return tuple((plus(a, c), plus(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))


def _entries(replies: Replies, name: str) -> Iterator[Any]:
    """All that the parts of all replies list."""
    for parts in replies.values():
        for part in parts:
            yield from getattr(part, name)


def _at_home(big: BigSwitch, replies: Replies, name: str) -> Iterable[Any]:
    """What they say of ports that are at the datapath which says it; of those that are nowhere, the first's."""
    first = min(replies)
    for dpid, parts in replies.items():
        for one in _entries({dpid: parts}, name):
            home = big.homes.get(one.port)
            if home == dpid or (home not in replies and dpid == first):
                yield one
