"""A datapath's connection: it dialled us, and to it we are the controller."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import LogLevel

from flowvisor.configuration.snapshot import MAX_HALF_OPEN
from flowvisor.connections.addresses import origin_of, text_of
from flowvisor.connections.counters import DATAPATH
from flowvisor.connections.peer_protocol import PeerProtocol, Shell
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Datapath
from flowvisor.network.dpid import format_dpid
from flowvisor.openflow.channel import Channel, Established
from flowvisor.openflow.legality import Role
from flowvisor.openflow.versions import SUPPORTED


class DatapathProtocol(PeerProtocol):
    """Southbound."""

    side = DATAPATH
    failures_are = LogLevel.warn
    datapath: Datapath  # once established

    def __init__(self, shell: Shell, address: IAddress | None) -> None:
        super().__init__(shell, Channel(Role.CONTROLLER, SUPPORTED))
        self.address = text_of(address)
        self.origin = origin_of(address)

    def join(self, event: Established, now: float) -> Effects:
        assert event.features is not None
        refusal = self.shell.admission.refusal(event.features.dpid, self.certificate)
        if refusal is not None:
            self.turn_away(refusal, event.version, dpid=event.features.dpid)
            return Effects(now)
        self.datapath, effects = self.shell.hypervisor.datapath_joined(event.version, event.features, now)
        self.shell.established(self, self.datapath)
        counters = self.shell.counters
        counters.datapath_connects[counters.counted_dpid(self.datapath.dpid)] += 1
        return effects

    def look_at_admission(self) -> None:
        """The files are others: hang up on a datapath that may not be here any more."""
        refusal = self.shell.admission.refusal(self.datapath.dpid, self.certificate)
        if refusal is not None:
            self.log.warn(event="datapath_not_admitted", reason=refusal, **self.name())
            self.hang_up(refusal)

    def take(self, frames: list[bytes], now: float) -> Effects:
        return self.shell.hypervisor.from_datapath(self.datapath, frames, now)

    def leave(self, now: float) -> Effects:
        return self.shell.hypervisor.datapath_left(self.datapath, now)

    def name(self) -> dict[str, Any]:
        return {"dpid": self.datapath.dpid} if self.is_established else {"address": self.address}

    def label(self) -> str:
        return format_dpid(self.datapath.dpid)

    def gone(self, reason: str) -> None:
        if self.is_established:
            counters = self.shell.counters
            counters.datapath_disconnects[counters.counted_dpid(self.datapath.dpid), reason] += 1

    def packet_ins_shed(self, count: int) -> None:
        raise AssertionError("no packet-in is sent to a datapath")


class DatapathFactory(Factory):
    """Makes the protocols of one listener's connections."""

    noisy = False

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def buildProtocol(self, addr: IAddress | None) -> DatapathProtocol | None:
        """A new connection; none where too many have not said yet who they are."""
        shell = self._shell
        reason = None
        if shell.half_open() >= MAX_HALF_OPEN:
            reason = "too-many"
        elif shell.half_open(origin_of(addr)) >= shell.admission.max_half_open_per_address:
            reason = "too-many-of-address"
        if reason is None:
            return DatapathProtocol(shell, addr)
        shell.counters.handshake_failures[DATAPATH, reason] += 1
        return None
