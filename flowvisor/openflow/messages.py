"""The messages of OpenFlow, the same objects for every version.

A message's fields carry 1.3's names and numbers (reserved ports, error codes, port features, reasons,
commands); a codec turns them into its version's. Multipart messages are in `flowvisor.openflow.multipart`.
"""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from flowvisor.openflow.actions import Actions, Instructions
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.ports import ANY, Port

NO_BUFFER: Final = 0xFFFFFFFF
ALL_TABLES: Final = 0xFF
ANY_GROUP: Final = 0xFFFFFFFF
ALL_GROUPS: Final = 0xFFFFFFFC
MAX_GROUP: Final = 0xFFFFFF00
ALL_METERS: Final = 0xFFFFFFFF
ALL_QUEUES: Final = 0xFFFFFFFF

# FlowMod.command
ADD: Final = 0
MODIFY: Final = 1
MODIFY_STRICT: Final = 2
DELETE: Final = 3
DELETE_STRICT: Final = 4

# FlowMod.flags; 1.0 has the first two (and EMERG, which is decoded to this bit and refused by 1.3's codec)
SEND_FLOW_REM: Final = 1 << 0
CHECK_OVERLAP: Final = 1 << 1
RESET_COUNTS: Final = 1 << 2
NO_PACKET_COUNTS: Final = 1 << 3
NO_BYTE_COUNTS: Final = 1 << 4
EMERGENCY: Final = 1 << 16

# PacketIn.reason
REASON_NO_MATCH: Final = 0
REASON_ACTION: Final = 1
REASON_INVALID_TTL: Final = 2

# FlowRemoved.reason
IDLE_TIMEOUT: Final = 0
HARD_TIMEOUT: Final = 1
REMOVED_BY_DELETE: Final = 2
REMOVED_BY_GROUP_DELETE: Final = 3

# PortStatus.reason
PORT_ADD: Final = 0
PORT_DELETE: Final = 1
PORT_MODIFY: Final = 2

# FeaturesReply.capabilities; 1.0 has STP in bit 3 where 1.3 has GROUP_STATS, and ARP_MATCH_IP in bit 7
FLOW_STATS: Final = 1 << 0
TABLE_STATS: Final = 1 << 1
PORT_STATS: Final = 1 << 2
GROUP_STATS: Final = 1 << 3
IP_REASSEMBLY: Final = 1 << 5
QUEUE_STATS: Final = 1 << 6
PORT_BLOCKED: Final = 1 << 8
STP_10: Final = 1 << 16  # 1.0 only, kept out of the way of 1.3's bits
ARP_MATCH_IP_10: Final = 1 << 17  # 1.0 only

# RoleRequest.role
ROLE_NOCHANGE: Final = 0
ROLE_EQUAL: Final = 1
ROLE_MASTER: Final = 2
ROLE_SLAVE: Final = 3

# GroupMod.command and .group_type
GROUP_ADD: Final = 0
GROUP_MODIFY: Final = 1
GROUP_DELETE: Final = 2
GROUP_TYPE_ALL: Final = 0
GROUP_TYPE_SELECT: Final = 1
GROUP_TYPE_INDIRECT: Final = 2
GROUP_TYPE_FAST_FAILOVER: Final = 3

# MeterMod.command, .flags
METER_ADD: Final = 0
METER_MODIFY: Final = 1
METER_DELETE: Final = 2
METER_KBPS: Final = 1 << 0
METER_PKTPS: Final = 1 << 1
METER_BURST: Final = 1 << 2
METER_STATS: Final = 1 << 3

BAND_DROP: Final = 1
BAND_DSCP_REMARK: Final = 2


@frozen(kw_only=True)
class Message:
    """Base of every message; `xid` pairs a reply with its request."""

    xid: int = 0


@frozen(kw_only=True)
class Hello(Message):
    """`versions` is the bitmap element as a set of wire versions, or None when the element is absent.

    `version` is the version in the frame's header.
    """

    version: int
    versions: frozenset[int] | None = None


@frozen(kw_only=True)
class Error(Message):
    """`error` is (type, code) as in `error_codes`; `data` is what of the request came back."""

    error: tuple[int, int]
    data: bytes = b""


@frozen(kw_only=True)
class EchoRequest(Message):
    data: bytes = b""


@frozen(kw_only=True)
class EchoReply(Message):
    data: bytes = b""


@frozen(kw_only=True)
class Experimenter(Message):
    """`body` is all that follows the experimenter id (1.3: the experimenter type first)."""

    experimenter: int
    body: bytes = b""


@frozen(kw_only=True)
class FeaturesRequest(Message):
    pass


@frozen(kw_only=True)
class FeaturesReply(Message):
    """`actions` (1.0's bitmap of supported ones) and `ports` are 1.0's only, `auxiliary_id` 1.3's only."""

    dpid: int
    n_buffers: int = 0
    n_tables: int = 1
    auxiliary_id: int = 0
    capabilities: int = 0
    actions: int = 0
    ports: tuple[Port, ...] = ()


@frozen(kw_only=True)
class GetConfigRequest(Message):
    pass


@frozen(kw_only=True)
class GetConfigReply(Message):
    flags: int = 0
    miss_send_len: int = 128


@frozen(kw_only=True)
class SetConfig(Message):
    flags: int = 0
    miss_send_len: int = 128


NO_COOKIE: Final = 0xFFFF_FFFF_FFFF_FFFF  # of a packet-in that no entry has sent


@frozen(kw_only=True)
class PacketIn(Message):
    """The port is `match.exact("in_port")` in every version; in 1.0 `table_id` is 0, `cookie` all ones."""

    buffer_id: int = NO_BUFFER
    total_len: int
    reason: int
    table_id: int = 0
    cookie: int = NO_COOKIE
    match: Match
    data: bytes = b""


@frozen(kw_only=True)
class FlowRemoved(Message):
    """`hard_timeout` and `table_id` are 0 in 1.0."""

    cookie: int
    priority: int
    reason: int
    table_id: int = 0
    duration_sec: int = 0
    duration_nsec: int = 0
    idle_timeout: int = 0
    hard_timeout: int = 0
    packet_count: int = 0
    byte_count: int = 0
    match: Match = MATCH_ALL


@frozen(kw_only=True)
class PortStatus(Message):
    reason: int
    port: Port


@frozen(kw_only=True)
class PacketOut(Message):
    buffer_id: int = NO_BUFFER
    in_port: int = ANY
    actions: Actions = ()
    data: bytes = b""


@frozen(kw_only=True)
class FlowMod(Message):
    """In 1.0 `table_id` is 0, the cookie mask 0, and `instructions` at most one `ApplyActions`."""

    cookie: int = 0
    cookie_mask: int = 0
    table_id: int = 0
    command: int = ADD
    idle_timeout: int = 0
    hard_timeout: int = 0
    priority: int = 0x8000
    buffer_id: int = NO_BUFFER
    out_port: int = ANY
    out_group: int = ANY_GROUP
    flags: int = 0
    match: Match = MATCH_ALL
    instructions: Instructions = ()


@frozen
class Bucket:
    weight: int = 0
    watch_port: int = ANY
    watch_group: int = ANY_GROUP
    actions: Actions = ()


@frozen(kw_only=True)
class GroupMod(Message):
    """1.3 only."""

    command: int
    group_type: int = GROUP_TYPE_ALL
    group_id: int
    buckets: tuple[Bucket, ...] = ()


@frozen(kw_only=True)
class PortMod(Message):
    port: int
    hw_addr: bytes = bytes(6)
    config: int = 0
    mask: int = 0
    advertise: int = 0


@frozen(kw_only=True)
class TableMod(Message):
    """1.3 only."""

    table_id: int
    config: int = 0


@frozen(kw_only=True)
class BarrierRequest(Message):
    pass


@frozen(kw_only=True)
class BarrierReply(Message):
    pass


@frozen(kw_only=True)
class QueueGetConfigRequest(Message):
    port: int


@frozen
class OpaqueProperty:
    """A property that is not understood: its type and what follows type and length (padding excluded)."""

    kind: int
    body: bytes


@frozen
class PacketQueue:
    """A queue; rates are in 1/10 of a percent, None when absent."""

    queue_id: int
    port: int = ANY  # 1.3 only
    min_rate: int | None = None
    max_rate: int | None = None  # 1.3 only
    opaque: tuple[OpaqueProperty, ...] = ()


@frozen(kw_only=True)
class QueueGetConfigReply(Message):
    port: int
    queues: tuple[PacketQueue, ...] = ()


@frozen(kw_only=True)
class RoleRequest(Message):
    """1.3 only (Nicira's role request of 1.0 is an `Experimenter`)."""

    role: int
    generation_id: int = 0


@frozen(kw_only=True)
class RoleReply(Message):
    role: int
    generation_id: int = 0


@frozen
class AsyncMasks:
    """For each kind of asynchronous message the mask of reasons: (as master or equal, as slave)."""

    packet_in: tuple[int, int] = (0x7, 0)
    port_status: tuple[int, int] = (0x7, 0x7)
    flow_removed: tuple[int, int] = (0xF, 0)


# As Open vSwitch has it: who wants to hear of packets whose time to live is over asks for them.
DEFAULT_MASKS: Final = AsyncMasks(packet_in=(1 << REASON_NO_MATCH | 1 << REASON_ACTION, 0))


@frozen(kw_only=True)
class GetAsyncRequest(Message):
    """1.3 only."""


@frozen(kw_only=True)
class GetAsyncReply(Message):
    masks: AsyncMasks = field(factory=AsyncMasks)


@frozen(kw_only=True)
class SetAsync(Message):
    masks: AsyncMasks = field(factory=AsyncMasks)


@frozen
class MeterBand:
    """`kind` is BAND_DROP, BAND_DSCP_REMARK (with `prec_level`) or experimenter's (`body`, the id first)."""

    kind: int
    rate: int
    burst_size: int = 0
    prec_level: int = 0
    body: bytes = b""


@frozen(kw_only=True)
class MeterMod(Message):
    """1.3 only."""

    command: int
    flags: int = 0
    meter_id: int
    bands: tuple[MeterBand, ...] = ()
