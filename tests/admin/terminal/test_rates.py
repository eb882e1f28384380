"""Rates are differences by time, and a counter that began anew counts from there."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from flowvisor.admin.terminal.rates import Look, rates
from tests.support.admin import Desk


@pytest.fixture
def told(tmp_path: Path) -> dict[str, Any]:
    """What a desk tells."""
    desk = Desk(tokens=tmp_path / "tokens.yaml")
    desk.shell.datapath()
    return {name: desk.get(f"/{name}").json[name] for name in ("slices", "datapaths", "switches")}


def test_what_has_been_counted_between_two_looks_is_told_by_the_second(told: dict[str, Any]) -> None:
    later = copy.deepcopy(told)
    later["slices"][0]["messages"]["up"] += 50
    later["slices"][0]["limits"] = [{"limit": "flow_mod", "action": "delayed", "count": 5}]
    later["datapaths"][0]["messages"]["down"] += 25
    seen = rates(Look(10.0, **told), Look(12.5, **later))
    blue, red = seen["slices"]
    assert (blue["slice"], blue["up"], blue["down"], blue["limited"]) == ("blue", 20.0, 0.0, 2.0)
    assert (red["up"], red["limited"]) == (0.0, 0.0)
    assert seen["datapaths"][0]["down"] == 10.0
    assert seen["seconds"] == 2.5
    assert [one["flow_entries_limit"] for one in seen["switches"]] == [None, None]


def test_a_counter_that_began_anew_counts_from_there(told: dict[str, Any]) -> None:
    later = copy.deepcopy(told)
    later["datapaths"][0]["messages"] = {"up": 4, "down": 2}
    (seen,) = rates(Look(0.0, **told), Look(2.0, **later))["datapaths"]
    assert (seen["up"], seen["down"]) == (2.0, 1.0)


def test_what_has_come_meanwhile_has_no_rate_yet(told: dict[str, Any]) -> None:
    seen = rates(Look(0.0, slices=[]), Look(1.0, **told))
    assert [one["up"] for one in seen["slices"]] == [0.0, 0.0]
