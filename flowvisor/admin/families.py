"""Families of metrics: a name, what it means, and a value for each set of labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from flowvisor.connections.histogram import Histogram

PREFIX: Final = "flowvisor_"

SAMPLES_PER_PIECE: Final = 200  # 2 ms of work

Values = Iterable[tuple[tuple[str, ...], float]]  # the labels' values in their order, and the number


class Family(Metric):
    """A metric of which each series is made when somebody reads it: 20,000 at once would hold everybody up."""

    def __init__(self, kind: str, name: str, documentation: str, labels: str, values: Values) -> None:
        self._series = name + "_total" if kind == "counter" else name
        self._labels = labels.split()
        self._values = list(values)  # as things are now
        super().__init__(name, documentation, kind)

    @property
    def samples(self) -> list[Sample]:
        """All of them."""
        return self.some(0, len(self._values))

    @samples.setter
    def samples(self, _none: list[Sample]) -> None:
        """What a metric begins with."""

    def some(self, begin: int, end: int) -> list[Sample]:
        """Some of them."""
        return [
            Sample(self._series, dict(zip(self._labels, of_labels, strict=True)), value)
            for of_labels, value in self._values[begin:end]
        ]

    def __len__(self) -> int:
        return len(self._values)


def counter(name: str, documentation: str, labels: str, values: Values) -> Metric:
    """What only grows; `labels` are names with spaces between them, `_total` is added to the name."""
    return Family("counter", PREFIX + name, documentation, labels, values)


def gauge(name: str, documentation: str, labels: str, values: Values) -> Metric:
    """What goes up and down."""
    return Family("gauge", PREFIX + name, documentation, labels, values)


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
    count = len(family) if isinstance(family, Family) else len(family.samples)
    head_lines = 0
    for begin in range(0, count or 1, SAMPLES_PER_PIECE):
        end = begin + SAMPLES_PER_PIECE
        some = Metric(family.name, family.documentation, family.type)
        some.samples = family.some(begin, end) if isinstance(family, Family) else family.samples[begin:end]
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
