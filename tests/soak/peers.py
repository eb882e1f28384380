"""Peers that behave badly in one way each, and those that must not notice: on bare sockets, in one epoll loop."""

import array
import random
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Mapping

from tests.bench.peers import Controller, Loop, Peer, Tenant
from tests.bench.wire import (
    ACTION,
    DIALECTS,
    ERROR,
    FEATURES_REPLY,
    FLOW_MOD,
    HEADER,
    HELLO,
    NO_MATCH,
    NUMBERS,
    PACKET_IN,
    Dialect,
    Numbering,
    frame,
    port_of,
)

MOST_LOTS = 50  # of flow-mods that one controller has under way
ABRUPTLY = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


class Datapath(Peer):
    """A datapath that asks at a steady rate, whatever it is answered, and counts by slice."""

    def __init__(
        self, loop: Loop, port: int, *, dpid: int, dialect: Dialect, slices: Mapping[int, str], rules: int
    ) -> None:
        """`slices` are those that are here, by number, with the versions of their tenants; `rules` each has."""
        super().__init__(loop, socket.create_connection(("127.0.0.1", port)), dialect)
        self.dpid = dpid
        self.slices = slices
        self.numbering = Numbering(slices=max(slices) + 1, rules_per_slice=rules)
        self.asked: Counter[int] = Counter()
        self.answered: Counter[int] = Counter()
        self.seconds = array.array("d")  # from a question of the first slice's to its answer
        self._asked_at = [0.0] * NUMBERS
        self.blocks: dict[int, int] = {}
        self._frames: list[bytes] = []
        self._next = 0
        self.send(frame(dialect.version, HELLO, 1))

    @property
    def is_ready(self) -> bool:
        """Whether it knows which tables are whose."""
        return bool(self._frames) or self.dialect.version == 1 or len(self.blocks) == len(self.slices)

    def ask(self, count: int, of: int | None = None) -> None:
        """Send so many packet-ins, of all slices by turns or of one."""
        if not self._frames:
            self._frames = [self._packet_in(number) for number in range(NUMBERS)]
        out, now = [], time.monotonic()
        while len(out) < count:
            number = self._next
            self._next = (number + 1) % NUMBERS
            slice_number = self.numbering.slice_of(number)
            if slice_number in self.slices and of in (None, slice_number):
                out.append(self._frames[number])
                self.asked[slice_number] += 1
                self._asked_at[number] = now
        self.send(b"".join(out))

    def _packet_in(self, number: int) -> bytes:
        slice_number = self.numbering.slice_of(number)
        # A 1.3 tenant is told of a miss by an entry of its own.
        reason = NO_MATCH if self.slices.get(slice_number) == "1.0" else ACTION
        table_id = self.blocks.get(slice_number, 0)
        packet = self.numbering.packet(number)
        return self.dialect.packet_in(packet, port_of(number), table_id=table_id, reason=reason)

    def received(self, frames: list[bytes]) -> None:
        replies, now = [], time.monotonic()
        for each in frames:
            if each[1] == ERROR:
                self.errors.append(each)
            elif each[1] != FLOW_MOD:
                replies.append(self.dialect.reply(each, self.dpid))
            elif (number := self.dialect.number_of(each)) is not None:
                slice_number = self.numbering.slice_of(number)
                self.answered[slice_number] += 1
                if slice_number == 0:
                    self.seconds.append(now - self._asked_at[number])
            elif block := self.dialect.block_of(each):
                self.blocks[block[0]] = block[1]
        if replies:
            self.send(b"".join(replies))

    def stall(self) -> None:
        """Read nothing from now on."""
        self._loop.remove(self._connection.fileno())

    def is_hung_up_on(self) -> bool:
        """Whether the other end has closed; what it sent before is not looked at."""
        if not self.is_open:
            return True
        poll = select.poll()
        poll.register(self._connection.fileno(), 0)  # a hang-up and an error are always told
        return bool(poll.poll(0))

    def break_off(self) -> None:
        """As when the power goes."""
        if self.is_open:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPTLY)
            self.close()


class Answering(Controller):
    """Answers every packet-in, and counts."""

    def __init__(self, loop: Loop, connection: socket.socket, dialect: Dialect) -> None:
        super().__init__(loop, connection, dialect)
        self.packet_ins = self.flow_mods = self.barrier_replies = self.refused = 0
        self.is_stalled = False
        self._lots = 0
        self._sample = b""  # a flow-mod

    def received(self, frames: list[bytes]) -> None:
        for each in frames:
            kind = each[1]
            if kind == PACKET_IN:
                self.packet_ins += 1
                self.flow_mods += 1
                self._sample = self._sample or self.dialect.answer_to(each)
            elif kind == FEATURES_REPLY:
                self.flow_mods += self.dialect.version != 1  # what it opens with, see `opening`
            elif kind == self.dialect.barrier_request + 1:
                self.barrier_replies += 1
            elif kind == ERROR:
                self.refused += 1
        super().received(frames)
        self.errors.clear()  # they are counted, and ten minutes of them are many

    def pour(self, count: int) -> None:
        """Send flow-mods and a barrier, unless many lots are under way: what the kernel holds takes long to settle."""
        is_behind = self._lots - self.barrier_replies >= MOST_LOTS
        if self.is_open and self._sample and not self._unsent and not self.is_stalled and not is_behind:
            self._lots += 1
            self.flow_mods += count
            barrier = HEADER.pack(self.dialect.version, self.dialect.barrier_request, 8, 9)
            self.send(self._sample * count + barrier)

    def stall(self) -> None:
        """Read nothing, and say nothing."""
        if self.is_open and not self.is_stalled and not self._unsent:
            self.is_stalled = True
            self._loop.remove(self._connection.fileno())

    def go_on(self) -> None:
        if self.is_stalled:
            self.is_stalled = False
            self._loop.add(self._connection.fileno(), self._read)

    def break_off(self) -> None:
        if self.is_open and not self.is_stalled:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPTLY)
            self.close()


class Nuisance:
    """Connects where datapaths do, and says something odd: bytes one by one, garbage, half of a message."""

    KINDS = ("trickle", "garbage", "half", "unknown types")

    def __init__(self, port: int, chance: random.Random) -> None:
        self._chance = chance
        self._kind = chance.choice(self.KINDS)
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setblocking(False)
        self._said = 0
        self.is_over = False

    def say(self) -> None:
        """A little more, until it is hung up on."""
        try:
            self._socket.send(self._words())
            while self._socket.recv(4096):
                pass
            self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def _words(self) -> bytes:
        self._said += 1
        if self._kind == "trickle":
            return HEADER.pack(4, HELLO, 8, 1)[self._said % 8 : self._said % 8 + 1]
        hello = HEADER.pack(4, HELLO, 8, 1) if self._said == 1 else b""
        if self._kind == "garbage":
            return hello + self._chance.randbytes(500)
        if self._kind == "half":
            return hello + HEADER.pack(4, PACKET_IN, 60_000, 1) if self._said == 1 else bytes(10)
        return hello + HEADER.pack(4, 99, 8, self._said) * 50

    def close(self) -> None:
        self.is_over = True
        self._socket.close()


class Crowd(Tenant):
    """A tenant whose controllers are of our kind."""

    def __init__(self, loop: Loop, version: str) -> None:
        super().__init__(loop, version, Answering)
        self.controllers: list[Answering]

    @property
    def open(self) -> list[Answering]:
        return [one for one in self.controllers if one.is_open]

    def total(self, name: str) -> int:
        """Of all that it ever had."""
        return sum(getattr(one, name) for one in self.controllers)


def dialect_of(version: str) -> Dialect:
    return DIALECTS[version]()
