"""A big switch without a socket: flowspace shares of emulated datapaths stand in for a virtual network's.

Each datapath has all the ports; `homes` says at which of them a port's packets come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.hypervisor.big import legs
from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch
from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from flowvisor.openflow.versions import codec
from flowvisor.policies.policy import Policy
from tests.support.world import Controller, World, a_slice, ports

BIG_DPID = 0xB16
PORTS = (1, 2, 3, 4)


class BigController(Controller):
    """A tenant's controller of the big switch."""

    world: BigWorld
    channel: BigChannel

    def __init__(self, world: BigWorld, version: int = 4) -> None:
        self.world = world
        self.version = version
        self.inbox = []
        self.frames = []
        effects = Effects(world.now)
        self.channel = legs.join(world.big, "tcp:test", version, effects)
        world.controllers[self.channel] = self
        world.perform(effects)

    def send(self, *messages):
        before = len(self.inbox)
        frames = [one if isinstance(one, bytes) else codec(self.version).encode(one) for one in messages]
        effects = Effects(self.world.now)
        legs.from_controller(self.channel, frames, effects)
        self.world.perform(effects)
        return self.inbox[before:]

    def leave(self) -> None:
        del self.world.controllers[self.channel]
        effects = Effects(self.world.now)
        legs.leave(self.channel, effects)
        self.world.perform(effects)


class BigWorld(World):
    """A network whose one slice is a big switch; every call returns when nothing moves any more."""

    def __init__(
        self,
        datapaths: Iterable[EmulatedDatapath],
        homes: Mapping[int, int],
        *,
        tables: int = 4,
        policies: Iterable[Policy] = (),
    ) -> None:
        policies = tuple(policies)
        one = a_slice("a", ports(*PORTS), tables=tables, policies=[policy.name for policy in policies])
        self.big: BigSwitch | None = None
        datapaths = list(datapaths)
        super().__init__([one], [], policies=policies)
        self.big: BigSwitch = BigSwitch(
            name=VirtualSwitchName("a", BIG_DPID),
            tenant=self.hypervisor.tenants["a"],
            edges=frozenset(datapath.dpid for datapath in datapaths),
            homes=dict(homes),
        )
        for datapath in datapaths:
            self.come(datapath)

    def come(self, datapath: EmulatedDatapath) -> None:
        """A datapath connects, and with it a share."""
        self.join(datapath)
        effects = Effects(self.now)
        share = self.hypervisor.datapaths[datapath.dpid].switches["a"]
        legs.share_joined(self.big, share, effects)
        self.perform(effects)

    def go(self, dpid: int) -> None:
        """A datapath's connection breaks."""
        self.leave(dpid)
        effects = Effects(self.now)
        legs.share_left(self.big, dpid, "the datapath has left", effects)
        self.perform(effects)

    def big_controller(self, version: int = 4) -> BigController:
        """Connect a controller to the big switch."""
        return BigController(self, version)

    def perform(self, effects: Effects) -> None:
        legs.heard(effects)
        super().perform(effects)


def big_world(n: int = 2, *, tables: int = 4, policies: Iterable[Policy] = ()) -> BigWorld:
    """A big switch over n datapaths, whose four ports lie on them in turn."""
    datapaths = [EmulatedDatapath(dpid, ports=PORTS) for dpid in range(1, n + 1)]
    homes = {port: (port - 1) % n + 1 for port in PORTS}
    return BigWorld(datapaths, homes, tables=tables, policies=policies)
