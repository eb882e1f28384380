"""Matches without masks where OpenFlow allows none: the same packets in as many matches as that takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Final

from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match

MAX_EXPANSION: Final = 1024  # matches that one may become where masks are not allowed


def exact_where_required(match: Match) -> Iterator[Match]:
    """The same packets with no mask on a field that OpenFlow 1.3 does not let be masked (section 7.2.3.7).

    Raises TooManyPieces where its masks leave more than MAX_EXPANSION; a rule's never do, its reader sees to that.
    """
    masked = {
        name: list(_values(value, mask, FIELDS[name].all_ones))
        for name, value, mask in match
        if not FIELDS[name].maskable and mask != FIELDS[name].all_ones
    }
    if prod(map(len, masked.values())) > MAX_EXPANSION:
        raise TooManyPieces(f"its masks leave more than {MAX_EXPANSION} matches")
    for values in product(*masked.values()):
        yield match.having(**dict(zip(masked, values, strict=True)))


def _values(value: int, mask: int, all_ones: int) -> Iterator[int]:
    free = all_ones & ~mask
    if 1 << free.bit_count() > MAX_EXPANSION:
        raise TooManyPieces(f"a mask leaves more than {MAX_EXPANSION} values")
    bits = free
    while True:  # all subsets of the free bits
        yield value | bits
        if not bits:
            return
        bits = (bits - 1) & free
