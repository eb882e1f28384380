"""What the API answers, as types: renderers are checked against them, and the OpenAPI document is made of them.

A field that only the admin is told is None for a tenant. What one kind of slice has besides is a field of its own,
None for the others.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

Name = Annotated[str, "a name of the admin's"]
Dpid = Annotated[str, "16 hexadecimal digits"]
OpenFlow = Literal["1.0", "1.3"]
Kind = Literal["flowspace", "virtual-network"]


class Whoami(TypedDict):
    """Whose token was sent."""

    token: Annotated[str, "the token's name"]
    role: Annotated[Literal["admin", "tenant"], "a tenant reads its own slice only"]
    slice: Annotated[str | None, "the tenant's slice"]


class Counted(TypedDict):
    """How many of the datapaths there are."""

    named: Annotated[int, "that the main file names"]
    connected: int
    ready: Annotated[int, "that are set up"]


class Wanted(TypedDict):
    """How many of the controllers that are to be called have a channel."""

    connected: int
    wanted: int


class Listener(TypedDict):
    """Where controllers may call a slice's virtual switch."""

    slice: Name
    switch: Name
    method: Annotated[str, "the connection method"]
    port: Annotated[int | None, "the real one where the system has chosen it"]
    listening: bool


class Health(TypedDict):
    """Whether all is as the admin's files want it."""

    status: Literal["ok", "degraded"]
    reasons: Annotated[list[str], "why it is degraded"]
    datapaths: Counted
    links: Annotated[int, "each direction by itself"]
    controllers: Wanted
    listeners: list[Listener]
    own_entries_failed: Annotated[int, "that datapaths have refused"]


class Status(TypedDict):
    """The service as a whole."""

    version: Annotated[str, "of flowvisor"]
    started_at: Annotated[str, "RFC 3339"]
    uptime_seconds: float
    status: Literal["ok", "degraded"]
    reasons: Annotated[list[str], "why it is degraded"]
    slices: int
    policies: int
    datapaths: Counted
    links: Annotated[int, "each direction by itself"]
    controllers: Wanted
    own_entries_failed: Annotated[int, "that datapaths have refused"]
    lag_seconds: Annotated[float | None, "how late the last call was that is due every second"]


class PortOf(TypedDict):
    """A port of a datapath."""

    datapath: Name
    port: Annotated[int, "its number"]


class Port(TypedDict):
    """A port of a datapath, as the datapath describes it."""

    port: Annotated[int, "its number"]
    name: str
    hw_addr: Annotated[str, "its MAC address"]
    is_up: Annotated[bool, "whether it is enabled and has a link"]
    speed_kbits: Annotated[int, "0 if the datapath does not say"]
    slices: Annotated[list[str], "whose packets come in there"]
    far_ends: Annotated[list[PortOf], "where its cable leads, if that is known"]


class Messages(TypedDict):
    """Messages since the service has started; of a datapath, since it has connected."""

    up: Annotated[int, "from datapaths"]
    down: Annotated[int, "towards datapaths"]


class Datapath(TypedDict):
    """A datapath that is connected, or that the main file names."""

    name: Name
    dpid: Dpid
    description: Annotated[str, "of the admin's"]
    faults: Annotated[list[str], "what of it is not as the main file wants it"]
    is_connected: bool
    is_ready: Annotated[bool, "whether it is set up"]
    address: Annotated[str | None, "where it has connected from"]
    openflow: OpenFlow | None
    enforcement: Annotated[Literal["tables", "intersect"] | None, "what keeps slices apart"]
    tables: Annotated[int | None, "how many flow tables it has"]
    ports: Annotated[int, "how many"]
    slices: list[str]
    messages: Messages
    pending_transactions: Annotated[int, "requests that it has not answered"]
    in_flight: Annotated[int, "the weight of what it was sent and has not shown to have dealt with"]
    window: Annotated[int, "the most that may be in flight"]
    barrier_seconds: Annotated[float | None, "how long the last barrier took that it has answered"]
    queued_bytes: Annotated[int, "that it has not taken yet"]
    own_entries_failed: Annotated[int, "of the hypervisor's own entries, that it has refused"]
    packet_ins_unowned: Annotated[int, "packets that were nobody's"]


class SliceMessages(TypedDict):
    """What became of a slice's messages since the service has started."""

    up: Annotated[int, "from datapaths, forwarded"]
    down: Annotated[int, "towards datapaths, forwarded"]
    answered: Annotated[int, "answered here"]
    refused: Annotated[int, "answered with an error"]
    shed: Annotated[int, "dropped"]
    up_bytes: int
    down_bytes: int


class Reason(TypedDict):
    """How often something was refused or shed, for one reason."""

    outcome: Literal["refused", "shed"]
    reason: str
    count: int


class Limit(TypedDict):
    """How often a limit was met."""

    limit: Annotated[str, "its key in the policy"]
    action: Annotated[str, "delayed, refused or shed"]
    count: int


class Flowspace(TypedDict):
    """What only a flowspace slice has."""

    rules: Annotated[int, "of its flowspace"]


class VirtualNetwork(TypedDict):
    """What only a virtual network has."""

    switches: Annotated[list[str], "its virtual switches"]
    ports: Annotated[int, "of all of them"]
    links: list[str]
    transport: Literal["vlan", "tunnel"]


class TableBlock(TypedDict):
    """The flow tables of a slice, where a datapath has enough."""

    first: int
    size: int


class Slice(TypedDict):
    """A slice that is in force."""

    name: Name
    kind: Kind
    controllers: Annotated[list[str], "connection methods"]
    openflow: Annotated[list[OpenFlow], "offered to its controllers"]
    policies: list[str]
    tables: Annotated[int, "how many it has where a datapath has enough"]
    block: Annotated[TableBlock | None, "told to the admin"]
    switches: Annotated[int, "virtual switches that there are now"]
    channels: Annotated[int, "of its controllers, to all of them"]
    flow_entries: Annotated[int, "as far as they are known"]
    waiting_bytes: Annotated[int, "of requests that wait for their turn, or for a limit"]
    messages: SliceMessages
    reasons: list[Reason]
    limits: list[Limit]
    flowspace: Flowspace | None
    virtual_network: VirtualNetwork | None


class SliceDocument(Slice):
    """A slice that is in force, and its file."""

    document: Annotated[dict[str, Any] | None, "what its file says now, as JSON; None without a file"]


class Policy(TypedDict):
    """A policy that is in force."""

    name: Name
    kind: Annotated[str, "quota, rate-limit, bandwidth or acl"]
    slices: Annotated[list[str], "that have it, of those that the reader may know of"]


class PolicyDocument(Policy):
    """A policy that is in force, and its file."""

    document: Annotated[
        dict[str, Any] | None,
        "what its file says now, as JSON; None without a file, and for a tenant of an acl",
    ]


class Channel(TypedDict):
    """A connection with a controller."""

    openflow: OpenFlow
    role: Literal["equal", "master", "slave"]
    waiting_bytes: Annotated[int, "of its requests that wait here"]
    queued_bytes: Annotated[int, "that it has not taken yet"]


class Controller(TypedDict):
    """A controller of one virtual switch, whether it is there or not."""

    slice: Name
    switch: Name
    dpid: Dpid
    controller: Annotated[str, "the connection method"]
    is_connected: bool
    is_listening: Annotated[bool | None, "whether it may call us; None where we call it"]
    port: Annotated[int | None, "where it may call us"]
    channels: list[Channel]


class SwitchPort(TypedDict):
    """A port of a virtual switch, as its tenant is shown it."""

    port: Annotated[int, "its number"]
    name: str
    hw_addr: Annotated[str, "its MAC address"]
    is_up: Annotated[bool, "whether it is enabled and has a link"]
    is_own: Annotated[bool, "False where the slice may only look"]


class Switch(TypedDict):
    """A virtual switch: what a slice has of a datapath that is connected."""

    slice: Name
    name: Name
    dpid: Dpid
    datapath: Annotated[str | None, "told to the admin"]
    lies_on: Annotated[list[str], "the datapaths that it is embedded in, told to the admin"]
    is_ready: bool
    may_write: Annotated[bool, "False where the slice may only look"]
    tables: int
    ports: list[SwitchPort]
    controllers: list[Controller]
    flow_entries: Annotated[int | None, "None where they are not counted"]
    flow_entries_limit: Annotated[int | None, "None without a quota"]
    groups: int
    meters: int
    waiting_bytes: Annotated[int, "of requests that wait for their turn, or for a limit"]


class End(TypedDict):
    """An end of a link."""

    switch: Annotated[str, "the name of the datapath, or for a slice of the virtual switch"]
    dpid: Dpid
    port: int


class Link(TypedDict):
    """A link, in one direction."""

    near: End
    far: End
    source: Literal["declared", "found"]


class Allocation(TypedDict):
    """What a slice has of the numbers that datapaths have."""

    slice: Name
    tables: TableBlock


class FlowEntry(TypedDict):
    """A flow entry of a slice, as its tenant wrote it, with what it has counted."""

    switch: Name
    dpid: Dpid
    table: int
    priority: int
    match: Annotated[dict[str, str], "by the fields' OXM names; empty is everything"]
    instructions: Annotated[list[dict[str, Any]], "each with its type"]
    cookie: Annotated[str, "0x and 16 hexadecimal digits"]
    packets: int
    bytes: int
    duration_seconds: float
    idle_timeout: int
    hard_timeout: int
    flags: int


class RefusedRequest(TypedDict):
    """A request of a slice's controller that was answered with an error."""

    time: Annotated[str, "RFC 3339"]
    switch: Name
    dpid: Dpid
    controller: Annotated[str, "the connection method"]
    openflow: OpenFlow
    message: Annotated[str, "its type"]
    xid: int
    error: Annotated[list[int], "OpenFlow's type and code, numbered as in 1.3"]
    reason: Annotated[str, "why, in the word that is counted"]
    frame: Annotated[str, "its first bytes, in hexadecimal"]


class Event(TypedDict):
    """Something that has happened."""

    id: Annotated[str, "to be sent as Last-Event-ID by who comes back"]
    time: Annotated[str, "RFC 3339"]
    event: Annotated[str, "what"]
    slice: Annotated[str | None, "whose it is; None is the admin's"]
    details: dict[str, Any]


class Problem(TypedDict):
    """What is wrong with a request, as in RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


class FileProblem(TypedDict):
    """Something that is wrong in the admin's files."""

    file: str
    line: int
    column: int
    key: str
    message: str
    suggestion: str


class BadFiles(Problem):
    """The files, with the change, would not be good."""

    problems: list[FileProblem]
