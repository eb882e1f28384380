"""A peer that breaks the protocol now and then is borne with, one that goes on is not."""

from __future__ import annotations

from flowvisor.hypervisor.faults import Faults
from flowvisor.openflow.channel import MAX_PROTOCOL_ERRORS, PROTOCOL_ERROR_WINDOW_SECONDS


def test_so_many_within_the_window_are_too_many() -> None:
    faults = Faults()
    assert [faults.one_more(5.0) for _ in range(MAX_PROTOCOL_ERRORS)] == [False] * (
        MAX_PROTOCOL_ERRORS - 1
    ) + [True]


def test_after_it_they_are_counted_anew() -> None:
    faults = Faults()
    for window in range(1, 5):
        now = window * (PROTOCOL_ERROR_WINDOW_SECONDS + 1)
        assert not any(faults.one_more(now) for _ in range(MAX_PROTOCOL_ERRORS - 1))
