"""FLOW, AGGREGATE, PORT and TABLE statistics: ours only, added up and renumbered in the tenant's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.box import covers
from flowvisor.flowspace.layout import boxes_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flow_table import (
    MAX_ENTRY_NUMBER,
    PIECE_COOKIE,
    PIECE_COOKIE_MASK,
    Entry,
    leads_to,
    outputs_to,
)
from flowvisor.hypervisor.peers import Channel, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.readings import ask_shared
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.actions import instructions_to_virtual
from flowvisor.hypervisor.translation.flow_mod import looks_again, out_filter
from flowvisor.hypervisor.translation.idle_pieces import lived
from flowvisor.hypervisor.translation.table_miss import is_miss, is_our_miss
from flowvisor.hypervisor.translation.versions import translated
from flowvisor.hypervisor.translation.virtual_ports import (
    match_to_physical,
    match_to_virtual,
    uncounted,
    whole_ports,
)
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import ALL_TABLES, SEND_FLOW_REM, Message
from flowvisor.openflow.multipart import (
    UNKNOWN_COUNTER,
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    MultipartReply,
    PortStatsReply,
    PortStatsRequest,
    TableStats,
    TableStatsReply,
    TableStatsRequest,
)
from flowvisor.openflow.ports import ANY
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.share import Share

# Of one reply's frame, below the 64 KiB that the header can say; an entry that alone is longer has a frame of its own.
MAX_REPLY_BYTES: Final = 48 * 1024
ALL_WILDCARDS_10: Final = (1 << 22) - 1  # OFPFW_ALL (1.0.1, section 5.2.3)
MAX_ENTRIES: Final = 1_000_000  # the tables are shared; nobody knows how much of them a slice will get
MAX_ASKED_ONE_BY_ONE: Final = 64  # tables; a slice that has more has most of what a datapath has

# Entries, each with the version in whose words its instructions are.
Worded = tuple[int, FlowStats]
FlowAnswer = Callable[[list[Worded], Effects], None]
AskFlows = Callable[[TenantChannel, bytes, FlowStatsRequest, FlowAnswer, Effects], Refusal | None]


def send_reply(
    channel: Channel, reply: MultipartReply, name: str, entries: Iterable[object], effects: Effects
) -> None:
    """Answer with a list, in as many parts as it takes; `name` is the reply's field that holds the list.

    An entry that the channel's version cannot say, or that fits into no frame, is left out and counted.
    """
    parts: list[list[object]] = [[]]
    room = MAX_REPLY_BYTES
    for entry in entries:
        try:
            size = len(channel.codec.encode(_with(reply, name, (entry,))))
        except Inexpressible:
            channel.counters.count_shed("inexpressible")
            continue
        if size > room and parts[-1]:
            parts.append([])
            room = MAX_REPLY_BYTES
        parts[-1].append(entry)
        room -= size
    for number, part in enumerate(parts, 1):
        frame = channel.codec.encode(_with(evolve(reply, more=number < len(parts)), name, tuple(part)))
        effects.send(channel, frame)
        channel.counters.answered[frame[1]] += 1


def _with(reply: MultipartReply, name: str, entries: tuple[object, ...]) -> MultipartReply:
    changes: dict[str, Any] = {name: entries}
    return evolve(reply, **changes)


def flows(
    channel: TenantChannel,
    frame: bytes,
    request: FlowStatsRequest,
    effects: Effects,
    ask: AskFlows | None = None,
) -> Refusal | None:
    """A request for FLOW statistics; `ask` finds the entries, unless it is the slice's own that are wanted."""

    def answer(entries: list[Worded], effects: Effects) -> None:
        send_reply(channel, FlowStatsReply(xid=request.xid), "flows", _shown(channel, entries), effects)

    return (ask or ask_flows)(channel, frame, request, answer, effects)


def aggregate(
    channel: TenantChannel,
    frame: bytes,
    request: AggregateStatsRequest,
    effects: Effects,
    ask: AskFlows | None = None,
) -> Refusal | None:
    """A request for AGGREGATE statistics: FLOW's, added up, because only so the hypervisor's own are left out."""

    def answer(entries: list[Worded], effects: Effects) -> None:
        reply = AggregateStatsReply(
            xid=request.xid,
            packet_count=sum(entry.packet_count for _, entry in entries),
            byte_count=sum(entry.byte_count for _, entry in entries),
            flow_count=len(entries),
        )
        out = channel.codec.encode(reply)
        channel.counters.answered[out[1]] += 1
        effects.send(channel, out)

    wanted = FlowStatsRequest(
        xid=request.xid,
        table_id=request.table_id,
        out_port=request.out_port,
        out_group=request.out_group,
        cookie=request.cookie,
        cookie_mask=request.cookie_mask,
        match=request.match,
    )
    return (ask or ask_flows)(channel, frame, wanted, answer, effects)


def _shown(channel: TenantChannel, entries: Iterable[Worded]) -> Iterator[FlowStats]:
    """The entries with instructions of the channel's version; those for which it has none are counted."""
    for wording, entry in entries:
        try:
            instructions = translated(entry.instructions, entry.match, source=wording, target=channel.version)
        except Inexpressible:
            channel.counters.count_shed("inexpressible")
            continue
        yield evolve(entry, instructions=instructions)


def ask_flows(
    channel: TenantChannel,
    frame: bytes,
    request: FlowStatsRequest,
    answer: FlowAnswer,
    effects: Effects,
) -> Refusal | None:
    """Ask for those of a slice's own entries that a request wants."""
    switch = channel.switch
    block = switch.view.block
    size = 1 if block is None else block.size
    if request.match.opaque:
        return Refusal(codes.MATCH_BAD_FIELD, "experimenter")
    if request.table_id != ALL_TABLES and request.table_id >= size:
        return Refusal(codes.REQUEST_BAD_TABLE_ID, "table-id")
    if block is None:
        return _ask_pieces(channel, frame, request, answer, effects)
    tables: Iterable[int] = (request.table_id + block.first,)
    if request.table_id == ALL_TABLES:
        tables = range(block.first, block.end) if block.size <= MAX_ASKED_ONE_BY_ONE else (ALL_TABLES,)
    filters = out_filter(switch, request.out_port, request.out_group)
    if filters is None:
        answer([], effects)
        return None
    match = request.match if switch.view.share is None else match_to_physical(request.match)
    if isinstance(match, Refusal):
        return match
    out_port, out_group = filters
    is_looked_at = looks_again(switch, request.out_port, request.out_group)
    wanted: list[Message] = [
        evolve(request, table_id=table_id, match=match, out_port=out_port, out_group=out_group)
        for table_id in tables
    ]

    def all_told(replies: list[Message], effects: Effects) -> None:
        version = switch.datapath.version
        found = from_tables(switch, block, entries_of(replies))
        answer(
            [
                (version, entry)
                for entry in found
                if not is_looked_at or outputs_to(entry.instructions, request.out_port)
            ],
            effects,
        )

    return ask_shared(channel, frame, wanted, all_told, effects)


def entries_of(replies: Iterable[Message]) -> Iterator[FlowStats]:
    """The entries that replies tell of."""
    for reply in replies:
        if isinstance(reply, FlowStatsReply):
            yield from reply.flows


def from_tables(
    switch: VirtualSwitch, block: TableBlock, entries: Iterable[FlowStats]
) -> Iterator[FlowStats]:
    """Entries of a slice's block in its own terms, without the hypervisor's own."""
    for entry in entries:
        if not block.first <= entry.table_id < block.end or is_our_miss(switch, entry):
            continue
        flags = entry.flags
        if is_miss(entry, block) and switch.has_own_miss and not switch.own_miss_is_told:
            flags &= ~SEND_FLOW_REM  # that was ours
        yield evolve(
            entry,
            table_id=entry.table_id - block.first,
            flags=flags,
            match=entry.match if switch.view.share is None else match_to_virtual(entry.match),
            instructions=instructions_to_virtual(switch, entry.instructions),
        )


def _ask_pieces(
    channel: TenantChannel,
    frame: bytes,
    request: FlowStatsRequest,
    answer: FlowAnswer,
    effects: Effects,
) -> Refusal | None:
    switch = channel.switch

    def all_told(replies: list[Message], effects: Effects) -> None:
        entries = with_pieces(switch, replies)
        answer([one for one in added_up(entries, effects.now) if is_wanted(request, one[1])], effects)

    return ask_shared(channel, frame, [FlowStatsRequest()], all_told, effects)


def with_pieces(switch: VirtualSwitch, replies: Iterable[Message]) -> list[tuple[Entry, list[FlowStats]]]:
    """The entries of a slice that is intersected, each with what the datapath tells of its pieces."""
    found: dict[int, list[FlowStats]] = {}
    for piece in entries_of(replies):
        if piece.cookie & PIECE_COOKIE_MASK == PIECE_COOKIE:
            found.setdefault(piece.cookie & MAX_ENTRY_NUMBER, []).append(piece)
    return [
        (entry, pieces)
        for number, pieces in found.items()
        if (entry := switch.datapath.entries.get(number)) is not None and is_current(switch, entry)
    ]


def is_current(switch: VirtualSwitch, entry: Entry) -> bool:
    """Whether an entry is this slice's and not about to go."""
    table = switch.flow_table
    return table is not None and table.holds(entry)


def added_up(entries: Iterable[tuple[Entry, list[FlowStats]]], now: float) -> Iterator[Worded]:
    """Entries as their tenants wrote them, with what their pieces have counted."""
    for entry, pieces in entries:
        written = entry.flow_mod()
        seconds, nanoseconds = max((piece.duration_sec, piece.duration_nsec) for piece in pieces)
        if entry.idling is not None:
            seconds, nanoseconds = lived(entry.idling, now)
        stats = FlowStats(
            duration_sec=seconds,
            duration_nsec=nanoseconds,
            priority=written.priority,
            idle_timeout=written.idle_timeout,
            hard_timeout=written.hard_timeout,
            flags=written.flags,
            cookie=entry.cookie,
            packet_count=entry.packet_count + sum(piece.packet_count for piece in pieces),
            byte_count=entry.byte_count + sum(piece.byte_count for piece in pieces),
            match=written.match,
            instructions=written.instructions,
        )
        yield entry.wording, stats


def is_wanted(request: FlowStatsRequest, stats: FlowStats) -> bool:
    """Whether an entry passes the request's filters (1.3.5, section 7.3.5.2)."""
    if (stats.cookie ^ request.cookie) & request.cookie_mask:
        return False
    wanted = boxes_of(request.match)
    within = all(any(covers(outer, box) for outer in wanted) for box in boxes_of(stats.match))
    return within and leads_to(stats.instructions, request.out_port, request.out_group)


def ports(
    channel: TenantChannel, frame: bytes, request: PortStatsRequest, effects: Effects
) -> Refusal | None:
    """A request for PORT statistics."""
    switch = channel.switch
    if switch.view.share is not None:
        return _virtual_ports(channel, frame, request, switch.view.share, effects)
    numbers = {port.number for port in switch.visible_ports}
    if request.port != ANY and request.port not in numbers:
        # As Open vSwitch has it, neither version says otherwise; another slice's port is as none at all.
        send_reply(channel, PortStatsReply(xid=request.xid), "ports", (), effects)
        return None

    def answer(replies: list[Message], effects: Effects) -> None:
        entries = [
            stats
            for reply in replies
            if isinstance(reply, PortStatsReply)
            for stats in reply.ports
            if stats.port in numbers
        ]
        send_reply(channel, PortStatsReply(xid=request.xid), "ports", entries, effects)

    return ask_shared(channel, frame, [PortStatsRequest(port=request.port)], answer, effects)


def _virtual_ports(
    channel: TenantChannel, frame: bytes, request: PortStatsRequest, share: Share, effects: Effects
) -> Refusal | None:
    """Of a virtual network's switch those ports whose packets come in here; what no port counts is not known."""
    here = [port.number for port in channel.switch.ports if share.ports[port.number].ingresses]
    wanted = [number for number in here if request.port in (ANY, number)]
    whole = whole_ports(share)

    def answer(replies: list[Message], effects: Effects) -> None:
        told = [stats for reply in replies if isinstance(reply, PortStatsReply) for stats in reply.ports]
        found = {stats.port: stats for stats in told}
        entries = [
            evolve(found.get(whole.get(number, ANY), uncounted(number)), port=number) for number in wanted
        ]
        send_reply(channel, PortStatsReply(xid=request.xid), "ports", entries, effects)

    counted = [whole[number] for number in wanted if number in whole]
    if not counted:
        answer([], effects)
        return None
    ask_for = counted[0] if len(counted) == 1 else ANY
    return ask_shared(channel, frame, [PortStatsRequest(port=ask_for)], answer, effects)


def tables(
    channel: TenantChannel, frame: bytes, request: TableStatsRequest, effects: Effects
) -> Refusal | None:
    """A request for TABLE statistics."""
    switch = channel.switch
    block = switch.view.block
    if block is None:
        # What other slices' packets looked up in the shared table is not ours to tell.
        count = 0 if switch.flow_table is None else len(switch.flow_table)
        only = described(TableStats(0, count, UNKNOWN_COUNTER, UNKNOWN_COUNTER))
        send_reply(channel, TableStatsReply(xid=request.xid), "tables", [only], effects)
        return None
    shown = block.size if TRAITS[channel.version].has_tables else 1
    ours = switch.our_entries  # when the datapath counts

    def answer(replies: list[Message], effects: Effects) -> None:
        entries = [
            _table_to_virtual(block, stats, ours)
            for reply in replies
            if isinstance(reply, TableStatsReply)
            for stats in reply.tables
            if block.first <= stats.table_id < block.first + shown
        ]
        send_reply(channel, TableStatsReply(xid=request.xid), "tables", entries, effects)

    return ask_shared(channel, frame, [TableStatsRequest()], answer, effects)


def _table_to_virtual(block: TableBlock, stats: TableStats, ours: int) -> TableStats:
    number = stats.table_id - block.first
    count = max(stats.active_count - ours, 0) if number == 0 else stats.active_count
    return described(evolve(stats, table_id=number, active_count=count))


def described(stats: TableStats) -> TableStats:
    """With what 1.0 says of a table besides."""
    name = f"table{stats.table_id}"
    return evolve(stats, name=name, wildcards=ALL_WILDCARDS_10, max_entries=MAX_ENTRIES)
