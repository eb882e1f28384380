"""What flowvisor tells Prometheus, by name, and the names that queries ask for."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.metrics import Metrics
from tests.support.shell import Shell

DEPLOY = Path(__file__).parents[2] / "deploy"

_ENDINGS = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gauge": ("",),
    "unknown": ("",),
}
_NAME = re.compile(r"\b(?:\w+:)?(?:flowvisor|process|python)_\w+(?::\w+)*|\bup\b")


def told_metrics() -> set[str]:
    """The names of all series that there can be."""
    shell = Shell()
    metrics = Metrics(
        hypervisor=shell.hypervisor,
        connections=shell.connections,
        lag=LagHistogram(1.0),
        reloading=shell.reloading,
    )
    return {
        family.name + ending
        for family in text_string_to_metric_families(metrics.render())
        for ending in _ENDINGS[family.type]
    }


def names_in(query: str) -> set[str]:
    """The metrics that a query asks for."""
    return set(_NAME.findall(re.sub(r'"[^"]*"', "", query)))
