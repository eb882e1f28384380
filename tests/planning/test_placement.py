"""Placement: what a virtual port is on each edge, and what has changed since before."""

from __future__ import annotations

from flowvisor.network.paths import Hop, Paths
from flowvisor.network.topology import End
from flowvisor.openflow.actions import Group, Output, PopVlan, SetField
from flowvisor.planning.labels import Label
from flowvisor.planning.placement import (
    NOT_PLACED,
    Labelled,
    Placed,
    PortState,
    at_a_links_end,
    at_a_place,
    differing,
)
from tests.support.virtual import at

GROUP = 0xF301_0001
LABEL = Label(2048)


def led(to: int, *sources: int) -> Labelled:
    """A label's way over a chain of three datapaths."""
    hops = [Hop(End(a, 10 + b), End(b, 10 + a)) for a, b in ((1, 2), (2, 1), (2, 3), (3, 2))]
    return Labelled(LABEL, Paths(hops).route(LABEL.value, sources, to))


def attached(place: str = "1/3@20", *, is_turned: bool = False) -> Placed:
    where = at(place)
    state = PortState(where, where.end.dpid, is_up=True)
    others = tuple({1, 3} - {where.end.dpid})
    return at_a_place(1, state, (1, 3), led(where.end.dpid, *others), group_id=GROUP, is_turned=is_turned)


def test_a_port_is_local_on_one_edge_and_behind_a_label_on_the_others() -> None:
    placed = attached()
    here, there = placed.ports[1], placed.ports[3]
    assert here.physical == 3
    assert [ingress.actions for ingress in here.ingresses] == [(PopVlan(),)]
    assert there.physical is None
    assert there.ingresses == ()
    assert there.egress == LABEL.sent(12)


def test_transit_passes_the_label_on_and_the_last_edge_takes_it_off() -> None:
    placed = attached()
    done = {
        dpid: {in_port: entry.actions for in_port, entry in entries.items()}
        for dpid, entries in placed.entries.items()
    }
    assert done == {2: {13: (Output(11),)}, 1: {12: (PopVlan(), Group(GROUP))}}


def test_what_comes_in_at_a_turned_port_forgets_where() -> None:
    (ingress,) = attached(is_turned=True).ports[1].ingresses
    assert ingress.actions == (PopVlan(), SetField("in_port", 0))


def test_a_port_that_has_no_place_to_be_leads_nowhere() -> None:
    state = PortState(at("9/1"), None, is_up=False, reason="its datapath is not connected")
    placed = at_a_place(1, state, (1, 3), None, group_id=GROUP, is_turned=False)
    assert [port.egress for port in placed.ports.values()] == [(), ()]
    assert placed.entries == {}


def test_a_links_end_comes_in_at_its_anchor_and_leads_to_the_other_end_from_everywhere() -> None:
    state = PortState(None, 1, is_up=True)
    placed = at_a_links_end(10, state, (1, 3), led(1, 3), led(2, 1, 3))
    anchor, other = placed.ports[1], placed.ports[3]
    assert [ingress.match for ingress in anchor.ingresses] == [LABEL.arrival(12)]
    assert anchor.is_turned
    assert anchor.egress == LABEL.sent(12)
    assert other.ingresses == ()
    assert other.egress == LABEL.sent(12)
    assert set(placed.entries) == {2}


def test_only_datapaths_at_which_something_differs_are_touched() -> None:
    one, same, moved = attached(), attached(), attached("1/4@20")
    assert differing(one.ports, same.ports) == differing(one.entries, same.entries) == []
    assert (differing(moved.ports, one.ports), differing(moved.entries, one.entries)) == ([1], [])
    assert set(differing(one.ports, NOT_PLACED.ports)) == {1, 3}
