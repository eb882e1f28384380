"""The links between datapaths' ports: those that the admin declared and those that were found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from flowvisor.network.dpid import format_dpid

# A cable has one far end; there are several only where something between forwards what no bridge may. A further
# one is not taken in.
MAX_FAR_ENDS: Final = 8


class End(NamedTuple):
    """A port of a datapath."""

    dpid: int
    port: int

    def __str__(self) -> str:
        return f"{format_dpid(self.dpid)}/{self.port}"


class Topology:
    """Which ports what is sent out of a port arrives at: links have a direction, and a cable is two of them.

    A declared link is there whatever is found, and nothing that is found counts at its ends.
    """

    def __init__(self, declared: Iterable[tuple[End, End]] = ()) -> None:
        self._declared: dict[End, End] = {}
        for one, other in declared:
            self._declared[one], self._declared[other] = other, one
        self._found: dict[End, tuple[End, ...]] = {}

    def __len__(self) -> int:
        return len(self._declared) + sum(map(len, self._found.values()))

    @property
    def declared(self) -> Mapping[End, End]:
        """Far ends by near ends, in both directions."""
        return self._declared

    def far_ends(self, near: End) -> tuple[End, ...]:
        """Where a packet arrives that leaves here; empty where no link is known."""
        declared = self._declared.get(near)
        return self._found.get(near, ()) if declared is None else (declared,)

    def links(self) -> Iterator[tuple[End, End]]:
        """All links, as near end and far end."""
        yield from self._declared.items()
        for near, far_ends in self._found.items():
            for far in far_ends:
                yield near, far

    def add(self, near: End, far: End) -> bool:
        """Take in a link that was found; False if it is known, or there is no room for it."""
        known = self._found.get(near, ())
        if near in self._declared or far in known or len(known) >= MAX_FAR_ENDS:
            return False
        self._found[near] = (*known, far)
        return True

    def remove(self, near: End, far: End) -> bool:
        """Forget a link that was found; False if there is none."""
        known = self._found.get(near, ())
        if far not in known:
            return False
        rest = tuple(end for end in known if end != far)
        if rest:
            self._found[near] = rest
        else:
            del self._found[near]
        return True
