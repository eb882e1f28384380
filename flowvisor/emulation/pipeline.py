"""What a datapath does with one packet: tables, metadata, action lists, the action set, groups and meters.

OpenFlow 1.3.5, section 5; a datapath of 1.0 is a pipeline of one table whose misses go to the controller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Union

from attrs import define, evolve, field, frozen

from flowvisor.emulation.flow_table import FlowEntry, FlowTable
from flowvisor.emulation.group_table import GroupTable
from flowvisor.emulation.meter_table import MeterTable
from flowvisor.emulation.rewriting import InvalidTtl, rewrite
from flowvisor.openflow import actions, ports
from flowvisor.openflow.actions import NO_BUFFER_LEN, Action, Actions
from flowvisor.openflow.messages import (
    REASON_ACTION,
    REASON_INVALID_TTL,
    REASON_NO_MATCH,
)
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import Port

NO_COOKIE: Final = 0xFFFFFFFFFFFFFFFF  # of a packet-in that no entry caused


@frozen
class Transmit:
    """A packet leaves by a port."""

    port: int
    packet: bytes
    queue_id: int = 0


@frozen(kw_only=True)
class ToController:
    """A packet goes to the controllers."""

    packet: bytes
    in_port: int
    reason: int
    table_id: int = 0
    cookie: int = NO_COOKIE
    metadata: int = 0
    tunnel_id: int = 0
    max_len: int = NO_BUFFER_LEN


Outcome = Union[Transmit, ToController]  # noqa: UP007 - a runtime alias for Python 3.10's isinstance

# The order in which an action set is executed (section 5.10).
_SET_ORDER: Final[tuple[type, ...]] = (
    actions.CopyTtlIn,
    *(actions.PopVlan, actions.PopMpls, actions.PopPbb),
    *(actions.PushMpls, actions.PushPbb, actions.PushVlan),
    actions.CopyTtlOut,
    *(actions.DecMplsTtl, actions.DecNwTtl),
    *(actions.SetField, actions.SetMplsTtl, actions.SetNwTtl),
    actions.SetQueue,
    *(actions.Group, actions.Output),
)
_SET_RANK: Final = {kind: rank for rank, kind in enumerate(_SET_ORDER)}


def action_set_order(listed: Actions) -> list[Action]:
    """The actions of a set in the order of their execution; a group makes the output void (section 5.10)."""
    latest: dict[Any, Action] = {}
    for action in listed:
        latest[(type(action), action.name) if isinstance(action, actions.SetField) else type(action)] = action
    ordered = sorted(latest.values(), key=lambda action: _SET_RANK.get(type(action), len(_SET_ORDER)))
    if any(isinstance(action, actions.Group) for action in ordered):
        ordered = [action for action in ordered if not isinstance(action, actions.Output)]
    return ordered


@define
class _Walk:
    """One packet on its way, and what has come of it."""

    packet: bytes
    in_port: int
    now: float
    metadata: int = 0
    tunnel_id: int = 0
    queue_id: int = 0
    table_id: int = 0
    entry: FlowEntry | None = None
    action_set: tuple[Action, ...] = ()
    outcomes: list[Outcome] = field(factory=list)

    def fields(self) -> dict[str, int]:
        fields = parse(self.packet, self.in_port)
        fields["in_phy_port"] = self.in_port
        fields["metadata"] = self.metadata
        fields["tunnel_id"] = self.tunnel_id
        return fields

    def copy(self) -> _Walk:
        """The packet as it is now, to be changed apart; both have the same outcomes."""
        return evolve(self)

    def punt(self, reason: int, max_len: int) -> None:
        self.outcomes.append(
            ToController(
                packet=self.packet,
                in_port=self.in_port,
                reason=reason,
                table_id=self.table_id,
                cookie=NO_COOKIE if self.entry is None else self.entry.cookie,
                metadata=self.metadata,
                tunnel_id=self.tunnel_id,
                max_len=max_len,
            )
        )


class _Dropped(Exception):
    """Nothing more happens to this packet."""


@define(eq=False)
class Pipeline:
    """The tables of a datapath and its ports. 1.3 drops a miss; 1.0's `misses_are_punted`."""

    tables: list[FlowTable]
    ports: dict[int, Port]
    groups: GroupTable = field(factory=GroupTable)
    meters: MeterTable = field(factory=MeterTable)
    misses_are_punted: bool = False

    def receive(self, packet: bytes, in_port: int, now: float) -> list[Outcome]:
        """What comes of a packet that arrived at a port."""
        return self._run(_Walk(packet, in_port, now), self._through_tables)

    def send(self, packet: bytes, in_port: int, listed: Actions, now: float) -> list[Outcome]:
        """What comes of a packet that a controller sends with these actions."""
        return self._run(_Walk(packet, in_port, now), lambda walk: self._apply(walk, listed))

    def _run(self, walk: _Walk, step: Callable[[_Walk], None]) -> list[Outcome]:
        try:
            step(walk)
        except _Dropped:
            pass
        except InvalidTtl:
            walk.punt(REASON_INVALID_TTL, NO_BUFFER_LEN)
        return walk.outcomes

    def _through_tables(self, walk: _Walk) -> None:
        table_id: int | None = 0
        while table_id is not None and table_id < len(self.tables):
            walk.table_id = table_id
            walk.entry = self.tables[table_id].lookup(walk.fields())
            if walk.entry is None:
                if self.misses_are_punted and not self._is_silent(walk.in_port):
                    walk.punt(REASON_NO_MATCH, NO_BUFFER_LEN)
                return
            walk.entry.count(len(walk.packet), walk.now)
            table_id = self._follow(walk, walk.entry)
        self._apply(walk, tuple(action_set_order(walk.action_set)))

    def _follow(self, walk: _Walk, entry: FlowEntry) -> int | None:
        """Execute the entry's instructions in the order of section 5.9; return the table to go to."""
        found = {type(instruction): instruction for instruction in entry.instructions}
        match found.get(actions.Meter):
            case actions.Meter(meter_id=meter_id):
                self._measure(walk, meter_id)
        match found.get(actions.ApplyActions):
            case actions.ApplyActions(actions=listed):
                self._apply(walk, listed)
        if actions.ClearActions in found:
            walk.action_set = ()
        match found.get(actions.WriteActions):
            case actions.WriteActions(actions=listed):
                walk.action_set += listed
        match found.get(actions.WriteMetadata):
            case actions.WriteMetadata(metadata=metadata, mask=mask):
                walk.metadata = walk.metadata & ~mask | metadata & mask
        match found.get(actions.GotoTable):
            case actions.GotoTable(table_id=table_id):
                return table_id
        return None

    def _measure(self, walk: _Walk, meter_id: int) -> None:
        meter = self.meters.get(meter_id)
        if meter is None:
            return
        passed = meter.pass_through(walk.packet, walk.now)
        if passed is None:
            raise _Dropped
        walk.packet = passed

    def _apply(self, walk: _Walk, listed: Actions) -> None:
        for action in listed:
            match action:
                case actions.Output(port=port, max_len=max_len):
                    self._output(walk, port, max_len)
                case actions.Enqueue(port=port, queue_id=queue_id):
                    queued = walk.copy()
                    queued.queue_id = queue_id
                    self._output(queued, port, 0)
                case actions.Group(group_id=group_id):
                    self._through_group(walk, group_id)
                case actions.SetQueue(queue_id=queue_id):
                    walk.queue_id = queue_id
                case actions.SetField(name="tunnel_id", value=value):
                    walk.tunnel_id = value
                case actions.SetField(name="in_port", value=value):
                    walk.in_port = value
                case _:
                    walk.packet = rewrite(walk.packet, action)

    def _through_group(self, walk: _Walk, group_id: int) -> None:
        group = self.groups.get(group_id)
        if group is None:
            return
        group.packet_count += 1
        group.byte_count += len(walk.packet)
        for index in self.groups.buckets_for(group, _flow_hash(walk.packet), self.port_is_live):
            counts = group.bucket_counts[index]
            counts[0] += 1
            counts[1] += len(walk.packet)
            copy = walk.copy()
            try:
                self._apply(copy, tuple(action_set_order(group.buckets[index].actions)))
            except InvalidTtl:
                copy.punt(REASON_INVALID_TTL, NO_BUFFER_LEN)

    def _output(self, walk: _Walk, port: int, max_len: int) -> None:
        if port == ports.CONTROLLER:
            self._punt(walk, max_len)
        elif port == ports.TABLE:
            self._run(walk.copy(), self._through_tables)
        else:
            for number in self._numbers(port, walk.in_port):
                if self.may_transmit(number):
                    walk.outcomes.append(Transmit(number, walk.packet, walk.queue_id))

    def _punt(self, walk: _Walk, max_len: int) -> None:
        if walk.entry is None or not walk.entry.is_table_miss or self.misses_are_punted:
            walk.punt(REASON_ACTION, max_len)
        elif not self._is_silent(walk.in_port):
            walk.punt(REASON_NO_MATCH, max_len)  # section 5.4: that is the table-miss entry's reason

    def _numbers(self, port: int, in_port: int) -> Iterator[int]:
        """The ports that an output means. The packet goes back where it came from only by IN_PORT."""
        if port == ports.IN_PORT:
            yield in_port
        elif port in (ports.ALL, ports.FLOOD):
            without = ports.NO_FLOOD if port == ports.FLOOD else 0
            for number, each in sorted(self.ports.items()):
                if number not in (in_port, ports.LOCAL) and not each.config & without:
                    yield number
        elif port != in_port:
            yield port

    def may_receive(self, number: int) -> bool:
        port = self.ports.get(number)
        return port is not None and not (
            port.config & (ports.PORT_DOWN | ports.NO_RECV) or port.state & ports.LINK_DOWN
        )

    def may_transmit(self, number: int) -> bool:
        port = self.ports.get(number)
        return port is not None and not (
            port.config & (ports.PORT_DOWN | ports.NO_FWD) or port.state & ports.LINK_DOWN
        )

    def port_is_live(self, number: int) -> bool:
        """What fast failover asks."""
        port = self.ports.get(number)
        return port is not None and not port.config & ports.PORT_DOWN and not port.state & ports.LINK_DOWN

    def _is_silent(self, number: int) -> bool:
        port = self.ports.get(number)
        return port is not None and bool(port.config & ports.NO_PACKET_IN)


_FLOW_FIELDS: Final = (
    *("eth_src", "eth_dst", "eth_type", "vlan_vid", "ip_proto", "ipv4_src", "ipv4_dst", "ipv6_src"),
    *("ipv6_dst", "tcp_src", "tcp_dst", "udp_src", "udp_dst"),
)


def _flow_hash(packet: bytes) -> int:
    """The same for all packets of a flow, on every machine."""
    fields = parse(packet)
    return hash(tuple(fields.get(name, -1) for name in _FLOW_FIELDS)) & 0x7FFFFFFF
