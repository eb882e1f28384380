"""Peers that break the protocol, say nothing or read nothing, on real sockets: nobody else notices."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowvisor.configuration.snapshot import DEFAULT_HALF_OPEN
from flowvisor.connections.outbound import SHED_ABOVE_BYTES
from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.openflow.channel import HANDSHAKE_SECONDS
from flowvisor.openflow.frame import ECHO_REQUEST, ERROR, HEADER, HELLO, PACKET_OUT, FrameCutter
from flowvisor.openflow.hello import encode_hello
from flowvisor.openflow.messages import Hello
from tests.system.support.flowvisor import Flowvisor, Ports
from tests.system.support.processes import ROOT, python_module, resident_bytes, wait_until
from tests.system.support.speakers import (
    HOST,
    MISS,
    ControllerListener,
    ControllerSpeaker,
    DatapathSpeaker,
    free_port,
)

BLUE_PORT, RED_PORT = 1, 2
HELLO_13 = encode_hello(Hello(xid=1, version=4))
HELLO_OTHER = encode_hello(Hello(xid=1, version=5, versions=frozenset({2, 5})))
MIB = 1024 * 1024


class Network:
    """flowvisor, one datapath, and the controllers of the slices blue and red."""

    def __init__(self, folder: Path) -> None:
        self.listeners = {name: ControllerListener(ControllerSpeaker) for name in ("blue", "red")}
        slices = [
            {
                "kind": "flowspace",
                "name": name,
                "controllers": [f"tcp:{HOST}:{self.listeners[name].port}"],
                "flowspace": [{"datapaths": "all", "priority": 100, "match": {"in_port": port}}],
            }
            for name, port in (("blue", BLUE_PORT), ("red", RED_PORT))
        ]
        self.flowvisor = Flowvisor(folder, slices, ports=Ports(datapaths=free_port(), admin=free_port()))
        self.datapath = DatapathSpeaker(
            self.flowvisor.ports.datapaths, EmulatedDatapath(1, 4, ports=(BLUE_PORT, RED_PORT))
        )
        wait_until(lambda: self.metric("controller_connected") == 2, what="both controllers are connected")
        self.blue, self.red = (self.listeners[name].speakers[0] for name in ("blue", "red"))
        self.blue.write(MISS)
        self.red.write(MISS)
        wait_until(
            lambda: self.metric("messages_total", type="flow_mod", outcome="forwarded") == 2,
            what="both have their table-miss entry",
        )

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over everything but these labels."""
        return self.flowvisor.metric(name, **labels)

    def metric_of_process(self, name: str) -> float:
        """What the client library tells of the process."""
        found = re.search(rf"^process_{name} (\S+)$", self.flowvisor.get("/metrics"), re.MULTILINE)
        assert found
        return float(found[1])

    def connect(self, source: str = HOST) -> socket.socket:
        """Somebody connects where datapaths do."""
        return socket.create_connection((HOST, self.flowvisor.ports.datapaths), source_address=(source, 0))

    def assert_that_others_are_served(self) -> None:
        """A packet-in reaches its controller at once."""
        before = self.red.packet_ins
        self.datapath.write(self.datapath.packet_in(RED_PORT, bytes(64)))
        wait_until(
            lambda: self.red.packet_ins == before + 1, what="red gets its packet-in", timeout_seconds=1
        )

    def close(self) -> None:
        self.datapath.close()
        for listener in self.listeners.values():
            listener.close()
        self.flowvisor.close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path)
    yield network
    network.close()


def read_to_the_end(peer: socket.socket, seconds: float) -> bytes:
    """Everything until the other side closes; a timeout if it does not."""
    peer.settimeout(seconds)
    received = b""
    try:
        while part := peer.recv(65536):
            received += part
    except ConnectionResetError:
        pass  # it has not read all that we sent
    return received


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (HEADER.pack(4, ECHO_REQUEST, 4, 1), (1, 6)),
        (HEADER.pack(4, PACKET_OUT, 8, 1), (1, 1)),
        (HELLO_OTHER, (0, 0)),
        (HELLO_13 + HEADER.pack(4, HELLO, 7, 2), (1, 6)),
        (bytes(100_000), (1, 6)),
    ],
    ids=["a length below 8", "no HELLO first", "other versions", "a wrong length later", "nothing but zeros"],
)
def test_who_breaks_the_protocol_is_told_and_hung_up_on_at_once(
    network: Network, sent: bytes, error: tuple[int, int]
) -> None:
    with network.connect() as peer:
        peer.sendall(sent)
        received = read_to_the_end(peer, seconds=2)
    errors = [frame for frame in FrameCutter().feed(received) if frame[1] == ERROR]
    assert [(int.from_bytes(one[8:10], "big"), int.from_bytes(one[10:12], "big")) for one in errors] == [
        error
    ]
    assert network.metric("messages_malformed_total", side="datapath") == 1
    assert network.metric("switch_handshake_failures_total") == 1
    network.assert_that_others_are_served()


def test_who_says_nothing_or_half_a_frame_is_hung_up_on_in_time(network: Network) -> None:
    said = [
        b"",
        HELLO_13[:5],
        HEADER.pack(4, HELLO, 0xFFFF, 1) + bytes(1000),
        HELLO_13,
        b"GET / HTTP/1.1\r\n\r\n",
    ]
    peers = [network.connect() for _ in said]
    begun = time.monotonic()
    for peer, data in zip(peers, said, strict=True):
        peer.sendall(data)
    for peer in peers:
        read_to_the_end(peer, seconds=HANDSHAKE_SECONDS + 3)
        peer.close()
    assert HANDSHAKE_SECONDS - 1 < time.monotonic() - begun < HANDSHAKE_SECONDS + 3
    assert network.metric("switch_handshake_failures_total", reason="no-handshake") == len(said)
    network.assert_that_others_are_served()


def test_a_controller_that_does_not_read_loses_its_packet_ins_and_nobody_elses(network: Network) -> None:
    batch = 100 * (
        network.datapath.packet_in(BLUE_PORT, bytes(1400)) + network.datapath.packet_in(RED_PORT, bytes(1400))
    )
    batches = 200  # 28 MB for each
    network.blue.stall()
    before = resident_bytes(network.flowvisor.program.pid)
    for _ in range(batches):
        network.datapath.write(batch)
    wait_until(lambda: network.red.packet_ins == 100 * batches, what="red gets all", timeout_seconds=20)
    assert network.metric("messages_shed_total", slice="blue", reason="queue-full") > 0
    assert network.metric("messages_shed_total", slice="red") == 0
    assert SHED_ABOVE_BYTES < network.metric("send_queue_bytes") < 2 * SHED_ABOVE_BYTES
    assert resident_bytes(network.flowvisor.program.pid) - before < 16 * MIB
    network.assert_that_others_are_served()
    shed = network.metric("messages_shed_total", slice="blue")
    network.blue.go_on()
    wait_until(lambda: network.blue.packet_ins == 100 * batches - shed, what="blue gets what was not shed")


def test_a_crowd_that_connects_and_says_nothing_leaves_room_for_who_speaks(network: Network) -> None:
    crowd = [network.connect(source="127.0.0.66") for _ in range(300)]
    network.assert_that_others_are_served()
    second = DatapathSpeaker(network.flowvisor.ports.datapaths, EmulatedDatapath(2, 4, ports=(1, 2)))
    wait_until(lambda: network.metric("switch_connected") == 2, what="the second datapath is connected")
    refused = network.metric("switch_handshake_failures_total", reason="too-many-of-address")
    assert refused == 300 - DEFAULT_HALF_OPEN
    second.close()
    for peer in crowd:
        peer.close()


def test_peers_that_come_and_go_all_the_time_leave_nothing_behind(network: Network) -> None:
    def come_and_go() -> None:
        for _ in range(100):
            with network.connect() as peer:
                peer.sendall(HELLO_13)

    opened = network.metric_of_process("open_fds")
    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: network.metric_of_process("open_fds") <= opened + 1, what="all sockets are closed")
    network.assert_that_others_are_served()


def test_sigterm_closes_every_connection_and_ends_well(network: Network) -> None:
    with network.connect() as peer:
        network.flowvisor.program._process.send_signal(signal.SIGTERM)
        read_to_the_end(peer, seconds=2)
        wait_until(lambda: not network.flowvisor.program.is_running, what="flowvisor has ended")
        assert network.flowvisor.program.stop() == 0
    for speaker in (network.datapath, network.blue, network.red):
        wait_until(lambda speaker=speaker: not speaker.is_open, what="the connection is closed")  # type: ignore[misc]


def test_a_port_in_use_is_said_in_one_sentence(network: Network, tmp_path: Path) -> None:
    done = subprocess.run(
        python_module("flowvisor", "run", "--config", tmp_path / "flowvisor.yaml"),
        capture_output=True,
        text=True,
        timeout=15,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr
