"""Metrics of slices: their controllers, their messages, their rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from prometheus_client.metrics_core import Metric

from flowvisor.admin.expansion_metrics import expansion_metrics
from flowvisor.admin.families import Values, counter, counter_in_parts, gauge
from flowvisor.admin.message_names import name_of
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.connections.controller_protocol import ControllerProtocol
from flowvisor.connections.counters import CONTROLLER
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.hypervisor.peers import Tenant
from flowvisor.hypervisor.room import UNLIMITED
from flowvisor.network.dpid import format_dpid


def slice_metrics(
    hypervisor: Hypervisor, connections: Connections, configuration: Configuration
) -> Iterator[Metric]:
    """All families, as things are now."""
    yield from _controllers(connections)
    yield from _messages(list(hypervisor.tenants.values()))
    yield expansion_metrics(hypervisor.tenants.values())
    yield gauge("slices", "Slices that the admin's files name.", "", [((), len(configuration.slices))])
    yield gauge(
        "flowspace_rules",
        "Rules of the slice's flowspace.",
        "slice",
        (((one.name,), len(one.rules)) for one in configuration.flowspace_slices),
    )
    yield from _flow_entries(hypervisor)
    yield gauge(
        "bandwidth_not_limited",
        "Whether the slice has a bandwidth that nothing can hold it to on a datapath.",
        "slice dpid",
        (
            ((name, format_dpid(dpid)), float(switch.exceeds_bandwidth))
            for dpid, datapath in hypervisor.datapaths.items()
            for name, switch in datapath.switches.items()
            if switch.tenant.bandwidth is not None
        ),
    )


def _flow_entries(hypervisor: Hypervisor) -> Iterator[Metric]:
    rooms = [
        ((name, format_dpid(dpid)), switch.room)
        for dpid, datapath in hypervisor.datapaths.items()
        for name, switch in datapath.switches.items()
    ]
    yield gauge(
        "flow_entries",
        "The slice's flow entries on a datapath: exact where they are intersected; where the slice has tables "
        "of its own and a quota, those counted last and what was added since.",
        "slice dpid",
        ((labels, room.held) for labels, room in rooms if room.is_known),
    )
    yield gauge(
        "flow_entries_limit",
        "How many flow entries the slice may have on a datapath.",
        "slice dpid",
        ((labels, room.limit) for labels, room in rooms if room.limit < UNLIMITED),
    )
    yield gauge(
        "flow_entries_limit_in_all",
        "How many flow entries the slice may have on all datapaths that are connected.",
        "slice",
        (
            ((tenant.name,), tenant.pool.limit)
            for tenant in hypervisor.tenants.values()
            if tenant.pool.limit < UNLIMITED
        ),
    )


def _controllers(connections: Connections) -> Iterator[Metric]:
    counters = connections.counters
    yield gauge(
        "controller_connected",
        "Whether the controller has a channel to the slice's virtual switch.",
        "slice dpid controller",
        (
            ((switch.slice_name, format_dpid(switch.dpid), line.controller), float(line.is_established))
            for switch, lines in connections.lines.items()
            for line in lines
        ),
    )
    yield gauge(
        "controller_listening",
        "Whether controllers may call the slice's virtual switch.",
        "slice dpid controller",
        (
            ((switch.slice_name, format_dpid(switch.dpid), line.controller), float(line.is_listening))
            for switch, lines in connections.lines.items()
            for line in lines
            if line.method.is_passive
        ),
    )
    yield counter(
        "controller_connects",
        "Channels with the controller that were established.",
        "slice controller",
        counters.controller_connects.items(),
    )
    yield counter(
        "controller_disconnects",
        "Channels with the controller that ended.",
        "slice controller reason",
        counters.controller_disconnects.items(),
    )
    yield counter(
        "controller_connect_failures",
        "Attempts to reach the controller, or to listen for it, that came to nothing.",
        "slice controller reason",
        counters.controller_connect_failures.items(),
    )
    yield counter(
        "controller_handshake_failures",
        "Connections with controllers that did not become channels.",
        "reason",
        (((reason,), n) for (side, reason), n in counters.handshake_failures.items() if side == CONTROLLER),
    )
    round_trips: dict[tuple[str, str], float] = {}
    for protocol in connections.by_peer.values():
        took = protocol.channel.round_trip_seconds
        if took is not None and isinstance(protocol, ControllerProtocol):
            key = protocol.switch.slice_name, protocol.controller
            round_trips[key] = max(took, round_trips.get(key, 0.0))
    yield gauge(
        "controller_echo_rtt_seconds",
        "How long the controller took to answer when it was last asked whether it is alive; its slowest channel.",
        "slice controller",
        round_trips.items(),
    )


def _messages(tenants: list[Tenant]) -> Iterator[Metric]:
    yield counter_in_parts(
        "messages",
        "Messages of the slice, and what became of them.",
        "slice direction type outcome",
        [partial(_outcomes, tenant) for tenant in tenants],
    )
    yield counter(
        "message_bytes",
        "Bytes of the messages between the hypervisor and the slice's controllers.",
        "slice direction",
        (
            ((tenant.name, direction), sum(getattr(one, size) for one in tenant.counters.values()))
            for tenant in tenants
            for direction, size in (("up", "up_bytes"), ("down", "down_bytes"))
        ),
    )
    yield counter_in_parts(
        "messages_denied",
        "Requests answered with an error.",
        "slice type reason",
        [partial(_denied, tenant) for tenant in tenants],
    )
    shed: Counter[tuple[str, str]] = Counter()
    for tenant in tenants:
        for counters in tenant.counters.values():
            for reason, count in counters.shed.items():
                shed[tenant.name, reason] += count
    yield counter("messages_shed", "Messages of the slice that were dropped.", "slice reason", shed.items())
    yield counter(
        "rate_limited",
        "Messages of the slice that met a rate limit: packet-ins are shed, requests delayed or refused.",
        "slice limit action",
        (
            ((tenant.name, limit, action), count)
            for tenant in tenants
            if tenant.limits is not None
            for (limit, action), count in tenant.limits.counts.items()
        ),
    )


def _outcomes(tenant: Tenant) -> Values:
    outcomes: Counter[tuple[str, str, str, str]] = Counter()
    for version, counters in tenant.counters.items():
        for direction, outcome, counts in (
            ("up", "forwarded", counters.up),
            ("down", "forwarded", counters.down),
            ("down", "answered", counters.answered),
        ):
            for kind, count in enumerate(counts):
                if count:
                    outcomes[tenant.name, direction, name_of(version, kind), outcome] += count
        for (kind, _), count in counters.refused.items():
            outcomes[tenant.name, "down", name_of(version, kind), "denied"] += count
    return outcomes.items()


def _denied(tenant: Tenant) -> Values:
    denied: Counter[tuple[str, str, str]] = Counter()
    for version, counters in tenant.counters.items():
        for (kind, reason), count in counters.refused.items():
            denied[tenant.name, name_of(version, kind), reason] += count
    return denied.items()
