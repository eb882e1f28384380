"""The look at everything after a step: where packets went, who heard what, what each slice sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from flowvisor.hypervisor.effects import Command, Notice
from flowvisor.hypervisor.peers import Datapath
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.frame import xid_of
from flowvisor.planning.closed_ports import UNHEARD
from tests.model.hearing import Hearing, Told, is_attentive
from tests.model.network import Share, at_ports
from tests.model.oracle import Violation
from tests.model.reference import as_addition, comparable, flows_of
from tests.model.topologies import Topology
from tests.model.watched_datapath import Arrival, Event
from tests.support.world import Controller


class Looking(Hearing):
    """`outdated` are the datapaths that were away when the files changed: what goes on there follows older ones."""

    def __init__(self, topology: Topology) -> None:
        super().__init__(topology)
        self.outdated: set[int] = set()
        self._had: dict[tuple[str, int | None], int] = {}  # entries, by slice and datapath
        self.shown: Told = {}  # packets of discovery that must appear at the far ends of links
        self.entries_lost: Counter[Datapath] = Counter()

    def look(self) -> None:
        """After each step: where everything went, who heard what, what each slice sees, what is still waited for."""
        touched = {event.dpid for event in self.world.events} | {dpid for dpid, _ in self.world.to_datapaths}
        told: Told = {}
        shown, self.shown = self.shown, {}
        self._look_for_discovery(shown)
        for event in list(self.world.events):
            if event.dpid in self.outdated:
                continue
            whose = self.oracle.check(event, self.world.emulated[event.dpid])
            told.setdefault((event.dpid, whose), []).extend(event.punted)
            if event.arrival is not None and whose is not None:
                self._compare_arrival(event, event.arrival, whose)
        self.hear(told, shown)
        for share in self.shares:
            if share.dpid in touched and share.controllers:
                self.compare_entries(share, share.controllers[0], mp.FlowStatsRequest())
        self._look_at_quotas()
        self._look_at_bounds()
        self.world.begin_step()

    def _look_for_discovery(self, shown: Told) -> None:
        """What a slice sends to find links is seen where these lead inside the slice, and no false link is known."""
        for (dpid, name), arrivals in shown.items():
            share = next(one for one in self.shares_at(dpid) if one.slice_name == name)
            for controller in filter(is_attentive, share.controllers):
                news = controller.inbox[self.seen[controller].messages :]
                heard = [one.data for one in news if isinstance(one, m.PacketIn)]
                if not all(one.packet in heard for one in arrivals):
                    raise Violation(
                        f"I5: {name} is not shown at {dpid} that its links lead there: {arrivals}"
                    )
        false = self.world.known_links() - set(self.world.links.items())
        if false:
            raise Violation(f"I2: there are no such links: {false}")

    def _compare_arrival(self, event: Event, arrival: Arrival, whose: str) -> None:
        """A packet leaves where it would leave the slice's own datapath."""
        share = next(one for one in self.shares_at(event.dpid) if one.slice_name == whose)
        expected = share.reference.receive(arrival.port, arrival.packet, self.world.now)
        left = sorted((one.port, one.packet) for one in event.left)
        if self.is_translated(share):
            left, expected = at_ports(left), at_ports(expected)
        if left != expected:
            raise Violation(f"I3: {whose}'s packet left as {left}, not {expected}: {event}")

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
        replies = self.asked(controller, request)
        if not share.may_write:
            self._compare_others(share, flows_of(replies))
            return
        said = comparable(replies, is_kept=is_kept)
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

    def _compare_others(self, share: Share, shown: Iterable[mp.FlowStats]) -> None:
        """What one who only looks on is shown of entries is others'."""
        others = [one for one in self.shares_at(share.dpid) if one is not share]
        known = {entry.priority for one in others for table in one.reference.tables for entry in table}
        if any(flow.priority not in known for flow in shown):
            raise Violation(
                f"I3: {share.slice_name} at {share.dpid} is shown what nobody has: {shown}, {known}"
            )

    def let_go(self, share: Share) -> list[m.FlowMod]:
        """Take off the reference what a slice has lost, and nothing else; return it as it would be added again."""
        share.may_lose, share.is_settling = False, True
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

    def _look_at_quotas(self) -> None:
        """No slice has more than it may, or than it had when the files changed."""
        for name, quota in self.topology.quotas.items():
            held = self.held(name)
            limits = {
                None: quota.flow_entries,
                **dict.fromkeys(held.keys() - {None}, quota.flow_entries_per_datapath),
            }
            for dpid, count in held.items():
                limit, had = limits[dpid], self._had.get((name, dpid), 0)
                if limit is not None and count > max(limit, had):
                    raise Violation(f"I3: {name} has {count} entries at {dpid}, and may have {limit}")
        self._had = {
            (one.name, dpid): count
            for one in self.topology.slices
            for dpid, count in self.held(one.name).items()
        }

    def held(self, name: str) -> dict[int | None, int]:
        """How many entries a slice has at each connected datapath, and (None) at all of them."""
        shares = [one for one in self.shares if one.slice_name == name and self.world.is_connected(one.dpid)]
        each: dict[int | None, int] = {one.dpid: sum(map(len, one.reference.tables)) for one in shares}
        return {**each, None: sum(each.values())}

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
