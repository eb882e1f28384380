"""The look at everything after a step: where packets went, who heard what, what each slice sees."""

from __future__ import annotations

from collections import Counter

from flowvisor.hypervisor.effects import Command, Notice
from flowvisor.hypervisor.peers import Datapath
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.frame import xid_of
from flowvisor.planning.closed_ports import UNHEARD
from tests.model.network import Network, Share, at_ports
from tests.model.oracle import Violation
from tests.model.reference import as_addition, comparable, flows_of
from tests.model.topologies import Topology
from tests.model.watched_datapath import Arrival, Event
from tests.support.world import Controller

Told = dict[tuple[int, str | None], list[Arrival]]  # by datapath and slice


class Looking(Network):
    """`outdated` are the datapaths that were away when the files changed: what goes on there follows older ones."""

    def __init__(self, topology: Topology) -> None:
        super().__init__(topology)
        self.outdated: set[int] = set()
        self.entries_lost: Counter[Datapath] = Counter()

    def look(self) -> None:
        """After each step: where everything went, who heard what, what each slice sees, what is still waited for."""
        touched = {event.dpid for event in self.world.events} | {dpid for dpid, _ in self.world.to_datapaths}
        told: Told = {}
        for event in list(self.world.events):
            if event.dpid in self.outdated:
                continue
            whose = self.oracle.check(event, self.world.emulated[event.dpid])
            told.setdefault((event.dpid, whose), []).extend(event.punted)
            if event.arrival is not None and whose is not None:
                self._compare_arrival(event, event.arrival, whose)
        for controller in self.controllers:
            self._look_at_messages(controller, told)
        for share in self.shares:
            if share.dpid in touched and share.controllers:
                self.compare_entries(share, share.controllers[0], mp.FlowStatsRequest())
        self._look_at_bounds()
        self.world.begin_step()

    def _compare_arrival(self, event: Event, arrival: Arrival, whose: str) -> None:
        """A packet leaves where it would leave the slice's own datapath."""
        share = next(one for one in self.shares_at(event.dpid) if one.slice_name == whose)
        expected = share.reference.receive(arrival.port, arrival.packet, self.world.now)
        left = sorted((one.port, one.packet) for one in event.left)
        if self.is_translated(share):
            left, expected = at_ports(left), at_ports(expected)
        if left != expected:
            raise Violation(f"I3: {whose}'s packet left as {left}, not {expected}: {event}")

    def _look_at_messages(self, controller: Controller, told: Told) -> None:
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

    def asked(self, controller: Controller, request: m.Message) -> list[m.Message]:
        """What a request is answered with."""
        frame = self.encode(controller, request)
        self.seen[controller].sent[xid_of(frame)] = frame
        return controller.send(frame)

    def compare_entries(self, share: Share, controller: Controller, request: mp.MultipartRequest) -> None:
        """What a slice sees of its entries is what it would see if it were alone."""
        kind = self.topology.kinds[share.dpid]
        # In tables of its own its entries are kept as the datapath's version says them: instructions in other words,
        # and a cookie that no modify changes.
        is_kept = controller.version == kind.version or not kind.has_blocks
        said = comparable(self.asked(controller, request), is_kept=is_kept)
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

    def let_go(self, share: Share) -> list[m.FlowMod]:
        """Take off the reference what a slice has lost, and nothing else; return it as it would be added again."""
        share.may_lose = False
        controller = share.controllers[0]
        if self.has_groups(share):
            (groups,) = self.asked(controller, mp.GroupDescRequest())
            assert isinstance(groups, mp.GroupDescReply)
            share.reference.keep_groups({group.group_id for group in groups.groups})
        self._reopen(share)
        present = {_place(flow): flow for flow in flows_of(self.asked(controller, mp.FlowStatsRequest()))}
        known = flows_of(share.reference.answer(mp.FlowStatsRequest(), self.world.now))
        lost = [flow for flow in known if _place(flow) not in present]
        for flow in lost:
            gone = m.FlowMod(
                command=m.DELETE_STRICT, table_id=flow.table_id, priority=flow.priority, match=flow.match
            )
            share.reference.admit(gone, self.world.now)
        if share.was_outdated:  # packets met its entries unseen
            share.was_outdated = False
            share.reference.recount(present.values())
        return [as_addition(flow) for flow in lost]

    def _reopen(self, share: Share) -> None:
        """What other files make impossible to keep out of a port comes in there again, and the slice is shown so."""
        request = m.FeaturesRequest() if share.reference.version < 4 else mp.PortDescRequest()
        (told,) = self.asked(share.controllers[0], request)
        assert isinstance(told, (m.FeaturesReply, mp.PortDescReply))
        for port in told.ports:
            share.reference.reopen(port, UNHEARD)

    def _look_at_bounds(self) -> None:
        for dpid, datapath in self.world.hypervisor.datapaths.items():
            if datapath.pending_transactions:
                raise Violation(f"I4: {datapath.pending_transactions} requests without an answer at {dpid}")
            if datapath.stale_replies:
                raise Violation(f"I3: {datapath.stale_replies} answers to nobody at {dpid}")
            # An entry may be legal only where its match is cut as it was; it has gone then, and the operator is told.
            self.entries_lost[datapath] += sum(_is_lost(one, dpid) for one in self.world.commands)
            if datapath.own_failures > self.entries_lost[datapath]:
                raise Violation(f"I3: {dpid} refused what is the hypervisor's own: {self.world.commands}")
        for controller in self.controllers:
            channel = controller.channel
            if channel.backlog or channel.awaits_answer or channel.barriers:
                raise Violation(f"I4: {len(channel.backlog)} of {channel.switch.name}'s messages still wait")


def _is_lost(command: Command, dpid: int) -> bool:
    return isinstance(command, Notice) and command.event == "entry_lost" and command.fields["dpid"] == dpid


def _place(flow: mp.FlowStats) -> tuple[int, int, frozenset[object]]:
    return flow.table_id, flow.priority, frozenset(flow.match.fields.items())
