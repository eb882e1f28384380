"""A connection to a tenant's controller: to it we are a datapath, the slice's virtual switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import LogLevel

from flowvisor.connections.addresses import origin_of, text_of
from flowvisor.connections.counters import CONTROLLER
from flowvisor.connections.peer_protocol import PeerProtocol, Shell
from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from flowvisor.hypervisor.peers import Channel as ControllersChannel
from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.openflow.channel import Channel, Established
from flowvisor.openflow.legality import Role

QUEUE_FULL: Final = "queue-full"
MAX_CALLS: Final = 16  # connections at once on one line; only controllers that dial us can come near it
MAX_SILENT_CALLS: Final = 8  # of them from one address, of those that have not said HELLO yet


class ControllerProtocol(PeerProtocol):
    """Northbound."""

    side = CONTROLLER
    failures_are = LogLevel.info  # its line says once, and louder, what many attempts come to
    tenant_channel: ControllersChannel  # once established

    def __init__(self, shell: Shell, factory: ControllerFactory, address: IAddress | None) -> None:
        super().__init__(shell, Channel(Role.DATAPATH, factory.versions))
        self.address = text_of(address)
        self.origin = origin_of(address)
        self.switch = factory.switch
        self.controller = factory.controller
        self._factory = factory

    def join(self, event: Established, now: float) -> Effects:
        pins = self._factory.pins
        if pins and not (self.certificate and any(pin.fits(self.certificate) for pin in pins)):
            self.turn_away("wrong-certificate", event.version)
            return Effects(now)
        try:
            self.tenant_channel, effects = self.shell.hypervisor.controller_joined(
                self.switch, self.controller, event.version, now
            )
        except KeyError:  # the datapath left, and this channel is about to be closed
            self.hang_up("no-switch")
            return Effects(now)
        self._factory.established()
        self.shell.counters.controller_connects[self.switch.slice_name, self.controller] += 1
        self.shell.established(self, self.tenant_channel)
        return effects

    def take(self, frames: list[bytes], now: float) -> Effects:
        return self.shell.hypervisor.from_controller(self.tenant_channel, frames, now)

    def leave(self, now: float) -> Effects:
        return self.shell.hypervisor.controller_left(self.tenant_channel, now)

    def handshake_failed(self, reason: str, **fields: object) -> None:
        super().handshake_failed(reason, address=self.address, **fields)
        self._factory.refused(reason)

    def name(self) -> dict[str, Any]:
        return {"slice": self.switch.slice_name, "dpid": self.switch.dpid, "controller": self.controller}

    def label(self) -> str:
        return f"{self.switch.slice_name} {self.controller}"

    def gone(self, reason: str) -> None:
        self._factory.protocols.discard(self)
        if self.is_established:
            key = (self.switch.slice_name, self.controller, reason)
            self.shell.counters.controller_disconnects[key] += 1

    def packet_ins_shed(self, count: int) -> None:
        shed = self.tenant_channel.counters.shed
        shed[QUEUE_FULL] = shed.get(QUEUE_FULL, 0) + count


class ControllerFactory(Factory):
    """Makes the protocols of one virtual switch and controller, who shows one of the certificates of `pins`."""

    noisy = False

    def __init__(
        self,
        shell: Shell,
        *,
        switch: VirtualSwitchName,
        controller: str,
        versions: frozenset[int],
        pins: tuple[CertificatePin, ...],
        established: Callable[[], None],
        refused: Callable[[str], None],
    ) -> None:
        self._shell = shell
        self.switch = switch
        self.controller = controller
        self.versions = versions
        self.pins = pins
        self.established = established
        self.refused = refused
        self.protocols: set[ControllerProtocol] = set()

    def buildProtocol(self, addr: IAddress | None) -> ControllerProtocol | None:
        """A connection was made; one that is too many is closed at once."""
        origin = origin_of(addr)
        silent = sum(not one.is_established and one.origin == origin for one in self.protocols)
        reason = None
        if len(self.protocols) >= MAX_CALLS:
            reason = "too-many"
        elif silent >= MAX_SILENT_CALLS:
            reason = "too-many-of-address"
        if reason is not None:
            self._shell.counters.handshake_failures[CONTROLLER, reason] += 1
            return None
        protocol = ControllerProtocol(self._shell, self, addr)
        self.protocols.add(protocol)
        return protocol
