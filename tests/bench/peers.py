"""Both sides of a hypervisor on bare sockets: switches that ask, controllers that answer, one epoll loop."""

import array
import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable

from tests.bench.wire import (
    DIALECTS,
    ECHO_REPLY,
    ECHO_REQUEST,
    ERROR,
    FEATURES_REPLY,
    FEATURES_REQUEST,
    FLOW_MOD,
    HELLO,
    NUMBERS,
    PACKET_IN,
    Dialect,
    Numbering,
    frame,
)

READ_BYTES = 1 << 18
CONTROLLER_BACKLOG = 1024
_length = struct.Struct("!H").unpack_from


class Loop:
    """Calls back whoever has something to read, and flushes what could not be written at once."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._writers: dict[int, Callable[[], bool]] = {}

    def add(self, number: int, read: Callable[[], None]) -> None:
        self._readers[number] = read
        self._poll.register(number, select.EPOLLIN)

    def remove(self, number: int) -> None:
        if self._readers.pop(number, None):
            self._writers.pop(number, None)
            self._poll.unregister(number)

    def call_when_writable(self, number: int, flush: Callable[[], bool]) -> None:
        self._writers[number] = flush
        self._poll.modify(number, select.EPOLLIN | select.EPOLLOUT)

    def run(
        self, seconds: float, until: Callable[[], bool] | None = None, *, longest_sleep_seconds: float = 0.1
    ) -> bool:
        """Serve until the time is over, or the condition holds; whether it does."""
        deadline = time.perf_counter() + seconds
        poll, readers = self._poll.poll, self._readers
        while True:
            if until is not None and until():
                return True
            left = deadline - time.perf_counter()
            if left <= 0:
                return False
            for number, events in poll(min(left, longest_sleep_seconds)):
                flush = self._writers.get(number) if events & select.EPOLLOUT else None
                if flush and flush() and self._writers.pop(number, None):  # if that has not closed it
                    self._poll.modify(number, select.EPOLLIN)
                if events & ~select.EPOLLOUT and (read := readers.get(number)):
                    read()

    def close(self) -> None:
        self._poll.close()


class Peer:
    """One end of a channel: cuts frames, queues what the socket does not take."""

    def __init__(self, loop: Loop, connection: socket.socket, dialect: Dialect) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.dialect = dialect
        self.is_open = True
        self.errors: list[bytes] = []  # OpenFlow errors that came
        self._loop, self._connection = loop, connection
        self._rest = b""
        self._unsent = b""
        loop.add(connection.fileno(), self._read)

    def send(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._connection.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._loop.call_when_writable(self._connection.fileno(), self._flush)

    def _flush(self) -> bool:
        data, self._unsent = self._unsent, b""
        self.send(data)
        return not self._unsent

    def _read(self) -> None:
        try:
            data = self._connection.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        if self._rest:
            data = self._rest + data
        at, end, frames = 0, len(data), []
        while end - at >= 8:
            (length,) = _length(data, at + 2)
            if length < 8:
                raise AssertionError(f"a frame of length {length} came")
            if at + length > end:
                break
            frames.append(data[at : at + length])
            at += length
        self._rest = data[at:]
        self.received(frames)

    def received(self, frames: list[bytes]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._loop.remove(self._connection.fileno())
            self._connection.close()


class Switch(Peer):
    """A datapath that keeps a number of packet-ins outstanding."""

    def __init__(self, loop: Loop, address: tuple[str, int], *, dpid: int, dialect: Dialect) -> None:
        super().__init__(loop, socket.create_connection(address), dialect)
        self.dpid = dpid
        self.blocks: dict[int, int] = {}  # slice: the first table of its block
        self.flow_mods = 0
        self.round_trips = 0
        self.seconds = array.array("d")  # of every round trip
        self._frames: list[bytes] = []
        self._sent_at = [0.0] * NUMBERS
        self._next = 0
        self.send(frame(dialect.version, HELLO, 1))

    def start(
        self, numbering: Numbering, *, outstanding: int, reason: int, has_metadata: bool = False
    ) -> None:
        """Begin to ask; each answer is followed by the next question."""
        tables = [self.blocks.get(number, 0) for number in range(numbering.slices)]
        self._frames = numbering.packet_ins(self.dialect, tables, reason, has_metadata=has_metadata)
        self._ask(outstanding, time.perf_counter())

    def stop(self) -> None:
        self._frames = []

    def forget(self) -> None:
        """Count from here."""
        self.round_trips = 0
        self.seconds = array.array("d")

    @property
    def outstanding(self) -> int:
        """How many packet-ins are not answered yet."""
        return sum(sent_at > 0 for sent_at in self._sent_at)

    def _ask(self, count: int, now: float) -> None:
        numbers = [(self._next + each) % NUMBERS for each in range(count)]
        self._next = (self._next + count) % NUMBERS
        for number in numbers:
            self._sent_at[number] = now
        self.send(b"".join([self._frames[number] for number in numbers]))

    def received(self, frames: list[bytes]) -> None:
        now = time.perf_counter()
        number_of, sent_at, seconds = self.dialect.number_of, self._sent_at, self.seconds
        answered, replies = 0, []
        for each in frames:
            if each[1] != FLOW_MOD:
                replies.append(self._reply(each))
                continue
            number = number_of(each)
            if number is not None and sent_at[number]:
                seconds.append(now - sent_at[number])
                sent_at[number] = 0.0
                answered += 1
            else:
                self.flow_mods += 1
                if block := self.dialect.block_of(each):
                    self.blocks[block[0]] = block[1]
        if replies:
            self.send(b"".join(replies))
        self.round_trips += answered
        if answered and self._frames:
            self._ask(answered, now)

    def _reply(self, request: bytes) -> bytes:
        if request[1] == ERROR:
            self.errors.append(request)
        return self.dialect.reply(request, self.dpid)


class Controller(Peer):
    """A tenant's controller: says hello, asks for the features, then answers every packet-in with a flow-mod."""

    def __init__(self, loop: Loop, connection: socket.socket, dialect: Dialect) -> None:
        super().__init__(loop, connection, dialect)
        self.is_ready = False
        self.send(frame(dialect.version, HELLO, 1))

    def received(self, frames: list[bytes]) -> None:
        answer_to = self.dialect.answer_to
        answers = [answer_to(each) if each[1] == PACKET_IN else self._answer(each) for each in frames]
        if data := b"".join(answers):
            self.send(data)

    def _answer(self, message: bytes) -> bytes:
        kind, version = message[1], self.dialect.version
        if kind == HELLO:
            return frame(version, FEATURES_REQUEST, 1)
        if kind == FEATURES_REPLY:
            self.is_ready = True
            return self.dialect.opening()
        if kind == ECHO_REQUEST:
            return bytes((version, ECHO_REPLY)) + message[2:]
        if kind == ERROR:
            self.errors.append(message)
        return b""


class Tenant:
    """A listener that every connection makes a controller of."""

    def __init__(self, loop: Loop, version: str, kind: type[Controller] = Controller) -> None:
        self.controllers: list[Controller] = []
        self._kind = kind
        self._loop, self._dialect = loop, DIALECTS[version]()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=CONTROLLER_BACKLOG)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        loop.add(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                self.controllers.append(self._kind(self._loop, connection, self._dialect))

    @property
    def ready(self) -> int:
        """How many of its channels are up."""
        return sum(controller.is_ready and controller.is_open for controller in self.controllers)

    def close(self) -> None:
        self._loop.remove(self._listener.fileno())
        self._listener.close()
        for controller in self.controllers:
            controller.close()
