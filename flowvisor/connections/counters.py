"""What happened to connections, in plain ints; keys come from closed sets or from the admin's files."""

from __future__ import annotations

from collections import Counter
from typing import Final

from attrs import Factory, define

from flowvisor.connections.histogram import Histogram

# Datapaths may come with any dpid: beyond this many, one more shares the entry `OTHER_DPIDS` with all others.
MAX_COUNTED_DPIDS: Final = 1024
OTHER_DPIDS: Final = -1

# A round trip through flowvisor takes 0.1 ms when nothing else is going on; controllers give up after seconds.
LATENCY_BOUNDS_SECONDS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
)  # fmt: skip

DATAPATH: Final = "datapath"
CONTROLLER: Final = "controller"


@define
class ConnectionCounters:
    """Since the service started. `side` is `datapath` or `controller`; reasons are words with hyphens."""

    datapath_connects: Counter[int] = Factory(Counter)  # by dpid
    datapath_disconnects: Counter[tuple[int, str]] = Factory(Counter)  # by dpid and reason
    controller_connects: Counter[tuple[str, str]] = Factory(Counter)  # by slice and controller
    controller_disconnects: Counter[tuple[str, str, str]] = Factory(Counter)  # and by reason
    controller_connect_failures: Counter[tuple[str, str, str]] = Factory(Counter)
    handshake_failures: Counter[tuple[str, str]] = Factory(Counter)  # by side and reason
    malformed: Counter[tuple[str, str]] = Factory(Counter)  # by side and reason
    pauses: Counter[str] = Factory(Counter)  # by side: how often reading from a peer was interrupted
    own_errors: int = 0  # exceptions of our own code
    # By side: from when a read came to when all that followed from it at once was handed over to be written.
    latencies: dict[str, Histogram] = Factory(
        lambda: {side: Histogram(LATENCY_BOUNDS_SECONDS) for side in (DATAPATH, CONTROLLER)}
    )

    def counted_dpid(self, dpid: int) -> int:
        """The dpid, as long as not too many are known; then one that stands for all others."""
        if dpid in self.datapath_connects or len(self.datapath_connects) < MAX_COUNTED_DPIDS:
            return dpid
        return OTHER_DPIDS
