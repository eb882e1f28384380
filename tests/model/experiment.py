"""A network with its slices' controllers, and beside it what each slice should see; every step is looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence

from attrs import Factory, define, evolve

from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.actions import Output
from flowvisor.openflow.frame import xid_of
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import ALL, FLOOD
from flowvisor.openflow.versions import codec
from tests.model.oracle import LLDP_TYPES, Names, Oracle, Violation, owned_ports
from tests.model.reference import Reference, comparable
from tests.model.topologies import TABLES, Topology
from tests.model.watched_datapath import Arrival, Event
from tests.support.slices import LATER_PORTS, PORTS
from tests.support.world import Controller

# Message types, by version, that have no answer if all is well: what they do is looked at, or is counted.
UNANSWERED = {1: {9, 13, 14, 15}, 4: {9, 13, 14, 15, 16, 17, 28, 29}}
SHARED_PRIORITY = 5
CHANGES = (m.FlowMod, m.GroupMod, m.MeterMod, m.PortMod, m.PacketOut)
Sent = tuple[int, bytes]  # port, packet


@define(eq=False)
class Share:
    """One slice's share of one datapath: who speaks for it, and what it should see."""

    slice_name: str
    dpid: int
    names: Names
    reference: Reference
    controllers: list[Controller] = Factory(list)


@define(eq=False)
class Seen:
    """How far a controller's messages have been looked at, and what it has sent by xid."""

    messages: int = 0
    sent: dict[int, bytes] = Factory(dict)


class Experiment:
    """Every method is one step, and ends with a look at everything."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.world = topology.world()
        self.oracle = Oracle(topology.slices, self._blocks(), topology.acls)
        self.seen: dict[Controller, Seen] = {}
        self.xid = 0
        self._numbers: dict[Hashable, int] = {}  # of the matches of entries
        self.shares = [
            self._share(one.name, dpid)
            for dpid in topology.kinds
            for one in topology.slices
            if one.rules_at(dpid)
        ]
        for share in self.shares:
            self.join(share)
        self.look()

    def _blocks(self) -> dict[int, dict[str, range]]:
        """The tables of each slice, by datapath; these are the hypervisor's to give."""
        given = self.world.hypervisor.allocations.blocks
        return {
            dpid: {name: range(block.first, block.end) for name, block in given.items()}
            if kind.has_blocks
            else {}
            for dpid, kind in self.topology.kinds.items()
        }

    def _share(self, name: str, dpid: int) -> Share:
        kind, version = self.topology.kinds[dpid], self.topology.versions[name]
        n_tables = TABLES if kind.has_blocks and version >= 4 else 1
        owned = owned_ports(self.topology.slices, name, dpid, (*PORTS, *LATER_PORTS), self.topology.acls)
        ports = [port for port in self.world.emulated[dpid].pipeline.ports.values() if port.number in owned]
        return Share(
            slice_name=name,
            dpid=dpid,
            names=Names(dpid, owned, n_tables),
            reference=Reference(
                dpid,
                version,
                ports,
                n_tables=n_tables,
                is_lenient=version != kind.version or not kind.has_blocks,
            ),
        )

    # ------------------------------------------------------------------------------ who comes and goes

    def join(self, share: Share) -> Controller:
        """Another controller of the share's connects."""
        controller = self.world.controller(
            share.slice_name, share.dpid, self.topology.versions[share.slice_name]
        )
        share.controllers.append(controller)
        self.seen[controller] = Seen()
        return controller

    def leave(self, controller: Controller) -> None:
        self.share_of(controller).controllers.remove(controller)
        controller.leave()
        self.look()

    def share_of(self, controller: Controller) -> Share:
        return next(share for share in self.shares if controller in share.controllers)

    @property
    def controllers(self) -> list[Controller]:
        return [controller for share in self.shares for controller in share.controllers]

    def lose(self, dpid: int) -> None:
        """A datapath's connection breaks, and with it those of all controllers there."""
        self.world.leave(dpid)
        for controller in [each for each in self.world.controllers if each.switch.datapath.dpid == dpid]:
            del self.world.controllers[controller]
        for share in self.shares:
            if share.dpid == dpid:
                share.controllers.clear()
        self.look()

    def regain(self, dpid: int) -> None:
        """It is connected again, and so are controllers."""
        self.world.join(self.world.emulated[dpid])
        self._come_back(dpid)
        self.look()

    def restart(self) -> None:
        """The hypervisor is started anew."""
        self.world.restart()
        for share in self.shares:
            share.controllers.clear()
        for dpid in self.topology.kinds:
            self._come_back(dpid)
        self.look()

    def _come_back(self, dpid: int) -> None:
        for share in self.shares_at(dpid):
            emulated = self.world.emulated[dpid]
            if not self.topology.kinds[dpid].has_blocks and not any(
                emulated.owner_of(entry) == share.slice_name for entry in emulated.pipeline.tables[0]
            ):
                share.reference.forget_entries()  # without a journal nothing says whose they are: they are removed
            self.join(share)

    # ---------------------------------------------------------------------------------- what tenants send

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

    def send(self, controller: Controller, messages: Sequence[m.Message | bytes]) -> list[m.Message]:
        """Send messages and a barrier; return what came back before its answer."""
        share, seen = self.share_of(controller), self.seen[controller]
        frames = [self.encode(controller, message) for message in messages]
        barrier = self.encode(controller, m.BarrierRequest())
        seen.sent.update((xid_of(frame), frame) for frame in (*frames, barrier))
        before = _counted(controller)
        answers = controller.send(*frames, barrier)
        if [one.xid for one in answers if isinstance(one, m.BarrierReply)][-1:] != [self.xid]:
            raise Violation(f"order: no answer to the barrier behind {messages}: {answers}")
        refused = {one.xid for one in answers if isinstance(one, m.Error)}
        self._look_for_answers(frames, answers, _counted(controller) - before)
        self._do_alone(share, [frame for frame in frames if xid_of(frame) not in refused])
        self.look()
        return answers

    def _look_for_answers(self, frames: Sequence[bytes], answers: Sequence[m.Message], counted: int) -> None:
        """Every request is answered or refused; what has no answer if all is well is counted, or has an effect."""
        answered = {one.xid for one in answers}
        silent = [frame for frame in frames if xid_of(frame) not in answered]
        unknown = [frame for frame in silent if frame[1] not in UNANSWERED[frame[0]] and not _has_more(frame)]
        if unknown and counted < len(answered) + len(unknown):
            raise Violation(f"I4: neither answered nor counted: {[frame.hex() for frame in unknown]}")

    def _do_alone(self, share: Share, admitted: Sequence[bytes]) -> None:
        """What was admitted does what it would do on a datapath of the slice's own."""
        mine = [one for one in self.world.events if one.dpid == share.dpid and one.sender == share.slice_name]
        released = deque(one for one in mine if one.released is not None)
        messages = [codec(share.reference.version).decode(frame) for frame in admitted]
        changes = [one for one in messages if isinstance(one, CHANGES)]
        expected = sorted(sent for one in changes for sent in self._admit(share, one, released))
        left = sorted((one.port, one.packet) for event in mine for one in event.left)
        if self._is_translated(share):  # VLAN actions do not mean the same in both versions
            left, expected = _at_ports(left), _at_ports(expected)
        may_be_less = any(isinstance(one, m.PacketOut) and _floods(one) for one in changes)
        if not (set(left) <= set(expected) if may_be_less else left == expected):
            raise Violation(f"I3: {share.slice_name} sent {left}, not {expected}, by {changes}")

    def _admit(self, share: Share, message: m.Message, released: deque[Event]) -> list[Sent]:
        """Have the share's reference do it too; return what that sends."""
        reference = share.reference
        shown: Arrival | None = None
        if getattr(message, "buffer_id", m.NO_BUFFER) != m.NO_BUFFER:
            if not released:
                return []
            shown = released.popleft().shown
            assert shown is not None
            if isinstance(message, m.PacketOut):
                message = evolve(message, data=shown.packet)
            message = evolve(message, buffer_id=m.NO_BUFFER)
        if isinstance(message, m.PacketOut) and is_discovery(message.data):
            return []  # these are not put on a wire
        errors, sent = reference.admit(message, self.world.now)
        is_modify = isinstance(message, m.FlowMod) and message.command in (m.MODIFY, m.MODIFY_STRICT)
        # Where there is nothing to modify it matters only to a datapath with what.
        if errors and (not is_modify or self.topology.kinds[share.dpid].has_blocks):
            raise Violation(f"I3: {share.slice_name} may not do alone what was admitted: {message}, {errors}")
        if shown is not None and isinstance(message, m.FlowMod):
            sent += reference.receive(shown.port, shown.packet, self.world.now)
        return sent

    def ask(self, controller: Controller, request: mp.MultipartRequest) -> None:
        """Ask for statistics of entries; the answer is what the reference says."""
        self._compare_entries(self.share_of(controller), controller, request)
        self.look()

    def _asked(self, controller: Controller, request: mp.MultipartRequest) -> list[m.Message]:
        frame = self.encode(controller, request)
        self.seen[controller].sent[xid_of(frame)] = frame
        return controller.send(frame)

    # --------------------------------------------------------------------------------- what the world does

    def packet(self, dpid: int, port: int, packet: bytes) -> None:
        """A host sends a packet."""
        self.world.packet(dpid, port, packet)
        self.look()

    def port_comes(self, dpid: int, number: int) -> None:
        emulated = self.world.emulated[dpid]
        self.world.change(dpid, emulated.add_port(number, self.world.now))
        for share in self.shares_at(dpid):
            if number in share.names.ports:
                share.reference.datapath.add_port(emulated.pipeline.ports[number], self.world.now)
        self.look()

    def port_goes(self, dpid: int, number: int) -> None:
        self.world.change(dpid, self.world.emulated[dpid].remove_port(number))
        for share in self.shares_at(dpid):
            if number in share.names.ports:
                share.reference.datapath.remove_port(number)
        self.look()

    def link_changes(self, dpid: int, number: int, *, is_up: bool) -> None:
        self.world.change(dpid, self.world.emulated[dpid].set_link(number, is_up=is_up))
        for share in self.shares_at(dpid):
            if number in share.names.ports:
                share.reference.datapath.set_link(number, is_up=is_up)
        self.look()

    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        for share in self.shares:
            share.reference.datapath.tick(self.world.now)
        self.look()

    def _is_translated(self, share: Share) -> bool:
        return self.topology.versions[share.slice_name] != self.topology.kinds[share.dpid].version

    def has_groups(self, share: Share) -> bool:
        """Whether both the datapath and the slice's controllers know what a group is."""
        return min(self.topology.kinds[share.dpid].version, self.topology.versions[share.slice_name]) >= 4

    def shares_at(self, dpid: int) -> list[Share]:
        return [share for share in self.shares if share.dpid == dpid]

    # ------------------------------------------------------------------------------------------- the look

    def look(self) -> None:
        """After each step: where everything went, who heard what, what each slice sees, what is still waited for."""
        touched = {event.dpid for event in self.world.events} | {dpid for dpid, _ in self.world.to_datapaths}
        told: dict[tuple[int, str | None], list[Arrival]] = {}
        for event in list(self.world.events):
            whose = self.oracle.check(event, self.world.emulated[event.dpid])
            told.setdefault((event.dpid, whose), []).extend(event.punted)
            if event.arrival is not None and whose is not None:
                self._compare_arrival(event, event.arrival, whose)
        for controller in self.controllers:
            self._look_at_messages(controller, told)
        for share in self.shares:
            if share.dpid in touched and share.controllers:
                self._compare_entries(share, share.controllers[0], mp.FlowStatsRequest())
        self._look_at_bounds()
        self.world.begin_step()

    def _compare_arrival(self, event: Event, arrival: Arrival, whose: str) -> None:
        """A packet leaves where it would leave the slice's own datapath."""
        share = next(one for one in self.shares_at(event.dpid) if one.slice_name == whose)
        expected = share.reference.receive(arrival.port, arrival.packet, self.world.now)
        left = sorted((one.port, one.packet) for one in event.left)
        if self._is_translated(share):
            left, expected = _at_ports(left), _at_ports(expected)
        if left != expected:
            raise Violation(f"I3: {whose}'s packet left as {left}, not {expected}: {event}")

    def _look_at_messages(
        self, controller: Controller, told: dict[tuple[int, str | None], list[Arrival]]
    ) -> None:
        share, seen = self.share_of(controller), self.seen[controller]
        news = controller.inbox[seen.messages :]
        seen.messages = len(controller.inbox)
        for message in news:
            share.names.check(message, seen.sent)
            if isinstance(message, m.PacketIn) and not any(
                one.port == message.match.fields["in_port"][0] and one.packet.startswith(message.data)
                for one in told.get((share.dpid, share.slice_name), ())
            ):
                raise Violation(f"I1: {share.slice_name} heard of what is not its own: {message}, {told}")

    def _compare_entries(self, share: Share, controller: Controller, request: mp.MultipartRequest) -> None:
        """What a slice sees of its entries is what it would see if it were alone."""
        kind = self.topology.kinds[share.dpid]
        # In tables of its own its entries are kept as the datapath's version says them: instructions in other words,
        # and a cookie that no modify changes.
        is_kept = controller.version == kind.version or not kind.has_blocks
        said = comparable(self._asked(controller, request), is_kept=is_kept)
        expected = share.reference.answer(request, self.world.now)
        meant = comparable(expected, is_kept=is_kept)
        if said != meant:
            extra, missing = (
                [one for one in said if one not in meant],
                [one for one in meant if one not in said],
            )
            raise Violation(
                f"I3: {share.slice_name} at {share.dpid} sees {extra}, not {missing} by {request}"
            )

    def _look_at_bounds(self) -> None:
        for dpid, datapath in self.world.hypervisor.datapaths.items():
            if datapath.pending_transactions:
                raise Violation(f"I4: {datapath.pending_transactions} requests without an answer at {dpid}")
            if datapath.stale_replies:
                raise Violation(f"I3: {datapath.stale_replies} answers to nobody at {dpid}")
            if datapath.own_failures:
                raise Violation(f"I3: {dpid} refused what is the hypervisor's own: {self.world.commands}")
        for controller in self.controllers:
            channel = controller.channel
            if channel.backlog or channel.awaits_answer or channel.barriers:
                raise Violation(f"I4: {len(channel.backlog)} of {channel.switch.name}'s messages still wait")


def _has_more(frame: bytes) -> bool:
    """Whether it is a part of a multipart request, of which more are to come."""
    return frame[:2] == b"\x04\x12" and bool(frame[11] & 1)


def _at_ports(sent: list[Sent]) -> list[Sent]:
    return [(port, b"") for port, _ in sent]


def _floods(message: m.PacketOut) -> bool:
    return any(isinstance(action, Output) and action.port in (ALL, FLOOD) for action in message.actions)


def is_discovery(packet: bytes) -> bool:
    return parse(packet).get("eth_type") in LLDP_TYPES


def _counted(controller: Controller) -> int:
    """How many of the tenant's messages were forwarded, answered, refused or shed."""
    counters = controller.channel.counters
    told_of = (counters.down, counters.answered, counters.refused.values(), counters.shed.values())
    return sum(sum(numbers) for numbers in told_of)
