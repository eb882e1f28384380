"""The admin's own entries on a real bridge: above all that is slices', and gone when the file says so."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from scapy.layers.l2 import Dot1Q, Ether

from tests.system.support.one_bridge import OneBridge
from tests.system.support.processes import wait_until

MANAGEMENT = {"match": {"vlan_vid": 4000, "in_port": 1}, "output": [4, "local"]}
ARRIVAL_SECONDS = 0.2
DATAPATHS = {"leaf": {"dpid": "0000000000000001", "ports": {9: "up"}, "entries": [MANAGEMENT]}}


@pytest.fixture(params=["1.0", "1.3"])
def bridge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OneBridge]:
    one = OneBridge(
        tmp_path, request.param, {"one": (1, 2), "two": (3, 4)}, settings={"datapaths": DATAPATHS}
    )
    yield one
    one.close()


def write(bridge: OneBridge, datapaths: dict[str, Any]) -> None:
    path = bridge.flowvisor.folder / "flowvisor.yaml"
    files = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**files, "datapaths": datapaths}, sort_keys=False))


def faults(bridge: OneBridge) -> list[str]:
    reasons: list[str] = bridge.flowvisor.health()["reasons"]
    return [one for one in reasons if one.startswith("leaf: ")]


def test_what_the_main_file_says_is_on_the_bridge_and_what_cannot_be_is_told(bridge: OneBridge) -> None:
    flowvisor = bridge.flowvisor
    wait_until(lambda: flowvisor.health()["datapaths"]["ready"] == 1, what="the bridge is set up")
    assert faults(bridge) == ["leaf: there is no port 9"]
    sender, receiver = bridge.wire(1), bridge.wire(4)
    frame = bytes(Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01") / Dot1Q(vlan=4000) / bytes(50))

    def arrives() -> bool:
        sender.send(frame)
        time.sleep(ARRIVAL_SECONDS)
        return frame in receiver.arrived()

    wait_until(arrives, what="what the entry sends on is there")
    write(bridge, {"leaf": {"dpid": "0000000000000001"}})
    wait_until(lambda: flowvisor.metric("policy_reloads_total", result="taken") == 1, what="files are taken")
    assert faults(bridge) == []
    wait_until(lambda: not arrives(), what="the entry has gone")
