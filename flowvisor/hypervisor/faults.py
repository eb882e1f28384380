"""What peers do that they should not: how often lately."""

from __future__ import annotations

from typing import Final

from attrs import define

from flowvisor.openflow.channel import MAX_PROTOCOL_ERRORS, PROTOCOL_ERROR_WINDOW_SECONDS

TOO_MANY_FAULTS: Final = "too-many-protocol-errors"  # why a peer is hung up on


@define(eq=False)
class Faults:
    """How often a peer has broken the protocol lately, by the channel's own measure of patience."""

    count: int = 0
    since: float = 0.0

    def one_more(self, now: float) -> bool:
        """Count one; True if the peer is to be hung up on."""
        if now - self.since > PROTOCOL_ERROR_WINDOW_SECONDS:
            self.since, self.count = now, 0
        self.count += 1
        return self.count >= MAX_PROTOCOL_ERRORS


@define(eq=False)
class Doubts:
    """How many packets have come in at a port lately that are like probes and prove nothing."""

    since: float
    count: int = 0
