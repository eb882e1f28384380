"""A real Prometheus reads a real run, and can answer everything that the rules and the dashboard ask."""

import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests.support.exported import DEPLOY
from tests.support.tools import require_tool
from tests.system.support.flowvisor import HOST
from tests.system.support.one_bridge import OneBridge
from tests.system.support.processes import Program, wait_until

PORT = 9090
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/flowvisor.json").read_text())
# What stands for Grafana's variables.
CHOSEN = {"$job": "flowvisor", "$instance": ".*", "$slice": ".*", "$switch": ".*", "$__rate_interval": "10s"}


class Prometheus:
    """Prometheus beside flowvisor, with the files that ship, but quicker."""

    def __init__(self, folder: Path, bridge: OneBridge) -> None:
        folder.mkdir()
        shutil.copy(DEPLOY / "prometheus/flowvisor.rules.yml", folder)
        configuration = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
        configuration["scrape_configs"][0]["static_configs"] = [{"targets": [f"{HOST}:8080"]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        self._bridges = bridge.bridges
        self._program = Program(
            [
                require_tool("prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/series",
                f"--web.listen-address={HOST}:{PORT}",
            ],
            log=folder / "prometheus.log",
            inside=self._bridges.inside,
        )
        self._program.wait_until(self._is_ready, what="Prometheus answers")

    def _is_ready(self) -> bool:
        try:
            return b" 200 " in self._page("/-/ready").split(b"\r\n", 1)[0]
        except ConnectionRefusedError:
            return False

    def _page(self, path: str) -> bytes:
        with self._bridges.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            client.connect((HOST, PORT))
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return b"".join(iter(lambda: client.recv(65536), b""))

    def get(self, path: str) -> Any:
        told = json.loads(self._page(f"/api/v1/{path}").partition(b"\r\n\r\n")[2])
        assert told["status"] == "success", f"{path}: {told}"
        return told["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"query?query={quote(expression)}")["result"]
        return found

    def close(self) -> None:
        self._program.stop()


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    bridge = OneBridge(tmp_path, "1.3", {"one": (1, 2), "two": (3, 4)})
    try:
        bridge.accept("one")
        watching = Prometheus(tmp_path / "prometheus", bridge)
        try:
            yield watching
        finally:
            watching.close()
    finally:
        bridge.close()


def test_it_reads_what_runs_and_can_answer_what_is_asked(prometheus: Prometheus) -> None:
    wait_until(
        lambda: prometheus.query('flowvisor_switch_connected{switch="0000000000000001"} == 1'),
        what="Prometheus knows that the bridge is connected",
    )
    (target,) = prometheus.get("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")

    for rule in _evaluated(prometheus):
        assert (rule["health"], rule.get("lastError", "")) == ("ok", ""), rule["name"]
    recorded = "direction:flowvisor_message_latency_seconds:p99_5m"
    wait_until(lambda: prometheus.query(recorded), what="the rules have recorded something")

    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for variable, value in CHOSEN.items():
                expression = expression.replace(variable, value)
            prometheus.query(expression)  # fails where it is not understood


def _evaluated(prometheus: Prometheus) -> list[dict[str, Any]]:
    """The rules, once each has been looked at."""
    begun = time.monotonic()
    while True:
        rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        if all(rule["health"] != "unknown" for rule in rules):
            return rules
        assert time.monotonic() - begun < 10, "rules are not evaluated"
        time.sleep(0.1)
