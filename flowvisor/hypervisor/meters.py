"""A slice's meters at one datapath: what the tenant calls them, and what they are called there."""

from __future__ import annotations

from typing import Final

NO_METER: Final = 0  # no meter has this id (OpenFlow 1.3.5, section 7.3.4.4)


class Meters:
    """The meters of one virtual switch; `remarking` are those that change a packet's DSCP, or did once."""

    __slots__ = ("by_id", "by_physical", "remarking")

    def __init__(self) -> None:
        self.remarking: set[int] = set()
        self.by_id: dict[int, int] = {}
        self.by_physical: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def add(self, meter_id: int, physical: int) -> None:
        """Put a new meter in."""
        self.by_id[meter_id] = physical
        self.by_physical[physical] = meter_id

    def take_out(self, meter_id: int) -> int:
        """Remove a meter that is there; return what the datapath calls it."""
        physical = self.by_id.pop(meter_id)
        del self.by_physical[physical]
        self.remarking.discard(meter_id)
        return physical

    def to_physical(self, meter_id: int) -> int:
        """What the datapath calls a meter that is there."""
        return self.by_id[meter_id]

    def to_virtual(self, physical: int) -> int:
        """What the tenant calls a meter of the datapath's; NO_METER if it is not the slice's."""
        return self.by_physical.get(physical, NO_METER)
