"""A virtual network: switches, ports and links that exist wherever they are embedded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from attrs import field, frozen

from flowvisor.errors import Place
from flowvisor.slices.slice import PortName, Slice
from flowvisor.slices.virtual_switch import LinkEnd, LogicalSwitch, VirtualLink

VLAN_LABELS: Final = range(2048, 4095)  # by which packets cross the core, unless the main file says others
TUNNEL_LABELS: Final = range(1, 1 << 24)  # what VXLAN and Geneve have room for; GRE has more


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
class SecurityGroup:
    """Machines that an ACL speaks of together: those at these ports that have these addresses.

    Without ports wherever they are, without addresses whatever they have; one of the two it says.
    """

    name: str
    ports: frozenset[LinkEnd]
    ipv4: tuple[tuple[int, int], ...]  # (value, mask)
    ipv6: tuple[tuple[int, int], ...]  # (value, mask)
    place: Place = field(eq=False)

    @property
    def has_addresses(self) -> bool:
        return bool(self.ipv4 or self.ipv6)


@frozen
class VirtualNetwork(Slice):
    """An invented network with an address space of its own.

    `logical` are its virtual switches by name. The settings in `switches` are by their dpids. `groups` are what its ACL
    may speak of, by name. If it `answers_arp`, who asks for an address that is known is answered by us.
    """

    logical: Mapping[str, LogicalSwitch]
    links: Mapping[str, VirtualLink]
    transport: Transport
    groups: Mapping[str, SecurityGroup] = field(factory=dict)
    answers_arp: bool = False

    @property
    def has_one_switch(self) -> bool:
        return len(self.logical) == 1

    @property
    def shares(self) -> Iterator[tuple[str, LogicalSwitch]]:
        """Its virtual switches, by what their shares are called."""
        for switch in self.logical.values():
            yield share_name(self.name, switch.name), switch

    @property
    def block_sizes(self) -> Mapping[str, int]:
        """For each virtual switch its tenant's tables, and behind them the one where "all ports" become ports.

        In front of them is one more if it is known there who is asked for.
        """
        return {share: self.answer_tables + self.tables + 1 for share, _ in self.shares}

    @property
    def answer_tables(self) -> int:
        """How many tables of a virtual switch are in front of its tenant's."""
        return int(self.answers_arp)

    @property
    def labelled_ports(self) -> Iterator[PortName]:
        """The ends of links, and the ports of switches that may lie on several datapaths."""
        for share, switch in self.shares:
            is_spread = len(switch.datapaths) > 1
            for port in switch.ports.values():
                if is_spread or port.link is not None:
                    yield PortName(share, port.number)

    @property
    def is_tunnelled(self) -> bool:
        return self.transport is Transport.TUNNEL

    def far_end(self, end: LinkEnd) -> LinkEnd | None:
        """Where the virtual link at a port leads, None if there is none."""
        port = self.logical[end.switch].ports[end.port]
        return None if port.link is None else self.links[port.link].other(end)
