"""The underlay: which links can carry labels."""

from __future__ import annotations

from flowvisor.network.paths import DEFAULT_CAPACITY
from flowvisor.network.topology import End, Topology
from flowvisor.planning.underlay import KnownDatapath, Underlay

UP = {1: True, 2: True, 3: False}


def known(dpid: int, version: int = 4) -> KnownDatapath:
    return KnownDatapath(dpid, version, 254, UP)


def hops(underlay: Underlay, *, in_tunnels: bool = False) -> set[tuple[str, str]]:
    return {(str(hop.near)[15:], str(hop.far)[15:]) for hop in underlay.hops(in_tunnels=in_tunnels)}


def test_a_cable_carries_both_ways_if_both_its_ports_are_up_and_both_datapaths_there() -> None:
    cables = [(End(1, 1), End(2, 1)), (End(1, 3), End(2, 2)), (End(2, 2), End(9, 1))]
    underlay = Underlay.of([known(1), known(2)], Topology(cables[:2]))
    assert hops(underlay) == {("1/1", "2/1"), ("2/1", "1/1")}
    assert hops(Underlay.of([known(1), known(2)], Topology([cables[2]]))) == set()
    assert underlay.is_linked(End(1, 3))
    assert not underlay.is_linked(End(1, 2))


def test_what_several_hear_carries_no_labels() -> None:
    topology = Topology()
    topology.add(End(1, 1), End(2, 1))
    assert hops(Underlay.of([known(1), known(2), known(3)], topology)) == {("1/1", "2/1")}
    topology.add(End(1, 1), End(3, 1))
    assert hops(Underlay.of([known(1), known(2), known(3)], topology)) == set()


def test_tunnels_are_apart_from_cables_and_not_for_1_0() -> None:
    topology = Topology([(End(1, 1), End(2, 1)), (End(1, 2), End(4, 2))])
    ends = [End(1, 1), End(2, 1), End(1, 2), End(4, 2)]
    underlay = Underlay.of([known(1), known(2), known(4, version=1)], topology, tunnel_ports=ends)
    assert hops(underlay) == set()
    assert hops(underlay, in_tunnels=True) == {("1/1", "2/1"), ("2/1", "1/1")}
    assert underlay.is_linked(End(1, 1))


def test_a_link_has_the_capacity_that_was_declared() -> None:
    topology = Topology([(End(1, 1), End(2, 1))])
    underlay = Underlay.of([known(1), known(2)], topology, {End(1, 1): 5})
    assert {hop.near: hop.capacity for hop in underlay.hops(in_tunnels=False)} == {
        End(1, 1): 5,
        End(2, 1): DEFAULT_CAPACITY,
    }
