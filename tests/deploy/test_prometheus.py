"""The rules for Prometheus: each alert fires when it should, and everything that they ask for exists."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import yaml

from tests.support.exported import DEPLOY, names_in, told_metrics
from tests.support.tools import require_tool

RULES = DEPLOY / "prometheus" / "flowvisor.rules.yml"
ALERT_TESTS = DEPLOY / "prometheus" / "flowvisor.rules.test.yml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
RECORDED = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [require_tool("promtool"), *arguments], cwd=RULES.parent, capture_output=True, text=True, check=False
    )


def test_the_rules_are_rules() -> None:
    checked = promtool("check", "rules", RULES.name)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_configuration_names_the_rules() -> None:
    checked = promtool("check", "config", "--syntax-only", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert yaml.safe_load((RULES.parent / "prometheus.yml").read_text())["rule_files"] == [RULES.name]


def test_alerts_fire_when_they_should_and_only_then() -> None:
    tested = promtool("test", "rules", ALERT_TESTS.name)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_seen_to_fire_and_seen_to_be_quiet() -> None:
    cases = [
        (case["alertname"], bool(case["exp_alerts"]))
        for test in yaml.safe_load(ALERT_TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    assert sorted(cases) == sorted((rule["alert"], fires) for rule in ALERTS for fires in (False, True))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_it_means(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"].keys() == {"summary", "description"}
    assert "{{" not in alert["annotations"]["summary"]
    assert "for" in alert
    assert alert["alert"].startswith("Flowvisor")


def test_what_the_rules_ask_for_exists() -> None:
    asked = {name for group in GROUPS for rule in group["rules"] for name in names_in(rule["expr"])}
    assert asked - RECORDED <= told_metrics() | {"up"}
