"""Links between ports: declared and found ones, where they lead, and how many there may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.network.topology import MAX_FAR_ENDS, End, Topology

A1, A2, B1, B2 = End(1, 1), End(1, 2), End(2, 1), End(2, 2)
ends = st.builds(End, st.integers(1, 3), st.integers(1, 3))


def test_an_end_is_written_as_the_admin_writes_it() -> None:
    assert str(End(0xA5, 3)) == "00000000000000a5/3"


def test_a_declared_link_leads_both_ways_whatever_is_found() -> None:
    topology = Topology([(A1, B1)])
    assert topology.far_ends(A1) == (B1,)
    assert topology.far_ends(B1) == (A1,)
    assert not topology.add(A1, B2)
    assert not topology.remove(A1, B1)
    assert topology.far_ends(A1) == (B1,)
    assert len(topology) == 2
    assert dict(topology.declared) == {A1: B1, B1: A1}


def test_a_link_that_is_found_leads_one_way() -> None:
    topology = Topology()
    assert topology.add(A1, B1)
    assert not topology.add(A1, B1)
    assert topology.far_ends(A1) == (B1,)
    assert topology.far_ends(B1) == ()
    assert topology.remove(A1, B1)
    assert not topology.remove(A1, B1)
    assert topology.far_ends(A1) == ()


def test_a_port_has_no_more_far_ends_than_are_stated() -> None:
    topology = Topology()
    taken = [topology.add(A1, End(2, port)) for port in range(1, MAX_FAR_ENDS + 2)]
    assert taken == [True] * MAX_FAR_ENDS + [False]
    assert len(topology) == MAX_FAR_ENDS


@given(
    st.lists(st.tuples(ends, ends).filter(lambda pair: pair[0] != pair[1]), max_size=2),
    st.lists(st.tuples(st.booleans(), ends, ends)),
)
def test_it_holds_what_was_declared_and_what_was_added_last(
    declared: list[tuple[End, End]], changes: list[tuple[bool, End, End]]
) -> None:
    cables = {one: other for pair in declared for one, other in (pair, pair[::-1])}
    topology = Topology(declared)
    found: set[tuple[End, End]] = set()
    for is_there, near, far in changes:
        if is_there:
            topology.add(near, far)
            found |= (
                {(near, far)} if near not in cables and len({f for n, f in found if n == near}) < 8 else set()
            )
        else:
            topology.remove(near, far)
            found.discard((near, far))
    assert set(topology.links()) == found | set(cables.items())
    assert len(topology) == len(found) + len(cables)
    for near, far in topology.links():
        assert far in topology.far_ends(near)
