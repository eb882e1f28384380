"""Paths: shortest, each label's a tree, spread by capacity, and as they were but for what a failed link carried."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.network.paths import Hop, Paths, Step
from flowvisor.network.topology import End

LABELS = range(2048, 4095)


def cable(one: int, other: int, number: int = 0, capacity: int = 1000) -> list[Hop]:
    """Both directions; ports say where they lead, and which of several cables it is."""
    near, far = End(one, 10 * other + number), End(other, 10 * one + number)
    return [Hop(near, far, capacity), Hop(far, near, capacity)]


cables = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 5)).filter(lambda pair: pair[0] < pair[1]),
    unique=True,
    max_size=8,
)


def naive_distance(hops: set[Hop], source: int, to: int) -> int | None:
    reached, ring = {source}, {source}
    for length in range(6):
        if to in ring:
            return length
        ring = {hop.far.dpid for hop in hops if hop.near.dpid in ring} - reached
        reached |= ring
    return None


@given(cables, st.sampled_from(LABELS))
def test_a_label_goes_the_shortest_way_from_everywhere_and_no_way_where_there_is_none(
    laid: list[tuple[int, int]], label: int
) -> None:
    hops = {hop for pair in laid for hop in cable(*pair)}
    paths = Paths(hops)
    route = paths.route(label, (2, 3, 4, 5), 1)
    onward = {
        (dpid, in_port): step.out_port for dpid, step in route.steps.items() for in_port in step.in_ports
    }
    ends = {hop.near: hop.far for hop in hops}
    for source in (2, 3, 4, 5):
        wanted = naive_distance(hops, source, 1)
        assert paths.distance(source, 1) == wanted
        if wanted is None:
            assert source in route.unreached
            continue
        at, length = End(source, route.exits[source]), 0
        while True:
            arrived, length = ends[at], length + 1
            port = onward[arrived.dpid, arrived.port]
            if port is None:
                break
            at = End(arrived.dpid, port)
        assert (arrived.dpid, length) == (1, wanted)


@given(cables, st.sampled_from(LABELS))
def test_a_link_that_fails_moves_only_what_went_by_it(laid: list[tuple[int, int]], label: int) -> None:
    hops = {hop for pair in laid for hop in cable(*pair)}
    before = Paths(hops).route(label, (2, 3, 4, 5), 1)
    for pair in laid:
        lost = set(cable(*pair))
        after = Paths(hops - lost).route(label, (2, 3, 4, 5), 1)
        if not lost & before.hops:
            assert (after.exits, after.steps) == (before.exits, before.steps)


def test_labels_are_spread_over_equal_links_by_what_they_can_carry() -> None:
    paths = Paths([*cable(1, 2, 0, 1000), *cable(1, 2, 1, 3000)])
    ports = Counter(paths.route(label, (2,), 1).exits[2] for label in LABELS)
    assert 0.2 < ports[10] / len(LABELS) < 0.3


def test_what_leaves_a_datapath_for_itself_comes_back_off_a_neighbour() -> None:
    paths = Paths(cable(1, 2))
    route = paths.route(2048, (1,), 1)
    assert paths.distance(1, 1) == 2
    assert route.exits == {1: 20}
    assert route.steps == {1: Step(frozenset({20}), None), 2: Step(frozenset({10}), 10)}


def test_a_link_of_a_datapath_with_itself_is_the_nearest_way_back() -> None:
    paths = Paths([Hop(End(1, 8), End(1, 9)), *cable(1, 2)])
    assert paths.distance(1, 1) == 1
    assert paths.route(2048, (1,), 1).exits == {1: 8}


def test_nothing_comes_back_to_a_datapath_without_links() -> None:
    assert Paths(()).distance(1, 1) is None
    assert Paths(()).route(2048, (1,), 1).unreached == (1,)
