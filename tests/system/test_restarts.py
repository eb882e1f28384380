"""Controllers, bridges and the hypervisor itself are killed and brought back."""

import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tools import require_tool
from tests.system.support import expectations
from tests.system.support.network import BRIDGES, Layout
from tests.system.support.processes import Program, wait_until
from tests.system.support.scenario import SAME, Scenario, broadcast_reaches
from tests.system.test_slices_by_port import PLACES, flowspace

ROUNDS_UNTIL_LEARNT = 3
PING_SECONDS = 0.01
PINGS_AT_LEAST = 100
OWN_COOKIE = "cookie=0xf10f0150"  # of the hypervisor's own entries
BACK_SECONDS = 20.0  # tenants, bridges and the hypervisor back off, each for a second or a few


@pytest.fixture(scope="module", params=SAME, ids=str)
def scenario(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    rules = {name: flowspace(name) for name in PLACES}
    scenario = Scenario(tmp_path_factory.mktemp("restarts"), request.param, rules, Layout(parallel_links=2))
    scenario.network.pin_neighbours()
    yield scenario
    scenario.close()


@pytest.fixture(autouse=True)
def _everything_is_learnt(scenario: Scenario) -> None:
    """The first ping of a pair is flooded, and makes an entry for the way back; the next one finds both made."""
    scenario.wait_until_up()
    for _ in range(ROUNDS_UNTIL_LEARNT):
        scenario.network.ping(scenario.network.pairs(within=True))


def slice_mates(scenario: Scenario, source: str) -> set[str]:
    hosts = scenario.network.hosts
    return {name for name, host in hosts.items() if host.slice == hosts[source].slice} - {source}


def wait_until_controlled(scenario: Scenario, source: str) -> None:
    """Until the controller of this host's slice handles packets at every bridge."""
    expected = slice_mates(scenario, source)
    wait_until(
        lambda: broadcast_reaches(scenario.network, source) == expected,
        what=f"a broadcast of {source} arrives in its whole slice",
        timeout_seconds=BACK_SECONDS,
    )


def ages_in_seconds(scenario: Scenario, bridge: str) -> dict[str, float]:
    """How long each flow entry has been there, by what it is."""
    ages = {}
    version = scenario.versions.bridges[0]
    for flow in scenario.network.switch.flows(bridge, version=version):
        # A tenant that is connected anew may add its table-miss entry anew.
        if "priority=0 " not in flow and (found := re.search(r"duration=([\d.]+)s", flow)):
            ages[re.sub(r"(duration|n_packets|n_bytes|idle_age|hard_age)=[^,]+, ", "", flow)] = float(
                found[1]
            )
    return ages


def test_a_controller_that_is_killed_takes_nobody_along_and_can_come_back(scenario: Scenario) -> None:
    network = scenario.network
    scenario.controllers["one"].kill()
    assert broadcast_reaches(network, "two-a") == slice_mates(scenario, "two-a")
    assert broadcast_reaches(network, "one-a") == set()
    # What it had installed is there still.
    assert network.ping(network.pairs(within=True)) == network.pairs(within=True)
    scenario.controllers["one"].start_again()
    wait_until_controlled(scenario, "one-a")


def test_a_bridge_that_is_deleted_takes_only_its_hosts_along_and_can_come_back(scenario: Scenario) -> None:
    network = scenario.network
    network.switch.delete_bridge("leaf-2")
    inside = network.pairs(within=True)
    left = {pair for pair in inside if not {"one-d", "two-d"} & set(pair)}
    assert network.ping(inside) == left
    network.add_bridge("leaf-2")
    expectations.expect_reachability(scenario)


def test_the_hypervisor_can_be_killed_and_serves_everybody_once_it_is_back(scenario: Scenario) -> None:
    network, flowvisor = scenario.network, scenario.flowvisor
    flowvisor.kill()
    assert broadcast_reaches(network, "one-a") == set()
    flowvisor.start_again()
    for source in ("one-a", "two-a"):
        wait_until_controlled(scenario, source)
    expectations.expect_reachability(scenario)


def test_a_restart_of_the_hypervisor_costs_no_packet_and_renews_no_entry(
    scenario: Scenario, tmp_path: Path
) -> None:
    before = {bridge: ages_in_seconds(scenario, bridge) for bridge in BRIDGES}
    pings = endless_pings(scenario, tmp_path)
    scenario.flowvisor.kill()
    scenario.flowvisor.start_again()
    for source in ("one-a", "two-a"):
        wait_until_controlled(scenario, source)
    for pair, program in pings.items():
        program.stop(signal.SIGINT)  # it then writes all that it has to say
        # By numbers and not by ping's own count: that takes what is under way when it ends for lost.
        answered = [int(number) for number in re.findall(r"icmp_seq=(\d+)", program.log.read_text())]
        assert answered == list(range(1, len(answered) + 1)), pair
        assert len(answered) > PINGS_AT_LEAST
    for bridge in BRIDGES:
        after = ages_in_seconds(scenario, bridge)
        renewed = [flow for flow, age in before[bridge].items() if after.get(flow, 0) < age]
        assert renewed == [], f"{bridge}: these entries have gone, or were made anew"


def test_without_its_journals_the_hypervisor_leaves_no_entry_to_nobody(scenario: Scenario) -> None:
    if "1.0" not in scenario.versions.bridges:
        pytest.skip("where slices have tables of their own no journal is needed")
    assert all(ages_in_seconds(scenario, bridge) for bridge in BRIDGES)
    scenario.flowvisor.kill()
    killed_at = time.monotonic()
    shutil.rmtree(scenario.flowvisor.folder / "state" / "journals")
    scenario.flowvisor.start_again()
    for source in ("one-a", "two-a"):
        wait_until_controlled(scenario, source)
    for bridge in BRIDGES:
        ages = ages_in_seconds(scenario, bridge)
        since = time.monotonic() - killed_at
        left = [flow for flow, age in ages.items() if age > since and not flow.startswith(OWN_COOKIE)]
        assert left == [], f"{bridge}: they are nobody's"
    expectations.expect_reachability(scenario)


def endless_pings(scenario: Scenario, folder: Path) -> dict[tuple[str, str], Program]:
    pairs = [("one-a", "one-d"), ("two-a", "two-d"), ("one-b", "one-c")]
    ping = [require_tool("ping"), "-n", "-i", str(PING_SECONDS), "-W", "1"]
    hosts = scenario.network.hosts
    return {
        (source, target): Program(
            [*ping, hosts[target].address],
            log=folder / f"ping-{source}-{target}.log",
            inside=hosts[source].namespace.inside,
        )
        for source, target in pairs
    }


def test_tshark_finds_nothing_malformed_in_what_the_hypervisor_said(scenario: Scenario) -> None:
    expectations.expect_well_formed_messages(scenario)
