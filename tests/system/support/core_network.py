"""Bridges, cables between them, and hosts of several tenants who may all have the same addresses.

Hosts are plugged into bridges one by one and may be moved, as virtual machines are.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import attrs

from tests.support.tools import require_tool
from tests.system.support.frames import Wire
from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.processes import Program, wait_until
from tests.system.support.tools import require_root

FLOWVISOR = "tcp:127.0.0.1:6653"
INTERFACE = "eth0"
PING_SECONDS = 0.01  # between the packets of a ping whose loss is measured

Port = tuple[str, int]  # a bridge and one of its ports
Cable = tuple[Port, Port]


@attrs.define
class Machine:
    """A host: where it is plugged in, and as what it is known there."""

    name: str
    mac: str
    address: str
    namespace: Namespace
    at: Port

    @property
    def cable(self) -> str:
        """The bridge's end of its cable."""
        return f"to-{self.name}"


class CoreNetwork:
    """All bridges are of one Open vSwitch, and all speak these versions."""

    def __init__(
        self,
        folder: Path,
        *,
        bridges: Mapping[str, int],
        cables: Iterable[Cable],
        versions: Sequence[str] = ("1.3",),
    ) -> None:
        require_root()
        self.bridges, self.cables = dict(bridges), list(cables)
        self.machines: dict[str, Machine] = {}
        self._folder, self._versions = folder, versions
        self.namespace = Namespace(folder, "core")
        self.switch = OpenVSwitch(folder, self.namespace)
        # Two tags and more are looked behind: the tenants' own, and that of the core.
        self.switch.vsctl("set", "open_vswitch", ".", "other_config:vlan-limit=0")
        commands = []
        for one, other in self.cables:
            near, far = interface_at(*one), interface_at(*other)
            commands += [f"link add {near} type veth peer name {far}"]
            commands += [f"link set {near} up", f"link set {far} up"]
        self.namespace.ip(*commands)

    def add_machine(self, name: str, at: Port, *, mac: str, address: str) -> None:
        """Make a host; it is plugged in when its bridge is added, or at once if that is there."""
        machine = Machine(name, mac, address, Namespace(self._folder, name), at)
        self.machines[name] = machine
        far = f"peer name {INTERFACE} address {mac} netns {machine.namespace.pid}"
        self.namespace.ip(f"link add {machine.cable} type veth {far}", f"link set {machine.cable} up")
        machine.namespace.write_all_checksums([INTERFACE])
        machine.namespace.ip(f"link set {INTERFACE} up", f"address add {address}/24 dev {INTERFACE}")

    def add_bridges(self) -> None:
        """Last of all: Open vSwitch is slow to try again when it finds no controller the first time."""
        for name in self.bridges:
            self.add_bridge(name)

    def add_bridge(self, name: str) -> None:
        ends = [end for cable in self.cables for end in cable]
        ports = {port: interface_at(bridge, port) for bridge, port in ends if bridge == name}
        ports |= {one.at[1]: one.cable for one in self.machines.values() if one.at[0] == name}
        self.switch.add_bridge(
            name, dpid=self.bridges[name], versions=self._versions, controller=FLOWVISOR, ports=ports
        )

    def move(self, name: str, to: Port) -> None:
        """Unplug a host and plug it in elsewhere."""
        machine = self.machines[name]
        words = ["del-port", machine.at[0], machine.cable, "--", "add-port", to[0], machine.cable]
        words += ["--", "set", "interface", machine.cable, f"ofport_request={to[1]}"]
        self.switch.vsctl(*words)
        machine.at = to

    def set_cable(self, end: Port, state: str) -> None:
        """Pull a cable between bridges out at one end, or put it in again: "down" or "up"."""
        self.namespace.ip(f"link set {interface_at(*end)} {state}")

    def ping(self, source: str, target: str, *, count: int = 1, wait_seconds: int = 1) -> bool:
        """Whether one host reaches another by its address."""
        with_options = f"ping -n -q -c {count} -w {wait_seconds} {self.machines[target].address}"
        try:
            self.machines[source].namespace.run(*with_options.split())
        except AssertionError:
            return False
        return True

    def wait_until_reached(self, source: str, target: str, *, timeout_seconds: float = 20.0) -> float:
        return wait_until(
            lambda: self.ping(source, target),
            what=f"{source} reaches {target}",
            timeout_seconds=timeout_seconds,
        )

    def pinging(self, source: str, target: str) -> Pinging:
        """Ping without end, from now on."""
        return Pinging(self.machines[source], self.machines[target], self._folder)

    def wire(self, name: str) -> Wire:
        """A host's cable, watched from now on."""
        return Wire(self.machines[name].namespace, INTERFACE)

    def close(self) -> None:
        self.switch.close()
        for machine in self.machines.values():
            machine.namespace.close()
        self.namespace.close()


class Pinging:
    """A ping without end, of which is told in the end what it lost."""

    def __init__(self, source: Machine, target: Machine, folder: Path) -> None:
        log = folder / f"ping-{source.name}-{target.name}.log"
        log.unlink(missing_ok=True)
        self._program = Program(
            [require_tool("ping"), "-n", "-i", str(PING_SECONDS), "-W", "1", target.address],
            log=log,
            inside=source.namespace.inside,
        )

    @property
    def answered(self) -> list[int]:
        """The numbers of those that came back, so far as ping has said."""
        return [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", self._program.log.read_text())]

    def stop(self) -> float:
        """End it; for how long nothing came back at a stretch, in seconds. The end counts for nothing."""
        self._program.stop(signal.SIGINT)  # it then writes all that it has to say
        answered = self.answered
        assert answered, self._program.said
        gaps = [later - earlier - 1 for earlier, later in pairwise(answered)]
        return max([answered[0] - 1, *gaps]) * PING_SECONDS


def interface_at(bridge: str, port: int) -> str:
    """The bridge's end of the cable at this port."""
    return f"{bridge}-{port}"
