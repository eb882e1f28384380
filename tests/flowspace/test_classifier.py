"""The classifier against the plain list of its entries, ordered by priority."""

from __future__ import annotations

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from flowvisor.flowspace.box import EVERYTHING, Box, covers, overlaps
from flowvisor.flowspace.classifier import Classifier
from flowvisor.flowspace.layout import boxes_of, point_of
from flowvisor.openflow.match import Match
from tests.support.examples import examples
from tests.support.flowspace_strategies import Packet, applies, matches, packets, points_of, small_boxes

BITS = 4
Entry = tuple[int, Box, str]
entries = st.tuples(st.integers(0, 3), small_boxes(bits=BITS), st.sampled_from("abc"))


@frozen
class OrderedList:
    """The oracle: all entries, best first."""

    entries: list[Entry] = field(factory=list)

    def add(self, box: Box, priority: int, value: str) -> None:
        self.entries.append((priority, box, value))
        self.entries.sort(key=lambda entry: -entry[0])  # stable: the first stays first

    def winner(self, point: int) -> str | None:
        return next((value for _, box, value in self.entries if point & box.mask == box.value), None)


def both(listed: list[Entry]) -> tuple[Classifier[str], OrderedList]:
    classifier = Classifier[str]()
    oracle = OrderedList()
    for priority, box, value in listed:
        classifier.add(box, priority, value)
        oracle.add(box, priority, value)
    return classifier, oracle


@given(st.lists(entries, max_size=12))
def test_a_packet_belongs_to_the_first_of_the_highest_priority(listed: list[Entry]) -> None:
    classifier, oracle = both(listed)
    for point in range(1 << BITS):
        assert classifier.lookup(Box(point, (1 << BITS) - 1)) == oracle.winner(point)


@given(st.lists(entries, max_size=8), small_boxes(bits=BITS))
def test_a_cut_packet_belongs_to_somebody_only_if_all_that_it_may_be_do(
    listed: list[Entry], cut: Box
) -> None:
    classifier, oracle = both(listed)
    winners = {oracle.winner(point) for point in points_of(cut, bits=BITS)}
    found = classifier.lookup(cut)
    assert found is None or winners == {found}
    if any(covers(box, cut) for _, box, _ in listed) and len({value for _, _, value in listed}) == 1:
        assert found is not None


@given(st.lists(entries, max_size=8), small_boxes(bits=BITS))
def test_the_candidates_are_all_that_packets_of_a_box_may_belong_to(listed: list[Entry], box: Box) -> None:
    classifier, oracle = both(listed)
    candidates = classifier.candidates(box)
    winners = {oracle.winner(point) for point in points_of(box, bits=BITS)} - {None}
    assert winners <= {value for _, _, value in candidates}
    expected = [entry for entry in oracle.entries if overlaps(entry[1], box)]
    assert candidates == expected[: len(candidates)]
    assert len(candidates) == len(expected) or covers(candidates[-1][1], box)
    assert not any(covers(entry[1], box) for entry in candidates[:-1])


@given(st.lists(entries, max_size=12), small_boxes(bits=BITS))
def test_all_overlapping_entries_are_found(listed: list[Entry], box: Box) -> None:
    classifier, oracle = both(listed)
    assert sorted(classifier.overlapping(box)) == sorted(
        entry for entry in oracle.entries if overlaps(entry[1], box)
    )


@given(st.lists(st.tuples(matches(), st.integers(0, 3)), max_size=8), packets())
def test_a_real_packet_belongs_to_the_first_match_that_applies_to_it(
    rules: list[tuple[Match, int]], packet: Packet
) -> None:
    classifier = Classifier[int]()
    for number, (match, priority) in enumerate(rules):
        for box in boxes_of(match):
            classifier.add(box, priority, number)
    applying = [(-priority, n) for n, (match, priority) in enumerate(rules) if applies(match, packet)]
    assert classifier.lookup(point_of(packet)) == (min(applying)[1] if applying else None)


def test_nobody_owns_a_packet_without_entries() -> None:
    assert Classifier[str]().lookup(EVERYTHING) is None
    assert Classifier[str]().candidates(EVERYTHING) == []


def test_a_packet_of_which_enough_is_known_is_not_in_doubt() -> None:
    classifier = Classifier[str]()
    for box in boxes_of(Match.of(ipv4_src=(0x0A000000, 0xFF000000))):
        classifier.add(box, 10, "research")
    classifier.add(EVERYTHING, 0, "rest")
    assert classifier.lookup(point_of({"vlan_vid": 0, "eth_type": 0x0806})) == "rest"
    assert classifier.lookup(point_of({"vlan_vid": 0, "eth_type": 0x0800})) is None
    assert [value for _, _, value in classifier.candidates(point_of({"eth_type": 0x0800}))] == [
        "research",
        "rest",
    ]
    assert classifier.lookup(point_of({"eth_type": 0x0800, "ipv4_src": 0x0A000001})) == "research"


def test_doubt_between_entries_of_one_owner_is_none() -> None:
    classifier = Classifier[str]()
    classifier.add(Box(1, 1), 10, "research")
    classifier.add(EVERYTHING, 0, "research")
    assert classifier.lookup(EVERYTHING) == "research"


def test_entries_with_one_mask_are_one_tuple() -> None:
    classifier = Classifier[str]()
    for value in range(4):
        classifier.add(Box(value, 3), value, "a")
    classifier.add(Box(4, 4), 1, "b")
    assert classifier.masks == (3, 4)
    assert len(classifier) == 5


@pytest.mark.parametrize(
    ("box", "priority", "value"),
    [(Box(0, 1), 1, "a"), (Box(1, 1), 2, "a"), (Box(1, 1), 1, "b"), (Box(2, 2), 1, "a")],
)
def test_only_what_was_added_can_be_removed(box: Box, priority: int, value: str) -> None:
    classifier = Classifier[str]()
    classifier.add(Box(1, 1), 1, "a")
    with pytest.raises(KeyError):
        classifier.remove(box, priority, value)
    assert len(classifier) == 1


class Changes(RuleBasedStateMachine):
    """Entries come and go, and at each moment the classifier is equal to the list."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier, self.oracle = both([])

    @rule(entry=entries)
    def add(self, entry: Entry) -> None:
        priority, box, value = entry
        self.classifier.add(box, priority, value)
        self.oracle.add(box, priority, value)

    @precondition(lambda self: self.oracle.entries)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.oracle.entries))
        priority, box, value = entry
        self.classifier.remove(box, priority, value)
        self.oracle.entries.remove(entry)

    @rule(cut=small_boxes(bits=BITS))
    def look_up_a_cut_packet(self, cut: Box) -> None:
        found = self.classifier.lookup(cut)
        winners = {self.oracle.winner(point) for point in points_of(cut, bits=BITS)}
        assert found is None or winners == {found}

    @invariant()
    def every_packet_has_the_same_owner(self) -> None:
        for point in range(1 << BITS):
            assert self.classifier.lookup(Box(point, (1 << BITS) - 1)) == self.oracle.winner(point)
        assert len(self.classifier) == len(self.oracle.entries)
        assert set(self.classifier.masks) == {box.mask for _, box, _ in self.oracle.entries}


Changes.TestCase.settings = examples(30)
TestChanges = Changes.TestCase
