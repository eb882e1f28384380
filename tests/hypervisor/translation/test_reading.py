"""Slices that look at what others own: they are shown it, and can change nothing."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, GotoTable, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ALL_TABLES,
    DELETE,
    GROUP_ADD,
    METER_ADD,
    BarrierReply,
    BarrierRequest,
    FeaturesReply,
    FeaturesRequest,
    FlowMod,
    GroupMod,
    Message,
    MeterMod,
    PacketOut,
    PortMod,
    PortStatus,
    TableMod,
)
from flowvisor.openflow.multipart import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    PortDescReply,
    PortDescRequest,
    PortStatsReply,
    PortStatsRequest,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
    TableStatsReply,
    TableStatsRequest,
)
from flowvisor.openflow.ports import ANY, CONTROLLER, Port
from flowvisor.openflow.traits import TRAITS
from tests.support.kinds import ON_10, ON_TABLES, Kind, as_told
from tests.support.slices import A, B, output, udp
from tests.support.world import Controller, World, a_slice, ports, rule

# Looks at all that comes in at port 1, which is a's, at port 3, which is b's, and at port 9, which is nobody's.
READER = a_slice("r", ports(1, 3, 9, may_write=False))
# Has port 4 itself.
BOTH = a_slice("r", ports(1, may_write=False), ports(4))


def world_of(kind: Kind, reader: object = READER) -> World:
    one = reader if reader is READER else BOTH
    others = (A, B) if one is READER else (A, a_slice("b", ports(3)))
    return kind.world(*others, one, ports=(1, 2, 3, 4, 9))


def changes(version: int) -> list[tuple[Message, tuple[int, int]]]:
    """Every message that changes something, and what it is refused with."""
    found: list[tuple[Message, tuple[int, int]]] = [
        (FlowMod(match=Match.of(in_port=1), instructions=output(2)), codes.FLOW_MOD_EPERM),
        (FlowMod(command=DELETE, table_id=ALL_TABLES if version == 4 else 0), codes.FLOW_MOD_EPERM),
        (PacketOut(in_port=CONTROLLER, actions=(Output(1),), data=udp()), codes.REQUEST_EPERM),
        (PortMod(port=1), codes.PORT_MOD_EPERM),
    ]
    if version == 4:
        found += [
            (GroupMod(command=GROUP_ADD, group_id=1), codes.GROUP_EPERM),
            (MeterMod(command=METER_ADD, meter_id=1), codes.REQUEST_EPERM),
            (TableMod(table_id=0), codes.TABLE_MOD_EPERM),
            (TableFeaturesRequest(tables=(TableFeatures(table_id=0),)), codes.TABLE_FEATURES_EPERM),
        ]
    return found


def test_a_reader_can_change_nothing(kind: Kind, version: int) -> None:
    world = world_of(kind)
    reader = world.controller("r", 1, version)
    sent = len(world.to_datapaths)
    for message, error in changes(version):
        assert reader.refused(message) == as_told(error, version), message
    assert len(world.to_datapaths) == sent
    assert world.transmitted == []
    assert reader.ask(BarrierRequest(xid=7), BarrierReply)


def test_a_readers_slice_takes_nothing_from_anybody_and_needs_no_tables(kind: Kind) -> None:
    alone, beside = kind.world(A, B), world_of(kind, READER)
    assert set(beside.hypervisor.allocations.blocks) == {"a", "b"}
    assert [frame for _, frame in alone.to_datapaths] == [frame for _, frame in beside.to_datapaths]


def test_a_reader_that_speaks_1_0_puts_no_entry_in_the_way(kind: Kind) -> None:
    world = world_of(kind)
    sent = len(world.to_datapaths)
    reader = world.controller("r", 1, 1)
    assert len(world.to_datapaths) == sent
    reader.leave()
    assert len(world.to_datapaths) == sent + 1  # a barrier, after which its xids are free


def test_a_reader_sees_its_ports_and_as_many_tables_as_any_owner_has(kind: Kind, version: int) -> None:
    world = world_of(kind)
    reader = world.controller("r", 1, version)
    features = reader.ask(FeaturesRequest(xid=1), FeaturesReply)
    n_tables = 4 if kind.has_blocks else 1
    assert features.n_tables == (n_tables if version == 4 else 1)
    if version == 4:
        described = reader.ask(PortDescRequest(xid=2), PortDescReply).ports
        told = reader.ask(TableFeaturesRequest(xid=3), TableFeaturesReply).tables
        assert [one.table_id for one in told] == list(range(n_tables))
    else:
        described = features.ports
    assert [port.number for port in described] == [1, 3, 9]
    stats = reader.ask(PortStatsRequest(xid=4, port=ANY), PortStatsReply).ports
    assert sorted(one.port for one in stats) == [1, 3, 9]
    assert reader.ask(PortStatsRequest(xid=5, port=2), PortStatsReply).ports == ()
    tables = reader.ask(TableStatsRequest(xid=6), TableStatsReply).tables
    assert [(one.table_id, one.active_count) for one in tables] == [(n, 0) for n in range(n_tables)]


def test_a_reader_is_told_of_its_ports(kind: Kind, version: int) -> None:
    world = world_of(kind)
    reader = world.controller("r", 1, version)
    emulated = world.emulated[1]
    for number in (1, 2, 9):
        world.change(1, emulated.set_link(number, is_up=False))
    assert [one.port.number for one in reader.heard(PortStatus)] == [1, 9]


def listed(controller: Controller, **filters: object) -> list[FlowStats]:
    request = FlowStatsRequest(xid=9, **filters)  # type: ignore[arg-type]
    found = list(controller.ask(request, FlowStatsReply).flows)
    total = controller.ask(AggregateStatsRequest(xid=9, **filters), AggregateStatsReply)  # type: ignore[arg-type]
    assert total.flow_count == len(found)
    return found


def told(entries: list[FlowStats]) -> list[tuple[int, int]]:
    return sorted((entry.table_id, entry.cookie) for entry in entries)


@pytest.mark.parametrize("reading", [READER, BOTH], ids=["only", "too"])
def test_entries_that_may_match_what_a_reader_sees_are_shown_as_their_owners_wrote_them(
    kind: Kind, reading: object
) -> None:
    world = world_of(kind, reading)
    a, b, reader = world.controller("a"), world.controller("b"), world.controller("r")
    anything = output(2)
    if kind.has_blocks:
        a.send(FlowMod(table_id=1, cookie=14, instructions=output(1)))
        anything = (ApplyActions((Output(2),)), GotoTable(1))  # type: ignore[assignment]
    a.send(FlowMod(match=Match.of(in_port=1), cookie=11, priority=7, instructions=anything))
    a.send(FlowMod(match=Match.of(in_port=2), cookie=12, instructions=output(1)))
    a.send(FlowMod(match=Match.of(eth_type=0x0800), cookie=13, instructions=output(2)))
    b.send(FlowMod(match=Match.of(in_port=3), cookie=21, instructions=output(3)))
    of_table_1 = [(1, 14)] if kind.has_blocks else []
    of_b = [(0, 21)] if reading is READER else []
    assert told(listed(reader)) == sorted([(0, 11), (0, 13), *of_table_1, *of_b])
    shown = {entry.cookie: entry for entry in listed(reader)}
    (own,) = [entry for entry in listed(a) if entry.cookie == 11]
    assert shown[11] == own
    assert told(listed(reader, table_id=0, match=Match.of(in_port=1))) == [(0, 11)]
    assert told(listed(reader, cookie=13, cookie_mask=(1 << 64) - 1)) == [(0, 13)]
    assert told(listed(reader, out_port=3)) == of_b
    assert listed(reader, out_group=1) == []
    if kind.has_blocks:
        assert told(listed(reader, table_id=1)) == of_table_1
    assert reader.refused(FlowStatsRequest(xid=3, table_id=9)) == codes.REQUEST_BAD_TABLE_ID
    # The others are shown nothing but their own.
    assert told(listed(b)) == [(0, 21)]


def test_a_slice_that_reads_and_writes_has_its_own_entries_besides(kind: Kind, version: int) -> None:
    world = world_of(kind, BOTH)
    a, both = world.controller("a"), world.controller("r", 1, version)
    a.send(FlowMod(match=Match.of(in_port=1), cookie=11, instructions=output(2)))
    both.send(FlowMod(match=Match.of(in_port=4), cookie=41, instructions=output(4)))
    found = both.ask(FlowStatsRequest(xid=1), FlowStatsReply).flows
    assert sorted(entry.cookie for entry in found) == [11, 41]
    # It writes to what is its own, and nothing else.
    error = both.refused(FlowMod(match=Match.of(in_port=4), instructions=output(1)))
    assert error == as_told(codes.ACTION_BAD_OUT_PORT, version)
    out = PacketOut(in_port=4, actions=(Output(1),), data=udp())
    assert both.refused(out) == as_told(codes.ACTION_BAD_OUT_PORT, version)
    assert told(listed(a)) == [(0, 11)]


def test_a_reader_on_1_0_sees_what_a_1_3_owner_has_in_its_own_words() -> None:
    world = world_of(ON_TABLES)
    world.controller("a").send(FlowMod(match=Match.of(in_port=1), cookie=11, instructions=output(2)))
    (entry,) = world.controller("r", 1, 1).ask(FlowStatsRequest(xid=1), FlowStatsReply).flows
    assert (entry.cookie, entry.instructions) == (11, output(2))
    assert not TRAITS[1].has_tables


def test_an_entry_of_a_slice_that_has_nothing_there_is_not_shown() -> None:
    everywhere = a_slice("b", rule(Match.of(in_port=3)))
    world = ON_TABLES.world(A, everywhere, a_slice("r", ports(1, may_write=False)))
    world.controller("b").send(FlowMod(cookie=1, instructions=output(3)))
    assert listed(world.controller("r")) == []


def test_a_rule_that_reads_all_ports_does_not_reach_local() -> None:
    local = 0xFFFFFFFE
    everything = a_slice("r", rule(Match(), may_write=False))
    world = ON_10.world(A, everything, ports=(1, Port(number=local, name="br0")))
    assert [port.number for port in world.controller("r").channel.switch.visible_ports] == [1]
    named = evolve(everything, rules=(rule(Match.of(in_port=local), may_write=False),))
    world = ON_10.world(A, named, ports=(1, Port(number=local, name="br0")))
    assert [port.number for port in world.controller("r").channel.switch.visible_ports] == [local]
