"""Numbers of groups and meters on a datapath: each is given to one slice at a time.

Strategy: the number that was free for the longest is given next, so that whatever still names an old one (a bucket
that a datapath kept although its group was refused) does not soon mean what is another slice's.
"""

from __future__ import annotations


class Ids:
    """The numbers from 1 to `last` (which may change), and which of them are taken."""

    __slots__ = ("_next", "last", "taken")

    def __init__(self, last: int) -> None:
        self.last = last
        self.taken: set[int] = set()
        self._next = 1

    def allocate(self) -> int | None:
        """A number that nobody has, or None when all are taken."""
        if len(self.taken) >= self.last:
            return None
        number = self._next
        while number in self.taken or number > self.last:
            number = number + 1 if number < self.last else 1
        self.take(number)
        return number

    def take(self, number: int) -> None:
        """Somebody has this one already."""
        self.taken.add(number)
        self._next = number + 1

    def release(self, number: int) -> None:
        """Nobody has it any more."""
        self.taken.discard(number)
