"""Whatever tenants, hosts and chance do, the five invariants hold."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import NETWORKS, machine_on

# What it runs is covered by the tests of each module; here the tracing would double the time.
pytestmark = pytest.mark.no_cover

STEPS = 30
EXAMPLES = 22 if settings.get_current_profile_name() == "gate" else settings().max_examples


@pytest.mark.parametrize("network", NETWORKS)
def test_the_invariants_hold(network: str) -> None:
    run_state_machine_as_test(
        machine_on(network), settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS)
    )
