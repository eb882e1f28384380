"""Flow-mods, group-mods and meter-mods, where 1.0 and 1.3 differ."""

from __future__ import annotations

from typing import Any

import pytest

from flowvisor.emulation.flow_table import FlowEntry, FlowTable
from flowvisor.emulation.modifications import Modifications, is_exact_in_1_0
from flowvisor.emulation.pipeline import Pipeline
from flowvisor.errors import OpenFlowError
from flowvisor.openflow import error_codes
from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import ApplyActions, Group, Meter, Output, WriteActions
from flowvisor.openflow.error_codes import ErrorCode
from flowvisor.openflow.match import MATCH_ALL, Match, OpaqueField
from flowvisor.openflow.traits import TRAITS

TO_1, TO_2 = (ApplyActions((Output(1),)),), (ApplyActions((Output(2),)),)
ARP = Match.of(eth_type=0x806)


def modifications(version: int = 4) -> Modifications:
    tables = [FlowTable(table_id) for table_id in range(3 if version > 1 else 1)]
    return Modifications(Pipeline(tables, {}), TRAITS[version])


def flow(match: Match = MATCH_ALL, **fields: Any) -> m.FlowMod:
    return m.FlowMod(match=match, **{"instructions": TO_1, **fields})


def entries(of: Modifications, table_id: int = 0) -> list[FlowEntry]:
    return list(of.pipeline.tables[table_id])


REFUSED: list[tuple[m.FlowMod, ErrorCode]] = [
    (flow(table_id=3), error_codes.FLOW_MOD_BAD_TABLE_ID),
    (flow(table_id=m.ALL_TABLES), error_codes.FLOW_MOD_BAD_TABLE_ID),
    (flow(table_id=m.ALL_TABLES, command=m.MODIFY), error_codes.FLOW_MOD_BAD_TABLE_ID),
    (flow(table_id=3, command=m.DELETE), error_codes.FLOW_MOD_BAD_TABLE_ID),
    (flow(command=5), error_codes.FLOW_MOD_BAD_COMMAND),
    (flow(flags=m.EMERGENCY), error_codes.FLOW_MOD_BAD_FLAGS),
    (flow(buffer_id=1), error_codes.BUFFER_UNKNOWN),
    (flow(instructions=(Meter(1),)), error_codes.UNKNOWN_METER),
    (flow(Match({}, (OpaqueField(0x10204, b"abcd"),))), error_codes.MATCH_BAD_FIELD),
    (flow(ARP, flags=m.CHECK_OVERLAP), error_codes.OVERLAP),
]


@pytest.mark.parametrize(("mod", "error"), REFUSED)
def test_a_wrong_flow_mod_is_refused_and_changes_nothing(mod: m.FlowMod, error: ErrorCode) -> None:
    refusing = modifications()
    refusing.flow_mod(flow(cookie=1), 0.0)
    with pytest.raises(OpenFlowError) as raised:
        refusing.flow_mod(mod, 0.0)
    assert (raised.value.error_type, raised.value.error_code) == error
    assert [entry.cookie for entry in entries(refusing)] == [1]


def test_a_deletion_may_be_for_all_tables() -> None:
    both = modifications()
    both.flow_mod(flow(table_id=0), 0.0)
    both.flow_mod(flow(table_id=2), 0.0)
    removed = both.flow_mod(flow(command=m.DELETE, table_id=m.ALL_TABLES), 0.0)
    assert [(each.table_id, each.reason) for each in removed] == [
        (0, m.REMOVED_BY_DELETE),
        (2, m.REMOVED_BY_DELETE),
    ]


@pytest.mark.parametrize("command", [m.MODIFY, m.MODIFY_STRICT])
def test_a_modification_of_nothing_adds_in_1_0_only(command: int) -> None:
    for version, count in ((1, 1), (4, 0)):
        modified = modifications(version)
        modified.flow_mod(flow(command=command), 0.0)
        assert len(entries(modified)) == count


def test_a_modification_changes_the_cookie_in_1_0_only() -> None:
    for version, cookie in ((1, 2), (4, 1)):
        modified = modifications(version)
        modified.flow_mod(flow(cookie=1), 0.0)
        modified.flow_mod(flow(cookie=2, command=m.MODIFY, instructions=TO_2), 0.0)
        assert [(entry.cookie, entry.instructions) for entry in entries(modified)] == [(cookie, TO_2)]


def test_an_entry_added_again_keeps_its_counters_in_1_3_only() -> None:
    for version, count in ((1, 0), (4, 1)):
        added = modifications(version)
        added.flow_mod(flow(), 0.0)
        entries(added)[0].count(60, 0.0)
        added.flow_mod(flow(), 0.0)
        assert entries(added)[0].packet_count == count


EXACT = Match.of(
    **{
        "in_port": 1,
        "eth_src": 1,
        "eth_dst": 2,
        "vlan_vid": 0,
        "eth_type": 0x800,
        "ip_dscp": 0,
        "ip_proto": 6,
    },
    **{"ipv4_src": 1, "ipv4_dst": 2, "tcp_src": 1, "tcp_dst": 2},
)


def test_an_exact_entry_goes_before_all_others_in_1_0_only() -> None:
    for version, priority in ((1, 0xFFFF), (4, 5)):
        added = modifications(version)
        added.flow_mod(flow(EXACT, priority=5), 0.0)
        assert entries(added)[0].priority == priority


@pytest.mark.parametrize(
    ("match", "is_exact"),
    [
        (EXACT, True),
        *((EXACT.without(name), False) for name in EXACT.fields),
        (EXACT.having(ipv4_src=(0, 0xFFFFFF00)), False),
        (EXACT.having(vlan_vid=0x1005), False),
        (EXACT.having(vlan_vid=0x1005, vlan_pcp=0), True),
        (EXACT.without("tcp_src", "tcp_dst").having(ip_proto=250), True),
        (Match.of(in_port=1, eth_src=1, eth_dst=2, vlan_vid=0, eth_type=0x88CC), True),
        (Match.of(in_port=1, eth_src=1, eth_dst=2, vlan_vid=0, eth_type=0x806), False),
    ],
)
def test_exact_is_what_leaves_nothing_open(match: Match, is_exact: bool) -> None:
    assert is_exact_in_1_0(match) == is_exact


def test_entries_go_with_their_group() -> None:
    grouped = modifications()
    for group_id in (1, 2):
        grouped.group_mod(m.GroupMod(command=m.GROUP_ADD, group_id=group_id), 0.0)
        instructions = (WriteActions((Group(group_id),)),)
        grouped.flow_mod(flow(Match.of(in_port=group_id), instructions=instructions, cookie=group_id), 0.0)
    removed = grouped.group_mod(m.GroupMod(command=m.GROUP_DELETE, group_id=1), 0.0)
    assert [(each.entry.cookie, each.reason) for each in removed] == [(1, m.REMOVED_BY_GROUP_DELETE)]
    assert [entry.cookie for entry in entries(grouped)] == [2]


def test_entries_go_with_their_meter() -> None:
    metered = modifications()
    metered.meter_mod(m.MeterMod(command=m.METER_ADD, flags=m.METER_KBPS, meter_id=1), 0.0)
    metered.flow_mod(flow(instructions=(Meter(1),)), 0.0)
    removed = metered.meter_mod(m.MeterMod(command=m.METER_DELETE, meter_id=1), 0.0)
    assert [each.reason for each in removed] == [m.REMOVED_BY_DELETE]
    assert entries(metered) == []


@pytest.mark.parametrize(
    ("group_id", "error"), [(1, error_codes.LOOP), (2, error_codes.ACTION_BAD_OUT_GROUP)]
)
def test_a_bucket_leads_neither_back_nor_nowhere(group_id: int, error: ErrorCode) -> None:
    buckets = (m.Bucket(actions=(Group(group_id),)),)
    with pytest.raises(OpenFlowError) as raised:
        modifications().group_mod(m.GroupMod(command=m.GROUP_ADD, group_id=1, buckets=buckets), 0.0)
    assert (raised.value.error_type, raised.value.error_code) == error


def test_the_actions_of_a_bucket_are_checked() -> None:
    buckets = (m.Bucket(actions=(Output(0),)),)
    with pytest.raises(OpenFlowError) as raised:
        modifications().group_mod(m.GroupMod(command=m.GROUP_ADD, group_id=1, buckets=buckets), 0.0)
    assert (raised.value.error_type, raised.value.error_code) == error_codes.ACTION_BAD_OUT_PORT
