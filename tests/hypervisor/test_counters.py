"""Counters are plain ints, and every OpenFlow message type has a place."""

from __future__ import annotations

from flowvisor.hypervisor.counters import KINDS, MessageCounters
from flowvisor.openflow.v13 import FORMS


def test_everything_begins_at_0() -> None:
    counters = MessageCounters()
    assert counters.up == counters.down == counters.answered == [0] * KINDS
    assert counters.up_bytes == counters.down_bytes == 0
    assert counters.refused == counters.shed == {}


def test_every_message_type_has_a_place() -> None:
    assert max(form.number for form in FORMS) < KINDS


def test_refusals_are_counted_by_type_and_reason_and_what_is_shed_by_reason() -> None:
    counters = MessageCounters()
    for kind, reason in ((14, "foreign-port"), (14, "foreign-port"), (13, "foreign-port"), (14, "overlap")):
        counters.count_refused(kind, reason)
    for reason in ("lldp", "no-controller", "lldp"):
        counters.count_shed(reason)
    assert counters.refused == {(14, "foreign-port"): 2, (13, "foreign-port"): 1, (14, "overlap"): 1}
    assert counters.shed == {"lldp": 2, "no-controller": 1}
