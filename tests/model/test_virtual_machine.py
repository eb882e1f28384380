"""Whatever happens to virtual networks and beside them, the five invariants hold."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.leaks import Plant
from tests.model.oracle import Violation
from tests.model.virtual_leaks import (
    attachments_are_the_slices,
    floods_go_back,
    labels_are_left_on,
    networks_know_of_each_other,
    no_label_guard,
)
from tests.model.virtual_machine import AskingHosts, AskingMachine, Neighbours, VirtualMachine

# What it runs is covered by the tests of each module; here the tracing would double the time.
pytestmark = pytest.mark.no_cover

STEPS = 30
EXAMPLES = 12 if settings.get_current_profile_name() == "gate" else settings().max_examples


def test_the_invariants_hold_of_virtual_networks() -> None:
    run_state_machine_as_test(
        VirtualMachine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS)
    )


def test_the_invariants_hold_where_hosts_are_answered() -> None:
    run_state_machine_as_test(
        AskingMachine, settings=settings(max_examples=max(1, EXAMPLES // 5), stateful_step_count=STEPS)
    )


@pytest.mark.parametrize(
    ("leak", "kind", "invariant"),
    [
        (no_label_guard, Neighbours, "I[12]"),
        (floods_go_back, Neighbours, "I[24]"),
        (attachments_are_the_slices, Neighbours, "I[12]"),
        (labels_are_left_on, Neighbours, "I2"),
        (networks_know_of_each_other, AskingHosts, "I[23]"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_leak_planted_in_virtual_networks_is_found(
    leak: Plant, kind: type[Neighbours], invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak(monkeypatch)
    looking = settings(
        max_examples=80, stateful_step_count=STEPS, phases=[Phase.generate], report_multiple_bugs=False
    )
    with pytest.raises(Violation, match=f"^{invariant}: "):
        run_state_machine_as_test(kind, settings=looking)
