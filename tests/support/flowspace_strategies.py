"""Packets, matches, boxes and regions to draw, and the naive meaning of a match.

A packet is a dict of the fields that it has: always a vlan_vid (0 without a tag), and what its headers give
it. Values are drawn from few, so that matches and packets meet.
"""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import boxes_of
from flowvisor.flowspace.region import Region
from flowvisor.openflow.fields import FIELDS, VLAN_NONE, VLAN_PRESENT
from flowvisor.openflow.match import Match

Packet = dict[str, int]

# Values that make prerequisites true, and one that makes none.
SELECTOR_VALUES = {
    "eth_type": [0x0800, 0x86DD, 0x0806, 0x8847, 0x8848, 0x88E7, 0x88CC],
    "ip_proto": [6, 17, 132, 1, 58, 89],
    "icmpv6_type": [135, 136, 128],
    "vlan_vid": [VLAN_NONE, VLAN_PRESENT, VLAN_PRESENT | 5, VLAN_PRESENT | 100],
}
# A selector before what it selects.
_ORDER = sorted(FIELDS, key=lambda name: len(FIELDS[name].requires) + (name == "vlan_pcp"))


def has(packet: Mapping[str, int], name: str) -> bool:
    """Do the headers that the packet says it has contain this field?"""
    if name == "vlan_pcp":
        return bool(packet["vlan_vid"] & VLAN_PRESENT)
    return all(packet.get(selector) in values for selector, values in FIELDS[name].requires)


def applies(match: Match, packet: Mapping[str, int]) -> bool:
    """The oracle: does the match hold for this packet, field by field?"""
    return all(name in packet and packet[name] & mask == value for name, value, mask in match)


def values(name: str) -> st.SearchStrategy[int]:
    """Values of a field: few, at both ends of its range."""
    if name in SELECTOR_VALUES:
        return st.sampled_from(SELECTOR_VALUES[name])
    ones = FIELDS[name].all_ones
    return st.sampled_from(sorted({0, 1, ones, ones >> 1}))


def masks(name: str) -> st.SearchStrategy[int]:
    """Masks of a field that may be masked: prefixes mostly."""
    field = FIELDS[name]
    prefixes = st.integers(0, field.bits).map(lambda bits: field.all_ones >> bits << bits)
    return st.one_of(st.just(field.all_ones), prefixes, st.integers(0, field.all_ones))


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """Whole packets: all fields that their headers have, and the pipeline's."""
    packet: Packet = {}
    for name in _ORDER:
        if has(packet, name):
            packet[name] = draw(values(name))
    return packet


@st.composite
def matches(draw: st.DrawFn, *, explicit: bool | None = None) -> Match:
    """Matches on up to four fields of one packet.

    Prerequisites are all written out (`explicit`, as the wire wants it), left out, or (None) either way.
    """
    packet = draw(packets())
    names = draw(st.lists(st.sampled_from(list(packet)), max_size=4, unique=True))
    if explicit or (explicit is None and draw(st.booleans())):
        names += [selector for name in names for selector, _ in FIELDS[name].requires]
    tagged = explicit and "vlan_pcp" in names and "vlan_vid" not in names
    fields = {"vlan_vid": (VLAN_PRESENT, VLAN_PRESENT)} if tagged else {}
    for name in dict.fromkeys(names):
        selects = any(name in dict(FIELDS[other].requires) for other in names)
        maskable = FIELDS[name].maskable and not selects and not (name == "vlan_vid" and "vlan_pcp" in names)
        mask = draw(masks(name)) if maskable else FIELDS[name].all_ones
        fields[name] = (packet[name] & mask, mask)
    return Match(fields)


@st.composite
def arbitrary_matches(draw: st.DrawFn) -> Match:
    """Matches on any fields together, most of them contradictions, with masks on anything."""
    names = draw(st.lists(st.sampled_from(list(FIELDS)), max_size=4, unique=True))
    fields = {}
    for name in names:
        mask = draw(masks(name))
        fields[name] = (draw(values(name)) & mask, mask)
    return Match(fields)


def any_matches() -> st.SearchStrategy[Match]:
    return st.one_of(matches(), arbitrary_matches())


def boxes() -> st.SearchStrategy[Box]:
    """Boxes of matches."""
    return any_matches().map(boxes_of).filter(bool).flatmap(st.sampled_from)


def regions(*, max_size: int = 4) -> st.SearchStrategy[Region]:
    """Unions of boxes of matches."""
    return st.lists(boxes(), max_size=max_size).map(lambda chosen: Region.of(*chosen))


@st.composite
def small_boxes(draw: st.DrawFn, *, bits: int = 5) -> Box:
    """Boxes over a few bits that mean nothing, to be compared with sets of ints."""
    mask = draw(st.integers(0, (1 << bits) - 1))
    return Box(draw(st.integers(0, (1 << bits) - 1)) & mask, mask)


def points_of(box: Box, *, bits: int = 5) -> set[int]:
    """All ints of so many bits that are in the box."""
    return {point for point in range(1 << bits) if point & box.mask == box.value}
