"""Two tenants have ports and links of their own on the same bridges, in every mix of versions."""

from collections.abc import Iterator

import pytest

from tests.system.support import expectations
from tests.system.support.network import BRIDGES, LINKS, PLACES, Layout
from tests.system.support.scenario import MIXED, SAME, Rules, Scenario, broadcast_reaches

LINKS_OF = {"one": LINKS[:2], "two": LINKS[2:]}


def ports_of(slice_name: str, bridge: str) -> list[int]:
    ends = [end for link in LINKS_OF[slice_name] for end in link]
    return sorted(port for place, port in [*PLACES[slice_name].values(), *ends] if place == bridge)


def flowspace(slice_name: str) -> Rules:
    return [
        {"datapaths": [bridge], "priority": 100, "match": {"in_port": ports_of(slice_name, bridge)}}
        for bridge in BRIDGES
    ]


@pytest.fixture(scope="module", params=[*SAME, *MIXED], ids=str)
def scenario(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    rules = {name: flowspace(name) for name in PLACES}
    scenario = Scenario(tmp_path_factory.mktemp("by-port"), request.param, rules, Layout(parallel_links=2))
    yield scenario
    scenario.close()


def test_hosts_reach_all_of_their_slice_and_none_of_the_other(scenario: Scenario) -> None:
    expectations.expect_reachability(scenario)


def test_a_broadcast_arrives_in_the_whole_slice_and_nowhere_else(scenario: Scenario) -> None:
    for source in ("one-a", "two-c"):
        others = {name for name in scenario.network.hosts if name[:3] == source[:3]} - {source}
        assert broadcast_reaches(scenario.network, source) == others


def test_no_packet_of_a_slice_is_seen_on_the_other_ones_cables(scenario: Scenario) -> None:
    expectations.expect_only_own_packets(scenario.network)


def test_table_0_holds_the_hypervisors_classifier_alone(scenario: Scenario) -> None:
    if "1.3" not in scenario.versions.bridges:
        pytest.skip("OpenFlow 1.0 has one table")
    expectations.expect_a_classifier_in_table_0(scenario.network)


def test_tshark_finds_nothing_malformed_in_what_the_hypervisor_said(scenario: Scenario) -> None:
    expectations.expect_well_formed_messages(scenario)
