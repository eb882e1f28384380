"""Random networks to draw: datapaths of every kind, cables, slices that overlap."""

from __future__ import annotations

from attrs import evolve, frozen
from hypothesis import strategies as st

from flowvisor.configuration.snapshot import Configuration
from flowvisor.policies.acl import Acl
from flowvisor.policies.policy import Policy
from flowvisor.policies.quota import Quota
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.model.linked_world import Attachment, LinkedWorld
from tests.model.watched_datapath import WatchedDatapath
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import PORTS, SHAPES, flowspace_matches, some_acls
from tests.support.world import a_slice, ports, rule

NAMES = ("a", "b", "c", "d")
READER = "r"  # owns nothing, ever
READERS_PRIORITY = 50
TABLES = 3  # of each slice
N_TABLES = 1 + len(NAMES) * TABLES


@frozen(kw_only=True)
class Topology:
    """A network as drawn; policies are by the names of the slices that have them. `versions` is the one that the
    controllers of each slice speak, also of those yet to come.
    """

    kinds: dict[int, Kind]
    buffering: frozenset[int]
    links: dict[Attachment, Attachment]
    links_are: str  # "unknown" to the hypervisor, "declared", or "found"
    slices: tuple[FlowspaceSlice, ...]
    acls: dict[str, Acl]
    quotas: dict[str, Quota]
    versions: dict[str, int]

    def world(self) -> LinkedWorld:
        datapaths = [
            WatchedDatapath(
                dpid,
                kind.version,
                PORTS,
                n_tables=N_TABLES if kind.has_blocks else kind.n_tables,
                has_buffers=dpid in self.buffering,
            )
            for dpid, kind in self.kinds.items()
        ]
        return LinkedWorld(
            self._written(),
            datapaths,
            self.links,
            policies=self._policies(),
            cables=() if self.links_are == "found" else None,  # which are this world's own to carry
            declared=[pair for pair in self.links.items() if pair[0] < pair[1]]
            if self.links_are == "declared"
            else (),
        )

    def configuration(self, before: Configuration) -> Configuration:
        """What the files say, after others that said `before`."""
        slices = tuple(sorted(self._written(), key=lambda one: one.name))
        return evolve(before, slices=slices, policies={one.name: one for one in self._policies()})

    def _policies(self) -> list[Policy]:
        return [*self.acls.values(), *self.quotas.values()]

    def _written(self) -> list[FlowspaceSlice]:
        """The slices with their policies."""
        of_each = [
            [each[one.name].name for each in (self.acls, self.quotas) if one.name in each]
            for one in self.slices
        ]
        return [evolve(one, policies=tuple(names)) for one, names in zip(self.slices, of_each, strict=True)]


@st.composite
def topologies(draw: st.DrawFn, kinds: tuple[Kind, ...]) -> Topology:
    """Two to four datapaths, the first of each of the given kinds, and two to four slices."""
    more = draw(st.sampled_from(((), (), (), (ON_TABLES,), (ON_10,), (ON_FEW_TABLES,))))
    dpids = range(1, len(kinds) + len(more) + 1)
    drawn = draw(slice_sets(tuple(dpids)))
    names = [one.name for one in drawn]
    return Topology(
        kinds=dict(zip(dpids, (*kinds, *more), strict=True)),
        buffering=frozenset(dpid for dpid in dpids if draw(st.booleans())),
        links=draw(cables(tuple(dpids))),
        links_are=draw(st.sampled_from(("unknown", "declared", "found"))),
        slices=(*drawn, *(draw(readers(READERS_PRIORITY)) for _ in range(draw(st.sampled_from((0, 0, 1)))))),
        acls=draw(some_acls(names)) if draw(st.booleans()) else {},
        quotas={name: draw(quotas(name)) for name in names if draw(st.sampled_from((False, False, True)))},
        versions={name: draw(st.sampled_from((1, 4))) for name in (*NAMES, READER)},
    )


@st.composite
def readers(draw: st.DrawFn, priority: int) -> FlowspaceSlice:
    """A slice that may only look at what others own. Nobody else has the priority: others may get the rule one day."""
    matches = draw(st.lists(flowspace_matches(), min_size=1, max_size=2))
    at = draw(st.sampled_from((None, None, (1,))))
    return a_slice(READER, rule(*matches, priority=priority, at=at, may_write=False), tables=TABLES)


def quotas(name: str) -> st.SearchStrategy[Quota]:
    """A quota that is soon used up."""
    few = st.sampled_from((None, 0, 1, 2, 3, 5))
    return st.builds(
        Quota,
        st.just(f"quota-{name}"),
        flow_entries_per_datapath=few,
        flow_entries=few,
        groups=st.sampled_from((None, 0, 1)),
    )


@st.composite
def cables(draw: st.DrawFn, dpids: tuple[int, ...]) -> dict[Attachment, Attachment]:
    """Cables from the last ports of some datapaths to those of others."""
    free = draw(st.permutations([(dpid, port) for dpid in dpids for port in PORTS[2:]]))
    links: dict[Attachment, Attachment] = {}
    for one, other in zip(free[::2], free[1::2], strict=False):
        if one[0] != other[0] and draw(st.booleans()):
            links[one], links[other] = other, one
    return links


@st.composite
def slice_sets(draw: st.DrawFn, dpids: tuple[int, ...]) -> tuple[FlowspaceSlice, ...]:
    """Slices of a few rules each: ports of their own, and what is cut by anything; no two of one priority.

    Or two that meet in a shape where it matters what a packet has become.
    """
    if draw(st.booleans()):
        shape = draw(st.sampled_from(SHAPES))
        return tuple(a_slice(name, *rules, tables=TABLES) for name, rules in zip(NAMES, shape, strict=False))
    names = NAMES[: draw(st.sampled_from((2, 2, 2, 3, 4)))]
    priorities = iter(draw(st.permutations(range(100, 100 + 4 * len(names)))))
    homes = draw(st.permutations(PORTS))
    made = []
    for index, name in enumerate(names):
        rules = [
            rule(
                *draw(st.lists(flowspace_matches(), min_size=1, max_size=2)),
                priority=next(priorities),
                at=draw(st.sampled_from((None, None, None, None, *((dpid,) for dpid in dpids)))),
            )
            for _ in range(draw(st.integers(0, 2)))
        ]
        if not rules or draw(st.integers(0, 3)):
            rules.append(ports(homes[index], priority=next(priorities)))
        made.append(a_slice(name, *rules, tables=TABLES))
    return tuple(made)
