"""What virtual networks lie on: the datapaths that are connected, their ports, and the links between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import field, frozen

from flowvisor.network.paths import DEFAULT_CAPACITY, Hop
from flowvisor.network.topology import End, Topology

FIRST_EDGE_VERSION: Final = 4  # OpenFlow 1.3, on the wire


@frozen
class KnownDatapath:
    """A connected datapath: how many of its tables shares may have, and for each port whether it is up.

    It has none for them where slices' matches are intersected.
    """

    dpid: int
    version: int
    n_tables: int
    ports: Mapping[int, bool]


@frozen(eq=False)
class Underlay:
    """All of them, and where each port leads. `capacities` are in kbit/s, by the port that a link leaves."""

    datapaths: Mapping[int, KnownDatapath]
    far_ends: Mapping[End, tuple[End, ...]]
    capacities: Mapping[End, int] = field(factory=dict)
    tunnel_ports: frozenset[End] = frozenset()

    @classmethod
    def of(
        cls,
        datapaths: Iterable[KnownDatapath],
        topology: Topology,
        capacities: Mapping[End, int] | None = None,
        tunnel_ports: Iterable[End] = (),
    ) -> Underlay:
        """What is known at a moment."""
        far_ends: dict[End, tuple[End, ...]] = {}
        for near, _ in topology.links():
            far_ends[near] = topology.far_ends(near)
        return cls(
            {each.dpid: each for each in datapaths}, far_ends, capacities or {}, frozenset(tunnel_ports)
        )

    def is_linked(self, end: End) -> bool:
        """Whether a port leads to another datapath's, or is for that: it is no place for a virtual port then."""
        return end in self.far_ends or end in self.tunnel_ports

    def hops(self, *, in_tunnels: bool) -> Iterator[Hop]:
        """The links that work and by which labels can go.

        Where several ports hear what leaves one, something is between that no label may be sent into.
        """
        for near, far_ends in self.far_ends.items():
            if len(far_ends) == 1 and (near in self.tunnel_ports) == in_tunnels:
                (far,) = far_ends
                if self._carries(near, in_tunnels=in_tunnels) and self._carries(far, in_tunnels=in_tunnels):
                    yield Hop(near, far, self.capacities.get(near, DEFAULT_CAPACITY))

    def _carries(self, end: End, *, in_tunnels: bool) -> bool:
        datapath = self.datapaths.get(end.dpid)
        if datapath is None or not datapath.ports.get(end.port, False):
            return False
        return not in_tunnels or datapath.version >= FIRST_EDGE_VERSION  # 1.0 knows of no tunnels
