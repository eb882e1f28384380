"""What tenants send: each request is answered, and what is admitted does what it would do alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from attrs import evolve

from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.actions import Output
from flowvisor.openflow.frame import xid_of
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import ALL, FLOOD, LINK_DOWN, NO_FWD, NO_RECV, PORT_DOWN
from flowvisor.openflow.versions import codec
from flowvisor.policies.quota import Quota
from tests.model.looking import Looking
from tests.model.network import Share, at_ports
from tests.model.oracle import LLDP_TYPES, Violation
from tests.model.watched_datapath import Arrival, Event
from tests.support.slices import is_denied
from tests.support.world import Controller

# Message types, by version, that have no answer if all is well: what they do is looked at, or is counted.
UNANSWERED = {1: {9, 13, 14, 15}, 4: {9, 13, 14, 15, 16, 17, 28, 29}}
CHANGES = (m.FlowMod, m.GroupMod, m.MeterMod, m.PortMod, m.PacketOut)
QUOTA_ERRORS = (codes.TABLE_FULL, codes.OUT_OF_GROUPS)
Sent = tuple[int, bytes]  # port, packet


class Sending(Looking):
    """Tenants' requests."""

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
        refused = {one.xid: one.error for one in answers if isinstance(one, m.Error)}
        self._look_for_answers(frames, answers, _counted(controller) - before)
        self._do_alone(share, frames, refused)
        self.look()
        return answers

    def _look_for_answers(self, frames: Sequence[bytes], answers: Sequence[m.Message], counted: int) -> None:
        """Every request is answered or refused; what has no answer if all is well is counted, or has an effect."""
        answered = {one.xid for one in answers}
        silent = [frame for frame in frames if xid_of(frame) not in answered]
        unknown = [frame for frame in silent if frame[1] not in UNANSWERED[frame[0]] and not _has_more(frame)]
        if unknown and counted < len(answered) + len(unknown):
            raise Violation(f"I4: neither answered nor counted: {[frame.hex() for frame in unknown]}")

    def _do_alone(
        self, share: Share, frames: Sequence[bytes], refused: Mapping[int, tuple[int, int]]
    ) -> None:
        """What was admitted does what it would do on a datapath of the slice's own."""
        mine = [one for one in self.world.events if one.dpid == share.dpid and one.sender == share.slice_name]
        released = deque(one for one in mine if one.released is not None)
        changes: list[m.Message] = []
        expected: list[Sent] = []
        for frame in frames:
            error = refused.get(xid_of(frame))
            if error is None or error in QUOTA_ERRORS:
                message = codec(share.reference.version).decode(frame)
                if error is not None:
                    self._look_at_room(share, message, error)
                elif isinstance(message, CHANGES):
                    if not share.may_write:
                        raise Violation(
                            f"I3: {share.slice_name} may only look on, and was not refused {message}"
                        )
                    changes.append(message)
                    expected += self._admit(share, message, released)
        expected.sort()
        left = sorted((one.port, one.packet) for event in mine for one in event.left)
        if self.is_translated(share):  # VLAN actions do not mean the same in both versions
            left, expected = at_ports(left), at_ports(expected)
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
            self._show(share, message)
            return []  # these are not put on a wire
        errors, sent = reference.admit(message, self.world.now)
        is_modify = isinstance(message, m.FlowMod) and message.command in (m.MODIFY, m.MODIFY_STRICT)
        # Where there is nothing to modify it matters only to a datapath with what.
        if errors and (not is_modify or self.topology.kinds[share.dpid].has_blocks):
            raise Violation(f"I3: {share.slice_name} may not do alone what was admitted: {message}, {errors}")
        if shown is not None and isinstance(message, m.FlowMod):
            sent += reference.receive(shown.port, shown.packet, self.world.now)
        return sent

    def _look_at_room(self, share: Share, message: m.Message, error: tuple[int, int]) -> None:
        """A quota refuses only what would be more than it allows."""
        quota = self.topology.quotas.get(share.slice_name, Quota("none"))
        held = self.held(share.slice_name)
        if error == codes.OUT_OF_GROUPS:
            number = len(share.reference.datapath.pipeline.groups)
            is_full = not self.has_groups(share) or (quota.groups is not None and number >= quota.groups)
        else:
            assert isinstance(message, m.FlowMod)
            limits = ((quota.flow_entries_per_datapath, held[share.dpid]), (quota.flow_entries, held[None]))
            is_full = any(limit is not None and count >= limit for limit, count in limits)
            is_full = is_full and not share.reference.has(message)
        if not is_full:
            raise Violation(f"I3: {share.slice_name} has {held} at {share.dpid}, and is refused {message}")

    def _show(self, share: Share, message: m.PacketOut) -> None:
        """A packet of discovery, unchanged, is to appear where links lead inside the slice."""
        ports = [one.port for one in message.actions if isinstance(one, Output)]
        for port in ports if len(ports) == len(message.actions) else ():
            for dpid, far in self.world.arrives_at(share.dpid, port):
                for beyond in self.shares_at(dpid) if (dpid, far) != (share.dpid, port) else ():
                    is_there = beyond.slice_name == share.slice_name and self.world.is_connected(dpid)
                    is_there = is_there and not self._is_denied(beyond, far, message.data)
                    if is_there and self._is_open_for(share, port) and self._is_open_for(beyond, far):
                        arrivals = self.shown.setdefault((dpid, share.slice_name), [])
                        arrivals.append(Arrival(far, message.data))

    def _is_denied(self, share: Share, port: int, packet: bytes) -> bool:
        """Whether the slice's ACL keeps a packet out."""
        return is_denied(self.topology.acls.get(share.slice_name), parse(packet, port), share.dpid)

    def _is_open_for(self, share: Share, number: int) -> bool:
        port = share.reference.datapath.pipeline.ports.get(number)
        closed = PORT_DOWN | NO_RECV | NO_FWD
        return port is not None and not port.config & closed and not port.state & LINK_DOWN

    def ask(self, controller: Controller, request: mp.MultipartRequest) -> None:
        """Ask for statistics of entries; the answer is what the reference says."""
        self.compare_entries(self.share_of(controller), controller, request)
        self.look()


def _has_more(frame: bytes) -> bool:
    """Whether it is a part of a multipart request, of which more are to come."""
    return frame[:2] == b"\x04\x12" and bool(frame[11] & 1)


def _floods(message: m.PacketOut) -> bool:
    return any(isinstance(action, Output) and action.port in (ALL, FLOOD) for action in message.actions)


def is_discovery(packet: bytes) -> bool:
    return parse(packet).get("eth_type") in LLDP_TYPES


def _counted(controller: Controller) -> int:
    """How many of the tenant's messages were forwarded, answered, refused or shed."""
    counters = controller.channel.counters
    told_of = (counters.down, counters.answered, counters.refused.values(), counters.shed.values())
    return sum(sum(numbers) for numbers in told_of)
