"""A network with its slices' controllers: who there is, and how what a tenant sends becomes a frame."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from attrs import Factory, define, evolve

from flowvisor.openflow import messages as m
from flowvisor.openflow.match import Match
from flowvisor.openflow.versions import codec
from flowvisor.slices.flowspace_slice import FlowspaceRule
from tests.model.oracle import Names, Oracle, owned_ports
from tests.model.reference import Reference
from tests.model.topologies import TABLES, Topology
from tests.support.slices import LATER_PORTS, PORTS
from tests.support.world import Controller

SHARED_PRIORITY = 5
EVERY_PORT = (*PORTS, *LATER_PORTS)


@define(eq=False)
class Share:
    """One slice's share of one datapath: who speaks for it, and what it should see.

    `may_lose`: what its entries follow from has changed, so that some of them may have gone. `was_outdated`: the
    datapath was away at that time, and what packets did there was not looked at. `is_settling`: it is told now what
    it has lost.
    """

    slice_name: str
    dpid: int
    may_write: bool
    owned: frozenset[int]  # ports
    names: Names
    reference: Reference
    controllers: list[Controller] = Factory(list)
    may_lose: bool = False
    was_outdated: bool = False
    is_settling: bool = False


@define(eq=False)
class Seen:
    """How far a controller's messages have been looked at, and what it has sent by xid."""

    messages: int = 0
    sent: dict[int, bytes] = Factory(dict)


class Network:
    """What there is, and what each slice should see of it."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.world = topology.world()
        self.oracle = self._oracle()
        self.seen: dict[Controller, Seen] = {}
        self.xid = 0
        self._numbers: dict[Hashable, int] = {}  # of the matches of entries
        self.shares = [self._share(name, dpid) for name, dpid in self._places()]

    def _oracle(self) -> Oracle:
        world = self.world
        return Oracle(self.topology.slices, self._blocks(), self.topology.acls, world.arrives_at)

    def _blocks(self) -> dict[int, dict[str, range]]:
        """The tables of each slice, by datapath; these are the hypervisor's to give."""
        given = self.world.hypervisor.allocations.blocks
        return {
            dpid: {name: range(block.first, block.end) for name, block in given.items()}
            if kind.has_blocks
            else {}
            for dpid, kind in self.topology.kinds.items()
        }

    def _places(self) -> Iterator[tuple[str, int]]:
        """Each slice and the datapaths where it has a share."""
        for dpid in self.topology.kinds:
            for one in self.topology.slices:
                if one.rules_at(dpid):
                    yield one.name, dpid

    def _owned(self, name: str, dpid: int) -> frozenset[int]:
        return owned_ports(self.topology.slices, name, dpid, EVERY_PORT, self.topology.acls)

    def visible(self, name: str, dpid: int, owned: frozenset[int]) -> frozenset[int]:
        """The ports that a slice has, and those at which it may look on."""
        looking = [
            match
            for one in self.rules_at(name, dpid)
            if "write" not in one.permissions
            for match in one.matches
        ]
        return owned | {port for port in EVERY_PORT if any(_may_be_at(match, port) for match in looking)}

    def rules_at(self, name: str, dpid: int) -> tuple[FlowspaceRule, ...]:
        """A slice's rules about a datapath."""
        return next((one.rules_at(dpid) for one in self.topology.slices if one.name == name), ())

    def writes(self, name: str, dpid: int) -> bool:
        """Whether a slice may own anything at a datapath."""
        return any("write" in rule.permissions for rule in self.rules_at(name, dpid))

    def _share(self, name: str, dpid: int) -> Share:
        kind, version = self.topology.kinds[dpid], self.topology.versions[name]
        may_write, owned = self.writes(name, dpid), self._owned(name, dpid)
        # A reader sees as many tables as any owner has.
        others = any(self.writes(one.name, dpid) for one in self.topology.slices)
        n_tables = TABLES if kind.has_blocks and version >= 4 and (may_write or others) else 1
        ports = [port for port in self.world.emulated[dpid].pipeline.ports.values() if port.number in owned]
        return Share(
            slice_name=name,
            dpid=dpid,
            may_write=may_write,
            owned=owned,
            names=Names(
                dpid=dpid,
                ports=self.visible(name, dpid, owned),
                n_tables=n_tables,
                n_tables_seen=TABLES if kind.has_blocks and not may_write else n_tables,
            ),
            reference=Reference(
                dpid,
                version,
                ports,
                n_tables=n_tables,
                is_lenient=version != kind.version or not kind.has_blocks,
            ),
        )

    def join(self, share: Share) -> Controller:
        """Another controller of the share's connects."""
        controller = self.world.controller(
            share.slice_name, share.dpid, self.topology.versions[share.slice_name]
        )
        share.controllers.append(controller)
        self.seen[controller] = Seen()
        return controller

    def share_of(self, controller: Controller) -> Share:
        return next(share for share in self.shares if controller in share.controllers)

    @property
    def controllers(self) -> list[Controller]:
        return [controller for share in self.shares for controller in share.controllers]

    def shares_at(self, dpid: int) -> list[Share]:
        return [share for share in self.shares if share.dpid == dpid]

    def is_translated(self, share: Share) -> bool:
        """Whether its controllers do not speak the datapath's version."""
        return self.topology.versions[share.slice_name] != self.topology.kinds[share.dpid].version

    def has_groups(self, share: Share) -> bool:
        """Whether both the datapath and the slice's controllers know what a group is."""
        return min(self.topology.kinds[share.dpid].version, self.topology.versions[share.slice_name]) >= 4

    # ---------------------------------------------------------------------------------------- frames

    def encode(self, controller: Controller, message: m.Message | bytes) -> bytes:
        """The frame of a message under an xid of its own."""
        self.xid += 1
        if isinstance(message, bytes):
            return message[:4] + self.xid.to_bytes(4, "big") + message[8:]
        if isinstance(message, m.FlowMod):
            message = evolve(message, priority=self._priority_of(message))
            if self.topology.kinds[controller.switch.name.dpid].version < 4:  # which always counts
                message = evolve(message, flags=message.flags & ~(m.NO_PACKET_COUNTS | m.NO_BYTE_COUNTS))
        return codec(controller.version).encode(evolve(message, xid=self.xid))

    def _priority_of(self, message: m.FlowMod) -> int:
        """A priority that no entry with another match has, unless an overlap is refused: which of two entries of
        one priority a packet meets is nowhere said."""
        if message.flags & m.CHECK_OVERLAP:
            return SHARED_PRIORITY
        if message.priority == 0 and not message.match.fields:
            return 0
        match = frozenset(message.match.fields.items())
        number = self._numbers.setdefault(match, len(self._numbers) + 1)
        return (0x1000 if message.priority < SHARED_PRIORITY + 1 else 0x2000) + number


def _may_be_at(match: Match, port: int) -> bool:
    value, mask = match.fields.get("in_port", (0, 0))
    return value == port & mask


def at_ports(sent: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """What was sent without what the packets were."""
    return [(port, b"") for port, _ in sent]
