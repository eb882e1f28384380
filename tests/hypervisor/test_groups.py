"""A slice's groups: names on both sides, versions, and who leads to whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.groups import NO_GROUP, Groups, Version, users_first
from flowvisor.openflow import actions as act
from flowvisor.openflow.messages import GROUP_TYPE_ALL, GROUP_TYPE_SELECT, MAX_GROUP
from tests.support.groups import bucket, to


def version(*names: int) -> Version:
    """Buckets that lead to groups."""
    return Version(GROUP_TYPE_ALL, tuple(bucket(act.Group(name)) for name in names))


def groups(**names: tuple[int, ...]) -> Groups:
    """Groups that lead to others: `g1=(2,)`."""
    found = Groups()
    for name, others in names.items():
        number = int(name[1:])
        found.add(number, number + 100, version(*others))
    return found


def test_a_group_has_two_names() -> None:
    some = groups(g1=(), g2=())
    assert (len(some), some.to_virtual(102), some.to_virtual(1)) == (2, 2, NO_GROUP)
    assert some.take_out(2).physical == 102
    assert some.to_virtual(102) == NO_GROUP > MAX_GROUP


def test_watching_a_group_names_it() -> None:
    assert Version(GROUP_TYPE_SELECT, (bucket(act.Output(1), watch_group=5), *to(2))).names == {5}


def test_who_leads_to_a_group_is_found_through_others() -> None:
    some = groups(g1=(2,), g2=(3, 4), g3=(), g4=(), g5=(3,))
    assert some.named_by(3) == {2, 5}
    assert some.leading_to(3) == {1, 2, 3, 5}
    assert some.leading_to(1) == {1}
    some.take_out(2)
    assert some.leading_to(3) == {3, 5}


def test_what_a_group_was_before_counts_until_it_is_known_to_be_gone() -> None:
    some = groups(g1=(2,), g2=(), g3=())
    before = some.by_id[1].versions
    some.change(1, version(3))
    assert (some.named_by(2), some.named_by(3)) == ({1}, {1})
    assert (some.latest_naming(2), some.latest_naming(3)) == (set(), {1})
    assert (some.leading_to(2), some.latest_leading_to(2)) == ({1, 2}, {2})
    assert sorted(map(str, some.buckets_of(1))) == sorted(map(str, [(act.Group(2),), (act.Group(3),)]))
    some.keep(1, some.by_id[1].versions[1:])
    assert (some.named_by(2), some.named_by(3)) == (set(), {1})
    some.keep(1, before)
    assert (some.named_by(2), some.named_by(3)) == ({1}, set())


def test_buckets_are_lists_in_the_order_of_an_action_set() -> None:
    some = Groups()
    some.add(1, 1, Version(GROUP_TYPE_ALL, (bucket(act.Output(1), act.PopVlan(), act.Output(2)),)))
    assert list(some.buckets_of(1)) == [(act.PopVlan(), act.Output(2))]
    assert list(some.buckets_of(5)) == []


@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 8), max_size=3), max_size=8))
def test_users_come_before_what_they_use(names: dict[int, set[int]]) -> None:
    acyclic = {one: {other for other in others if other > one} for one, others in names.items()}
    ordered = users_first(acyclic)
    assert sorted(ordered) == sorted(acyclic)
    for one, others in acyclic.items():
        assert all(ordered.index(one) < ordered.index(other) for other in others & acyclic.keys())
    assert sorted(users_first(names)) == sorted(names)  # with loops in any order, but all


def test_what_groups_weigh_is_what_their_versions_do() -> None:
    some = groups(g1=(2, 3), g2=())
    assert some.weight == version(2, 3).weight > 0
    before = some.by_id[1].versions
    some.change(1, version(3))
    assert some.weight == version(2, 3).weight + version(3).weight
    some.keep(1, before)
    assert some.weight == version(2, 3).weight
    some.take_out(1)
    assert some.weight == 0
