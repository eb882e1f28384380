"""What happened to connections, in plain ints; keys come from closed sets or from the admin's files."""

from __future__ import annotations

from collections import Counter
from typing import Final

from attrs import Factory, define

# Datapaths may come with any dpid: beyond this many, one more shares the entry `OTHER_DPIDS` with all others.
MAX_COUNTED_DPIDS: Final = 1024
OTHER_DPIDS: Final = -1

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

    def counted_dpid(self, dpid: int) -> int:
        """The dpid, as long as not too many are known; then one that stands for all others."""
        if dpid in self.datapath_connects or len(self.datapath_connects) < MAX_COUNTED_DPIDS:
            return dpid
        return OTHER_DPIDS
