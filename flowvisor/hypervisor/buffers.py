"""Packets that a datapath buffered although it was asked not to: an id is good only for who was shown it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

MAX_BUFFERS: Final = 256  # per datapath; beyond it the oldest id is no longer honoured


class BufferedPacket(NamedTuple):
    """What a slice was shown of a packet: `data` may be its beginning only."""

    slice_name: str
    in_port: int
    data: bytes


class Buffers:
    """The buffer ids of one datapath."""

    __slots__ = ("_shown",)

    def __init__(self) -> None:
        self._shown: OrderedDict[int, BufferedPacket] = OrderedDict()

    def show(self, buffer_id: int, packet: BufferedPacket) -> None:
        """The slice sees the id now; if the datapath has used it again, the earlier one is void."""
        self._shown.pop(buffer_id, None)
        self._shown[buffer_id] = packet
        if len(self._shown) > MAX_BUFFERS:
            self._shown.popitem(last=False)

    def void(self, buffer_id: int) -> None:
        """The datapath has used the id again: whoever was shown it before must not have what is in it now."""
        self._shown.pop(buffer_id, None)

    def void_of(self, slice_name: str) -> None:
        """What the slice was shown may be another's now."""
        for buffer_id in [one for one, packet in self._shown.items() if packet.slice_name == slice_name]:
            del self._shown[buffer_id]

    def take(self, buffer_id: int, slice_name: str) -> BufferedPacket | None:
        """The packet, once, for the slice that was shown it."""
        packet = self._shown.get(buffer_id)
        if packet is None or packet.slice_name != slice_name:
            return None
        return self._shown.pop(buffer_id)
