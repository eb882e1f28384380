"""Families of metrics: a name, what it means, and a value for each set of labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from flowvisor.connections.histogram import Histogram

PREFIX: Final = "flowvisor_"

Values = Iterable[tuple[tuple[str, ...], float]]  # the labels' values in their order, and the number


def counter(name: str, documentation: str, labels: str, values: Values) -> Metric:
    """What only grows; `labels` are names with spaces between them, `_total` is added to the name."""
    family = CounterMetricFamily(PREFIX + name, documentation, labels=labels.split())
    for of_labels, value in values:
        family.add_metric(of_labels, value)
    return family


def gauge(name: str, documentation: str, labels: str, values: Values) -> Metric:
    """What goes up and down."""
    family = GaugeMetricFamily(PREFIX + name, documentation, labels=labels.split())
    for of_labels, value in values:
        family.add_metric(of_labels, value)
    return family


def histogram(
    name: str, documentation: str, labels: str, values: Iterable[tuple[tuple[str, ...], Histogram]]
) -> Metric:
    """How long something took, in seconds."""
    family = HistogramMetricFamily(PREFIX + name, documentation, labels=labels.split())
    for of_labels, value in values:
        family.add_metric(of_labels, value.buckets(), value.total_seconds)
    return family
