"""One bridge with four ports, a host at each, and two slices with two ports each."""

import contextlib
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.system.support.flowvisor import HOST, Flowvisor
from tests.system.support.frames import Wire
from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.tools import require_root

BRIDGE, PORTS = "shared", (1, 2, 3, 4)
FIRST_CONTROLLER_PORT = 6801


class OneBridge:
    """Everything started; the slices' controllers are sockets that the test has to accept."""

    def __init__(
        self,
        folder: Path,
        version: str,
        slices: Mapping[str, Sequence[int]],
        policies: Sequence[dict[str, Any]] = (),
        settings: dict[str, Any] | None = None,
    ) -> None:
        require_root()
        with contextlib.ExitStack() as undo:
            bridges, self._host = Namespace(folder, "bridges"), Namespace(folder, "host")
            self.bridges = bridges
            undo.callback(bridges.close)
            undo.callback(self._host.close)
            self.listeners = {}
            for number, name in enumerate(slices):
                self.listeners[name] = listen(bridges, FIRST_CONTROLLER_PORT + number)
                undo.callback(self.listeners[name].close)
            for port in PORTS:
                far = f"peer name eth{port} netns {self._host.pid}"
                bridges.ip(f"link add port-{port} type veth {far}", f"link set port-{port} up")
                self._host.ip(f"link set eth{port} up")
            self.switch = OpenVSwitch(folder, bridges)
            undo.callback(self.switch.close)
            described = [
                {
                    "kind": "flowspace",
                    "name": name,
                    "controllers": [f"tcp:{HOST}:{FIRST_CONTROLLER_PORT + number}"],
                    "policies": [policy["name"] for policy in policies],
                    "flowspace": [{"datapaths": "all", "priority": 100, "match": {"in_port": list(ports)}}],
                }
                for number, (name, ports) in enumerate(slices.items())
            ]
            self.flowvisor = Flowvisor(
                folder, described, namespace=bridges, policies=policies, settings=settings
            )
            undo.callback(self.flowvisor.close)
            self.switch.add_bridge(
                BRIDGE,
                dpid=1,
                versions=[version],
                controller=f"tcp:{HOST}:6653",
                ports={port: f"port-{port}" for port in PORTS},
            )
            self._undo = undo.pop_all()

    def wire(self, port: int) -> Wire:
        """The far end of a port's cable."""
        wire = Wire(self._host, f"eth{port}")
        self._undo.callback(wire.close)
        return wire

    def accept(self, slice_name: str) -> socket.socket:
        """The call of the slice's controller."""
        connection, _ = self.listeners[slice_name].accept()
        self._undo.callback(connection.close)
        return connection

    def close(self) -> None:
        self._undo.close()


def listen(namespace: Namespace, port: int) -> socket.socket:
    listener = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((HOST, port))
    listener.listen()
    listener.settimeout(20)
    return listener
