"""What the virtual switch answers by itself: features, configuration, description, roles, ports, tables."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from flowvisor import __version__
from flowvisor.errors import Inexpressible
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Channel, Datapath, TenantChannel
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import ask
from flowvisor.hypervisor.translation.statistics import send_reply
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import (
    FLOW_STATS,
    GROUP_STATS,
    PORT_ADD,
    PORT_STATS,
    QUEUE_STATS,
    ROLE_EQUAL,
    ROLE_MASTER,
    ROLE_NOCHANGE,
    ROLE_SLAVE,
    TABLE_STATS,
    BarrierReply,
    BarrierRequest,
    FeaturesReply,
    GetConfigReply,
    Message,
    PortStatus,
    RoleReply,
    RoleRequest,
    SetConfig,
)
from flowvisor.openflow.multipart import DescReply, DescRequest, PortDescReply, PortDescRequest
from flowvisor.openflow.ports import Port
from flowvisor.openflow.traits import TRAITS

FRAGMENTS_NORMAL: Final = 0
# 1.0's bitmap of actions (1.0.1, section 5.3.1): all but ENQUEUE are there always.
ACTIONS_10: Final = 0x7FF
ENQUEUE_10: Final = 1 << 11
# Never Open vSwitch's: ONOS would take its Nicira driver; never empty: ONOS takes that for Open vSwitch, too.
MANUFACTURER: Final = "flowvisor"
HARDWARE: Final = "virtual switch"
# Requests of one channel without an answer, beyond which another barrier is refused; controllers send them in bursts.
MAX_BARRIERS: Final = 4096


def answer(channel: Channel, message: Message, effects: Effects) -> None:
    """Answer a request here."""
    frame = channel.codec.encode(message)
    channel.counters.answered[frame[1]] += 1
    effects.send(channel, frame)


def features(channel: TenantChannel, _frame: bytes, request: Message, effects: Effects) -> Refusal | None:
    """FEATURES_REQUEST: the virtual switch, not the datapath."""
    switch = channel.switch
    traits = TRAITS[channel.version]
    reply = FeaturesReply(
        xid=request.xid,
        dpid=switch.shown_dpid,
        n_tables=switch.view.n_tables if traits.has_tables else 1,
        capabilities=_capabilities(switch.datapath),
        actions=0 if traits.has_tables else _actions_10(switch.datapath),
        ports=tuple(_numbered(channel, switch.visible_ports)) if traits.ports_in_features else (),
    )
    answer(channel, reply, effects)
    return None


def _capabilities(datapath: Datapath) -> int:
    """What the virtual switch can do; 1.0 has no bit for groups, and its codec leaves it out."""
    offered = FLOW_STATS | TABLE_STATS | PORT_STATS | datapath.features.capabilities & QUEUE_STATS
    return offered | (GROUP_STATS if datapath.group_features.types else 0)


def _actions_10(datapath: Datapath) -> int:
    offers_queues = datapath.features.capabilities & QUEUE_STATS
    if not TRAITS[datapath.version].has_tables:
        return ACTIONS_10 | datapath.features.actions & ENQUEUE_10
    return ACTIONS_10 | (ENQUEUE_10 if offers_queues else 0)


def _numbered(channel: Channel, ports: Iterable[Port]) -> Iterator[Port]:
    """The ports whose numbers the channel's version can say."""
    for port in ports:
        try:
            channel.codec.encode(PortStatus(reason=PORT_ADD, port=port))
        except Inexpressible:
            channel.counters.count_shed("inexpressible")
        else:
            yield port


def get_config(channel: Channel, _frame: bytes, request: Message, effects: Effects) -> Refusal | None:
    """GET_CONFIG_REQUEST."""
    answer(channel, GetConfigReply(xid=request.xid, miss_send_len=channel.miss_send_len), effects)
    return None


def set_config(channel: Channel, _frame: bytes, request: SetConfig, effects: Effects) -> Refusal | None:
    """SET_CONFIG: kept for the channel; how fragments are treated is everybody's and stays as it is."""
    if request.flags != FRAGMENTS_NORMAL:
        return Refusal(codes.SWITCH_CONFIG_EPERM, "fragments")
    channel.miss_send_len = request.miss_send_len
    return None


def description(channel: Channel, _frame: bytes, request: DescRequest, effects: Effects) -> Refusal | None:
    """DESC."""
    name, dpid = channel.switch.name, channel.switch.shown_dpid
    reply = DescReply(
        xid=request.xid,
        manufacturer=MANUFACTURER,
        hardware=HARDWARE,
        software=__version__,
        serial_number=f"{dpid:016x}",
        datapath=f"{name.slice_name} at {dpid:016x}",
    )
    answer(channel, reply, effects)
    return None


def port_description(
    channel: TenantChannel, _frame: bytes, request: PortDescRequest, effects: Effects
) -> Refusal | None:
    """PORT_DESC."""
    send_reply(channel, PortDescReply(xid=request.xid), "ports", channel.switch.visible_ports, effects)
    return None


def role(channel: Channel, _frame: bytes, request: RoleRequest, effects: Effects) -> Refusal | None:
    """ROLE_REQUEST: among the controllers of the virtual switch (1.3.5, section 6.3.4)."""
    refusal = take_role(channel, request.role, request.generation_id)
    if refusal is None:
        generation = channel.switch.generation_id
        # "No generation was set yet" is all ones, as Open vSwitch has it.
        known = generation if generation is not None else (1 << 64) - 1
        answer(channel, RoleReply(xid=request.xid, role=channel.role, generation_id=known), effects)
    return refusal


def take_role(channel: Channel, wanted: int, generation_id: int | None) -> Refusal | None:
    """Give a controller a role; a new master makes the old one a slave. `None`: the request has no generation."""
    if wanted not in (ROLE_NOCHANGE, ROLE_EQUAL, ROLE_MASTER, ROLE_SLAVE):
        return Refusal(codes.BAD_ROLE, "bad-role")
    switch = channel.switch
    if wanted in (ROLE_MASTER, ROLE_SLAVE) and generation_id is not None:
        known = switch.generation_id
        # The difference is read as a signed number, so that generations may wrap.
        if known is not None and (generation_id - known) & (1 << 64) - 1 >= 1 << 63:
            return Refusal(codes.ROLE_STALE, "stale-generation")
        switch.generation_id = generation_id
    if wanted == ROLE_MASTER:
        for other in switch.channels:
            if other.role == ROLE_MASTER:
                other.role = ROLE_SLAVE
    if wanted != ROLE_NOCHANGE:
        channel.role = wanted
    return None


def barrier(
    channel: TenantChannel, frame: bytes, request: BarrierRequest, effects: Effects
) -> Refusal | None:
    """BARRIER_REQUEST: answered when the datapath has answered one, and so all that was sent before.

    What is answered here to requests behind it waits for that, too (1.3.5, section 6.2).
    """
    if len(channel.transactions.waiting) >= MAX_BARRIERS:
        return Refusal(codes.REQUEST_EPERM, "too-many-requests")
    behind: list[bytes] = []
    channel.barriers.append(behind)

    def release(effects: Effects) -> None:
        if channel.barriers[0] is behind:  # as it is, unless the datapath has not answered in order
            channel.barriers.popleft()
        else:
            channel.barriers = deque(others for others in channel.barriers if others is not behind)
        for waiting in behind:
            effects.send(channel, waiting)

    def done(_replies: list[Message], effects: Effects) -> None:
        answer(channel, BarrierReply(xid=request.xid), effects)
        release(effects)

    def failed(error: tuple[int, int], effects: Effects) -> None:
        if error == codes.BAD_TYPE:  # the datapath has no barriers, but it has answered in order
            answer(channel, BarrierReply(xid=request.xid), effects)
        else:
            refuse(channel, frame, Refusal(error, "datapath"), effects)
        release(effects)

    ask(channel.switch.datapath, channel.transactions, [BarrierRequest()], done, failed, effects)
    return None
