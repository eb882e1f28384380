"""A virtual switch over several datapaths, its controllers' channels and their legs: state only.

Strategy: each channel has a *leg* to each share, which is an ordinary channel of the lower storey, so that whatever
holds for a slice's share of a datapath (order, bounds, turns, quota, errors) holds here without being said again.
What the switch itself has to say to its shares (entries for one that joins, what is undone, what moves) goes over
legs of its own channel, which no controller has and which alone hears of entries that are removed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from attrs import Factory, define

from flowvisor.hypervisor.big.entries import Entries
from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from flowvisor.hypervisor.peers import Channel, Datapath, Tenant, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.port_configs import PortConfigs
from flowvisor.hypervisor.transactions import Transactions
from flowvisor.openflow.messages import FlowMod, GroupMod, MeterMod
from flowvisor.openflow.ports import Port

LEG_SLOT: Final = 1  # in the xids of what goes over a leg; the lower storey has others
MAX_UNSETTLED: Final = (
    512  # messages on one leg of which it is not known whether they failed; then the channel waits
)


@define(eq=False)
class Errand:
    """What was sent over some legs and is over when each has answered it, refused it, or is known to have taken it.

    `frame` is the tenant's own. `waits` are the legs that have not been heard of, `errors` those that refused it, and
    `replies` the frames of those that answered, all by their datapaths. `is_change` if legs that took it must not
    keep it when another has refused it.
    """

    owner: BigChannel
    frame: bytes
    done: Callable[[Errand, Effects], None]
    is_change: bool = False
    waits: set[int] = Factory(set)
    took: set[int] = Factory(set)
    errors: dict[int, tuple[int, int]] = Factory(dict)
    replies: dict[int, list[bytes]] = Factory(dict)
    held_bytes: int = 0


@define(eq=False)
class Leg:
    """One channel's way to one share; `channel` is what the lower storey knows of it.

    `later` is what waits for the lower storey to take more, of the switch's own; controllers' frames wait elsewhere.
    """

    owner: BigChannel
    dpid: int
    channel: TenantChannel
    sent: Transactions[Errand] = Factory(lambda: Transactions(LEG_SLOT))
    later: deque[tuple[bytes, Errand, bool]] = Factory(deque)

    @property
    def is_full(self) -> bool:
        """Whether nothing should be sent over it now."""
        return self.channel.is_paused or len(self.sent.sent) >= MAX_UNSETTLED

    @property
    def is_watched(self) -> bool:
        """Whether anybody waits for what the lower storey holds of it to be handed on; see `writers`."""
        return bool(self.owner.switch.line)


@define(eq=False, kw_only=True)
class BigChannel(Channel):
    """One controller's channel, with a leg for each datapath that has a share which is ready.

    Frames wait in `backlog`, each with when it came. `barrier` is the tenant's that has not been answered yet; nothing
    behind it is looked at. `undoing` counts the changes that are being taken back, `pending` the errands.
    """

    switch: BigSwitch
    legs: dict[int, Leg] = Factory(dict)
    backlog: deque[tuple[float, bytes]] = Factory(deque)
    is_paused: bool = False
    is_delayed: bool = False  # the first that waits has met a rate limit
    barrier: Errand | None = None
    undoing: int = 0
    pending: int = 0
    held_bytes: int = 0  # of replies to errands

    @property
    def datapaths(self) -> Iterable[Datapath]:
        return [leg.channel.switch.datapath for leg in self.legs.values()]


@define(eq=False)
class Joining:
    """A share that is being read and made right."""

    share: VirtualSwitch
    waits: int = 0
    is_over: bool = False


@define(eq=False)
class BigSwitch:
    """A virtual switch of a virtual network.

    `name` is the network's and the dpid that its tenant sees; `edges` are the datapaths on which it lies, connected
    or not, `shares` its shares of those that are. `ports` are as its tenant sees them, `homes` says for each at which
    datapath its packets come in; a port that is attached nowhere has none.

    What the tenant has made of it is kept here only while it is spread: `configs`, `entries`, `groups` and `meters`.
    """

    name: VirtualSwitchName
    tenant: Tenant
    edges: frozenset[int]
    # Whether it lies on several datapaths. Else frames pass as they are, and all is known below. It counts from when a
    # share joins.
    is_spread: bool = False
    ports: dict[int, Port] = Factory(dict)
    homes: dict[int, int] = Factory(dict)
    shares: dict[int, VirtualSwitch] = Factory(dict)
    channels: list[BigChannel] = Factory(list)
    generation_id: int | None = None
    is_open: bool = False  # its controllers have been called
    line: list[BigChannel] = Factory(list)  # whose changes wait for those of others, in order
    leaving: list[BigChannel] = Factory(list)  # controllers have gone, what they sent is not settled
    own: BigChannel | None = None
    configs: PortConfigs = Factory(PortConfigs)  # of the ports
    entries: Entries = Factory(Entries)
    groups: dict[int, GroupMod] = Factory(dict)
    meters: dict[int, MeterMod] = Factory(dict)
    joining: dict[int, Joining] = Factory(dict)
    replaying: int = 0  # shares that are being given what they lack; controllers' frames wait
    # Datapaths whose shares have been read since we began; and what was deleted meanwhile, None if too much was.
    known: set[int] = Factory(set)
    deletions: list[FlowMod] | None = Factory(list)
    buffers: dict[int, int] = Factory(
        dict
    )  # by the id that a tenant was shown: the datapath that has the packet

    @property
    def shown_dpid(self) -> int:
        """What its tenant knows it by."""
        return self.name.dpid

    def shown(self, port: Port) -> Port:
        """A port as its tenant has configured it."""
        if self.is_spread or not self.shares:
            return self.configs.shown(port)
        return next(iter(self.shares.values())).port_configs.shown(port)

    def places_of(self, in_port: int | None) -> list[int]:
        """The datapaths that an entry which matches this in_port (None: any) belongs to, of those that are there.

        Where a port's own datapath is away, or not known, another one judges the entry and keeps it.
        """
        home = None if in_port is None else self.homes.get(in_port)
        if home is None:
            return sorted(self.shares)
        return [home] if home in self.shares else sorted(self.shares)[:1]
