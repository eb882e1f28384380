"""Three bridges in a line with the hosts of two slices on each: what every system test looks at.

one-a one-b two-a two-b        one-c two-c          one-d two-d
   1    2    3    4              1    3               1    3
+-------leaf-1-------+ 11==11 +--spine-1--+ 21==11 +--leaf-2--+
                       12==12               22==12
"""

import itertools
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from tests.support.tools import require_tool
from tests.system.support.frames import Wire
from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.processes import PATH, wait_until
from tests.system.support.tools import require_root

BRIDGES = {"leaf-1": 1, "spine-1": 2, "leaf-2": 3}  # and their dpids
SLICES = ("one", "two")
PLACES = {
    "one": {"a": ("leaf-1", 1), "b": ("leaf-1", 2), "c": ("spine-1", 1), "d": ("leaf-2", 1)},
    "two": {"a": ("leaf-1", 3), "b": ("leaf-1", 4), "c": ("spine-1", 3), "d": ("leaf-2", 3)},
}
# Near bridge and port, far bridge and port; the line is there twice. Not patch ports: Open vSwitch looks
# through those, and tells the controller behind that an action sent it what none of its entries matched.
LINKS = (
    (("leaf-1", 11), ("spine-1", 11)),
    (("spine-1", 21), ("leaf-2", 11)),
    (("leaf-1", 12), ("spine-1", 12)),
    (("spine-1", 22), ("leaf-2", 12)),
)
FLOWVISOR = "tcp:127.0.0.1:6653"
INTERFACE = "eth0"

Pair = tuple[str, str]


@attrs.frozen
class Host:
    """One machine of one tenant."""

    name: str
    slice: str
    bridge: str
    port: int
    mac: str
    address: str
    namespace: Namespace


@attrs.frozen
class Layout:
    """What differs from test to test."""

    versions: Sequence[str] = ("1.3",)
    parallel_links: int = 2  # 1 where both slices share the links: a learning switch stands no loop
    subnets: dict[str, str] = attrs.Factory(lambda: {"one": "10.0.1", "two": "10.0.2"})
    controllers: dict[str, str] = attrs.Factory(lambda: dict.fromkeys(BRIDGES, FLOWVISOR))


class Network:
    """The bridges, the links and the hosts; everything that is in it goes when it is closed."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        require_root()
        require_tool("ping")
        self.layout = layout
        self.namespace = Namespace(folder, "bridges")
        self.switch = OpenVSwitch(folder, self.namespace)
        self.hosts = {host.name: host for host in self._make_hosts(folder)}
        self._plug_cables()

    def _make_hosts(self, folder: Path) -> Iterable[Host]:
        for number, name in enumerate(SLICES, 1):
            for place, (letter, (bridge, port)) in enumerate(PLACES[name].items(), 1):
                yield Host(
                    name=f"{name}-{letter}",
                    slice=name,
                    bridge=bridge,
                    port=port,
                    mac=f"02:00:00:00:{number:02x}:{place:02x}",
                    address=f"{self.layout.subnets[name]}.{place}",
                    namespace=Namespace(folder, f"{name}-{letter}"),
                )

    def _plug_cables(self) -> None:
        commands = []
        for near_end, far_end in LINKS[: 2 * self.layout.parallel_links]:
            near, far = interface_at(*near_end), interface_at(*far_end)
            commands += [f"link add {near} type veth peer name {far}"]
            commands += [f"link set {near} up", f"link set {far} up"]
        for host in self.hosts.values():
            near = interface_at(host.bridge, host.port)
            far = f"peer name {INTERFACE} address {host.mac} netns {host.namespace.pid}"
            commands += [f"link add {near} type veth {far}", f"link set {near} up"]
        self.namespace.ip(*commands)
        for host in self.hosts.values():
            host.namespace.write_all_checksums([INTERFACE])
            # All hosts think that they share one subnet: no routing keeps them apart.
            host.namespace.ip(f"link set {INTERFACE} up", f"address add {host.address}/8 dev {INTERFACE}")

    def add_bridges(self) -> None:
        """Last of all: Open vSwitch is slow to try again when it finds no controller the first time."""
        for name in BRIDGES:
            self.add_bridge(name)

    def add_bridge(self, name: str, *, controller: str | None = None, dpid: int | None = None) -> None:
        ends = [end for link in LINKS[: 2 * self.layout.parallel_links] for end in link]
        ends += [(host.bridge, host.port) for host in self.hosts.values()]
        ports = {port: interface_at(bridge, port) for bridge, port in ends if bridge == name}
        self.switch.add_bridge(
            name,
            dpid=BRIDGES[name] if dpid is None else dpid,
            versions=self.layout.versions,
            controller=self.layout.controllers[name] if controller is None else controller,
            ports=ports,
        )

    def wait_until_connected(self, timeout_seconds: float = 10.0) -> None:
        def connected() -> bool:
            return self.switch.is_connected(BRIDGES)

        wait_until(connected, what="every bridge has its controller", timeout_seconds=timeout_seconds)

    def pairs(self, *, within: bool) -> set[Pair]:
        """Every ordered pair of two hosts of one slice, or else of two slices."""
        both = itertools.permutations(self.hosts.values(), 2)
        return {(a.name, b.name) for a, b in both if (a.slice == b.slice) == within}

    def ping(self, pairs: Iterable[Pair], *, wait_seconds: int = 1) -> set[Pair]:
        """Those of the pairs whose first reaches the second; all at the same time."""
        ping = require_tool("ping")
        running = {
            (source, target): subprocess.Popen(
                [
                    *self.hosts[source].namespace.inside,
                    *(ping, "-n", "-q", "-c", "1", "-w", str(wait_seconds), self.hosts[target].address),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": PATH},
            )
            for source, target in pairs
        }
        return {pair for pair, process in running.items() if process.wait() == 0}

    def wait_until_reached(self, pairs: Iterable[Pair], *, timeout_seconds: float = 15.0) -> float:
        """Ping until each pair has reached; how many seconds that took."""
        left = set(pairs)

        def all_reached() -> bool:
            left.difference_update(self.ping(left))
            return not left

        try:
            return wait_until(all_reached, what="every host is reached", timeout_seconds=timeout_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; not reached: {sorted(left)}") from None

    def wires(self) -> dict[str, Wire]:
        """The cables of all hosts, watched from now on."""
        return {host.name: Wire(host.namespace, INTERFACE) for host in self.hosts.values()}

    def pin_neighbours(self) -> None:
        """Let the hosts of a slice know each other for good: the time for ARP may come when nobody answers it."""
        for host in self.hosts.values():
            mates = [mate for mate in self.hosts.values() if mate.slice == host.slice and mate is not host]
            entry = "neigh replace {} lladdr {} dev {} nud permanent"
            host.namespace.ip(*(entry.format(mate.address, mate.mac, INTERFACE) for mate in mates))

    def forget_neighbours(self) -> None:
        """Let every host ask for every address again."""
        for host in self.hosts.values():
            host.namespace.ip("neigh flush all")

    def close(self) -> None:
        self.switch.close()
        for host in self.hosts.values():
            host.namespace.close()
        self.namespace.close()


def interface_at(bridge: str, port: int) -> str:
    """The bridge's side of the cable at this port."""
    return f"{bridge}-{port}"
