"""The layout against the naive meaning of a match, and the argument for sharing bits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.flowspace.box import EVERYTHING, Box, covers, intersect, overlaps, subtract
from flowvisor.flowspace.layout import (
    ALL_BITS,
    FIELD_SLOTS,
    LAYOUT_BITS,
    boxes_of,
    field_mask,
    forget,
    match_of,
    point_of,
    set_field,
)
from flowvisor.flowspace.region import Region
from flowvisor.openflow.fields import FIELDS, VLAN_PRESENT, Field
from flowvisor.openflow.match import MATCH_ALL, Match, OpaqueField
from tests.support.flowspace_strategies import (
    SELECTOR_VALUES,
    Packet,
    any_matches,
    applies,
    boxes,
    has,
    matches,
    packets,
    values,
)

NAMES = sorted(FIELDS)
PREFIXES = ["ipv4_src", "ipv4_dst", "ipv6_src", "ipv6_dst", "arp_spa", "arp_tpa", "eth_src"]


def keeps_the_invariant(box: Box) -> bool:
    """A box that constrains bits of a field fixes its selectors; then its match means the box and no more."""
    return boxes_of(match_of(box)) == (box,)


def excluded(a: Field, b: Field) -> bool:
    """Do prerequisites keep the two fields out of one packet?"""
    theirs = dict(b.requires)
    return any(name in theirs and not set(given) & set(theirs[name]) for name, given in a.requires)


def disjoint(some: list[Box] | tuple[Box, ...]) -> bool:
    return not any(overlaps(a, b) for a, b in combinations(some, 2))


# ------------------------------------------------------------------------------------------ the layout


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_its_bits(name: str) -> None:
    slot = FIELD_SLOTS[name]
    assert slot.mask == field_mask(name) == FIELDS[name].all_ones << slot.shift
    assert slot.mask < 1 << LAYOUT_BITS


def test_no_bit_is_wasted() -> None:
    used = 0
    for slot in FIELD_SLOTS.values():
        used |= slot.mask
    assert used == ALL_BITS


def test_fields_share_bits_only_if_no_packet_has_both() -> None:
    for a, b in combinations(NAMES, 2):
        if field_mask(a) & field_mask(b):
            assert excluded(FIELDS[a], FIELDS[b]), (a, b)


@pytest.mark.parametrize("name", NAMES)
def test_selectors_lie_above_what_they_select(name: str) -> None:
    for selector, _ in FIELDS[name].requires:
        assert field_mask(selector) > field_mask(name)
        assert not field_mask(selector) & field_mask(name)
    assert field_mask("vlan_vid") > field_mask("vlan_pcp")


@pytest.mark.parametrize("name", NAMES)
def test_no_field_shares_bits_with_its_own_selectors_selectors(name: str) -> None:
    needed = [selector for selector, _ in FIELDS[name].requires]
    assert all(not field_mask(a) & field_mask(b) for a, b in combinations([name, *needed], 2))


# --------------------------------------------------------------------------------- matches and packets


@given(any_matches(), packets())
def test_a_packet_is_in_the_boxes_of_the_matches_that_apply_to_it(match: Match, packet: Packet) -> None:
    point = point_of(packet)
    assert any(covers(box, point) for box in boxes_of(match)) == applies(match, packet)
    assert any(overlaps(box, point) for box in boxes_of(match)) == applies(match, packet)


@given(packets())
def test_of_a_whole_packet_everything_is_known(packet: Packet) -> None:
    assert point_of(packet).mask == ALL_BITS


@given(packets())
def test_a_point_names_the_fields_of_its_packet(packet: Packet) -> None:
    named = {name: value for name, value, _ in match_of(point_of(packet))}
    assert named == packet


@given(st.data(), packets())
def test_what_a_cut_packet_lacks_is_unknown(data: st.DataObject, packet: Packet) -> None:
    kept = data.draw(st.lists(st.sampled_from(list(packet)), unique=True))
    known = {name: packet[name] for name in kept}
    point = point_of(known)
    assert covers(point, point_of(packet))
    for match in [Match.of(**{name: value}) for name, value in packet.items()]:
        (box, *others) = [box for box in boxes_of(match) if covers(box, point_of(packet))]
        assert others == []
        assert overlaps(box, point)


@given(st.data(), packets(), any_matches())
def test_a_cut_packet_is_surely_in_a_box_only_if_all_its_completions_are(
    data: st.DataObject, packet: Packet, match: Match
) -> None:
    kept = data.draw(st.lists(st.sampled_from(list(packet)), unique=True))
    point = point_of({name: packet[name] for name in kept})
    if any(covers(box, point) for box in boxes_of(match)):
        assert applies(match, packet)
    if applies(match, packet):
        assert any(overlaps(box, point) for box in boxes_of(match))


def test_what_a_packet_cannot_have_is_known_to_be_absent() -> None:
    point = point_of({"vlan_vid": 0, "eth_type": 0x0806})
    assert point.mask & field_mask("ip_proto") == field_mask("ip_proto")
    assert point.mask & field_mask("vlan_pcp") == field_mask("vlan_pcp")
    assert not point.mask & field_mask("arp_spa")
    assert not point.mask & field_mask("in_port")
    assert not overlaps(boxes_of(Match.of(ipv4_src=0))[0], point)


@given(any_matches())
def test_the_boxes_of_a_match_are_disjoint_and_keep_the_invariant(match: Match) -> None:
    assert disjoint(boxes_of(match))
    assert all(keeps_the_invariant(box) for box in boxes_of(match))


@given(matches(explicit=True))
def test_a_match_with_its_prerequisites_written_out_is_one_box(match: Match) -> None:
    masked_vlan = match.fields.get("vlan_vid", (VLAN_PRESENT, VLAN_PRESENT))
    assert len(boxes_of(match)) == 1 or not any(masked_vlan[n] & VLAN_PRESENT for n in (0, 1))


@given(boxes())
def test_a_match_of_a_box_means_the_box(box: Box) -> None:
    assert boxes_of(match_of(box)) == (box,)


def test_prerequisites_are_implied() -> None:
    assert [match_of(box) for box in boxes_of(Match.of(tcp_dst=80))] == [
        Match.of(eth_type=0x0800, ip_proto=6, tcp_dst=80),
        Match.of(eth_type=0x86DD, ip_proto=6, tcp_dst=80),
    ]
    assert [match_of(box) for box in boxes_of(Match.of(tcp_dst=80, ipv4_src=1))] == [
        Match.of(eth_type=0x0800, ip_proto=6, tcp_dst=80, ipv4_src=1)
    ]
    assert [match_of(box) for box in boxes_of(Match.of(vlan_pcp=3))] == [
        Match.of(vlan_vid=(VLAN_PRESENT, VLAN_PRESENT), vlan_pcp=3)
    ]


@pytest.mark.parametrize(
    "match",
    [
        Match.of(eth_type=0x0806, ipv4_src=1),
        Match.of(arp_spa=1, ipv4_src=1),
        Match.of(tcp_dst=80, udp_dst=80),
        Match.of(eth_type=0x0806, tcp_dst=80),
        Match.of(ipv6_nd_sll=1, ipv6_nd_tll=1),
        Match.of(icmpv4_type=8, ipv6_src=1),
        Match.of(vlan_vid=0, vlan_pcp=3),
        Match.of(vlan_vid=5),  # no tag, but an id
    ],
)
def test_a_contradiction_is_no_box(match: Match) -> None:
    assert boxes_of(match) == ()


@pytest.mark.parametrize(
    ("vlan_vid", "meant"),
    [
        (0, [(0, 0x1FFF)]),
        (VLAN_PRESENT | 7, [(VLAN_PRESENT | 7, 0x1FFF)]),
        ((VLAN_PRESENT, VLAN_PRESENT), [(VLAN_PRESENT, VLAN_PRESENT)]),
        ((0, VLAN_PRESENT), [(0, 0x1FFF)]),
        ((7, 0x0FFF), [(VLAN_PRESENT | 7, 0x1FFF)]),
        ((0, 0x0FFF), [(0, 0x1FFF), (VLAN_PRESENT, 0x1FFF)]),
    ],
)
def test_a_vlan_vid_says_whether_there_is_a_tag(
    vlan_vid: int | tuple[int, int], meant: list[tuple[int, int]]
) -> None:
    found = [match_of(box) for box in boxes_of(Match.of(vlan_vid=vlan_vid))]
    assert found == [Match.of(vlan_vid=pair) for pair in meant]


def test_the_match_of_everything_is_empty() -> None:
    assert boxes_of(MATCH_ALL) == boxes_of(Match.of(vlan_vid=(0, 0))) == (EVERYTHING,)
    assert match_of(EVERYTHING) == MATCH_ALL


def test_a_masked_out_field_still_means_that_the_packet_has_it() -> None:
    assert boxes_of(Match.of(ipv4_src=(0, 0))) == boxes_of(Match.of(eth_type=0x0800))


def test_opaque_fields_have_no_boxes() -> None:
    with pytest.raises(ValueError, match="opaque"):
        boxes_of(Match(opaque=(OpaqueField(header=0x0001_0204, body=b"\0\0\0\1"),)))


def test_a_box_that_constrains_what_it_does_not_select_is_our_own_error() -> None:
    with pytest.raises(AssertionError):
        match_of(Box(0, field_mask("tcp_dst")))


# ------------------------------------------------------------------------------------------- the algebra


@given(any_matches(), any_matches(), packets())
def test_an_intersection_means_both_matches(a: Match, b: Match, packet: Packet) -> None:
    common = [both for x in boxes_of(a) for y in boxes_of(b) if (both := intersect(x, y)) is not None]
    assert all(keeps_the_invariant(box) for box in common)
    expected = applies(a, packet) and applies(b, packet)
    assert any(covers(box, point_of(packet)) for box in common) == expected


@given(any_matches(), st.lists(any_matches(), max_size=3), packets())
def test_a_difference_means_the_one_match_and_none_of_the_others(
    match: Match, others: list[Match], packet: Packet
) -> None:
    pieces = list(boxes_of(match))
    for box in [box for other in others for box in boxes_of(other)]:
        pieces = [piece for mine in pieces for piece in subtract(mine, box)][:2000]
    assert disjoint(pieces[:50])
    assert all(keeps_the_invariant(piece) for piece in pieces)
    if len(pieces) < 2000:
        expected = applies(match, packet) and not any(applies(other, packet) for other in others)
        assert any(covers(piece, point_of(packet)) for piece in pieces) == expected


@pytest.mark.parametrize("name", PREFIXES)
def test_what_is_left_of_a_prefix_of_addresses_is_prefixes(name: str) -> None:
    ones = FIELDS[name].all_ones
    half = FIELDS[name].bits // 2
    (network,) = boxes_of(Match.of(**{name: (1 << half, ones >> 8 << 8)}))
    (address,) = boxes_of(Match.of(**{name: 1 << half | 0b1010_0101}))
    left = [match_of(piece).fields[name][1] for piece in subtract(network, address)]
    assert left == [ones >> n << n for n in range(7, -1, -1)]


def test_every_packet_is_tagged_or_not() -> None:
    (untagged,) = boxes_of(Match.of(vlan_vid=0))
    (tagged,) = boxes_of(Match.of(vlan_vid=(VLAN_PRESENT, VLAN_PRESENT)))
    assert subtract(EVERYTHING, untagged) == [tagged]


def kinds_of_packets() -> Iterator[Packet]:
    """Every combination of selectors that a packet can have."""
    seen = set()
    for combination in product(*SELECTOR_VALUES.values()):
        selectors = dict(zip(SELECTOR_VALUES, combination, strict=True))
        kind = {name: value for name, value in selectors.items() if has(selectors, name)}
        if tuple(kind.items()) not in seen:
            seen.add(tuple(kind.items()))
            yield kind


def test_in_every_kind_of_packet_every_pair_of_fields_is_told_apart() -> None:
    """Brute force: a packet of each kind against the match of each field, less that of each other field."""
    names = [name for name in NAMES if name not in SELECTOR_VALUES]
    single = {name: boxes_of(Match.of(**{name: 0})) for name in names}
    less = {
        (name, other): Region.of(*single[name]).subtract(Region.of(*single[other])).boxes
        for name, other in product(names, repeat=2)
    }
    for kind in kinds_of_packets():
        fields = {name for name in names if has(kind, name)}
        point = point_of(dict.fromkeys(fields, 0) | kind)
        assert {name for name in names if any(covers(box, point) for box in single[name])} == fields
        for (name, other), pieces in less.items():
            inside = any(covers(piece, point) for piece in pieces)
            assert inside == (name in fields and other not in fields), (name, other, kind)


# ------------------------------------------------------------------------------------------- rewriting


def rewritten(packet: Packet, name: str, value: int) -> Packet:
    """The packet after the action, if it has the field; headers come and go with a tag only."""
    if not has(packet, name):
        return packet
    after = packet | {name: value}
    if name == "vlan_vid" and not value & VLAN_PRESENT:
        after.pop("vlan_pcp", None)
    if name == "vlan_vid" and value & VLAN_PRESENT:
        after.setdefault("vlan_pcp", 0)
    return after


UNSELECTING = [name for name in NAMES if name not in ("eth_type", "ip_proto", "icmpv6_type")]


@given(st.data(), packets(), any_matches())
def test_a_rewritten_packet_is_in_the_rewritten_box(
    data: st.DataObject, packet: Packet, match: Match
) -> None:
    name = data.draw(st.sampled_from(UNSELECTING))
    value = data.draw(values(name))
    after = point_of(rewritten(packet, name, value))
    for box in boxes_of(match):
        image = set_field(box, name, value)
        assert keeps_the_invariant(image)
        if covers(box, point_of(packet)):
            assert covers(image, after)


@given(st.data(), packets(), any_matches())
def test_a_box_whose_selector_is_rewritten_says_nothing_of_what_it_selected(
    data: st.DataObject, packet: Packet, match: Match
) -> None:
    name = data.draw(st.sampled_from(["eth_type", "ip_proto", "icmpv6_type"]))
    value = data.draw(values(name))
    for box in boxes_of(match):
        image = set_field(box, name, value)
        assert keeps_the_invariant(image)
        if covers(box, point_of(packet)) and has(packet, name):
            # Headers below are read anew, as whatever they may be.
            kept = {other: packet[other] for other in packet if name not in dict(FIELDS[other].requires)}
            assert overlaps(image, point_of(kept | {name: value}))


def test_a_rewrite_is_exact_where_all_packets_have_the_field() -> None:
    (box,) = boxes_of(Match.of(in_port=1, eth_type=0x0800, ip_proto=6, tcp_dst=80))
    (expected,) = boxes_of(Match.of(in_port=1, eth_type=0x0800, ip_proto=6, tcp_dst=443))
    assert set_field(box, "tcp_dst", 443) == expected
    (expected,) = boxes_of(Match.of(in_port=2, eth_type=0x0800, ip_proto=6, tcp_dst=80))
    assert set_field(box, "in_port", 2) == expected


def test_a_rewrite_of_what_no_packet_has_or_only_some_may_have_leaves_the_box() -> None:
    (udp,) = boxes_of(Match.of(eth_type=0x0800, ip_proto=17, udp_dst=53))
    assert set_field(udp, "tcp_dst", 443) == udp
    assert set_field(EVERYTHING, "tcp_dst", 443) == EVERYTHING


def test_a_rewritten_selector_takes_what_it_selected_along() -> None:
    (tcp,) = boxes_of(Match.of(eth_type=0x0800, ip_proto=6, tcp_dst=80))
    assert set_field(tcp, "ip_proto", 6) == tcp
    assert match_of(set_field(tcp, "ip_proto", 17)) == Match.of(eth_type=0x0800, ip_proto=17)
    assert match_of(set_field(tcp, "eth_type", 0x0806)) == Match.of(eth_type=0x0806)


def test_a_new_vlan_id_keeps_the_priority_and_no_tag_drops_it() -> None:
    (tagged,) = boxes_of(Match.of(vlan_vid=VLAN_PRESENT | 5, vlan_pcp=3))
    moved = set_field(tagged, "vlan_vid", VLAN_PRESENT | 6)
    assert match_of(moved) == Match.of(vlan_vid=VLAN_PRESENT | 6, vlan_pcp=3)
    assert match_of(set_field(tagged, "vlan_vid", 0)) == Match.of(vlan_vid=0)


@given(st.data(), packets(), any_matches())
def test_forgetting_fields_lets_in_all_packets_that_differ_in_them(
    data: st.DataObject, packet: Packet, match: Match
) -> None:
    names = data.draw(st.lists(st.sampled_from(UNSELECTING), max_size=3, unique=True))
    after = packet
    for name in names:
        after = rewritten(after, name, data.draw(values(name)))
    for box in boxes_of(match):
        wider = forget(box, *names)
        assert covers(wider, box)
        assert keeps_the_invariant(wider)
        if covers(box, point_of(packet)):
            assert covers(wider, point_of(after))


def test_a_forgotten_field_takes_what_it_selects_along_and_leaves_what_shares_its_bits() -> None:
    (tcp,) = boxes_of(Match.of(eth_type=0x0800, ip_proto=6, tcp_dst=80, ipv4_src=1))
    assert match_of(forget(tcp, "ip_proto")) == Match.of(eth_type=0x0800, ipv4_src=1)
    assert match_of(forget(tcp, "eth_type")) == MATCH_ALL
    assert forget(tcp, "udp_dst", "arp_spa", "ipv6_dst") == tcp
    assert forget(tcp) == tcp
