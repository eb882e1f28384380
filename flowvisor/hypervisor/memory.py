"""What is remembered of a datapath while it is away, and by the journal also while the process is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import Name, encode_record

_NOTHING: Final[Mapping[bytes, bytes]] = MappingProxyType({})


class Memory:
    """One datapath's. Keys and values are whatever each kind of record makes of them."""

    __slots__ = ("_known", "dpid")

    def __init__(self, dpid: int, known: Mapping[Name, bytes]) -> None:
        self.dpid = dpid
        self._known: dict[tuple[int, str], dict[bytes, bytes]] = {}
        for (kind, slice_name, key), value in known.items():
            self._known.setdefault((kind, slice_name), {})[key] = value

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not any(self._known.values())

    def of(self, kind: int, slice_name: str) -> Mapping[bytes, bytes]:
        """What is known of one kind and slice."""
        return self._known.get((kind, slice_name), _NOTHING)

    def remember(self, kind: int, slice_name: str, key: bytes, value: bytes, effects: Effects) -> None:
        """From now on this is known, whatever happens to us after these effects."""
        self._known.setdefault((kind, slice_name), {})[key] = value
        effects.record(self.dpid, encode_record(kind, slice_name, key, value))

    def forget(self, kind: int, slice_name: str, key: bytes, effects: Effects) -> None:
        """This is known no more."""
        if self._known.get((kind, slice_name), {}).pop(key, None) is not None:
            effects.record(self.dpid, encode_record(kind, slice_name, key, None))

    def forget_slices_but(self, names: frozenset[str]) -> None:
        """Drop what is known of slices that are gone; their records go with the next time the file is written."""
        for kind, slice_name in list(self._known):
            if slice_name not in names:
                del self._known[kind, slice_name]

    def records(self) -> Iterator[bytes]:
        """All that is known now, to begin a fresh file with.

        What is remembered or forgotten while this is read goes into that file as well, in its own time: the last
        record counts, and none is made here of what is known no more.
        """
        for kind, slice_name in list(self._known):
            known = self._known.get((kind, slice_name), {})
            for key in list(known):
                value = known.get(key)
                if value is not None:
                    yield encode_record(kind, slice_name, key, value)
