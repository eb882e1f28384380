"""A tenant's own table against an emulated datapath's: the same requests, the same entries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation import flow_table as emulated
from flowvisor.flowspace.layout import point_of
from flowvisor.hypervisor.flow_table import Entry, FlowTable, outputs_to, packed
from flowvisor.openflow import v13
from flowvisor.openflow.actions import ApplyActions, ClearActions, Enqueue, Output, SetQueue, WriteActions
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import ANY, CONTROLLER
from tests.support.examples import examples
from tests.support.message_strategies import matches
from tests.support.slices import MISS, A, output, packets_like, tenant_matches, udp

_cookies = st.sampled_from((0, 0x11, 0x12, 0x21))
_mods = st.builds(
    FlowMod,
    cookie=_cookies,
    priority=st.sampled_from((1, 2)),
    match=tenant_matches(A),
    instructions=st.sampled_from((output(1), output(2), output(1, 2), ())),
)


def entry_of(number: int, mod: FlowMod, **more: object) -> Entry:
    key = (mod.priority, v13.encode_match(mod.match))
    return Entry("a", key, number, 4, v13.encode(mod), mod.cookie, **more)  # type: ignore[arg-type]


def table_of(mods: list[FlowMod]) -> tuple[FlowTable, emulated.FlowTable]:
    table, model = FlowTable(), emulated.FlowTable()
    for number, mod in enumerate(mods):
        table.put(entry_of(number, mod))
        model.add(mod, 0.0)
    return table, model


@given(st.lists(_mods, max_size=8), tenant_matches(A), _cookies, _cookies, st.sampled_from((ANY, 1, 2, 3)))
def test_what_a_request_means_is_what_it_would_mean_to_a_datapath(
    mods: list[FlowMod], match: Match, cookie: int, mask: int, out_port: int
) -> None:
    table, model = table_of(mods)
    assert len(table) == len(model)
    found = [
        (mod.priority, sorted(mod.match.fields.items()))
        for _, mod in table.matching(match, out_port=out_port, cookie=cookie, cookie_mask=mask)
    ]
    wanted = [
        (entry.priority, sorted(entry.match.fields.items()))
        for entry in model.select(match, out_port=out_port, cookie=cookie, cookie_mask=mask)
    ]
    assert sorted(found) == sorted(wanted)


@given(st.lists(_mods, max_size=6), tenant_matches(A), st.sampled_from((1, 2)))
def test_an_overlap_is_one_for_a_datapath_too(mods: list[FlowMod], match: Match, priority: int) -> None:
    table, model = table_of(mods)
    overlaps = any(entry.priority == priority and emulated.may_overlap(entry.match, match) for entry in model)
    assert table.overlapping(match, priority) == overlaps


def test_a_table_holds_one_entry_for_a_match_and_a_priority() -> None:
    table = FlowTable()
    first, second = entry_of(1, FlowMod(priority=5)), entry_of(2, FlowMod(priority=5, cookie=9))
    assert table.put(first) is None
    assert table.put(second) is first
    assert not table.take_out(first)
    assert table.take_out(second)
    assert not table.take_out(second)
    assert len(table) == 0


def test_an_entry_is_what_was_written_and_modified() -> None:
    mod = FlowMod(priority=5, cookie=7, match=Match.of(in_port=1), instructions=output(1))
    entry = entry_of(1, mod)
    assert entry.flow_mod() == mod
    assert entry.physical_matches() == (mod.match,)
    assert entry.wording == 4
    entry.written, entry.cookie = (1, output(2)), 8
    assert (entry.flow_mod().instructions, entry.flow_mod().cookie) == (output(2), 8)
    assert entry.wording == 1
    assert entry_of(1, mod, packed_pieces=packed((Match(),))).physical_matches() == (Match(),)


@examples(20)
@given(pieces=st.lists(matches(), min_size=1, max_size=4).map(tuple))
def test_an_entry_gives_back_the_pieces_that_it_was_given(pieces: tuple[Match, ...]) -> None:
    entry = entry_of(1, FlowMod(), packed_pieces=packed(pieces))
    kept = entry.pieces
    assert kept is not None
    assert list(map(v13.encode_match, kept)) == list(map(v13.encode_match, pieces))
    assert entry.is_cut == (len(pieces) > 1)
    entry.pieces = None
    assert entry.pieces is None
    assert not entry.is_cut


def test_outputs_are_looked_for_in_both_kinds_of_lists() -> None:
    instructions = (ClearActions(), ApplyActions((SetQueue(3), Output(1))), WriteActions((Enqueue(2, 1),)))
    assert [outputs_to(instructions, port) for port in (1, 2, 3, ANY)] == [True, True, False, True]
    assert not outputs_to((), 1)
    assert outputs_to((), ANY)


@given(st.data())
def test_a_packet_misses_if_no_entry_that_it_meets_sends_it_to_the_controller(data: st.DataObject) -> None:
    table = FlowTable()
    mods = [
        MISS,
        FlowMod(priority=5, match=Match.of(in_port=1, eth_type=0x0800), instructions=output(CONTROLLER)),
        FlowMod(priority=6, match=Match.of(in_port=2), instructions=output(1)),
    ]
    for number, mod in enumerate(mods):
        entry = entry_of(number, mod)
        table.put(entry)
        table.note_punting(entry, mod)
    port, packet = data.draw(packets_like(Match()))
    point = point_of(parse(packet, port))
    fields = parse(packet, port)
    assert table.is_missed_by(point) == (not (port == 1 and fields["eth_type"] == 0x0800))


def test_without_a_table_miss_entry_nothing_is_a_miss() -> None:
    table = FlowTable()
    point = point_of(parse(udp(), 1))
    assert not table.is_missed_by(point)
    miss = entry_of(1, MISS)
    table.put(miss)
    table.note_punting(miss, MISS)
    assert table.is_missed_by(point)
    punting = entry_of(2, FlowMod(instructions=output(CONTROLLER)))
    table.put(punting)
    table.note_punting(punting, punting.flow_mod())
    assert not table.is_missed_by(point)
    table.note_punting(punting, FlowMod(instructions=output(1)))
    assert table.is_missed_by(point)
    table.take_out(miss)
    assert not table.is_missed_by(point)
