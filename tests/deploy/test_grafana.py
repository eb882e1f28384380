"""The dashboard: every query names what exists, and everything on it can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.exported import DEPLOY, names_in, told_metrics

GRAFANA = DEPLOY / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "flowvisor.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES: list[dict[str, Any]] = DASHBOARD["templating"]["list"]
QUERIES: list[str] = [
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
    *(variable["definition"] for variable in VARIABLES if "definition" in variable),
    *(annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]),
]


def test_every_query_names_metrics_that_exist() -> None:
    told = told_metrics()
    for query in QUERIES:
        names = names_in(query)
        assert names, query
        assert names <= told, query


def test_it_has_its_rows_in_their_order() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Overview", "Datapaths", "Slices", "Policy", "Process"]


def test_the_data_source_and_what_is_shown_can_be_chosen() -> None:
    assert [variable["name"] for variable in VARIABLES] == [
        "datasource", "job", "instance", "slice", "switch",
    ]  # fmt: skip
    assert DASHBOARD["uid"] == "flowvisor-overview"
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in PANELS)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_has_its_own_place_a_unit_and_honest_rates(panel: dict[str, Any]) -> None:
    place = panel["gridPos"]
    others = [one["gridPos"] for one in DASHBOARD["panels"] if one is not panel]
    assert place["x"] + place["w"] <= 24
    assert not any(_overlap(place, other) for other in others)
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert 'job="$job", instance=~"$instance"' in target["expr"]
        assert ("rate(" in target["expr"]) <= ("[$__rate_interval]" in target["expr"])


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_it_is_brought_in_where_it_is_mounted() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/flowvisor.yaml").read_text())[
        "providers"
    ]
    mounts = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts
