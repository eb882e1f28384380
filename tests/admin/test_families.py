"""A family is a name with our prefix and a value for each set of labels."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from flowvisor.admin.families import SAMPLES_PER_PIECE, One, counter, gauge, histogram, text_of
from flowvisor.connections.histogram import Histogram


def test_labels_are_in_their_order() -> None:
    family = gauge("x", "What it is.", "a b", [(("1", "2"), 3)])
    assert family.name == "flowvisor_x"
    assert [(sample.name, sample.labels, sample.value) for sample in family.samples] == [
        ("flowvisor_x", {"a": "1", "b": "2"}, 3)
    ]


def test_a_counter_gets_its_ending() -> None:
    family = counter("x", "What it is.", "", [((), 7)])
    assert [(sample.name, sample.labels) for sample in family.samples] == [("flowvisor_x_total", {})]


def test_a_histogram_has_its_buckets_and_its_sum() -> None:
    took = Histogram((0.5,))
    took.observe(0.25)
    took.observe(2.0)
    family = histogram("x_seconds", "How long.", "direction", [(("up",), took)])
    assert [(sample.name, sample.labels, sample.value) for sample in family.samples] == [
        ("flowvisor_x_seconds_bucket", {"direction": "up", "le": "0.5"}, 1),
        ("flowvisor_x_seconds_bucket", {"direction": "up", "le": "+Inf"}, 2),
        ("flowvisor_x_seconds_count", {"direction": "up"}, 2),
        ("flowvisor_x_seconds_sum", {"direction": "up"}, 2.25),
    ]


@pytest.mark.parametrize("count", [0, 1, SAMPLES_PER_PIECE, 3 * SAMPLES_PER_PIECE + 1])
@pytest.mark.parametrize("make", [counter, gauge])
def test_in_pieces_it_is_the_same_text(make: Any, count: int) -> None:
    family = make("x", "What it\nis.", "a", [((f'"{n}',), n) for n in range(count)])
    registry = CollectorRegistry()
    registry.register(One(family))
    pieces = list(text_of(family))
    assert "".join(pieces) == generate_latest(registry).decode()
    assert len(pieces) == max(1, -(-count // SAMPLES_PER_PIECE))
