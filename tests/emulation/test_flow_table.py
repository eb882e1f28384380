"""The flow table does what a naive list of entries does that follows OpenFlow 1.3.5, section 6.4."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from flowvisor.emulation.flow_table import FlowEntry, FlowTable, is_within, may_overlap
from flowvisor.errors import OpenFlowError
from flowvisor.openflow.actions import ApplyActions, Enqueue, Group, Instructions, Meter, Output, WriteActions
from flowvisor.openflow.error_codes import OVERLAP, TABLE_FULL
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import (
    CHECK_OVERLAP,
    DELETE,
    DELETE_STRICT,
    HARD_TIMEOUT,
    IDLE_TIMEOUT,
    MODIFY,
    MODIFY_STRICT,
    NO_BYTE_COUNTS,
    NO_PACKET_COUNTS,
    RESET_COUNTS,
    FlowMod,
)
from flowvisor.openflow.ports import ANY
from tests.support.examples import examples

TO_1: Instructions = (ApplyActions((Output(1),)),)
TO_2: Instructions = (ApplyActions((Output(2),)),)
WEB = Match.of(eth_type=0x800, ip_proto=6, tcp_dst=80)


def mod(match: Match = MATCH_ALL, **fields: Any) -> FlowMod:
    return FlowMod(match=match, **{"instructions": TO_1, **fields})


def table_with(*mods: FlowMod) -> FlowTable:
    table = FlowTable()
    for each in mods:
        table.add(each, 0.0)
    return table


def cookies(entries: list[FlowEntry]) -> set[int]:
    return {entry.cookie for entry in entries}


# ------------------------------------------------------------------------------------------------ lookup


def test_an_empty_table_matches_nothing() -> None:
    assert FlowTable().lookup({"in_port": 1}) is None


def test_the_highest_priority_wins() -> None:
    table = table_with(mod(cookie=1, priority=1), mod(Match.of(in_port=1), cookie=2, priority=2))
    assert table.lookup({"in_port": 1}).cookie == 2  # type: ignore[union-attr]
    assert table.lookup({"in_port": 2}).cookie == 1  # type: ignore[union-attr]


def test_a_field_that_the_packet_has_not_does_not_match_not_even_0() -> None:
    table = table_with(mod(Match.of(vlan_pcp=0)), mod(Match.of(arp_op=(0, 1))))
    assert table.lookup({"in_port": 1}) is None


def test_a_lookup_is_counted() -> None:
    table = table_with(mod(Match.of(in_port=1)))
    table.lookup({"in_port": 1})
    table.lookup({"in_port": 2})
    assert (table.lookup_count, table.matched_count) == (2, 1)


def test_an_entry_counts_packets_and_bytes_unless_told_not_to() -> None:
    entry = table_with(mod()).lookup({})
    silent = table_with(mod(flags=NO_PACKET_COUNTS | NO_BYTE_COUNTS)).lookup({})
    assert entry is not None
    assert silent is not None
    for each in (entry, silent):
        each.count(60, 5.0)
    assert (entry.packet_count, entry.byte_count, entry.used_at) == (1, 60, 5.0)
    assert (silent.packet_count, silent.byte_count, silent.used_at) == (0, 0, 5.0)


# --------------------------------------------------------------------------------------------------- add


def test_an_entry_added_again_begins_anew_but_keeps_its_counters() -> None:
    table = table_with(mod(WEB, cookie=1))
    table.lookup({"eth_type": 0x800, "ip_proto": 6, "tcp_dst": 80}).count(60, 1.0)  # type: ignore[union-attr]
    entry = table.add(mod(WEB, cookie=2, instructions=TO_2), 7.0)
    assert (entry.cookie, entry.instructions, entry.installed_at) == (2, TO_2, 7.0)
    assert (entry.packet_count, entry.byte_count) == (1, 60)
    assert len(table) == 1


def test_an_entry_added_again_with_reset_counts_counts_from_0() -> None:
    table = table_with(mod(WEB))
    next(iter(table)).count(60, 1.0)
    assert table.add(mod(WEB, flags=RESET_COUNTS), 7.0).packet_count == 0


@pytest.mark.parametrize("match", [WEB, MATCH_ALL, Match.of(in_port=3)])
def test_an_overlap_is_refused_if_it_is_checked(match: Match) -> None:
    table = table_with(mod(WEB))
    with pytest.raises(OpenFlowError) as raised:
        table.add(mod(match, flags=CHECK_OVERLAP), 0.0)
    assert (raised.value.error_type, raised.value.error_code) == OVERLAP
    assert len(table) == 1


@pytest.mark.parametrize(("match", "priority"), [(WEB, 9), (WEB.having(tcp_dst=81), 0x8000)])
def test_what_differs_in_priority_or_in_a_field_does_not_overlap(match: Match, priority: int) -> None:
    table = table_with(mod(WEB))
    table.add(mod(match, priority=priority, flags=CHECK_OVERLAP), 0.0)
    assert len(table) == 2


def test_a_full_table_refuses_new_entries_and_takes_changed_ones() -> None:
    table = FlowTable(max_entries=1)
    table.add(mod(WEB), 0.0)
    table.add(mod(WEB, cookie=2), 0.0)
    with pytest.raises(OpenFlowError) as raised:
        table.add(mod(), 0.0)
    assert (raised.value.error_type, raised.value.error_code) == TABLE_FULL
    assert cookies(list(table)) == {2}


# -------------------------------------------------------------------------------------- modify and delete


def test_a_modification_changes_the_instructions_and_nothing_else() -> None:
    table = table_with(mod(WEB, cookie=1, idle_timeout=5))
    next(iter(table)).count(60, 1.0)
    (entry,) = table.modify(mod(command=MODIFY, instructions=TO_2, idle_timeout=9))
    assert (entry.instructions, entry.idle_timeout, entry.packet_count, entry.used_at) == (TO_2, 5, 1, 1.0)


def test_a_modification_may_reset_the_counters() -> None:
    table = table_with(mod(WEB))
    next(iter(table)).count(60, 1.0)
    table.modify(mod(command=MODIFY, flags=RESET_COUNTS))
    assert next(iter(table)).packet_count == 0


@pytest.mark.parametrize("command", [MODIFY, MODIFY_STRICT])
def test_what_is_not_there_is_not_modified(command: int) -> None:
    table = table_with(mod(WEB))
    assert table.modify(mod(Match.of(in_port=1), command=command)) == []


def test_a_modification_does_not_look_at_the_output() -> None:
    assert len(table_with(mod()).modify(mod(command=MODIFY, out_port=7))) == 1


def test_a_deletion_takes_what_is_as_narrow_or_narrower() -> None:
    table = table_with(mod(WEB, cookie=1), mod(Match.of(eth_type=0x806), cookie=2), mod(cookie=3))
    assert cookies(table.delete(mod(Match.of(eth_type=0x800), command=DELETE))) == {1}
    assert cookies(list(table)) == {2, 3}


def test_a_strict_deletion_takes_the_very_match_and_priority() -> None:
    table = table_with(mod(WEB, cookie=1), mod(WEB, cookie=2, priority=5))
    assert table.delete(mod(command=DELETE_STRICT)) == []
    assert cookies(table.delete(mod(WEB, command=DELETE_STRICT, priority=5))) == {2}


def test_a_deletion_can_be_of_what_goes_to_a_port_or_group() -> None:
    table = table_with(
        mod(Match.of(in_port=1), cookie=1, instructions=(WriteActions((Output(3),)),)),
        mod(Match.of(in_port=2), cookie=2, instructions=(ApplyActions((Enqueue(3, 1),)),)),
        mod(Match.of(in_port=3), cookie=3, instructions=(ApplyActions((Group(3),)),)),
        mod(Match.of(in_port=4), cookie=4, instructions=(Meter(3),)),
    )
    assert cookies(table.delete(mod(command=DELETE, out_group=3))) == {3}
    assert cookies(table.delete(mod(command=DELETE, out_port=3))) == {1, 2}
    assert [entry.uses_meter(3) for entry in table] == [True]


@pytest.mark.parametrize("command", [DELETE, DELETE_STRICT])
def test_a_deletion_can_be_of_a_cookie(command: int) -> None:
    table = table_with(mod(cookie=0x12))
    assert table.delete(mod(command=command, cookie=0x22, cookie_mask=0xF0)) == []
    assert cookies(table.delete(mod(command=command, cookie=0x22, cookie_mask=0x0F))) == {0x12}


# ------------------------------------------------------------------------------------------------ expiry


def test_an_entry_expires_by_either_timeout() -> None:
    table = table_with(
        mod(Match.of(in_port=1), cookie=1, idle_timeout=5, hard_timeout=12),
        mod(Match.of(in_port=2), cookie=2, idle_timeout=5),
        mod(Match.of(in_port=3), cookie=3),
    )
    table.lookup({"in_port": 1}).count(60, 4.0)  # type: ignore[union-attr]
    assert table.expire(4.9) == []
    assert [(entry.cookie, reason) for entry, reason in table.expire(5.0)] == [(2, IDLE_TIMEOUT)]
    table.lookup({"in_port": 1}).count(60, 8.9)  # type: ignore[union-attr]
    assert table.expire(11.9) == []
    assert [(entry.cookie, reason) for entry, reason in table.expire(12.0)] == [(1, HARD_TIMEOUT)]
    assert cookies(list(table)) == {3}


# ---------------------------------------------------------------------------------- against a naive model


@define
class NaiveEntry:
    mod: FlowMod
    installed_at: float
    used_at: float
    packets: int = 0


SMALL_FIELDS = {
    "in_port": st.sampled_from([(1, 0xFFFFFFFF), (2, 0xFFFFFFFF)]),
    "eth_dst": st.sampled_from([(0, 1), (1, 1), (1, 3), (3, 3), (2, 0xFFFFFFFFFFFF)]),
    "vlan_vid": st.sampled_from([(0, 0x1FFF), (0x1000, 0x1000), (0x1001, 0x1FFF)]),
}
MATCHES = st.fixed_dictionaries({}, optional=SMALL_FIELDS).map(Match)
PACKETS = st.fixed_dictionaries(
    {"in_port": st.integers(1, 3), "vlan_vid": st.sampled_from([0, 0x1000, 0x1001])},
    optional={"eth_dst": st.integers(0, 3)},
)
MODS = st.builds(
    FlowMod,
    match=MATCHES,
    priority=st.integers(0, 2),
    cookie=st.integers(0, 3),
    cookie_mask=st.sampled_from([0, 0, 1, 3]),
    instructions=st.sampled_from([TO_1, TO_2, ()]),
    idle_timeout=st.sampled_from([0, 0, 3]),
    hard_timeout=st.sampled_from([0, 0, 5]),
    flags=st.sampled_from([0, RESET_COUNTS, CHECK_OVERLAP]),
    out_port=st.sampled_from([ANY, ANY, 1, 2]),
)
ALL_PACKETS = [
    {"in_port": port, "eth_dst": dst, "vlan_vid": vid}
    for port in (1, 2, 3)
    for dst in range(4)
    for vid in (0, 0x1000, 0x1001)
]


def matches(match: Match, packet: dict[str, int]) -> bool:
    return all(name in packet and packet[name] & mask == value for name, value, mask in match)


class AgainstNaiveTable(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.table = FlowTable()
        self.model: list[NaiveEntry] = []
        self.now = 0.0

    def selected(self, flow_mod: FlowMod, *, strict: bool) -> list[NaiveEntry]:
        def is_selected(entry: NaiveEntry) -> bool:
            if (entry.mod.cookie ^ flow_mod.cookie) & flow_mod.cookie_mask:
                return False
            if strict:
                return entry.mod.match == flow_mod.match and entry.mod.priority == flow_mod.priority
            inside = [packet for packet in ALL_PACKETS if matches(entry.mod.match, packet)]
            return entry.mod.match.fields.keys() >= flow_mod.match.fields.keys() and all(
                matches(flow_mod.match, packet) for packet in inside
            )

        return [entry for entry in self.model if is_selected(entry)]

    @rule(flow_mod=MODS)
    def add(self, flow_mod: FlowMod) -> None:
        overlaps = any(
            entry.mod.priority == flow_mod.priority
            and any(matches(entry.mod.match, p) and matches(flow_mod.match, p) for p in ALL_PACKETS)
            for entry in self.model
        )
        if flow_mod.flags & CHECK_OVERLAP and overlaps:
            with pytest.raises(OpenFlowError):
                self.table.add(flow_mod, self.now)
            return
        self.table.add(flow_mod, self.now)
        old = [
            entry
            for entry in self.model
            if (entry.mod.match, entry.mod.priority) == (flow_mod.match, flow_mod.priority)
        ]
        self.model = [entry for entry in self.model if entry not in old]
        packets = old[0].packets if old and not flow_mod.flags & RESET_COUNTS else 0
        self.model.append(NaiveEntry(flow_mod, self.now, self.now, packets))

    @rule(flow_mod=MODS, strict=st.booleans())
    def modify(self, flow_mod: FlowMod, strict: bool) -> None:
        flow_mod = evolve(flow_mod, command=MODIFY_STRICT if strict else MODIFY)
        self.table.modify(flow_mod)
        for entry in self.selected(flow_mod, strict=strict):
            entry.mod = evolve(entry.mod, instructions=flow_mod.instructions)
            if flow_mod.flags & RESET_COUNTS:
                entry.packets = 0

    @rule(flow_mod=MODS, strict=st.booleans())
    def delete(self, flow_mod: FlowMod, strict: bool) -> None:
        flow_mod = evolve(flow_mod, command=DELETE_STRICT if strict else DELETE)
        gone = [
            entry
            for entry in self.selected(flow_mod, strict=strict)
            if flow_mod.out_port == ANY or entry.mod.instructions == {1: TO_1, 2: TO_2}[flow_mod.out_port]
        ]
        assert len(self.table.delete(flow_mod)) == len(gone)
        self.model = [entry for entry in self.model if not any(entry is each for each in gone)]

    @rule(packet=PACKETS)
    def receive(self, packet: dict[str, int]) -> None:
        found = self.table.lookup(packet)
        candidates = [entry for entry in self.model if matches(entry.mod.match, packet)]
        assert (found is None) == (not candidates)
        if found is None:
            return
        assert found.priority == max(entry.mod.priority for entry in candidates)
        assert matches(found.match, packet)
        found.count(1, self.now)
        for entry in candidates:
            if (entry.mod.match, entry.mod.priority) == (found.match, found.priority):
                entry.packets += 1
                entry.used_at = self.now

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        expired = self.table.expire(self.now)
        gone = [
            entry
            for entry in self.model
            if (entry.mod.hard_timeout and self.now - entry.installed_at >= entry.mod.hard_timeout)
            or (entry.mod.idle_timeout and self.now - entry.used_at >= entry.mod.idle_timeout)
        ]
        assert len(expired) == len(gone)
        self.model = [entry for entry in self.model if not any(entry is each for each in gone)]

    @invariant()
    def holds_the_same(self) -> None:
        assert len(self.table) == len(self.model)
        for entry in self.model:
            found = self.table.get(entry.mod.match, entry.mod.priority)
            assert found is not None
            assert (found.cookie, found.instructions, found.packet_count, found.installed_at) == (
                entry.mod.cookie,
                entry.mod.instructions,
                entry.packets,
                entry.installed_at,
            )


AgainstNaiveTable.TestCase.settings = examples(30)
TestAgainstNaiveTable = AgainstNaiveTable.TestCase


def test_a_match_is_within_itself_and_within_all() -> None:
    assert is_within(WEB, WEB)
    assert is_within(WEB, MATCH_ALL)
    assert not is_within(MATCH_ALL, WEB)
    assert may_overlap(WEB, MATCH_ALL)
