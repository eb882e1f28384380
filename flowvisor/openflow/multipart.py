"""Multipart requests and replies (1.0's statistics), the same objects for every version.

Each reply carries the entries of its one frame; `more` says that further replies with the same xid follow.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from flowvisor.openflow.actions import Instructions
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    ALL_METERS,
    ALL_QUEUES,
    ALL_TABLES,
    ANY_GROUP,
    Bucket,
    Message,
    MeterBand,
    OpaqueProperty,
)
from flowvisor.openflow.ports import ANY, Port

UNKNOWN_COUNTER: Final = 0xFFFFFFFFFFFFFFFF  # a counter that the datapath does not keep


@frozen(kw_only=True)
class MultipartRequest(Message):
    """Base of every multipart request; `more` can be set in 1.3 only (table features in several parts)."""

    more: bool = False


@frozen(kw_only=True)
class MultipartReply(Message):
    more: bool = False


@frozen(kw_only=True)
class DescRequest(MultipartRequest):
    pass


@frozen(kw_only=True)
class DescReply(MultipartReply):
    manufacturer: str = ""
    hardware: str = ""
    software: str = ""
    serial_number: str = ""
    datapath: str = ""


@frozen(kw_only=True)
class FlowStatsRequest(MultipartRequest):
    """In 1.0 there is no group filter and no cookie filter."""

    table_id: int = ALL_TABLES
    out_port: int = ANY
    out_group: int = ANY_GROUP
    cookie: int = 0
    cookie_mask: int = 0
    match: Match = MATCH_ALL


@frozen
class FlowStats:
    """One flow entry. 1.0 has no flags."""

    table_id: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0
    priority: int = 0
    idle_timeout: int = 0
    hard_timeout: int = 0
    flags: int = 0
    cookie: int = 0
    packet_count: int = 0
    byte_count: int = 0
    match: Match = MATCH_ALL
    instructions: Instructions = ()


@frozen(kw_only=True)
class FlowStatsReply(MultipartReply):
    flows: tuple[FlowStats, ...] = ()


@frozen(kw_only=True)
class AggregateStatsRequest(MultipartRequest):
    table_id: int = ALL_TABLES
    out_port: int = ANY
    out_group: int = ANY_GROUP
    cookie: int = 0
    cookie_mask: int = 0
    match: Match = MATCH_ALL


@frozen(kw_only=True)
class AggregateStatsReply(MultipartReply):
    packet_count: int = 0
    byte_count: int = 0
    flow_count: int = 0


@frozen(kw_only=True)
class TableStatsRequest(MultipartRequest):
    pass


@frozen
class TableStats:
    """`name`, `wildcards` and `max_entries` exist in 1.0 only."""

    table_id: int
    active_count: int = 0
    lookup_count: int = 0
    matched_count: int = 0
    name: str = ""
    wildcards: int = 0
    max_entries: int = 0


@frozen(kw_only=True)
class TableStatsReply(MultipartReply):
    tables: tuple[TableStats, ...] = ()


@frozen(kw_only=True)
class PortStatsRequest(MultipartRequest):
    port: int = ANY


@frozen
class PortStats:
    """Counters of a port; durations exist in 1.3 only."""

    port: int
    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0
    rx_errors: int = 0
    tx_errors: int = 0
    rx_frame_errors: int = 0
    rx_over_errors: int = 0
    rx_crc_errors: int = 0
    collisions: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0


@frozen(kw_only=True)
class PortStatsReply(MultipartReply):
    ports: tuple[PortStats, ...] = ()


@frozen(kw_only=True)
class QueueStatsRequest(MultipartRequest):
    port: int = ANY
    queue_id: int = ALL_QUEUES


@frozen
class QueueStats:
    port: int
    queue_id: int
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0


@frozen(kw_only=True)
class QueueStatsReply(MultipartReply):
    queues: tuple[QueueStats, ...] = ()


@frozen(kw_only=True)
class GroupStatsRequest(MultipartRequest):
    group_id: int = ALL_GROUPS


@frozen
class GroupStats:
    """`buckets` holds (packets, bytes) of each bucket in order."""

    group_id: int
    ref_count: int = 0
    packet_count: int = 0
    byte_count: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0
    buckets: tuple[tuple[int, int], ...] = ()


@frozen(kw_only=True)
class GroupStatsReply(MultipartReply):
    groups: tuple[GroupStats, ...] = ()


@frozen(kw_only=True)
class GroupDescRequest(MultipartRequest):
    pass


@frozen
class GroupDesc:
    group_type: int
    group_id: int
    buckets: tuple[Bucket, ...] = ()


@frozen(kw_only=True)
class GroupDescReply(MultipartReply):
    groups: tuple[GroupDesc, ...] = ()


@frozen(kw_only=True)
class GroupFeaturesRequest(MultipartRequest):
    pass


@frozen(kw_only=True)
class GroupFeaturesReply(MultipartReply):
    """`max_groups` and `actions` hold one number for each group type, in the order of their numbers."""

    types: int = 0
    capabilities: int = 0
    max_groups: tuple[int, int, int, int] = (0, 0, 0, 0)
    actions: tuple[int, int, int, int] = (0, 0, 0, 0)


@frozen(kw_only=True)
class MeterStatsRequest(MultipartRequest):
    meter_id: int = ALL_METERS


@frozen
class MeterStats:
    """`bands` holds (packets, bytes) of each band in order."""

    meter_id: int
    flow_count: int = 0
    packet_in_count: int = 0
    byte_in_count: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0
    bands: tuple[tuple[int, int], ...] = ()


@frozen(kw_only=True)
class MeterStatsReply(MultipartReply):
    meters: tuple[MeterStats, ...] = ()


@frozen(kw_only=True)
class MeterConfigRequest(MultipartRequest):
    meter_id: int = ALL_METERS


@frozen
class MeterConfig:
    meter_id: int
    flags: int = 0
    bands: tuple[MeterBand, ...] = ()


@frozen(kw_only=True)
class MeterConfigReply(MultipartReply):
    meters: tuple[MeterConfig, ...] = ()


@frozen(kw_only=True)
class MeterFeaturesRequest(MultipartRequest):
    pass


@frozen(kw_only=True)
class MeterFeaturesReply(MultipartReply):
    max_meter: int = 0
    band_types: int = 0
    capabilities: int = 0
    max_bands: int = 0
    max_color: int = 0


# Kinds of TableProperty (OFPTFPT_*, section 7.3.5.5.2). An odd kind speaks of the table-miss entry.
INSTRUCTIONS: Final = 0
INSTRUCTIONS_MISS: Final = 1
NEXT_TABLES: Final = 2
NEXT_TABLES_MISS: Final = 3
WRITE_ACTIONS: Final = 4
WRITE_ACTIONS_MISS: Final = 5
APPLY_ACTIONS: Final = 6
APPLY_ACTIONS_MISS: Final = 7
MATCH: Final = 8
WILDCARDS: Final = 10
WRITE_SETFIELD: Final = 12
WRITE_SETFIELD_MISS: Final = 13
APPLY_SETFIELD: Final = 14
APPLY_SETFIELD_MISS: Final = 15


@frozen
class TableProperty:
    """One property of a table.

    `ids` holds what the kind lists: instruction types, table ids, action types, or 32-bit OXM headers.
    An experimenter's instruction or action id, and an experimenter OXM header, is `(id, rest)` in `opaque`:
    the 32-bit first word (type and length, or OXM header) and the bytes that follow it.
    """

    kind: int
    ids: tuple[int, ...] = ()
    opaque: tuple[tuple[int, bytes], ...] = ()


@frozen
class TableFeatures:
    table_id: int
    name: str = ""
    metadata_match: int = 0
    metadata_write: int = 0
    config: int = 0
    max_entries: int = 0
    properties: tuple[TableProperty | OpaqueProperty, ...] = ()


@frozen(kw_only=True)
class TableFeaturesRequest(MultipartRequest):
    """With `tables` it asks the datapath to become so, without it only asks."""

    tables: tuple[TableFeatures, ...] = ()


@frozen(kw_only=True)
class TableFeaturesReply(MultipartReply):
    tables: tuple[TableFeatures, ...] = ()


@frozen(kw_only=True)
class PortDescRequest(MultipartRequest):
    """1.3 only."""


@frozen(kw_only=True)
class PortDescReply(MultipartReply):
    ports: tuple[Port, ...] = ()


@frozen(kw_only=True)
class ExperimenterMultipartRequest(MultipartRequest):
    """`body` is all that follows the experimenter id."""

    experimenter: int
    body: bytes = b""


@frozen(kw_only=True)
class ExperimenterMultipartReply(MultipartReply):
    experimenter: int
    body: bytes = b""
