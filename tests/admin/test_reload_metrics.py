"""Which files are in force, and what became of the others, for Prometheus."""

from __future__ import annotations

from attrs import evolve

from flowvisor.admin.reload_metrics import reload_metrics
from flowvisor.errors import ConfigurationError, Place, Problem
from tests.support.shell import Shell

WRONG = ConfigurationError([Problem(Place("slices/red.yaml", 7, 3), "flowspace", "wrong")])


def values(shell: Shell) -> dict[str, float]:
    return {
        ",".join((sample.name.removeprefix("flowvisor_policy_"), *sample.labels.values())): sample.value
        for family in reload_metrics(shell.reloading)
        for sample in family.samples
    }


def test_before_any_reload_the_files_of_the_start_are_in_force() -> None:
    shell = Shell()
    assert values(shell) == {
        "info,1": 1,
        "last_reload_successful": 1,
        "last_reload_success_timestamp_seconds": 1795339800.0,
        "waits_for_restart": 0,
    }


def test_a_bad_set_changes_nothing_but_a_gauge_and_a_counter() -> None:
    shell = Shell()
    shell.reactor.advance(60)
    shell.reload(WRONG)
    assert values(shell) == {
        "info,1": 1,
        "last_reload_successful": 0,
        "last_reload_success_timestamp_seconds": 1795339800.0,
        "reloads_total,rest,refused": 1,
        "reload_duration_seconds": 0,
        "waits_for_restart": 0,
    }
    settings = evolve(shell.configuration.settings, state="elsewhere", admission="listed")
    shell.reload(evolve(shell.configuration, settings=settings))
    assert values(shell) == {
        "info,2": 1,
        "last_reload_successful": 1,
        "last_reload_success_timestamp_seconds": 1795339860.0,
        "reloads_total,rest,refused": 1,
        "reloads_total,rest,taken": 1,
        "reload_duration_seconds": 0,
        "waits_for_restart": 1,
    }
