"""The whole text, as Prometheus reads it."""

from __future__ import annotations

import subprocess
from time import thread_time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.metrics import Metrics
from flowvisor.openflow.frame import HEADER, PACKET_OUT
from tests.support.shell import TO_CONTROLLER, Shell
from tests.support.tools import require_tool
from tests.support.undisturbed import undisturbed
from tests.support.world import a_slice, configuration, ports

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


def metrics_of(shell: Shell, lag: LagHistogram | None = None) -> Metrics:
    return Metrics(
        hypervisor=shell.hypervisor,
        connections=shell.connections,
        lag=lag or LagHistogram(1.0),
        reloading=shell.reloading,
    )


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
    return metrics_of(shell, lag).render()


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


def crowded() -> Metrics:
    """What tells more than 20,000 series."""
    shell = Shell(configuration(*(a_slice(f"slice-{n}", ports(n + 1), tables=1) for n in range(100))))
    for tenant in shell.hypervisor.tenants.values():
        for counters in tenant.counters.values():
            for kind in range(29):
                counters.up[kind] = counters.down[kind] = counters.answered[kind] = 1
                counters.refused[kind, "quota"] = counters.refused[kind, "table-id"] = 1
    for dpid in range(1000):
        shell.connections.counters.datapath_connects[dpid] = 1
        for reason in ("silent", "closed", "stalled"):
            shell.connections.counters.datapath_disconnects[dpid, reason] = 1
    return metrics_of(shell)


@pytest.mark.no_cover
def test_with_20000_series_no_piece_of_it_takes_long() -> None:
    crowd = crowded()
    best = 1.0  # of a few tries: the machine may have had other things to do
    for _ in range(3):
        series, longest = 0, 0.0
        with undisturbed():
            pieces = crowd.pieces()
            while True:
                begun = thread_time()
                piece = next(pieces, None)
                longest = max(longest, thread_time() - begun)
                if piece is None:
                    break
                series += sum(not line.startswith("#") for line in piece.splitlines())
        best = min(best, longest)
    assert series >= 20_000
    assert best < 0.05


def test_in_pieces_it_is_the_same_text() -> None:
    one = metrics_of(Shell())
    changing = ("process_", "python_gc", "flowvisor_reactor")

    def lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith(changing)]

    assert lines("".join(one.pieces())) == lines(one.render())
