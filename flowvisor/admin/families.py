"""Families of metrics: a name, what it means, and a value for each set of labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from flowvisor.connections.histogram import Histogram

PREFIX: Final = "flowvisor_"

SAMPLES_PER_PIECE: Final = 200  # 2 ms of work

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


def text_of(family: Metric) -> Iterator[str]:
    """The text that Prometheus reads, in pieces that do not take long."""
    samples = family.samples
    head_lines = 0
    for begin in range(0, len(samples) or 1, SAMPLES_PER_PIECE):
        some: Any = Metric(family.name, family.documentation, family.type)
        some.samples = samples[begin : begin + SAMPLES_PER_PIECE]
        text = generate_latest(One(some)).decode()
        lines = text.splitlines(keepends=True)
        yield "".join(lines[head_lines:])
        head_lines = sum(line.startswith("#") for line in lines[:2])


class One(Collector):
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        """It."""
        yield self._family
