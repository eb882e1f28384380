"""Bad peers get the specification's error and are hung up on within bounds; good ones notice nothing."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.testing import AccumulatingProtocol, MemoryReactorClock
from twisted.test.iosim import connect, makeFakeClient, makeFakeServer

from flowvisor.connections.counters import CONTROLLER, DATAPATH
from flowvisor.connections.datapath_protocol import MAX_HALF_OPEN, DatapathFactory
from flowvisor.connections.outbound import HANG_UP_ABOVE_BYTES, SHED_ABOVE_BYTES
from flowvisor.connections.peer_protocol import CLOSING_SECONDS, CONGESTED_SECONDS
from flowvisor.hypervisor.requests import STALLED
from flowvisor.openflow.channel import DEAD_SECONDS, HANDSHAKE_SECONDS, MAX_PROTOCOL_ERRORS
from flowvisor.openflow.error_codes import BAD_LEN, BAD_TYPE, HELLO_INCOMPATIBLE
from flowvisor.openflow.frame import (
    ECHO_REPLY,
    ECHO_REQUEST,
    ERROR,
    HEADER,
    HEADER_LENGTH,
    HELLO,
    PACKET_OUT,
    FrameCutter,
)
from flowvisor.openflow.hello import encode_hello
from flowvisor.openflow.messages import Hello
from flowvisor.openflow.v13 import decode
from tests.support.shell import Shell

HELLO_13 = encode_hello(Hello(xid=9, version=4))
HELLO_OTHER = encode_hello(Hello(xid=9, version=5, versions=frozenset({2, 5})))  # 1.1 and 1.4


@pytest.fixture
def shell() -> Shell:
    return Shell()


def errors_in(data: bytes) -> list[tuple[int, int]]:
    frames = [frame for frame in FrameCutter().feed(data) if frame[1] == ERROR]
    return [(int.from_bytes(one[8:10], "big"), int.from_bytes(one[10:12], "big")) for one in frames]


@pytest.mark.parametrize(
    ("sent", "error", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: flowvisor\r\n\r\n", None, "no-handshake"),
        (HEADER.pack(4, ECHO_REQUEST, 4, 1), BAD_LEN, "bad-length"),
        (HEADER.pack(4, PACKET_OUT, 8, 1), BAD_TYPE, "bad-type"),
        (HELLO_OTHER, HELLO_INCOMPATIBLE, "incompatible"),
        (HELLO_13 + HEADER.pack(4, HELLO, 7, 2), BAD_LEN, "bad-length"),
    ],
    ids=["another protocol", "a length below 8", "no HELLO first", "other versions", "a wrong length later"],
)
@pytest.mark.parametrize("side", ["datapath", "controller"])
def test_who_speaks_no_openflow_is_told_so_and_hung_up_on(
    shell: Shell, side: str, sent: bytes, error: tuple[int, int] | None, reason: str
) -> None:
    other = shell.datapath()
    far_end = shell.connect() if side == "datapath" else shell.controller(speaks=False)
    far_end.write(sent)
    if error is None:  # its first bytes may be a long frame that is still to be completed
        shell.pass_time(HANDSHAKE_SECONDS)
    assert far_end.near.hang_up_reason == reason
    assert far_end.transport.disconnecting
    assert errors_in(far_end.take()) == ([] if error is None else [error])
    counters = shell.connections.counters
    assert counters.handshake_failures == {(side, reason): 1}
    assert counters.malformed == ({} if error is None else {(side, reason): 1})
    assert other.is_connected


@pytest.mark.parametrize("said", [b"", HELLO_13[:3], HEADER.pack(4, HELLO, 1000, 1) + b"half"])
def test_who_says_nothing_or_half_a_frame_is_hung_up_on_after_the_handshakes_time(
    shell: Shell, said: bytes
) -> None:
    far_end = shell.connect()
    far_end.write(said)
    shell.pass_time(HANDSHAKE_SECONDS - 1)
    assert far_end.is_connected
    shell.pass_time(1)
    far_end.take()
    shell.settle()
    assert not far_end.is_connected
    assert shell.connections.counters.handshake_failures == {("datapath", "no-handshake"): 1}
    assert shell.connections.everyone == set()


def test_an_established_peer_that_falls_silent_is_probed_and_then_given_up(shell: Shell) -> None:
    datapath = shell.datapath()
    datapath.channel = None  # it answers nothing from now on
    shell.pass_time(DEAD_SECONDS - 1)
    assert datapath.is_connected
    probes = FrameCutter().feed(datapath.transport.value())
    assert {frame[1] for frame in probes} == {ECHO_REQUEST}
    shell.pass_time(2)
    datapath.take()
    shell.settle()
    assert not datapath.is_connected
    assert shell.connections.counters.datapath_disconnects == {(1, "silent"): 1}
    assert shell.connections.lines == {}


def test_a_peer_that_goes_on_breaking_the_protocol_is_hung_up_on(shell: Shell) -> None:
    datapath = shell.datapath()
    packet_out = HEADER.pack(4, PACKET_OUT, HEADER_LENGTH, 1)
    datapath.write(packet_out * (MAX_PROTOCOL_ERRORS - 1))
    assert datapath.near.hang_up_reason is None
    datapath.write(packet_out)
    assert datapath.near.hang_up_reason == "bad-type"
    shell.settle()
    assert not datapath.is_connected
    assert shell.connections.counters.malformed == {("datapath", "bad-type"): MAX_PROTOCOL_ERRORS}


def test_hello_goes_out_before_anything_comes_in(shell: Shell) -> None:
    assert decode(shell.connect().transport.value()).xid == 1


def test_an_echo_is_answered_by_the_shell_itself(shell: Shell) -> None:
    datapath = shell.datapath()
    datapath.write(HEADER.pack(4, ECHO_REQUEST, 12, 77) + b"body")
    assert datapath.take() == HEADER.pack(4, ECHO_REPLY, 12, 77) + b"body"


def test_what_comes_after_a_hang_up_is_not_looked_at(shell: Shell) -> None:
    far_end = shell.connect()
    far_end.near.hang_up("test")
    far_end.take()
    far_end.write(HELLO_13)
    assert far_end.take() == b""


def test_a_peer_that_does_not_close_is_closed(shell: Shell) -> None:
    far_end = shell.connect()
    far_end.stall()
    far_end.near.hang_up("test")
    shell.reactor.advance(CLOSING_SECONDS - 0.1)
    shell.connections.tick()
    assert not far_end.transport.disconnected
    shell.reactor.advance(0.1)
    shell.connections.tick()
    assert far_end.transport.disconnected


def test_only_so_many_may_be_undecided_at_once(shell: Shell) -> None:
    far_ends = [shell.connect(f"192.0.2.{number % 256}") for number in range(MAX_HALF_OPEN)]
    assert shell.southbound.buildProtocol(None) is None
    assert shell.connections.counters.handshake_failures == {("datapath", "too-many"): 1}
    far_ends[0].hang_up()
    assert shell.southbound.buildProtocol(None) is not None


def test_bytes_that_come_one_by_one_make_the_same_channel() -> None:
    """Through Twisted's simulated wires: nothing depends on how bytes are cut into reads."""
    shell = Shell()
    near = DatapathFactory(shell.connections).buildProtocol(None)
    assert near is not None
    far: Any = AccumulatingProtocol()
    far.factory = Factory()
    far.factory.protocolConnectionMade = None
    clock: Any = MemoryReactorClock()
    pump = connect(near, makeFakeServer(near), far, makeFakeClient(far), clock=clock)
    for byte in HELLO_13:
        far.transport.write(bytes([byte]))
        pump.pump()
    pump.flush()
    assert [frame[1] for frame in FrameCutter().feed(far.data)] == [HELLO, 5]
    assert near.hang_up_reason is None


def test_answers_that_follow_one_another_are_one_write(shell: Shell) -> None:
    far_end = shell.datapath()
    writes: list[bytes] = []
    far_end.transport.write = writes.append  # type: ignore[method-assign]
    echoes = [HEADER.pack(4, ECHO_REQUEST, 8, xid) for xid in range(100)]
    far_end.write(b"".join(echoes))
    assert writes == [b"".join(HEADER.pack(4, ECHO_REPLY, 8, xid) for xid in range(100))]


@pytest.mark.parametrize("side", ["datapath", "controller"])
def test_who_speaks_but_never_reads_is_hung_up_on_in_the_end(shell: Shell, side: str) -> None:
    datapath = shell.datapath()
    far_end = datapath if side == "datapath" else shell.controller()
    far_end.stall()
    echo = HEADER.pack(4, ECHO_REQUEST, 60_000, 1) + bytes(59_992)
    seconds = 0
    while far_end.near.hang_up_reason is None and seconds < 100:
        seconds += 1
        far_end.write(echo)
        assert far_end.near.outbound.queued_bytes <= HANG_UP_ABOVE_BYTES
        shell.reactor.advance(1)
        shell.connections.tick()
    assert far_end.near.hang_up_reason == STALLED
    assert SHED_ABOVE_BYTES / 60_000 + CONGESTED_SECONDS - 2 < seconds < 60


def test_who_catches_up_in_time_is_not(shell: Shell) -> None:
    datapath = shell.datapath()
    for _ in range(3):
        datapath.stall()
        echo = HEADER.pack(4, ECHO_REQUEST, 60_000, 1) + bytes(59_992)
        for _ in range(20):
            datapath.write(echo)
        assert datapath.near.outbound.is_congested
        for _ in range(int(CONGESTED_SECONDS) - 15):
            shell.reactor.advance(1)
            datapath.write(HEADER.pack(4, ECHO_REPLY, 8, 0))
            shell.connections.tick()
        datapath.flow()
        assert datapath.near.hang_up_reason is None


def test_how_long_a_read_was_worked_on_is_counted_by_side() -> None:
    shell = Shell()
    shell.datapath()
    before = shell.connections.counters.latencies[DATAPATH].buckets()[-1][1]
    assert before > 0
    shell.controller()
    (*_, (_, of_controllers)) = shell.connections.counters.latencies[CONTROLLER].buckets()
    assert of_controllers > 0
