"""What controllers are told: of what is their slice's own, in its names, and of all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from flowvisor.openflow import messages as m
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV4, ETH_TYPE_MPLS, ETH_TYPE_VLAN
from flowvisor.openflow.packet import parse
from flowvisor.planning.entries import COOKIE
from tests.model.network import Network, Share
from tests.model.oracle import LLDP_TYPES, Violation
from tests.model.watched_datapath import Arrival
from tests.support.flowspace_strategies import applies
from tests.support.slices import is_denied
from tests.support.world import Controller

Told = dict[tuple[int, str | None], list[Arrival]]  # by datapath and slice


class Hearing(Network):
    """Looks at the messages that have come since the last look."""

    def hear(self, told: Told, shown: Told) -> None:
        """`told` are the packets that datapaths told of, by whose they are; `shown` those that links lead to."""
        inexact = {share for share in self.shares if share.is_settling or _place(share) in shown}
        senders = {(event.dpid, event.sender) for event in self.world.events}
        expected = {share: share.reference.take_told() for share in self.shares}
        news = {controller: self._news(controller) for controller in self.controllers}
        for controller, heard in news.items():
            share = self.share_of(controller)
            copied = [] if share.may_write else self._copies(share, news)
            own = (*told.get(_place(share), ()), *shown.get(_place(share), ()))
            self._check(share, controller, heard, own if share.may_write else [*own, *map(_arrival, copied)])
            if is_attentive(controller) and share not in inexact:
                packet_ins, removed = expected[share]
                if _place(share) not in senders and not self._drops_misses(share):
                    packet_ins = packet_ins if share.may_write else copied
                    self._compare(
                        share, "packets", self._packet_ins(share, heard), self._packet_ins(share, packet_ins)
                    )
                self._compare(share, "removals", _removals(heard), _removals(removed))
        for share in self.shares:
            share.is_settling = False

    def _copies(self, reader: Share, news: Mapping[Controller, list[m.Message]]) -> list[m.PacketIn]:
        """What others were told of packets that a slice may look at."""
        rules = [match for rule in self.rules_at(reader.slice_name, reader.dpid) for match in rule.matches]
        acl = self.topology.acls.get(reader.slice_name)
        copied: list[m.PacketIn] = []
        for share in self.shares_at(reader.dpid):
            of_each = [
                [one for one in news[each] if isinstance(one, m.PacketIn)]
                for each in share.controllers
                if share.may_write
            ]
            for one in max(of_each, key=len, default=[]):
                fields = parse(one.data, one.match.fields["in_port"][0])
                if fields.get("eth_type") in LLDP_TYPES:
                    continue  # that did not come in, but is shown to the owner as if it had
                if any(applies(match, fields) for match in rules) and not is_denied(acl, fields, reader.dpid):
                    copied.append(one)
        return copied

    def _news(self, controller: Controller) -> list[m.Message]:
        seen = self.seen[controller]
        news = controller.inbox[seen.messages :]
        seen.messages = len(controller.inbox)
        return news

    def _check(
        self, share: Share, controller: Controller, news: Iterable[m.Message], own: Iterable[Arrival]
    ) -> None:
        """Nothing is said that is not the slice's, or in other names than its own."""
        for message in news:
            share.names.check(message, self.seen[controller].sent)
            if isinstance(message, m.PacketIn) and not any(
                one.port == message.match.fields["in_port"][0] and one.packet.startswith(message.data)
                for one in own
            ):
                raise Violation(f"I1: {share.slice_name} heard of what is not its own: {message}, {own}")
            if isinstance(message, m.FlowRemoved) and not share.reference.asked_for(message):
                raise Violation(f"I3: {share.slice_name} is told that {message} went, which it never had")

    def _compare(self, share: Share, what: str, heard: Counter[object], expected: Counter[object]) -> None:
        if heard != expected:
            raise Violation(
                f"I3: {share.slice_name} at {share.dpid} heard of {what} {heard - expected}, not {expected - heard}"
            )

    def _packet_ins(self, share: Share, messages: Iterable[m.Message]) -> Counter[object]:
        """What is told of packets; where versions differ, so may what an action makes of them.

        Where packets are classified by the hypervisor, nobody is told of what is not surely its own: it may have
        two tags, or lack headers that rules look at.
        """
        told = [one for one in messages if isinstance(one, m.PacketIn)]
        if not self.topology.kinds[share.dpid].has_blocks:
            told = [one for one in told if not _is_unsure(one.data)]
        is_whole = not self.is_translated(share)
        return Counter((one.match.fields["in_port"][0], one.data if is_whole else b"") for one in told)

    def _drops_misses(self, share: Share) -> bool:
        """Whether the datapath drops misses for a second, because nobody was there to hear of them."""
        tables = self.world.emulated[share.dpid].pipeline.tables
        return any(entry.cookie == COOKIE and entry.hard_timeout for entry in tables[0])


def _place(share: Share) -> tuple[int, str]:
    return share.dpid, share.slice_name


def _arrival(message: m.PacketIn) -> Arrival:
    return Arrival(message.match.fields["in_port"][0], message.data)


def is_attentive(controller: Controller) -> bool:
    """Whether a controller hears whatever there is to hear by default."""
    channel = controller.channel
    return channel.masks == m.DEFAULT_MASKS and channel.role == m.ROLE_EQUAL


# What headers behind the Ethernet one have at least.
_HEADER_BYTES = {ETH_TYPE_IPV4: 40, ETH_TYPE_ARP: 28, ETH_TYPE_MPLS: 4}


def _is_unsure(packet: bytes) -> bool:
    tag = ETH_TYPE_VLAN.to_bytes(2, "big")
    at = 12 + 4 * (packet[12:14] == tag)
    eth_type = int.from_bytes(packet[at : at + 2], "big")
    is_short = len(packet) < at + 2 + _HEADER_BYTES.get(eth_type, 0)
    return is_short or eth_type == ETH_TYPE_VLAN


def _removals(messages: Iterable[m.Message]) -> Counter[object]:
    removed = [one for one in messages if isinstance(one, m.FlowRemoved)]
    return Counter((one.table_id, one.priority, str(one.match), one.reason) for one in removed)
