"""What a tenant sees of its virtual switch by one datapath: its virtual ports, and nothing that is anybody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flowvisor.flowspace.box import EVERYTHING, Box
from flowvisor.planning.ownership import Ownership
from flowvisor.planning.share import Share
from flowvisor.planning.view import FarEnd, View


class VirtualView(View):
    """The view of a share. Ports are virtual ones, all packets that come to it are its own, and none may be another's.

    Where packets go that it emits is seen to by the groups behind its ports, so that there is nothing to ask.
    """

    share: Share

    def __init__(self, share: Share, ownership: Ownership) -> None:
        super().__init__(slice_name=share.name, ownership=ownership, block=share.block)
        self.share = share
        self.used_mask = 0

    def of_another_datapath(self) -> VirtualView:
        """A share lies on one datapath, and is never another's."""
        raise AssertionError(self.share.name)

    def put_far_ends(self, port: int, far_ends: tuple[FarEnd, ...]) -> None:
        """Cables are beneath what it is about."""

    def owns_port(self, port: int) -> bool:
        return port in self.share.ports

    def sees_port(self, port: int) -> bool:
        return port in self.share.ports

    def sees(self, packet: Box) -> bool:
        return False

    def own_ports(self, ports: Iterable[int]) -> list[int]:
        """All of its ports, whatever ports the datapath has."""
        return sorted(self.share.ports)

    def flooded_ports(self, ports: Iterable[int], *, may_grow: bool = False) -> list[int]:
        return sorted(self.share.ports)

    def port_is_private(self, port: int) -> bool:
        return True

    def has_port_alone(self, port: int) -> bool:
        """None is a physical port that it could configure."""
        return False

    def port_is_safe(self, port: int) -> bool:
        return True

    @property
    def region(self) -> tuple[Box, ...]:
        return (EVERYTHING,)

    def own_pieces(
        self, boxes: Collection[Box], *, is_fenced: bool = False, unlabelled: bool = False
    ) -> list[Box]:
        return list(boxes)

    def foreign_part(self, boxes: Iterable[Box], port: int) -> None:
        return None
