"""The running service, as far as the API looks at it."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.metrics import Metrics
from flowvisor.admin.rest.changing import Changing
from flowvisor.admin.rest.event_stream import Subscribers
from flowvisor.admin.rest.events import Events
from flowvisor.admin.rest.flow_readings import FlowReadings
from flowvisor.admin.token_file import TokenFile
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.connections.reloading import Reloading
from flowvisor.hypervisor.big.big_switch import BigSwitch
from flowvisor.hypervisor.effects import Peer, VirtualSwitchName
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.network.dpid import format_dpid
from flowvisor.slices.virtual_network import VirtualNetwork


def _dpid_of(name: VirtualSwitchName) -> int:
    return name.dpid


@define(eq=False)
class Instance:
    """`started_at` is Unix time."""

    hypervisor: Hypervisor
    connections: Connections
    lag: LagHistogram
    started_at: float
    metrics: Metrics
    reloading: Reloading
    events: Events
    subscribers: Subscribers
    changing: Changing
    flows: FlowReadings
    tokens: TokenFile | None = None  # None if the main file names none

    @property
    def configuration(self) -> Configuration:
        """What is in force."""
        return self.hypervisor.configuration

    def switches_of(self, slice_name: str) -> Iterator[VirtualSwitch]:
        """The virtual switches that a slice has now, in the order of their dpids."""
        for _dpid, datapath in sorted(self.hypervisor.datapaths.items()):
            if (switch := datapath.switches.get(slice_name)) is not None:
                yield switch

    def big_switches_of(self, slice_name: str) -> list[BigSwitch]:
        """The virtual switches of a virtual network, in the order of their dpids."""
        by_name = self.hypervisor.networks.by_name
        return [by_name[name] for name in sorted(by_name, key=_dpid_of) if name.slice_name == slice_name]

    def switch_name(self, slice_name: str, dpid: int) -> str:
        """What a virtual switch is called: like its datapath, or as a virtual network calls it."""
        tenant = self.hypervisor.tenants.get(slice_name)
        policy = None if tenant is None else tenant.policy
        if isinstance(policy, VirtualNetwork):
            return next((one.name for one in policy.logical.values() if one.dpid == dpid), format_dpid(dpid))
        return self.configuration.datapath_name(dpid)

    def queued_bytes(self, peer: Peer) -> int:
        """What a peer has not taken yet."""
        protocol = self.connections.by_peer.get(peer)
        return protocol.outbound.queued_bytes if protocol is not None else 0
