"""Second opinions on what was said: every OpenFlow frame on the loopback, as others read it."""

import collections
import re
import time
from collections.abc import Iterable
from pathlib import Path

import attrs

from tests.support.tools import require_tool
from tests.system.support.namespaces import Namespace
from tests.system.support.processes import Program, run

WRITTEN_AFTER_SECONDS = 0.5
FLOW_MOD_WITHOUT_ACTIONS = ("14", "72")  # type and length, as tshark prints them
LENGTH_OF_ONE_ACTION = "8"
DECODE_ERROR = "***"  # how Open vSwitch marks what it cannot read
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
        self.path = folder / "loopback.pcap"
        argv = [require_tool("dumpcap"), "-q", "-P", "-i", "lo", "-B", "64", "-f", "tcp", "-w", self.path]
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
        columns = fields("frame.number", "openflow_1_0.type", "openflow.length", "openflow.actions_len")
        columns += fields("_ws.expert.message")
        complaints = run([*tshark, "-Y", wrong, "-T", "fields", *columns], timeout_seconds=120).splitlines()
        counted: collections.Counter[tuple[str, int]] = collections.Counter()
        frames = 0
        for line in types.splitlines():
            for version, cell in zip(("1.0", "1.3"), line.split("\t"), strict=True):
                counted.update((version, int(kind)) for kind in cell.split(",") if kind)
            frames += bool(line.strip())
        return Dissection(
            frames=frames,
            messages=counted,
            complaints=[line for line in complaints if not is_beyond_tshark(line)],
        )

    def read_by_open_vswitch(self, ports: Iterable[int]) -> list["Spoken"]:
        """Every message, in words; Open vSwitch's own decoder, which lets no wrong length through."""
        environment = {"OVS_RUNDIR": str(self.path.parent)}
        argv = [require_tool("ovs-ofctl"), "ofp-parse-pcap", self.path, *(str(port) for port in ports)]
        printed = run(argv, environment=environment, timeout_seconds=120)
        return [Spoken.parse(each) for each in re.split(r"\n\n(?=127\.)", printed) if each.strip()]


@attrs.frozen
class Spoken:
    """One message, as Open vSwitch reads it."""

    source: int  # TCP ports
    destination: int
    words: str

    @property
    def is_malformed(self) -> bool:
        return DECODE_ERROR in self.words

    @classmethod
    def parse(cls, printed: str) -> "Spoken":
        head, _, words = printed.strip().partition(":\n")
        source, destination = (int(address.rpartition(".")[2]) for address in head.split(" > "))
        return cls(source=source, destination=destination, words=words)


def is_beyond_tshark(complaint: str) -> bool:
    """Whether the segment holds a message of which tshark 4.0 cannot tell if it is well-formed.

    In 1.0 it looks for an action in every flow-mod, also in the one that `ovs-ofctl del-flows` sends, and takes
    all actions of a packet-out but the first for the packet. Open vSwitch reads those too.
    """
    _, kinds, lengths, action_lengths, _ = complaint.split("\t")
    messages = zip(kinds.split(","), lengths.split(","), strict=False)
    return FLOW_MOD_WITHOUT_ACTIONS in messages or bool(
        set(action_lengths.split(",")) - {"", LENGTH_OF_ONE_ACTION}
    )


def fields(*names: str) -> list[str]:
    return [word for name in names for word in ("-e", name)]
