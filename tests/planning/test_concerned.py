"""Whom a change of rules concerns: of nobody else would anything be judged otherwise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.flowspace.layout import boxes_of
from flowvisor.openflow.match import Match
from flowvisor.planning.concerned import MAX_BOXES_LOOKED_AT, Concerned
from flowvisor.planning.egress import find_leak, freed_fields
from flowvisor.planning.ownership import Ownership
from flowvisor.planning.view import FarEnd, View
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.slices import (
    DPID,
    LATER_PORTS,
    PORTS,
    A,
    B,
    acls,
    action_lists,
    can_be_said,
    flowspace_matches,
    meeting_slices,
    slice_sets,
    tag,
)
from tests.support.world import a_slice, ports, rule

VLAN_100, VLAN_200 = (rule(Match.of(vlan_vid=tag(vlan))) for vlan in (100, 200))


def owned(*slices: FlowspaceSlice) -> Ownership:
    return Ownership.at(DPID, slices)


def view(ownership: Ownership, far: Ownership, name: str = "a") -> View:
    made = View(slice_name=name, ownership=ownership, block=None)
    made.put_far_ends(PORTS[0], (FarEnd(far, PORTS[1]),))
    return made


@examples(50)
@given(st.data())
def test_whatever_a_slice_has_that_is_not_concerned_is_judged_as_it_was(data: st.DataObject) -> None:
    own, *others = data.draw(meeting_slices())
    again = data.draw(slice_sets(("a", "b")))[1]
    far, far_again = (Ownership.at(DPID, data.draw(slice_sets())) for _ in range(2))
    denied = data.draw(st.none() | acls().filter(can_be_said))
    before = owned(own, *others)
    after = Ownership.at(
        DPID, (own, *data.draw(st.sampled_from(([again], others)))), {} if denied is None else {"b": denied}
    )
    if data.draw(st.booleans()):
        far_again = far
    (match,) = data.draw(st.lists(flowspace_matches(), min_size=1, max_size=1))
    actions = data.draw(action_lists(4, own))
    writes = {field for action in actions for field in freed_fields(action)}
    if Concerned((before, after), [(far, far_again)]).includes("a", writes):
        return
    found = [
        find_leak(
            one,
            actions,
            lambda one=one: tuple(one.own_pieces(boxes_of(match)) or ()),  # type: ignore[misc]
            ports=(*PORTS, *LATER_PORTS),
            came_in=True,
        )
        for one in (view(before, far), view(after, far_again))
    ]
    assert (found[0] is None) == (found[1] is None), found
    pieces = [
        {piece for box in boxes_of(match) for piece in one.own_pieces(box, "a")} for one in (before, after)
    ]
    assert pieces[0] == pieces[1]


def test_who_has_other_rules_is_concerned_and_who_has_nothing_to_do_with_it_is_not() -> None:
    grown = Concerned((owned(A, B), owned(a_slice("a", ports(1, 2, 5)), B)))
    # By ports alone anybody's packets may be the other's at the port that they leave by.
    assert grown.includes("a", ())
    tagged = a_slice("a", VLAN_100), a_slice("b", VLAN_200)
    moved = Concerned((owned(*tagged), owned(a_slice("a", rule(Match.of(vlan_vid=tag(300)))), tagged[1])))
    assert moved.includes("a", ())
    assert not moved.includes("b", ())
    assert not moved.includes("b", {"eth_dst"})
    assert moved.includes("b", {"vlan_vid"})


def test_who_looks_at_what_nobody_looked_at_before_concerns_all_who_rewrite() -> None:
    tagged = a_slice("a", VLAN_100), a_slice("b", VLAN_200)
    narrowed = a_slice("a", rule(Match.of(vlan_vid=tag(100), eth_dst=1)))
    change = Concerned((owned(*tagged), owned(narrowed, tagged[1])))
    assert change.includes("b", {"eth_src"})
    assert not change.includes("b", ())


def test_what_is_denied_concerns_its_owner_alone() -> None:
    tagged = a_slice("a", VLAN_100), a_slice("b", VLAN_200)
    denials = {"a": boxes_of(Match.of(eth_type=0x0800))}
    before = owned(*tagged)
    after = Ownership([one for one in before.ranked if one.owner], denials)
    change = Concerned((before, after))
    assert change.includes("a", ())
    assert not change.includes("b", ())


def test_a_large_change_is_taken_to_concern_everybody() -> None:
    many = [rule(Match.of(vlan_vid=tag(vlan))) for vlan in range(1000, 1001 + MAX_BOXES_LOOKED_AT)]
    other = a_slice("b", VLAN_200)
    assert Concerned((owned(other), owned(other, a_slice("a", *many)))).includes("b", ())
    assert not Concerned((owned(other), owned(other, a_slice("a", *many[1:])))).includes("b", ())


def test_what_changes_beyond_a_link_concerns_who_sends_there() -> None:
    here = owned(a_slice("a", VLAN_100), a_slice("b", VLAN_200))
    far = owned(a_slice("a", VLAN_100)), owned(a_slice("c", VLAN_100))
    beyond = Concerned((here, here), [far])
    assert beyond.includes("a", ())
    assert not beyond.includes("b", ())
