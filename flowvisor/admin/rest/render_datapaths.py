"""Datapaths and their ports, for the admin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowvisor.admin.rest import shapes
from flowvisor.admin.rest.instance import Instance
from flowvisor.connections.datapath_protocol import DatapathProtocol
from flowvisor.hypervisor.peers import Datapath
from flowvisor.hypervisor.provisioning import faults_of
from flowvisor.network.dpid import format_dpid
from flowvisor.network.topology import End
from flowvisor.openflow.ports import LINK_DOWN, PORT_DOWN, Port
from flowvisor.slices.virtual_network import slice_of_share

VERSION_NAMES: Final[dict[int, shapes.OpenFlow]] = {1: "1.0", 4: "1.3"}


def dpids(instance: Instance) -> list[int]:
    """Those that are connected, or that the main file names."""
    return sorted({*instance.configuration.settings.datapaths.values(), *instance.hypervisor.datapaths})


def datapaths(instance: Instance) -> Iterator[shapes.Datapath]:
    """All of them, each made when it is asked for."""
    for dpid in dpids(instance):
        yield datapath(instance, dpid)


def datapath(instance: Instance, dpid: int) -> shapes.Datapath:
    """One datapath, connected or not."""
    known = instance.hypervisor.datapaths.get(dpid)
    away: shapes.Datapath = {
        "name": instance.configuration.datapath_name(dpid),
        "dpid": format_dpid(dpid),
        "description": instance.configuration.settings.wanted_of(dpid).description,
        "faults": [],
        "is_connected": False,
        "is_ready": False,
        "address": None,
        "openflow": None,
        "enforcement": None,
        "tables": None,
        "ports": 0,
        "slices": [],
        "messages": {"up": 0, "down": 0},
        "pending_transactions": 0,
        "in_flight": 0,
        "window": 0,
        "barrier_seconds": None,
        "queued_bytes": 0,
        "own_entries_failed": 0,
        "packet_ins_unowned": 0,
    }
    return away if known is None else {**away, **_connected(instance, known)}


def _connected(instance: Instance, one: Datapath) -> shapes.Datapath:
    protocol = instance.connections.by_peer.get(one)
    return {
        "name": instance.configuration.datapath_name(one.dpid),
        "dpid": format_dpid(one.dpid),
        "description": one.wanted.description,
        "faults": list(faults_of(one)) if one.is_ready else [],
        "is_connected": True,
        "is_ready": one.is_ready,
        "address": protocol.address if isinstance(protocol, DatapathProtocol) else None,
        "openflow": VERSION_NAMES[one.version],
        "enforcement": "tables" if one.plan.enforcement.value == "tables" else "intersect",
        "tables": one.features.n_tables,
        "ports": len(one.ports),
        "slices": sorted({slice_of_share(name) for name in one.switches}),
        "messages": {"up": sum(one.up_counts), "down": sum(one.down_counts)},
        "pending_transactions": one.pending_transactions,
        "in_flight": one.flight.unanswered,
        "window": one.flight.window,
        "barrier_seconds": one.flight.last_seconds,
        "queued_bytes": instance.queued_bytes(one),
        "own_entries_failed": one.own_failures,
        "packet_ins_unowned": one.unowned_packet_ins,
    }


def ports(instance: Instance, dpid: int) -> Iterator[shapes.Port]:
    """The ports of a datapath, each made when it is asked for; none while it is away."""
    known = instance.hypervisor.datapaths.get(dpid)
    for _number, port in sorted(known.ports.items()) if known is not None else ():
        assert known is not None
        yield _port(instance, known, port)


def _port(instance: Instance, one: Datapath, port: Port) -> shapes.Port:
    far_ends = instance.hypervisor.fabric.topology.far_ends(End(one.dpid, port.number))
    return {
        "port": port.number,
        "name": port.name,
        "hw_addr": port.hw_addr.hex(":"),
        "is_up": is_up(port),
        "speed_kbits": port.current_speed,
        "slices": sorted(
            {slice_of_share(name) for name, its in one.switches.items() if its.view.owns_port(port.number)}
        ),
        "far_ends": [
            {"datapath": instance.configuration.datapath_name(far.dpid), "port": far.port} for far in far_ends
        ],
    }


def is_up(port: Port) -> bool:
    """Whether a port is enabled and has a link."""
    return not port.config & PORT_DOWN and not port.state & LINK_DOWN
