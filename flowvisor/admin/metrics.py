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
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from flowvisor import __version__
from flowvisor.admin.datapath_metrics import datapath_metrics
from flowvisor.admin.families import PREFIX, counter, gauge
from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.slice_metrics import slice_metrics
from flowvisor.admin.tls_metrics import tls_metrics
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.hypervisor.hypervisor import Hypervisor

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    """Everything about one running service. `loaded_at` is when its configuration was read, in Unix time."""

    def __init__(
        self,
        *,
        hypervisor: Hypervisor,
        connections: Connections,
        configuration: Configuration,
        lag: LagHistogram,
        loaded_at: float,
    ) -> None:
        self._hypervisor = hypervisor
        self._connections = connections
        self._configuration = configuration
        self._lag = lag
        self._loaded_at = loaded_at
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self) -> str:
        """The text that Prometheus reads."""
        return generate_latest(self._registry).decode()

    def describe(self) -> Iterable[Metric]:
        """Nothing to compare names with: the registry is ours alone."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family of flowvisor's own."""
        versions = (__version__, platform.python_version(), twisted.__version__, OpenSSL.__version__)
        yield gauge("build_info", "What is running.", "version python twisted openssl", [(versions, 1)])
        yield from datapath_metrics(self._hypervisor, self._connections, self._configuration)
        yield from slice_metrics(self._hypervisor, self._connections, self._configuration)
        yield from tls_metrics(self._connections)
        yield from self._connections_metrics()
        yield gauge("policy_info", "The admin's files that are in force.", "revision", [(("1",), 1)])
        yield gauge(
            "policy_last_reload_successful", "Whether the files were taken when last read.", "", [((), 1)]
        )
        yield gauge(
            "policy_last_reload_success_timestamp_seconds",
            "When the files that are in force were read.",
            "",
            [((), self._loaded_at)],
        )
        yield HistogramMetricFamily(
            PREFIX + "reactor_lag_seconds",
            "How late a call was that is due every second.",
            buckets=self._lag.buckets(),
            sum_value=self._lag.total_seconds,
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
        yield counter("own_errors", "Exceptions in flowvisor's own code.", "", [((), counters.own_errors)])
