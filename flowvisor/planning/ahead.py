"""Plans that a reload will need, compiled before it; what they follow from is taken down at one moment."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from flowvisor.configuration.snapshot import Configuration
from flowvisor.network.topology import End
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.claims import claims_of
from flowvisor.planning.own_state import own_entries
from flowvisor.planning.ownership import Ownership
from flowvisor.planning.plan import Compiled, compile_plan
from flowvisor.planning.touched import Touched


@frozen
class Facts:
    """What a datapath has said of itself; its ports are None where nobody has been asked."""

    version: int
    n_tables: int
    max_meter: int = 0
    ports: tuple[int, ...] | None = None
    stands_for_others: bool = (
        False  # it is not one, but all those of which the files say nothing in particular
    )


@frozen
class Ahead:
    """What runs: its files and allocations, its datapaths, the links between them."""

    before: Configuration
    allocations: Allocations
    datapaths: Mapping[int, Facts]
    links: tuple[tuple[End, End], ...]

    def allocated(self, after: Configuration) -> Allocations:
        """The allocations that other files lead to."""
        return self.allocations.allocate(
            (one for one in after.slices if one.may_write), after.settings.labels
        )

    def compile(self, after: Configuration) -> Compiled:
        """The plans of all datapaths that other files touch. It takes its time, and a thread may do it."""
        allocations, acls, compiled = self.allocated(after), after.acls, Compiled()
        touched = Touched(self.before, after, self.allocations.blocks, allocations.blocks)
        claims = claims_of(after)
        seen: list[Ownership] = []
        for dpid in touched.with_near_ends(self.datapaths, self.links):
            facts = self.datapaths[dpid]
            plan = compile_plan(
                after.flowspace_slices,
                allocations,
                dpid=dpid,
                version=facts.version,
                n_tables=facts.n_tables,
                acls=acls,
                compiled=compiled,
                claims=claims,
            )
            if plan.ownership not in seen:  # what will be asked of it is remembered, for all that share it
                seen.append(plan.ownership)
                own_entries(plan, {})
                for view in plan.views.values():
                    view.own_ports(facts.ports or ())
        return compiled
