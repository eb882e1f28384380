"""Where each match field lies in the one big int that boxes are made of, and back from boxes to matches.

Strategy: fields that no packet can have together share bits (IPv4 and ARP addresses, TCP and UDP ports): an
int has 829 bits instead of 1,261. A field's *selectors* are the bits that say whether a packet has it: the
values of its prerequisites, and for a VLAN's id and priority the bit "there is a tag". Sharing is sound
because every box keeps one invariant: **a box that constrains bits of a field fixes that field's
selectors.**

* `boxes_of` makes boxes that keep it: a field is never written without one of its contexts.
* Intersection keeps it: whatever constrained the bits brings its selectors along, and two boxes that mean
  different fields by the same bits differ in a selector, so they do not intersect.
* Subtraction keeps it because selectors lie above what they select and `box.subtract` flips the most
  significant bit first: a piece that constrains a field's bits had, or has taken over, the selectors above.
* `set_field` and `forget` give up the bits whose selectors they change.

So whether a packet is in a box never depends on bits of fields that the packet does not have, and algebra
on bits is algebra on sets of packets. It is exact, too: "untagged" is the one bit PRESENT = 0, not thirteen
zero bits, or else EVERYTHING less untagged less tagged would leave boxes (no tag, but vid 5) that hold no
packet.

Rejected: a layout per kind of packet (an intersection would have to convert), no sharing (simpler, but a hash
takes half as long again), and taking absent fields as zero (who owns `tcp_dst: 0` would then own what is no
TCP at all).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, reduce
from itertools import product
from operator import or_
from typing import Final, NamedTuple

from flowvisor.flowspace.box import EVERYTHING, Box, covers, intersect, overlaps
from flowvisor.openflow.fields import FIELDS, VLAN_PRESENT
from flowvisor.openflow.match import Match

# Most significant first. A row is a run of bits; its alternatives lie over each other, fields side by side.
_ROWS: Final[tuple[tuple[tuple[str, ...], ...], ...]] = (
    (("in_phy_port", "tunnel_id", "metadata"),),  # rarely matched: on top, where zeros make the ints shorter
    (("vlan_vid", "vlan_pcp", "eth_type", "ip_proto", "ip_dscp", "ip_ecn"),),
    (
        ("tcp_src", "tcp_dst"),
        ("udp_src", "udp_dst"),
        ("sctp_src", "sctp_dst"),
        ("icmpv4_type", "icmpv4_code"),
        ("icmpv6_type", "icmpv6_code"),
    ),
    (("ipv6_nd_target", "ipv6_nd_sll"), ("ipv6_nd_target", "ipv6_nd_tll")),
    (("in_port", "eth_dst", "eth_src"),),
    (
        ("ipv6_src", "ipv6_dst", "ipv6_flabel", "ipv6_exthdr"),
        ("ipv4_src", "ipv4_dst"),
        ("arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha"),
        ("mpls_label", "mpls_tc", "mpls_bos"),
        ("pbb_isid",),
    ),
)


class Slot(NamedTuple):
    """Where a field lies: `mask` is its bits in place, `shift` the number of bits below it."""

    shift: int
    mask: int


def _place() -> tuple[dict[str, Slot], int]:
    """Lay out the rows; also return how many bits they take."""
    widths = [max(sum(FIELDS[name].bits for name in names) for names in row) for row in _ROWS]
    top = total = sum(widths)
    slots = {}
    for row, width in zip(_ROWS, widths, strict=True):
        for names in row:
            shift = top
            for name in names:
                shift -= FIELDS[name].bits
                slots[name] = Slot(shift=shift, mask=FIELDS[name].all_ones << shift)
        top -= width
    return slots, total


_SLOTS, LAYOUT_BITS = _place()
FIELD_SLOTS: Final[Mapping[str, Slot]] = _SLOTS
ALL_BITS: Final = (1 << LAYOUT_BITS) - 1  # the mask of a point of which everything is known

_VLAN_SHIFT: Final = FIELD_SLOTS["vlan_vid"].shift
_TAG_BIT: Final = VLAN_PRESENT << _VLAN_SHIFT
_UNTAGGED: Final = Box(0, _TAG_BIT)
_TAGGED: Final = Box(_TAG_BIT, _TAG_BIT)


def _contexts_of(name: str) -> tuple[Box, ...]:
    """What selects a field: disjoint boxes over its selectors, one of which holds each packet that has it."""
    if name == "vlan_pcp":
        return (_TAGGED,)
    contexts = []
    requires = FIELDS[name].requires
    for values in product(*(values for _, values in requires)):
        value = mask = 0
        for (selector, _), selected in zip(requires, values, strict=True):
            value |= selected << FIELD_SLOTS[selector].shift
            mask |= FIELD_SLOTS[selector].mask
        contexts.append(Box(value, mask))
    return tuple(contexts)


_CONTEXTS: Final = {name: _contexts_of(name) for name in FIELD_SLOTS}
# (bits, what selects them) of all that is not unconditional.
_SELECTED: Final = tuple(
    (slot.mask, _CONTEXTS[name]) for name, slot in FIELD_SLOTS.items() if _CONTEXTS[name] != (EVERYTHING,)
)
_SELECTORS: Final = reduce(or_, (context.mask for _, contexts in _SELECTED for context in contexts))
_UNCONDITIONAL: Final = ALL_BITS ^ reduce(or_, (bits for bits, _ in _SELECTED))
# For each field the bits that lose their meaning when it changes.
_DEPENDENT_BITS: Final = {
    name: reduce(or_, (bits for bits, contexts in _SELECTED if contexts[0].mask & slot.mask), 0)
    for name, slot in FIELD_SLOTS.items()
}


def field_mask(name: str) -> int:
    """The bits of a field, in place."""
    return FIELD_SLOTS[name].mask


def boxes_of(match: Match) -> tuple[Box, ...]:
    """The packets that a match means, as disjoint boxes: none if it contradicts itself, several if a
    prerequisite that it leaves out has several values. Raises ValueError if it has opaque fields.
    """
    if match.opaque:
        raise ValueError("a match with opaque fields is not a set of boxes")
    boxes = [EVERYTHING]
    for name, value, mask in match:
        alternatives = _alternatives(name, value, mask)
        pairs = [intersect(box, alternative) for box in boxes for alternative in alternatives]
        boxes = [box for box in pairs if box is not None]
    return tuple(boxes)


def _alternatives(name: str, value: int, mask: int) -> tuple[Box, ...]:
    """The packets that one field of a match means."""
    if name == "vlan_vid":
        return _vlan_alternatives(value, mask)
    shift = FIELD_SLOTS[name].shift
    return tuple(
        Box(context.value | value << shift, context.mask | mask << shift) for context in _CONTEXTS[name]
    )


def _vlan_alternatives(value: int, mask: int) -> tuple[Box, ...]:
    """The packets that a vlan_vid means; a packet without a tag has the vid 0."""
    tagged = Box(value << _VLAN_SHIFT | _TAG_BIT, mask << _VLAN_SHIFT | _TAG_BIT)
    if mask == 0:
        return (EVERYTHING,)
    if value & VLAN_PRESENT:
        return (tagged,)
    without_tag = () if value else (_UNTAGGED,)
    return without_tag if mask & VLAN_PRESENT else (*without_tag, tagged)


def match_of(box: Box) -> Match:
    """The fields that a box constrains, prerequisites included: `boxes_of(match_of(box)) == (box,)`.

    What subtraction leaves may have masks on fields that OpenFlow does not let be masked (eth_type, in_port).
    """
    fields = {}
    named = 0
    for name, slot in FIELD_SLOTS.items():
        mask = box.mask & slot.mask
        if mask and any(covers(context, box) for context in _CONTEXTS[name]):
            fields[name] = ((box.value & mask) >> slot.shift, mask >> slot.shift)
            named |= mask
    assert not box.mask & ~named & _possible_bits(box.value & _SELECTORS, box.mask & _SELECTORS)
    if box.mask & _TAG_BIT and not box.value & _TAG_BIT:
        fields["vlan_vid"] = (0, FIELDS["vlan_vid"].all_ones)
    return Match(fields)


def point_of(fields: Mapping[str, int]) -> Box:
    """The box of one packet: a vlan_vid of 0 is "no tag", else it has VLAN_PRESENT.

    What the packet cannot have, going by its selectors, is known to be zero. What it has, or may have, but is
    not given (the packet was cut, or nobody said its in_port) is unknown: not in the box's mask.
    """
    value = known = 0
    for name, field in fields.items():
        shift, mask = FIELD_SLOTS[name]
        value |= field << shift
        known |= mask
    unknown = _possible_bits(value & _SELECTORS, known & _SELECTORS) & ~known
    return Box(value, ALL_BITS ^ unknown)


@lru_cache(maxsize=4096)  # called for each packet; what differs in real traffic is a few kinds of headers
def _possible_bits(value: int, known: int) -> int:
    """The bits that mean something in a packet of which these selectors are known."""
    selectors = Box(value & known, known)
    possible = _UNCONDITIONAL
    for bits, contexts in _SELECTED:
        if any(overlaps(context, selectors) for context in contexts):
            possible |= bits
    return possible


def set_field(box: Box, name: str, value: int) -> Box:
    """A box that holds each packet of this one after a rewrite: exact, if all of them have the field.

    If none has it nothing changes. If only some may, the box says nothing of the field and holds the outcome
    already. What the field selected is wildcarded if it changes (a vlan_vid of 0 takes the priority along).
    """
    if not any(covers(context, box) for context in _CONTEXTS[name]):
        return box
    shift, mask = FIELD_SLOTS[name]
    outcome = Box(value << shift, mask)
    selector = mask
    if name == "vlan_vid":
        selector = _TAG_BIT
        outcome = outcome if value & VLAN_PRESENT else _UNTAGGED
    lost = mask
    if not covers(Box(outcome.value & selector, selector), box):
        lost |= _DEPENDENT_BITS[name]
    kept = box.mask & ~lost
    return Box(box.value & kept | outcome.value, kept | outcome.mask)


def forget(box: Box, *names: str) -> Box:
    """The box with these fields wildcarded, where its packets may have them, and whatever they select."""
    for name in names:
        if any(overlaps(context, box) for context in _CONTEXTS[name]):
            kept = box.mask & ~(FIELD_SLOTS[name].mask | _DEPENDENT_BITS[name])
            box = Box(box.value & kept, kept)
    return box
