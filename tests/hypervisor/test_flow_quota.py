"""The quota of flow entries: an addition is refused when the slice holds as many as it may, and only then."""

from __future__ import annotations

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.hypervisor.effects import VirtualSwitchName
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, Output, SetTransportDestination
from flowvisor.openflow.frame import MULTIPART_REQUEST
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    CHECK_OVERLAP,
    DELETE,
    DELETE_STRICT,
    MODIFY,
    MODIFY_STRICT,
    BarrierReply,
    BarrierRequest,
    Error,
    FlowMod,
    PacketIn,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.versions import codec
from flowvisor.policies.quota import Quota
from tests.support.examples import examples
from tests.support.kinds import KINDS, ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.share_world import BLUE, ShareWorld
from tests.support.slices import MISS, B, ethernet, output, udp
from tests.support.world import Controller, World, a_slice, ports

LIMIT = 3
PAIRS = [(kind, version) for kind in KINDS for version in (1, 4)]
pairs = pytest.mark.parametrize(("kind", "version"), PAIRS, ids=str)


def limited(*kinds: Kind, limit: int | None = None, in_all: int | None = None) -> World:
    """A slice with a quota at some datapaths."""
    quota = Quota("q", flow_entries_per_datapath=limit, flow_entries=in_all)
    one = a_slice("a", ports(1, 2), tables=1, policies=["q"])
    datapaths = [kind.datapath(dpid=dpid) for dpid, kind in enumerate(kinds, 1)]
    return World([one, B], datapaths, policies=[quota])


def entry(number: int, *, command: int = ADD, **more: int) -> FlowMod:
    match = Match.of(in_port=1, eth_dst=number)
    instructions = () if command in (DELETE, DELETE_STRICT) else output(2)
    return FlowMod(cookie=number, priority=5, match=match, command=command, instructions=instructions, **more)


def held(controller: Controller) -> int:
    return len(controller.ask(FlowStatsRequest(), FlowStatsReply).flows)


def errors(controller: Controller, *messages: FlowMod) -> list[tuple[int, int]]:
    return [one.error for one in controller.send(*messages) if isinstance(one, Error)]


def questions(world: World) -> int:
    return sum(frame[1] in (16, MULTIPART_REQUEST) for _, frame in world.to_datapaths)


def test_an_addition_that_had_to_wait_is_refused_if_the_datapath_cannot_be_told_it() -> None:
    actions = (SetTransportDestination(80), Output(2))  # of which protocol is not said
    addition = FlowMod(xid=5, instructions=(ApplyActions(actions),))
    at_once = limited(ON_FEW_TABLES).controller("a", 1, 1).refused(addition)
    a = limited(ON_FEW_TABLES, ON_TABLES, in_all=LIMIT).controller("a", 1, 1)
    refused, answered = a.send(addition, BarrierRequest(xid=6))
    assert isinstance(refused, Error)
    assert (refused.xid, refused.error) == (5, at_once)
    assert answered == BarrierReply(xid=6)
    assert errors(a, *(entry(number) for number in range(LIMIT + 1))) == [codes.TABLE_FULL]


@st.composite
def requests(draw: st.DrawFn, version: int) -> FlowMod:
    command = draw(st.sampled_from((*[ADD] * 6, MODIFY, MODIFY_STRICT, DELETE, DELETE_STRICT)))
    if command == DELETE and draw(st.booleans()):
        return FlowMod(command=DELETE)
    adds = command == ADD or (version == 1 and command in (MODIFY, MODIFY_STRICT))
    idle, hard = draw(st.sampled_from(((0, 0), (0, 0), (2, 0), (0, 2)))) if adds else (0, 0)
    flags = draw(st.sampled_from((0, CHECK_OVERLAP))) if command == ADD else 0
    return entry(draw(st.integers(1, 5)), command=command, idle_timeout=idle, hard_timeout=hard, flags=flags)


@pairs
@examples(25)
@given(data=st.data())
def test_a_slice_has_as_much_room_as_a_datapath_of_its_own_of_that_size(
    kind: Kind, version: int, data: st.DataObject
) -> None:
    world = limited(kind, limit=LIMIT)
    a = world.controller("a", 1, version)
    own = EmulatedDatapath(1, version, (1, 2), n_tables=1, max_entries=LIMIT, now=world.now)
    for _ in range(data.draw(st.integers(1, 20))):
        if data.draw(st.integers(0, 4)) == 0:
            world.pass_time(seconds := data.draw(st.integers(1, 2)))
            own.tick(world.now)
            note(f"{seconds} seconds pass")
            continue
        several = data.draw(st.lists(requests(version), min_size=1, max_size=3))
        note(several)
        expected = [
            one.message.error
            for request in several
            for one in own.from_controller(request, world.now)
            if isinstance(one, Tell) and isinstance(one.message, Error)
        ]
        assert errors(a, *several) == expected
    assert held(a) == len(own.pipeline.tables[0])


@examples(25)
@given(data=st.data(), kinds=st.lists(st.sampled_from(KINDS), min_size=2, max_size=3))
def test_a_limit_over_all_datapaths_is_that_of_their_sum(data: st.DataObject, kinds: list[Kind]) -> None:
    world = limited(*kinds, limit=LIMIT, in_all=LIMIT + 2)
    versions = {dpid: data.draw(st.sampled_from((1, 4))) for dpid in range(1, len(kinds) + 1)}
    controllers = {dpid: world.controller("a", dpid, version) for dpid, version in versions.items()}
    alive: dict[tuple[int, int], float] = {}  # when it ends, by dpid and number
    for _ in range(data.draw(st.integers(1, 25))):
        dpid, number = data.draw(st.sampled_from(list(versions))), data.draw(st.integers(1, 5))
        step = data.draw(st.sampled_from(("add", "add", "add", "add", "delete", "time")))
        if step == "time":
            world.pass_time(2)
            alive = {key: end for key, end in alive.items() if end > world.now}
        elif step == "delete":
            assert errors(controllers[dpid], entry(number, command=DELETE_STRICT)) == []
            alive.pop((dpid, number), None)
        else:
            seconds = data.draw(st.sampled_from((0, 2)))
            here = sum(one == dpid for one, _ in alive)
            is_full = (dpid, number) not in alive and (here >= LIMIT or len(alive) >= LIMIT + 2)
            told = errors(controllers[dpid], entry(number, hard_timeout=seconds))
            assert told == ([codes.TABLE_FULL] if is_full else [])
            if not is_full:
                alive[dpid, number] = world.now + seconds if seconds else float("inf")
    assert sum(map(held, controllers.values())) == len(alive)


@pairs
def test_a_refusal_carries_the_tenants_own_words(kind: Kind, version: int) -> None:
    world = limited(kind, limit=1)
    a = world.controller("a", 1, version)
    assert errors(a, entry(1)) == []
    refused = codec(version).encode(entry(2, xid=77))
    assert a.refused(refused) == codes.TABLE_FULL
    assert a.heard(Error)[-1].xid == 77
    assert a.channel.counters.refused[14, "quota"] == 1


@pairs
def test_deletions_of_what_is_not_there_give_nothing_back(kind: Kind, version: int) -> None:
    world = limited(kind, limit=2)
    a = world.controller("a", 1, version)
    a.send(entry(1), entry(2), *(entry(9, command=DELETE_STRICT) for _ in range(3)))
    assert errors(a, entry(3)) == [codes.TABLE_FULL]
    a.send(entry(1, command=DELETE_STRICT))
    assert errors(a, entry(3), entry(4)) == [codes.TABLE_FULL]


@pairs
def test_a_timeout_gives_back_though_nobody_asked_to_be_told_of_it(kind: Kind, version: int) -> None:
    world = limited(kind, limit=1)
    a = world.controller("a", 1, version)
    a.send(entry(1, idle_timeout=2))
    assert errors(a, entry(2)) == [codes.TABLE_FULL]
    world.pass_time(3)
    assert errors(a, entry(2)) == []


@pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
def test_an_entry_that_the_datapath_refuses_in_one_of_its_pieces_takes_no_room(kind: Kind) -> None:
    quota = Quota("q", flow_entries_per_datapath=2)
    slices = [a_slice("a", ports(1, 2), policies=["q"]), B]
    own = len(World(slices, [kind.datapath()], policies=[quota]).emulated[1].pipeline.tables[0])
    world = World(slices, [kind.datapath(max_entries=own + 3)], policies=[quota])
    a = world.controller("a", 1, kind.version)
    in_two_pieces = FlowMod(priority=1, instructions=output(2))
    assert errors(a, entry(1), entry(2, command=DELETE_STRICT)) == []
    world.emulated[1].pipeline.tables[0].max_entries = own + 2
    assert errors(a, in_two_pieces) == [codes.TABLE_FULL]
    assert a.channel.counters.refused == {(14, "datapath"): 1}
    assert errors(a, entry(2), entry(3)) == [codes.TABLE_FULL]
    assert held(a) == 2


@pytest.mark.parametrize("version", [1, 4])
def test_nobody_is_asked_while_there_is_room(version: int) -> None:
    world = limited(ON_TABLES, limit=100)
    a = world.controller("a", 1, version)
    a.send(entry(1))
    before = questions(world)
    assert errors(a, *(entry(number) for number in range(99))) == []
    assert questions(world) == before
    assert errors(a, entry(99)) == []
    assert questions(world) == before + 1


def test_without_a_quota_nobody_is_ever_asked() -> None:
    for kind in KINDS:
        world = limited(kind)
        before = questions(world)
        assert errors(world.controller("a", 1, kind.version), *(entry(n) for n in range(50))) == []
        assert questions(world) == before


def test_what_was_sent_while_others_were_counted_is_decided_by_the_same_answer() -> None:
    world = limited(ON_TABLES, limit=4)
    one, other = (world.controller("a") for _ in range(2))
    hypervisor = world.hypervisor
    frames = [codec(4).encode(entry(number)) for number in range(2)]
    first = hypervisor.from_controller(one.channel, frames, world.now)
    second = hypervisor.from_controller(other.channel, frames, world.now)
    assert second.frames == {}
    before = questions(world)
    world.perform(first)
    assert questions(world) == before + 1
    assert held(one) == 2


def test_the_hypervisors_own_entry_in_a_slices_table_is_not_the_slices() -> None:
    world = limited(ON_TABLES, limit=1)
    a = world.controller("a", 1, 1)  # for which there is a table-miss entry
    assert errors(a, entry(1), entry(2)) == [codes.TABLE_FULL]
    world.packet(1, 2, udp())
    a.send(entry(1, command=DELETE_STRICT))
    assert errors(a, FlowMod(priority=0, instructions=output(2)), entry(2)) == [codes.TABLE_FULL]


def test_a_barrier_comes_after_what_waited_before_it() -> None:
    world = limited(ON_TABLES, limit=1)
    a = world.controller("a")
    answers = a.send(entry(1), entry(2, xid=5), BarrierRequest(xid=6))
    assert [(type(one), one.xid) for one in answers] == [(Error, 5), (BarrierReply, 6)]


def test_a_datapath_that_leaves_is_waited_for_no_longer() -> None:
    world = limited(ON_TABLES, ON_TABLES, limit=1, in_all=1)
    a = world.controller("a", 1)
    other = next(peer for peer in world.peers if peer.dpid == 2)
    emulated = world.peers.pop(other)
    assert a.send(entry(1)) == []
    assert a.channel.awaits_answer
    world.peers[other] = emulated
    world.leave(2)
    assert held(a) == 1
    assert errors(a, entry(2)) == [codes.TABLE_FULL]


def test_a_controller_that_has_gone_is_not_waited_for() -> None:
    world = limited(ON_TABLES, limit=1)
    a = world.controller("a")
    effects = world.hypervisor.from_controller(a.channel, [codec(4).encode(entry(1))], world.now)
    a.leave()
    world.perform(effects)
    again = world.controller("a")
    assert held(again) == 0
    assert errors(again, entry(1), entry(2)) == [codes.TABLE_FULL]


def test_a_datapath_that_does_not_say_what_it_has_gives_no_room() -> None:
    world = limited(ON_TABLES, limit=1)
    a = world.controller("a")
    datapath, emulated = next(iter(world.peers.items()))
    world.peers.clear()
    assert a.send(entry(1)) == []
    for _ in range(3):
        world.now += 10
        world.perform(world.hypervisor.tick(world.now))
    assert len(a.heard(Error)) == 1
    world.peers[datapath] = emulated
    assert errors(a, entry(2)) == []


def test_our_entry_is_left_out_of_the_count_once_it_has_been_sent_and_not_before() -> None:
    world = limited(ON_TABLES, limit=2)
    new = world.controller("a")
    assert errors(new, entry(1), entry(2)) == []
    _old, effects = world.hypervisor.controller_joined(VirtualSwitchName("a", 1), "tcp:old", 1, world.now)
    assert errors(new, entry(3)) == [codes.TABLE_FULL]
    world.perform(effects)  # what is in the place of the table-miss entry is asked, and then it is sent
    assert errors(new, entry(3)) == [codes.TABLE_FULL]
    new.send(entry(1, command=DELETE_STRICT))
    assert errors(new, entry(3), entry(4)) == [codes.TABLE_FULL]


@pairs
def test_an_entry_that_waits_is_judged_by_the_link_that_is_found_meanwhile(kind: Kind, version: int) -> None:
    quota = Quota("q", flow_entries=3)
    slices = [
        a_slice("a", ports(1, 2, at=[1]), ports(1, at=[2]), policies=["q"]),
        a_slice("b", ports(2, at=[2])),
    ]
    datapaths = [kind.datapath(), ON_TABLES.datapath(dpid=2)]
    world = World(slices, datapaths, policies=[quota], cables=[((1, 2), (2, 2))])
    a, b = world.controller("a", 1, version), world.controller("b", 2)
    b.send(MISS)
    frame = codec(version).encode(entry(1, xid=9))
    effects = world.hypervisor.from_controller(a.channel, [frame], world.now)
    assert a.channel.awaits_answer
    world.look_for_links()
    world.perform(effects)
    assert [(one.xid, one.error) for one in a.heard(Error)] == [(9, codes.ACTION_EPERM)]
    assert held(a) == 0
    world.packet(1, 1, ethernet(dst=1))
    assert b.heard(PacketIn) == []
    assert errors(a, FlowMod(priority=5, match=Match.of(in_port=2), instructions=output(1))) == []


@pytest.mark.parametrize("in_all", [None, 5])
@examples(20)
@given(
    wanted=st.lists(
        st.tuples(st.sampled_from((("big", 1), ("big", 2), ("lab", 2))), st.integers(1, 4), st.booleans()),
        max_size=20,
    )
)
def test_virtual_switches_of_a_network_share_what_it_may_have_at_a_datapath(
    in_all: int | None, wanted: list[tuple[tuple[str, int], int, bool]]
) -> None:
    world = ShareWorld(BLUE, quota=Quota("q", flow_entries_per_datapath=LIMIT, flow_entries=in_all))
    tenants = {
        (name, dpid): world.controller(f"blue/{name}", dpid)
        for name, dpid in (("big", 1), ("big", 2), ("lab", 2))
    }
    there: set[tuple[str, int, int]] = set()
    for (name, dpid), number, adds in wanted:
        command = ADD if adds else DELETE_STRICT
        message = FlowMod(priority=5, match=Match.of(eth_dst=number), command=command)
        one = (name, dpid, number)
        here = sum(at == dpid for _, at, _ in there)
        is_full = here >= LIMIT or (in_all is not None and len(there) >= in_all)
        refused = [codes.TABLE_FULL] if adds and is_full and one not in there else []
        assert errors(tenants[name, dpid], message) == refused
        if not adds:
            there.discard(one)
        elif not refused:
            there.add(one)
