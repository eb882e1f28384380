"""Metrics of datapaths: who is connected, what was said, what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.metrics_core import Metric

from flowvisor.admin.families import counter, gauge
from flowvisor.admin.message_names import name_of
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.connections.counters import DATAPATH, OTHER_DPIDS, ConnectionCounters
from flowvisor.connections.datapath_protocol import DatapathProtocol
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.hypervisor.peers import Datapath
from flowvisor.hypervisor.provisioning import faults_of
from flowvisor.network.dpid import format_dpid

Labels = Callable[[int], tuple[str, str]]  # dpid and name of a datapath

OTHERS: Final = ("other", "other")  # the labels of all dpids beyond those that are counted one by one

# What the core counts while a datapath is connected: attribute, name, documentation.
OF_THE_CORE: Final = (
    ("unowned_packet_ins", "packet_ins_unowned", "Packet-ins that are in nobody's flowspace."),
    ("probes_refused", "probes_refused", "Probes for links that the datapath refused to send."),
    ("probes_disbelieved", "probes_disbelieved", "Packets like probes that prove no link: forged, or kept."),
    ("unowned_removals", "flow_removed_unowned", "Flow-removed of entries that are no slice's any more."),
    ("malformed", "switch_messages_malformed", "Messages of the datapath that could not be read."),
    ("stale_replies", "replies_stale", "Replies of the datapath that answer nothing, or came too late."),
    ("shared_readings", "statistics_shared", "Requests for statistics that another channel's has answered."),
    ("expired", "transactions_expired", "Requests that the datapath did not answer in time."),
    ("own_failures", "own_entries_failed", "Messages of the hypervisor's own that the datapath refused."),
)


def datapath_metrics(
    hypervisor: Hypervisor, connections: Connections, configuration: Configuration
) -> Iterator[Metric]:
    """All families, as things are now."""

    def labels(dpid: int) -> tuple[str, str]:
        return OTHERS if dpid == OTHER_DPIDS else (format_dpid(dpid), configuration.datapath_name(dpid))

    connected = hypervisor.datapaths
    named = configuration.settings.datapaths.values()
    known = {*named, *connections.counters.datapath_connects, *connected} - {OTHER_DPIDS}
    yield gauge(
        "switch_connected",
        "Whether the datapath is connected.",
        "dpid switch",
        ((labels(dpid), float(dpid in connected)) for dpid in sorted(known)),
    )
    yield gauge(
        "switch_echo_rtt_seconds",
        "How long the datapath took to answer when it was last asked whether it is alive, which is when it is silent.",
        "dpid switch",
        (
            (labels(protocol.datapath.dpid), protocol.channel.round_trip_seconds)
            for protocol in connections.by_peer.values()
            if isinstance(protocol, DatapathProtocol) and protocol.channel.round_trip_seconds is not None
        ),
    )
    yield gauge(
        "switch_not_as_wanted",
        "In how many ways the datapath is not what the main file wants it to be.",
        "dpid switch",
        (
            (labels(dpid), float(sum(1 for _ in faults_of(one))))
            for dpid, one in connected.items()
            if one.wanted.ports or one.wanted.entries
        ),
    )
    declared = len(hypervisor.fabric.topology.declared)
    yield gauge(
        "links",
        "Links between datapaths, each direction by itself.",
        "source",
        [(("declared",), declared), (("found",), len(hypervisor.fabric.topology) - declared)],
    )
    yield from _of_connections(connections.counters, labels)
    yield from _of_the_core(connected, labels)


def _of_connections(counters: ConnectionCounters, labels: Labels) -> Iterator[Metric]:
    yield counter(
        "switch_connects",
        "Channels with the datapath that were established.",
        "dpid switch",
        ((labels(dpid), count) for dpid, count in counters.datapath_connects.items()),
    )
    yield counter(
        "switch_disconnects",
        "Channels with the datapath that ended.",
        "dpid switch reason",
        (((*labels(dpid), reason), count) for (dpid, reason), count in counters.datapath_disconnects.items()),
    )
    yield counter(
        "switch_handshake_failures",
        "Connections of datapaths that did not become channels.",
        "reason",
        (((reason,), n) for (side, reason), n in counters.handshake_failures.items() if side == DATAPATH),
    )


def _of_the_core(connected: Mapping[int, Datapath], labels: Labels) -> Iterator[Metric]:
    yield counter(
        "switch_messages",
        "Messages between the hypervisor and the datapath.",
        "dpid switch direction type",
        (
            ((*labels(dpid), direction, name_of(one.version, kind)), count)
            for dpid, one in connected.items()
            for direction, counts in (("up", one.up_counts), ("down", one.down_counts))
            for kind, count in enumerate(counts)
            if count
        ),
    )
    for attribute, name, documentation in OF_THE_CORE:
        values = [(labels(dpid), getattr(one, attribute)) for dpid, one in connected.items()]
        yield counter(name, documentation, "dpid switch", values)
    yield gauge(
        "pending_transactions",
        "Requests that the datapath has not answered yet.",
        "dpid switch",
        ((labels(dpid), one.pending_transactions) for dpid, one in connected.items()),
    )
