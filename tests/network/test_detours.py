"""Detours: around what has failed every route is what would have been found at first, and keeps the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.network.detours import Detours
from flowvisor.network.paths import Hop, Paths
from flowvisor.network.topology import End

DPIDS = range(1, 7)
SOURCES = (1, 2, 3, 4)  # among them where routes lead: out and back
LABELS = st.integers(2048, 4094)


def cable(one: int, other: int, number: int = 0) -> set[Hop]:
    """Both directions; ports say where they lead, and which of several cables it is."""
    near, far = End(one, 10 * other + number), End(other, 10 * one + number)
    return {Hop(near, far), Hop(far, near)}


cables = st.sets(
    st.tuples(st.sampled_from(DPIDS), st.sampled_from(DPIDS), st.integers(0, 1)).filter(
        lambda one: one[0] < one[1]
    ),
    min_size=3,
    max_size=14,
)


@given(cables, st.sampled_from(SOURCES), LABELS, st.data())
def test_what_goes_round_goes_as_if_the_links_had_never_been(
    laid: set[tuple[int, int, int]], to: int, label: int, data: st.DataObject
) -> None:
    left = sorted(laid)
    paths = Paths(set().union(*(cable(*one) for one in left)))
    route = paths.route(label, SOURCES, to)
    while left:
        for gone in data.draw(st.sets(st.sampled_from(left), min_size=1, max_size=2)):
            left.remove(gone)
        before, paths = paths, Paths(set().union(*(cable(*one) for one in left)))
        known, route = route, Detours(before, paths).around(route, label, SOURCES, to)
        fresh = paths.route(label, SOURCES, to)
        for name in ("exits", "onward", "steps", "hops", "unreached"):
            assert getattr(route, name) == getattr(fresh, name), name
        if known.hops <= paths.hops:
            assert route is known


def test_what_a_datapath_does_stays_the_same_object_where_no_other_link_is_taken() -> None:
    before = Paths(set().union(*(cable(*one) for one in ((1, 2), (1, 3), (2, 4), (3, 4), (4, 5), (5, 6)))))
    route = before.route(2048, (6,), 1)
    by = route.onward[4].far.dpid
    after = Detours(before, Paths(before.hops - cable(1, by))).around(route, 2048, (6,), 1)
    assert after.steps.keys() == {5, 4, 5 - by, 1}
    assert after.steps[5] is route.steps[5]
