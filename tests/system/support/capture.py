"""A second opinion on what was said: every OpenFlow frame on the loopback, as tshark reads it."""

import collections
import time
from collections.abc import Iterable
from pathlib import Path

import attrs

from tests.support.tools import require_tool
from tests.system.support.namespaces import Namespace
from tests.system.support.processes import Program, run

WRITTEN_AFTER_SECONDS = 0.5
TYPE_FIELDS = ("openflow_1_0.type", "openflow_v4.type")


@attrs.frozen
class Dissection:
    """What tshark made of the frames from one side of the conversations."""

    frames: int  # TCP segments in which it saw OpenFlow
    messages: collections.Counter[tuple[str, int]]  # by version and type
    complaints: list[str]  # segments that are malformed or that hold something tshark calls an error


class Capture:
    """Records the loopback of a namespace until it is stopped."""

    def __init__(self, folder: Path, namespace: Namespace) -> None:
        self.path = folder / "loopback.pcapng"
        argv = [require_tool("dumpcap"), "-q", "-i", "lo", "-B", "64", "-f", "tcp", "-w", self.path]
        self._program = Program(argv, log=folder / "dumpcap.log", inside=namespace.inside)
        self._program.wait_until(self.path.exists, what="dumpcap records")

    def stop(self) -> None:
        """End the recording when what was sent so far is in it: dumpcap writes late, and not after a signal."""
        size = -1
        while self._program.is_running and size != (size := self.path.stat().st_size):
            time.sleep(WRITTEN_AFTER_SECONDS)
        self._program.stop()

    def dissect(self, ports: Iterable[int], *, sender: str) -> Dissection:
        """Read what matches `sender`, a display filter; the ports are those that OpenFlow is spoken on."""
        spoken = [word for port in ports for word in ("-d", f"tcp.port=={port},openflow")]
        tshark = [require_tool("tshark"), "-n", "-r", self.path, *spoken]
        types = run([*tshark, "-Y", sender, "-T", "fields", *fields(*TYPE_FIELDS)], timeout_seconds=120)
        wrong = f"({sender}) && (_ws.malformed || _ws.expert.severity >= error || openflow.version.unknown)"
        columns = fields("frame.number", "tcp.srcport", "tcp.dstport", "_ws.col.Info", "_ws.expert.message")
        complaints = run([*tshark, "-Y", wrong, "-T", "fields", *columns], timeout_seconds=120)
        counted: collections.Counter[tuple[str, int]] = collections.Counter()
        frames = 0
        for line in types.splitlines():
            for version, cell in zip(("1.0", "1.3"), line.split("\t"), strict=True):
                counted.update((version, int(kind)) for kind in cell.split(",") if kind)
            frames += bool(line.strip())
        return Dissection(frames=frames, messages=counted, complaints=complaints.splitlines())


def fields(*names: str) -> list[str]:
    return [word for name in names for word in ("-e", name)]
