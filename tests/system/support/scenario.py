"""Two tenants with controllers of their own on one network, and the hypervisor between."""

import contextlib
import time
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import attrs
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from tests.system.support.capture import Capture
from tests.system.support.controllers import Controller
from tests.system.support.flowvisor import Flowvisor, Ports
from tests.system.support.frames import Wire
from tests.system.support.network import BRIDGES, SLICES, Host, Layout, Network
from tests.system.support.processes import wait_until

KINDS = {"one": "ovs-testcontroller", "two": "os-ken"}
CONTROLLER_PORTS = {"one": 6801, "two": 6802}
ARRIVAL_SECONDS = 1.0
LEAK_SECONDS = 0.2  # what is to arrive nowhere else is waited for this much longer
DISCARD = 9  # a port of which tshark expects nothing
BROADCAST = "ff:ff:ff:ff:ff:ff"

Rules = list[dict[str, Any]]


@attrs.frozen
class Versions:
    """Who speaks what."""

    bridges: tuple[str, ...]
    one: str
    two: str

    def __str__(self) -> str:
        return f"{'+'.join(self.bridges)} bridges, {self.one} and {self.two} tenants"

    def of(self, slice_name: str) -> str:
        return {"one": self.one, "two": self.two}[slice_name]


SAME = [Versions(("1.0",), "1.0", "1.0"), Versions(("1.3",), "1.3", "1.3")]
MIXED = [
    Versions(("1.3",), "1.0", "1.3"),
    Versions(("1.3",), "1.3", "1.0"),
    Versions(("1.0",), "1.3", "1.3"),
    Versions(("1.0", "1.3"), "1.3", "1.0"),
]


def describe_slice(name: str, rules: Rules) -> dict[str, Any]:
    return {
        "kind": "flowspace",
        "name": name,
        "controllers": [f"tcp:127.0.0.1:{CONTROLLER_PORTS[name]}"],
        "flowspace": rules,
    }


class Scenario:
    """Everything started, in the order in which nothing has to wait for a time-out."""

    def __init__(
        self,
        folder: Path,
        versions: Versions,
        flowspace: dict[str, Rules],
        layout: Layout,
        policies: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        """`policies` are policies' files, by the slices that have them."""
        policies = policies or {}
        self.versions = versions
        with contextlib.ExitStack() as undo:
            layout = attrs.evolve(layout, versions=versions.bridges)
            self.network = Network(folder, layout)
            undo.callback(self.network.close)
            self.capture = Capture(folder, self.network.namespace)
            undo.callback(self.capture.stop)
            self.controllers: dict[str, Controller] = {}
            for name in SLICES:
                self.controllers[name] = self._start_controller(name, folder)
                undo.callback(self.controllers[name].close)
            self.flowvisor = Flowvisor(
                folder,
                [
                    describe_slice(name, rules)
                    | ({"policies": [policies[name]["name"]]} if name in policies else {})
                    for name, rules in flowspace.items()
                ],
                policies=list(policies.values()),
                namespace=self.network.namespace,
                datapaths=BRIDGES,
            )
            undo.callback(self.flowvisor.close)
            self.network.add_bridges()
            self._undo = undo.pop_all()

    def _start_controller(self, name: str, folder: Path) -> Controller:
        return Controller(
            KINDS[name],
            port=CONTROLLER_PORTS[name],
            version=self.versions.of(name),
            folder=folder,
            namespace=self.network.namespace,
        )

    @property
    def control_ports(self) -> list[int]:
        return [Ports().datapaths, *CONTROLLER_PORTS.values()]

    def wait_until_up(self) -> None:
        """Until the hosts of each slice reach one another."""
        try:
            self.network.wait_until_reached(self.network.pairs(within=True), timeout_seconds=20)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.flowvisor.said}") from None

    def close(self) -> None:
        self._undo.close()


def datagram(
    host: Host, text: str, *, to: str = BROADCAST, address: str = "255.255.255.255", tag: int = 0
) -> bytes:
    """A frame of this host's with this text in it."""
    frame = Ether(src=host.mac, dst=to)
    if tag:
        frame = frame / Dot1Q(vlan=tag)
    return bytes(
        frame / IP(src=host.address, dst=address) / UDP(sport=DISCARD, dport=DISCARD) / text.encode()
    )


def broadcast_reaches(network: Network, source: str) -> set[str]:
    """The hosts at which a broadcast arrives. Only a controller sends it on: no entry is made for it."""
    host = network.hosts[source]
    slice_mates = {name for name, other in network.hosts.items() if other.slice == host.slice} - {source}
    text = f"broadcast of {source}"
    with watched_wires(network) as wires:
        wires[source].send(datagram(host, text))
        return set(reached_by(wires, text, expected=slice_mates))


def reached_by(wires: dict[str, Wire], text: str, *, expected: Set[str]) -> dict[str, list[bytes]]:
    """The frames with this text that arrive, by host: the expected ones are waited for, and then any leak."""
    arrived: dict[str, list[bytes]] = {}

    def all_have_it() -> bool:
        for name, wire in wires.items():
            if frames := [frame for frame in wire.arrived() if text.encode() in frame]:
                arrived.setdefault(name, []).extend(frames)
        return arrived.keys() >= expected

    with contextlib.suppress(AssertionError):
        wait_until(all_have_it, what=text, timeout_seconds=ARRIVAL_SECONDS)
    time.sleep(LEAK_SECONDS)
    all_have_it()
    return arrived


@contextlib.contextmanager
def watched_wires(network: Network) -> Iterator[dict[str, Wire]]:
    """The cables of all hosts, watched from now on."""
    wires = network.wires()
    try:
        yield wires
    finally:
        for wire in wires.values():
            wire.close()
