"""PACKET_OUT: a tenant's packet goes only where the slice may send it, however the packet came about.

Strategy: most lists of actions name ports at which nothing is anybody else's; for them the verdict does not depend
on the packet and is remembered by the actions' bytes. For the others the packet is parsed, walks through the actions,
and is looked at where it would arrive.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import forget, point_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import fence, send_to_datapath
from flowvisor.hypervisor.translation import tenant_lldp, virtual_packet_out
from flowvisor.hypervisor.translation.actions import (
    EVERYWHERE,
    actions_to_physical,
    flood_ports,
    refused_action,
)
from flowvisor.hypervisor.translation.queueing import queued_actions
from flowvisor.network.discovery import PROBE_ADDRESS_BYTES, addresses_a_probe
from flowvisor.openflow import actions as act
from flowvisor.openflow import bridge
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.fields import ETH_TYPE_BDDP, ETH_TYPE_LLDP, ETH_TYPE_SERVICE_VLAN, ETH_TYPE_VLAN
from flowvisor.openflow.frame import HEADER, MAX_FRAME_LENGTH, PACKET_OUT
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import NO_BUFFER, PacketOut
from flowvisor.openflow.packet import parse_packet
from flowvisor.openflow.ports import ANY, CONTROLLER, IN_PORT, TABLE
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.egress import find_leak, is_visible, rewritten, written_fields

_DISCOVERY: Final = frozenset({ETH_TYPE_LLDP, ETH_TYPE_BDDP})
_DISCOVERY_BYTES: Final = frozenset(
    kind.to_bytes(2, "big") for kind in (ETH_TYPE_LLDP, ETH_TYPE_BDDP, ETH_TYPE_VLAN, ETH_TYPE_SERVICE_VLAN)
)
_TAGS: Final = frozenset(kind.to_bytes(2, "big") for kind in (ETH_TYPE_VLAN, ETH_TYPE_SERVICE_VLAN))
_NO_BUFFER_BYTES: Final = b"\xff\xff\xff\xff"
_BUFFER: Final = slice(8, 12)
_IN_PORT_AND_LENGTH: Final = {1: Struct("!HH"), 4: Struct("!IH")}  # at offset 12
_ACTIONS_AT: Final = {1: 16, 4: 24}

PORT_SHUT: Final = "port-shut"


def southbound_patched(channel: TenantChannel, frame: bytes, effects: Effects) -> Refusal | None:
    """A PACKET_OUT between equal versions."""
    version = channel.version
    start = _ACTIONS_AT[version]
    if len(frame) < start or frame[_BUFFER] != _NO_BUFFER_BYTES:
        return southbound(channel, frame, effects)
    end = start + _IN_PORT_AND_LENGTH[version].unpack_from(frame, 12)[1]
    # Everything up to the packet: in_port, lengths and actions, whose bytes a verdict is remembered by.
    head = frame[12:end]
    if (
        end > len(frame)
        or frame[end + 12 : end + 14] in _DISCOVERY_BYTES
        or frame[end : end + 6] == PROBE_ADDRESS_BYTES
    ):
        return southbound(channel, frame, effects)
    switch = channel.switch
    verdict = switch.packet_outs.get(head)
    if verdict is None:
        verdict = _judge_head(channel, frame)
        switch.packet_outs.remember(head, verdict, size=len(head))
    length = 12 + len(verdict) + len(frame) - end
    if not verdict or length > MAX_FRAME_LENGTH:
        return southbound(channel, frame, effects)
    transactions = channel.transactions
    header = HEADER.pack(version, PACKET_OUT, length, transactions.send(frame))
    patched = b"".join((header, _NO_BUFFER_BYTES, verdict, frame[end:]))
    send_to_datapath(switch.datapath, patched, effects)
    counters = channel.counters
    counters.down[PACKET_OUT] += 1
    counters.down_bytes += len(frame)
    if transactions.fence_is_due:
        fence(channel, effects)
    return None


def _judge_head(channel: TenantChannel, frame: bytes) -> bytes:
    """What stands between buffer id and packet for the datapath, if no packet can make a difference; else b""."""
    message = channel.codec.decode(frame)
    assert isinstance(message, PacketOut)
    switch = channel.switch
    if _refused(switch, message) is not None:
        return b""
    if switch.view.share is not None:
        return virtual_packet_out.head(channel, message)
    actions = _spelled_out(switch, message)
    for action in actions:
        if isinstance(action, act.Group):
            return b""  # it may be another one the next time
        if isinstance(action, act.Output):
            port = action.port
            view = switch.view
            is_plain = (port == CONTROLLER and view.block is not None) or (
                port in switch.datapath.ports
                and view.owns_port(port)
                and view.port_is_private(port)
                and not switch.port_configs.is_shut(port)
            )
            if not is_plain:
                return b""
    queued = queued_actions(switch, actions)
    encoded = channel.codec.encode(evolve(message, actions=queued, data=b""))
    return encoded[12:]


def southbound(channel: TenantChannel, frame: bytes, effects: Effects) -> Refusal | None:
    """Any PACKET_OUT, by its packet."""
    message = channel.codec.decode(frame)
    assert isinstance(message, PacketOut)
    switch, datapath = channel.switch, channel.switch.datapath
    refusal = _refused(switch, message)
    if refusal is not None:
        return refusal
    data = message.data
    if message.buffer_id != NO_BUFFER:
        buffered = datapath.buffers.take(message.buffer_id, switch.name.slice_name)
        if buffered is None:
            return Refusal(codes.BUFFER_UNKNOWN, "foreign-buffer")
        data = buffered.data
    fields = parse_packet(data, message.in_port).fields
    if fields.get("eth_type") in _DISCOVERY:
        return tenant_lldp.southbound(channel, message, data, effects)
    if addresses_a_probe(data):
        return Refusal(codes.ACTION_EPERM, "probe")
    if switch.view.share is not None:
        return virtual_packet_out.southbound(channel, frame, message, fields, effects)
    point = point_of(fields)
    if data[12:14] in _TAGS and data[16:18] in _TAGS:
        point = forget(point, "eth_type")  # some datapaths look behind one tag only
    actions = tuple(_permitted_floods(switch, message, point))
    refusal = _refused_output(switch, message.in_port, actions, point)
    if refusal is not None:
        return refusal
    actions, shut = _without_shut_ports(switch, message.in_port, actions)
    if shut and not any(isinstance(action, act.Output) for action in actions):
        channel.counters.count_shed(PORT_SHUT)
        return None
    try:
        if channel.version != datapath.version:
            actions = _actions_in(datapath.version, actions, Match.of(**fields))
    except Inexpressible as error:
        return Refusal((error.error_type, error.error_code), "inexpressible")
    queued = queued_actions(switch, actions_to_physical(switch, actions))
    physical = evolve(message, xid=channel.transactions.send(frame), actions=queued)
    send_to_datapath(datapath, datapath.codec.encode(physical), effects)
    channel.counters.down[PACKET_OUT] += 1
    channel.counters.down_bytes += len(frame)
    if channel.transactions.fence_is_due:
        fence(channel, effects)
    return None


def _without_shut_ports(
    switch: VirtualSwitch, in_port: int, actions: act.Actions
) -> tuple[act.Actions, bool]:
    """The actions without the outputs that the slice's configuration of its ports stops, and whether there are any."""
    left = tuple(
        action
        for action in actions
        if not (
            isinstance(action, act.Output)
            and switch.port_configs.is_shut(in_port if action.port == IN_PORT else action.port)
        )
    )
    return left, len(left) != len(actions)


def _refused(switch: VirtualSwitch, message: PacketOut) -> Refusal | None:
    """What is wrong whatever the packet is."""
    in_port = message.in_port
    if in_port not in (CONTROLLER, ANY) and not switch.has_port(in_port):
        return Refusal(codes.REQUEST_BAD_PORT, "foreign-port")
    return refused_action(switch, message.actions)


def _spelled_out(switch: VirtualSwitch, message: PacketOut) -> act.Actions:
    """The actions with FLOOD and ALL as the ports that they mean for this packet."""
    actions: list[act.Action] = []
    for action in message.actions:
        if isinstance(action, act.Output) and action.port in EVERYWHERE:
            ports = flood_ports(switch, action.port)
            actions += [act.Output(port) for port in ports if port != message.in_port]
        else:
            actions.append(action)
    return tuple(actions)


def _permitted_floods(switch: VirtualSwitch, message: PacketOut, point: Box) -> list[act.Action]:
    """The same, without ports at which this packet would be another slice's: a flood reaches what is ours."""
    actions: list[act.Action] = []
    box = forget(point, "in_port")
    used = switch.view.used_mask
    for action in message.actions:
        if isinstance(action, act.Output) and action.port in EVERYWHERE:
            actions += [
                act.Output(port)
                for port in flood_ports(switch, action.port)
                if port != message.in_port and switch.view.foreign_part((box,), port) is None
            ]
            continue
        if is_visible(written_fields(action), used):
            box = rewritten(box, action)
        actions.append(action)
    return actions


def _refused_output(switch: VirtualSwitch, in_port: int, actions: act.Actions, point: Box) -> Refusal | None:
    plain = tuple(action for action in actions if not _is_to_table(action))
    leak = find_leak(
        switch.view,
        plain,
        lambda: (point,),
        ports=switch.datapath.ports,
        came_in=False,
        buckets=switch.groups.buckets_of,
    )
    if leak is not None:
        return Refusal(leak.error, leak.reason)
    box = point
    for action in actions:
        if _is_to_table(action):
            # The packet meets the flow tables as if it had just come in: only where it would have been ours.
            if in_port not in switch.datapath.ports or _owner(switch, box) != switch.tenant.name:
                return Refusal(codes.ACTION_EPERM, "foreign-flowspace")
        else:
            box = rewritten(box, action)
    return None


def _is_to_table(action: act.Action) -> bool:
    return isinstance(action, act.Output) and action.port == TABLE


def _owner(switch: VirtualSwitch, box: Box) -> str | None:
    return switch.view.ownership.owner_of(box)


def _actions_in(version: int, actions: act.Actions, match: Match) -> act.Actions:
    """The actions in the datapath's version; the packet's own fields say what 1.0's words mean for it."""
    if TRAITS[version].has_tables:
        return bridge.actions_to_13(actions, match)
    return bridge.actions_to_10(actions, match)
