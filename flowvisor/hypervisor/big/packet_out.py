"""PACKET_OUT: to the leg where the port is that the packet is said to have come in by, else to any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flowvisor.hypervisor.big.big_switch import BigChannel, Leg
from flowvisor.hypervisor.big.fan_out import leg_of_port, tell_one
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.openflow.v10_ports import port_from_10

# Where the buffer and the in_port are, in both versions; the port has two bytes in 1.0.
_BUFFER: Final = slice(8, 12)
_IN_PORT: Final[Mapping[int, slice]] = {1: slice(12, 14), 4: slice(12, 16)}
_NUMBER: Final[Mapping[int, Callable[[int], int]]] = {1: port_from_10, 4: int}


def southbound(channel: BigChannel, frame: bytes, effects: Effects) -> Refusal | None:
    """A PACKET_OUT, which is not decoded; what is wrong with it the leg says."""
    tell_one(channel, frame, _leg_of(channel, frame), effects)
    return None


def _leg_of(channel: BigChannel, frame: bytes) -> list[Leg]:
    holder = channel.switch.buffers.pop(int.from_bytes(frame[_BUFFER], "big"), None)
    if holder in channel.legs:
        return [channel.legs[holder]]
    number = _NUMBER[channel.version](int.from_bytes(frame[_IN_PORT[channel.version]], "big"))
    return leg_of_port(channel, number)
