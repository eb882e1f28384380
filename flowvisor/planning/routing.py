"""The routes of labels over the links that there are; those that a failed link did not carry stay what they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from flowvisor.network.detours import Detours
from flowvisor.network.paths import Hop, Paths
from flowvisor.planning.labels import Label
from flowvisor.planning.placement import Labelled
from flowvisor.planning.underlay import Underlay
from flowvisor.slices.slice import PortName


class _Routed(NamedTuple):
    in_tunnels: bool
    sources: tuple[int, ...]
    to: int
    labelled: Labelled


class Routing:
    """Routes of one set of labels, by the port that each leads to; `put_links` begins a new round of questions."""

    def __init__(self, labels: Mapping[PortName, int]) -> None:
        self._labels = labels
        self._paths = {in_tunnels: Paths(()) for in_tunnels in (False, True)}
        self._detours: dict[bool, Detours] = {}  # from the links of the round before, where some are no more
        self._before: dict[PortName, _Routed] = {}
        self._now: dict[PortName, _Routed] = {}
        self._anchors: dict[tuple[object, ...], int] = {}

    def put_links(self, underlay: Underlay) -> None:
        """From now on these are the links."""
        are_there_new = False
        self._detours.clear()
        for in_tunnels, paths in list(self._paths.items()):
            hops = frozenset(underlay.hops(in_tunnels=in_tunnels))
            are_there_new = are_there_new or not hops <= paths.hops
            if hops != paths.hops:
                now = self._paths[in_tunnels] = Paths(hops)
                self._detours[in_tunnels] = Detours(paths, now)
        self._before = {} if are_there_new else self._now
        self._now, self._anchors = {}, {}

    @property
    def hops(self) -> set[Hop]:
        """The links by which labels go."""
        return set().union(*(routed.labelled.route.hops for routed in self._now.values()))

    def to_port(
        self, port: PortName, sources: tuple[int, ...], to: int, *, in_tunnels: bool
    ) -> Labelled | None:
        """How packets get to a port that lies at a datapath, from all of these; None if no label is left for that."""
        value = self._labels.get(port)
        if value is None:
            return None
        asked = in_tunnels, sources, to
        known = self._now.get(port)
        if known is None or known[:3] != asked:
            known = self._before.get(port)
            if known is None or known[:3] != asked:
                route = self._paths[in_tunnels].route(value, sources, to)
                known = _Routed(*asked, Labelled(Label(value, is_key=in_tunnels), route))
            elif in_tunnels in self._detours:
                known = self._led_on(known)
            self._now[port] = known
        return known.labelled

    def _led_on(self, known: _Routed) -> _Routed:
        """As in the round before, but over the links that are left."""
        in_tunnels, sources, to, (label, before) = known
        route = self._detours[in_tunnels].around(before, label.value, sources, to)
        return known if route is before else _Routed(in_tunnels, sources, to, Labelled(label, route))

    def anchor(self, sources: tuple[int, ...], candidates: tuple[int, ...], *, in_tunnels: bool) -> int:
        """Where to lead a link from all of these: to what most of them reach, and is nearest to them."""
        key = (sources, candidates, in_tunnels)
        found = self._anchors.get(key)
        if found is None:
            paths = self._paths[in_tunnels]
            found = self._anchors[key] = min(candidates, key=lambda each: _remoteness(paths, sources, each))
        return found


def _remoteness(paths: Paths, sources: Collection[int], to: int) -> tuple[int, int, int]:
    distances = [paths.distance(source, to) for source in sources]
    reached = [distance for distance in distances if distance is not None]
    return len(distances) - len(reached), sum(reached), to
