"""A big switch without a socket: flowspace shares of emulated datapaths stand in for a virtual network's.

Each datapath has all the ports; `homes` says at which of them a port's packets come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.emulation.flow_table import MAX_ENTRIES, FlowEntry
from flowvisor.hypervisor.big import legs, moves
from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch
from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from flowvisor.openflow.error_codes import REQUEST_EPERM
from flowvisor.openflow.frame import FLOW_MOD, xid_of
from flowvisor.openflow.messages import Error, Message, PacketQueue
from flowvisor.openflow.ports import Port
from flowvisor.openflow.versions import codec
from flowvisor.planning.allocation import Allocations
from flowvisor.policies.policy import Policy
from tests.support.world import Controller, World, a_slice, ports

BIG_DPID = 0xB16
REFUSED = REQUEST_EPERM  # what a datapath says that a test has made picky
PORTS = (1, 2, 3, 4)


class PickyDatapath(EmulatedDatapath):
    """A datapath that refuses what a test says: messages of these types, but not what its setup needs."""

    refuses: frozenset[int] = frozenset()

    def from_controller(self, message: Message | bytes, now: float) -> list[Any]:
        if isinstance(message, bytes) and message[1] in self.refuses:
            error = Error(xid=xid_of(message), error=REFUSED, data=message[:64])
            return [Tell(0, error)]
        return super().from_controller(message, now)


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
        allocations: Allocations | None = None,
    ) -> None:
        policies = tuple(policies)
        one = a_slice("a", ports(*PORTS), tables=tables, policies=[policy.name for policy in policies])
        self.big: BigSwitch | None = None
        self.held: dict[int, list[bytes]] = {}
        datapaths = list(datapaths)
        super().__init__([one], [], allocations, policies)
        self.big: BigSwitch = BigSwitch(
            name=VirtualSwitchName("a", BIG_DPID),
            tenant=self.hypervisor.tenants["a"],
            edges=frozenset(datapath.dpid for datapath in datapaths),
            homes=dict(homes),
            ports={number: Port(number, hw_addr=bytes([2, 0, 0, 0, 0, number])) for number in PORTS},
        )
        for datapath in datapaths:
            self.come(datapath)

    def come(self, datapath: EmulatedDatapath) -> None:
        """A datapath connects, and with it a share."""
        self.join(datapath)
        self.share_joins(datapath.dpid)

    def share_joins(self, dpid: int) -> None:
        """A datapath is set up."""
        effects = Effects(self.now)
        share = self.hypervisor.datapaths[dpid].switches["a"]
        legs.share_joined(self.big, share, effects)
        self.perform(effects)

    def go(self, dpid: int) -> None:
        """A datapath's connection breaks."""
        self.leave(dpid)
        self.held.pop(dpid, None)
        effects = Effects(self.now)
        legs.share_left(self.big, dpid, "the datapath has left", effects)
        self.perform(effects)

    def entries_at(self, dpid: int) -> list[FlowEntry]:
        """What the slice has in its tables at a datapath."""
        block = self.hypervisor.allocations.blocks["a"]
        tables = self.emulated[dpid].pipeline.tables[block.first : block.end]
        return [entry for table in tables for entry in table]

    def sent_to(self) -> list[int]:
        """The datapaths that flow-mods were sent to since this was last asked, one for each."""
        sent = [dpid for dpid, frame in self.to_datapaths if frame[1] == FLOW_MOD]
        self.to_datapaths.clear()
        return sorted(sent)

    def big_controller(self, version: int = 4) -> BigController:
        """Connect a controller to the big switch."""
        return BigController(self, version)

    def move(self, port: int, dpid: int | None) -> None:
        """A port is attached elsewhere from now on."""
        effects = Effects(self.now)
        moves.port_moved(self.big, port, dpid, effects)
        self.perform(effects)

    def hold(self, dpid: int) -> None:
        """A datapath does nothing of what it is sent from now on."""
        self.held[dpid] = []

    def release(self, dpid: int) -> None:
        """It does all of it."""
        effects = Effects(self.now)
        effects.frames[self.hypervisor.datapaths[dpid]] = self.held.pop(dpid)
        self.perform(effects)

    def perform(self, effects: Effects) -> None:
        legs.heard(effects)
        for peer in [one for one in effects.frames if getattr(one, "dpid", None) in self.held]:
            self.held[peer.dpid] += effects.frames.pop(peer)
        super().perform(effects)

    def pass_time(self, seconds: float) -> None:
        super().pass_time(seconds)
        effects = Effects(self.now)
        legs.tick([self.big], effects)
        self.perform(effects)

    def _wake(self) -> None:
        due = any(at <= self.now for at in self.wakes_at)
        super()._wake()
        if due and self.big is not None:
            effects = Effects(self.now)
            legs.wake([self.big], effects)
            self.perform(effects)


def big_world(
    n: int = 2,
    *,
    tables: int = 4,
    policies: Iterable[Policy] = (),
    room: Mapping[int, int] | None = None,
    queues: Mapping[int, tuple[PacketQueue, ...]] | None = None,
) -> BigWorld:
    """A big switch over n datapaths, whose four ports lie on them in turn.

    `room` says of some datapaths how many entries a table of theirs holds.
    """
    datapaths = [
        PickyDatapath(dpid, ports=PORTS, max_entries=(room or {}).get(dpid, MAX_ENTRIES), queues=queues)
        for dpid in range(1, n + 1)
    ]
    homes = {port: (port - 1) % n + 1 for port in PORTS}
    return BigWorld(datapaths, homes, tables=tables, policies=policies)
