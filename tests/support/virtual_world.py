"""A world with virtual networks on it: cables between datapaths, hosts at what is left, tenants that learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.emulation.hosts import ethernet
from flowvisor.emulation.learning_switch import LearningSwitch
from flowvisor.hypervisor.effects import VirtualSwitchName
from flowvisor.network.topology import End
from flowvisor.openflow.messages import PortStatus
from tests.support.world import Controller, World

ETH_TYPE = 0x88B5  # for experiments: nothing looks behind it
EVERYBODY = 0
# Between each two of three datapaths one cable, at ports of these numbers.
TRIANGLE = (((1, 12), (2, 21)), ((2, 23), (3, 32)), ((1, 13), (3, 31)))
HOST_PORTS = (1, 2, 3, 4)


def datapaths(
    cables: Iterable[tuple[tuple[int, int], tuple[int, int]]] = TRIANGLE,
    versions: Mapping[int, int] | None = None,
) -> list[EmulatedDatapath]:
    """Those that the cables join, with ports 1 to 4 for hosts."""
    ends = [end for cable in cables for end in cable]
    return [
        EmulatedDatapath(
            dpid, (versions or {}).get(dpid, 4), [*HOST_PORTS, *(port for at, port in ends if at == dpid)]
        )
        for dpid in sorted({dpid for dpid, _ in ends})
    ]


def packet(source: int, target: int = EVERYBODY, payload: bytes = b"", *, vlan: int | None = None) -> bytes:
    """What the host of one number sends to that of another."""
    address = 0x020000000000
    to = 0xFFFFFFFFFFFF if target == EVERYBODY else address + target
    return ethernet(to, address + source, ETH_TYPE, payload, vlan=vlan)


class VirtualWorld(World):
    """Packets are followed to the hosts; links have been found when it begins."""

    def __init__(
        self, slices: Iterable[Any], below: Iterable[EmulatedDatapath] | None = None, **more: Any
    ) -> None:
        more.setdefault("cables", TRIANGLE)
        super().__init__(slices, datapaths() if below is None else below, **more)
        self.look_for_links()

    def arrivals(self, dpid: int, port: int, data: bytes) -> list[tuple[int, int, bytes]]:
        """A host sends a packet; what arrives at hosts, as (dpid, port, packet), in the order of places."""
        before = len(self.transmitted)
        self.packet(dpid, port, data)
        return sorted(one for one in self.transmitted[before:] if End(one[0], one[1]) not in self.cables)

    def reached(self, dpid: int, port: int, data: bytes) -> list[tuple[int, int]]:
        """Where a packet arrives, as it was sent."""
        arrived = self.arrivals(dpid, port, data)
        assert all(one == data for *_, one in arrived), arrived
        return [(at, out) for at, out, _ in arrived]

    def learning(self, slice_name: str, dpid: int, version: int = 4) -> LearningTenant:
        """Connect a controller of a learning switch."""
        return LearningTenant(self, VirtualSwitchName(slice_name, dpid), version)

    def cut(self, *end: int) -> None:
        """Pull a cable out; both its ends notice."""
        self._plug(End(*end), is_up=False)

    def mend(self, *end: int) -> None:
        """Put it in again; that its link is back is found soon."""
        self._plug(End(*end), is_up=True)

    def _plug(self, end: End, *, is_up: bool) -> None:
        for dpid, port in (end, self.cables[end]):
            self.change(dpid, self.emulated[dpid].set_link(port, is_up=is_up))


class LearningTenant(Controller):
    """It answers what it is told at once."""

    def __init__(self, world: World, name: VirtualSwitchName, version: int = 4) -> None:
        self._learning = LearningSwitch(version)
        super().__init__(world, name, version)
        self.send(*self._learning.begin())

    def receive(self, frame: bytes) -> None:
        super().receive(frame)
        answers = self._learning.from_datapath(self.inbox[-1])
        if answers:
            self.send(*answers)

    def ports_told(self) -> list[tuple[int, int]]:
        """Of each PORT_STATUS the port and its state, in order."""
        return [(one.port.number, one.port.state) for one in self.heard(PortStatus)]
