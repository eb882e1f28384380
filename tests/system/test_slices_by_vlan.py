"""Two tenants share every port and every link, and are told apart by the VLAN tag alone."""

import time
from collections.abc import Iterator

import pytest

from tests.system.support import expectations
from tests.system.support.network import Layout, Network, Pair
from tests.system.support.processes import wait_until
from tests.system.support.scenario import SAME, Scenario, datagram, reached_by, watched_wires

TAGS = {"one": 100, "two": 200}
NOBODYS_TAG = 300
EXCHANGE_SECONDS = 0.5


@pytest.fixture(scope="module", params=SAME, ids=str)
def scenario(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    rules = {
        name: [{"datapaths": "all", "priority": 100, "match": {"vlan_vid": tag}}]
        for name, tag in TAGS.items()
    }
    layout = Layout(parallel_links=1)
    scenario = Scenario(tmp_path_factory.mktemp("by-vlan"), request.param, rules, layout)
    yield scenario
    scenario.close()


def exchange(network: Network, pairs: set[Pair]) -> set[Pair]:
    """Those of the pairs whose first reaches the second with a frame that has the tag of the second's slice.

    Made by hand and not by the hosts' own VLAN interfaces: not every kernel has them.
    """
    texts = {pair: f"{pair[0]} to {pair[1]}." for pair in pairs}
    reached = set()
    with watched_wires(network) as wires:
        for (source, target), text in texts.items():
            sender, receiver = network.hosts[source], network.hosts[target]
            wires[source].send(datagram(sender, text, to=receiver.mac, tag=TAGS[sender.slice]))
        time.sleep(EXCHANGE_SECONDS)
        for name, wire in wires.items():
            tag = b"\x81\x00" + TAGS[network.hosts[name].slice].to_bytes(2, "big")
            frames = [frame for frame in wire.arrived() if frame[12:16] == tag]
            reached |= {(a, b) for (a, b), text in texts.items() if b == name and seen(text, frames)}
    return reached


def seen(text: str, frames: list[bytes]) -> bool:
    return any(text.encode() in frame for frame in frames)


def test_hosts_reach_all_of_their_slice_and_none_of_the_other(scenario: Scenario) -> None:
    network = scenario.network
    inside, across = network.pairs(within=True), network.pairs(within=False)
    wait_until(lambda: exchange(network, inside) == inside, what="every host is reached", timeout_seconds=20)
    assert exchange(network, inside | across) == inside


@pytest.mark.parametrize("name", TAGS)
def test_a_tagged_frame_arrives_everywhere_with_the_tag_that_it_had(scenario: Scenario, name: str) -> None:
    network = scenario.network
    source, text = f"{name}-a", f"tagged by {name}"
    with watched_wires(network) as wires:
        wires[source].send(datagram(network.hosts[source], text, tag=TAGS[name]))
        arrived = reached_by(wires, text, expected=network.hosts.keys() - {source})
    assert {frame[12:16] for frames in arrived.values() for frame in frames} == {
        bytes.fromhex("8100") + TAGS[name].to_bytes(2, "big")
    }
    assert arrived.keys() == network.hosts.keys() - {source}


@pytest.mark.parametrize("tag", [0, NOBODYS_TAG], ids=["untagged", "somebody else's tag"])
def test_a_frame_without_a_slice_goes_nowhere(scenario: Scenario, tag: int) -> None:
    network = scenario.network
    text = f"nobody's {tag}"
    with watched_wires(network) as wires:
        wires["one-a"].send(datagram(network.hosts["one-a"], text, tag=tag))
        assert reached_by(wires, text, expected=set()) == {}


def test_whoever_takes_the_other_slices_tag_is_in_the_other_slice(scenario: Scenario) -> None:
    """The tag is the slice, not the port: keeping hosts from lying is what in_port rules are for."""
    network = scenario.network
    text = "a liar"
    with watched_wires(network) as wires:
        wires["one-a"].send(datagram(network.hosts["one-a"], text, tag=TAGS["two"]))
        arrived = reached_by(wires, text, expected=network.hosts.keys() - {"one-a"})
    assert {frame[14:16] for frames in arrived.values() for frame in frames} == {
        TAGS["two"].to_bytes(2, "big")
    }


def test_table_0_holds_the_hypervisors_classifier_alone(scenario: Scenario) -> None:
    if "1.3" not in scenario.versions.bridges:
        pytest.skip("OpenFlow 1.0 has one table")
    expectations.expect_a_classifier_in_table_0(scenario.network)


def test_tshark_finds_nothing_malformed_in_what_the_hypervisor_said(scenario: Scenario) -> None:
    expectations.expect_well_formed_messages(scenario)
