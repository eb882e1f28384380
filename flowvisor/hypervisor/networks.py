"""The virtual networks while they run: their switches, where these lie, and what that follows from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import Factory, define

from flowvisor.configuration.snapshot import Configuration, Settings
from flowvisor.hypervisor import sightings
from flowvisor.hypervisor.answering import Answers
from flowvisor.hypervisor.big import legs
from flowvisor.hypervisor.big.big_switch import BigSwitch
from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from flowvisor.hypervisor.following import Moves
from flowvisor.hypervisor.memory import Memory
from flowvisor.hypervisor.peers import Datapath, Fabric, Tenant, VirtualSwitch
from flowvisor.hypervisor.sightings import PRESUMED_SECONDS, Sighting
from flowvisor.network.discovery import Link
from flowvisor.network.topology import End
from flowvisor.openflow.messages import PacketIn
from flowvisor.openflow.ports import Port
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.embedding import NO_EMBEDDING, Embedder, Embedding
from flowvisor.planning.underlay import KnownDatapath, Underlay
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_switch import LogicalSwitch

OfDatapath = Callable[[int, Sighting], int]  # how many of its tables shares may have


@define(eq=False)
class Networks:
    """All of them.

    `switches` are the virtual switches by the names of their shares, `by_name` those that controllers are connected
    to, `logical` what the admin wrote of them, `moves` where ports that follow an address were seen last, `answers`
    what hosts were told of each other. `presumed` are datapaths that have not come since we began, as an earlier
    process saw them, until `presumed_until`.
    """

    n_tables: OfDatapath
    settings: Settings
    embedder: Embedder = Factory(lambda: Embedder((), Allocations()))
    embedding: Embedding = NO_EMBEDDING
    switches: dict[str, BigSwitch] = Factory(dict)
    by_name: dict[VirtualSwitchName, BigSwitch] = Factory(dict)
    logical: dict[str, LogicalSwitch] = Factory(dict)
    moves: Moves = Factory(Moves)
    answers: Answers = Factory(Answers)
    presumed: dict[int, Sighting] = Factory(dict)
    presumed_until: float | None = None
    rounds: int = 0  # how often it was looked where everything lies
    changes: int = 0  # messages to datapaths that this led to

    @property
    def are_there(self) -> bool:
        """Whether there are any."""
        return bool(self.switches)

    def configure(
        self,
        configuration: Configuration,
        allocations: Allocations,
        tenants: Mapping[str, Tenant],
        effects: Effects,
    ) -> None:
        """From now on these are the virtual networks; where they lie is to be found next."""
        networks = configuration.virtual_networks
        if allocations.labels == self.embedder.allocations.labels:
            self.embedder.networks, self.embedder.allocations = networks, allocations
        else:
            self.embedder = Embedder(networks, allocations)
        self.embedder.acls = configuration.acls
        self.settings = configuration.settings
        before, self.switches = self.switches, {}
        former, self.logical = self.logical, {}
        for network in networks:
            for share, logical in network.shares:
                self._forget_moves(share, former.get(share), logical)
                name = VirtualSwitchName(network.name, logical.dpid)
                big = before.get(share)
                if big is None or big.name != name:
                    big = BigSwitch(name, tenants[network.name], logical.datapaths)
                else:
                    del before[share]
                big.edges = logical.datapaths
                self.switches[share] = big
                self.logical[share] = logical
        for big in before.values():
            for dpid in sorted(big.shares.keys() | big.joining.keys()):
                legs.share_left(big, dpid, "the virtual switch is no more", effects)
        self.moves.forget_shares_but(self.switches)
        self.answers.forget_shares_but(self.switches)
        self.by_name = {big.name: big for big in self.switches.values()}

    def _forget_moves(self, share: str, before: LogicalSwitch | None, after: LogicalSwitch) -> None:
        """A port lies where the files say if they say something else of it than they did."""
        for number, port in after.ports.items():
            known = before.ports.get(number) if before is not None else None
            if known is not None and known.places[:1] != port.places[:1]:
                self.moves.places.pop(PortName(share, number), None)

    # What is there to lie on.

    def presume(self, memories: Iterable[Memory]) -> list[Link]:
        """Take what an earlier process saw for what there is; return the links that it knew."""
        links: list[Link] = []
        memories = list(memories)
        self.moves.recall(memories, self.switches)
        for memory in memories:
            seen = sightings.recalled(memory)
            if seen is not None:
                self.presumed[memory.dpid] = seen
                links += [Link(near, far) for near, far in sightings.recalled_links(memory)]
        return links

    def presumption_is_over(self, now: float) -> bool:
        """Whether it is time to believe only what was seen since we began; true once."""
        if not self.presumed:
            return False
        if self.presumed_until is None:
            self.presumed_until = now + PRESUMED_SECONDS
        if now < self.presumed_until:
            return False
        self.presumed.clear()
        return True

    def embed(self, fabric: Fabric) -> None:
        """Find out where everything lies on what there is now."""
        self.rounds += 1
        self.embedding = self.embedder.embed(self._underlay(fabric), self.moves.places)
        for share, big in self.switches.items():
            if not self.logical[share].datapaths:  # it has nothing but links, and lies where they lead it
                big.edges = frozenset(self.embedding.edges[share])

    def forget_unseen(self, fabric: Fabric, effects: Effects) -> None:
        """Addresses are where they were seen only while ports lie where they lay."""
        answering = {
            share: logical
            for network in self.embedder.networks
            if network.answers_arp
            for share, logical in network.shares
        }
        self.answers.seen.embedded(answering, self.embedding.ports, fabric, effects)

    def _underlay(self, fabric: Fabric) -> Underlay:
        known: list[KnownDatapath] = []
        capacities: dict[End, int] = {}
        for dpid, seen in self._seen(fabric):
            known.append(KnownDatapath(dpid, seen.version, self.n_tables(dpid, seen), seen.ports))
            capacities.update((End(dpid, port), capacity) for port, capacity in seen.capacities.items())
        capacities |= self.settings.capacities
        return Underlay.of(known, fabric.topology, capacities, self.settings.tunnel_ports)

    def _seen(self, fabric: Fabric) -> Iterator[tuple[int, Sighting]]:
        for dpid, datapath in fabric.datapaths.items():
            if datapath.knows_ports:
                self.presumed.pop(dpid, None)
            seen = self.presumed.get(dpid)
            yield dpid, seen or Sighting.of(datapath.version, datapath.features, datapath.ports)
        for dpid, seen in self.presumed.items():
            if dpid not in fabric.datapaths:
                yield dpid, seen

    # What the lower storey asks and tells (see `Fabric`).

    def is_as_presumed(self, datapath: Datapath) -> bool:
        """Whether a datapath has said that it is as it was before we began: so everything was embedded."""
        presumed = self.presumed.get(datapath.dpid)
        return presumed == Sighting.of(datapath.version, datapath.features, datapath.ports)

    def seen_elsewhere(self, datapath: Datapath, in_port: int, packet: bytes, effects: Effects) -> None:
        """A packet has come in where a port that follows its sender does not lie."""
        self.moves.seen(datapath, in_port, packet, effects)

    def told(self, switch: VirtualSwitch, message: PacketIn, effects: Effects) -> None:
        """A packet has come in that asks who has an address, or tells of it."""
        logical = self.logical.get(switch.name.slice_name)
        if logical is not None:
            self.answers.told(switch, logical, message, effects)

    def share_joined(self, share: VirtualSwitch, effects: Effects) -> None:
        """A datapath is ready, and this is a virtual switch's share of it."""
        self.answers.seen.set_up(share, effects)
        self.share_changed(share, effects)

    def share_changed(self, share: VirtualSwitch, effects: Effects) -> None:
        """A datapath that is ready does something else for a virtual switch than before, or is one of its edges now."""
        big = self.switches.get(share.name.slice_name)
        if big is not None:
            legs.share_joined(big, share, effects)

    def share_left(self, share: VirtualSwitch, reason: str, effects: Effects) -> None:
        """A share is no more, or its datapath has left."""
        big = self.switches.get(share.name.slice_name)
        if big is not None and legs.has_share(big, share):
            legs.share_left(big, share.name.dpid, reason, effects)

    def logical_ports(self, share: str) -> dict[int, Port]:
        """The ports of a virtual switch as they are now; it goes on being that."""
        return self.switches[share].ports
