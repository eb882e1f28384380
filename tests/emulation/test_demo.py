"""The demo's network, and how what was seen in it is told."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.folder_source import load
from flowvisor.emulation.demo import Sight, agrees, as_json_object, as_table, build_network, local_controller
from flowvisor.emulation.learning_switch import LearningSwitch
from flowvisor.emulation.promise import NO_PROMISE, Promise, promise_of
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.openflow.match import Match
from tests.support.world import a_slice, rule

ROOT = Path(__file__).parents[2]
PROMISED = Promise("blue", reaches=True, may_be_heard=True)


@pytest.fixture(scope="module")
def shipped() -> Configuration:
    configuration, _ = load(ROOT / "deploy" / "flowvisor.yaml")
    return configuration


def test_the_shipped_files_promise_three_hosts_to_each_slice_and_to_the_virtual_network(
    shipped: Configuration,
) -> None:
    network = build_network(shipped, 0.0)
    hosts = network.hosts.values()
    reaching = {
        (found.slice_name, one.name, other.name)
        for one in hosts
        for other in hosts
        if one is not other and (found := promise_of(shipped, network, one, other)).reaches
    }
    assert {(name, one) for name, one, _ in reaching} == {
        *(("research", name) for name in ("leaf-1/1", "leaf-2/1", "spine-1/5")),
        *(("campus", name) for name in ("leaf-1/2", "leaf-2/2", "spine-1/6")),
        *(("lab", name) for name in ("leaf-1/5", "leaf-2/5", "spine-1/7")),
    }
    assert len(reaching) == 18


def test_the_network_carries_packets_with_a_controller_on_its_datapaths(shipped: Configuration) -> None:
    network = build_network(shipped, 0.0)
    for dpid, ports in ((1, (1, 3)), (2, (1, 3)), (3, (1, 3, 5))):
        # Without a slice there would be a loop: two links between neighbours.
        for number in network.datapaths[dpid].pipeline.ports.keys() - set(ports):
            network.datapaths[dpid].set_link(number, is_up=False)
    listeners = {(dpid, 0): LearningSwitch(4) for dpid in network.datapaths}
    for (dpid, _), switch in listeners.items():
        for message in switch.begin():
            network.converse(network.from_controller(dpid, message, 0.0), listeners, 0.0)
    one, other = network.hosts["leaf-1/1"], network.hosts["leaf-2/1"]
    network.converse(network.send(one, one.ping(other.ip), 1.0), listeners, 1.0)
    assert one.answered == {other.ip}
    assert network.shed_packets == 0


@pytest.mark.parametrize(
    ("methods", "chosen"),
    [
        (["tcp:127.0.0.1:6801"], "tcp:127.0.0.1:6801"),
        (["tcp:10.0.0.1:6653", "tcp:localhost:7000"], "tcp:localhost:7000"),
        (["ptcp:6653:127.0.0.1", "unix:/run/x"], "None"),
    ],
)
def test_a_controller_is_started_only_where_it_is_to_be_on_this_machine(
    methods: list[str], chosen: str
) -> None:
    slice_ = evolve(a_slice("blue", rule(Match())), controllers=tuple(map(parse_connection_method, methods)))
    assert str(local_controller(slice_)) == chosen


GOOD = [
    Sight("a", "b", PROMISED, reached=True, heard=True),
    Sight("b", "a", PROMISED, reached=True, heard=False),
    Sight("a", "c", NO_PROMISE._replace(slice_name="blue"), reached=False, heard=False),
    Sight("c", "a", NO_PROMISE, reached=False, heard=False),
]
MISSING = Sight("a", "b", PROMISED, reached=False, heard=True)
REACHED = Sight("a", "b", NO_PROMISE, reached=True, heard=True)
HEARD = Sight("a", "b", NO_PROMISE, reached=False, heard=True)
FLOODED = Sight("a", "b", NO_PROMISE._replace(may_be_heard=True), reached=False, heard=True)


def test_all_is_well_if_all_is_as_promised() -> None:
    assert agrees(GOOD)
    assert agrees([FLOODED])


@pytest.mark.parametrize(("sight", "word"), [(MISSING, "MISSING"), (REACHED, "LEAK"), (HEARD, "LEAK")])
def test_what_is_not_as_promised_is_said(sight: Sight, word: str) -> None:
    assert not agrees([*GOOD[1:], sight])
    assert word in as_table([*GOOD[1:], sight])
    told = as_json_object([sight], 1.0)
    assert (told["ok"], told["pairs"][0]["as_promised"]) == (False, False)


def test_the_table_has_a_row_and_a_column_for_every_host() -> None:
    lines = [line.split() for line in click.unstyle(as_table(GOOD)).splitlines()]
    assert lines == [
        ["from", "a", "b", "c"],
        ["blue", "a", "yes", "-"],
        ["blue", "b", "yes"],
        ["nobody's", "c", "-"],
    ]


def test_the_object_tells_every_pair() -> None:
    told = as_json_object(GOOD, 1.23456)
    assert (told["ok"], told["seconds"]) == (True, 1.235)
    assert told["pairs"][0] == {
        **{"from": "a", "to": "b", "slice": "blue", "promised": True, "reached": True, "heard": True},
        "as_promised": True,
    }
