"""A world of virtual networks that remembers what happened in each datapath, and ends what goes round."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowvisor.emulation.pipeline import Transmit
from flowvisor.network.discovery import addresses_a_probe
from tests.model.virtual_topology import CABLES, VirtualTopology
from tests.model.watched_datapath import Event, WatchedDatapath
from tests.support.virtual_world import HOST_PORTS, VirtualWorld

DPIDS = (1, 2, 3)
N_TABLES = 20
MAX_HOPS = 200  # of the packets of one step; what goes further goes round


class WatchedVirtualWorld(VirtualWorld):
    """`events` is all that happened in any datapath, in order; `hops` counts where packets left in this step."""

    def __init__(self, topology: VirtualTopology) -> None:
        self.events: list[Event] = []
        self.hops = 0
        below = []
        for dpid in DPIDS:
            cabled = [end.port for end in CABLES if end.dpid == dpid]
            below.append(WatchedDatapath(dpid, 4, [*HOST_PORTS, *cabled], n_tables=N_TABLES))
            below[-1].events = self.events
        super().__init__(topology.slices, below)

    def _datapath_does(self, dpid: int, effects: Iterable[Any]) -> None:
        kept = []
        for effect in effects:
            if isinstance(effect, Transmit) and not addresses_a_probe(effect.packet):
                self.hops += 1
                if self.hops > MAX_HOPS:
                    continue
            kept.append(effect)
        super()._datapath_does(dpid, kept)

    def begin_step(self) -> None:
        self.hops = 0
        self.events.clear()
        self.transmitted.clear()
        self.to_datapaths.clear()
        self.commands.clear()
