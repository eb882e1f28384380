"""One request, two datapaths: Open vSwitch and the emulated one, told the same and asked what they make of it."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, frozen

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.emulation.pipeline import Transmit
from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import Output
from flowvisor.openflow.frame import FrameCutter
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.openflow.versions import codec
from tests.system.support.frames import Wire
from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.processes import wait_until

PORTS = (1, 2, 3, 4)
TIMEOUT_SECONDS = 10.0
DPID = 0xD1FF
MARKER = bytes([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xB6]) + b"what was to come out has come".ljust(46)


@frozen
class Answers:
    """What a datapath did: the errors of each request, what it told and asked unasked, what left by which port."""

    errors: list[tuple[int, tuple[int, int]]]  # the request's number, type and code
    replies: list[m.Message]
    events: list[m.Message]
    sent: list[tuple[int, bytes]]


class Bridge:
    """A bridge of Open vSwitch, spoken to at its management socket; each port's far end is listened to."""

    def __init__(self, switch: OpenVSwitch, folder: Path, namespace: Namespace, name: str) -> None:
        self._path = folder / f"{name}.mgmt"
        self._wires = {port: Wire(namespace, f"q{port}") for port in PORTS}
        self._sockets: dict[int, tuple[socket.socket, FrameCutter, deque[bytes]]] = {}

    def _channel(self, version: int) -> tuple[socket.socket, FrameCutter, deque[bytes]]:
        if version not in self._sockets:
            channel = socket.socket(socket.AF_UNIX)
            channel.settimeout(TIMEOUT_SECONDS)
            channel.connect(str(self._path))
            channel.sendall(codec(version).encode(m.Hello(version=version)))
            self._sockets[version] = channel, FrameCutter(), deque()
            hello = self._next(version)
            assert hello[1] == 0, hello
        return self._sockets[version]

    def _next(self, version: int) -> bytes:
        channel, cutter, waiting = self._channel(version)
        while not waiting:
            waiting.extend(cutter.feed(channel.recv(1 << 20)))
        return bytes(waiting.popleft())

    def tell(self, version: int, requests: Sequence[m.Message]) -> Answers:
        """Send requests, and a barrier behind them."""
        wire = codec(version)
        frames = [wire.encode(evolve(one, xid=number)) for number, one in enumerate(requests, 1)]
        # What is told of packets comes after the barrier; what is told of the last packet comes last.
        to_all = tuple(Output(port, 0xFFFF) for port in (*PORTS, CONTROLLER))
        marker = wire.encode(m.PacketOut(actions=to_all, data=MARKER))
        barrier = wire.encode(m.BarrierRequest(xid=len(frames) + 1))
        self._channel(version)[0].sendall(b"".join((*frames, barrier, marker)))
        answers = Answers([], [], [], [])
        while True:
            frame = self._next(version)
            message = wire.decode(frame)
            if isinstance(message, m.PacketIn) and message.data == MARKER:
                break
            _sort(message, answers)
        for port in PORTS:
            answers.sent.extend((port, packet) for packet in self._arrived(port))
        return answers

    def _arrived(self, port: int) -> list[bytes]:
        """What came out of a port before the marker."""
        arrived: list[bytes] = []
        wait_until(
            lambda: arrived.extend(self._wires[port].arrived()) or MARKER in arrived,
            what=f"the marker at port {port}",
            pause_seconds=0.0005,
        )
        arrived.remove(MARKER)
        return arrived

    def close(self) -> None:
        for channel, _, _ in self._sockets.values():
            channel.close()
        for wire in self._wires.values():
            wire.close()


def _sort(message: m.Message, answers: Answers) -> None:
    if isinstance(message, m.Error):
        answers.errors.append((message.xid, message.error))
    elif isinstance(message, m.PacketIn):
        answers.events.append(message)
    elif not isinstance(
        message, (m.FlowRemoved, m.BarrierReply)
    ):  # Open vSwitch tells of these when it has nothing else to do
        answers.replies.append(message)


class Twin:
    """The emulated datapath, told the same way."""

    def __init__(self, version: int) -> None:
        self._datapath = EmulatedDatapath(DPID, version, PORTS)
        self._datapath.connect()
        self._version = version

    def tell(self, requests: Sequence[m.Message]) -> Answers:
        wire = codec(self._version)
        answers = Answers([], [], [], [])
        for number, one in enumerate(requests, 1):
            for effect in self._datapath.from_controller(wire.encode(evolve(one, xid=number)), 0.0):
                if isinstance(effect, Transmit):
                    answers.sent.append((effect.port, effect.packet))
                elif isinstance(effect, Tell):
                    _sort(wire.decode(wire.encode(effect.message)), answers)
        return answers
