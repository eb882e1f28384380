"""The model fails where something that keeps slices apart is taken away: each planted leak is found."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.leaks import Plant, delete_by_wildcard, foreign_buffers, no_egress_check, no_priorities
from tests.model.machine import machine_on
from tests.model.oracle import Violation

# Each is looked for where it was found within the gate's budget of examples.
FOUND = [
    (no_egress_check, "mixed"),
    (no_priorities, "mixed"),
    (delete_by_wildcard, "few-tables"),
    (foreign_buffers, "few-tables"),
]


@pytest.mark.parametrize(("leak", "network"), FOUND, ids=lambda one: getattr(one, "__name__", one))
def test_a_planted_leak_is_found(leak: Plant, network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leak(monkeypatch)
    looking = settings(
        max_examples=80, stateful_step_count=30, phases=[Phase.generate], report_multiple_bugs=False
    )
    with pytest.raises(Violation):
        run_state_machine_as_test(machine_on(network), settings=looking)
