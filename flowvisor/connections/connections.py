"""Every connection, and the one place where effects become I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from random import random as chance
from time import monotonic
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.logger import Logger, LogLevel

from flowvisor.connections.admission import Admission
from flowvisor.connections.controller_protocol import ControllerProtocol
from flowvisor.connections.counters import ConnectionCounters
from flowvisor.connections.datapath_protocol import DatapathFactory, DatapathProtocol
from flowvisor.connections.endpoints import UnsupportedMethod, server_endpoint
from flowvisor.connections.keyring import Keyring
from flowvisor.connections.line import Line, Terms
from flowvisor.connections.peer_protocol import PeerProtocol
from flowvisor.connections.tls import Latest
from flowvisor.hypervisor.effects import (
    CloseChannels,
    Command,
    Effects,
    HangUp,
    Notice,
    OpenChannels,
    PauseReading,
    Peer,
    VirtualSwitchName,
    Wake,
)
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.slices.slice import Slice

WAITING: Final = "waiting"  # why a controller is not read from: much of what it sent waits in the core
RELOADED: Final = "reloaded"  # why a controller is hung up on: the files say otherwise now
# What of a slice says how its controllers are called.
_CALLING: Final = ("controllers", "versions", "switches", "tls", "controller_certificates")
TWISTED_LEVELS: Final = {"warning": "warn"}  # where its names differ from those of logging


class Observer(Protocol):
    """Whoever wants to know what happens, and may not take long."""

    def established(self, protocol: PeerProtocol) -> None: ...
    def gone(self, protocol: PeerProtocol) -> None: ...
    def carried_out(self, command: Command) -> None: ...


class Connections:
    """The shell of one hypervisor. `slices` is whose controllers are called when the core opens channels.

    `keep` writes records into the datapaths' journals; it is called before what they are about is sent.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        hypervisor: Hypervisor,
        slices: Iterable[Slice],
        *,
        keyring: Keyring,
        keep: Callable[[Mapping[int, list[bytes]]], None],
        now: Callable[[], float] = monotonic,
        random: Callable[[], float] = chance,
    ) -> None:
        self.hypervisor = hypervisor
        self.counters = ConnectionCounters()
        self.admission = Admission(hypervisor.configuration.settings)
        self.everyone: set[PeerProtocol] = set()
        self.by_peer: dict[Peer, PeerProtocol] = {}
        self.lines: dict[VirtualSwitchName, list[Line]] = {}
        self.keyring = keyring
        self.observers: list[Observer] = []
        self._slices = {one.name: one for one in slices}
        self._tls = hypervisor.configuration.settings.tls
        self._reactor = reactor
        self._keep = keep
        self._now = now
        self._random = random
        self._ports: list[IListeningPort] = []
        self._half_open: Counter[str] = Counter()  # datapaths' connections, by their origin
        self._leaving: list[Deferred[object]] = []
        self._closing: dict[str, Deferred[object]] = {}  # by methods: listeners that will be free in a moment
        self._all_gone: Deferred[None] | None = None  # while stopping
        self._waking: IDelayedCall | None = None
        self._wakes_at = 0.0

    # What the service calls.

    def listen(self, method: ConnectionMethod) -> Deferred[IListeningPort]:
        """Wait for datapaths; raises or fires with what Twisted says if that cannot be."""
        credentials = self.keyring.of_datapaths()
        shown = credentials and Latest(credentials, lambda: self.keyring.of_datapaths())
        endpoint = server_endpoint(self._reactor, method, shown)
        listening = endpoint.listen(DatapathFactory(self))
        return listening.addCallback(self._listens)

    def tick(self) -> None:
        """To be called every second."""
        now = self.now()
        self.keyring.tick(now)
        for protocol in list(self.everyone):
            protocol.tick(now)
        try:
            self.carry_out(self.hypervisor.tick(now))
        except Exception:
            self.counters.own_errors += 1
            self.log.failure("", event="own_error")

    def probe(self) -> None:
        """To be called ten times a second, if links are looked for."""
        try:
            self.carry_out(self.hypervisor.probe(self.now()))
        except Exception:
            self.counters.own_errors += 1
            self.log.failure("", event="own_error")

    def stop(self) -> Deferred[None]:
        """Hang up on everybody; fires when all are gone. `tick` has to go on until then."""
        self._all_gone = Deferred()
        waits: list[Deferred[Any]] = [maybeDeferred(port.stopListening) for port in self._ports]
        waits += [line.stop("stopping") for lines in self.lines.values() for line in lines]
        self.lines.clear()
        for protocol in list(self.everyone):
            protocol.hang_up("stopping")
        if not self.everyone:
            self._all_gone.callback(None)
        stopped: Deferred[Any] = DeferredList([*waits, *self._leaving, self._all_gone])
        return stopped.addCallback(lambda _: None)

    def renew(self, effects: Effects, keyring: Keyring) -> None:
        """The core has taken other files, with these effects: from now on they count here, too.

        Lines whose terms are the same stay up.
        """
        settings, before = self.hypervisor.configuration.settings, self._slices
        self._slices = {one.name: one for one in self.hypervisor.configuration.slices}
        self.admission, self.keyring = Admission(settings), keyring
        self.carry_out(effects)
        is_all, self._tls = settings.tls != self._tls, settings.tls
        wanted = {
            switch: self._terms_at(switch)
            for switch in self.lines
            if is_all or self._is_called_otherwise(switch.slice_name, before)
        }
        for switch in wanted:  # first all that go: another may want to listen where they did
            lines = self.lines[switch]
            for line in list(lines):
                if line.terms in wanted[switch]:
                    wanted[switch].remove(line.terms)
                else:
                    lines.remove(line)
                    self._stop_line(line, RELOADED)
        for switch, terms in wanted.items():
            self._put_lines(switch, terms)
        for protocol in list(self.by_peer.values()):
            if isinstance(protocol, DatapathProtocol):
                protocol.look_at_admission()

    def queued_bytes(self) -> Counter[tuple[str, str]]:
        """What peers have not taken yet, by side and peer; a controller's channels are added up."""
        queued: Counter[tuple[str, str]] = Counter()
        for protocol in self.by_peer.values():
            queued[protocol.side, protocol.label()] += protocol.outbound.queued_bytes
        return queued

    # What protocols call.

    def now(self) -> float:
        """The time in seconds, which never goes back."""
        return self._now()

    def half_open(self, origin: str | None = None) -> int:
        """How many datapaths have not said yet who they are: all, or those of one origin."""
        return self._half_open.total() if origin is None else self._half_open[origin]

    def opened(self, protocol: PeerProtocol) -> None:
        """A connection was made."""
        self.everyone.add(protocol)
        if isinstance(protocol, DatapathProtocol):
            self._half_open[protocol.origin] += 1
        if self._all_gone is not None:
            protocol.hang_up("stopping")

    def established(self, protocol: PeerProtocol, peer: Peer) -> None:
        """The core knows the peer now; effects may name it."""
        self._is_open(protocol)
        protocol.peer = peer
        self.by_peer[peer] = protocol
        for observer in self.observers:
            observer.established(protocol)
        if isinstance(protocol, ControllerProtocol):
            for datapath in protocol.tenant_channel.datapaths:
                below = self.by_peer.get(datapath)
                if below is not None and below.outbound.is_congested:
                    protocol.pause(below)

    def gone(self, protocol: PeerProtocol) -> None:
        """The connection is no more."""
        self.everyone.discard(protocol)
        if protocol.peer is None:
            self._is_open(protocol)
        else:
            del self.by_peer[protocol.peer]
            for observer in self.observers:
                observer.gone(protocol)
            if isinstance(protocol, DatapathProtocol):
                self._go_on_without(protocol)
        if self._all_gone is not None and not self.everyone and not self._all_gone.called:
            self._all_gone.callback(None)

    def congested(self, protocol: PeerProtocol) -> None:
        """Do not read from those who make what the peer does not take.

        From a datapath everything is read: what it sends goes to many controllers, and one that is slow must
        not delay the others. Its packet-ins are shed where they would queue.
        """
        for one in self._who_load(protocol):
            one.pause(protocol)

    def relieved(self, protocol: PeerProtocol) -> None:
        """Read from them again."""
        for one in self._who_load(protocol):
            one.resume(protocol)

    def carry_out(self, effects: Effects) -> None:
        """Turn effects into I/O: what must be remembered, one write for each peer, then the commands."""
        if effects.records:
            self._keep(effects.records)
        for peer, frames in effects.frames.items():
            protocol = self.by_peer.get(peer)
            if protocol is not None:
                protocol.outbound.send(frames)
        for command in effects.commands:
            self._carry_out(command)
            for observer in self.observers:
                observer.carried_out(command)

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, Notice):
            level = LogLevel.levelWithName(TWISTED_LEVELS.get(command.level, command.level))
            fields: dict[str, Any] = dict(command.fields)
            self.log.emit(level, event=command.event, **fields)
        elif isinstance(command, OpenChannels):
            self._open(command.switch)
        elif isinstance(command, CloseChannels):
            for line in self.lines.pop(command.switch, []):
                self._stop_line(line, command.reason)
        elif isinstance(command, Wake):
            self._wake_at(command.at)
        elif command.peer in self.by_peer:
            protocol = self.by_peer[command.peer]
            if isinstance(command, HangUp):
                protocol.hang_up(command.reason)
            elif isinstance(command, PauseReading):
                protocol.pause(WAITING)
            else:
                protocol.resume(WAITING)

    def _wake_at(self, at: float) -> None:
        """Have the core called again; the earliest of the times that it asked for counts."""
        if self._waking is not None and self._waking.active():
            if self._wakes_at <= at:
                return
            self._waking.cancel()
        self._wakes_at = at
        self._waking = self._reactor.callLater(max(0.0, at - self.now()), self._wake)

    def _wake(self) -> None:
        try:
            # The reactor may have another clock than we.
            self.carry_out(self.hypervisor.wake(max(self.now(), self._wakes_at)))
        except Exception:
            self.counters.own_errors += 1
            self.log.failure("", event="own_error")

    def _open(self, switch: VirtualSwitchName) -> None:
        if self._all_gone is None and switch not in self.lines:
            self.lines[switch] = []
            self._put_lines(switch, self._terms_at(switch))

    def _terms_at(self, switch: VirtualSwitchName) -> list[Terms]:
        """Of all controllers that a virtual switch should have."""
        owner = self._slices.get(switch.slice_name)
        if owner is None:  # its datapath is being hung up on, and then they go, too
            return []
        credentials = self.keyring.of_switch(owner, switch.dpid)
        return [Terms.of(owner, method, credentials) for method in owner.controllers_of(switch.dpid)]

    def _is_called_otherwise(self, name: str, before: Mapping[str, Slice]) -> bool:
        """Whether a slice's controllers may be others than they were, or on other terms."""
        old, new = before.get(name), self._slices.get(name)
        return old is None or new is None or any(getattr(old, one) != getattr(new, one) for one in _CALLING)

    def _put_lines(self, switch: VirtualSwitchName, wanted: Iterable[Terms]) -> None:
        """Let a virtual switch have lines on these terms, besides those that it has."""
        for terms in wanted:
            method = terms.method
            try:
                line = Line(
                    self._reactor,
                    self,
                    switch=switch,
                    terms=terms,
                    random=self._random,
                    after=self._closing.pop(str(method), None) if method.port != 0 else None,
                )
                self.lines[switch].append(line)
            except UnsupportedMethod as error:
                reason = str(error)
                self.log.error(event="controller_unsupported", slice=switch.slice_name, reason=reason)

    def _stop_line(self, line: Line, reason: str) -> None:
        stopping = line.stop(reason)
        self._leave(stopping)
        if line.method.is_passive and not stopping.called:
            self._closing[line.controller] = stopping

    def _is_open(self, protocol: PeerProtocol) -> None:
        """One less that is half open."""
        if isinstance(protocol, DatapathProtocol):
            self._half_open[protocol.origin] -= 1
            if not self._half_open[protocol.origin]:
                del self._half_open[protocol.origin]

    def _leave(self, leaving: Deferred[object]) -> None:
        self._leaving.append(leaving)
        leaving.addBoth(lambda _: self._leaving.remove(leaving))

    def _listens(self, port: IListeningPort) -> IListeningPort:
        self._ports.append(port)
        return port

    def _who_load(self, protocol: PeerProtocol) -> list[PeerProtocol]:
        if isinstance(protocol, ControllerProtocol):
            return [protocol]
        return [
            one
            for one in self.by_peer.values()
            if isinstance(one, ControllerProtocol)
            and any(self.by_peer.get(datapath) is protocol for datapath in one.tenant_channel.datapaths)
        ]

    def _go_on_without(self, datapath: DatapathProtocol) -> None:
        """Controllers whose channels do not close with a datapath are read from again, should it have been slow."""
        for one in self.by_peer.values():
            if isinstance(one, ControllerProtocol):
                one.resume(datapath)
