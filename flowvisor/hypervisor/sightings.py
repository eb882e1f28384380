"""What was last seen of a datapath and of the links from it, kept for after a restart.

Strategy: a process that starts knows neither ports nor links before datapaths have come and probes have arrived. Were
virtual networks embedded by what it knows, all that crosses the core would be taken off datapaths that come, and be
put back a moment later. So what was seen is in the journals, and counts as seen until it is seen otherwise, or until a
stated time has passed. Rejected: to leave alone for a while what is found on datapaths, whatever it is; files may have
changed, and what was right before may leak now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import Final

from attrs import frozen

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import SEEN_DATAPATH, SEEN_LINK
from flowvisor.hypervisor.memory import NO_SLICE, Memory
from flowvisor.network.topology import End
from flowvisor.openflow.messages import FeaturesReply
from flowvisor.openflow.ports import LINK_DOWN, PORT_DOWN, Port

PRESUMED_SECONDS: Final = 20.0  # datapaths back off from calling us for some seconds, and then are set up

_DATAPATH: Final = Struct("!BB")
_PORT: Final = Struct("!I?I")
_NEAR: Final = Struct("!I")
_FAR: Final = Struct("!QI")
_ITSELF: Final = b""  # the key of what is known of the datapath as a whole


@frozen
class Sighting:
    """A datapath as it was seen: whether each of its ports was up, and its capacity in kbit/s where that is known."""

    version: int
    n_tables: int
    ports: Mapping[int, bool]
    capacities: Mapping[int, int]

    @classmethod
    def of(cls, version: int, features: FeaturesReply, ports: Mapping[int, Port]) -> Sighting:
        """What there is to see of a connected one."""
        return cls(
            version,
            features.n_tables,
            {number: is_up(port) for number, port in ports.items()},
            {number: port.current_speed for number, port in ports.items() if port.current_speed},
        )


def is_up(port: Port) -> bool:
    """Whether packets pass a port."""
    return not port.state & LINK_DOWN and not port.config & PORT_DOWN


def remember(memory: Memory, sighting: Sighting, effects: Effects) -> None:
    """Write down what is seen of a datapath, if that is anything new."""
    ports = (
        _PORT.pack(number, up, sighting.capacities.get(number, 0))
        for number, up in sorted(sighting.ports.items())
    )
    value = b"".join((_DATAPATH.pack(sighting.version, sighting.n_tables), *ports))
    if memory.of(SEEN_DATAPATH, NO_SLICE).get(_ITSELF) != value:
        memory.remember(SEEN_DATAPATH, NO_SLICE, _ITSELF, value, effects)


def remember_link(memory: Memory, near: End, far_ends: Iterable[End], effects: Effects) -> None:
    """Write down where a port of a datapath leads."""
    value = b"".join(_FAR.pack(*far) for far in far_ends)
    if value:
        memory.remember(SEEN_LINK, NO_SLICE, _NEAR.pack(near.port), value, effects)
    else:
        memory.forget(SEEN_LINK, NO_SLICE, _NEAR.pack(near.port), effects)


def recalled(memory: Memory) -> Sighting | None:
    """What was seen of a datapath; None if nothing was."""
    value = memory.of(SEEN_DATAPATH, NO_SLICE).get(_ITSELF)
    if value is None:
        return None
    version, n_tables = _DATAPATH.unpack_from(value)
    ports = list(_PORT.iter_unpack(value[_DATAPATH.size :]))
    return Sighting(
        version,
        n_tables,
        {number: up for number, up, _ in ports},
        {number: capacity for number, _, capacity in ports if capacity},
    )


def recalled_links(memory: Memory) -> Iterator[tuple[End, End]]:
    """The links that were known from a datapath."""
    for key, value in memory.of(SEEN_LINK, NO_SLICE).items():
        near = End(memory.dpid, *_NEAR.unpack(key))
        for dpid, port in _FAR.iter_unpack(value):
            yield near, End(dpid, port)
