"""What must hold, looked at from outside: whose packets met what, where they left, what was said to whom.

Strategy: it knows the admin's rules and tries them one by one. Of the hypervisor it knows only which tables are
whose, which is not for it to guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen

from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import boxes_of
from flowvisor.flowspace.region import Region
from flowvisor.network.discovery import addresses_a_probe
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.fields import ETH_TYPE_LLDP
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import ANY, CONTROLLER, LOCAL
from flowvisor.policies.acl import Acl
from flowvisor.slices.flowspace_slice import FlowspaceRule, FlowspaceSlice
from tests.model.watched_datapath import Arrival, Event, Met, WatchedDatapath
from tests.support.flowspace_strategies import applies
from tests.support.slices import is_denied

LLDP_TYPES = (ETH_TYPE_LLDP, 0x8942)


def writing_rules(one: FlowspaceSlice, dpid: int) -> list[FlowspaceRule]:
    """The rules by which a slice owns packets at a datapath."""
    return [rule for rule in one.rules_at(dpid) if "write" in rule.permissions]


def owner(slices: Iterable[FlowspaceSlice], dpid: int, arrival: Arrival) -> str | None:
    """Whose a packet is that comes in at a port, by trying every rule."""
    fields = parse(arrival.packet, arrival.port)
    candidates = [
        (rule.priority, one.name)
        for one in slices
        for rule in writing_rules(one, dpid)
        for match in rule.matches
        if applies(match, fields)
    ]
    return max(candidates)[1] if candidates else None


def receiver(
    slices: Iterable[FlowspaceSlice], acls: Mapping[str, Acl], dpid: int, arrival: Arrival
) -> str | None:
    """Who is given a packet that comes in at a port: whose it is, unless that one's ACL denies it, and no probe."""
    if addresses_a_probe(arrival.packet):
        return None
    whose = owner(slices, dpid, arrival)
    acl = acls.get(whose) if whose is not None else None
    return None if is_denied(acl, parse(arrival.packet, arrival.port), dpid) else whose


def owned_ports(
    slices: Iterable[FlowspaceSlice],
    name: str,
    dpid: int,
    ports: Iterable[int],
    acls: Mapping[str, Acl],
) -> frozenset[int]:
    """Those of the ports at which some packet is the slice's: what better rules of others, and its ACL, leave of its
    own.
    """
    denied = acls[name].denied_at(dpid) if name in acls else ()
    ranked = [
        (rule.priority, one.name, box)
        for one in slices
        for rule in writing_rules(one, dpid)
        for match in rule.matches
        for box in boxes_of(match)
    ]
    return frozenset(
        port
        for port in ports
        for at_port in [Region(boxes_of(Match.of(in_port=port)))]
        if any(
            not _less(
                at_port.intersect(box),
                [*denied, *(other for more, whose, other in ranked if more > rank and whose != name)],
            ).is_empty
            for rank, owned_by, box in ranked
            if owned_by == name
        )
    )


def _less(region: Region, others: Iterable[Box]) -> Region:
    for other in others:
        region = region.subtract(other)
    return region


class Violation(AssertionError):
    """One of the five does not hold."""


@frozen
class Oracle:
    """Looks at events. `blocks` are the tables of each slice by datapath; where there are none matches are cut.
    `arrives_at` says where it is known to arrive what leaves at a port of a datapath.
    """

    slices: Sequence[FlowspaceSlice]
    blocks: dict[int, dict[str, range]]
    acls: Mapping[str, Acl]
    arrives_at: Callable[[int, int], Iterable[tuple[int, int]]]

    def check(self, event: Event, datapath: WatchedDatapath) -> str | None:
        """I1 and I2 of one event; return whose it was."""
        if event.arrival is not None:
            whose = receiver(self.slices, self.acls, event.dpid, event.arrival)
        else:
            whose = event.sender
        for met in event.met:
            self._check_ingress(met, whose, event, datapath)
        if event.released is not None:
            shown = owner(self.slices, event.dpid, event.released)
            if shown != whose:
                raise Violation(f"I3: {whose} released what only {shown} was shown: {event}")
        for sent in event.left:
            self._check_egress(Arrival(sent.port, sent.packet), whose, event)
        return whose

    def _check_ingress(self, met: Met, whose: str | None, event: Event, datapath: WatchedDatapath) -> None:
        blocks = self.blocks[event.dpid]
        if blocks:
            owners = [name for name, block in blocks.items() if met.table_id in block]
        else:
            owners = [name for name in [datapath.owner_of(met.entry)] if name is not None]
        if owners not in ([], [whose]):
            raise Violation(f"I1: a packet of {whose}'s met {owners}'s {met.entry}: {event}")

    def _check_egress(self, arrival: Arrival, whose: str | None, event: Event) -> None:
        is_discovery = parse(arrival.packet).get("eth_type") in LLDP_TYPES
        if whose is None and event.arrival is None and is_discovery:
            return  # the hypervisor looks for links itself
        for dpid, port in self.arrives_at(event.dpid, arrival.port):
            arriving = owner(self.slices, dpid, Arrival(port, arrival.packet))
            if whose is None or arriving not in (whose, None):
                raise Violation(
                    f"I2: {whose} sent {arriving}'s {arrival.packet.hex()} to {port} of {dpid}: {event}"
                )
        if arrival.port not in owned_ports(self.slices, whose, event.dpid, (arrival.port,), self.acls):
            raise Violation(f"I2: {whose} sent out of {arrival.port}, which it has not: {event}")


# ------------------------------------------------------------------------------------------------- names


@frozen
class Names:
    """The names that a tenant may hear at one virtual switch. Of `lost` ports it is only told that they have gone."""

    dpid: int
    ports: frozenset[int]
    n_tables: int
    n_tables_seen: int  # those that entries of others may be in
    lost: frozenset[int] = frozenset()

    def check(self, message: m.Message, sent: dict[int, bytes]) -> None:
        """I5 of one message that was told to a tenant."""
        is_event = isinstance(message, (m.PacketIn, m.FlowRemoved, m.PortStatus))
        if not (message.xid == 0 if is_event else message.xid in sent):
            raise Violation(f"I5: an xid that is not the tenant's own: {message}")
        if isinstance(message, m.Error) and message.data != sent[message.xid][:64]:
            raise Violation(f"I5: not its own bytes: {message}, {sent[message.xid].hex()}")
        is_loss = isinstance(message, m.PortStatus) and message.reason == m.PORT_DELETE
        if not (self.ports | self.lost if is_loss else self.ports).issuperset(_ports_named(message)):
            raise Violation(f"I5: a port that is not the tenant's: {message}")
        if any(table >= self.n_tables_seen for table in _tables_named(message)):
            raise Violation(f"I5: a table that is not the tenant's: {message}")
        if isinstance(message, m.FeaturesReply) and (message.dpid, message.n_tables) != (
            self.dpid,
            self.n_tables,
        ):
            raise Violation(f"I5: {message} at {self}")


def _ports_named(message: m.Message) -> list[int]:
    named: list[int] = []
    match message:
        case m.PacketIn():
            named = [message.match.fields["in_port"][0]]
        case m.PortStatus(port=port):
            named = [port.number]
        case m.FeaturesReply() | mp.PortDescReply():
            named = [port.number for port in message.ports]
        case mp.PortStatsReply(ports=ports):
            named = [each.port for each in ports]
        case m.QueueGetConfigReply(queues=queues) | mp.QueueStatsReply(queues=queues):
            named = [queue.port for queue in queues]
    return [port for port in named if port not in (ANY, LOCAL, CONTROLLER)]


def _tables_named(message: m.Message) -> list[int]:
    match message:
        case m.PacketIn() | m.FlowRemoved():
            return [message.table_id]
        case mp.FlowStatsReply(flows=flows):
            return [flow.table_id for flow in flows]
        case mp.TableStatsReply(tables=tables) | mp.TableFeaturesReply(tables=tables):
            return [table.table_id for table in tables]
    return []
