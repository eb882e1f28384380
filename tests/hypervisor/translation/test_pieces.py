"""Pieces: how an entry lies on a datapath that has no table for it."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.flow_table import Entry, FlowTable, packed
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.pieces import (
    cut,
    deletions,
    next_number,
    physical_priority,
    piece_frames,
    put,
    settle,
)
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import v10
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE_STRICT,
    NO_BYTE_COUNTS,
    RESET_COUNTS,
    SEND_FLOW_REM,
    BarrierReply,
    BarrierRequest,
    Error,
    FlowMod,
    Message,
)
from flowvisor.openflow.ports import LOCAL
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.kinds import ON_10, ON_FEW_TABLES, Kind
from tests.support.slices import A, B, output, tag
from tests.support.world import Controller, a_slice, ports, rule

INTERSECTED = pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)


def switch(kind: Kind, *slices: FlowspaceSlice) -> VirtualSwitch:
    return kind.world(*slices).hypervisor.datapaths[1].switches["a"]


def entry_of(number: int, mod: FlowMod, pieces: tuple[Match, ...] | None = None) -> Entry:
    return Entry("a", (mod.priority, str(mod.match)), number, 1, v10.encode(mod), mod.cookie, packed(pieces))


@INTERSECTED
def test_what_is_left_of_a_match(kind: Kind) -> None:
    mine = switch(kind, A, B)
    assert cut(mine, FlowMod(match=Match.of(in_port=1))) is None
    assert cut(mine, FlowMod()) == (Match.of(in_port=1), Match.of(in_port=2))
    nothing = cut(mine, FlowMod(match=Match.of(in_port=3)))
    assert isinstance(nothing, Refusal)
    assert nothing.reason == "foreign-flowspace"
    # A contradiction is nothing too.
    assert isinstance(
        cut(mine, FlowMod(match=Match.of(in_port=1, vlan_vid=(0, 0x1000), vlan_pcp=3))), Refusal
    )


@INTERSECTED
def test_other_ports_are_spelled_out_and_local_is_none_of_them(kind: Kind) -> None:
    mine = switch(kind, a_slice("a", rule(Match(), priority=1)), a_slice("b", ports(3)))
    assert cut(mine, FlowMod(match=Match.of(eth_src=1))) == tuple(
        Match.of(eth_src=1, in_port=port) for port in (4, 1, 2)
    )
    alone = switch(kind, a_slice("a", rule(Match())))
    assert cut(alone, FlowMod(match=Match.of(eth_src=1))) is None
    with_local = switch(kind, a_slice("a", rule(Match())), a_slice("b", ports(LOCAL)))
    left = cut(with_local, FlowMod())
    assert isinstance(left, tuple)
    assert sorted(match.fields["in_port"][0] for match in left) == [1, 2, 3, 4]


@INTERSECTED
@pytest.mark.parametrize(
    "theirs",
    [
        [Match.of(eth_type=0x0806)],
        [Match.of(eth_src=number * 0x10101 + 7) for number in range(200)],
        [Match.of(eth_src=number) for number in range(300)],
    ],
    ids=["a mask on what has none", "too many boxes", "many addresses"],
)
def test_what_takes_too_many_pieces_is_refused(kind: Kind, theirs: list[Match]) -> None:
    mine = switch(kind, a_slice("a", rule(Match(), priority=1)), a_slice("b", rule(*theirs)))
    left = cut(mine, FlowMod())
    if isinstance(left, Refusal):
        assert left.reason == "too-many-pieces"
    else:
        assert left is not None
        assert len(left) <= 256
    one_by_one = switch(kind, a_slice("a", rule(*(Match.of(eth_src=one) for one in range(300)))), B)
    refused = cut(one_by_one, FlowMod())
    assert isinstance(refused, Refusal)
    assert refused.reason == "too-many-pieces"


def test_priorities_move_up_where_the_lowest_is_the_hypervisors() -> None:
    few, old = (kind.world(A).hypervisor.datapaths[1] for kind in (ON_FEW_TABLES, ON_10))
    assert [physical_priority(few, one) for one in (0, 7, 0xFFF8, 0xFFFF)] == [1, 8, 0xFFF9, 0xFFFA]
    assert [physical_priority(old, one) for one in (0, 7, 0xFFF9, 0xFFFF)] == [0, 7, 0xFFF9, 0xFFFA]
    for kind, lowest in ((ON_FEW_TABLES, 0xFFF9), (ON_10, 0xFFFA)):
        for priority in range(lowest - 1, 0x10000):
            refused = cut(switch(kind, A), FlowMod(priority=priority, match=Match.of(in_port=1)))
            assert isinstance(refused, Refusal) == (lowest <= priority < 0xFFFF)


@INTERSECTED
def test_all_pieces_carry_the_number_and_tell_when_they_go(kind: Kind) -> None:
    datapath = kind.world(A).hypervisor.datapaths[1]
    flags = NO_BYTE_COUNTS | RESET_COUNTS
    mod = FlowMod(priority=5, cookie=9, hard_timeout=3, instructions=output(2))
    entry = entry_of(77, mod, (Match.of(in_port=1), Match.of(vlan_vid=tag(5))))
    wanted = FlowMod(priority=5, flags=flags, instructions=output(2), hard_timeout=3)
    frames = piece_frames(datapath, entry, wanted, 1)
    assert [one.match for one in frames] == list(entry.physical_matches())
    assert {one.cookie for one in frames} == {0xF10F_0151_0000_0000 | 77}
    kept = flags if kind.version == 4 else 0
    assert {(one.flags, one.hard_timeout) for one in frames} == {(SEND_FLOW_REM | kept, 3)}
    gone = deletions(datapath, entry)
    assert {(one.command, one.priority) for one in gone} == {(DELETE_STRICT, frames[0].priority)}
    assert [one.match for one in gone] == [one.match for one in frames]


def test_numbers_are_not_given_twice_while_in_use() -> None:
    datapath = ON_10.world(A).hypervisor.datapaths[1]
    table = FlowTable()
    for priority in range(5):
        entry = entry_of(next_number(datapath), FlowMod(priority=priority))
        assert put(datapath, table, entry) is None
    datapath.memory.entries_made = 0
    assert next_number(datapath) == 5


def test_what_was_replaced_is_kept_until_the_datapath_has_done_it() -> None:
    datapath = ON_10.world(A).hypervisor.datapaths[1]
    table = FlowTable()
    first, second = (entry_of(next_number(datapath), FlowMod()) for _ in range(2))
    put(datapath, table, first)
    assert put(datapath, table, second) is first
    assert second.replaced is first
    assert set(datapath.entries) == {second.number}
    settle([b"another token", first, second])
    assert second.replaced is None


# ---------------------------------------------------------------------------- what the datapath took only in part


def refuse_the_last(controller: Controller, *messages: Message) -> list[Message]:
    """Send; the datapath takes all but the last flow-mod, and answers barriers. Return what it is told then."""
    world, datapath = controller.world, the_datapath(controller.world)
    told = withheld(controller, *messages)
    mods = [one for one in told if isinstance(one, FlowMod)]
    answers: list[Message] = [Error(xid=mods[-1].xid, error=codes.TABLE_FULL, data=b"")]
    answers += [BarrierReply(xid=one.xid) for one in told if isinstance(one, BarrierRequest)]
    frames = [datapath.codec.encode(one) for one in answers]
    effects = world.hypervisor.from_datapath(datapath, frames, world.now)
    repairs = [datapath.codec.decode(frame) for frame in effects.frames.pop(datapath, [])]
    world.perform(effects)
    return repairs


@INTERSECTED
def test_a_barrier_is_not_answered_before_what_was_taken_in_part_has_been_taken_back(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    repairs = refuse_the_last(
        a, FlowMod(xid=1, instructions=()), BarrierRequest(xid=2), BarrierRequest(xid=3)
    )
    *deleted, fence = repairs
    assert [type(one) for one in deleted] == [FlowMod, FlowMod]
    assert isinstance(fence, BarrierRequest)
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 1)]
    say(world, BarrierReply(xid=fence.xid))
    assert [(type(one), one.xid) for one in a.inbox[1:]] == [(BarrierReply, 2), (BarrierReply, 3)]
    assert (a.channel.repairs, a.channel.postponed) == (0, [])


@INTERSECTED
def test_a_fence_that_is_not_answered_holds_nobody_for_ever(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    refuse_the_last(a, FlowMod(xid=1, instructions=()), BarrierRequest(xid=2))
    world.pass_time(9)
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 1), (BarrierReply, 2)]


@INTERSECTED
def test_who_has_left_is_told_nothing_of_it(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    *_, fence = refuse_the_last(a, FlowMod(xid=1, instructions=()), BarrierRequest(xid=2))
    a.leave()
    say(world, BarrierReply(xid=fence.xid))
    assert [type(one) for one in a.inbox] == [Error]
