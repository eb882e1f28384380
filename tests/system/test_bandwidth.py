"""A slice is held to its bandwidth, and another on the same bridge is not: by a meter, or else by a queue.

Open vSwitch's userspace datapath has meters, but no queues: what shows there is that each packet is told its queue.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.tools import require_tool
from tests.system.support.network import PLACES, Host, Layout
from tests.system.support.processes import Program, run, wait_until
from tests.system.support.scenario import Rules, Scenario, Versions
from tests.system.support.tools import require_root

pytestmark = pytest.mark.alone

MEGABIT = 1_000_000
LIMIT = 20 * MEGABIT
OFFERED = 50 * MEGABIT
SECONDS = 4
PORT = 5201
QUEUE = 1
# What may come at once is a fraction of a second's, so that it does not count in so short a measurement.
GOLD = {"kind": "bandwidth", "name": "gold", "rate": "20 Mbit/s", "burst": "1 Mbit", "queues": [QUEUE]}


def flowspace(slice_name: str) -> Rules:
    ports = [port for bridge, port in PLACES[slice_name].values() if bridge == "leaf-1"]
    return [{"datapaths": ["leaf-1"], "priority": 100, "match": {"in_port": ports}}]


@pytest.fixture
def scenario(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    require_root()
    require_tool("iperf3")
    version = request.param
    rules = {name: flowspace(name) for name in PLACES}
    scenario = Scenario(
        tmp_path_factory.mktemp("bandwidth"),
        Versions((version,), version, version),
        rules,
        Layout(),
        {"one": GOLD},
    )
    network = scenario.network
    on_leaf = [(f"{name}-a", f"{name}-b") for name in PLACES]
    network.wait_until_reached([*on_leaf, *((there, here) for here, there in on_leaf)], timeout_seconds=20)
    yield scenario
    scenario.close()


def received(scenario: Scenario, slice_name: str) -> float:
    """How many bits a second arrive of a slice's traffic from its first host to its second."""
    hosts = scenario.network.hosts
    return _measured(hosts[f"{slice_name}-a"], hosts[f"{slice_name}-b"], scenario)


def _measured(sender: Host, receiver: Host, scenario: Scenario) -> float:
    iperf3 = require_tool("iperf3")
    log = scenario.controllers["one"].program.log.with_name(f"iperf3-{receiver.name}.log")
    server = Program(
        [iperf3, "-s", "-1", "--forceflush", "-p", str(PORT)], log=log, inside=receiver.namespace.inside
    )
    try:
        server.wait_until(lambda: "listening" in server.said, what="iperf3 listens")
        client = [iperf3, "-c", receiver.address, "-p", str(PORT), "-u", "-b", str(OFFERED), "-l", "1400"]
        printed = run([*client, "-t", str(SECONDS), "-J"], inside=sender.namespace.inside)
    finally:
        server.stop()
    told: dict[str, Any] = json.loads(printed)
    end = told["end"]["sum"]
    return float(end["bits_per_second"]) * (1 - end["lost_packets"] / end["packets"])


@pytest.mark.parametrize("scenario", ["1.3"], indirect=True)
def test_a_slice_gets_its_bandwidth_and_another_all_it_sends(scenario: Scenario) -> None:
    assert received(scenario, "two") == pytest.approx(OFFERED, rel=0.15)
    assert received(scenario, "one") == pytest.approx(LIMIT, rel=0.15)
    assert scenario.flowvisor.metric("bandwidth_not_limited", slice="one") == 0
    (meter,) = re.findall(
        r"meter=(\d+)", scenario.network.switch.ofctl("dump-meters", "leaf-1", version="1.3")
    )
    classifier = scenario.network.switch.flows("leaf-1", version="1.3", table=0)
    assert len([flow for flow in classifier if f"meter:{meter},goto_table" in flow]) == 2


@pytest.mark.parametrize("scenario", ["1.0"], indirect=True)
def test_without_meters_each_packet_of_the_slice_is_told_its_queue(scenario: Scenario) -> None:
    switch, network = scenario.network.switch, scenario.network
    for name in PLACES:
        network.wait_until_reached([(f"{name}-a", f"{name}-b")])
    flows = switch.flows("leaf-1", version="1.0")
    of_one = [flow for flow in flows if re.search(r"in_port=\"?(leaf-1-)?[12]\"?[, ]", flow)]
    of_two = [flow for flow in flows if re.search(r"in_port=\"?(leaf-1-)?[34]\"?[, ]", flow)]
    assert of_one
    assert of_two
    assert all(re.search(rf"actions=enqueue:\S*:{QUEUE}$", flow) for flow in of_one), of_one
    assert not [flow for flow in of_two if "enqueue" in flow]
    assert _priorities_in_the_datapath(scenario) == {"one": True, "two": False}


def _priorities_in_the_datapath(scenario: Scenario) -> dict[str, bool]:
    """Of each slice, whether the datapath itself puts its packets into a queue."""
    network = scenario.network
    found: dict[str, bool] = {}

    def all_are_seen() -> bool:
        network.ping([(f"{name}-a", f"{name}-b") for name in PLACES])
        printed = network.switch.appctl("dpctl/dump-flows").splitlines()
        for name in PLACES:
            of_slice = [line for line in printed if f"src={network.hosts[f'{name}-a'].mac}" in line]
            for line in of_slice:
                found[name] = "skb_priority" in line.rpartition("actions:")[2]
        return found.keys() == set(PLACES)

    wait_until(all_are_seen, what="packets of both slices in the datapath's cache")
    return found
