"""Files change while it runs: who is not concerned loses nothing, and what a slice loses stops at once."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.system.support import expectations
from tests.system.support.network import Layout
from tests.system.support.processes import wait_until
from tests.system.support.scenario import SAME, Scenario, describe_slice
from tests.system.test_restarts import PINGS_AT_LEAST, endless_pings
from tests.system.test_slices_by_port import PLACES, flowspace

TAKEN_SECONDS = 5.0


@pytest.fixture(scope="module", params=SAME, ids=str)
def scenario(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    rules = {name: flowspace(name) for name in PLACES}
    scenario = Scenario(tmp_path_factory.mktemp("reloads"), request.param, rules, Layout(parallel_links=2))
    scenario.network.pin_neighbours()
    yield scenario
    scenario.close()


def write(scenario: Scenario, text: str) -> None:
    """An admin's editor writes the file of slice one."""
    (scenario.flowvisor.folder / "slices" / "one.yaml").write_text(text)


def described(*, without: str | None = None) -> str:
    """The file of slice one, without the port of one of its hosts."""
    rules = flowspace("one")
    if without is not None:
        bridge, port = PLACES["one"][without.removeprefix("one-")]
        for rule in rules:
            if rule["datapaths"] == [bridge]:
                rule["match"]["in_port"].remove(port)
    return yaml.safe_dump(describe_slice("one", rules), sort_keys=False)


def wait_for_reload(scenario: Scenario, trigger: str, count: int, result: str = "taken") -> None:
    wait_until(
        lambda: scenario.flowvisor.metric("policy_reloads_total", trigger=trigger, result=result) == count,
        what=f"files are {result} for the time number {count}, because of {trigger}",
        timeout_seconds=TAKEN_SECONDS,
    )


def test_what_is_changed_counts_at_once_and_disturbs_nobody_else(scenario: Scenario, tmp_path: Path) -> None:
    scenario.wait_until_up()
    network, flowvisor = scenario.network, scenario.flowvisor
    inside = network.pairs(within=True)
    network.ping(inside)  # so that every entry is made
    gone = {pair for pair in inside if "one-a" in pair}
    pings = endless_pings(scenario, tmp_path)
    channels = flowvisor.metric("controller_connects_total")

    write(scenario, described(without="one-a"))
    wait_for_reload(scenario, "files", 1)
    assert network.ping(inside) == inside - gone
    write(scenario, "kind: flowspace\nname: one\nflowspac: []\n")
    wait_for_reload(scenario, "files", 1, "refused")
    assert flowvisor.metric("policy_last_reload_successful") == 0
    assert re.search(r"reload_refused .*slices/one\.yaml:3:1: flowspac: unknown key", flowvisor.said)
    assert network.ping(inside) == inside - gone
    write(scenario, described())
    wait_for_reload(scenario, "files", 2)
    network.wait_until_reached(inside)
    os.kill(flowvisor.program.pid, signal.SIGHUP)
    wait_for_reload(scenario, "signal", 1)
    assert flowvisor.metric("policy_last_reload_successful") == 1
    assert network.ping(inside) == inside

    assert flowvisor.metric("controller_connects_total") == channels
    for pair, program in pings.items():
        program.stop(signal.SIGINT)
        answered = [int(number) for number in re.findall(r"icmp_seq=(\d+)", program.log.read_text())]
        if "one-a" not in pair:
            assert answered == list(range(1, len(answered) + 1)), pair
            assert len(answered) > PINGS_AT_LEAST
    expectations.expect_reachability(scenario)
