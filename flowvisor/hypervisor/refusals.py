"""The requests of a slice that were refused lately, kept so that its tenant can be told why."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

MAX_REFUSALS_KEPT: Final = 64  # of each slice, some 20 KiB; the oldest goes when there is one more


class Refused(NamedTuple):
    """A request that was answered with an error: when (by the clock of the shell), whose, and why.

    `error` is OpenFlow's (type, code), `reason` the word that is counted; `frame` is what the error has quoted.
    """

    at: float
    dpid: int
    controller: str
    version: int
    error: tuple[int, int]
    reason: str
    frame: bytes


def no_refusals() -> deque[Refused]:
    """What is kept of a slice to which nothing has been refused yet; oldest first."""
    return deque(maxlen=MAX_REFUSALS_KEPT)
