"""A controller's side of a conversation, step by step: what it sends, and all that it hears until that is settled."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Sequence

from attrs import evolve, field, frozen

from flowvisor.errors import MalformedMessage
from flowvisor.openflow import messages as m
from flowvisor.openflow.hello import encode_hello
from flowvisor.openflow.versions import codec
from tests.system.support.frames import Wire

HEAR_SECONDS = 5.0
QUIET_SECONDS = 0.08  # after what was waited for, for what should not come

Said = m.Message | bytes


@frozen
class Step:
    """Something that a controller says, or that hosts send; `heard` is how many messages that brings unasked.

    `seconds` is waited for first.
    """

    name: str
    says: Sequence[Said] = ()
    packets: Sequence[tuple[int, bytes]] = ()
    unasked: int = 0
    seconds: float = 0.0
    outputs: int = field(default=0, kw_only=True)  # packets that come out at hosts


@frozen
class Told:
    """What came of a step: messages in order, and (port, packet) at hosts."""

    messages: list[m.Message]
    packets: list[tuple[int, bytes]]


class Conversation:
    """One channel, on which the controller has accepted a call."""

    def __init__(self, connection: socket.socket, version: int, wires: dict[int, Wire]) -> None:
        self.version = version
        self._codec = codec(version)
        self._connection = connection
        self._connection.settimeout(HEAR_SECONDS)
        self._wires = wires
        self._data = b""
        self._barrier = 0x7F00_0000
        self._write(encode_hello(m.Hello(version=version)))
        assert isinstance(self._hear(), m.Hello)

    def hold(self, steps: Sequence[Step]) -> dict[str, Told]:
        """Go through all steps."""
        return {step.name: self._step(step) for step in steps}

    def _step(self, step: Step) -> Told:
        time.sleep(step.seconds)
        for wire in self._wires.values():
            wire.arrived()
        for said in step.says:
            self._write(said if isinstance(said, bytes) else self._codec.encode(said))
        heard = self._settle()
        for port, packet in step.packets:
            self._wires[port].send(packet)
        deadline = time.monotonic() + HEAR_SECONDS
        while len([one for one in heard if _is_unasked(one)]) < step.unasked and time.monotonic() < deadline:
            heard += self._hear_all(0.1)
        packets: list[tuple[int, bytes]] = []
        while len(packets) < step.outputs and time.monotonic() < deadline:
            time.sleep(0.01)
            packets += self._arrived()
        if step.packets or step.unasked:
            heard += self._hear_all(QUIET_SECONDS)
        return Told([*heard, *self._settle()], [*packets, *self._arrived()])

    def _arrived(self) -> list[tuple[int, bytes]]:
        return [(port, packet) for port, wire in self._wires.items() for packet in wire.arrived()]

    def _settle(self) -> list[m.Message]:
        """Everything until a barrier of our own is answered."""
        self._barrier += 1
        self._write(self._codec.encode(m.BarrierRequest(xid=self._barrier)))
        heard: list[m.Message] = []
        while True:
            message = self._hear()
            if isinstance(message, m.BarrierReply) and message.xid == self._barrier:
                return heard
            heard.append(message)

    def _hear_all(self, seconds: float) -> list[m.Message]:
        heard = []
        self._connection.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            while True:
                heard.append(self._hear())
        self._connection.settimeout(HEAR_SECONDS)
        return heard

    def _hear(self) -> m.Message:
        while True:
            while len(self._data) < 8 or len(self._data) < int.from_bytes(self._data[2:4], "big"):
                received = self._connection.recv(1 << 18)
                assert received, "hung up"
                self._data += received
            length = int.from_bytes(self._data[2:4], "big")
            frame, self._data = self._data[:length], self._data[length:]
            try:
                message = self._codec.decode(frame)
            except MalformedMessage as error:
                raise AssertionError(f"{error}: {frame.hex()}") from None
            if not isinstance(message, m.EchoRequest):
                return message
            self._write(self._codec.encode(m.EchoReply(xid=message.xid, data=message.data)))

    def _write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def close(self) -> None:
        self._connection.close()


def _is_unasked(message: m.Message) -> bool:
    return isinstance(message, (m.PacketIn, m.FlowRemoved, m.PortStatus))


def joined(messages: Sequence[m.Message]) -> list[m.Message]:
    """Messages with the parts of each multipart reply made one."""
    whole: list[m.Message] = []
    for message in messages:
        last = whole[-1] if whole else None
        if last is not None and type(last) is type(message) and getattr(last, "more", False):
            lists = {
                name: getattr(last, name) + value
                for name, value in vars_of(message).items()
                if isinstance(value, tuple)
            }
            whole[-1] = evolve(message, **lists)  # type: ignore[arg-type]
        else:
            whole.append(message)
    return whole


def vars_of(message: m.Message) -> dict[str, object]:
    """A message's fields by name."""
    return {one.name: getattr(message, one.name) for one in type(message).__attrs_attrs__}  # type: ignore[attr-defined]
