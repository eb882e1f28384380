"""A datapath with tables whose slices are virtual networks, where tests know slices and their ports by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from flowvisor.openflow.ports import Port
from flowvisor.planning.plan import Enforcement
from flowvisor.policies.policy import Policy
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.kinds import Kind
from tests.support.share_world import ShareWorld
from tests.support.virtual import a_network
from tests.support.world import Controller


class _World(ShareWorld):
    """Each slice is a virtual network of one switch."""

    def controller(self, slice_name: str, dpid: int = 1, version: int = 4) -> Controller:
        return super().controller(f"{slice_name}/big", dpid, version)


@frozen
class ShareKind(Kind):
    """Of a flowspace slice it takes the name and the ports, which are whole."""

    def __str__(self) -> str:
        return f"datapath-1.{self.version - 1}-share"

    def world(
        self,
        *slices: FlowspaceSlice,
        ports: Iterable[int | Port] = (1, 2, 3, 4),
        policies: Iterable[Policy] = (),
    ) -> ShareWorld:
        networks = []
        for one in slices:
            numbers = [match.exact("in_port") for rule in one.rules for match in rule.matches]
            places = {number: f"1/{number}" for number in numbers if number is not None}
            networks.append(a_network(one.name, {"big": places}, tables=one.tables))
        return _World(*networks, versions={1: self.version}, cables=())


ON_SHARES: Final = ShareKind(4, 254, Enforcement.TABLES)
