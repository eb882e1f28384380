"""What one slice sees of one datapath: its tables, its ports, and where its packets may leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flowvisor.flowspace.box import EVERYTHING, Box
from flowvisor.flowspace.layout import boxes_of, forget, set_field
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow.match import Match
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.ownership import Ownership

# What a packet leaves behind when it goes out of a port.
_LEFT_BEHIND = ("metadata", "in_phy_port", "tunnel_id")


class View:
    """The slice's share of a datapath; answers are remembered, the plan that they follow from never changes.

    `block` is None where the datapath has no tables for the slice and flow entries are intersected.
    """

    def __init__(self, *, slice_name: str, ownership: Ownership, block: TableBlock | None) -> None:
        self.slice_name = slice_name
        self.ownership = ownership
        self.block = block
        self._owned_ports: dict[int, bool] = {}
        self._private_ports: dict[int, bool] = {}
        self._safe_ports: dict[int, bool] = {}
        self._region: tuple[Box, ...] | bool | None = False

    def owns_port(self, port: int) -> bool:
        """Whether any packet that comes in at the port belongs to the slice."""
        port = self.ownership.representative_of(port)
        known = self._owned_ports.get(port)
        if known is None:
            known = self._owned_ports[port] = self._is_owned(port)
        return known

    def own_ports(self, ports: Iterable[int]) -> list[int]:
        """Those of a datapath's ports that the slice has, in ascending order."""
        return sorted(port for port in ports if self.owns_port(port))

    def flooded_ports(self, ports: Iterable[int]) -> list[int]:
        """The ports that an entry's output to FLOOD or ALL is judged by.

        In a block of tables a port that comes joins the flood of entries that are there already, so that the ports
        that may yet come count like those that have.
        """
        if self.block is None:
            return self.own_ports(ports)
        ownership = self.ownership
        return self.own_ports({*ports, *ownership.named_ports, ownership.any_other_port})

    def port_is_private(self, port: int) -> bool:
        """Whether no packet at all is another slice's at this port."""
        port = self.ownership.representative_of(port)
        known = self._private_ports.get(port)
        if known is None:
            known = self._private_ports[port] = self.foreign_part((EVERYTHING,), port) is None
        return known

    def port_is_safe(self, port: int) -> bool:
        """Whether every packet of the slice may leave here as it came in, whatever it is."""
        port = self.ownership.representative_of(port)
        known = self._safe_ports.get(port)
        if known is None:
            region = self.region
            safe = region is not None and self.foreign_part(region, port) is None
            known = self._safe_ports[port] = safe or self.port_is_private(port)
        return known

    @property
    def region(self) -> tuple[Box, ...] | None:
        """The effective flowspace as boxes, or None where that would take too many."""
        if isinstance(self._region, bool):
            try:
                own = self.ownership.own_pieces
                self._region = tuple(own(EVERYTHING, self.slice_name, is_fenced=True))
            except TooManyPieces:
                self._region = None
        return self._region

    def own_pieces(self, boxes: Collection[Box], *, is_fenced: bool = False) -> list[Box] | None:
        """What of a set of packets is in the effective flowspace; None where that would take too many boxes.

        What `is_fenced` is, see `Ownership.own_pieces`.
        """
        own, name = self.ownership.own_pieces, self.slice_name
        try:
            return [piece for box in boxes for piece in own(box, name, is_fenced=is_fenced)]
        except TooManyPieces:
            return None

    def foreign_part(self, boxes: Iterable[Box], port: int) -> Box | None:
        """Of packets that leave at a port, some that belong to another slice where they arrive, else None.

        They arrive at the same port seen from outside.
        """
        for box in boxes:
            arriving = set_field(forget(box, *_LEFT_BEHIND), "in_port", port)
            foreign = self.ownership.foreign_part(arriving, self.slice_name)
            if foreign is not None:
                return foreign
        return None

    def _is_owned(self, port: int) -> bool:
        try:
            box = boxes_of(Match.of(in_port=port))[0]
            return any(True for _ in self.ownership.own_pieces(box, self.slice_name))
        except TooManyPieces:
            return True
