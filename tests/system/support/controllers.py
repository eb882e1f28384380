"""Tenants' controllers as they come out of the box, each a listener on the loopback of a namespace."""

import socket
from pathlib import Path

from tests.support.tools import require_tool
from tests.system.support.namespaces import Namespace
from tests.system.support.pki import Keys
from tests.system.support.processes import Program, python_module

KINDS = ("ovs-testcontroller", "os-ken")
ON_OS_KEN = {"os-ken": "learning_switch", "os-ken-topology": "topology_watch", "pox": "pox_discovery"}


class Controller:
    """A learning switch somebody else wrote; it can be killed and started again on its port."""

    def __init__(
        self,
        kind: str,
        *,
        port: int,
        version: str,
        folder: Path,
        namespace: Namespace,
        keys: Keys | None = None,
    ) -> None:
        self.port, self.version, self.kind, self.keys = port, version, kind, keys
        self._folder, self._namespace = folder, namespace
        self.program = self._start()

    @property
    def target(self) -> str:
        return f"{'ssl' if self.keys else 'tcp'}:127.0.0.1:{self.port}"

    def _start(self) -> Program:
        # On os-ken's threads the waits of its topology application never time out; it was written for these.
        environment = {"OSKEN_HUB_TYPE": "eventlet"} if self.kind == "os-ken-topology" else {}
        if self.kind in ON_OS_KEN:
            module = f"tests.system.support.{ON_OS_KEN[self.kind]}"
            options = self.keys.of_os_ken if self.keys else []
            argv = python_module(module, str(self.port), self.version, *options)
        else:
            protocols = f"OpenFlow{self.version.replace('.', '')}"
            # No time-out on its flows: a test that takes long must not meet the tenant's own forgetting.
            options = ["--max-idle=permanent", f"--protocols={protocols}"]
            control = f"--unixctl={self._folder / f'testcontroller-{self.port}.ctl'}"
            options += self.keys.of_open_vswitch if self.keys else []
            method = f"{'pssl' if self.keys else 'ptcp'}:{self.port}:127.0.0.1"
            argv = [require_tool("ovs-testcontroller"), *options, control, method]
        log = self._folder / f"{self.kind}-{self.port}.log"
        program = Program(argv, log=log, inside=self._namespace.inside, environment=environment)
        program.wait_until(self.is_listening, what=f"{self.kind} listens on {self.port}", timeout_seconds=20)
        return program

    def is_listening(self) -> bool:
        with self._namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self.program.kill()

    def start_again(self) -> None:
        self.program = self._start()

    def close(self) -> None:
        self.program.kill()
