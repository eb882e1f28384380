"""Which slice has which block of flow tables, and which port which label; they stay while their owner lives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from attrs import field, frozen

from flowvisor.slices.slice import PortName, Slice
from flowvisor.slices.virtual_network import TUNNEL_LABELS, VLAN_LABELS

FIRST_BLOCK_TABLE: Final = 1  # table 0 is the classifier
LAST_TABLE: Final = 0xFE  # OFPTT_MAX (OpenFlow 1.3.5, section 7.3.4.1)


class TableBlock(NamedTuple):
    """Tables `first` to `first + size - 1` of every 1.3 datapath that has them."""

    first: int
    size: int

    @property
    def end(self) -> int:
        """The first table after the block."""
        return self.first + self.size


NO_TABLES: Final = TableBlock(0, 0)  # of a slice that may not write


@frozen
class Allocations:
    """The blocks by slice name, or by the name of a virtual switch's share, and the labels by virtual port.

    Blocks may lie beyond what a datapath has; there the slice is intersected. A port for which no label was left has
    none. Of some blocks the first `answer_tables` are not the tenant's. `births` tell who has a block from who had it
    before, also under the same name: they count up and are never given twice, `last_birth` is the highest. What was
    given before there were births has 0.
    """

    blocks: Mapping[str, TableBlock] = field(factory=dict)
    labels: Mapping[PortName, int] = field(factory=dict)
    answer_tables: Mapping[str, int] = field(factory=dict)
    births: Mapping[str, int] = field(factory=dict)
    last_birth: int = 0

    def allocate(self, slices: Iterable[Slice], vlan_labels: range = VLAN_LABELS) -> Allocations:
        """Keep what the given slices have, give new ones the first gap that fits, forget the rest."""
        ordered = sorted(slices, key=lambda one: one.name)
        wanted = {name: size for one in ordered for name, size in one.block_sizes.items()}
        in_front = {
            name: one.answer_tables for one in ordered for name in one.block_sizes if one.answer_tables
        }
        blocks = {
            name: self.blocks[name]
            for name, size in wanted.items()
            if name in self.blocks
            and self.blocks[name].size == size
            and self.answer_tables.get(name) == in_front.get(name)
        }
        births = {name: self.births.get(name, 0) for name in blocks}
        is_any_new = len(blocks) < len(wanted)
        for name, size in wanted.items():
            if name not in blocks:
                blocks[name] = TableBlock(_first_gap(blocks.values(), size), size)
                births[name] = self.last_birth + 1
        labels: dict[PortName, int] = {}
        for are_tunnelled, among in ((False, vlan_labels), (True, TUNNEL_LABELS)):
            kind = [one for one in ordered if one.is_tunnelled is are_tunnelled]
            labels |= self._allocate_labels([port for one in kind for port in one.labelled_ports], among)
        return Allocations(blocks, labels, in_front, births, self.last_birth + is_any_new)

    def _allocate_labels(self, ports: Iterable[PortName], among: range) -> dict[PortName, int]:
        found: dict[PortName, int] = {}
        taken: set[int] = set()
        new = []
        for port in ports:
            label = self.labels.get(port)
            if label is None or label not in among or label in taken:
                new.append(port)
            else:
                found[port] = label
                taken.add(label)
        free = (label for label in among if label not in taken)
        return found | dict(zip(new, free, strict=False))

    def to_text(self) -> str:
        """The form that is kept on disk."""
        labels: dict[str, dict[str, int]] = {}
        for (share, number), label in sorted(self.labels.items()):
            labels.setdefault(share, {})[str(number)] = label
        tables = {name: list(self.blocks[name]) for name in sorted(self.blocks)}
        more = {"labels": labels, "answer_tables": self.answer_tables}
        births = {"births": dict(sorted(self.births.items())), "last_birth": self.last_birth}
        said = {key: value for key, value in more.items() if value}
        return json.dumps({"tables": tables, **said, **births}, indent=2)

    @classmethod
    def from_text(cls, text: str) -> Allocations:
        """Read what `to_text` wrote; raises ValueError for anything else, and for blocks that overlap."""
        document = json.loads(text)
        try:
            blocks = {
                str(name): TableBlock(int(first), int(size))
                for name, (first, size) in document["tables"].items()
            }
            labels = _read_labels(document.get("labels", {}))
            in_front = {str(name): int(n) for name, n in document.get("answer_tables", {}).items()}
            known = {str(name): int(birth) for name, birth in document.get("births", {}).items()}
            last_birth = int(document.get("last_birth", 0))
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a file of allocations: {error!r}") from error
        ordered = sorted(blocks.values())
        if any(one.end > other.first for one, other in pairwise(ordered)):
            raise ValueError("two slices have the same table")
        if any(block.first < FIRST_BLOCK_TABLE or block.size < 1 for block in ordered):
            raise ValueError("a block begins before the first table that a slice may have, or is empty")
        births = {name: known.get(name, 0) for name in blocks}
        if any(not 0 <= birth <= last_birth for birth in births.values()):
            raise ValueError("a birth is not one of those that were given")
        return cls(blocks, labels, in_front, births, last_birth)


def _read_labels(document: Any) -> dict[PortName, int]:
    labels = {
        PortName(str(share), int(number)): int(label)
        for share, ports in document.items()
        for number, label in ports.items()
    }
    if any(label not in TUNNEL_LABELS for label in labels.values()):
        raise ValueError("a label is not one")
    return labels


def _first_gap(taken: Iterable[TableBlock], size: int) -> int:
    first = FIRST_BLOCK_TABLE
    for block in sorted(taken):
        if first + size <= block.first:
            break
        first = max(first, block.end)
    return first
