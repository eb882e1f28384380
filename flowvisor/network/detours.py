"""Detours: how routes go on when some links are no more; what is left of them stays the same objects.

Strategy: a failed link mostly changes one step of each of many routes, which lead from many datapaths each. So what a
route is made of is copied whole, which costs little, and changed only where another link is taken. A link stays on
the way if it is there and what it leads to is no farther from the end than it was: what was the best of more is the
best of fewer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flowvisor.network.paths import Hop, Paths, Route, step_at


class Detours:
    """From routes over `before` to such over `now`, which has no link that `before` has not."""

    def __init__(self, before: Paths, now: Paths) -> None:
        self._before = before
        self._now = now
        self._gone = before.hops - now.hops
        self._farther: dict[int, frozenset[int]] = {}

    def around(self, route: Route, label: int, sources: Collection[int], to: int) -> Route:
        """What `Paths.route` gives for the same now; the same object if nothing of it is gone."""
        gone = self._gone & route.hops
        if not gone:
            return route
        astray = [hop.near.dpid for hop in gone]
        farther = self._farther_from(to)
        if farther:
            astray += [at for at, hop in route.onward.items() if hop.far.dpid in farther]
        detour = _Detour(route, sources, to)
        detour.leave(astray)
        detour.find(astray, self._now, label)
        return detour.route()

    def _farther_from(self, to: int) -> frozenset[int]:
        """The datapaths that are farther from one than they were, or have no way there any more."""
        found = self._farther.get(to)
        if found is None:
            before, now = self._before.distances(to), self._now.distances(to)
            found = frozenset(dpid for dpid, distance in before.items() if now.get(dpid) != distance)
            self._farther[to] = found
        return found


class _Detour:
    """A route that is being changed; of where packets of it come in what differs."""

    def __init__(self, route: Route, sources: Collection[int], to: int) -> None:
        self._before = route
        self._sources = sources
        self._to = to
        self._onward = dict(route.onward)
        self._come: dict[int, set[int]] = {}
        self._lost: list[Hop] = []
        self._found: list[Hop] = []

    def leave(self, astray: Iterable[int]) -> None:
        """Do not lead on from these, nor from where nothing comes any more then."""
        ahead = list(astray)
        while ahead:
            hop = self._onward.pop(ahead.pop(), None)
            if hop is None:
                continue
            self._lost.append(hop)
            dpid, port = hop.far
            self._come_to(dpid).discard(port)
            if not self._is_needed(dpid):
                ahead.append(dpid)

    def find(self, astray: Iterable[int], paths: Paths, label: int) -> None:
        """Lead on from those of these from which something has to be."""
        for at in astray:
            while at not in self._onward and self._is_needed(at):
                hop = paths.next_hop(at, self._to, label)
                if hop is None:
                    break  # there is no way, which can be only where it begins
                self._onward[at] = hop
                self._found.append(hop)
                self._come_to(at)
                at, port = hop.far
                self._come_to(at).add(port)
                if at == self._to:
                    break

    def route(self) -> Route:
        """What has become of it."""
        before, onward = self._before, self._onward
        exits, unreached = dict(before.exits), before.unreached
        exits.update((hop.near.dpid, hop.near.port) for hop in self._found if hop.near.dpid in exits)
        for source in {hop.near.dpid for hop in self._lost} & exits.keys() - onward.keys():
            del exits[source]
            unreached = tuple(one for one in self._sources if one not in onward)
        steps = dict(before.steps)
        for dpid, in_ports in self._come.items():
            if in_ports:
                steps[dpid] = step_at(dpid, in_ports, self._to, onward)
            else:
                steps.pop(dpid, None)
        hops = before.hops.difference(self._lost).union(self._found)
        return Route(exits=exits, onward=onward, steps=steps, hops=hops, unreached=unreached)

    def _come_to(self, dpid: int) -> set[int]:
        """The ports by which packets come in there."""
        found = self._come.get(dpid)
        if found is None:
            step = self._before.steps.get(dpid)
            found = self._come[dpid] = set() if step is None else set(step.in_ports)
        return found

    def _is_needed(self, dpid: int) -> bool:
        return dpid in self._sources or bool(self._come_to(dpid))
