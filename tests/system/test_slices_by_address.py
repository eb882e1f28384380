"""Two tenants share every port and every link, and are told apart by their IP prefixes."""

from collections.abc import Iterator

import pytest
from scapy.layers.l2 import ARP, Ether

from tests.system.support import expectations
from tests.system.support.network import Layout
from tests.system.support.scenario import (
    BROADCAST,
    SAME,
    Rules,
    Scenario,
    datagram,
    reached_by,
    watched_wires,
)

PREFIXES = {"one": "10.0.1", "two": "10.0.2"}


def flowspace(prefix: str) -> Rules:
    """Both ends have to be the tenant's: by the source alone an answer to a stranger would be its own."""
    subnet = f"{prefix}.0/24"
    return [
        {"datapaths": "all", "priority": 100, "match": {"ipv4_src": subnet, "ipv4_dst": subnet}},
        {"datapaths": "all", "priority": 100, "match": {"arp_spa": subnet, "arp_tpa": subnet}},
    ]


@pytest.fixture(scope="module", params=SAME, ids=str)
def scenario(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    rules = {name: flowspace(prefix) for name, prefix in PREFIXES.items()}
    layout = Layout(parallel_links=1, subnets=PREFIXES)
    scenario = Scenario(tmp_path_factory.mktemp("by-address"), request.param, rules, layout)
    yield scenario
    scenario.close()


def test_hosts_reach_all_of_their_slice_and_none_of_the_other(scenario: Scenario) -> None:
    expectations.expect_reachability(scenario)


def test_a_packet_to_the_other_slice_arrives_nowhere(scenario: Scenario) -> None:
    network = scenario.network
    source, target = network.hosts["one-a"], network.hosts["two-d"]
    text = "from one to two"
    with watched_wires(network) as wires:
        wires["one-a"].send(datagram(source, text, to=target.mac, address=target.address))
        assert reached_by(wires, text, expected=set()) == {}


def test_a_question_for_an_address_of_the_other_slice_arrives_nowhere(scenario: Scenario) -> None:
    network = scenario.network
    source, target = network.hosts["one-a"], network.hosts["two-d"]
    mark = "a question"
    question = ARP(op="who-has", hwsrc=source.mac, psrc=source.address, pdst=target.address)
    with watched_wires(network) as wires:
        wires["one-a"].send(bytes(Ether(src=source.mac, dst=BROADCAST) / question) + mark.encode())
        assert reached_by(wires, mark, expected=set()) == {}


def test_a_packet_of_neither_slice_arrives_nowhere(scenario: Scenario) -> None:
    network = scenario.network
    text = "to the world"
    with watched_wires(network) as wires:
        wires["one-a"].send(datagram(network.hosts["one-a"], text))
        assert reached_by(wires, text, expected=set()) == {}


def test_table_0_holds_the_hypervisors_classifier_alone(scenario: Scenario) -> None:
    if "1.3" not in scenario.versions.bridges:
        pytest.skip("OpenFlow 1.0 has one table")
    expectations.expect_a_classifier_in_table_0(scenario.network)


def test_tshark_finds_nothing_malformed_in_what_the_hypervisor_said(scenario: Scenario) -> None:
    expectations.expect_well_formed_messages(scenario)
