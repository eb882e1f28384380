"""The proof that slices are disjoint, and the packet that shows where they are not."""

import time
from collections.abc import Iterable, Mapping
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError, Place
from flowvisor.openflow.ports import LOCAL
from flowvisor.planning import overlaps
from flowvisor.planning.overlaps import (
    BY_PRIORITY,
    CONFLICT,
    MAX_OVERLAPS,
    Claim,
    Overlap,
    describe_datapath,
    describe_packet,
    find_overlaps,
    refuse_conflicts,
)
from flowvisor.planning.ownership import LOCAL_GUARD_RANK, Ownership
from tests.support.admin_files import configuration_of, rule, slice_file


def found(*slices: TextFile) -> list[tuple[str, str, str]]:
    """Kind, place and packet of each overlap."""
    configuration = configuration_of(*slices)
    return [
        (one.kind, describe_datapath(one.dpid, configuration), describe_packet(one.sample))
        for one in find_overlaps(configuration)
    ]


def test_slices_with_different_packets_do_not_overlap() -> None:
    assert not found(
        slice_file("a", rule("in_port: [1, 3]"), rule("vlan_vid: 7, in_port: 9")),
        slice_file("b", rule("in_port: [2, 4]"), rule("vlan_vid: none, in_port: 9")),
    )


def test_a_rule_that_only_reads_is_in_nobodys_way() -> None:
    reading = rule("in_port: 1").replace("match:", "permissions: [read], match:")
    assert not found(slice_file("a", rule("in_port: 1")), slice_file("b", reading), slice_file("c", reading))


def test_two_rules_of_one_slice_may_overlap() -> None:
    assert not found(
        slice_file("a", rule("in_port: 1"), rule("vlan_vid: 7"), rule("vlan_vid: 7", priority=9))
    )


def test_one_priority_for_the_same_packets_is_a_conflict_shown_with_a_packet() -> None:
    configuration = configuration_of(
        slice_file("a", rule("vlan_vid: 100")), slice_file("b", rule("ipv4_src: 10.1.0.0/16"))
    )
    (overlap,) = find_overlaps(configuration)
    assert overlap == Overlap(
        kind=CONFLICT,
        first=Claim("a", configuration.slices[0].rules[0]),
        second=Claim("b", configuration.slices[1].rules[0]),
        dpid=None,
        sample={"vlan_vid": 0x1064, "eth_type": 0x0800, "ipv4_src": 0x0A010000},
        winner=None,
    )
    assert overlap.first.place == Place("slices/a.yaml", 5, 5)


def test_with_different_priorities_the_higher_wins_and_is_noted() -> None:
    low, high = rule("vlan_vid: 100", priority=1), rule("in_port: 1", priority=2)
    for slices in ([("a", low), ("b", high)], [("b", high), ("a", low)], [("a", high), ("b", low)]):
        (overlap,) = find_overlaps(configuration_of(*(slice_file(name, text) for name, text in slices)))
        assert overlap.kind == BY_PRIORITY
        assert overlap.winner == next(name for name, text in slices if text == high)
        assert (overlap.first.slice, overlap.second.slice) == ("a", "b")


def test_what_a_higher_rule_has_is_no_conflict_below_it() -> None:
    tied = [slice_file("a", rule("vlan_vid: 100")), slice_file("b", rule("in_port: 1"))]
    third = slice_file("c", rule("vlan_vid: 100, in_port: 1", priority=200))
    assert {kind for kind, _, _ in found(*tied, third)} == {BY_PRIORITY}
    own = slice_file("a", rule("vlan_vid: 100"), rule("vlan_vid: 100, in_port: 1", priority=200))
    assert [kind for kind, _, _ in found(own, tied[1])] == [BY_PRIORITY]


def test_what_a_higher_rule_leaves_is_a_conflict_and_the_packet_is_of_that_part() -> None:
    told = found(
        slice_file("a", rule("vlan_vid: 100")),
        slice_file("b", rule("")),
        slice_file("c", rule("eth_type: ipv4", priority=200), rule("in_port: 1", priority=200)),
    )
    ((kind, _, packet),) = [one for one in told if one[0] == CONFLICT]
    assert kind == CONFLICT
    assert "vlan_vid 100" in packet
    assert "ipv4" not in packet
    assert "in_port 1," not in packet


def test_a_note_is_not_made_of_what_a_third_slice_has() -> None:
    assert (
        found(
            slice_file("a", rule("in_port: 1", priority=1)),
            slice_file("b", rule("in_port: 1", priority=2)),
            slice_file("c", rule("in_port: 1", priority=3)),
        )
        == [(BY_PRIORITY, "all datapaths", "in_port 1")] * 2
    )


def test_slices_at_different_datapaths_do_not_overlap() -> None:
    assert not found(
        slice_file("a", rule("", datapaths="[leaf-1, leaf-2]")),
        slice_file("b", rule("", datapaths="[spine-1]")),
    )


def test_a_conflict_at_one_of_many_datapaths_names_it() -> None:
    assert found(
        slice_file("a", rule("in_port: 1", datapaths="[leaf-1, leaf-2]")),
        slice_file("b", rule("in_port: 1", datapaths="[leaf-2, spine-1]")),
    ) == [(CONFLICT, "leaf-2", "in_port 1")]


def test_a_rule_for_all_datapaths_meets_those_for_one() -> None:
    here, everywhere = rule("in_port: 1", datapaths="[0xff]"), rule("in_port: 1")
    for one, other in ((here, everywhere), (everywhere, here)):
        assert found(slice_file("a", one), slice_file("b", other)) == [
            (CONFLICT, "00000000000000ff", "in_port 1")
        ]


def test_a_higher_rule_at_one_datapath_does_not_settle_a_conflict_at_the_others() -> None:
    tied = [slice_file("a", rule("in_port: 1")), slice_file("b", rule("in_port: 1"))]
    third = slice_file("c", rule("in_port: 1", priority=200, datapaths="[leaf-1, leaf-2, spine-1]"))
    assert found(*tied, third)[0] == (CONFLICT, "all datapaths", "in_port 1")
    here = [
        slice_file("a", rule("in_port: 1", datapaths="[leaf-1, leaf-2]")),
        slice_file("b", rule("in_port: 1", datapaths="[leaf-1, leaf-2]")),
    ]
    there = slice_file("c", rule("in_port: 1", priority=200, datapaths="[leaf-1]"))
    assert found(*here, there)[0] == (CONFLICT, "leaf-2", "in_port 1")


def test_local_is_owned_by_who_names_it_whatever_the_priorities() -> None:
    told = found(slice_file("a", rule("in_port: local", priority=1)), slice_file("b", rule("", priority=200)))
    assert told == [(BY_PRIORITY, "all datapaths", "in_port local")]
    configuration = configuration_of(
        slice_file("a", rule("in_port: local", priority=1)), slice_file("b", rule("", priority=200))
    )
    assert [one.winner for one in find_overlaps(configuration)] == ["a"]


def test_rules_are_ranked_as_the_classifier_ranks_them() -> None:
    configuration = configuration_of(slice_file("a", rule("in_port: [1, local]", priority=7)))
    (claimed,) = configuration.slices[0].rules
    ranked = [one for one in Ownership.at(1, configuration.slices).ranked if one.owner]
    assert [overlaps.rank_of(claimed, one.box) for one in ranked] == [one.rank for one in ranked]


def test_a_pair_of_rules_is_told_once() -> None:
    one = slice_file("a", rule("in_port: [1, 2, 3]", datapaths="[leaf-1, leaf-2]"))
    other = slice_file("b", rule("in_port: [1, 2, 3]", datapaths="[leaf-1, leaf-2]"))
    assert found(one, other) == [(CONFLICT, "leaf-1", "in_port 1")]


@pytest.mark.parametrize(
    ("match", "but", "packet"),
    [
        ("", "", "any"),
        ("", "in_port: 2", "in_port 1"),
        ("", "vlan_vid: none", "vlan_vid 1"),
        ("vlan_vid: none", "", "vlan_vid none"),
        ("eth_src: 00:16:3e:00:00:00/ff:ff:ff:00:00:00", "", "eth_src 00:16:3e:00:00:00"),
        ("tcp_dst: '80-89'", "", "eth_type ipv4, ip_proto tcp, tcp_dst 80"),
    ],
)
def test_the_packet_is_written_like_a_match(match: str, but: str, packet: str) -> None:
    slices = [slice_file("a", rule(match)), slice_file("b", rule(match))]
    if but:
        slices.append(slice_file("c", rule(but, priority=200)))
    assert found(*slices)[0] == (CONFLICT, "all datapaths", packet)


def test_conflicts_are_refused_with_both_places_and_the_packet() -> None:
    configuration = configuration_of(
        slice_file("a", rule("in_port: 1"), rule("in_port: 3", datapaths="[leaf-1]")),
        slice_file("b", rule("vlan_vid: 7, in_port: 1"), rule("in_port: 3")),
    )
    with pytest.raises(ConfigurationError) as caught:
        refuse_conflicts(configuration)
    assert str(caught.value).splitlines() == [
        "slices/b.yaml:5:5: flowspace: conflicts with slices/a.yaml:5:5: at all datapaths, with priority 100, a "
        "and b both own packets like vlan_vid 7, in_port 1; give one a higher priority",
        "slices/b.yaml:6:5: flowspace: conflicts with slices/a.yaml:6:5: at leaf-1, with priority 100, a and b "
        "both own packets like in_port 3; give one a higher priority",
    ]


def test_what_priorities_settle_is_not_refused() -> None:
    configuration = configuration_of(
        slice_file("a", rule("")), slice_file("b", rule("in_port: 1", priority=200))
    )
    assert refuse_conflicts(configuration) == find_overlaps(configuration) != []


def test_what_cannot_be_subtracted_within_bounds_is_told_as_a_conflict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slices = [
        *(slice_file(name, rule("eth_type: ipv4")) for name in "ab"),
        slice_file("c", rule("ipv4_src: 10.0.0.0/8", priority=200)),
    ]
    monkeypatch.setattr(overlaps, "MAX_PIECES", 3)
    assert found(*slices)[0] == (CONFLICT, "all datapaths", "eth_type ipv4")


# ------------------------------------------------------------------------------------ the oracle

MATCHES = ["", "in_port: 1", "in_port: [1, 2]", "vlan_vid: 5", "vlan_vid: none", "in_port: 2, vlan_vid: 5"]
PACKETS = [
    *({"in_port": port, "vlan_vid": vid} for port in (1, 2, 3, LOCAL) for vid in (0, 0x1005, 0x1006)),
]
DATAPATHS = ["all", "[leaf-1]", "[leaf-2]", "[leaf-1, leaf-2]"]
RULES = st.builds(
    rule,
    st.sampled_from([*MATCHES, "in_port: local"]),
    priority=st.integers(1, 3),
    datapaths=st.sampled_from(DATAPATHS),
)


def top_owners(configuration: Configuration, dpid: int, packet: Mapping[str, int]) -> set[str]:
    """The oracle: the slices whose best rule for a packet is the best of all."""
    ranked = [
        (claimed.priority + (LOCAL_GUARD_RANK if match.exact("in_port") == LOCAL else 0), one.name)
        for one in configuration.slices
        for claimed in one.rules_at(dpid)
        for match in claimed.matches
        if all(packet[name] & mask == value for name, value, mask in match)
    ]
    ranked.append((LOCAL_GUARD_RANK if packet["in_port"] == LOCAL else -1, ""))
    best = max(rank for rank, _ in ranked)
    return {name for rank, name in ranked if rank == best and name}


@given(st.lists(st.lists(RULES, min_size=1, max_size=4), min_size=2, max_size=3))
def test_there_is_a_conflict_exactly_where_a_packet_has_two_owners(rules: list[list[str]]) -> None:
    configuration = configuration_of(*(slice_file("abc"[n], *some) for n, some in enumerate(rules)))
    conflicts = [one for one in find_overlaps(configuration) if one.kind == CONFLICT]
    disputed = {
        frozenset(pair)
        for dpid in (1, 2, 99)
        for packet in PACKETS
        for pair in combinations(sorted(top_owners(configuration, dpid, packet)), 2)
    }
    assert {frozenset((one.first.slice, one.second.slice)) for one in conflicts} == disputed


@given(st.lists(st.lists(RULES, min_size=1, max_size=4), min_size=2, max_size=3))
def test_the_packet_that_is_shown_is_the_winners(rules: list[list[str]]) -> None:
    configuration = configuration_of(*(slice_file("abc"[n], *some) for n, some in enumerate(rules)))
    for one in find_overlaps(configuration):
        packet = {"in_port": 7, "vlan_vid": 0x1007, **one.sample}
        owners = top_owners(configuration, 99 if one.dpid is None else one.dpid, packet)
        assert owners >= ({one.first.slice, one.second.slice} if one.winner is None else {one.winner})


# ------------------------------------------------------------------------------------ bounds

TIME_LIMIT_SECONDS = 5


def seconds_for(slices: Iterable[TextFile]) -> tuple[float, list[Overlap]]:
    configuration = configuration_of(*slices)
    began = time.process_time()
    overlapping = find_overlaps(configuration)
    return time.process_time() - began, overlapping


@pytest.mark.no_cover
def test_five_thousand_rules_in_twenty_slices_are_compared_in_seconds() -> None:
    def rules(number: int) -> list[str]:
        vlans = [rule(f"vlan_vid: {number * 200 + n + 1}", priority=100) for n in range(200)]
        return [*vlans, *(rule(f"ipv4_src: 10.{number}.{n}.0/24", priority=200) for n in range(50))]

    taken, overlapping = seconds_for(slice_file(f"s{number}", *rules(number)) for number in range(20))
    assert taken < TIME_LIMIT_SECONDS  # about 0.2 s
    assert len(overlapping) == MAX_OVERLAPS


@pytest.mark.no_cover
def test_five_thousand_rules_that_all_meet_are_compared_in_seconds() -> None:
    def rules(number: int) -> list[str]:
        return [rule("", priority=2 * n + number) for n in range(2500)]

    taken, overlapping = seconds_for(slice_file(f"s{number}", *rules(number)) for number in range(2))
    assert taken < TIME_LIMIT_SECONDS
    assert overlapping


def test_of_very_many_conflicts_the_first_are_told() -> None:
    def rules() -> list[str]:
        return [rule(f"vlan_vid: {n}", priority=n) for n in range(1, 1101)]

    taken, overlapping = seconds_for(slice_file(name, *rules()) for name in "ab")
    assert taken < TIME_LIMIT_SECONDS
    assert len(overlapping) == MAX_OVERLAPS
    assert {one.kind for one in overlapping} == {CONFLICT}


def test_when_too_much_was_compared_for_notes_conflicts_have_still_been_found() -> None:
    configuration = configuration_of(
        slice_file("a", rule("in_port: 1"), rule("vlan_vid: 1", priority=7), rule("in_port: 2", priority=9)),
        slice_file("b", rule("in_port: 1"), rule("vlan_vid: 1", priority=8), rule("in_port: 2", priority=10)),
    )
    claims = [Claim(one.name, claimed) for one in configuration.slices for claimed in one.rules]
    search = overlaps._Search(claims, rivals_left=0)
    search.run()
    assert len(search.conflicts) == 1
    assert len(search.notes) < len(find_overlaps(configuration)) - 1
