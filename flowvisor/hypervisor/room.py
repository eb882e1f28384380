"""Room for flow entries: how many a virtual switch may still be given before its entries have to be counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import Factory, define

from flowvisor.hypervisor.effects import Effects

UNLIMITED: Final = 1 << 62


@define(eq=False)
class Counting:
    """A count that is under way: the rooms that have no answer yet, and what goes on when all have."""

    pending: set[Room] = Factory(set)
    waiting: list[Callable[[Effects], None]] = Factory(list)


@define(eq=False)
class Pool:
    """Rooms that are counted together: those of a slice where it has a limit over all datapaths, else of a datapath."""

    limit: int = UNLIMITED
    rooms: list[Room] = Factory(list)
    counting: Counting | None = None


@define(eq=False)
class Room:
    """One virtual switch's. `left` is how many additions may pass unseen; with them there are `most` entries. It shares
    its `limit` with those of the pool that are at the same datapath, as those of one virtual network may be.

    Where nobody keeps the entries (`counts_itself` is None) `most` is an upper bound: entries time out, and additions
    overwrite. It is exact when they have just been counted, and not known at all before.
    """

    left: int = 0
    limit: int = UNLIMITED
    most: int = 0
    is_counted: bool = False
    counts_itself: Callable[[], int] | None = None
    pool: Pool = Factory(Pool)
    switch: Any = None

    @property
    def is_known(self) -> bool:
        """Whether there is a bound of what is held."""
        return self.is_counted or self.counts_itself is not None

    @property
    def held(self) -> int:
        """How many entries there are, at most."""
        return self.most - self.left if self.counts_itself is None else self.counts_itself()

    def counted(self, count: int) -> None:
        """So many there are."""
        self.most, self.left, self.is_counted = count, 0, True

    def take(self) -> bool:
        """Take room for one more entry if it is known to be there."""
        if self.left <= 0:
            self._lease()
        if self.left <= 0:
            return False
        self.left -= 1
        return True

    def give_back(self) -> None:
        """What is left may be used by others of the pool."""
        self.most -= self.left
        self.left = 0

    def _lease(self) -> None:
        pool = self.pool
        if pool.counting is not None or not all(room.is_known for room in pool.rooms):
            return
        here = self._beside()
        # An equal share, so that not each addition at one datapath has to look at all others.
        self.left = max(min(_share(here, self.limit), _share(pool.rooms, pool.limit)), 0)
        self.most += self.left

    def _beside(self) -> list[Room]:
        """It and those others of the pool that are at the same datapath."""
        if self.switch is None:
            return [self]
        return [room for room in self.pool.rooms if room.switch.datapath is self.switch.datapath]


def _share(rooms: list[Room], limit: int) -> int:
    """What each may take of a limit that they share, as far as nobody holds it or may take it unseen."""
    if limit >= UNLIMITED:
        return UNLIMITED
    free = limit - sum(room.held + room.left for room in rooms)
    if free <= 0:  # only then is it worth it that all others have to come here again, too
        for room in rooms:
            room.give_back()
        free = limit - sum(room.held for room in rooms)
    return -(-free // len(rooms))
