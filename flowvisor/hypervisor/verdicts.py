"""Verdicts remembered by the bytes that they are about: lists of actions repeat, what they are used with does not."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

MAX_VERDICTS: Final = 4096  # per virtual switch and kind of message; at the bound all are forgotten
MAX_BYTES: Final = 1024  # a longer list is judged each time: few are, and thousands of them would not fit

V = TypeVar("V")


class Verdicts(Generic[V]):
    """What was found of lists of actions; empty again when something changes that a verdict follows from.

    `revision` is another one then, for whoever keeps a verdict elsewhere.
    """

    __slots__ = ("_known", "get", "revision")

    def __init__(self) -> None:
        self._known: dict[Hashable, V] = {}
        self.revision = 0
        self.get: Callable[[Hashable], V | None] = self._known.get  # as quick as a dict

    def __len__(self) -> int:
        return len(self._known)

    def remember(self, key: Hashable, verdict: V, *, size: int) -> None:
        """Remember a verdict, if the list that it is about is no longer than MAX_BYTES."""
        if size > MAX_BYTES:
            return
        if len(self._known) >= MAX_VERDICTS:
            self._known.clear()
        self._known[key] = verdict

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
        self.revision += 1
