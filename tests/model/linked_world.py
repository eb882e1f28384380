"""A world whose datapaths have cables between them, and that remembers what happened in each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from flowvisor.emulation.pipeline import Transmit
from flowvisor.hypervisor.transactions import HYPERVISOR_SLOT, slot_of
from flowvisor.network.discovery import addresses_a_probe
from flowvisor.network.topology import End
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.model.watched_datapath import Event, WatchedDatapath
from tests.support.world import World

MAX_HOPS = 48  # that the packets of one step may go from datapath to datapath; loops end here

Attachment = tuple[int, int]  # dpid, port


class LinkedWorld(World):
    """`links` goes both ways. `events` is all that happened in any datapath, in order."""

    def __init__(
        self,
        slices: Iterable[FlowspaceSlice],
        datapaths: Iterable[WatchedDatapath],
        links: Mapping[Attachment, Attachment],
        **more: Any,
    ) -> None:
        self.links = dict(links)
        self.events: list[Event] = []
        self._arriving: deque[tuple[Attachment, bytes]] = deque()
        self._is_delivering = False
        self._hops = 0
        watched = list(datapaths)
        for datapath in watched:
            datapath.events = self.events
            datapath.sender_of = self._sender_of
        super().__init__(slices, watched, **more)

    def _sender_of(self, dpid: int, xid: int) -> str | None:
        slot = slot_of(xid)
        datapath = self.hypervisor.datapaths.get(dpid)
        if slot == HYPERVISOR_SLOT or datapath is None or slot not in datapath.slots:
            return None
        return datapath.slots[slot].tenant.name

    def begin_step(self) -> None:
        """Forget what has happened so far; packets may go on their way again."""
        self.events.clear()
        self.transmitted.clear()
        self.to_datapaths.clear()
        self.commands.clear()
        self._hops = 0

    def known_links(self) -> set[tuple[Attachment, Attachment]]:
        """The links that the hypervisor knows, each in one direction."""
        return {(tuple(near), tuple(far)) for near, far in self.hypervisor.fabric.topology.links()}

    def arrives_at(self, dpid: int, port: int) -> list[Attachment]:
        """Where it is known that packets arrive which leave at a port, else that port seen from outside."""
        far_ends = self.hypervisor.fabric.topology.far_ends(End(dpid, port))
        return [(end.dpid, end.port) for end in far_ends] or [(dpid, port)]

    def is_connected(self, dpid: int) -> bool:
        return any(peer.dpid == dpid for peer in self.peers)

    def _datapath_does(self, dpid: int, effects: Iterable[Any]) -> None:
        effects = list(effects)
        for effect in effects:
            far_end = self.links.get((dpid, effect.port)) if isinstance(effect, Transmit) else None
            if far_end is not None:
                self._arriving.append((far_end, effect.packet))
        super()._datapath_does(dpid, effects)

    def _run(self) -> None:
        super()._run()
        if self._is_running or self._is_delivering:
            return
        self._is_delivering = True
        while self._arriving:
            (dpid, port), packet = self._arriving.popleft()
            self._hops += not addresses_a_probe(packet)
            if self._hops <= MAX_HOPS:
                self._datapath_does(dpid, self.emulated[dpid].from_port(port, packet, self.now))
                super()._run()
        self._is_delivering = False
