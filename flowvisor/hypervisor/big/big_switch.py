"""A virtual switch over several datapaths, its controllers' channels and their legs: state only.

Strategy: each channel has a *leg* to each share, which is an ordinary channel of the lower storey, so that whatever
holds for a slice's share of a datapath (order, bounds, turns, quota, errors) holds here without being said again.
"""

from __future__ import annotations

from attrs import Factory, define

from flowvisor.hypervisor.effects import VirtualSwitchName
from flowvisor.hypervisor.peers import Channel, Tenant, TenantChannel, VirtualSwitch
from flowvisor.openflow.ports import Port


@define(eq=False)
class Leg:
    """One channel's way to one share; `channel` is what the lower storey knows of it."""

    owner: BigChannel
    dpid: int
    channel: TenantChannel


@define(eq=False, kw_only=True)
class BigChannel(Channel):
    """One controller's channel, with a leg for each datapath that has a share which is ready."""

    switch: BigSwitch
    legs: dict[int, Leg] = Factory(dict)

    @property
    def tenant(self) -> Tenant:
        return self.switch.tenant


@define(eq=False)
class BigSwitch:
    """A virtual switch of a virtual network.

    `name` is the network's and the dpid that its tenant sees; `edges` are the datapaths on which it lies, connected
    or not, `shares` its shares of those that are. `ports` are as its tenant sees them, `homes` says for each at which
    datapath its packets come in; a port that is attached nowhere has none.
    """

    name: VirtualSwitchName
    tenant: Tenant
    edges: frozenset[int]
    ports: dict[int, Port] = Factory(dict)
    homes: dict[int, int] = Factory(dict)
    shares: dict[int, VirtualSwitch] = Factory(dict)
    channels: list[BigChannel] = Factory(list)
    generation_id: int | None = None

    @property
    def is_spread(self) -> bool:
        """Whether it lies on several datapaths: else frames pass as they are, and all is known below."""
        return len(self.edges) > 1
