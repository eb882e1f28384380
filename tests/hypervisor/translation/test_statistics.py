"""Statistics: a slice's own, all of them and nothing else, in the words in which it wrote them."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor.effects import VirtualSwitchName
from flowvisor.hypervisor.transactions import MAX_WAITING
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import (
    ApplyActions,
    DecNwTtl,
    GotoTable,
    Instructions,
    Output,
    SetField,
    SetVlanVid,
    WriteActions,
    WriteMetadata,
)
from flowvisor.openflow.frame import MULTIPART_REPLY
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.messages import (
    ALL_TABLES,
    DELETE,
    RESET_COUNTS,
    SEND_FLOW_REM,
    Error,
    FlowMod,
    FlowRemoved,
    Message,
)
from flowvisor.openflow.multipart import (
    UNKNOWN_COUNTER,
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    PortStats,
    PortStatsReply,
    PortStatsRequest,
    TableStats,
    TableStatsReply,
    TableStatsRequest,
)
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.kinds import KINDS, ON_10, ON_FEW_TABLES, ON_TABLES, Kind, as_told
from tests.support.slices import MISS, A, B, output, tag, udp
from tests.support.world import Controller, World, a_slice, ports

IP_ON_1 = Match.of(in_port=1, eth_type=0x0800)
ALL_BITS = (1 << 64) - 1


def flows(controller: Controller, **wanted: object) -> list[FlowStats]:
    return list(controller.ask(FlowStatsRequest(xid=7, **wanted), FlowStatsReply).flows)  # type: ignore[arg-type]


def priorities(controller: Controller, **wanted: object) -> list[int]:
    """Which entries a request means, by their priorities; what is added up must be of the same ones."""
    found = flows(controller, **wanted)
    total = controller.ask(AggregateStatsRequest(xid=8, **wanted), AggregateStatsReply)  # type: ignore[arg-type]
    assert total.flow_count == len(found)
    assert total.packet_count == sum(flow.packet_count for flow in found)
    assert total.byte_count == sum(flow.byte_count for flow in found)
    return sorted(flow.priority for flow in found)


# ----------------------------------------------------------------------------------------------- FLOW, AGGREGATE

WRITTEN = [
    FlowMod(priority=9, cookie=0xC0, match=IP_ON_1, instructions=output(2)),
    FlowMod(priority=8, cookie=ALL_BITS, idle_timeout=60, hard_timeout=600, instructions=output(FLOOD)),
    FlowMod(priority=7, match=Match.of(in_port=2), instructions=output(ALL, CONTROLLER)),
    FlowMod(priority=0, match=Match.of(vlan_vid=tag(7)), instructions=()),
    FlowMod(priority=0xFFFF, match=Match.of(eth_dst=5), instructions=output(1)),
]


@pytest.mark.parametrize("written", WRITTEN, ids=lambda one: str(one.priority))
def test_what_a_tenant_wrote_it_reads_back(kind: Kind, version: int, written: FlowMod) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    assert a.send(written) == []
    world.pass_time(5)
    (found,) = flows(a)
    assert found == FlowStats(
        duration_sec=5,
        priority=written.priority,
        idle_timeout=written.idle_timeout,
        hard_timeout=written.hard_timeout,
        cookie=written.cookie,
        match=written.match,
        instructions=written.instructions,
    )


@pytest.mark.parametrize("flags", [0, SEND_FLOW_REM, RESET_COUNTS])
def test_flags_are_read_back_where_there_are_any(kind: Kind, flags: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    a.send(FlowMod(flags=flags, match=IP_ON_1, instructions=output(2)))
    assert [flow.flags & SEND_FLOW_REM for flow in flows(a)] == [flags & SEND_FLOW_REM]


def test_instructions_of_several_tables_are_read_back() -> None:
    world = ON_TABLES.world(A, B)
    b = world.controller("b")  # its block is not the first
    instructions: Instructions = (
        ApplyActions((Output(FLOOD),)),
        WriteActions((Output(ALL), SetField("eth_src", 3))),
        WriteMetadata(5, 0xFF),
        GotoTable(3),
    )
    b.send(FlowMod(match=Match.of(in_port=3), instructions=instructions))
    b.send(FlowMod(table_id=3, match=Match.of(metadata=5), instructions=output(4)))
    assert [(flow.table_id, flow.instructions) for flow in flows(b)] == [(0, instructions), (3, output(4))]
    assert [flow.table_id for flow in flows(b, table_id=3)] == [3]
    assert flows(b, table_id=1) == []


def test_there_is_an_answer_also_when_there_is_nothing(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    assert priorities(a) == []


def test_neither_others_entries_nor_the_hypervisors_are_shown(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    world.controller("a", 1, 1)  # for whom there is a table-miss entry
    a.send(FlowMod(priority=5, instructions=output(2)))
    b.send(FlowMod(priority=6, instructions=output(4)))
    assert priorities(a) == [5]
    assert priorities(b) == [6]


def test_a_table_miss_entry_of_the_tenants_own_is_shown_as_it_wrote_it(kind: Kind) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    new.send(evolve(MISS, cookie=0xABC))
    (found,) = flows(new)
    assert (found.cookie, found.flags, found.instructions) == (0xABC, 0, MISS.instructions)
    assert len(flows(old)) == 1


def test_one_tenants_version_is_put_in_the_others_words(kind: Kind) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    match = IP_ON_1.having(vlan_vid=tag(5))
    old.send(FlowMod(match=match, instructions=(ApplyActions((SetVlanVid(6), Output(2))),)))
    (found,) = flows(new)
    assert found.instructions == (ApplyActions((SetField("vlan_vid", tag(6)), Output(2))),)
    assert flows(old)[0].instructions == (ApplyActions((SetVlanVid(6), Output(2))),)


def test_what_a_version_cannot_say_is_left_out_and_counted() -> None:
    for kind in (ON_TABLES, ON_FEW_TABLES):
        world = kind.world(A, B)
        old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
        new.send(FlowMod(match=IP_ON_1, instructions=(ApplyActions((DecNwTtl(), Output(2))),)))
        new.send(FlowMod(match=Match.of(in_port=1, ipv6_src=1, eth_type=0x86DD), instructions=output(2)))
        new.send(FlowMod(match=IP_ON_1, priority=3, instructions=output(2)))
        assert [flow.priority for flow in flows(old)] == [3]
        assert old.channel.counters.shed == {"inexpressible": 2}
        assert len(flows(new)) == 3


@pytest.fixture
def filled(kind: Kind, version: int) -> Controller:
    """A controller with a few entries, and packets that some of them took."""
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    a.send(
        FlowMod(priority=1, cookie=0x11, instructions=output(FLOOD)),
        FlowMod(priority=2, cookie=0x12, match=Match.of(in_port=1), instructions=output(2)),
        FlowMod(priority=3, cookie=0x23, match=IP_ON_1, instructions=output(2, CONTROLLER)),
        FlowMod(priority=4, cookie=0x24, match=Match.of(in_port=2), instructions=output(ALL)),
    )
    b.send(FlowMod(priority=2, cookie=0x12, match=Match.of(in_port=3), instructions=output(4)))
    for port in (1, 1, 2, 3):
        world.packet(1, port, udp())
    return a


def test_a_request_means_what_is_as_specific_as_its_match_or_more(filled: Controller) -> None:
    assert priorities(filled) == [1, 2, 3, 4]
    assert priorities(filled, match=Match.of(in_port=1)) == [2, 3]
    assert priorities(filled, match=IP_ON_1) == [3]
    assert priorities(filled, match=Match.of(eth_type=0x0800)) == [3]
    assert priorities(filled, match=Match.of(in_port=3)) == []


def test_out_port_is_a_filter_by_the_port_that_the_tenant_named(filled: Controller) -> None:
    assert priorities(filled, out_port=2) == [2, 3]
    assert priorities(filled, out_port=CONTROLLER) == [3]
    assert priorities(filled, out_port=FLOOD) == [1]
    assert priorities(filled, out_port=ALL) == [4]
    assert priorities(filled, out_port=1) == []


def test_cookies_are_a_filter_where_the_version_has_it(filled: Controller) -> None:
    if filled.version == 1:
        pytest.skip("OpenFlow 1.0 has no cookie masks")
    assert priorities(filled, cookie=0x20, cookie_mask=0xF0) == [3, 4]
    assert priorities(filled, cookie=0x12, cookie_mask=ALL_BITS) == [2]
    assert priorities(filled, cookie=0x12) == [1, 2, 3, 4]
    assert priorities(filled, cookie=0x99, cookie_mask=ALL_BITS) == []


def test_there_are_no_groups_that_an_entry_could_output_to(filled: Controller) -> None:
    if filled.version == 1:
        pytest.skip("OpenFlow 1.0 has no groups")
    assert priorities(filled, out_group=1) == []


def test_tables_are_a_filter_and_others_than_the_slices_are_refused(filled: Controller, kind: Kind) -> None:
    assert priorities(filled, table_id=0) == [1, 2, 3, 4]
    assert priorities(filled, table_id=ALL_TABLES) == [1, 2, 3, 4]
    beyond = 4 if kind.has_blocks else 1
    for request in (FlowStatsRequest(table_id=beyond), AggregateStatsRequest(table_id=beyond)):
        assert filled.refused(request) == as_told(codes.REQUEST_BAD_TABLE_ID, filled.version)


def test_a_match_that_is_not_understood_is_refused(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    match = evolve(Match(), opaque=(OpaqueField(header=0xFFFF0004, body=b"1234"),))
    for request in (FlowStatsRequest(match=match), AggregateStatsRequest(match=match)):
        assert a.refused(request) == codes.MATCH_BAD_FIELD


def test_counters_of_pieces_are_added_up(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    assert a.send(FlowMod(priority=5, instructions=())) == []
    for port in (1, 2, 2):
        world.packet(1, port, udp())
    (found,) = flows(a)
    assert (found.packet_count, found.byte_count) == (3, 3 * len(udp()))
    assert priorities(a) == [5]


@pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
def test_what_a_piece_has_counted_stays_counted_when_it_is_gone(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(priority=5, idle_timeout=10, instructions=output(FLOOD)))
    for port in (1, 1, 2):
        world.packet(1, port, udp())
    world.pass_time(6)
    world.packet(1, 2, udp())
    world.pass_time(6)  # now the piece at port 1 has been idle for too long
    (found,) = flows(a)
    assert (found.packet_count, found.byte_count) == (4, 4 * len(udp()))
    world.pass_time(12)
    assert flows(a) == []


def pieces_of(world: World) -> list[FlowStats]:
    """What the datapath tells of the slices' pieces."""
    return [
        FlowStats(priority=entry.priority, cookie=entry.cookie, match=entry.match)
        for entry in world.emulated[1].pipeline.tables[0]
        if entry.cookie >> 32 == 0xF10F_0151
    ]


@pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
def test_an_entry_is_as_old_as_its_oldest_piece(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(priority=5, instructions=output(FLOOD)))
    one, other = pieces_of(world)
    (asked,) = withheld(a, FlowStatsRequest(xid=7))
    told = (
        evolve(one, duration_sec=3, duration_nsec=500, packet_count=1),
        evolve(other, duration_sec=3, duration_nsec=501, packet_count=2),
    )
    say(world, FlowStatsReply(xid=asked.xid, flows=told))
    ((found,),) = [reply.flows for reply in a.heard(FlowStatsReply)]
    assert (found.duration_sec, found.duration_nsec, found.packet_count) == (3, 501, 3)


@pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
def test_an_entry_that_is_about_to_go_is_shown_no_more(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(priority=5, instructions=output(2)))
    told = tuple(pieces_of(world))
    assert told
    *_, asked = withheld(a, FlowMod(command=DELETE), FlowStatsRequest(xid=7))
    foreign = FlowStats(cookie=0xF10F_0151_0000_0099)
    say(world, FlowStatsReply(xid=asked.xid, flows=(*told, foreign, FlowStats(cookie=3))))
    assert [reply.flows for reply in a.heard(FlowStatsReply)] == [()]


def test_what_a_datapath_tells_of_other_tables_is_not_passed_on() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    (asked,) = withheld(a, FlowStatsRequest(xid=7, table_id=0))
    told = (FlowStats(table_id=0), FlowStats(table_id=1, cookie=3), FlowStats(table_id=5))
    say(world, FlowStatsReply(xid=asked.xid, flows=told))
    assert [reply.flows for reply in a.heard(FlowStatsReply)] == [(FlowStats(table_id=0, cookie=3),)]


def test_an_answer_of_another_kind_tells_nothing(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    requests: list[Message] = [FlowStatsRequest(table_id=0), PortStatsRequest()]
    if kind.has_blocks:
        requests.append(TableStatsRequest())
    for request in requests:
        (asked,) = withheld(a, request)
        say(world, AggregateStatsReply(xid=asked.xid))
    assert [len(getattr(one, "flows", ())) + len(getattr(one, "ports", ())) for one in a.inbox] == [0] * len(
        requests
    )


# ---------------------------------------------------------------------------------------------------------- parts


def test_what_the_datapath_tells_in_parts_is_one_answer(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for priority in range(6):
        a.send(FlowMod(priority=priority, match=IP_ON_1, instructions=output(2)))
    answers: list[FlowStatsReply] = []
    for asked in withheld(a, FlowStatsRequest(xid=7)):
        assert isinstance(asked, FlowStatsRequest)
        statistics = world.emulated[1].statistics.answer(asked, world.now)
        answers += [one for one in statistics if isinstance(one, FlowStatsReply)]
    for reply in answers:
        for flow in reply.flows:
            say(world, FlowStatsReply(xid=reply.xid, more=True, flows=(flow,)))
        assert a.inbox == []
        say(world, FlowStatsReply(xid=reply.xid))
    (told,) = a.heard(FlowStatsReply)
    assert sorted(flow.priority for flow in told.flows) == list(range(6))
    assert told.xid == 7


def test_a_long_answer_comes_in_parts_that_fit_into_frames(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    long = output(*[2] * 80)
    a.send(*(FlowMod(priority=priority, match=IP_ON_1, instructions=long) for priority in range(200)))
    parts = a.send(FlowStatsRequest(xid=7))
    assert 2 < len(parts) < 8
    assert all(len(frame) <= 48 * 1024 for frame in a.frames)
    assert [one.more for one in parts if isinstance(one, FlowStatsReply)] == [True] * (len(parts) - 1) + [
        False
    ]
    assert {one.xid for one in parts} == {7}
    told = [flow.priority for one in parts if isinstance(one, FlowStatsReply) for flow in one.flows]
    assert sorted(told) == list(range(200))
    assert a.channel.counters.answered[a.frames[-1][1]] == len(parts)


@pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
def test_an_entry_that_fills_a_frame_is_told_in_a_part_of_its_own(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    for priority in (1, 2, 3):
        a.send(
            FlowMod(
                priority=priority, match=Match.of(in_port=priority % 2 + 1), instructions=output(*[2] * 4000)
            )
        )
    parts = [one for one in a.send(FlowStatsRequest(xid=7)) if isinstance(one, FlowStatsReply)]
    assert [(len(one.flows), one.more) for one in parts] == [(1, True), (1, True), (1, False)]


@pytest.mark.parametrize("last", [True, False])
def test_an_entry_that_fits_into_no_frame_is_left_out_and_the_answer_ends(last: bool) -> None:
    world = ON_10.world(A, B)
    a = world.controller("a", 1, 4)
    short, long = (FlowMod(priority=one, match=IP_ON_1, instructions=output(2)) for one in (1, 2))
    a.send(*((short, long) if last else (long, short)))
    # Its tenant has an entry that grew: floods are written short and its actions are many.
    entry = next(one for one in the_datapath(world).entries.values() if one.key[0] == 2)
    entry.written = (entry.version, output(*[2] * 4090))
    parts = [one for one in a.send(FlowStatsRequest(xid=7)) if isinstance(one, FlowStatsReply)]
    assert [([flow.priority for flow in one.flows], one.more) for one in parts] == [([1], False)]
    assert a.channel.counters.shed == {"inexpressible": 1}


# ----------------------------------------------------------------------------------------------------------- PORT


def test_ports_are_counted_for_those_who_have_them(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    a.send(FlowMod(match=IP_ON_1, instructions=output(2)))
    world.packet(1, 1, udp())
    told = a.ask(PortStatsRequest(xid=3), PortStatsReply).ports
    assert [(one.port, one.rx_packets, one.tx_packets, one.tx_bytes) for one in told] == [
        (1, 1, 0, 0),
        (2, 0, 1, len(udp())),
    ]
    assert [one.port for one in b.ask(PortStatsRequest(), PortStatsReply).ports] == [3, 4]
    assert [one.port for one in a.ask(PortStatsRequest(port=2), PortStatsReply).ports] == [2]


@pytest.mark.parametrize("port", [3, 9, CONTROLLER])
def test_a_port_that_is_not_the_slices_is_as_none(kind: Kind, version: int, port: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    before = len(world.to_datapaths)
    assert a.ask(PortStatsRequest(port=port), PortStatsReply).ports == ()
    assert len(world.to_datapaths) == before


def test_what_a_datapath_tells_of_other_ports_is_not_passed_on(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    (asked,) = withheld(a, PortStatsRequest(xid=5))
    say(world, PortStatsReply(xid=asked.xid, more=True, ports=(PortStats(1), PortStats(3))))
    assert a.inbox == []
    say(world, PortStatsReply(xid=asked.xid, ports=(PortStats(2), PortStats(4))))
    assert [one.port for reply in a.heard(PortStatsReply) for one in reply.ports] == [1, 2]


def test_ports_that_1_0_cannot_number_are_not_told_to_it() -> None:
    world = World([a_slice("a", ports(1, 70000))], [ON_TABLES.datapath((1, 70000))])
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    assert [one.port for one in old.ask(PortStatsRequest(), PortStatsReply).ports] == [1]
    assert [one.port for one in new.ask(PortStatsRequest(), PortStatsReply).ports] == [1, 70000]


# ---------------------------------------------------------------------------------------------------------- TABLE


def test_the_tables_of_the_block_are_told_and_renumbered(version: int) -> None:
    world = ON_TABLES.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    b.send(FlowMod(match=Match.of(in_port=3), instructions=output(4)))
    world.packet(1, 3, udp())
    told = b.ask(TableStatsRequest(xid=2), TableStatsReply).tables
    assert [one.table_id for one in told] == ([0] if version == 1 else [0, 1, 2, 3])
    first = told[0]
    assert (first.active_count, first.lookup_count, first.matched_count) == (1, 1, 1)
    assert a.ask(TableStatsRequest(), TableStatsReply).tables[0].active_count == 0


def test_our_entry_is_left_out_of_the_count_once_it_has_been_sent_and_not_before() -> None:
    world = ON_TABLES.world(A, B)
    new = world.controller("a", 1, 4)
    new.send(FlowMod(match=Match.of(in_port=1), instructions=output(2)))
    _old, effects = world.hypervisor.controller_joined(VirtualSwitchName("a", 1), "tcp:old", 1, world.now)
    assert new.ask(TableStatsRequest(), TableStatsReply).tables[0].active_count == 1
    world.perform(effects)  # what is in the place of the table-miss entry is asked, and then it is sent
    assert len(list(world.emulated[1].pipeline.tables[new.switch.view.block.first])) == 2
    assert new.ask(TableStatsRequest(), TableStatsReply).tables[0].active_count == 1


def test_the_one_table_of_an_intersected_slice_tells_nothing_of_others(version: int) -> None:
    for kind in KINDS[1:]:
        world = kind.world(A, B)
        a, b = world.controller("a", 1, version), world.controller("b", 1, version)
        a.send(FlowMod(instructions=output(FLOOD)), FlowMod(match=IP_ON_1, instructions=output(2)))
        b.send(FlowMod(instructions=output(4)))
        world.packet(1, 1, udp())
        ((one,),) = [a.ask(TableStatsRequest(xid=2), TableStatsReply).tables]
        told = (one.table_id, one.active_count, one.lookup_count, one.matched_count)
        assert told == (0, 2, UNKNOWN_COUNTER, UNKNOWN_COUNTER)


def test_a_1_0_tenant_is_told_the_tables_name_wildcards_and_room(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 1)
    a.send(FlowMod(match=IP_ON_1, instructions=output(2)))
    ((one,),) = [a.ask(TableStatsRequest(), TableStatsReply).tables]
    assert isinstance(one, TableStats)
    assert one.name == "table0"
    assert one.wildcards == (1 << 22) - 1
    assert one.max_entries > 1000


# --------------------------------------------------------------------------------------------------------- bounds


def test_errors_and_timeouts_are_the_requests_own(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for request in (FlowStatsRequest(xid=5), AggregateStatsRequest(xid=6), PortStatsRequest(xid=7)):
        frame = a.channel.codec.encode(request)
        asked, *_ = withheld(a, request)
        say(world, Error(xid=asked.xid, error=codes.REQUEST_EPERM, data=b"what the datapath was sent"))
        told = a.heard(Error)[-1]
        assert (told.xid, told.error, told.data) == (request.xid, codes.REQUEST_EPERM, frame[:64])
    withheld(a, PortStatsRequest(xid=8))
    world.pass_time(7)
    assert len(a.heard(Error)) == 3
    world.pass_time(2)
    assert [one.xid for one in a.heard(Error)] == [5, 6, 7, 8]


def test_a_tenant_that_asks_faster_than_it_is_answered_is_refused(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    for _ in range(MAX_WAITING):
        assert sum(isinstance(one, PortStatsRequest) for one in withheld(a, PortStatsRequest())) == 1
    assert a.refused(PortStatsRequest(xid=9)) == as_told(codes.MULTIPART_BUFFER_OVERFLOW, version)
    assert a.heard(Error)[-1].xid == 9
    b.ask(PortStatsRequest(), PortStatsReply)
    world.pass_time(9)
    a.inbox.clear()
    a.ask(PortStatsRequest(xid=10), PortStatsReply)


def test_what_is_answered_after_the_controller_has_left_goes_nowhere(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    (asked,) = withheld(a, PortStatsRequest(xid=5))
    effects = world.hypervisor.controller_left(a.channel, world.now)
    assert list(effects.frames) == [the_datapath(world)]
    reply = the_datapath(world).codec.encode(PortStatsReply(xid=asked.xid, ports=(PortStats(1),)))
    assert reply[1] == (MULTIPART_REPLY if kind.version == 4 else 17)
    assert world.hypervisor.from_datapath(the_datapath(world), [reply], world.now).frames == {}
    assert the_datapath(world).stale_replies == 0


def test_a_piece_that_went_by_itself_is_counted_once(version: int) -> None:
    world = ON_10.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(priority=5, instructions=output(FLOOD)))
    one, other = pieces_of(world)
    gone = FlowRemoved(
        cookie=one.cookie, priority=5, reason=0, packet_count=4, byte_count=40, match=one.match
    )
    say(world, gone)
    (asked,) = withheld(a, FlowStatsRequest())
    say(world, FlowStatsReply(xid=asked.xid, flows=(evolve(other, packet_count=2, byte_count=20),)))
    ((found,),) = [reply.flows for reply in a.heard(FlowStatsReply)]
    assert (found.packet_count, found.byte_count) == (6, 60)


@pytest.mark.parametrize(("size", "asked"), [(64, 64), (65, 1)])
def test_a_slice_of_many_tables_asks_for_all_at_once_and_is_told_its_own(size: int, asked: int) -> None:
    world = ON_TABLES.world(evolve(A, tables=size), B)
    a, b = world.controller("a"), world.controller("b")
    a.send(FlowMod(cookie=1, table_id=size - 1, instructions=output(2)))
    b.send(FlowMod(cookie=2, instructions=output(3)))
    before = len(world.to_datapaths)
    told = a.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert [(flow.table_id, flow.cookie) for flow in told] == [(size - 1, 1)]
    assert len(world.to_datapaths) == before + asked
