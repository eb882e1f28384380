"""Where virtual networks lie is found without a process that runs, from what the files name."""

from __future__ import annotations

from attrs import evolve

from flowvisor.network.topology import End
from flowvisor.planning.ahead import Ahead, Facts
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.embedding import NO_EMBEDDING, NO_SUCH_PORT, TOO_FEW_TABLES, Embedding
from flowvisor.planning.embedding_ahead import embedded
from flowvisor.slices.slice import PortName
from tests.support.virtual import a_network
from tests.support.world import a_slice, configuration, ports

BLUE = a_network("blue", {"big": {1: "1/5", 2: "2/5"}})
FACTS = Facts(version=4, n_tables=254)
CABLE = ((End(1, 9), End(2, 9)), (End(2, 9), End(1, 9)))


def lying(facts: Facts = FACTS, *slices: object) -> Embedding:
    files = configuration(*(slices or (BLUE,)))  # type: ignore[arg-type]
    allocations = Allocations().allocate(files.slices)
    stands = evolve(FACTS, stands_for_others=True)
    running = Ahead(files, allocations, {1: facts, 2: FACTS, 0: stands}, CABLE)
    return embedded(running, files, allocations)


def test_ports_that_the_files_name_are_taken_to_be_there_and_up() -> None:
    found = lying()
    assert found.edges == {"blue/big": (1, 2)}
    assert all(one.is_up and not one.reason for one in found.ports.values())
    assert found.part(1).shares["blue/big"].ports[1].physical == 5
    assert found.part(0).shares == {}


def test_what_datapaths_have_said_counts() -> None:
    port = PortName("blue/big", 1)
    assert lying(evolve(FACTS, ports=(1, 9))).ports[port].reason == NO_SUCH_PORT
    assert lying(evolve(FACTS, n_tables=2)).ports[port].reason == TOO_FEW_TABLES
    # Where slices' matches are intersected there are no tables for shares.
    few = lying(evolve(FACTS, n_tables=4), BLUE, a_slice("a", ports(1, at=[1]), tables=9))
    assert few.ports[port].reason == TOO_FEW_TABLES


def test_without_virtual_networks_nothing_lies_anywhere() -> None:
    assert lying(FACTS, a_slice("a", ports(1))) is NO_EMBEDDING
