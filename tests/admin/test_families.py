"""A family is a name with our prefix and a value for each set of labels."""

from __future__ import annotations

from flowvisor.admin.families import counter, gauge


def test_labels_are_in_their_order() -> None:
    family = gauge("x", "What it is.", "a b", [(("1", "2"), 3)])
    assert family.name == "flowvisor_x"
    assert [(sample.name, sample.labels, sample.value) for sample in family.samples] == [
        ("flowvisor_x", {"a": "1", "b": "2"}, 3)
    ]


def test_a_counter_gets_its_ending() -> None:
    family = counter("x", "What it is.", "", [((), 7)])
    assert [(sample.name, sample.labels) for sample in family.samples] == [("flowvisor_x_total", {})]
