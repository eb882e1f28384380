"""OpenFlow over plain sockets, for tests that need a peer to do just this and nothing else."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.channel import Channel, Closed, Frames, Send
from flowvisor.openflow.frame import PACKET_IN
from flowvisor.openflow.legality import Role
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.openflow.v13 import VERSION, encode

HOST = "127.0.0.1"
MISS = encode(FlowMod(priority=0, instructions=(ApplyActions((Output(CONTROLLER, 0xFFFF),)),)))


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Speaker:
    """One end of a channel in a thread of its own."""

    def __init__(self, connection: socket.socket, role: Role) -> None:
        self.connection = connection
        self.is_open = True
        self._channel = Channel(role, frozenset({VERSION}))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def write(self, data: bytes) -> None:
        self.connection.sendall(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.connection.close()

    def take(self, frame: bytes) -> None:
        """A frame has come."""

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self._react(self._channel.begin(time.monotonic()))
            while data := self.connection.recv(1 << 18):
                self._react(self._channel.feed(data, time.monotonic()))
        self.is_open = False

    def _react(self, events: list[object]) -> None:
        for event in events:
            if isinstance(event, Send):
                self.write(event.frame)
            elif isinstance(event, Frames):
                for frame in event.frames:
                    self.take(frame)
            elif isinstance(event, Closed):
                raise AssertionError(event.reason)


class DatapathSpeaker(Speaker):
    """An emulated datapath that has dialled the hypervisor."""

    def __init__(self, port: int, emulated: EmulatedDatapath) -> None:
        super().__init__(socket.create_connection((HOST, port)), Role.DATAPATH)
        self._emulated = emulated
        self.start()

    def take(self, frame: bytes) -> None:
        for effect in self._emulated.from_controller(frame, time.monotonic()):
            if isinstance(effect, Tell):
                self.write(encode(effect.message))

    def packet_in(self, port: int, packet: bytes) -> bytes:
        """What the datapath tells its controller of a packet; it is for the test to write it."""
        (told,) = self._emulated.from_port(port, packet, time.monotonic())
        assert isinstance(told, Tell)
        return encode(told.message)


class ControllerSpeaker(Speaker):
    """A controller that wants every packet, counts those it gets, and reads only while it may."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection, Role.CONTROLLER)
        self.packet_ins = 0
        self._may_read = threading.Event()
        self._may_read.set()
        self.start()

    def stall(self) -> None:
        """Read nothing from now on."""
        self._may_read.clear()

    def go_on(self) -> None:
        self._may_read.set()

    def take(self, frame: bytes) -> None:
        self.packet_ins += frame[1] == PACKET_IN
        self._may_read.wait()

    def close(self) -> None:
        self.go_on()
        super().close()


class ControllerListener:
    """Where the hypervisor dials a controller; `answer` makes something of every call."""

    def __init__(self, answer: Callable[[socket.socket], ControllerSpeaker]) -> None:
        self.port = free_port()
        self.speakers: list[ControllerSpeaker] = []
        self._answer = answer
        self._listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.speakers.append(self._answer(connection))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for speaker in self.speakers:
            speaker.close()
