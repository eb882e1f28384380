"""The emulated network and the learning controller over TCP: the only sockets that emulation has."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any, Final

from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from flowvisor.emulation.hosts import Host
from flowvisor.emulation.learning_switch import LearningSwitch
from flowvisor.emulation.network import Network, Told
from flowvisor.errors import MalformedMessage
from flowvisor.openflow.channel import Channel, Closed, Established, Event, Frames, Send
from flowvisor.openflow.legality import Role
from flowvisor.openflow.messages import FeaturesReply, Message
from flowvisor.openflow.versions import codec

TICK_SECONDS: Final = 1.0
FIRST_RETRY_SECONDS: Final = 0.1
LONGEST_RETRY_SECONDS: Final = 2.0


class ChannelProtocol(Protocol):
    """One connection's bytes go through a channel. Subclasses say what is done with messages."""

    def __init__(self, reactor: Any, channel: Channel) -> None:
        self._reactor = reactor
        self.channel = channel
        self._ticking = LoopingCall(lambda: self._carry_out(channel.tick(self.now())))
        self._ticking.clock = reactor

    def now(self) -> float:
        seconds: float = self._reactor.seconds()
        return seconds

    def send(self, message: Message) -> None:
        self._write(codec(self.channel.version).encode(message))

    def _write(self, frame: bytes) -> None:
        assert self.transport is not None
        self.transport.write(frame)

    def hang_up(self) -> None:
        """Close the connection after what is to be sent."""
        assert self.transport is not None
        self.transport.loseConnection()

    def established(self, features: FeaturesReply | None) -> None:
        """The channel is up."""

    def received(self, frame: bytes) -> None:
        """The peer sent a frame; MalformedMessage is answered."""

    def lost(self) -> None:
        """The channel is gone, if it was ever up."""

    def connectionMade(self) -> None:
        self._carry_out(self.channel.begin(self.now()))
        self._ticking.start(TICK_SECONDS, now=False)

    def dataReceived(self, data: bytes) -> None:
        self._carry_out(self.channel.feed(data, self.now()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._ticking.running:
            self._ticking.stop()
        if self.channel.version:
            self.lost()

    def _carry_out(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case Send(frame=frame):
                    self._write(frame)
                case Established(features=features):
                    self.established(features)
                case Frames(frames=frames):
                    for frame in frames:
                        self._receive(frame)
                case Closed():
                    self.hang_up()

    def _receive(self, frame: bytes) -> None:
        try:
            self.received(frame)
        except MalformedMessage as error:
            pair = (error.error_type, error.error_code)
            self._carry_out(self.channel.refuse(frame, pair, self.now()))


class DatapathProtocol(ChannelProtocol):
    """A datapath's end of a channel. The datapath itself answers what is malformed."""

    def __init__(self, running: RunningNetwork, dpid: int, number: int) -> None:
        version = running.network.datapaths[dpid].version
        super().__init__(running.reactor, Channel(Role.DATAPATH, frozenset({version})))
        self._running = running
        self.dpid = dpid
        self.number = number

    def established(self, features: FeaturesReply | None) -> None:
        self._running.network.datapaths[self.dpid].connect(self.number)
        self._running.connections[self.dpid, self.number] = self

    def received(self, frame: bytes) -> None:
        network = self._running.network
        self._running.tell(network.from_controller(self.dpid, frame, self.now(), self.number))

    def lost(self) -> None:
        self._running.network.datapaths[self.dpid].disconnect(self.number)
        self._running.connections.pop((self.dpid, self.number), None)


class _DatapathFactory(Factory):
    noisy = False

    def __init__(self, running: RunningNetwork, dpid: int) -> None:
        self._running = running
        self._dpid = dpid

    def buildProtocol(self, addr: IAddress | None) -> DatapathProtocol:
        return DatapathProtocol(self._running, self._dpid, next(self._running.numbers))


class RunningNetwork:
    """A network whose datapaths dial controllers, and dial again when a connection is lost."""

    def __init__(self, reactor: Any, network: Network) -> None:
        self.reactor = reactor
        self.network = network
        self.numbers = count(1)
        self.connections: dict[tuple[int, int], DatapathProtocol] = {}  # by dpid and number
        self._dialling: list[ClientService] = []
        self._ticking = LoopingCall(lambda: self.tell(network.tick(reactor.seconds())))
        self._ticking.clock = reactor

    def start(self) -> None:
        self._ticking.start(TICK_SECONDS, now=False)

    def connect(self, dpid: int, host: str, port: int) -> None:
        """Have a datapath dial a controller from now on."""
        endpoint = TCP4ClientEndpoint(self.reactor, host, port)
        service = ClientService(
            endpoint, _DatapathFactory(self, dpid), retryPolicy=_retry_seconds, clock=self.reactor
        )
        self._dialling.append(service)
        service.startService()

    def stop(self) -> Deferred[Any]:
        """Hang up and dial no more; fires when all is closed."""
        if self._ticking.running:
            self._ticking.stop()
        stopping = [service.stopService() for service in self._dialling]
        self._dialling.clear()
        return DeferredList(stopping)

    def send(self, host: Host, packets: Iterable[bytes]) -> None:
        """Have a host send packets."""
        self.tell(self.network.send(host, packets, self.reactor.seconds()))

    def tell(self, told: Iterable[Told]) -> None:
        """Send what datapaths have to say to their controllers; who is not there hears nothing."""
        for each in told:
            connection = self.connections.get((each.dpid, each.controller))
            if connection is not None:
                connection.send(each.message)

    @property
    def connected_datapaths(self) -> set[int]:
        return {dpid for dpid, _ in self.connections}


def _retry_seconds(failures: int) -> float:
    return min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures, 10))


class LearningProtocol(ChannelProtocol):
    """The learning controller's end of a channel."""

    def __init__(self, controller: LearningController) -> None:
        super().__init__(controller.reactor, Channel(Role.CONTROLLER, controller.versions))
        self._controller = controller
        self._switch: LearningSwitch | None = None

    def established(self, features: FeaturesReply | None) -> None:
        assert features is not None
        self._switch = LearningSwitch(self.channel.version)
        self._controller.connections[self] = features.dpid
        for message in self._switch.begin():
            self.send(message)

    def received(self, frame: bytes) -> None:
        if self._switch is not None:
            for answer in self._switch.from_datapath(codec(self.channel.version).decode(frame)):
                self.send(answer)

    def lost(self) -> None:
        self._controller.connections.pop(self, None)


class LearningController(Factory):
    """A learning controller that listens for datapaths; `connections` holds who is there, by dpid."""

    noisy = False

    def __init__(self, reactor: Any, versions: frozenset[int]) -> None:
        self.reactor = reactor
        self.versions = versions
        self.connections: dict[LearningProtocol, int] = {}
        self.port: IListeningPort | None = None

    @property
    def dpids(self) -> set[int]:
        """The datapaths that are connected."""
        return set(self.connections.values())

    def buildProtocol(self, addr: IAddress | None) -> LearningProtocol:
        return LearningProtocol(self)

    def listen(self, host: str, port: int) -> Deferred[IListeningPort]:
        """Listen; fails with CannotListenError."""
        listening: Deferred[IListeningPort] = TCP4ServerEndpoint(self.reactor, port, interface=host).listen(
            self
        )
        return listening.addCallback(self._listens)

    def _listens(self, port: IListeningPort) -> IListeningPort:
        self.port = port
        return port

    def stop(self) -> Deferred[Any]:
        """Hang up on everybody and listen no more."""
        for connection in list(self.connections):
            connection.hang_up()
        stopping = None if self.port is None else self.port.stopListening()
        self.port = None
        return DeferredList([] if stopping is None else [stopping])
