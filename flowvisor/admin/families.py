"""Families of metrics: a name, what it means, and a value for each set of labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
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
    """A metric of which each series is made when somebody reads it: 20,000 at once would hold everybody up.

    `parts` give its values, each those of its moment.
    """

    def __init__(
        self, kind: str, name: str, documentation: str, labels: str, parts: Sequence[Callable[[], Values]]
    ) -> None:
        self._series = name + "_total" if kind == "counter" else name
        self._labels = labels.split()
        self._parts = parts
        super().__init__(name, documentation, kind)

    @property
    def samples(self) -> list[Sample]:
        """All of them."""
        return [sample for some in self.pieces() for sample in some]

    @samples.setter
    def samples(self, _none: list[Sample]) -> None:
        """What a metric begins with."""

    def pieces(self) -> Iterator[list[Sample]]:
        """So many of them at a time that it does not take long; a family without any is one piece."""
        values = (pair for part in self._parts for pair in part())
        some = list(islice(values, SAMPLES_PER_PIECE))
        yield [self._sample(*pair) for pair in some]
        while some := list(islice(values, SAMPLES_PER_PIECE)):
            yield [self._sample(*pair) for pair in some]

    def _sample(self, of_labels: tuple[str, ...], value: float) -> Sample:
        return Sample(self._series, dict(zip(self._labels, of_labels, strict=True)), value)


def counter(name: str, documentation: str, labels: str, values: Values) -> Metric:
    """What only grows; `labels` are names with spaces between them, `_total` is added to the name."""
    as_they_are_now = list(values)
    return counter_in_parts(name, documentation, labels, [lambda: as_they_are_now])


def counter_in_parts(
    name: str, documentation: str, labels: str, parts: Sequence[Callable[[], Values]]
) -> Metric:
    """The same, of so much that its values are not to be gathered at once."""
    return Family("counter", PREFIX + name, documentation, labels, parts)


def gauge(name: str, documentation: str, labels: str, values: Values) -> Metric:
    """What goes up and down."""
    as_they_are_now = list(values)
    return Family("gauge", PREFIX + name, documentation, labels, [lambda: as_they_are_now])


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
    head_lines = 0
    for samples in family.pieces() if isinstance(family, Family) else (family.samples,):
        some = Metric(family.name, family.documentation, family.type)
        some.samples = samples
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
