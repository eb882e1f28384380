"""Which slice has which block of flow tables; an allocation never moves while the slice lives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from attrs import field, frozen

from flowvisor.slices.slice import Slice

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
    """The blocks by slice name. Blocks may lie beyond what a datapath has; there the slice is intersected."""

    blocks: Mapping[str, TableBlock] = field(factory=dict)

    def allocate(self, slices: Iterable[Slice]) -> Allocations:
        """Keep what the given slices have, give new ones the first gap that fits, forget the rest."""
        wanted = sorted(slices, key=lambda one: one.name)
        kept = {
            one.name: self.blocks[one.name]
            for one in wanted
            if one.name in self.blocks and self.blocks[one.name].size == one.tables
        }
        for one in wanted:
            if one.name not in kept:
                kept[one.name] = TableBlock(_first_gap(kept.values(), one.tables), one.tables)
        return Allocations(kept)

    def to_text(self) -> str:
        """The form that is kept on disk."""
        return json.dumps(
            {"tables": {name: list(self.blocks[name]) for name in sorted(self.blocks)}}, indent=2
        )

    @classmethod
    def from_text(cls, text: str) -> Allocations:
        """Read what `to_text` wrote; raises ValueError for anything else, and for blocks that overlap."""
        document = json.loads(text)
        try:
            blocks = {
                str(name): TableBlock(int(first), int(size))
                for name, (first, size) in document["tables"].items()
            }
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a file of allocations: {error!r}") from error
        ordered = sorted(blocks.values())
        if any(one.end > other.first for one, other in pairwise(ordered)):
            raise ValueError("two slices have the same table")
        if any(block.first < FIRST_BLOCK_TABLE or block.size < 1 for block in ordered):
            raise ValueError("a block begins before the first table that a slice may have, or is empty")
        return cls(blocks)


def _first_gap(taken: Iterable[TableBlock], size: int) -> int:
    first = FIRST_BLOCK_TABLE
    for block in sorted(taken):
        if first + size <= block.first:
            break
        first = max(first, block.end)
    return first
