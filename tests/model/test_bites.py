"""The model fails where something that keeps slices apart is taken away: each planted leak is found."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.leaks import (
    Plant,
    delete_by_wildcard,
    each_table_alone,
    flow_removed_to_all,
    foreign_buffers,
    no_egress_check,
    no_priorities,
    nobody_concerned,
    quota_off_by_one,
    readers_own,
    reload_keeps_what_was,
    unchecked_buckets,
)
from tests.model.machine import Machine, Reloads, machine_on, only
from tests.model.oracle import Violation
from tests.model.tenants import Tenants

# What it runs is covered by the tests of each module; here the tracing would double the time.
pytestmark = pytest.mark.no_cover

# What leads to some of them, without all else that would hide it.
RELOADS = only(Reloads, "tenants_change_their_entries", "the_files_change")
TIME = only(Machine, "tenants_change_their_entries", "time_passes")

# Each is looked for where it was found within the gate's budget of examples, without what has nothing to do with it, by
# what then does not hold.
FOUND = [
    (no_egress_check, Tenants, "mixed", "I[23]"),
    (no_priorities, Tenants, "mixed", "I[135]"),
    (delete_by_wildcard, Tenants, "mixed", "I3"),
    (foreign_buffers, Tenants, "1.0", "I3"),
    (unchecked_buckets, Tenants, "tables", "I2"),
    (each_table_alone, Machine, "tables", "I2"),
    (readers_own, Tenants, "mixed", "I[12]"),
    (quota_off_by_one, Tenants, "mixed", "I3"),
    (flow_removed_to_all, TIME, "1.0", "I3"),
    (reload_keeps_what_was, RELOADS, "tables", "I[123]"),
    (nobody_concerned, RELOADS, "tables", "I[123]"),
]


@pytest.mark.parametrize(
    ("leak", "kind", "network", "invariant"), FOUND, ids=lambda one: getattr(one, "__name__", one)
)
def test_a_planted_leak_is_found(
    leak: Plant, kind: type[Tenants], network: str, invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak(monkeypatch)
    looking = settings(
        max_examples=80, stateful_step_count=30, phases=[Phase.generate], report_multiple_bugs=False
    )
    with pytest.raises(Violation, match=f"^{invariant}: "):
        run_state_machine_as_test(machine_on(network, kind), settings=looking)
