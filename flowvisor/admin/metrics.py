"""What Prometheus is told, made when it asks."""

# Strategy: counting a message costs one addition on a list; `.labels(...).inc()` would cost as much as
# translating it. So nothing is counted here: the collector reads plain ints of the core and the shell, in
# the reactor's thread, where nothing changes meanwhile. What has many labels has a series once it is above 0.
#
# Labels are bounded: slices and controllers are the admin's, message types and reasons are closed sets, and
# of dpids `ConnectionCounters` tells only so many apart.

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from typing import Final

import OpenSSL
import twisted
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from flowvisor import __version__
from flowvisor.admin.datapath_metrics import datapath_metrics
from flowvisor.admin.families import counter, gauge, histogram, text_of
from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.network_metrics import network_metrics
from flowvisor.admin.reload_metrics import reload_metrics
from flowvisor.admin.slice_metrics import slice_metrics
from flowvisor.admin.tls_metrics import tls_metrics
from flowvisor.connections.connections import Connections
from flowvisor.connections.counters import CONTROLLER, DATAPATH
from flowvisor.connections.reloading import Reloading
from flowvisor.hypervisor.hypervisor import Hypervisor

_FROM: Final = (("up", DATAPATH), ("down", CONTROLLER))  # the side that messages of a direction come from

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    """Everything about one running service."""

    def __init__(
        self,
        *,
        hypervisor: Hypervisor,
        connections: Connections,
        lag: LagHistogram,
        reloading: Reloading,
    ) -> None:
        self._hypervisor = hypervisor
        self._connections = connections
        self._lag = lag
        self._reloading = reloading
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self) -> str:
        """The text that Prometheus reads."""
        return generate_latest(self._registry).decode()

    def pieces(self) -> Iterator[str]:
        """The same text, each piece made when it is asked for."""
        for family in self._registry.collect():
            yield from text_of(family)

    def describe(self) -> Iterable[Metric]:
        """Nothing to compare names with: the registry is ours alone."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family of flowvisor's own."""
        versions = (__version__, platform.python_version(), twisted.__version__, OpenSSL.__version__)
        yield gauge("build_info", "What is running.", "version python twisted openssl", [(versions, 1)])
        configuration = self._hypervisor.configuration
        yield from datapath_metrics(self._hypervisor, self._connections, configuration)
        yield from slice_metrics(self._hypervisor, self._connections, configuration)
        yield from network_metrics(self._hypervisor)
        yield from tls_metrics(self._connections)
        yield from self._connections_metrics()
        yield from reload_metrics(self._reloading)
        yield histogram(
            "reactor_lag_seconds", "How late a call was that is due every second.", "", [((), self._lag)]
        )

    def _connections_metrics(self) -> Iterator[Metric]:
        counters = self._connections.counters
        yield counter(
            "messages_malformed",
            "Messages that break the protocol.",
            "side reason",
            counters.malformed.items(),
        )
        yield gauge(
            "send_queue_bytes",
            "Bytes that a peer has not taken yet.",
            "side peer",
            self._connections.queued_bytes().items(),
        )
        yield counter(
            "backpressure_pauses",
            "How often reading from a peer was interrupted.",
            "side",
            (((side,), count) for side, count in counters.pauses.items()),
        )
        yield histogram(
            "message_latency_seconds",
            "From the read in which messages came to when what followed from them at once was written.",
            "direction",
            (((direction,), counters.latencies[side]) for direction, side in _FROM),
        )
        yield counter("own_errors", "Exceptions in flowvisor's own code.", "", [((), counters.own_errors)])
