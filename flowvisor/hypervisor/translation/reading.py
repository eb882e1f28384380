"""Slices that may look at what others own: what these have there is shown, and nothing of it can be changed.

Strategy: an entry is shown to a slice if it may match packets that the slice may look at, and its owner has any of
them; with the tables as its owner numbers them and the cookie as its owner wrote it. For a slice that has nothing of
its own at a datapath there is another table of messages, so that no other translation need know of such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from flowvisor.flowspace.layout import boxes_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flow_table import MAX_ENTRY_NUMBER, PIECE_COOKIE, PIECE_COOKIE_MASK, Entry
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.readings import ask_shared
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.translation import statistics
from flowvisor.hypervisor.translation.statistics import FlowAnswer, Worded
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as msg
from flowvisor.openflow import multipart as multi
from flowvisor.planning.plan import Enforcement

OfMessage = Callable[[TenantChannel, bytes, Any, Effects], Refusal | None]

READ_ONLY: Final = "read-only"


def refused_frame(error: tuple[int, int]) -> Callable[[TenantChannel, bytes, Effects], Refusal | None]:
    """What is done with a frame that would change something, unless it is no good at all."""

    def refused(channel: TenantChannel, frame: bytes, _effects: Effects) -> Refusal | None:
        channel.codec.decode(frame)
        return Refusal(error, READ_ONLY)

    return refused


flow_mod: Final = refused_frame(codes.FLOW_MOD_EPERM)
packet_out: Final = refused_frame(codes.REQUEST_EPERM)


def _refused(error: tuple[int, int]) -> OfMessage:
    def refused(
        _channel: TenantChannel, _frame: bytes, _message: msg.Message, _effects: Effects
    ) -> Refusal | None:
        return Refusal(error, READ_ONLY)

    return refused


# ------------------------------------------------------------------------------------- others' entries


def flows(
    channel: TenantChannel, frame: bytes, request: multi.FlowStatsRequest, effects: Effects
) -> Refusal | None:
    """A request for FLOW statistics."""
    return statistics.flows(channel, frame, request, effects, ask=_ask_all)


def aggregate(
    channel: TenantChannel, frame: bytes, request: multi.AggregateStatsRequest, effects: Effects
) -> Refusal | None:
    """A request for AGGREGATE statistics."""
    return statistics.aggregate(channel, frame, request, effects, ask=_ask_all)


def _ask_all(
    channel: TenantChannel,
    frame: bytes,
    request: multi.FlowStatsRequest,
    answer: FlowAnswer,
    effects: Effects,
) -> Refusal | None:
    """Ask for the slice's own entries, then for those that others have."""
    view = channel.switch.view
    if request.match.opaque:
        return Refusal(codes.MATCH_BAD_FIELD, "experimenter")
    if request.table_id != msg.ALL_TABLES and request.table_id >= view.n_tables_seen:
        return Refusal(codes.REQUEST_BAD_TABLE_ID, "table-id")

    def with_others(own: list[Worded], effects: Effects) -> None:
        def all_told(replies: list[msg.Message], effects: Effects) -> None:
            found = statistics.entries_of(replies)
            is_wanted = [
                one for one in _others(channel.switch, found, effects.now) if _passes(request, one[1])
            ]
            answer([*own, *is_wanted], effects)

        everything = multi.FlowStatsRequest(table_id=_every_table(channel.switch))
        refusal = ask_shared(channel, frame, [everything], all_told, effects)
        if refusal is not None:
            refuse(channel, frame, refusal, effects)

    own_tables = view.n_tables if view.may_write else 0
    if not view.may_write or own_tables <= request.table_id != msg.ALL_TABLES:
        with_others([], effects)
        return None
    return statistics.ask_flows(channel, frame, request, with_others, effects)


def _every_table(switch: VirtualSwitch) -> int:
    return msg.ALL_TABLES if switch.datapath.plan.enforcement is Enforcement.TABLES else 0


def _others(reader: VirtualSwitch, found: Iterable[multi.FlowStats], now: float) -> Iterator[Worded]:
    """Of the entries at a datapath those that others have and the reader may see, in their owners' terms."""
    datapath = reader.datapath
    owners = {
        name: switch
        for name, switch in datapath.switches.items()
        if switch is not reader and switch.view.share is None and reader.view.sees_some_of_slice(switch.view)
    }
    pieces: dict[int, list[multi.FlowStats]] = {}
    for stats in found:
        owner = datapath.switch_by_table[stats.table_id]
        if owner is not None and owner.name.slice_name in owners:
            if reader.view.sees_some_of(boxes_of(stats.match)):
                assert owner.view.block is not None
                for entry in statistics.from_tables(owner, owner.view.block, [stats]):
                    yield datapath.version, entry
        elif owner is None and stats.cookie & PIECE_COOKIE_MASK == PIECE_COOKIE:
            pieces.setdefault(stats.cookie & MAX_ENTRY_NUMBER, []).append(stats)
    yield from statistics.added_up(_seen(reader, owners, pieces), now)


def _seen(
    reader: VirtualSwitch, owners: Mapping[str, VirtualSwitch], pieces: Mapping[int, list[multi.FlowStats]]
) -> Iterator[tuple[Entry, list[multi.FlowStats]]]:
    for number, of_entry in pieces.items():
        entry = reader.datapath.entries.get(number)
        owner = owners.get(entry.owner) if entry is not None else None
        if entry is None or owner is None or not statistics.is_current(owner, entry):
            continue
        if any(reader.view.sees_some_of(boxes_of(piece.match)) for piece in of_entry):
            yield entry, of_entry


def _passes(request: multi.FlowStatsRequest, stats: multi.FlowStats) -> bool:
    """Whether an entry, in its owner's terms, passes the request's filters."""
    is_in_table = request.table_id in (msg.ALL_TABLES, stats.table_id)
    return is_in_table and statistics.is_wanted(request, stats)


# ------------------------------------------------------------------------------------- nothing of its own


def tables(
    channel: TenantChannel, _frame: bytes, request: multi.TableStatsRequest, effects: Effects
) -> Refusal | None:
    """A request for TABLE statistics: how many tables there may be, and nothing of what they hold."""
    listed = [
        statistics.described(multi.TableStats(number, 0, multi.UNKNOWN_COUNTER, multi.UNKNOWN_COUNTER))
        for number in range(channel.switch.view.n_tables)
    ]
    reply = multi.TableStatsReply(xid=request.xid)
    statistics.send_reply(channel, reply, "tables", listed, effects)
    return None


_NO_PROPERTIES: Final = tuple(
    multi.TableProperty(kind)
    for kind in (
        *(multi.INSTRUCTIONS, multi.NEXT_TABLES, multi.WRITE_ACTIONS, multi.APPLY_ACTIONS),
        *(multi.MATCH, multi.WILDCARDS, multi.WRITE_SETFIELD, multi.APPLY_SETFIELD),
    )
)


def table_features(
    channel: TenantChannel, _frame: bytes, request: multi.TableFeaturesRequest, effects: Effects
) -> Refusal | None:
    """A request for TABLE_FEATURES: tables that take no entry."""
    if request.tables:
        return Refusal(codes.TABLE_FEATURES_EPERM, READ_ONLY)
    listed = [
        multi.TableFeatures(table_id=number, name=f"table{number}", properties=_NO_PROPERTIES)
        for number in range(channel.switch.view.n_tables)
    ]
    reply = multi.TableFeaturesReply(xid=request.xid)
    statistics.send_reply(channel, reply, "tables", listed, effects)
    return None


# What is done otherwise for a slice that may look at others', and for one that may do nothing else.
OF_READERS: Final[Mapping[type[msg.Message], OfMessage]] = {
    multi.FlowStatsRequest: flows,
    multi.AggregateStatsRequest: aggregate,
}
OF_READERS_ONLY: Final[Mapping[type[msg.Message], OfMessage]] = {
    **OF_READERS,
    msg.GroupMod: _refused(codes.GROUP_EPERM),
    msg.MeterMod: _refused(codes.REQUEST_EPERM),  # METER_MOD_FAILED has no code for it
    msg.PortMod: _refused(codes.PORT_MOD_EPERM),
    msg.TableMod: _refused(codes.TABLE_MOD_EPERM),
    multi.TableStatsRequest: tables,
    multi.TableFeaturesRequest: table_features,
}
