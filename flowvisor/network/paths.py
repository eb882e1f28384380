"""Paths between datapaths over links that work: shortest ones, and of equal ones by what is sent and by capacity.

Strategy: paths are by destination, so that what is sent to one place under one label is a tree, and each datapath
needs to know only where next. Of several next steps that are equally near, rendezvous hashing with weights chooses (a
step's share of labels is its capacity's share): when a link fails, only what went by it goes elsewhere, and that is
spread over all that is left. Rejected: equal shares by the label's number, by which one failure moves everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import log
from typing import Final, NamedTuple
from zlib import crc32

from attrs import frozen

from flowvisor.network.topology import End

MAX_REMEMBERED: Final = 1 << 18  # how much labels are drawn to links; then it is only found once more
DEFAULT_CAPACITY: Final = 1_000_000  # kbit/s, of links of which nobody said it


_64_BITS: Final = (1 << 64) - 1


class Hop(NamedTuple):
    """A link in one direction, with its capacity in kbit/s."""

    near: End
    far: End
    capacity: int = DEFAULT_CAPACITY


class Step(NamedTuple):
    """At a datapath what comes in by a port goes out by another; by none where it has arrived."""

    dpid: int
    in_port: int
    out_port: int | None


@frozen(eq=False)
class Route:
    """How one label gets from several datapaths to one.

    `exits` are the ports by which it leaves those from which there is a way, `steps` what datapaths do with it then,
    and `onward` the link by which it leaves each.
    """

    exits: Mapping[int, int]
    onward: Mapping[int, Hop]
    steps: tuple[Step, ...]
    hops: frozenset[Hop]
    unreached: tuple[int, ...]


class Paths:
    """The ways over a set of links, which does not change; distances are found when first asked for."""

    def __init__(self, hops: Iterable[Hop]) -> None:
        self.hops: Final = frozenset(hops)
        self._from: dict[int, list[Hop]] = {}
        self._into: dict[int, list[Hop]] = {}
        self._salts = {hop: crc32(f"{hop.near}>{hop.far}".encode()) for hop in self.hops}
        for hop in sorted(self.hops):
            self._from.setdefault(hop.near.dpid, []).append(hop)
            self._into.setdefault(hop.far.dpid, []).append(hop)
        self._distances: dict[int, dict[int, int]] = {}
        self._choices: dict[tuple[int, int], Sequence[Hop]] = {}

    def distance(self, source: int, to: int) -> int | None:
        """How many links lead there, None if none do. From a datapath to itself, out and back."""
        if source == to:
            ahead = self._ahead(source, to)
            return None if not ahead else 1 + self.distances(to)[ahead[0].far.dpid]
        return self.distances(to).get(source)

    def distances(self, to: int) -> Mapping[int, int]:
        """How far from there all datapaths are from which there is a way."""
        found = self._distances.get(to)
        if found is None:
            found = self._distances[to] = {to: 0}
            ring, distance = [to], 0
            while ring:
                distance += 1
                near = dict.fromkeys(hop.near.dpid for dpid in ring for hop in self._into.get(dpid, ()))
                ring = [dpid for dpid in near if dpid not in found]
                found.update(dict.fromkeys(ring, distance))
        return found

    def next_hop(self, at: int, to: int, label: int) -> Hop | None:
        """Where what has a label goes next; None if there is no way."""
        ahead = self._ahead(at, to)
        if len(ahead) > 1:
            return max(ahead, key=lambda hop: _score(self._salts[hop], hop.capacity, label))
        return ahead[0] if ahead else None

    def _ahead(self, at: int, to: int) -> Sequence[Hop]:
        """The next steps of all shortest ways."""
        found = self._choices.get((at, to))
        if found is None:
            far = self.distances(to)
            open_ = [hop for hop in self._from.get(at, ()) if hop.far.dpid in far]
            nearest = min((far[hop.far.dpid] for hop in open_), default=0)
            found = self._choices[at, to] = [hop for hop in open_ if far[hop.far.dpid] == nearest]
        return found

    def route(self, label: int, sources: Iterable[int], to: int, lost: Route | None = None) -> Route:
        """How a label gets there from all of these; from there itself it goes out and comes back.

        `lost` is how it went when there were more links: what it still can use of that it does.
        """
        kept: Mapping[int, Hop] = {} if lost is None else lost.onward
        onward: dict[int, Hop] = {}
        exits: dict[int, int] = {}
        hops: set[Hop] = set()
        unreached = []
        for source in sources:
            ahead = self._ahead(source, to)
            if not ahead:
                unreached.append(source)
                continue
            at = source
            while at not in onward:
                known = kept.get(at)
                hop = known if known in ahead else self.next_hop(at, to, label)
                assert hop is not None  # it is on the way
                onward[at] = hop
                hops.add(hop)
                at = hop.far.dpid
                if at == to:
                    break
                ahead = self._ahead(at, to)
            exits[source] = onward[source].near.port
        steps = (
            Step(hop.far.dpid, hop.far.port, None if hop.far.dpid == to else onward[hop.far.dpid].near.port)
            for hop in sorted(hops, key=_far_end)
        )
        return Route(exits, onward, tuple(steps), frozenset(hops), tuple(unreached))


def _far_end(hop: Hop) -> End:
    return hop.far


@lru_cache(maxsize=MAX_REMEMBERED)
def _score(salt: int, capacity: int, label: int) -> float:
    """How much a label is drawn to a link: weighted rendezvous hashing (Schindelhauer and Schomaker, 2005)."""
    # The finishing steps of SplitMix64, so that neighbouring labels have nothing in common.
    mixed = (label * 0x9E3779B97F4A7C15 ^ salt) & _64_BITS
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _64_BITS
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _64_BITS
    return -capacity / log((mixed + 1) / (_64_BITS + 2))
