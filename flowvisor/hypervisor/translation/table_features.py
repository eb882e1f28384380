"""TABLE_FEATURES: what the slice's tables can do, clean of what it does not get.

Strategy: Open vSwitch tells 1.25 MB of it, so it is asked for when a tenant first asks, once for all who ask until
the answer has come, only the tables that slices have are decoded, and that is kept while the datapath stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from struct import Struct
from typing import Final

from attrs import evolve

from flowvisor.errors import MalformedMessage
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import ask
from flowvisor.hypervisor.transactions import Request
from flowvisor.hypervisor.translation.statistics import MAX_ENTRIES, send_reply
from flowvisor.hypervisor.translation.virtual_ports import UNSEEN_FIELDS
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.fields import FIELDS, OPENFLOW_BASIC
from flowvisor.openflow.frame import HEADER, MULTIPART_REPLY, xid_of
from flowvisor.openflow.messages import QUEUE_STATS, Message
from flowvisor.openflow.multipart import (
    APPLY_ACTIONS,
    APPLY_ACTIONS_MISS,
    APPLY_SETFIELD,
    APPLY_SETFIELD_MISS,
    INSTRUCTIONS,
    INSTRUCTIONS_MISS,
    MATCH,
    NEXT_TABLES,
    NEXT_TABLES_MISS,
    WILDCARDS,
    WRITE_ACTIONS,
    WRITE_ACTIONS_MISS,
    WRITE_SETFIELD,
    WRITE_SETFIELD_MISS,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
    TableProperty,
)
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.share import TENANT_BITS

MAX_ASKING: Final = (
    16  # requests of one channel that wait for the datapath's answer; a further one is refused
)

_BODY: Final = 16  # of a multipart reply
_LENGTH_AND_TABLE: Final = Struct("!HB")
_MULTIPART_HEADER: Final = Struct("!HHI")
_TABLE_FEATURES: Final = 12

# OFPIT_METER, OFPAT_SET_QUEUE and OFPAT_GROUP: shown where the datapath offers what they need.
_METER: Final = (False, 6)  # (is an action, its number)
_SET_QUEUE: Final = (True, 21)
_GROUP: Final = (True, 22)
_INSTRUCTIONS_AND_ACTIONS: Final = frozenset({_METER, _SET_QUEUE, _GROUP})
_INSTRUCTION_KINDS: Final = frozenset({INSTRUCTIONS, INSTRUCTIONS_MISS})
_NEXT_KINDS: Final = frozenset({NEXT_TABLES, NEXT_TABLES_MISS})
_SET_FIELD_KINDS: Final = frozenset(
    {WRITE_SETFIELD, WRITE_SETFIELD_MISS, APPLY_SETFIELD, APPLY_SETFIELD_MISS}
)
_IN_PORT: Final = FIELDS["in_port"].oxm_header  # may be set by us alone
_ACTION_KINDS: Final = frozenset({WRITE_ACTIONS, WRITE_ACTIONS_MISS, APPLY_ACTIONS, APPLY_ACTIONS_MISS})

# What an intersected slice can do whatever the datapath's version: 1.0's matches and actions.
_MATCH_FIELDS: Final = (
    *("in_port", "eth_dst", "eth_src", "eth_type", "vlan_vid", "vlan_pcp", "ip_dscp", "ip_proto", "ipv4_src"),
    *("ipv4_dst", "tcp_src", "tcp_dst", "udp_src", "udp_dst", "icmpv4_type", "icmpv4_code", "arp_op"),
    *("arp_spa", "arp_tpa"),
)
_SET_FIELDS: Final = (
    *("eth_dst", "eth_src", "vlan_vid", "vlan_pcp", "ip_dscp", "ipv4_src", "ipv4_dst"),
    *("tcp_src", "tcp_dst", "udp_src", "udp_dst"),
)
_MASKED: Final = frozenset({"ipv4_src", "ipv4_dst", "arp_spa", "arp_tpa"})
_UNSEEN_HEADERS: Final = frozenset(
    header for name in UNSEEN_FIELDS for header in (FIELDS[name].oxm_header, FIELDS[name].masked_oxm_header)
)
_WRITE_APPLY_CLEAR: Final = (3, 4, 5)
_OUTPUT_VLAN_SET_FIELD: Final = (0, 17, 18, 25)


def southbound(
    channel: TenantChannel, frame: bytes, request: TableFeaturesRequest, effects: Effects
) -> Refusal | None:
    """A request for TABLE_FEATURES."""
    if request.tables:
        return Refusal(codes.TABLE_FEATURES_EPERM, "table-features")
    block = channel.switch.view.block
    datapath = channel.switch.datapath
    if block is None:
        _tell(channel, request.xid, [intersected_table(datapath)], effects)
        return None
    if datapath.table_features is not None:
        _tell(channel, request.xid, _in_block(channel.switch, datapath.table_features, block), effects)
        return None

    asking = datapath.features_asked_by
    if sum(one is channel for one, _ in asking) >= MAX_ASKING:
        return Refusal(codes.MULTIPART_BUFFER_OVERFLOW, "too-many-requests")
    asking.append((channel, frame))
    if len(asking) == 1:
        _ask(datapath, effects)
    return None


def _ask(datapath: Datapath, effects: Effects) -> None:
    """Ask for the features of all tables, once for all who want to know."""

    def answer(_replies: list[Message], effects: Effects) -> None:
        told = datapath.table_features = _decoded(datapath, asked.frames)
        for channel, frame in _all_asking(datapath):
            block = channel.switch.view.block
            assert block is not None
            _tell(channel, xid_of(frame), _in_block(channel.switch, told, block), effects)

    def fail(error: tuple[int, int], effects: Effects) -> None:
        for channel, frame in _all_asking(datapath):
            refuse(channel, frame, Refusal(error, "datapath"), effects)

    wanted: list[Message] = [TableFeaturesRequest()]
    # In nobody's name, because whoever asked first may leave before the others.
    asked: Request = ask(datapath, datapath.transactions, wanted, answer, fail, effects, takes_frames=True)


def _all_asking(datapath: Datapath) -> list[tuple[TenantChannel, bytes]]:
    """Take those who wait for an answer and are still there, with their requests."""
    asking, datapath.features_asked_by = datapath.features_asked_by, []
    return [(channel, frame) for channel, frame in asking if not channel.has_left]


def _tell(channel: TenantChannel, xid: int, tables: list[TableFeatures], effects: Effects) -> None:
    send_reply(channel, TableFeaturesReply(xid=xid), "tables", tables, effects)


def _decoded(datapath: Datapath, frames: Iterable[bytes]) -> dict[int, TableFeatures]:
    """The features of those tables that any slice has here; what cannot be decoded is left out."""
    wanted = {table for block in datapath.plan.blocks.values() for table in range(block.first, block.end)}
    found: dict[int, TableFeatures] = {}
    for frame in frames:
        for table_id, entry in _entries(frame):
            if table_id not in wanted:
                continue
            body = _MULTIPART_HEADER.pack(_TABLE_FEATURES, 0, 0) + entry
            alone = HEADER.pack(datapath.version, MULTIPART_REPLY, 8 + len(body), 0) + body
            try:
                reply = datapath.codec.decode(alone)
            except MalformedMessage:
                datapath.malformed += 1
                continue
            assert isinstance(reply, TableFeaturesReply)
            found.update((table.table_id, table) for table in reply.tables)
    return found


def _entries(frame: bytes) -> Iterator[tuple[int, bytes]]:
    offset = _BODY
    while offset + _LENGTH_AND_TABLE.size <= len(frame):
        length, table_id = _LENGTH_AND_TABLE.unpack_from(frame, offset)
        if length < _LENGTH_AND_TABLE.size:
            return
        yield table_id, frame[offset : offset + length]
        offset += length


def _in_block(
    switch: VirtualSwitch, features: dict[int, TableFeatures], block: TableBlock
) -> list[TableFeatures]:
    hidden = _INSTRUCTIONS_AND_ACTIONS - _offered(switch.datapath)
    shown = (
        _pruned(features[table_id], block, hidden)
        for table_id in range(block.first, block.end)
        if table_id in features
    )
    return list(shown if switch.view.share is None else map(_of_virtual_network, shown))


def _of_virtual_network(features: TableFeatures) -> TableFeatures:
    """Without what a virtual network's tenant may not see or set, and with its half of the metadata."""
    return evolve(
        features,
        metadata_match=features.metadata_match & TENANT_BITS,
        metadata_write=features.metadata_write & TENANT_BITS,
        properties=tuple(
            TableProperty(one.kind, tuple(each for each in one.ids if each not in _UNSEEN_HEADERS))
            if isinstance(one, TableProperty)
            else one
            for one in features.properties
        ),
    )


def _offered(datapath: Datapath) -> set[tuple[bool, int]]:
    """Which of the instructions and actions that name something the datapath has anything to name for."""
    offered = set()
    if datapath.meter_features.max_meter:
        offered.add(_METER)
    if datapath.group_features.types:
        offered.add(_GROUP)
    if datapath.features.capabilities & QUEUE_STATS:
        offered.add(_SET_QUEUE)
    return offered


def _pruned(features: TableFeatures, block: TableBlock, hidden: Set[tuple[bool, int]]) -> TableFeatures:
    number = features.table_id - block.first
    return evolve(
        features,
        table_id=number,
        name=f"table{number}",
        properties=tuple(
            TableProperty(one.kind, _pruned_ids(one, block, hidden))
            for one in features.properties
            if isinstance(one, TableProperty)
        ),
    )


def _pruned_ids(one: TableProperty, block: TableBlock, hidden: Set[tuple[bool, int]]) -> tuple[int, ...]:
    if one.kind in _NEXT_KINDS:
        return tuple(table - block.first for table in one.ids if block.first <= table < block.end)
    if one.kind in _INSTRUCTION_KINDS or one.kind in _ACTION_KINDS:
        return tuple(kind for kind in one.ids if (one.kind in _ACTION_KINDS, kind) not in hidden)
    unset = _IN_PORT if one.kind in _SET_FIELD_KINDS else None
    return tuple(header for header in one.ids if header >> 16 == OPENFLOW_BASIC and header != unset)


def intersected_table(datapath: Datapath) -> TableFeatures:
    """The one table of a slice whose entries are intersected."""
    offered = sorted(_offered(datapath))
    instructions = (*_WRITE_APPLY_CLEAR, *(number for is_action, number in offered if not is_action))
    actions = (*_OUTPUT_VLAN_SET_FIELD, *(number for is_action, number in offered if is_action))
    matched = tuple(
        FIELDS[name].masked_oxm_header if name in _MASKED else FIELDS[name].oxm_header
        for name in _MATCH_FIELDS
    )
    set_fields = tuple(FIELDS[name].oxm_header for name in _SET_FIELDS)
    return TableFeatures(
        table_id=0,
        name="table0",
        max_entries=MAX_ENTRIES,
        properties=(
            TableProperty(INSTRUCTIONS, instructions),
            TableProperty(NEXT_TABLES),
            TableProperty(WRITE_ACTIONS, actions),
            TableProperty(APPLY_ACTIONS, actions),
            TableProperty(MATCH, matched),
            TableProperty(WILDCARDS, tuple(FIELDS[name].oxm_header for name in _MATCH_FIELDS)),
            TableProperty(WRITE_SETFIELD, set_fields),
            TableProperty(APPLY_SETFIELD, set_fields),
        ),
    )
