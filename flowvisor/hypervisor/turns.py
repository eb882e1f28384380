"""Whose turn it is at a datapath that has more to do than fits: deficit round robin over slices.

Strategy: as Shreedhar and Varghese have it (SIGCOMM 1995), except that a message is charged after it was translated,
because only then it is known what it costs: one flow-mod may become hundreds. A share may so be overdrawn, by one
message, and then sits out until its quanta have made up for it. A slice that has nothing waiting is served at once
for a quantum in each round, though the datapath is busy with others: its small messages never queue behind a flood.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

from attrs import Factory, define

QUANTUM: Final = 4 * 1024  # weight (see `flight`) that a slice may send in one round

T = TypeVar("T")


@define(eq=False)
class Share(Generic[T]):
    """What one slice has left in this round, and who of it waits (its channels, which take turns too)."""

    waiting: deque[T] = Factory(deque)
    left: int = QUANTUM
    seen: int = 0  # turns that had been given when `left` was last looked at


class Turns(Generic[T]):
    """The shares at one datapath of which somebody waits."""

    def __init__(self) -> None:
        self._line: deque[Share[T]] = deque()
        self._given = 0

    def __bool__(self) -> bool:
        return bool(self._line)

    def may_pass(self, share: Share[T]) -> bool:
        """Whether a message of the share may go past those who wait."""
        if share.waiting:
            return False
        rounds = (self._given - share.seen) // (len(self._line) or 1)
        if rounds:
            share.left = min(share.left + rounds * QUANTUM, QUANTUM)
            share.seen = self._given
        return share.left > 0

    def wait(self, share: Share[T], who: T) -> None:
        """Somebody of the share has a message that has to wait."""
        if not share.waiting:
            self._line.append(share)
        share.waiting.append(who)

    def next(self) -> T:
        """Whose turn it is; call `served` before asking again."""
        line = self._line
        while line[0].left <= 0:
            self._turn()
        return line[0].waiting[0]

    def served(self, weight: int, *, has_more: bool) -> None:
        """Whose turn it was has sent this much; it waits again if it has more."""
        line = self._line
        share = line[0]
        share.left -= weight
        who = share.waiting.popleft()
        if has_more:
            share.waiting.append(who)
        elif not share.waiting:
            line.popleft()
            share.seen = self._given
            if not line:
                self._given += 1  # the next who wait begin a new round

    def _turn(self) -> None:
        share = self._line[0]
        share.left += QUANTUM
        self._given += 1
        self._line.rotate(-1)
