"""Metrics of datapaths: who is connected, what was said, what went wrong."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from flowvisor.admin.families import counter, gauge
from flowvisor.admin.message_names import name_of
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.connections.counters import DATAPATH, OTHER_DPIDS
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.network.dpid import format_dpid

OTHERS = ("other", "other")  # the labels of all dpids beyond those that are counted one by one


def datapath_metrics(
    hypervisor: Hypervisor, connections: Connections, configuration: Configuration
) -> Iterator[Metric]:
    """All families, as things are now."""

    def labels(dpid: int) -> tuple[str, str]:
        return OTHERS if dpid == OTHER_DPIDS else (format_dpid(dpid), configuration.datapath_name(dpid))

    counters = connections.counters
    connected = hypervisor.datapaths
    known = {*configuration.settings.datapaths.values(), *counters.datapath_connects, *connected} - {
        OTHER_DPIDS
    }
    yield gauge(
        "switch_connected",
        "Whether the datapath is connected.",
        "dpid switch",
        ((labels(dpid), float(dpid in connected)) for dpid in sorted(known)),
    )
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
    yield counter(
        "packet_ins_unowned",
        "Packet-ins that are in nobody's flowspace.",
        "dpid switch",
        ((labels(dpid), one.unowned_packet_ins) for dpid, one in connected.items()),
    )
    yield counter(
        "switch_messages_malformed",
        "Messages of the datapath that could not be read.",
        "dpid switch",
        ((labels(dpid), one.malformed) for dpid, one in connected.items()),
    )
    yield counter(
        "replies_stale",
        "Replies of the datapath that answer nothing, or that came too late.",
        "dpid switch",
        ((labels(dpid), one.stale_replies) for dpid, one in connected.items()),
    )
    yield counter(
        "transactions_expired",
        "Requests that the datapath did not answer in time.",
        "dpid switch",
        ((labels(dpid), one.expired) for dpid, one in connected.items()),
    )
    yield counter(
        "own_entries_failed",
        "Messages of the hypervisor's own that the datapath refused.",
        "dpid switch",
        ((labels(dpid), one.own_failures) for dpid, one in connected.items()),
    )
    yield gauge(
        "pending_transactions",
        "Requests that the datapath has not answered yet.",
        "dpid switch",
        ((labels(dpid), one.pending_transactions) for dpid, one in connected.items()),
    )
