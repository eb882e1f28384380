"""What a tenant is told of a virtual port: one of its own, whatever it lies on."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2s
from typing import Final

from flowvisor.openflow.ports import LINK_DOWN, LIVE, Port
from flowvisor.planning.placement import PortState
from flowvisor.slices.virtual_switch import LogicalSwitch

_LOCALLY_ADMINISTERED: Final = b"\x02"
MAX_REMEMBERED: Final = 1 << 14  # addresses; then they are only found once more
_NAME_BYTES: Final = 15  # what OpenFlow has room for, less the zero at the end


def described(switch: LogicalSwitch, number: int, state: PortState, physical: Port | None) -> Port:
    """A virtual port as it is now. `physical` is the port that it is attached to, if there is one.

    Its address and name follow from what the admin called its switch and port, so that neither changes when it moves.
    """
    speeds = Port(number) if physical is None else physical
    ending = f"-{number}"
    return Port(
        number,
        hw_addr=address_of(switch.dpid, number),
        name=switch.name.encode()[: _NAME_BYTES - len(ending)].decode(errors="ignore") + ending,
        state=LIVE if state.is_up else LINK_DOWN,
        current=speeds.current,
        current_speed=speeds.current_speed,
        max_speed=speeds.max_speed,
    )


@lru_cache(maxsize=MAX_REMEMBERED)
def address_of(dpid: int, number: int) -> bytes:
    """A virtual port's address: the same wherever it lies, and of no other that a tenant is likely to have."""
    told = dpid.to_bytes(8, "big") + number.to_bytes(4, "big")
    return _LOCALLY_ADMINISTERED + blake2s(told, digest_size=5).digest()
