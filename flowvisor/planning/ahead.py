"""Plans that a reload will need, compiled before it; what they follow from is taken down at one moment."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from flowvisor.configuration.snapshot import Configuration
from flowvisor.network.topology import End
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.plan import Compiled, compile_plan
from flowvisor.planning.touched import Touched


@frozen
class Ahead:
    """What runs: its files and allocations, the datapaths as (version, number of tables), the links."""

    before: Configuration
    allocations: Allocations
    datapaths: Mapping[int, tuple[int, int]]
    links: tuple[tuple[End, End], ...]

    def allocated(self, after: Configuration) -> Allocations:
        """The allocations that other files lead to."""
        return self.allocations.allocate(one for one in after.slices if one.may_write)

    def compile(self, after: Configuration) -> Compiled:
        """The plans of all datapaths that other files touch. It takes its time, and a thread may do it."""
        allocations, acls, compiled = self.allocated(after), after.acls, Compiled()
        touched = Touched(self.before, after, self.allocations.blocks, allocations.blocks)
        for dpid in touched.with_near_ends(self.datapaths, self.links):
            version, n_tables = self.datapaths[dpid]
            compile_plan(
                after.slices,
                allocations,
                dpid=dpid,
                version=version,
                n_tables=n_tables,
                acls=acls,
                compiled=compiled,
            )
        return compiled
