"""A storm: packet-ins of a slice that are shed, so many of them that they had better stop at the datapath."""

from __future__ import annotations

from typing import Final

SHED_BEFORE_DROPPING: Final = 32  # within the time of one drop entry; then one is due
DROP_SECONDS: Final = 1  # that a drop entry stands: a whole number of seconds, as OpenFlow has it
MAX_DROPS: Final = 4  # that begin within that time, of one slice at one datapath


class Storm:
    """How much was shed lately."""

    __slots__ = ("_began_at", "_drops", "_shed")

    def __init__(self) -> None:
        self._began_at = float("-inf")
        self._shed = self._drops = 0

    def one_more(self, now: float) -> bool:
        """A packet-in was shed; True if a drop entry is due."""
        if now - self._began_at >= DROP_SECONDS:
            self._began_at = now
            self._shed = self._drops = 0
        self._shed += 1
        if self._shed < SHED_BEFORE_DROPPING or self._drops >= MAX_DROPS:
            return False
        self._shed = 0
        self._drops += 1
        return True
