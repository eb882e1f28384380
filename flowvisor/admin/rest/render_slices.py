"""Slices, their virtual switches and controllers: to a tenant nothing of anybody else's."""

# Strategy: what only some kind of slice has is made by the function that `KINDS` has for its class, so that a new
# kind is a line there and a field of the shape.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

from attrs import frozen

from flowvisor.admin.rest import shapes
from flowvisor.admin.rest.instance import Instance
from flowvisor.admin.rest.render_datapaths import VERSION_NAMES, is_up
from flowvisor.connections.controller_protocol import ControllerProtocol
from flowvisor.connections.line import Line
from flowvisor.hypervisor.big.big_switch import BigSwitch
from flowvisor.hypervisor.effects import VirtualSwitchName
from flowvisor.hypervisor.peers import Channel, Tenant, VirtualSwitch
from flowvisor.hypervisor.room import UNLIMITED
from flowvisor.network.dpid import format_dpid
from flowvisor.openflow.messages import ROLE_EQUAL, ROLE_MASTER, ROLE_SLAVE
from flowvisor.openflow.ports import Port
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from flowvisor.slices.slice import Slice
from flowvisor.slices.virtual_network import VirtualNetwork

ROLES: Final[dict[int, Literal["equal", "master", "slave"]]] = {
    ROLE_EQUAL: "equal",
    ROLE_MASTER: "master",
    ROLE_SLAVE: "slave",
}


@frozen
class KindOfSlice:
    """What one kind of slice is called, and what it has that others do not: under which key, and how it is made."""

    name: shapes.Kind
    key: str
    part: Callable[[Any], Mapping[str, Any]]


def _flowspace(one: FlowspaceSlice) -> shapes.Flowspace:
    return {"rules": len(one.rules)}


def _virtual_network(one: VirtualNetwork) -> shapes.VirtualNetwork:
    return {
        "switches": list(one.logical),
        "ports": sum(len(switch.ports) for switch in one.logical.values()),
        "links": list(one.links),
        "transport": one.transport.value,
    }


KINDS: Final[dict[type[Slice], KindOfSlice]] = {
    FlowspaceSlice: KindOfSlice("flowspace", "flowspace", _flowspace),
    VirtualNetwork: KindOfSlice("virtual-network", "virtual_network", _virtual_network),
}


def slices(instance: Instance, names: list[str], *, to_admin: bool) -> Iterator[shapes.Slice]:
    """Some slices, each made when it is asked for; those that have gone meanwhile are left out."""
    for name in names:
        if name in instance.hypervisor.tenants:
            yield slice_of(instance, name, to_admin=to_admin)


def slice_of(instance: Instance, name: str, *, to_admin: bool) -> shapes.Slice:
    """One slice."""
    tenant = instance.hypervisor.tenants[name]
    policy = tenant.policy
    kind = KINDS[type(policy)]
    switches, bigs = list(instance.switches_of(name)), instance.big_switches_of(name)
    block = instance.hypervisor.allocations.blocks.get(name)
    told: dict[str, Any] = {
        "name": name,
        "kind": kind.name,
        "controllers": [str(method) for method in policy.controllers],
        "openflow": [VERSION_NAMES[version] for version in sorted(policy.versions)],
        "policies": list(policy.policies),
        "tables": policy.tables,
        "block": block_of(block) if to_admin and block is not None else None,
        "switches": len(switches) + len(bigs),
        "channels": sum(len(big.channels) for big in bigs) if bigs else len(tenant.channels),
        "flow_entries": sum(switch.room.held for switch in switches if switch.room.is_known),
        "waiting_bytes": sum(channel.backlog_bytes for channel in tenant.channels),
        "messages": _messages(tenant),
        "reasons": _reasons(tenant),
        "limits": _limits(tenant),
        **{one.key: None for one in KINDS.values()},
        kind.key: kind.part(policy),
    }
    return told  # type: ignore[return-value] # the shapes' test compares it with the schema


def block_of(block: tuple[int, int]) -> shapes.TableBlock:
    """A block of tables."""
    first, size = block
    return {"first": first, "size": size}


def _messages(tenant: Tenant) -> shapes.SliceMessages:
    of_versions = tenant.counters.values()
    return {
        "up": sum(sum(one.up) for one in of_versions),
        "down": sum(sum(one.down) for one in of_versions),
        "answered": sum(sum(one.answered) for one in of_versions),
        "refused": sum(sum(one.refused.values()) for one in of_versions),
        "shed": sum(sum(one.shed.values()) for one in of_versions),
        "up_bytes": sum(one.up_bytes for one in of_versions),
        "down_bytes": sum(one.down_bytes for one in of_versions),
    }


def _reasons(tenant: Tenant) -> list[shapes.Reason]:
    refused: Counter[str] = Counter()
    shed: Counter[str] = Counter()
    for counters in tenant.counters.values():
        for (_kind, reason), count in counters.refused.items():
            refused[reason] += count
        shed.update(counters.shed)
    told: list[shapes.Reason] = []
    told += [{"outcome": "refused", "reason": reason, "count": n} for reason, n in sorted(refused.items())]
    told += [{"outcome": "shed", "reason": reason, "count": n} for reason, n in sorted(shed.items())]
    return told


def _limits(tenant: Tenant) -> list[shapes.Limit]:
    if tenant.limits is None:
        return []
    counts = sorted(tenant.limits.counts.items())
    return [{"limit": limit, "action": action, "count": count} for (limit, action), count in counts]


# ------------------------------------------------------------------------------------ virtual switches


def switches(instance: Instance, names: list[str], *, to_admin: bool) -> Iterator[shapes.Switch]:
    """The virtual switches of some slices, each made when it is asked for."""
    for name in names:
        for switch in list(instance.switches_of(name)):
            yield switch_of(instance, switch, to_admin=to_admin)
        for big in instance.big_switches_of(name):
            yield _big_switch(instance, big, to_admin=to_admin)


def switch_of(instance: Instance, switch: VirtualSwitch, *, to_admin: bool) -> shapes.Switch:
    """One virtual switch."""
    name, room = switch.name, switch.room
    return {
        "slice": name.slice_name,
        "name": instance.switch_name(name.slice_name, name.dpid),
        "dpid": format_dpid(name.dpid),
        "datapath": instance.configuration.datapath_name(switch.datapath.dpid) if to_admin else None,
        "is_ready": switch.datapath.is_ready,
        "may_write": switch.view.may_write,
        "tables": switch.view.n_tables,
        "lies_on": [instance.configuration.datapath_name(switch.datapath.dpid)] if to_admin else [],
        "ports": [_port(port, is_own=switch.view.owns_port(port.number)) for port in switch.visible_ports],
        "controllers": list(_controllers_of(instance, name)),
        "flow_entries": room.held if room.is_known else None,
        "flow_entries_limit": room.limit if room.limit < UNLIMITED else None,
        "groups": len(switch.groups),
        "meters": len(switch.meters),
        "waiting_bytes": sum(channel.backlog_bytes for channel in switch.channels),
    }


def _port(port: Port, *, is_own: bool) -> shapes.SwitchPort:
    return {
        "port": port.number,
        "name": port.name,
        "hw_addr": port.hw_addr.hex(":"),
        "is_up": is_up(port),
        "is_own": is_own,
    }


def _big_switch(instance: Instance, big: BigSwitch, *, to_admin: bool) -> shapes.Switch:
    """One virtual switch of a virtual network, wherever it lies: that its tenant is not told."""
    name, shares = big.name, list(big.shares.values())
    rooms = [share.room for share in shares if share.room.is_known]
    datapath_name = instance.configuration.datapath_name
    return {
        "slice": name.slice_name,
        "name": instance.switch_name(name.slice_name, name.dpid),
        "dpid": format_dpid(name.dpid),
        "datapath": None,
        "is_ready": big.is_open and all(share.datapath.is_ready for share in shares),
        "may_write": True,
        "tables": big.tenant.policy.tables,
        "lies_on": [datapath_name(dpid) for dpid in sorted(big.edges)] if to_admin else [],
        "ports": [_port(big.shown(port), is_own=True) for _number, port in sorted(big.ports.items())],
        "controllers": list(_controllers_of(instance, name)),
        "flow_entries": sum(room.held for room in rooms) if rooms else None,
        "flow_entries_limit": None,
        "groups": max((len(share.groups) for share in shares), default=0),
        "meters": max((len(share.meters) for share in shares), default=0),
        "waiting_bytes": sum(channel.backlog_bytes for channel in big.channels),
    }


def controllers(instance: Instance, names: list[str]) -> Iterator[shapes.Controller]:
    """The controllers of some slices, each made when it is asked for."""
    wanted = [switch for switch in instance.connections.lines if switch.slice_name in names]
    for switch in sorted(wanted, key=lambda one: (one.slice_name, one.dpid)):
        yield from _controllers_of(instance, switch)


def _controllers_of(instance: Instance, switch: VirtualSwitchName) -> Iterator[shapes.Controller]:
    for line in instance.connections.lines.get(switch, ()):
        yield _controller(instance, line)


def _controller(instance: Instance, line: Line) -> shapes.Controller:
    switch = line.switch
    return {
        "slice": switch.slice_name,
        "switch": instance.switch_name(switch.slice_name, switch.dpid),
        "dpid": format_dpid(switch.dpid),
        "controller": line.controller,
        "is_connected": line.is_established,
        "is_listening": line.is_listening if line.method.is_passive else None,
        "port": line.port,
        "channels": [
            _channel(protocol, protocol.tenant_channel)
            for protocol in line.factory.protocols
            if protocol.is_established
        ],
    }


def _channel(protocol: ControllerProtocol, channel: Channel) -> shapes.Channel:
    return {
        "openflow": VERSION_NAMES[channel.version],
        "role": ROLES[channel.role],
        "waiting_bytes": channel.backlog_bytes,
        "queued_bytes": protocol.outbound.queued_bytes,
    }
