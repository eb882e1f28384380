"""Metrics of the admin's files: which are in force since when, and what became of those that were read after."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from flowvisor.admin.families import counter, gauge
from flowvisor.connections.reloading import Reloading


def reload_metrics(reloading: Reloading) -> Iterator[Metric]:
    """All families, as things are now. The names follow Prometheus's own."""
    last = reloading.last
    yield gauge(
        "policy_info", "The admin's files that are in force.", "revision", [((str(reloading.revision),), 1)]
    )
    yield gauge(
        "policy_last_reload_successful",
        "Whether the files were taken when last read.",
        "",
        [((), float(last is None or last.is_success))],
    )
    yield gauge(
        "policy_last_reload_success_timestamp_seconds",
        "When the files that are in force were read.",
        "",
        [((), reloading.loaded_at)],
    )
    yield counter(
        "policy_reloads",
        "How often the files were read again, what for, and what became of it.",
        "trigger result",
        reloading.counts.items(),
    )
    yield gauge(
        "policy_reload_duration_seconds",
        "How long it took when last read, most of it beside the reactor.",
        "",
        [] if last is None else [((), last.seconds)],
    )
    yield gauge(
        "policy_waits_for_restart",
        "How many keys of the main file count only from the next start on.",
        "",
        [((), len(reloading.not_live))],
    )
