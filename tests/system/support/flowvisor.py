"""The hypervisor as its admin runs it: files written, a process started, killed and started again."""

import contextlib
import json
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import yaml

from tests.system.support.namespaces import Namespace
from tests.system.support.processes import Program, python_module

HOST = "127.0.0.1"
START_SECONDS = 15.0


@attrs.frozen
class Ports:
    """Where it listens."""

    datapaths: int = 6653
    admin: int = 8080


def write_configuration(
    folder: Path,
    slices: Sequence[dict[str, Any]],
    *,
    ports: Ports,
    datapaths: dict[str, int] | None = None,
    policies: Sequence[dict[str, Any]] = (),
    settings: dict[str, Any] | None = None,
) -> Path:
    """The admin's files: one per slice and policy, and the one that names their folders, with these settings."""
    for name in ("slices", "policies"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for kind, documents in (("slices", slices), ("policies", policies)):
        for document in documents:
            path = folder / kind / f"{document['name']}.yaml"
            path.write_text(yaml.safe_dump(document, sort_keys=False))
    configuration: dict[str, Any] = {
        "listen": [f"ptcp:{ports.datapaths}:{HOST}"],
        "admin": f"ptcp:{ports.admin}:{HOST}",
        "state": "state",
        "slices": "slices",
        "policies": "policies",
    }
    if datapaths:
        configuration["datapaths"] = {name: {"dpid": f"{dpid:016x}"} for name, dpid in datapaths.items()}
    configuration |= settings or {}
    path = folder / "flowvisor.yaml"
    path.write_text(yaml.safe_dump(configuration, sort_keys=False))
    return path


class Flowvisor:
    """`flowvisor run` on files that the test wrote."""

    def __init__(
        self,
        folder: Path,
        slices: Sequence[dict[str, Any]],
        *,
        namespace: Namespace | None = None,
        ports: Ports | None = None,
        datapaths: dict[str, int] | None = None,
        policies: Sequence[dict[str, Any]] = (),
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.ports = ports or Ports()
        self.folder, self._namespace = folder, namespace
        self._configuration = write_configuration(
            folder, slices, ports=self.ports, datapaths=datapaths, policies=policies, settings=settings
        )
        self.program = self._start()

    @property
    def said(self) -> str:
        return self.program.said

    def _start(self) -> Program:
        program = Program(
            python_module("flowvisor", "run", "--config", self._configuration),
            log=self.folder / "flowvisor.log",
            inside=self._namespace.inside if self._namespace else (),
        )
        program.wait_until(self.is_listening, what="flowvisor listens", timeout_seconds=START_SECONDS)
        return program

    def _socket(self) -> socket.socket:
        if self._namespace:
            return self._namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def is_listening(self) -> bool:
        for port in (self.ports.admin, self.ports.datapaths):
            with self._socket() as client:
                if client.connect_ex((HOST, port)):
                    return False
        return True

    def health(self) -> dict[str, Any]:
        """What its health page says, whether all is well or not."""
        told: dict[str, Any] = json.loads(self.get("/health", statuses=(b"200", b"503")))
        return told

    def metric(self, name: str, /, **labels: str) -> float:
        """The sum of a metric over everything but these labels."""
        total = 0.0
        for line in self.get("/metrics").splitlines():
            found = re.fullmatch(rf"flowvisor_{name}(?:{{(.*)}})? (\S+)", line)
            if found and all(f'{label}="{value}"' in found[1] for label, value in labels.items()):
                total += float(found[2])
        return total

    def get(self, path: str, statuses: Sequence[bytes] = (b"200",)) -> str:
        """The body of a page of its admin server."""
        with self._socket() as client:
            client.settimeout(5)
            client.connect((HOST, self.ports.admin))
            client.sendall(f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        if head.split(b" ", 2)[1] not in statuses:
            raise AssertionError(f"{path}: {head.decode()}")
        return body.decode()

    def kill(self) -> None:
        self.program.kill()

    def start_again(self) -> None:
        self.program = self._start()

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.program.stop()
