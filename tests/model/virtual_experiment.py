"""Virtual networks at work, and beside each of their virtual switches a private one; every step is looked at.

Strategy: one step has one sender, so that whatever happens in it must be that one's: entries met, controllers told,
ports left by. The private switches, joined by the virtual links alone, say which packets arrive.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator

from attrs import Factory, define, evolve

from flowvisor.hypervisor.effects import VirtualSwitchName
from flowvisor.network.discovery import addresses_a_probe
from flowvisor.network.topology import End
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.ports import LINK_DOWN, LIVE, Port
from flowvisor.openflow.versions import codec
from flowvisor.slices.slice import PortName
from tests.model.oracle import Violation
from tests.model.reference import Reference
from tests.model.virtual_topology import (
    CABLES,
    FLOWSPACE,
    TABLES,
    VirtualTopology,
    given_out,
    is_labelled,
    taken_in,
)
from tests.model.virtual_watch import DPIDS, MAX_HOPS, WatchedVirtualWorld
from tests.model.watched_datapath import Event
from tests.support.world import Controller, configuration

SETTLED_SECONDS = 1.0

Delivery = tuple[int, int, bytes]  # dpid, port, packet


@define(eq=False)
class Private:
    """A virtual switch, and what it should be: one datapath that has its ports."""

    share: str
    name: VirtualSwitchName
    reference: Reference
    far_ends: dict[int, PortName]  # by the ports that are ends of virtual links
    controller: Controller | None = None
    heard: int = 0

    @property
    def owner(self) -> str:
        return self.name.slice_name


@define(eq=False)
class Outsider:
    """A flowspace slice's controller at one datapath."""

    name: VirtualSwitchName
    controller: Controller | None = None
    heard: int = 0

    @property
    def owner(self) -> str:
        return self.name.slice_name


@define
class Expected:
    """What the private switches do in a step."""

    deliveries: list[Delivery] = Factory(list)
    punted: dict[str, list[str]] = Factory(dict)  # by share


class VirtualExperiment:
    """Every method that is named like something that happens is one step, and ends with a look."""

    def __init__(self, topology: VirtualTopology) -> None:
        self.topology = topology
        self.world = WatchedVirtualWorld(self.topology)
        self.broken: set[End] = set()
        self.outdated: set[int] = set()  # datapaths that were away when a port moved
        self.xid = 0
        self.privates = dict(self._privates())
        names = [VirtualSwitchName(one.name, dpid) for one in FLOWSPACE for dpid in DPIDS]
        self.outsiders = [Outsider(name) for name in names]
        self.parties: list[Private | Outsider] = [*self.privates.values(), *self.outsiders]
        self._join()

    def _privates(self) -> Iterator[tuple[str, Private]]:
        for network in self.topology.networks:
            for share, logical in network.shares:
                ports = [Port(number, state=LIVE) for number in logical.ports]
                far_ends = {
                    end.port: PortName(f"{network.name}/{link.other(end).switch}", link.other(end).port)
                    for link in network.links.values()
                    for end in link.ends
                    if end.switch == logical.name
                }
                reference = Reference(logical.dpid, 4, ports, n_tables=TABLES, is_lenient=False)
                name = VirtualSwitchName(network.name, logical.dpid)
                yield share, Private(share, name, reference, far_ends)

    def _join(self) -> None:
        """Controllers come wherever they are called, and have gone where they were hung up on."""
        for one in self.parties:
            if one.controller is not None and one.controller.channel.has_left:
                self.world.controllers.pop(one.controller.channel, None)
                one.controller = None
            if one.controller is None and one.name in self.world.open:
                one.controller = self.world.controller(one.name.slice_name, one.name.dpid)
                one.heard = len(one.controller.inbox)

    # ------------------------------------------------------------------------------------- what is whole

    def is_connected(self, dpid: int) -> bool:
        return any(peer.dpid == dpid for peer in self.world.peers)

    @property
    def away(self) -> set[int]:
        return {dpid for dpid in DPIDS if not self.is_connected(dpid)}

    @property
    def is_whole(self) -> bool:
        """Whether every datapath is there, and can be reached."""
        reached, ahead = {DPIDS[0]}, [DPIDS[0]]
        while ahead:
            here = ahead.pop()
            for near, far in CABLES.items():
                if near.dpid == here and near not in self.broken and far.dpid not in reached:
                    reached.add(far.dpid)
                    ahead.append(far.dpid)
        return not self.away and len(reached) == len(DPIDS)

    @property
    def is_outdated(self) -> bool:
        """Whether a datapath that nobody can tell still does what was right before a move."""
        self.outdated &= self.away
        return bool(self.outdated)

    # ----------------------------------------------------------------------------------- what the world does

    def packet(self, end: End, data: bytes) -> None:
        """A packet comes in at a port."""
        if self.is_outdated:
            return
        expected = Expected()
        found = self.topology.port_at(end, data)
        owner = self.topology.owner(end, data)
        if found is not None:
            name, place = found
            self._comes_in(name, taken_in(place, data), expected)
        self.world.begin_step()
        self.world.packet(end.dpid, end.port, data)
        self.look(owner, None if found is None else expected)  # what flowspace slices do is theirs to say

    def _comes_in(self, name: PortName, data: bytes, expected: Expected) -> None:
        """What the private switches make of a packet that comes in at a virtual port."""
        ahead = deque([(name, data)])
        while ahead:
            name, data = ahead.popleft()
            self._goes_out(self.privates[name.share], self._received(name, data), expected, ahead)

    def _received(self, name: PortName, data: bytes) -> list[tuple[int, bytes]]:
        """What a private switch sends for a packet."""
        return self.privates[name.share].reference.receive(name.number, data, self.world.now)

    def _goes_out(
        self,
        private: Private,
        sent: Iterable[tuple[int, bytes]],
        expected: Expected,
        ahead: deque[tuple[PortName, bytes]],
    ) -> None:
        places = {name: place for place, name in self.topology.attachments.items()}
        for number, data in sent:
            if number in private.far_ends:
                ahead.append((private.far_ends[number], data))
            else:
                place = places[PortName(private.share, number)]
                expected.deliveries.append((*place.end, given_out(place, data)))
        punted, _ = private.reference.take_told()
        expected.punted.setdefault(private.share, []).extend(map(_said, punted))

    def plug(self, end: End, *, is_up: bool) -> None:
        """A cable of the core breaks or is mended."""
        for near in (end, CABLES[end]):
            (self.broken.discard if is_up else self.broken.add)(near)
        self.world.begin_step()
        (self.world.mend if is_up else self.world.cut)(*end)
        self.settle()

    def host_link(self, end: End, *, is_up: bool) -> None:
        """A host's cable is pulled out or put in."""
        self.world.begin_step()
        self.world.change(end.dpid, self.world.emulated[end.dpid].set_link(end.port, is_up=is_up))
        self.settle()

    def lose(self, dpid: int) -> None:
        self.world.begin_step()
        self.world.leave(dpid)
        self.settle()

    def regain(self, dpid: int) -> None:
        self.world.begin_step()
        self.world.join(self.world.emulated[dpid])
        self.settle()

    def restart(self) -> None:
        """The hypervisor is started anew; all datapaths come back to it."""
        self.world.begin_step()
        self.world.restart()
        for one in self.parties:
            one.controller = None
        self.settle()

    def reload(self, topology: VirtualTopology) -> None:
        """A virtual port lies elsewhere from now on."""
        self.topology = topology
        self.outdated |= self.away
        self.world.begin_step()
        settings = self.world.hypervisor.configuration.settings
        self.world.reload(evolve(configuration(*topology.slices), settings=settings))
        self.settle()

    def settle(self) -> None:
        """What has happened is found out, and no tenant has got another's packet meanwhile."""
        self._join()
        self.world.look_for_links(SETTLED_SECONDS)
        self._join()
        self.look(None, None)
        for share, private in self.privates.items():
            self._put_states(share, private)
        self.read_back()

    def _put_states(self, share: str, private: Private) -> None:
        """The private switch's ports are up where those are that it stands for."""
        told = self._told_states(private)
        if told is None:
            return
        for number, is_up in told.items():
            private.reference.datapath.set_link(number, is_up=is_up)
        if self.is_whole:
            places = {name: place.end for place, name in self.topology.attachments.items()}
            for number, is_up in told.items():
                end = places.get(PortName(share, number))
                port = None if end is None else self.world.emulated[end.dpid].pipeline.ports[end.port]
                if is_up != (port is None or not port.state & LINK_DOWN):
                    raise Violation(f"I5: {share} is told that port {number} is {'up' if is_up else 'down'}")

    def _told_states(self, private: Private) -> dict[int, bool] | None:
        replies = self.ask(private, mp.PortDescRequest())
        if replies is None:
            return None
        ports = [port for reply in replies if isinstance(reply, mp.PortDescReply) for port in reply.ports]
        if {port.number for port in ports} != private.reference.ports:
            raise Violation(f"I5: {private.share} is told of ports {ports}")
        return {port.number: not port.state & LINK_DOWN for port in ports}

    # ---------------------------------------------------------------------------------- what tenants send

    def ask(self, private: Private, request: m.Message) -> list[m.Message] | None:
        """What a request is answered with; None if nobody is there to ask."""
        if private.controller is None:
            return None
        self.xid += 1
        replies = private.controller.send(evolve(request, xid=self.xid))
        if not replies or any(one.xid != self.xid for one in replies):
            raise Violation(f"I5: {private.share} asked {request} and was told {replies}")
        private.heard = len(private.controller.inbox)
        return replies

    def send(self, share: str, message: m.Message, *, is_plain: bool) -> bool:
        """A tenant sends a message; whether it was admitted. A plain one is refused only as a private switch would."""
        private = self.privates[share]
        controller = private.controller
        if controller is None or (self.is_outdated and isinstance(message, m.PacketOut)):
            return False
        self.xid += 1
        message = evolve(message, xid=self.xid)
        frame = codec(4).encode(message)
        self.world.begin_step()
        answers = controller.send(frame)
        errors = [one for one in answers if isinstance(one, m.Error)]
        if any(one.xid != self.xid or one.data != frame[:64] for one in errors):
            raise Violation(f"I5: {share} sent {message} and was told {errors}")
        expected = Expected()
        if errors and not is_plain:
            self.look(private.owner, None)
            self.read_back(private)
            return False
        would_be, sent = private.reference.admit(message, self.world.now)
        if would_be != [one.error for one in errors]:
            raise Violation(f"I3: {share} sent {message}, was told {errors} instead of {would_be}")
        ahead: deque[tuple[PortName, bytes]] = deque()
        self._goes_out(private, sent, expected, ahead)
        for name, data in ahead:
            self._comes_in(name, data, expected)
        self.look(private.owner, expected)
        self.read_back(private)
        return not errors

    def send_outside(self, outsider: Outsider, message: m.Message) -> None:
        """A flowspace slice's controller sends something."""
        if outsider.controller is not None and not self.is_outdated:
            self.xid += 1
            self.world.begin_step()
            outsider.controller.send(evolve(message, xid=self.xid))
            self.look(outsider.owner, None)

    def read_back(self, *privates: Private) -> None:
        """I3: what tenants hold is what they would have if they were alone."""
        for private in privates or self.privates.values():
            for request in (mp.FlowStatsRequest(), mp.GroupDescRequest()):
                told = self.ask(private, request)
                if told is None:
                    break
                should_be = private.reference.answer(request, self.world.now)
                if _shown(told) != _shown(should_be):
                    raise Violation(f"I3: {private.share} has {_shown(told)} instead of {_shown(should_be)}")

    # ------------------------------------------------------------------------------------------- looking

    def look(self, owner: str | None, expected: Expected | None) -> None:
        """What has happened was the one's whose step it was, and what the private switches did, if they can tell."""
        for event in self.world.events:
            self._look_at_event(event, owner)
        deliveries = self._deliveries(owner)
        punted = self._heard(owner)
        if self.world.hops > MAX_HOPS and owner in {one.owner for one in self.privates.values()}:
            raise Violation(f"I4: a packet of {owner}'s goes round and round")
        if expected is None or self.away:
            return
        should = Counter(expected.deliveries)
        if Counter(deliveries) - should:
            raise Violation(f"I2: {deliveries} arrived, and {expected.deliveries} should")
        if self.is_whole:
            if Counter(deliveries) != should:
                raise Violation(f"I3: {deliveries} arrived, and {expected.deliveries} should")
            told = {share: sorted(one) for share, one in expected.punted.items() if one}
            if punted != told:
                raise Violation(f"I3: tenants were told of {punted}, and should of {told}")

    def _look_at_event(self, event: Event, owner: str | None) -> None:
        blocks = self.world.hypervisor.allocations.blocks
        if event.arrival is not None and addresses_a_probe(event.arrival.packet):
            return
        for met in event.met:
            for name, block in blocks.items():
                if block.first <= met.table_id < block.end and name.partition("/")[0] != owner:
                    raise Violation(f"I1: a packet of {owner}'s met {name}'s {met.entry}: {event}")

    def _deliveries(self, owner: str | None) -> list[Delivery]:
        """What has left at ports, not behind a label; all of it where it might."""
        found = []
        is_virtual = owner in {one.owner for one in self.privates.values()}
        for dpid, port, packet in self.world.transmitted:
            end = End(dpid, port)
            if addresses_a_probe(packet) or (is_virtual and is_labelled(end, packet)):
                continue
            # Flowspace slices may also send what is nobody's, but nothing that would pass for a label.
            others = () if is_virtual or is_labelled(end, packet) else (None,)
            if owner is None or self.topology.owner(end, packet) not in (owner, *others):
                raise Violation(f"I2: {owner} sent {packet.hex()} to {end}, which is not its own")
            found.append((dpid, port, packet))
        return found

    def _heard(self, owner: str | None) -> dict[str, list[str]]:
        """What controllers were told of packets; none of others'."""
        found: dict[str, list[str]] = {}
        for one in self.parties:
            if one.controller is None:
                continue
            fresh, one.heard = one.controller.inbox[one.heard :], len(one.controller.inbox)
            punted = [each for each in fresh if isinstance(each, m.PacketIn)]
            if punted and one.owner != owner:
                raise Violation(f"I1: {one.name} was told of a packet of {owner}'s: {punted}")
            if punted and isinstance(one, Private):
                found[one.share] = sorted(map(_said, punted))
        return found


def _said(punted: m.PacketIn) -> str:
    return repr(evolve(punted, xid=0))


def _shown(replies: Iterable[m.Message]) -> list[str]:
    """What replies show of entries and groups, in an order that does not matter."""
    found: list[str] = []
    for reply in replies:
        if isinstance(reply, mp.FlowStatsReply):
            untimed = {"duration_sec": 0, "duration_nsec": 0, "packet_count": 0, "byte_count": 0}
            found += [repr(evolve(flow, **untimed)) for flow in reply.flows]
        elif isinstance(reply, mp.GroupDescReply):
            found += map(repr, reply.groups)
        else:
            found.append(repr(evolve(reply, xid=0)))
    return sorted(found)
