"""The shell without a socket: real connections, hypervisor and channels, on a clock and in memory."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.connections.datapath_protocol import DatapathFactory
from flowvisor.connections.keyring import Keyring
from flowvisor.connections.peer_protocol import PeerProtocol
from flowvisor.connections.reloading import Outcome, Reloading
from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.channel import Channel, Closed, Frames, Send
from flowvisor.openflow.legality import Role
from flowvisor.openflow.messages import FlowMod, Message
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.openflow.versions import SUPPORTED, codec
from flowvisor.planning.allocation import Allocations
from tests.support.tunnel import Tunnel
from tests.support.world import a_slice, configuration, ports

TO_CONTROLLER = FlowMod(priority=0, instructions=(ApplyActions((Output(CONTROLLER, 0xFFFF),)),))


class Wire(StringTransport):
    """What TLS takes for a TCP connection."""

    def setTcpNoDelay(self, enabled: bool) -> None: ...  # noqa: N802


class FarEnd:
    """Whoever is at the other end of one of our connections: bytes, and if it speaks OpenFlow a channel."""

    def __init__(
        self, shell: Shell, protocol: Any, channel: Channel | None = None, tunnel: Tunnel | None = None
    ) -> None:
        self.shell = shell
        self.tunnel = tunnel
        self.protocol = protocol  # as Twisted's wrappers see it
        self.near = unwrapped(protocol)
        self.channel = channel
        self.transport = Wire()
        self.frames: list[bytes] = []
        self.closed: Closed | None = None
        self.is_connected = True
        protocol.makeConnection(self.transport)
        if channel is not None:
            self._react(channel.begin(shell.now))

    def write(self, data: bytes) -> None:
        """The far end sends bytes."""
        if self.tunnel is not None:
            data = self.tunnel.send(data)
        if self.is_connected and (data or self.tunnel is None):
            self.protocol.dataReceived(data)

    def say(self, *messages: Message) -> None:
        """The far end sends messages on its established channel."""
        assert self.channel is not None
        self.write(b"".join(codec(self.channel.version).encode(message) for message in messages))

    def take(self) -> bytes:
        """What we have written since."""
        data = self.transport.value()
        self.transport.clear()
        return data

    def hang_up(self) -> None:
        """The connection closes."""
        if self.is_connected:
            self.is_connected = False
            self.protocol.connectionLost(Failure(ConnectionDone()))

    def stall(self) -> None:
        """The far end reads no more, and our socket is full."""
        self.transport.producer.pauseProducing()

    def flow(self) -> None:
        """The far end reads again."""
        if self.transport.producer is not None:
            self.transport.producer.resumeProducing()

    @property
    def is_read(self) -> bool:
        """Do we read what it sends?"""
        return self.transport.producerState == "producing"

    def pump(self) -> bool:
        """Carry what we have written to the far end, and what it answers back; was there anything?"""
        if not self.is_connected:
            return False
        data = self.take() if self.channel is not None else b""
        if data:
            self._receive(data)
        elif self.transport.disconnecting:
            self.hang_up()
            return True
        return bool(data)

    def _receive(self, data: bytes) -> None:
        assert self.channel is not None
        if self.tunnel is not None:
            data = self.tunnel.receive(data)
            if answer := self.tunnel.send(b""):
                self.protocol.dataReceived(answer)
        self._react(self.channel.feed(data, self.shell.now))

    def _react(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, Send):
                self.write(event.frame)
            elif isinstance(event, Frames):
                for frame in event.frames:
                    self.received(frame)
            elif isinstance(event, Closed):
                self.closed = event

    def received(self, frame: bytes) -> None:
        """A whole frame has come; to be told apart by those who answer."""
        self.frames.append(frame)


def unwrapped(protocol: Any) -> PeerProtocol:
    """Our own protocol, without Twisted's wrappers."""
    while not isinstance(protocol, PeerProtocol):
        names = ("_wrappedProtocol", "wrappedProtocol", "_protocol")
        protocol = next(vars(protocol)[name] for name in names if name in vars(protocol))
    return protocol


class FarDatapath(FarEnd):
    """An emulated datapath behind one of our connections."""

    def __init__(
        self, shell: Shell, emulated: EmulatedDatapath, factory: Any, tunnel: Tunnel | None = None
    ) -> None:
        self.emulated = emulated
        versions = frozenset({emulated.version})
        super().__init__(shell, factory.buildProtocol(None), Channel(Role.DATAPATH, versions), tunnel)

    def received(self, frame: bytes) -> None:
        super().received(frame)
        self.carry(self.emulated.from_controller(frame, self.shell.now))

    def packet(self, port: int, data: bytes) -> None:
        """A host at a port sends."""
        self.carry(self.emulated.from_port(port, data, self.shell.now))

    def carry(self, effects: Any) -> None:
        """Tell the hypervisor what the datapath tells its controller."""
        for effect in effects:
            if isinstance(effect, Tell):
                self.write(codec(self.emulated.version).encode(effect.message))


class Shell:
    """Connections of one hypervisor, and everybody at their far ends."""

    def __init__(self, of: Configuration | None = None) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.configuration = of or configuration(
            a_slice("blue", ports(2)), a_slice("red", ports(1), tables=4)
        )
        self.hypervisor = Hypervisor(self.configuration, Allocations(), {})
        self.kept: list[dict[int, list[bytes]]] = []  # what went into journals
        self.connections = Connections(
            self.reactor,
            self.hypervisor,
            self.configuration.slices,
            keyring=Keyring(self.configuration),
            keep=self.kept.append,
            now=self.reactor.seconds,
            random=lambda: 0.5,
        )
        # What is read at a reload; raised if it is an error, called if it reads by itself.
        self.files: Any = self.configuration
        self.kept_allocations: list[Allocations] = []
        self.reloading = Reloading(
            self.connections,
            read=self._read_files,
            keep=self.kept_allocations.append,
            in_thread=maybeDeferred,
            now=lambda: 1795339800.0 + self.now,
        )
        self.southbound = DatapathFactory(self.connections)
        self.far_ends: list[FarEnd] = []
        self._taken_calls = 0

    def _read_files(self) -> Configuration:
        if isinstance(self.files, Exception):
            raise self.files
        read: Configuration = self.files() if callable(self.files) else self.files
        return read

    def reload(self, files: Configuration | Exception) -> Outcome:
        """Other files are read, and everything settles."""
        self.files = files
        outcomes: list[Outcome] = []
        self.reloading.reload().addCallback(outcomes.append)
        self.settle()
        return outcomes[0]

    @property
    def now(self) -> float:
        """What our clocks show."""
        return float(self.reactor.seconds())

    def settle(self) -> None:
        """Carry bytes until nobody has anything to say."""
        self.reactor.advance(0)
        while any(far_end.pump() for far_end in self.far_ends):
            self.reactor.advance(0)

    def connect(self, address: str = "192.0.2.1") -> FarEnd:
        """Somebody connects where datapaths do, and says nothing yet."""
        far_end = FarEnd(self, self.southbound.buildProtocol(IPv4Address("TCP", address, 4711)))
        self.far_ends.append(far_end)
        return far_end

    def datapath(
        self,
        dpid: int = 1,
        version: int = 4,
        ports: tuple[int, ...] = (1, 2, 3),
        *,
        context: SSL.Context | None = None,
        factory: Any = None,
    ) -> FarDatapath:
        """A datapath connects and is set up; with TLS where it has a context, and `factory` listens with TLS."""
        emulated = EmulatedDatapath(dpid, version, ports=ports)
        tunnel = None if context is None else Tunnel(context, dials=True)
        far_end = FarDatapath(self, emulated, factory or self.southbound, tunnel)
        self.far_ends.append(far_end)
        self.settle()
        return far_end

    @property
    def calls(self) -> int:
        """How often a controller was dialled."""
        return len(self.reactor.tcpClients)

    def controller(self, *, speaks: bool = True, context: SSL.Context | None = None) -> FarEnd:
        """The next controller that was dialled takes the call; one that speaks finishes the handshake."""
        factory = self.reactor.tcpClients[self._taken_calls][2]
        self._taken_calls += 1
        channel = Channel(Role.CONTROLLER, SUPPORTED) if speaks else None
        tunnel = None if context is None else Tunnel(context, dials=False)
        far_end = FarEnd(self, factory.buildProtocol(None), channel, tunnel)
        self.far_ends.append(far_end)
        if speaks:
            self.settle()
        return far_end

    def caller(
        self,
        place: int = 0,
        *,
        speaks: bool = True,
        address: str = "192.0.2.1",
        context: SSL.Context | None = None,
    ) -> FarEnd:
        """A controller calls us where we listen; one that speaks finishes the handshake."""
        protocol = self.reactor.tcpServers[place][1].buildProtocol(IPv4Address("TCP", address, 4711))
        tunnel = None if context is None else Tunnel(context, dials=True)
        far_end = FarEnd(self, protocol, Channel(Role.CONTROLLER, SUPPORTED) if speaks else None, tunnel)
        self.far_ends.append(far_end)
        if speaks:
            self.settle()
        return far_end

    def pass_time(self, seconds: float) -> None:
        """Let time pass, second by second."""
        for _ in range(round(seconds)):
            self.reactor.advance(1)
            self.connections.tick()
            self.settle()
            for far_end in self.far_ends:
                if far_end.channel is not None and far_end.is_connected:
                    far_end._react(far_end.channel.tick(self.now))
            self.settle()
