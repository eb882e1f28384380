"""What is measured: the hypervisor, and for comparison what merely copies bytes."""

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.wire import PORTS, readable, source_address
from tests.system.support.flowvisor import HOST, Flowvisor, Ports
from tests.system.support.processes import Program, python_module, resident_bytes

MIB = 1 << 20
SUBJECTS_CORE, LOADS_CORE = 0, 1

HAPROXY = """
global
    nbthread 1
    maxconn 4096
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen openflow
    bind {host}:{port}
    server controller {host}:{controller}
"""

# In force for every message, and met by none.
RATES = dict.fromkeys(("packet_in", "packet_out", "flow_mod", "messages"), "100000000/s")
POLICIES = (
    {"kind": "quota", "name": "quota", "flow_entries_per_datapath": 1_000_000, "flow_entries": 10_000_000},
    {"kind": "rate-limit", "name": "rate", **RATES},
    {"kind": "acl", "name": "acl", "rules": [{"deny": {"eth_src": "02:ff:00:00:00:01"}}]},
)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


@contextlib.contextmanager
def on_a_core_of_its_own() -> Iterator[None]:
    """What is started inside gets one core, and the load that comes after it another, where there are two."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {SUBJECTS_CORE})
    yield
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {LOADS_CORE})


class Subject:
    """A running process between switches and controllers."""

    def __init__(self, program: Program, port: int) -> None:
        self.program, self.port = program, port
        self.idle_bytes = self.resident_bytes

    @property
    def resident_bytes(self) -> int:
        return resident_bytes(self.program.pid)

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all its threads, from the scheduler's own nanoseconds."""
        tasks = Path(f"/proc/{self.program.pid}/task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in tasks) / 1e9

    def close(self) -> None:
        self.program.stop()


def start_forwarder(folder: Path, controller: int) -> Subject:
    port = free_port()
    argv = python_module("tests.bench.forwarder", str(port), str(controller))
    return started(Program(argv, log=folder / "forwarder.log"), port)


def start_haproxy(folder: Path, controller: int, path: str) -> Subject:
    port = free_port()
    configuration = folder / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(host=HOST, port=port, controller=controller))
    return started(Program([path, "-db", "-f", configuration], log=folder / "haproxy.log"), port)


def started(program: Program, port: int) -> Subject:
    program.wait_until(lambda: is_listening(port), what=f"{program.argv[0]} listens")
    return Subject(program, port)


def start_flowvisor(
    folder: Path,
    controllers: Sequence[int],
    *,
    rules_per_slice: int,
    tables: int = 8,
    policies: Sequence[dict[str, Any]] = (),
    datapaths_of_network: int = 0,
) -> Subject:
    """The hypervisor with a slice for each controller; every rule names one source address.

    With `datapaths_of_network` it is one slice, a virtual network that has a switch on each of so many.
    """
    slices = (
        [describe_network(controllers[0], datapaths_of_network, tables=tables)]
        if datapaths_of_network
        else [
            describe_slice(number, controller, rules_per_slice, tables=tables)
            | {"policies": [policy["name"] for policy in policies]}
            for number, controller in enumerate(controllers)
        ]
    )
    ports = Ports(datapaths=free_port(), admin=free_port())
    crowd = {"max_half_open_per_address": 512}  # all datapaths of a load come from one address, at once
    flowvisor = Flowvisor(folder, slices, ports=ports, policies=policies, settings=crowd)
    return Subject(flowvisor.program, ports.datapaths)


def describe_network(controller: int, datapaths: int, *, tables: int) -> dict[str, Any]:
    return {
        "kind": "virtual-network",
        "name": "tenant-0",
        "controllers": [f"tcp:{HOST}:{controller}"],
        "tables": tables,
        "switches": {
            f"switch-{dpid}": {
                "dpid": f"{dpid:016x}",
                "ports": {port: f"{dpid:016x}/{port}" for port in range(1, PORTS + 1)},
            }
            for dpid in range(1, datapaths + 1)
        },
    }


def describe_slice(number: int, controller: int, rules: int, *, tables: int) -> dict[str, Any]:
    return {
        "kind": "flowspace",
        "name": f"tenant-{number}",
        "controllers": [f"tcp:{HOST}:{controller}"],
        "tables": tables,
        "flowspace": [
            {
                "datapaths": "all",
                "priority": 100,
                "match": {"eth_src": readable(source_address(number, rule))},
            }
            for rule in range(rules)
        ],
    }
