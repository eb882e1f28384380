"""A box: all packets that agree with `value` in the bits of `mask`.

These are the inner loops of everything that asks who owns a packet: each function is a few int operations and
none knows what the bits mean.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Box(NamedTuple):
    """A set of packets; bits outside `mask` are zero in `value`. There is no empty box."""

    value: int
    mask: int


EVERYTHING: Final = Box(0, 0)


def intersect(a: Box, b: Box) -> Box | None:
    """The packets that are in both, or None if there are none."""
    a_value, a_mask = a
    b_value, b_mask = b
    if (a_value ^ b_value) & a_mask & b_mask:
        return None
    return Box(a_value | b_value, a_mask | b_mask)


def overlaps(a: Box, b: Box) -> bool:
    """Is some packet in both?"""
    a_value, a_mask = a
    b_value, b_mask = b
    return not (a_value ^ b_value) & a_mask & b_mask


def covers(a: Box, b: Box) -> bool:
    """Is every packet of b in a?"""
    a_value, a_mask = a
    b_value, b_mask = b
    return a_mask & b_mask == a_mask and b_value & a_mask == a_value


def subtract(a: Box, b: Box) -> list[Box]:
    """The packets of a that are not in b, as disjoint boxes: one for each bit that b fixes and a does not.

    Piece n agrees with b in the first n - 1 of those bits and differs in the n-th, most significant first:
    what is left of a prefix is prefixes, and a piece that says something of a field agrees with b in all
    fields above it (`layout` relies on that).
    """
    value, mask = a
    b_value, b_mask = b
    if (value ^ b_value) & mask & b_mask:
        return [a]
    pieces = []
    left = b_mask ^ (b_mask & mask)
    while left:
        bit = 1 << (left.bit_length() - 1)
        left ^= bit
        mask |= bit
        pieces.append(Box(value | (bit ^ (b_value & bit)), mask))
        value |= b_value & bit
    return pieces


def sample(box: Box) -> int:
    """One packet of the box: its fixed bits, zeros elsewhere."""
    return box.value
