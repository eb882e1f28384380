"""The whole text, as Prometheus reads it."""

from __future__ import annotations

import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.metrics import Metrics
from flowvisor.openflow.frame import HEADER, PACKET_OUT
from tests.support.shell import TO_CONTROLLER, Shell
from tests.support.tools import require_tool

# Every label that any family may have: no address, port, xid or text of a peer's is among them.
LABELS = {
    *(
        "slice",
        "dpid",
        "switch",
        "controller",
        "direction",
        "source",
        "type",
        "outcome",
        "reason",
        "side",
        "peer",
        "le",
        "role",
        "name",
    ),
    *("version", "python", "twisted", "openssl", "revision", "trigger", "result"),
}


@pytest.fixture
def text() -> str:
    shell = Shell()
    datapath = shell.datapath()
    for _ in range(2):
        controller = shell.controller()
        controller.say(TO_CONTROLLER)
    shell.settle()
    datapath.packet(1, bytes(64))
    shell.settle()
    shell.connect().write(HEADER.pack(4, PACKET_OUT, 8, 1))
    lag = LagHistogram(1.0)
    for now in (1.0, 2.0, 3.5):
        lag.came_round(now)
    metrics = Metrics(
        hypervisor=shell.hypervisor,
        connections=shell.connections,
        lag=lag,
        reloading=shell.reloading,
    )
    return metrics.render()


def test_promtool_finds_nothing_to_complain_about(text: str) -> None:
    promtool = require_tool("promtool")
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_family_is_ours_or_of_the_process_and_its_labels_are_bounded(text: str) -> None:
    families = list(text_string_to_metric_families(text))
    ours = [family for family in families if family.name.startswith("flowvisor_")]
    others = {family.name.partition("_")[0] for family in families if family not in ours}
    assert others == {"process", "python"}
    assert {label for family in ours for sample in family.samples for label in sample.labels} <= LABELS
    assert all(family.documentation for family in ours)


def test_what_happened_is_told(text: str) -> None:
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["flowvisor_messages_malformed_total", "bad-type", "datapath"] == 1
    assert values["flowvisor_send_queue_bytes", "0000000000000001", "datapath"] == 0
    assert values["flowvisor_own_errors_total",] == 0
    assert values["flowvisor_policy_info", "1"] == 1
    assert values["flowvisor_policy_last_reload_success_timestamp_seconds",] == 1795339800.0
    assert values["flowvisor_reactor_lag_seconds_count",] == 2
    assert values["flowvisor_reactor_lag_seconds_sum",] == 0.5


def test_nothing_is_told_of_when_counters_were_made(text: str) -> None:
    assert "_created" not in text
