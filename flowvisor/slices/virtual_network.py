"""A virtual network: switches, ports and links that exist wherever they are embedded."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

from flowvisor.slices.slice import Slice
from flowvisor.slices.virtual_switch import LinkEnd, LogicalSwitch, VirtualLink


class Transport(Enum):
    """How packets cross the core: behind a service tag, or in tunnels that the datapaths have."""

    VLAN = "vlan"
    TUNNEL = "tunnel"


def share_name(slice_name: str, switch: str) -> str:
    """What a virtual switch's share of any datapath is called; no slice has such a name."""
    return f"{slice_name}/{switch}"


def slice_of_share(name: str) -> str:
    """Whose share it is; a flowspace slice's is called like the slice."""
    return name.partition("/")[0]


@frozen
class VirtualNetwork(Slice):
    """An invented network with an address space of its own.

    `logical` are its virtual switches by name. The settings in `switches` are by their dpids.
    """

    logical: Mapping[str, LogicalSwitch]
    links: Mapping[str, VirtualLink]
    transport: Transport

    @property
    def may_write(self) -> bool:
        """All that is in it is its tenant's own."""
        return True

    def far_end(self, end: LinkEnd) -> LinkEnd | None:
        """Where the virtual link at a port leads, None if there is none."""
        port = self.logical[end.switch].ports[end.port]
        return None if port.link is None else self.links[port.link].other(end)
