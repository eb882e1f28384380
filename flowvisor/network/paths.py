"""Paths between datapaths over links that work: shortest ones, and of equal ones by what is sent and by capacity.

Strategy: paths are by destination, so that what is sent to one place under one label is a tree, and each datapath
needs to know only where next. Of several next steps that are equally near, rendezvous hashing with weights chooses (a
step's share of labels is its capacity's share): when a link fails, only what went by it goes elsewhere, and that is
spread over all that is left. Rejected: equal shares by the label's number, by which one failure moves everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    """At a datapath what comes in by any of some ports goes out by one; by none where it has arrived."""

    in_ports: frozenset[int]
    out_port: int | None


@frozen(eq=False)
class Route:
    """How one label gets from several datapaths to one.

    `exits` are the ports by which it leaves those from which there is a way, `steps` what each datapath does with it
    then, and `onward` the link by which it leaves each.
    """

    exits: Mapping[int, int]
    onward: Mapping[int, Hop]
    steps: Mapping[int, Step]
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
        self._choices: dict[tuple[int, int], Sequence[tuple[int, Hop]]] = {}

    def distance(self, source: int, to: int) -> int | None:
        """How many links lead there, None if none do. From a datapath to itself, out and back."""
        if source == to:
            ahead = self._ahead(source, to)
            return None if not ahead else 1 + self.distances(to)[ahead[0][1].far.dpid]
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
            return max(ahead, key=lambda one: _score(one[0], one[1].capacity, label))[1]
        return ahead[0][1] if ahead else None

    def _ahead(self, at: int, to: int) -> Sequence[tuple[int, Hop]]:
        """The next steps of all shortest ways, each behind its salt."""
        found = self._choices.get((at, to))
        if found is None:
            far = self.distances(to)
            open_ = [hop for hop in self._from.get(at, ()) if hop.far.dpid in far]
            nearest = min((far[hop.far.dpid] for hop in open_), default=0)
            found = self._choices[at, to] = [
                (self._salts[hop], hop) for hop in open_ if far[hop.far.dpid] == nearest
            ]
        return found

    def route(self, label: int, sources: Collection[int], to: int) -> Route:
        """How a label gets there from all of these; from there itself it goes out and comes back."""
        onward = self.onward(label, sources, to, {})
        come: dict[int, set[int]] = {}
        for hop in onward.values():
            come.setdefault(hop.far.dpid, set()).add(hop.far.port)
        return Route(
            exits={source: onward[source].near.port for source in sources if source in onward},
            onward=onward,
            steps={dpid: step_at(dpid, in_ports, to, onward) for dpid, in_ports in come.items()},
            hops=frozenset(onward.values()),
            unreached=tuple(source for source in sources if source not in onward),
        )

    def onward(self, label: int, sources: Iterable[int], to: int, known: Mapping[int, Hop]) -> dict[int, Hop]:
        """The link by which it leaves each datapath on its way, which of some is `known`."""
        onward: dict[int, Hop] = {}
        for source in sources:
            at = source
            while at not in onward:
                hop = known.get(at) or self.next_hop(at, to, label)
                if hop is None:
                    break  # there is no way, which can be only where it begins
                onward[at] = hop
                at = hop.far.dpid
                if at == to:
                    break
        return onward


def step_at(dpid: int, in_ports: Iterable[int], to: int, onward: Mapping[int, Hop]) -> Step:
    """What a datapath does on the way to another, or where it has arrived."""
    return Step(frozenset(in_ports), None if dpid == to else onward[dpid].near.port)


@lru_cache(maxsize=MAX_REMEMBERED)
def _score(salt: int, capacity: int, label: int) -> float:
    """How much a label is drawn to a link: weighted rendezvous hashing (Schindelhauer and Schomaker, 2005)."""
    # The finishing steps of SplitMix64, so that neighbouring labels have nothing in common.
    mixed = (label * 0x9E3779B97F4A7C15 ^ salt) & _64_BITS
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _64_BITS
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _64_BITS
    return -capacity / log((mixed + 1) / (_64_BITS + 2))
