"""The kinds of datapaths: what isolates the slices on them, and in which version they speak."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.openflow.messages import Error
from flowvisor.openflow.ports import Port
from flowvisor.openflow.versions import codec
from flowvisor.planning.plan import Enforcement
from flowvisor.policies.policy import Policy
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.world import World


@frozen
class Kind:
    """A kind of datapath."""

    version: int
    n_tables: int
    enforcement: Enforcement

    def __str__(self) -> str:
        return f"datapath-1.{self.version - 1}-{self.enforcement.value}"

    @property
    def has_blocks(self) -> bool:
        """Whether each slice has tables of its own."""
        return self.enforcement is Enforcement.TABLES

    def datapath(
        self, ports: Iterable[int | Port] = (1, 2, 3, 4), *, dpid: int = 1, **more: int
    ) -> EmulatedDatapath:
        """A datapath of this kind."""
        return EmulatedDatapath(dpid, self.version, ports, n_tables=self.n_tables, **more)

    def world(
        self,
        *slices: FlowspaceSlice,
        ports: Iterable[int | Port] = (1, 2, 3, 4),
        policies: Iterable[Policy] = (),
    ) -> World:
        """A network of one such datapath."""
        return World(slices, [self.datapath(ports)], policies=policies)


ON_TABLES: Final = Kind(4, 254, Enforcement.TABLES)
ON_10: Final = Kind(1, 1, Enforcement.INTERSECT)
ON_FEW_TABLES: Final = Kind(4, 2, Enforcement.INTERSECT)
KINDS: Final = (ON_TABLES, ON_10, ON_FEW_TABLES)
TENANT_VERSIONS: Final = (1, 4)


def as_told(error: tuple[int, int], *versions: int) -> tuple[int, int]:
    """An error as these versions, one after the other, can say it."""
    for version in versions:
        told = codec(version).decode(codec(version).encode(Error(error=error)))
        assert isinstance(told, Error)
        error = told.error
    return error
