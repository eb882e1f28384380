"""Virtual networks for tests, and a world in which hosts and learning tenants live on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.emulation.hosts import ethernet
from flowvisor.emulation.learning_switch import LearningSwitch
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.topology import End
from flowvisor.slices.virtual_network import Transport, VirtualNetwork
from flowvisor.slices.virtual_switch import Attachment, LinkEnd, LogicalSwitch, VirtualLink, VirtualPort
from tests.support.world import NOWHERE, Controller, World

ETH_TYPE = 0x88B5  # for experiments: nothing looks behind it
# A triangle: between each two datapaths one cable, at ports of these numbers.
TRIANGLE = (((1, 12), (2, 21)), ((2, 23), (3, 32)), ((1, 13), (3, 31)))

Place = tuple[int, int] | tuple[int, int, int]  # dpid, port and perhaps a VLAN


def attachment(place: Place) -> Attachment:
    """Where a virtual port lies."""
    return Attachment(End(place[0], place[1]), place[2] if len(place) == 3 else None)


def at(number: int, *places: Place, follows: int | None = None) -> VirtualPort:
    """A virtual port that is attached to the first of these places."""
    return VirtualPort(number, tuple(map(attachment, places)), NOWHERE, follows=follows)


def end_of(link: str, number: int) -> VirtualPort:
    """A virtual port that is an end of a virtual link."""
    return VirtualPort(number, (), NOWHERE, link=link)


def network(
    name: str,
    switches: Mapping[str, Iterable[VirtualPort]],
    *,
    dpids: Mapping[str, int] | None = None,
    transport: Transport = Transport.VLAN,
    tables: int = 4,
    **more: Any,
) -> VirtualNetwork:
    """A virtual network; its switches have the dpids 0xA1, 0xA2, … if nothing else is said."""
    dpids = dpids or {switch: 0xA1 + number for number, switch in enumerate(switches)}
    logical = {
        switch: LogicalSwitch(switch, dpids[switch], {port.number: port for port in ports}, NOWHERE)
        for switch, ports in switches.items()
    }
    ends: dict[str, list[LinkEnd]] = {}
    for switch, described in logical.items():
        for port in described.ports.values():
            if port.link is not None:
                ends.setdefault(port.link, []).append(LinkEnd(switch, port.number))
    return VirtualNetwork(
        name=name,
        controllers=(parse_connection_method("tcp:127.0.0.1:6803"),),
        versions=frozenset({1, 4}),
        tables=tables,
        policies=(),
        place=NOWHERE,
        logical=logical,
        links={link: VirtualLink(link, (one, other), NOWHERE) for link, (one, other) in ends.items()},
        transport=transport,
        **more,
    )


def big_switch(name: str = "blue", *places: Place, **more: Any) -> VirtualNetwork:
    """One virtual switch, its ports 1, 2, … attached to these places."""
    ports = [at(number, place) for number, place in enumerate(places, 1)]
    return network(name, {"big": ports}, **more)


def three_datapaths(*, versions: tuple[int, int, int] = (4, 4, 4)) -> list[EmulatedDatapath]:
    """Datapaths 1, 2, 3 with ports 1 to 4 for hosts, and those of the triangle."""
    ends = [end for cable in TRIANGLE for end in cable]
    return [
        EmulatedDatapath(dpid, version, [1, 2, 3, 4, *(port for at, port in ends if at == dpid)])
        for dpid, version in enumerate(versions, 1)
    ]


def packet(source: int, target: int, payload: bytes = b"", *, vlan: int | None = None) -> bytes:
    """What a host of this number sends to another; 0 is everybody."""
    address = 0x020000000000
    to = 0xFFFFFFFFFFFF if target == 0 else address + target
    return ethernet(to, address + source, ETH_TYPE, payload, vlan=vlan)


class VirtualWorld(World):
    """A world with cables, in which packets are followed from host to host."""

    def __init__(self, slices: Iterable[Any], datapaths: Iterable[EmulatedDatapath] | None = None, **more: Any) -> None:
        more.setdefault("cables", TRIANGLE)
        super().__init__(slices, three_datapaths() if datapaths is None else datapaths, **more)
        self.look_for_links()

    def sent(self, dpid: int, port: int, data: bytes) -> list[tuple[int, int, bytes]]:
        """A host sends a packet; return what arrives at hosts, as (dpid, port, packet), in order of places."""
        before = len(self.transmitted)
        self.packet(dpid, port, data)
        return sorted(one for one in self.transmitted[before:] if End(one[0], one[1]) not in self.cables)

    def places(self, dpid: int, port: int, data: bytes) -> list[tuple[int, int]]:
        """Where a packet arrives, if it arrives there as it was sent."""
        arrived = self.sent(dpid, port, data)
        assert all(packet == data for *_, packet in arrived), arrived
        return [(at, out) for at, out, _ in arrived]


class LearningTenant(Controller):
    """A controller of a learning switch: it answers whenever nothing moves any more."""

    def __init__(self, world: World, name: Any, version: int = 4) -> None:
        self._learning = LearningSwitch(version)
        self._answering = False
        super().__init__(world, name, version)
        self.send(*self._learning.begin())

    def receive(self, frame: bytes) -> None:
        super().receive(frame)
        answers = self._learning.from_datapath(self.inbox[-1])
        if answers:
            self.send(*answers)
