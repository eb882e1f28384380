"""PACKET_OUT of a virtual network's tenant: each output is the port's group, and nothing goes back by itself.

Strategy: what means all ports is spelled out. A packet that has come in at a port of the datapath, and knows so, says
it again, so that also groups of the tenant's do not send it back; any other comes from the controller. What goes to
TABLE is given what it would have come in behind, and goes apart: it has to say where that would have been.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.layout import point_of, set_field
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import fence, send_to_datapath
from flowvisor.hypervisor.translation.actions import EVERYWHERE, actions_to_physical, flood_ports
from flowvisor.hypervisor.translation.flow_mod import Copies
from flowvisor.hypervisor.translation.queueing import queued_actions
from flowvisor.openflow import actions as act
from flowvisor.openflow import bridge
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import Action, Actions
from flowvisor.openflow.fields import ETH_TYPE_SERVICE_VLAN, ETH_TYPE_VLAN, VLAN_PRESENT
from flowvisor.openflow.frame import PACKET_OUT
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import NO_BUFFER, PacketOut
from flowvisor.openflow.ports import CONTROLLER, IN_PORT, TABLE
from flowvisor.planning.egress import rewritten
from flowvisor.planning.share import Ingress, SharePort

PORT_SHUT: Final = "port-shut"
_NOT_OWN: Final = Refusal(codes.ACTION_EPERM, "foreign-flowspace")


def head(channel: TenantChannel, message: PacketOut) -> bytes:
    """What stands between buffer id and packet for the datapath, if no packet can make a difference; else b""."""
    switch = channel.switch
    is_plain = not any(isinstance(action, act.Group) for action in message.actions)
    actions, shut = _without_shut_ports(switch, message.in_port, message.actions)
    goes_apart = any(_outputs_to(actions, port) for port in _apart(switch, message.in_port))
    if not is_plain or shut or goes_apart or _refused_output(switch, actions) is not None:
        return b""
    encoded = channel.codec.encode(evolve(_to_ports(switch, message, actions), data=b""))
    return encoded[12:]


def southbound(
    channel: TenantChannel, frame: bytes, message: PacketOut, fields: Mapping[str, int], effects: Effects
) -> Refusal | None:
    """Any PACKET_OUT, of a packet of these fields, that has been found to be in order so far."""
    switch, datapath = channel.switch, channel.switch.datapath
    try:
        actions = message.actions
        if channel.version != datapath.version:
            actions = bridge.actions_to_13(actions, Match.of(**fields))
    except Inexpressible as error:
        return Refusal((error.error_type, error.error_code), "inexpressible")
    refusal = _refused_output(switch, actions)
    if refusal is not None:
        return refusal
    left, shut = _without_shut_ports(switch, message.in_port, actions)
    if shut and not any(isinstance(action, (act.Output, act.Group)) for action in left):
        channel.counters.count_shed(PORT_SHUT)
        return None
    messages = _messages(switch, message, left, fields)
    if isinstance(messages, Refusal):
        return messages
    copies = Copies(frame)
    for one in messages:
        physical = evolve(one, xid=channel.transactions.send(copies))
        send_to_datapath(datapath, datapath.codec.encode(physical), effects)
    channel.counters.down[PACKET_OUT] += 1
    channel.counters.down_bytes += len(frame)
    if channel.transactions.fence_is_due:
        fence(channel, effects)
    return None


def _messages(
    switch: VirtualSwitch, message: PacketOut, actions: Actions, fields: Mapping[str, int]
) -> list[PacketOut] | Refusal:
    """What the datapath is sent: one message, and one for each output that has to go apart."""
    messages: list[PacketOut] = []
    apart = [port for port in _apart(switch, message.in_port) if _outputs_to(actions, port)]
    rest = tuple(one for one in actions if not (isinstance(one, act.Output) and one.port in apart))
    if not apart or any(isinstance(one, (act.Output, act.Group)) for one in rest):
        messages.append(_to_ports(switch, message, rest))
    for port in apart:
        alone = tuple(
            one
            for one in actions
            if not isinstance(one, (act.Output, act.Group))
            or (isinstance(one, act.Output) and one.port == port)
        )
        if port == IN_PORT:
            messages.append(_to_ports(switch, message, alone, comes_in=False))
            continue
        to_table = _to_table(switch, message, alone, fields)
        if isinstance(to_table, Refusal):
            return to_table
        messages.append(to_table)
    return messages


def _apart(switch: VirtualSwitch, in_port: int) -> tuple[int, ...]:
    """The outputs for which the datapath is told something else of where the packet came in.

    What goes back and changes on the way, or is copied, does not for the datapath, or it would not.
    """
    share = switch.view.share
    assert share is not None
    port = share.ports.get(in_port)
    if port is None or _known_in_port(port) is None:
        return (TABLE,)
    return (TABLE, IN_PORT) if len(port.egress) > 1 or port.copied_to is not None else (TABLE,)


def _outputs_to(actions: Actions, port: int) -> bool:
    return any(isinstance(action, act.Output) and action.port == port for action in actions)


def _refused_output(switch: VirtualSwitch, actions: Actions) -> Refusal | None:
    named = (action.port for action in actions if isinstance(action, act.Output))
    reserved = (*EVERYWHERE, IN_PORT, CONTROLLER, TABLE)
    if all(port in reserved or switch.has_port(port) for port in named):
        return None
    return Refusal(codes.ACTION_BAD_OUT_PORT, "foreign-port")


def _without_shut_ports(switch: VirtualSwitch, in_port: int, actions: Actions) -> tuple[Actions, bool]:
    """The actions without outputs to ports that the tenant has shut, and whether there were any."""
    left = tuple(
        action
        for action in actions
        if not (
            isinstance(action, act.Output)
            and switch.port_configs.is_shut(in_port if action.port == IN_PORT else action.port)
        )
    )
    return left, len(left) != len(actions)


# --------------------------------------------------------------------------------------------------------- to ports


def _to_ports(
    switch: VirtualSwitch, message: PacketOut, actions: Actions, *, comes_in: bool = True
) -> PacketOut:
    """The message that sends the packet out of ports; as one that has come in, if it would know that it has."""
    share = switch.view.share
    assert share is not None
    known = _known_in_port(share.ports.get(message.in_port)) if comes_in else None
    mapped = tuple(_mapped(switch, message.in_port, actions, is_known=known is not None))
    in_port = CONTROLLER if known is None else known
    return evolve(message, buffer_id=NO_BUFFER, in_port=in_port, actions=queued_actions(switch, mapped))


def _known_in_port(port: SharePort | None) -> int | None:
    """The datapath's port by which packets come in that come in here; None if they forget it, or do not come in."""
    return None if port is None or port.is_turned else port.physical


def _mapped(switch: VirtualSwitch, in_port: int, actions: Actions, *, is_known: bool) -> Iterator[Action]:
    for action in actions:
        if not isinstance(action, act.Output) or action.port == CONTROLLER:
            yield from actions_to_physical(switch, (action,))
        elif action.port == IN_PORT:
            if is_known:
                yield action
            elif switch.has_port(in_port):
                yield from actions_to_physical(switch, (act.Output(in_port),))
        elif action.port in EVERYWHERE:
            ports = tuple(act.Output(one) for one in flood_ports(switch, action.port) if one != in_port)
            yield from actions_to_physical(switch, ports)
        elif action.port != in_port:
            yield from actions_to_physical(switch, (action,))


# --------------------------------------------------------------------------------------------------------- to tables


def _to_table(
    switch: VirtualSwitch, message: PacketOut, actions: Actions, fields: Mapping[str, int]
) -> PacketOut | Refusal:
    """The message that lets the packet meet the flow tables as if it had just come in; only where it could have."""
    share = switch.view.share
    assert share is not None
    port = share.ports.get(message.in_port)
    if port is None or not port.ingresses:
        return _NOT_OWN
    ingress = port.ingresses[0]
    in_port = ingress.match.exact("in_port")
    assert in_port is not None
    listed = tuple(_as_it_comes_in(port, ingress, actions))
    if port.physical is not None:
        box = point_of(dict(fields))
        for action in listed:
            here = set_field(box, "in_port", in_port)
            if _outputs_to((action,), TABLE) and switch.view.ownership.owner_of(here) != share.name:
                return _NOT_OWN
            box = rewritten(box, action)
    return evolve(message, buffer_id=NO_BUFFER, in_port=in_port, actions=listed)


def _as_it_comes_in(port: SharePort, ingress: Ingress, actions: Iterable[Action]) -> Iterator[Action]:
    for action in actions:
        if _outputs_to((action,), TABLE):
            yield from _before(port, ingress)
            yield action
            yield from (act.PopVlan() for one in ingress.actions if isinstance(one, act.PopVlan))
        else:
            yield action


def _before(port: SharePort, ingress: Ingress) -> Iterator[Action]:
    """What puts a packet behind the tag or the label that is taken off where it comes in."""
    for name, value, _ in ingress.match:
        if name == "tunnel_id":
            yield act.SetField(name, value)
        elif name == "vlan_vid" and value & VLAN_PRESENT:
            yield act.PushVlan(ETH_TYPE_SERVICE_VLAN if port.physical is None else ETH_TYPE_VLAN)
            yield act.SetField(name, value)
