"""A virtual switch of a virtual network as the admin wrote it: its ports, and where they may lie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final, NamedTuple

from attrs import field, frozen

from flowvisor.errors import Place
from flowvisor.network.neighbours import may_be_a_routers
from flowvisor.network.topology import End

UNTAGGED: Final = 0  # an attachment that is what comes in at a port without a tag
MAX_VIRTUAL_PORT: Final = 0xFEFF  # fits OpenFlow 1.0's numbers, and the 16 bits of metadata that carry it


class Attachment(NamedTuple):
    """Where a virtual port can lie: a datapath's port whole (`vlan` is None), or one VLAN of it."""

    end: End
    vlan: int | None = None

    def __str__(self) -> str:
        if self.vlan is None:
            return str(self.end)
        return f"{self.end}@{'none' if self.vlan == UNTAGGED else self.vlan}"


@frozen
class Addresses:
    """Those that whoever is at a port may have as its own."""

    mac: int | None = None
    ipv4: tuple[int, ...] = ()
    ipv6: tuple[int, ...] = ()


@frozen
class VirtualPort:
    """A port of a virtual switch: attached to a physical one, or the end of the virtual link that `link` names.

    Of `places` the first is where it lies; if it `follows` a MAC address it moves to another of them when that is
    seen there. An end of a link has none. If it has `addresses`, nothing comes in there that says it is from others.
    Another port, its `mirror`, gets a copy of what comes in and goes out there.
    """

    number: int
    places: tuple[Attachment, ...]
    place: Place = field(eq=False)
    link: str | None = None
    follows: int | None = None
    addresses: Addresses | None = None
    mirror: int | None = None


@frozen
class LogicalSwitch:
    """A virtual switch by its name in the network; `dpid` is what its tenant sees."""

    name: str
    dpid: int
    ports: Mapping[int, VirtualPort]
    place: Place = field(eq=False)

    @property
    def datapaths(self) -> frozenset[int]:
        """Those on which its ports may lie."""
        return frozenset(place.end.dpid for port in self.ports.values() for place in port.places)

    @cached_property
    def known_addresses(self) -> Mapping[int, Addresses]:
        """By port the IP addresses of which the file says what has them: one machine, that is there.

        Not by which hosts may know routers; see `neighbours`.
        """
        found: dict[int, Addresses] = {}
        for port in self.ports.values():
            own = port.addresses
            if own is not None and own.mac is not None:
                ipv4 = tuple(address for address in own.ipv4 if len(self.named_addresses[address]) == 1)
                ipv6 = tuple(
                    address
                    for address in own.ipv6
                    if len(self.named_addresses[address]) == 1 and not may_be_a_routers(address)
                )
                if ipv4 or ipv6:
                    found[port.number] = Addresses(own.mac, ipv4, ipv6)
        return found

    @cached_property
    def named_addresses(self) -> Mapping[int, tuple[int, ...]]:
        """Each IP address that is said of ports, and of which."""
        named: dict[int, tuple[int, ...]] = {}
        for port in self.ports.values():
            own = port.addresses or Addresses()
            for address in (*own.ipv4, *own.ipv6):
                named[address] = (*named.get(address, ()), port.number)
        return named

    @cached_property
    def mirrors(self) -> frozenset[int]:
        """The ports that get copies of what passes at others."""
        return frozenset(port.mirror for port in self.ports.values() if port.mirror is not None)


class LinkEnd(NamedTuple):
    """One end of a virtual link: a port of a virtual switch of the same network."""

    switch: str
    port: int


@frozen
class VirtualLink:
    """A cable that the tenant sees between two virtual switches."""

    name: str
    ends: tuple[LinkEnd, LinkEnd]
    place: Place = field(eq=False)

    def other(self, end: LinkEnd) -> LinkEnd:
        """Where it leads from one of its ends."""
        one, other = self.ends
        return other if end == one else one
