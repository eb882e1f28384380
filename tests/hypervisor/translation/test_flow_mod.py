"""Flow-mods as a tenant knows them, whatever enforces them, and how they lie in a block of tables."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor import verdicts
from flowvisor.hypervisor.translation import flow_mod
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import (
    ApplyActions,
    ClearActions,
    Enqueue,
    GotoTable,
    Group,
    Meter,
    OpaqueAction,
    OpaqueInstruction,
    Output,
    PopVlan,
    PushVlan,
    SetField,
    SetQueue,
    SetVlanVid,
    StripVlan,
    WriteActions,
    WriteMetadata,
)
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.messages import (
    ADD,
    ALL_TABLES,
    ANY_GROUP,
    CHECK_OVERLAP,
    DELETE,
    DELETE_STRICT,
    EMERGENCY,
    MODIFY,
    MODIFY_STRICT,
    SEND_FLOW_REM,
    BarrierReply,
    BarrierRequest,
    Error,
    FlowMod,
    FlowRemoved,
    PacketIn,
)
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import ALL, ANY, CONTROLLER, FLOOD, IN_PORT, LOCAL, TABLE
from flowvisor.openflow.versions import codec
from tests.support.kinds import ON_TABLES, Kind, as_told
from tests.support.slices import A, B, output, tag, udp
from tests.support.world import Controller, World, a_slice, flows_of, ports, rule

PORT_1 = Match.of(in_port=1)
TCP = Match.of(in_port=1, eth_type=0x0800, ip_proto=6)
PACKET = udp()


def shown(controller: Controller) -> list[tuple[int, Match, object]]:
    """What flow statistics show: priority, match, instructions."""
    reply = controller.ask(FlowStatsRequest(), FlowStatsReply)
    return sorted(
        ((flow.priority, flow.match, flow.instructions) for flow in reply.flows),
        key=lambda one: (one[0], str(one[1])),
    )


def flow(controller: Controller) -> FlowStats:
    """The only entry that flow statistics show."""
    (only,) = controller.ask(FlowStatsRequest(), FlowStatsReply).flows
    return only


# ------------------------------------------------------------------------------------------------ the same for all


def test_an_entry_forwards_and_is_shown_as_it_was_written(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    written = FlowMod(
        cookie=0xABCDEF, priority=7, match=PORT_1, idle_timeout=5, hard_timeout=9, instructions=output(2)
    )
    assert a.send(written) == []
    assert world.packet(1, 1, PACKET) == [(2, PACKET)]
    only = flow(a)
    assert (only.cookie, only.priority, only.match) == (0xABCDEF, 7, PORT_1)
    assert (only.idle_timeout, only.hard_timeout, only.instructions) == (5, 9, output(2))
    assert (only.packet_count, only.byte_count, only.table_id) == (1, len(PACKET), 0)


@pytest.mark.parametrize("port", [FLOOD, ALL, IN_PORT, CONTROLLER, 2])
def test_outputs_are_shown_as_they_were_written(kind: Kind, version: int, port: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=PORT_1, instructions=output(port)))
    assert flow(a).instructions == output(port)


@pytest.mark.parametrize(("port", "expected"), [(FLOOD, [2]), (ALL, [2]), (IN_PORT, [1]), (2, [2]), (1, [])])
def test_outputs_go_where_they_say_inside_the_slice(
    kind: Kind, version: int, port: int, expected: list[int]
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=PORT_1, instructions=output(port)))
    assert [number for number, _ in world.packet(1, 1, PACKET)] == expected


@pytest.mark.parametrize("port", [3, 9, LOCAL, TABLE, 0xFFFFFFFA])
def test_a_port_that_is_not_ones_own_is_no_output(kind: Kind, version: int, port: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    before = len(world.to_datapaths)
    assert a.refused(FlowMod(xid=3, match=PORT_1, instructions=output(2, port))) == codes.ACTION_BAD_OUT_PORT
    assert len(world.to_datapaths) == before
    assert shown(a) == []


def test_adding_the_same_match_and_priority_replaces(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(cookie=1, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(cookie=2, match=PORT_1, instructions=output(IN_PORT)))
    assert flow(a).cookie == 2
    assert world.packet(1, 1, PACKET) == [(1, PACKET)]


def test_an_entry_that_takes_anothers_place_counts_anew_in_1_0_and_goes_on_counting_in_1_3(
    kind: Kind, version: int
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for _ in range(2):
        a.send(FlowMod(match=PORT_1, instructions=output(2)))
        world.packet(1, 1, PACKET)
    expected = 2 if version == 4 and kind.version == 4 else 1  # a 1.0 datapath cannot but count anew
    assert flow(a).packet_count == expected


def test_modify_changes_what_is_within_the_match_and_keeps_the_rest(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(priority=4, match=TCP, instructions=output(2), idle_timeout=8))
    a.send(FlowMod(priority=5, match=Match.of(in_port=2), instructions=output(1)))
    assert a.send(FlowMod(command=MODIFY, priority=9, match=PORT_1, instructions=output(IN_PORT))) == []
    assert shown(a) == [(4, TCP, output(IN_PORT)), (5, Match.of(in_port=2), output(1))]
    assert [one.idle_timeout for one in a.ask(FlowStatsRequest(match=TCP), FlowStatsReply).flows] == [8]


def test_modify_strict_changes_just_that_entry(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for priority in (4, 5):
        a.send(FlowMod(priority=priority, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(command=MODIFY_STRICT, priority=5, match=PORT_1, instructions=output(IN_PORT)))
    assert shown(a) == [(4, PORT_1, output(2)), (5, PORT_1, output(IN_PORT))]
    assert world.packet(1, 1, PACKET) == [(1, PACKET)]


@pytest.mark.parametrize("command", [ADD, MODIFY, MODIFY_STRICT])
def test_an_entry_of_1_0s_in_our_place_has_counted_nothing_yet(kind: Kind, command: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 1)
    world.packet(1, 1, PACKET)  # which meets our table-miss entry, where there is one
    a.send(FlowMod(command=command, priority=0, instructions=output(IN_PORT)))
    assert flow(a).packet_count == 0
    world.packet(1, 1, PACKET)
    assert flow(a).packet_count == 1


@pytest.mark.parametrize("command", [MODIFY, MODIFY_STRICT])
def test_a_modify_of_nothing_adds_in_1_0_and_does_nothing_in_1_3(
    kind: Kind, version: int, command: int
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    assert a.send(FlowMod(command=command, priority=5, match=PORT_1, instructions=output(2))) == []
    assert shown(a) == ([(5, PORT_1, output(2))] if version == 1 else [])


def test_a_modify_of_what_may_not_be_is_refused_and_changes_nothing(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=PORT_1, instructions=output(2)))
    change = FlowMod(command=MODIFY, match=PORT_1, instructions=output(3))
    assert a.refused(change) == codes.ACTION_BAD_OUT_PORT
    assert flow(a).instructions == output(2)


def test_delete_takes_what_is_within_the_match(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for match in (TCP, PORT_1, Match.of(in_port=2)):
        a.send(FlowMod(priority=5, match=match, instructions=output(1)))
    a.send(FlowMod(command=DELETE, priority=77, match=PORT_1))
    assert [match for _, match, _ in shown(a)] == [Match.of(in_port=2)]


def test_delete_strict_wants_the_same_match_and_priority(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for match in (TCP, PORT_1):
        a.send(FlowMod(priority=5, match=match, instructions=output(2)))
    a.send(FlowMod(command=DELETE_STRICT, priority=6, match=PORT_1))
    assert len(shown(a)) == 2
    a.send(FlowMod(command=DELETE_STRICT, priority=5, match=PORT_1))
    assert [match for _, match, _ in shown(a)] == [TCP]


@pytest.mark.parametrize("command", [DELETE, DELETE_STRICT])
@pytest.mark.parametrize("port", [1, 2, FLOOD, ALL, CONTROLLER, 3])
def test_a_delete_with_an_output_port_takes_what_outputs_there(
    kind: Kind, version: int, command: int, port: int
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    outputs = (1, 2, FLOOD, ALL, CONTROLLER)
    for number, out in enumerate(outputs):
        a.send(FlowMod(priority=5, match=Match.of(in_port=1, eth_src=number), instructions=output(out)))
    for number in range(len(outputs)):
        match = Match.of(in_port=1, eth_src=number) if command == DELETE_STRICT else Match()
        a.send(FlowMod(command=command, priority=5, out_port=port, match=match))
    assert {one[2] for one in shown(a)} == {output(out) for out in outputs if out != port}


def test_a_delete_with_an_output_group_finds_nothing(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    a.send(FlowMod(match=PORT_1, instructions=output(FLOOD)))
    for group in (1, 0xF0000001, 0xF1000001):
        assert a.send(FlowMod(command=DELETE, out_group=group)) == []
    assert len(shown(a)) == 1


@pytest.mark.parametrize("command", [DELETE, DELETE_STRICT, MODIFY, MODIFY_STRICT])
def test_a_cookie_filter_counts_for_modify_and_delete(kind: Kind, command: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    a.send(FlowMod(cookie=0x11, priority=1, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(cookie=0x12, priority=2, match=PORT_1, instructions=output(2)))
    for priority in (1, 2):
        a.send(
            FlowMod(
                command=command,
                cookie=0x02,
                cookie_mask=0x0F,
                priority=priority,
                match=PORT_1,
                instructions=() if command in (DELETE, DELETE_STRICT) else output(IN_PORT),
            )
        )
    assert shown(a)[0] == (1, PORT_1, output(2))
    rest = [] if command in (DELETE, DELETE_STRICT) else [(2, PORT_1, output(IN_PORT))]
    assert shown(a)[1:] == rest


def test_an_overlap_is_an_error_only_for_who_asked(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    b.send(FlowMod(priority=5, match=Match.of(in_port=3), instructions=output(4)))
    a.send(FlowMod(priority=5, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(priority=5, match=Match.of(eth_src=1), instructions=output(2)))
    wanted = FlowMod(
        xid=8, priority=5, flags=CHECK_OVERLAP, match=Match.of(eth_dst=1), instructions=output(2)
    )
    assert a.refused(wanted) == codes.OVERLAP
    apart = FlowMod(
        priority=5, flags=CHECK_OVERLAP, match=Match.of(in_port=2, eth_src=9), instructions=output(1)
    )
    assert a.send(apart) == []
    other = FlowMod(priority=6, flags=CHECK_OVERLAP, match=Match.of(eth_dst=1), instructions=output(2))
    assert a.send(other) == []
    assert len(shown(a)) == 4


def test_all_tables_are_for_deletes_only(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    a.send(FlowMod(match=PORT_1, instructions=output(2)))
    for command in (ADD, MODIFY, MODIFY_STRICT):
        change = FlowMod(command=command, table_id=ALL_TABLES, match=PORT_1, instructions=output(2))
        assert a.refused(change) == codes.FLOW_MOD_BAD_TABLE_ID
    a.send(FlowMod(command=DELETE, table_id=ALL_TABLES))
    assert shown(a) == []


@pytest.mark.parametrize("command", range(5))
@pytest.mark.parametrize("table_id", [4, 100, 254])
def test_a_table_outside_the_block_is_not_there(kind: Kind, command: int, table_id: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    change = FlowMod(command=command, table_id=table_id, match=PORT_1)
    assert a.refused(change) == codes.FLOW_MOD_BAD_TABLE_ID


@pytest.mark.parametrize(
    ("instructions", "error"),
    [
        ((Meter(1),), codes.UNKNOWN_METER),
        ((OpaqueInstruction(0x2320, b"\0\0\x23\x20"),), codes.INST_BAD_EXPERIMENTER),
        ((GotoTable(0),), codes.INST_BAD_TABLE_ID),
        ((GotoTable(4),), codes.INST_BAD_TABLE_ID),
        ((ApplyActions((Group(1),)),), codes.ACTION_BAD_OUT_GROUP),
        ((WriteActions((Group(0xF0000001),)),), codes.ACTION_BAD_OUT_GROUP),
        ((ApplyActions((SetQueue(1), Output(2))),), codes.ACTION_BAD_QUEUE),
        ((ApplyActions((OpaqueAction(0x2320, b"\0\0\x23\x20"),)),), codes.ACTION_BAD_EXPERIMENTER),
        ((WriteActions((Output(3),)),), codes.ACTION_BAD_OUT_PORT),
    ],
)
def test_what_a_slice_does_not_have_is_refused_by_name(
    kind: Kind, instructions: tuple[object, ...], error: tuple[int, int]
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    assert a.refused(FlowMod(xid=5, match=PORT_1, instructions=instructions)) == error  # type: ignore[arg-type]


def test_queues_of_1_0_are_refused(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 1)
    change = FlowMod(match=PORT_1, instructions=(ApplyActions((Enqueue(2, 1),)),))
    assert a.refused(change) == as_told(codes.ACTION_BAD_QUEUE, 1)


def test_experimenter_matches_are_refused(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 4)
    match = Match({}, (OpaqueField(0xFFFF0004, b"\0\0\x23\x20"),))
    for command in (ADD, DELETE):
        assert a.refused(FlowMod(command=command, match=match)) == codes.MATCH_BAD_FIELD
    assert a.refused(FlowStatsRequest(match=match)) == codes.MATCH_BAD_FIELD


def test_an_emergency_entry_of_1_0_is_refused(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 1)
    for command in (ADD, MODIFY):
        change = FlowMod(command=command, flags=EMERGENCY, match=PORT_1, instructions=output(2))
        assert a.refused(change) == as_told(codes.FLOW_MOD_BAD_FLAGS, 1)
    assert shown(a) == []
    assert a.ask(BarrierRequest(xid=4), BarrierReply)


def test_a_frame_that_makes_no_sense_is_refused_by_the_codec(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    frame = codec(version).encode(FlowMod(xid=9, match=PORT_1, instructions=output(2)))
    command = 57 if version == 1 else 25
    assert a.refused(frame[:command] + b"\x09" + frame[command + 1 :]) == as_told(
        codes.FLOW_MOD_BAD_COMMAND, version
    )
    short = bytes([version, 14, 0, 16]) + bytes(12)
    assert a.refused(short) == codes.BAD_LEN


def test_a_datapaths_refusal_is_told_in_the_tenants_terms(kind: Kind, version: int) -> None:
    # What only the datapath knows: here, that its table is full.
    datapath = kind.datapath(max_entries=2)
    world = World([A], [datapath])
    a = world.controller("a", 1, version)
    errors = []
    for number in range(4):
        change = FlowMod(xid=0x100 + number, priority=number + 1, match=PORT_1, instructions=output(2))
        errors += [one for one in a.send(change) if isinstance(one, Error)]
    assert errors
    for error in errors:
        assert error.error == codes.TABLE_FULL
        assert 0x100 <= error.xid < 0x104
        assert int.from_bytes(error.data[4:8], "big") == error.xid
        assert error.data[:2] == bytes([version, 14])
    assert len(shown(a)) == 4 - len(errors)


@pytest.mark.parametrize("xid", [0, 7, 0xFFFFFFFF])
def test_errors_find_back_also_when_xids_repeat(kind: Kind, version: int, xid: int) -> None:
    world = World([A], [kind.datapath(max_entries=2)])
    a = world.controller("a", 1, version)
    changes = [
        FlowMod(xid=xid, cookie=number, priority=number + 1, match=PORT_1, instructions=output(2))
        for number in range(5)
    ]
    answers = a.send(*changes, BarrierRequest(xid=xid))
    assert isinstance(answers[-1], BarrierReply)
    frames = [codec(version).encode(change)[:64] for change in changes]
    told = [one.data for one in answers[:-1] if isinstance(one, Error)]
    assert told == frames[5 - len(told) :]
    assert {one.xid for one in answers} == {xid}
    assert len(shown(a)) == 5 - len(told)


def test_the_match_decides_whether_a_rewrite_stays_in_the_slice(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice(
            "a",
            rule(Match.of(in_port=1)),
            rule(Match.of(in_port=2, eth_type=0x0800, ipv4_dst=(0x0A000000, 0xFF000000))),
        ),
        a_slice("b", rule(Match.of(in_port=2), priority=50)),
    )
    a = world.controller("a", 1, version)
    assert a.refused(FlowMod(match=PORT_1, instructions=output(2))) == codes.ACTION_EPERM
    inside = Match.of(in_port=1, eth_type=0x0800, ipv4_dst=(0x0A010000, 0xFFFF0000))
    assert a.send(FlowMod(match=inside, instructions=output(2))) == []
    outside = Match.of(in_port=1, eth_type=0x0800, ipv4_dst=(0x0B010000, 0xFFFF0000))
    assert a.refused(FlowMod(match=outside, instructions=output(2))) == codes.ACTION_EPERM
    rewrite = ApplyActions((SetField("ipv4_dst", 0x0A000001), Output(2)))
    assert a.send(FlowMod(match=outside, instructions=(rewrite,))) == []
    assert world.packet(1, 1, udp(dst=0x0B010001))[0][0] == 2


def test_popping_the_slices_vlan_towards_its_access_port_works(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice("a", rule(Match.of(vlan_vid=tag(100))), ports(2)),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=90), ports(3)),
    )
    a = world.controller("a", 1, version)

    pop = PopVlan() if version == 4 else StripVlan()
    tagged = Match.of(in_port=1, vlan_vid=tag(100))
    assert a.send(FlowMod(match=tagged, instructions=(ApplyActions((pop, Output(2))),))) == []
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp())]
    push = (
        (PushVlan(0x8100), SetField("vlan_vid", tag(100)), Output(1))
        if version == 4
        else (SetVlanVid(100), Output(1))
    )
    untagged = Match.of(in_port=2, vlan_vid=0)
    assert a.send(FlowMod(match=untagged, instructions=(ApplyActions(push),))) == []
    assert world.packet(1, 2, udp()) == [(1, udp(vlan=100))]


# ------------------------------------------------------------------------------------------ in a block of tables


def test_tables_are_numbered_from_the_slices_own_first() -> None:
    world = ON_TABLES.world(A, B)
    b = world.controller("b")
    b.send(
        FlowMod(match=Match.of(in_port=3), instructions=(WriteMetadata(5, 0xFF), GotoTable(2))),
        FlowMod(
            table_id=2,
            match=Match.of(metadata=(5, 0xFF)),
            instructions=(ClearActions(), WriteActions((Output(4),)), GotoTable(3)),
        ),
        FlowMod(table_id=3, priority=0, instructions=output(CONTROLLER)),
    )
    assert world.packet(1, 3, PACKET) == [(4, PACKET)]
    (told,) = b.heard(PacketIn)
    assert told.table_id == 3
    assert told.match.fields["metadata"][0] == 5
    assert {one.table_id for one in b.ask(FlowStatsRequest(), FlowStatsReply).flows} == {0, 2, 3}
    assert [one.table_id for one in b.ask(FlowStatsRequest(table_id=2), FlowStatsReply).flows] == [2]
    assert len(flows_of(world, 1, 7)) == 1
    b.send(FlowMod(command=DELETE, table_id=2))
    assert {one.table_id for one in b.ask(FlowStatsRequest(), FlowStatsReply).flows} == {0, 3}


def test_a_deletion_of_all_tables_that_fails_is_told_once() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    frame = a.channel.codec.encode(FlowMod(xid=4, command=DELETE, table_id=ALL_TABLES))
    effects = world.hypervisor.from_controller(a.channel, [frame], world.now)
    (peer,) = world.peers
    errors = [
        peer.codec.encode(Error(xid=int.from_bytes(sent[4:8], "big"), error=codes.REQUEST_EPERM, data=sent))
        for sent in effects.frames[peer]
    ]
    assert len(errors) == 4
    world.perform(world.hypervisor.from_datapath(peer, errors, world.now))
    assert [(one.xid, one.error) for one in a.heard(Error)] == [(4, codes.REQUEST_EPERM)]


def test_the_verdict_on_instructions_is_remembered_until_the_ports_change() -> None:
    world = ON_TABLES.world(a_slice("a", ports(1, 2, 7)), B)
    a = world.controller("a")
    assert a.refused(FlowMod(match=PORT_1, instructions=output(7))) == codes.ACTION_BAD_OUT_PORT
    assert a.refused(FlowMod(match=PORT_1, instructions=output(7))) == codes.ACTION_BAD_OUT_PORT
    world.change(1, world.emulated[1].add_port(7, world.now))
    assert a.send(FlowMod(match=PORT_1, instructions=output(7))) == []
    world.change(1, world.emulated[1].remove_port(7))
    assert a.refused(FlowMod(match=PORT_1, instructions=output(7))) == codes.ACTION_BAD_OUT_PORT


def test_no_more_verdicts_are_remembered_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "MAX_VERDICTS", 8)
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    for address in range(40):
        a.send(FlowMod(match=PORT_1, instructions=(ApplyActions((SetField("eth_dst", address), Output(2))),)))
    assert len(a.switch.verdicts) <= 8


def test_the_channel_waits_while_the_datapath_says_whether_there_is_something_to_modify() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, 1)
    encode = a.channel.codec.encode
    frames = [
        encode(FlowMod(command=MODIFY, xid=1, match=PORT_1, instructions=output(2))),
        encode(FlowMod(command=MODIFY, xid=2, match=PORT_1, instructions=output(IN_PORT))),
        encode(BarrierRequest(xid=3)),
    ]
    effects = world.hypervisor.from_controller(a.channel, frames, world.now)
    (peer,) = world.peers
    assert len(effects.frames[peer]) == 1
    assert len(a.channel.backlog) == 2
    world.perform(effects)
    assert not a.channel.awaits_answer
    assert not a.channel.backlog
    assert [type(one) for one in a.inbox] == [BarrierReply]
    assert flow(a).instructions == output(IN_PORT)


def test_a_datapath_that_does_not_say_whether_there_is_something_to_modify_holds_nobody_for_ever() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, 1)
    encode = a.channel.codec.encode
    frames = [
        encode(FlowMod(command=MODIFY, xid=1, match=PORT_1, instructions=output(2))),
        encode(FlowStatsRequest(xid=2)),
    ]
    world.hypervisor.from_controller(a.channel, frames, world.now)  # and nothing reaches the datapath
    world.now += 60
    world.perform(world.hypervisor.tick(world.now))
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 1), (FlowStatsReply, 2)]


def test_the_own_table_miss_entry_takes_the_place_of_the_hypervisors_and_gives_it_back() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, 1)
    a.send(FlowMod(priority=0, cookie=5, instructions=output(2)))
    assert world.packet(1, 1, PACKET) == [(2, PACKET)]
    assert a.heard(PacketIn) == []
    assert flow(a).cookie == 5
    a.send(FlowMod(command=DELETE))
    assert a.heard(FlowRemoved) == []
    world.packet(1, 1, PACKET)
    assert len(a.heard(PacketIn)) == 1
    assert shown(a) == []


def test_the_own_table_miss_entry_is_told_removed_if_that_was_asked() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, 1)
    a.send(FlowMod(priority=0, cookie=5, flags=SEND_FLOW_REM, hard_timeout=3, instructions=output(2)))
    world.pass_time(4)
    assert [one.cookie for one in a.heard(FlowRemoved)] == [5]
    world.packet(1, 1, PACKET)
    assert len(a.heard(PacketIn)) == 1


def test_modifying_everything_leaves_the_hypervisors_table_miss_entry_as_it_was() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, 1)
    a.send(FlowMod(priority=9, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(command=MODIFY, instructions=output(IN_PORT)))
    assert shown(a) == [(9, PORT_1, output(IN_PORT))]
    world.packet(1, 2, PACKET)
    assert len(a.heard(PacketIn)) == 1


def test_a_1_0_controller_that_comes_later_finds_the_tenants_own_table_miss_entry() -> None:
    world = ON_TABLES.world(A, B)
    new = world.controller("a", 1, 4)
    new.send(FlowMod(priority=0, cookie=5, instructions=output(2)))
    old = world.controller("a", 1, 1)
    assert world.packet(1, 1, PACKET) == [(2, PACKET)]
    assert (flow(new).cookie, flow(new).flags) == (5, 0)
    new.send(FlowMod(command=DELETE))
    assert old.heard(FlowRemoved) == new.heard(FlowRemoved) == []
    world.packet(1, 1, PACKET)
    assert len(old.heard(PacketIn)) == 1
    old.leave()
    new.send(FlowMod(priority=0, flags=SEND_FLOW_REM, instructions=output(2)))
    new.send(FlowMod(command=DELETE))
    assert len(new.heard(FlowRemoved)) == 1


def test_vlan_actions_of_1_0_need_to_know_of_the_tag_on_a_1_3_datapath() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, 1)
    change = FlowMod(match=PORT_1, instructions=(ApplyActions((SetVlanVid(7), Output(2))),))
    (answer,) = a.send(change)
    assert isinstance(answer, Error)
    known = FlowMod(match=Match.of(in_port=1, vlan_vid=0), instructions=change.instructions)
    assert a.send(known) == []
    assert world.packet(1, 1, udp()) == [(2, udp(vlan=7))]


def test_entries_of_a_1_3_tenant_pass_in_their_own_bytes() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    frame = a.channel.codec.encode(
        FlowMod(xid=77, cookie=1 << 63, priority=9, match=TCP, instructions=output(2))
    )
    before = len(world.to_datapaths)
    a.send(frame)
    (sent,) = [sent for _, sent in world.to_datapaths[before:]]
    assert sent[8:24] + sent[25:] == frame[8:24] + frame[25:]
    assert sent[24] == 1
    assert a.channel.counters.down[14] == 1
    assert a.channel.counters.down_bytes == len(frame)


def test_long_runs_of_flow_mods_are_fenced(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for number in range(300):
        a.send(FlowMod(priority=number, match=PORT_1, instructions=output(2)))
    assert len(a.channel.transactions.sent) < 150
    assert a.inbox == []
    assert a.channel.transactions.waiting == {}


@pytest.mark.parametrize("command", [MODIFY, MODIFY_STRICT])
def test_a_1_0_modify_changes_the_cookie_and_leaves_the_rest(kind: Kind, command: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 1)
    entry = FlowMod(
        cookie=1,
        priority=7,
        idle_timeout=30,
        hard_timeout=90,
        flags=SEND_FLOW_REM,
        match=PORT_1,
        instructions=output(2),
    )
    other = FlowMod(cookie=3, priority=8, match=Match.of(in_port=2), instructions=output(1))
    assert a.send(entry, other) == []
    world.packet(1, 1, udp())
    (before,) = (one for one in a.ask(FlowStatsRequest(), FlowStatsReply).flows if one.cookie == 1)
    changed = evolve(entry, command=command, cookie=2, idle_timeout=9, flags=0, instructions=output(IN_PORT))
    assert a.send(changed) == []
    after = {flow.cookie: flow for flow in a.ask(FlowStatsRequest(), FlowStatsReply).flows}
    assert after.keys() == {2, 3}
    assert after[2] == evolve(before, cookie=2, instructions=output(IN_PORT))
    assert after[2].packet_count == 1
    world.pass_time(31)
    assert [one.cookie for one in a.heard(FlowRemoved)] == [2]


def test_a_1_0_modify_of_the_same_cookie_is_one_message() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a", 1, 1)
    for priority in (1, 2):
        a.send(FlowMod(cookie=1, priority=priority, match=PORT_1, instructions=output(2)))
    before = len(world.to_datapaths)
    a.send(FlowMod(command=MODIFY, cookie=1, match=PORT_1, instructions=()))
    told = [codec(4).decode(frame) for _, frame in world.to_datapaths[before:]]
    assert [one.command for one in told if isinstance(one, FlowMod)] == [MODIFY]


def test_the_tenants_own_miss_entry_keeps_its_flags_when_1_0_modifies_it() -> None:
    world = ON_TABLES.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    new.send(FlowMod(priority=0, cookie=5, instructions=output(2)))
    old.send(FlowMod(command=MODIFY_STRICT, priority=0, cookie=6, instructions=output(1)))
    assert (flow(new).cookie, flow(new).flags, flow(new).instructions) == (6, 0, output(1))
    assert new.switch.has_own_miss
    assert not new.switch.own_miss_is_told


def test_out_filter_knows_the_groups_of_floods() -> None:
    switch = ON_TABLES.world(A).controller("a").switch
    assert flow_mod.out_filter(switch, 5, ANY_GROUP) == (5, ANY_GROUP)
    assert flow_mod.out_filter(switch, FLOOD, ANY_GROUP) == (ANY, 0xF0000001)
    assert flow_mod.out_filter(switch, ALL, ANY_GROUP) == (ANY, 0xF1000001)
    assert flow_mod.out_filter(switch, 5, 77) is None
