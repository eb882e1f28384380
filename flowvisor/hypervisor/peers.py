"""Who is connected, and what the hypervisor knows of them: state only, no behaviour worth the name."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from attrs import Factory, define, field

from flowvisor.hypervisor.buffers import Buffers
from flowvisor.hypervisor.counters import KINDS, MessageCounters
from flowvisor.hypervisor.effects import Effects, Peer, VirtualSwitchName, Wake
from flowvisor.hypervisor.faults import Doubts, Faults
from flowvisor.hypervisor.flight import Flight
from flowvisor.hypervisor.flow_table import Entry, FlowTable, Readoption
from flowvisor.hypervisor.groups import Groups
from flowvisor.hypervisor.ids import Ids
from flowvisor.hypervisor.limits import Limits
from flowvisor.hypervisor.memory import Memory
from flowvisor.hypervisor.meters import Meters
from flowvisor.hypervisor.port_configs import PortConfigs
from flowvisor.hypervisor.refusals import Refused, no_refusals
from flowvisor.hypervisor.room import Pool, Room
from flowvisor.hypervisor.storm import Storm
from flowvisor.hypervisor.transactions import HYPERVISOR_SLOT, PartialRequest, Request, Transactions
from flowvisor.hypervisor.turns import Share, Turns
from flowvisor.hypervisor.verdicts import Verdicts
from flowvisor.network.discovery import Discovery
from flowvisor.network.topology import Topology
from flowvisor.network.wanted_datapath import ANYHOW, WantedDatapath
from flowvisor.openflow.bridge import DEFAULT_QUEUE
from flowvisor.openflow.messages import (
    DEFAULT_MASKS,
    NO_COOKIE,
    ROLE_EQUAL,
    ROLE_SLAVE,
    AsyncMasks,
    FeaturesReply,
    FlowRemoved,
    Message,
    PacketIn,
)
from flowvisor.openflow.multipart import GroupFeaturesReply, MeterFeaturesReply, TableFeatures
from flowvisor.openflow.ports import Port
from flowvisor.openflow.traits import TRAITS
from flowvisor.openflow.versions import Codec
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.entries import MAX_TENANT_GROUP
from flowvisor.planning.ownership import Ownership
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.view import View
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.quota import Quota
from flowvisor.slices.slice import Slice


@define(eq=False)
class Tenant:
    """A slice while the hypervisor runs; a policy that it does not have is None."""

    policy: Slice
    quota: Quota | None = None
    limits: Limits[TenantChannel] | None = None  # of its rate limit
    bandwidth: Bandwidth | None = None
    counters: dict[int, MessageCounters] = Factory(lambda: {1: MessageCounters(), 4: MessageCounters()})
    channels: list[TenantChannel] = Factory(list)
    pool: Pool = Factory(Pool)  # of room for flow entries, where one limit is for all datapaths
    refusals: deque[Refused] = Factory(no_refusals)  # the latest, oldest first

    @property
    def name(self) -> str:
        return self.policy.name


@define(eq=False, kw_only=True)
class Channel(Peer):
    """One controller's channel to a virtual switch, whatever that lies on."""

    switch: Any
    controller: str
    version: int
    codec: Codec
    counters: MessageCounters
    role: int = ROLE_EQUAL
    masks: AsyncMasks = DEFAULT_MASKS
    miss_send_len: int = 128
    faults: Faults = Factory(Faults)
    backlog_bytes: int = 0  # of frames that wait
    has_left: bool = False

    @property
    def tenant(self) -> Tenant:
        tenant: Tenant = self.switch.tenant
        return tenant

    @property
    def datapaths(self) -> Iterable[Datapath]:
        """Those that what it sends may go to."""
        raise NotImplementedError

    def wants(self, masks: tuple[int, int], reason: int) -> bool:
        """Whether an asynchronous message of this reason goes to the controller, given its role."""
        return bool(masks[self.role == ROLE_SLAVE] >> reason & 1)


@define(eq=False, kw_only=True)
class TenantChannel(Channel):
    """A channel to a slice's share of one datapath: a controller's, or a leg of one to a big switch."""

    switch: VirtualSwitch
    transactions: Transactions[Any]
    # What is done with its FLOW_MODs and PACKET_OUTs, between these two versions; gives a `Refusal` or None.
    flow_mod: Callable[[TenantChannel, bytes, Effects], Any]
    packet_out: Callable[[TenantChannel, bytes, Effects], Any]
    # Whose leg it is (see `big`), None if it is a controller's own; and whether what it sends has taken its tokens.
    leg: Any = None
    is_prepaid: bool = False
    # Frames that wait (see `waiting`), each with when it came; and whether for the answer to an earlier one: who sets
    # this puts the channel among its datapath's `resumable` when that has come.
    backlog: deque[tuple[float, bytes]] = Factory(deque)
    awaits_answer: bool = False
    paid: int = 0  # how many of them, from the first, have taken their tokens already
    is_paused: bool = False  # not read from, because too much waits
    is_delayed: bool = False  # the first that waits has met a rate limit
    # For each barrier that the datapath has not answered yet, what was answered here to the requests behind it.
    barriers: deque[list[bytes]] = Factory(deque)
    readings: int = 0  # requests for statistics that wait, see `readings`
    partial: dict[tuple[int, type[Message]], PartialRequest] = Factory(dict)  # by xid and kind
    # Repairs of entries that the datapath took only in part and has not confirmed yet, and the answers that wait for
    # that: a barrier's must not say that all is done before it is.
    repairs: int = 0
    postponed: list[Request] = Factory(list)

    @property
    def datapaths(self) -> Iterable[Datapath]:
        return (self.switch.datapath,)

    @property
    def limits(self) -> Limits[TenantChannel] | None:
        """The rate limit that its messages meet here."""
        return None if self.is_prepaid else self.switch.tenant.limits


@define(eq=False)
class Waiting:
    """A tenant's request that waits for a reading."""

    channel: TenantChannel
    frame: bytes
    answer: Callable[[list[Message], Effects], None]


@define(eq=False)
class Reading:
    """Statistics that a datapath was asked for at `asked_at`: who waits for them, and who has been given them.

    `changes` is how often each virtual switch's channels had changed anything by then, `replies` is None until they
    have come.
    """

    asked_at: float
    changes: dict[VirtualSwitch, int]
    waiting: list[Waiting] = Factory(list)
    given: set[TenantChannel] = Factory(set)
    replies: list[Message] | None = None


@define(eq=False)
class VirtualSwitch:
    """A slice's share of one connected datapath."""

    name: VirtualSwitchName
    tenant: Tenant
    datapath: Datapath
    view: View
    port_configs: PortConfigs
    allotted: TableBlock  # whether the datapath has these tables or not
    channels: list[TenantChannel] = Factory(list)
    past_changes: int = 0  # made by channels that have left, and by us
    is_mixed: bool = False  # some channel does not speak the datapath's version
    generation_id: int | None = None
    # Verdicts on lists of actions and instructions, by their bytes; emptied when what they follow from changes.
    verdicts: Verdicts[Any] = Factory(Verdicts)
    packet_outs: Verdicts[bytes] = Factory(Verdicts)
    # Over several tables: the fields that entries rewrite, and the ports that rewritten packets may leave by.
    rewritten: set[str] = Factory(set)
    emits: set[int] = Factory(set)
    writes: set[str] = Factory(set)  # fields that entries change, or did, wherever those packets go then
    # What entries write to action sets that send packets (a port, flood, group), and whether other tables come earlier:
    # False if packets go on from there. Of virtual switches also by which table, else 0.
    set_ends: frozenset[tuple[str | int, bool, int]] = frozenset()
    # On 1.3 tables with 1.0 controllers: whether our table-miss entry was sent, whether the tenant has put its own over
    # it, and whether it asked to be told when that one goes.
    has_our_miss: bool = False
    has_own_miss: bool = False
    own_miss_is_told: bool = False
    flow_table: FlowTable | None = None  # when intersecting
    room: Room = Factory(Room)  # for more flow entries
    share: Share[TenantChannel] = Factory(Share)  # of the datapath's time
    answer_bytes: dict[type[Message], int] = Factory(dict)  # of statistics lately, by what was asked
    lldp_cookie: int = NO_COOKIE  # what packet-ins of tenants' LLDP have, see `translation/tenant_lldp`
    storm: Storm = Factory(Storm)
    # While its entries are read back and sent again: what goes on when that is done.
    rewriting: list[Callable[[Effects], None]] | None = None
    # What went while nobody was there to be told, for the first controller that comes.
    untold: list[FlowRemoved] = Factory(list)
    queue: int | None = None  # by which its outputs go where that is how its bandwidth is limited
    storm_meter: int | None = None  # the hypervisor's, see `translation/storm_meters`
    exceeds_bandwidth: bool = False  # it has one, and nothing here holds it to that
    groups: Groups = Factory(Groups)
    meters: Meters = Factory(Meters)
    floods_by_group: bool = False  # when intersecting: some bucket floods, by groups that follow the ports
    birth: int | None = None
    is_new: bool = (
        False  # the datapath has not been made the slice's yet: what its tables hold is not its own
    )
    # Of a virtual network's switch all its ports, wherever they are, by its own numbers and as they are now.
    logical_ports: dict[int, Port] = Factory(dict)

    @property
    def changes(self) -> int:
        """How often its channels have sent what could change anything."""
        return self.past_changes + sum(channel.transactions.changes for channel in self.channels)

    @property
    def wants_misses(self) -> bool:
        """Whether some controller expects unmatched packets (1.0's rule)."""
        return self.view.may_write and any(
            TRAITS[channel.version].unmatched_to_controller for channel in self.channels
        )

    @property
    def our_entries(self) -> int:
        """How many of the entries in its first table are the hypervisor's, once what was sent has been done."""
        return int(self.has_our_miss and not self.has_own_miss)

    def channels_changed(self) -> None:
        """A channel has come or gone."""
        self.is_mixed = any(channel.version != self.datapath.version for channel in self.channels)

    @property
    def watches_miss(self) -> bool:
        """Whether it matters here who has the place of the table-miss entry."""
        return self.has_own_miss or self.wants_misses

    def owns_queue(self, queue_id: int) -> bool:
        """Whether the slice may put packets into the queues of this number; into 0 packets go by themselves."""
        bandwidth = self.tenant.bandwidth
        return queue_id == DEFAULT_QUEUE or (bandwidth is not None and queue_id in bandwidth.queues)

    @property
    def shown_dpid(self) -> int:
        """What its tenant calls it."""
        return self.name.dpid if self.view.share is None else self.view.share.dpid

    @property
    def known_ports(self) -> dict[int, Port]:
        """Ports by the numbers by which the slice knows them, among them all that it has."""
        return self.datapath.ports if self.view.share is None else self.logical_ports

    def has_port(self, number: int) -> bool:
        """Whether the slice has the port, by the number by which it knows it."""
        return number in self.known_ports and self.view.owns_port(number)

    @property
    def ports(self) -> list[Port]:
        """The ports that the slice has here, as it sees them, in ascending order."""
        known = self.known_ports
        numbers = self.view.own_ports(known)
        return [self.port_configs.shown(known[number]) for number in numbers if number in known]

    @property
    def visible_ports(self) -> list[Port]:
        """These, and those at which it may only look."""
        if not self.view.reads:
            return self.ports
        numbers = sorted(number for number in self.datapath.ports if self.view.sees_port(number))
        return [self.port_configs.shown(self.datapath.ports[number]) for number in numbers]


class UpperStorey(Protocol):
    """Whoever has virtual switches that lie on several datapaths, by shares of each."""

    @property
    def are_there(self) -> bool: ...
    def is_as_presumed(self, datapath: Datapath) -> bool: ...
    def seen_elsewhere(self, datapath: Datapath, in_port: int, packet: bytes, effects: Effects) -> None: ...
    def told(self, switch: VirtualSwitch, message: PacketIn, effects: Effects) -> None: ...
    def share_joined(self, share: VirtualSwitch, effects: Effects) -> None: ...
    def share_left(self, share: VirtualSwitch, reason: str, effects: Effects) -> None: ...


@define(eq=False)
class Fabric:
    """What all datapaths have in common: the links between them. `discovery` is None where none are looked for.

    `suspects` are those whose entries must be judged again, because a link has changed. At `reembeds_at` it is to be
    found where virtual networks lie now, None if they lie where they should.
    """

    topology: Topology
    discovery: Discovery | None
    datapaths: dict[int, Datapath]
    ownership_at: Callable[[int], Ownership]  # of a datapath that need not be connected
    upper_storey: UpperStorey
    suspects: set[VirtualSwitch] = Factory(set)
    reembeds_at: float | None = None
    after_embedding: list[Callable[[Effects], None]] = Factory(list)  # what goes on then

    def reembed(self, effects: Effects, *, in_seconds: float = 0.0) -> None:
        """What virtual networks lie on has changed: look again where they lie, when the call ends or soon after."""
        at = effects.now + in_seconds
        if self.upper_storey.are_there and (self.reembeds_at is None or at < self.reembeds_at):
            self.reembeds_at = at
            if in_seconds:
                effects.commands.append(Wake(at))

    def when_embedded(self, then: Callable[[Effects], None], effects: Effects) -> None:
        """Go on when it is known where virtual networks lie on what there is now."""
        if self.reembeds_at is None:
            then(effects)
        else:
            self.after_embedding.append(then)


@define(eq=False)
class Datapath(Peer):
    """A connected datapath."""

    dpid: int
    version: int
    codec: Codec
    features: FeaturesReply
    plan: DatapathPlan
    ports: dict[int, Port]
    memory: Memory
    fabric: Fabric
    transactions: Transactions[Any] = Factory(lambda: Transactions(HYPERVISOR_SLOT))
    slots: dict[int, TenantChannel] = Factory(dict)  # by the slot in their xids; see `transactions`
    last_slot: int = HYPERVISOR_SLOT
    switches: dict[str, VirtualSwitch] = Factory(dict)
    switch_by_table: list[VirtualSwitch | None] = Factory(lambda: [None] * 256)
    readers: list[VirtualSwitch] = Factory(list)  # of slices that may look at what others own
    buffers: Buffers = Factory(Buffers)
    # When intersecting: all slices' entries by the number in their cookie, which is the memory's own dict.
    entries: dict[int, Entry] = field(init=False)
    readoption: Readoption | None = None  # while it is found out which entries are there still
    # Channels that have the answer that their frames waited for.
    resumable: list[TenantChannel] = Factory(list)
    flight: Flight = Factory(Flight)
    turns: Turns[TenantChannel] = Factory(Turns)
    group_ids: Ids = Factory(lambda: Ids(MAX_TENANT_GROUP))
    meter_ids: Ids = Factory(lambda: Ids(0))
    # What it offers; nothing until it has said so.
    group_features: GroupFeaturesReply = Factory(GroupFeaturesReply)
    meter_features: MeterFeaturesReply = Factory(MeterFeaturesReply)
    table_features: dict[int, TableFeatures] | None = None
    wanted: WantedDatapath = ANYHOW  # what the admin wants it to look like
    refused_entries: dict[str, tuple[int, int]] = Factory(dict)  # of the admin's own, with the errors
    sharing_seconds: float = 0  # for how long a reading may answer further channels
    readings: dict[bytes, Reading] = Factory(dict)  # by the requests that ask for them
    shared_readings: int = 0  # requests that another channel's reading has answered
    # Who waits for the table features, each with its request.
    features_asked_by: list[tuple[TenantChannel, bytes]] = Factory(list)
    knows_ports: bool = False  # it has said which ports it has
    has_flood_groups: bool = False  # they follow the ports from then on
    is_ready: bool = False
    after_setup: list[Callable[[Effects], None]] = Factory(list)  # what goes on when it is set up anew
    has_left: bool = False
    up_counts: list[int] = Factory(lambda: [0] * KINDS)
    down_counts: list[int] = Factory(lambda: [0] * KINDS)
    unowned_packet_ins: int = 0
    unowned_removals: int = 0  # flow-removed of entries that are no slice's any more
    probes_refused: int = 0  # by the datapath: a port had just gone
    probes_disbelieved: int = 0  # what came in like a probe of ours and proved no link
    doubts: dict[int, Doubts] = Factory(dict)  # the ports where that was lately
    stale_replies: int = 0  # replies and errors that answer nothing
    malformed: int = 0
    faults: Faults = Factory(Faults)
    expired: int = 0  # requests that were not answered in time
    own_failures: int = 0  # messages of the hypervisor's own that the datapath refused

    def __attrs_post_init__(self) -> None:
        self.entries = self.memory.entries

    @property
    def port_configs(self) -> dict[str, dict[int, int]]:
        """How each slice has configured its ports here."""
        return {name: switch.port_configs.bits for name, switch in self.switches.items()}

    @property
    def pending_transactions(self) -> int:
        """Requests without an answer, of all senders."""
        return len(self.transactions.waiting) + sum(
            len(channel.transactions.waiting) for channel in self.slots.values()
        )
