"""What is remembered of a datapath while it is away, and by the journal also while the process is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.entry_records import encode_entry, entry_name, forget_entry
from flowvisor.hypervisor.flow_table import Entry, FlowTable
from flowvisor.hypervisor.journal import BIRTH, FLOW_ENTRY, SEEN_DATAPATH, SEEN_LINK, Name, encode_record

NO_SLICE: Final = ""  # in a slice's place, of what is known of the datapath itself

# Who may connect may do so under many names: when so many datapaths are away, nothing is kept of one that leaves that a
# look at it tells (whose tables are in use, how it is linked).
MAX_AWAY: Final = 4096
_FOUND_OUT_AGAIN: Final = frozenset({BIRTH, SEEN_DATAPATH, SEEN_LINK})

_NOTHING: Final[Mapping[bytes, bytes]] = MappingProxyType({})


class Memory:
    """One datapath's. Keys and values are whatever each kind of record makes of them.

    The entries of intersected slices are kept as they are used: `entries` by the number in their cookie, and
    `flow_tables` by slice, as they were in words of `version`. Before the datapath comes for the first time they
    are records like any other.
    """

    __slots__ = ("_known", "dpid", "entries", "entries_made", "flow_tables", "version")

    def __init__(self, dpid: int, known: Mapping[Name, bytes]) -> None:
        self.dpid = dpid
        self.entries: dict[int, Entry] = {}
        self.entries_made = 0
        self.flow_tables: dict[str, FlowTable] = {}
        self.version = 0
        self._known: dict[tuple[int, str], dict[bytes, bytes]] = {}
        for (kind, slice_name, key), value in known.items():
            self._known.setdefault((kind, slice_name), {})[key] = value

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not any(self._known.values()) and not any(map(len, self.flow_tables.values()))

    @property
    def slices(self) -> set[str]:
        """The names of those of which anything is known."""
        return {slice_name for _, slice_name in self._known} - {NO_SLICE} | self.flow_tables.keys()

    def take(self, kind: int) -> Iterator[tuple[str, bytes, bytes]]:
        """Take out all that is known of one kind, as slice, key and value; from now on the caller keeps it."""
        for of_kind, slice_name in list(self._known):
            if of_kind == kind:
                for key, value in self._known.pop((of_kind, slice_name)).items():
                    yield slice_name, key, value

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

    def forget_what_is_found_out_again(self, effects: Effects) -> None:
        """Nothing is known any more, unless something is that only we know."""
        kinds = {kind for (kind, _), known in self._known.items() if known}
        if kinds <= _FOUND_OUT_AGAIN and not any(map(len, self.flow_tables.values())):
            for kind, slice_name in list(self._known):
                for key in list(self._known[kind, slice_name]):
                    self.forget(kind, slice_name, key, effects)

    def forget_slices_but(self, names: Collection[str], effects: Effects) -> None:
        """Nothing is known any more of slices that are gone."""
        for kind, slice_name in list(self._known):
            if slice_name not in (NO_SLICE, *names):
                for key in list(self._known[kind, slice_name]):
                    self.forget(kind, slice_name, key, effects)
                del self._known[kind, slice_name]

    def forget_slice(self, name: str, effects: Effects) -> None:
        """Nothing is known any more of a slice: the one that is called so now is another one."""
        for kind, slice_name in list(self._known):
            if slice_name == name:
                for key in list(self._known[kind, slice_name]):
                    self.forget(kind, slice_name, key, effects)
                del self._known[kind, slice_name]
        table = self.flow_tables.pop(name, None)
        for entry in table.entries.values() if table is not None else ():
            self.entries.pop(entry.number, None)
            forget_entry(self.dpid, entry, effects)

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
        entries = [entry for table in self.flow_tables.values() for entry in table.entries.values()]
        for entry in entries:
            table = self.flow_tables.get(entry.owner)
            if table is not None and table.holds(entry):
                yield encode_record(FLOW_ENTRY, entry.owner, entry_name(entry.key), encode_entry(entry))
