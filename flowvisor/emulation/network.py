"""Datapaths and hosts joined by links; packets go from one to the next without sockets and without time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from attrs import define, field

from flowvisor.emulation.controllers import ControllerId
from flowvisor.emulation.datapath import Effect, EmulatedDatapath, Tell
from flowvisor.emulation.hosts import Host
from flowvisor.emulation.pipeline import Transmit
from flowvisor.openflow.messages import Message

MAX_HOPS: Final = 2_000  # of all packets that one event causes; what is more is a storm, and shed


class Attachment(NamedTuple):
    """A port of a datapath."""

    dpid: int
    port: int


class Told(NamedTuple):
    """A datapath has a message for one of its controllers."""

    dpid: int
    controller: ControllerId
    message: Message


class Listener(Protocol):
    """A controller of one datapath, sans I/O: a message in, messages out."""

    def from_datapath(self, message: Message) -> list[Message]: ...


@define(eq=False)
class Network:
    """What every method returns is what the datapaths have to tell their controllers, in order.

    `shed_packets` counts those that went round and round.
    """

    datapaths: dict[int, EmulatedDatapath] = field(factory=dict, init=False)
    hosts: dict[str, Host] = field(factory=dict, init=False)
    shed_packets: int = field(default=0, init=False)
    _links: dict[Attachment, Attachment] = field(factory=dict, init=False)
    _host_at: dict[Attachment, Host] = field(factory=dict, init=False)
    _place_of: dict[str, Attachment] = field(factory=dict, init=False)

    def add(self, datapath: EmulatedDatapath) -> None:
        self.datapaths[datapath.dpid] = datapath

    def link(self, one: tuple[int, int], other: tuple[int, int]) -> None:
        """Lay a cable between two ports, each (dpid, port)."""
        self._links[Attachment(*one)] = Attachment(*other)
        self._links[Attachment(*other)] = Attachment(*one)

    def attach(self, host: Host, dpid: int, port: int) -> None:
        """Plug a host into a port."""
        self.hosts[host.name] = host
        self._host_at[Attachment(dpid, port)] = host
        self._place_of[host.name] = Attachment(dpid, port)

    def place_of(self, host: Host) -> Attachment:
        return self._place_of[host.name]

    def far_end(self, dpid: int, port: int) -> Attachment | Host | None:
        """What is at the other end of a port's cable."""
        at = Attachment(dpid, port)
        return self._links.get(at) or self._host_at.get(at)

    def send(self, host: Host, packets: Iterable[bytes], now: float) -> list[Told]:
        """A host sends packets; they go wherever flow entries send them."""
        at = self._place_of[host.name]
        return self._deliver(deque((at, packet) for packet in packets), [], now)

    def from_controller(
        self, dpid: int, request: Message | bytes, now: float, controller: ControllerId = 0
    ) -> list[Told]:
        """A controller tells a datapath something."""
        effects = self.datapaths[dpid].from_controller(request, now, controller)
        return self.carry_out(dpid, effects, now)

    def tick(self, now: float) -> list[Told]:
        """Time passes at all datapaths."""
        return [
            told
            for dpid, datapath in self.datapaths.items()
            for told in self.carry_out(dpid, datapath.tick(now), now)
        ]

    def carry_out(self, dpid: int, effects: Iterable[Effect], now: float) -> list[Told]:
        """Carry out a datapath's effects: its packets travel on, its messages are returned."""
        arriving: deque[tuple[Attachment, bytes]] = deque()
        told: list[Told] = []
        self._take(dpid, effects, arriving, told)
        return self._deliver(arriving, told, now)

    def _deliver(self, arriving: deque[tuple[Attachment, bytes]], told: list[Told], now: float) -> list[Told]:
        """Let packets arrive at ports of datapaths, and what they cause, until all is still."""
        for _ in range(MAX_HOPS):
            if not arriving:
                return told
            at, packet = arriving.popleft()
            self._take(at.dpid, self.datapaths[at.dpid].from_port(at.port, packet, now), arriving, told)
        self.shed_packets += len(arriving)
        return told

    def _take(
        self,
        dpid: int,
        effects: Iterable[Effect],
        arriving: deque[tuple[Attachment, bytes]],
        told: list[Told],
    ) -> None:
        for effect in effects:
            match effect:
                case Tell(controller=controller, message=message):
                    told.append(Told(dpid, controller, message))
                case Transmit(port=port, packet=packet):
                    far_end = self.far_end(dpid, port)
                    if isinstance(far_end, Host):
                        at = Attachment(dpid, port)
                        arriving.extend((at, answer) for answer in far_end.receive(packet))
                    elif far_end is not None:
                        arriving.append((far_end, packet))

    def converse(
        self, told: Iterable[Told], listeners: Mapping[tuple[int, ControllerId], Listener], now: float
    ) -> None:
        """Let controllers (by dpid and number) answer what they are told, and so on until all is still."""
        waiting = deque(told)
        while waiting:
            dpid, controller, message = waiting.popleft()
            listener = listeners.get((dpid, controller))
            for answer in [] if listener is None else listener.from_datapath(message):
                waiting.extend(self.from_controller(dpid, answer, now, controller))
