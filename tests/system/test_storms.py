"""A storm of packets that only the controller wants stops at Open vSwitch, and what it forwards goes on."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.channel import Channel, Frames, Send
from flowvisor.openflow.frame import PACKET_IN
from flowvisor.openflow.legality import Role
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.openflow.versions import codec
from tests.system.support.frames import Wire
from tests.system.support.one_bridge import OneBridge
from tests.system.support.processes import wait_until

VERSIONS = {"1.0": 1, "1.3": 4}
RATE = 50  # packet-ins in a second
LIMIT = {"kind": "rate-limit", "name": "steady", "packet_in": f"{RATE}/s"}
STORM_SECONDS, STORM_PAUSE_SECONDS = 3.0, 0.0005
KNOWN, UNKNOWN = 0x020000000001, 0x0200000000FF


class Counting:
    """A controller that counts its packet-ins."""

    def __init__(self, bridge: OneBridge, version: int) -> None:
        self.codec = codec(version)
        self.packet_ins = 0
        self._connection = bridge.accept("one")
        self._channel = Channel(Role.CONTROLLER, frozenset({version}))
        threading.Thread(target=self._run, daemon=True).start()
        wait_until(lambda: self._channel.version, what="the controller is connected")

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self._react(self._channel.begin(time.monotonic()))
            while data := self._connection.recv(1 << 16):
                self._react(self._channel.feed(data, time.monotonic()))

    def _react(self, events: list[object]) -> None:
        for event in events:
            if isinstance(event, Send):
                self._connection.sendall(event.frame)
            elif isinstance(event, Frames):
                self.packet_ins += sum(frame[1] == PACKET_IN for frame in event.frames)

    def send(self, message: FlowMod) -> None:
        self._connection.sendall(self.codec.encode(message))


@pytest.fixture(params=["1.0", "1.3"])
def stormy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[OneBridge, Counting]]:
    bridge = OneBridge(tmp_path, request.param, {"one": (1, 2), "two": (3, 4)}, policies=[LIMIT])
    try:
        controller = Counting(bridge, VERSIONS[request.param])
        if request.param == "1.3":
            controller.send(FlowMod(priority=0, instructions=(ApplyActions((Output(CONTROLLER, 0xFFFF),)),)))
        forward = FlowMod(match=Match.of(eth_dst=KNOWN), instructions=(ApplyActions((Output(2),)),))
        controller.send(forward)
        yield bridge, controller
    finally:
        bridge.close()


def packet(target: int, number: int) -> bytes:
    return (
        target.to_bytes(6, "big") + bytes.fromhex("0200000000aa88b5") + number.to_bytes(4, "big") + bytes(42)
    )


def passes(here: Wire, there: Wire, number: int) -> bool:
    """Send a packet that the slice forwards; whether it arrives."""
    sent = packet(KNOWN, number)
    here.send(sent)
    with contextlib.suppress(AssertionError):
        wait_until(
            lambda: any(one.startswith(sent[:18]) for one in there.arrived()), what="", timeout_seconds=1
        )
        return True
    return False


def packet_ins_of_the_switch(bridge: OneBridge) -> float:
    found = re.findall(
        r'^flowvisor_messages_(?:total|shed_total){[^}]*(?:type="packet_in"|reason="rate-limited")[^}]*} (\S+)',
        bridge.flowvisor.get("/metrics"),
        re.MULTILINE,
    )
    return sum(map(float, found))


def test_a_storm_stops_at_the_switch(stormy: tuple[OneBridge, Counting]) -> None:
    bridge, controller = stormy
    here, there = bridge.wire(1), bridge.wire(2)
    wait_until(lambda: passes(here, there, 0), what="it is forwarded", pause_seconds=0.2)
    sent, end = 0, time.monotonic() + STORM_SECONDS
    while time.monotonic() < end:
        sent += 1
        here.send(packet(UNKNOWN, sent))
        time.sleep(STORM_PAUSE_SECONDS)
    assert passes(here, there, 1)
    came_up = packet_ins_of_the_switch(bridge)
    assert sent > 20 * RATE
    assert RATE <= controller.packet_ins <= RATE * (STORM_SECONDS + 2)
    assert came_up < sent / 4
