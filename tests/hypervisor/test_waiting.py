"""What controllers send waits for tokens, for answers and for its turn: in order, bounded, and never for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor import waiting
from flowvisor.hypervisor.effects import Effects, HangUp, PauseReading, ResumeReading
from flowvisor.hypervisor.flight import MAX_WINDOW, MESSAGE_WEIGHT
from flowvisor.hypervisor.limits import DELAYED, MAX_DELAY_SECONDS, REFUSED
from flowvisor.hypervisor.peers import Datapath, TenantChannel
from flowvisor.hypervisor.requests import STALLED
from flowvisor.hypervisor.turns import QUANTUM
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import BarrierReply, BarrierRequest, Error, FlowMod, Message, PacketOut
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.versions import codec
from flowvisor.policies.rate_limit import RateLimit
from tests.support.examples import examples
from tests.support.kinds import ON_TABLES, Kind
from tests.support.slices import output
from tests.support.world import Controller, World, a_slice, flows_of, ports


def world_of(kind: Kind, **rates: float) -> World:
    slices = (a_slice("a", ports(1, 2), policies=["steady"]), a_slice("b", ports(3, 4)))
    return kind.world(*slices, policies=[RateLimit(name="steady", **rates)])


def flow_mods(count: int, port: int = 1, first: int = 0) -> list[FlowMod]:
    return [
        FlowMod(xid=xid, match=Match.of(in_port=port), priority=xid, instructions=output(port))
        for xid in range(first, first + count)
    ]


def sent_to(datapath: Datapath, effects: Effects) -> list[Message]:
    return [datapath.codec.decode(frame) for frame in effects.frames.get(datapath, [])]


def from_controller(tenant: Controller, *messages: Message) -> Effects:
    """What the hypervisor wants done, which is not done."""
    frames = [codec(tenant.version).encode(message) for message in messages]
    return tenant.world.hypervisor.from_controller(tenant.channel, frames, tenant.world.now)


def limits_of(tenant: Controller) -> dict[tuple[str, str], int]:
    limits = tenant.channel.tenant.limits
    assert limits is not None
    return dict(limits.counts)


# Rate limits.


def test_requests_above_the_rate_are_delayed_and_keep_their_order(kind: Kind, version: int) -> None:
    world = world_of(kind, flow_mod=10)
    tenant = world.controller("a", 1, version)
    tenant.send(*flow_mods(14), BarrierRequest(xid=99))
    assert world.hypervisor.datapaths[1].down_counts[14] - kind_setup(world) == 10
    assert tenant.inbox == []
    for _ in range(3):
        world.pass_time(0.1)
        assert tenant.inbox == []
    world.pass_time(0.11)
    assert [(type(one), one.xid) for one in tenant.inbox] == [(BarrierReply, 99)]
    assert limits_of(tenant) == {("flow_mod", DELAYED): 4}
    assert not tenant.channel.backlog


def kind_setup(world: World) -> int:
    """FLOW_MODs that the hypervisor sent for itself."""
    return world.hypervisor.datapaths[1].down_counts[14] - sum(
        counters.down[14]
        for tenant in world.hypervisor.tenants.values()
        for counters in tenant.counters.values()
    )


def test_what_would_wait_too_long_is_refused_in_order_with_its_own_bytes(kind: Kind, version: int) -> None:
    world = world_of(kind, flow_mod=10)
    tenant = world.controller("a", 1, version)
    mods = flow_mods(30)
    tenant.send(*mods, BarrierRequest(xid=99))
    for _ in range(30):
        world.pass_time(0.1)
    *refused, barrier = tenant.inbox
    assert isinstance(barrier, BarrierReply)
    assert 9 <= len(refused) <= 10
    frames = {mod.xid: codec(version).encode(mod) for mod in mods}
    for error in refused:
        assert isinstance(error, Error)
        assert error.error == codes.REQUEST_EPERM
        assert error.data == frames[error.xid][:64]
    assert [error.xid for error in refused] == list(range(30 - len(refused), 30))
    assert limits_of(tenant)["flow_mod", REFUSED] == len(refused)


def test_a_refusal_does_not_overtake_a_barrier(kind: Kind, version: int) -> None:
    world = world_of(kind, flow_mod=1)
    tenant = world.controller("a", 1, version)
    effects = from_controller(tenant, *flow_mods(2), BarrierRequest(xid=50), *flow_mods(1, first=51))
    assert tenant.channel not in effects.frames
    world.perform(effects)
    world.now += MAX_DELAY_SECONDS / 2
    world.pass_time(MAX_DELAY_SECONDS)
    assert [one.xid for one in tenant.inbox][-2:] == [50, 51]


def test_all_channels_of_a_slice_share_its_rate_and_none_of_them_starves(kind: Kind) -> None:
    world = world_of(kind, messages=10)
    first, second = (world.controller("a", 1, kind.version) for _ in range(2))
    first.send(*[BarrierRequest(xid=xid) for xid in range(15)])
    second.send(*[BarrierRequest(xid=xid) for xid in range(5)])
    for _ in range(9):
        world.pass_time(0.1)
    answered = [len(one.heard(BarrierReply)) for one in (first, second)]
    assert answered[0] + answered[1] in (18, 19)
    assert answered[1] in (4, 5)


def test_other_slices_do_not_feel_a_limit(kind: Kind, version: int) -> None:
    world = world_of(kind, messages=1)
    world.controller("a", 1, version).send(*[BarrierRequest(xid=xid) for xid in range(9)])
    other = world.controller("b", 1, version)
    answers = other.send(*[BarrierRequest(xid=xid) for xid in range(9)])
    assert [answer.xid for answer in answers] == list(range(9))


@examples(20)
@given(
    rate=st.integers(1, 20),
    steps=st.lists(st.tuples(st.integers(0, 15), st.floats(min_value=0, max_value=0.5)), max_size=12),
)
def test_every_request_is_answered_once_and_in_order(rate: int, steps: list[tuple[int, float]]) -> None:
    world = world_of(ON_TABLES, messages=rate)
    tenant = world.controller("a")
    xids = 0
    for count, pause in steps:
        tenant.send(*[BarrierRequest(xid=xids + number) for number in range(count)])
        xids += count
        world.pass_time(pause)
    for _ in range(30):
        world.pass_time(0.1)
    assert [answer.xid for answer in tenant.inbox] == list(range(xids))
    assert not tenant.channel.backlog


# Turns at a datapath.


def test_what_is_in_flight_is_bounded_however_much_is_sent(kind: Kind, version: int) -> None:
    world = world_of(kind)
    tenant = world.controller("b", 1, version)
    datapath = tenant.switch.datapath
    sent = 0
    for start in range(0, 3000, 100):
        sent += len(sent_to(datapath, from_controller(tenant, *flow_mods(100, 3, start))))
    assert datapath.flight.unanswered <= MAX_WINDOW + QUANTUM + 2 * 1024
    assert sent < 1000
    assert len(tenant.channel.backlog) > 2000


def test_everything_comes_in_order_once_fences_are_answered(kind: Kind, version: int) -> None:
    world = world_of(kind)
    tenant = world.controller("b", 1, version)
    before = len(world.to_datapaths)
    answers = tenant.send(*flow_mods(900, 3), BarrierRequest(xid=9999))
    assert [type(one) for one in answers] == [BarrierReply]
    told = [tenant.switch.datapath.codec.decode(frame) for _, frame in world.to_datapaths[before:]]
    priorities = [one.priority for one in told if isinstance(one, FlowMod)]
    assert priorities == sorted(priorities)
    assert len(priorities) == 900
    assert not tenant.channel.backlog


def test_a_slice_that_has_nothing_waiting_passes_a_flood_at_once(kind: Kind, version: int) -> None:
    world = world_of(kind)
    flood, quiet = world.controller("b", 1, version), world.controller("a", 1, version)
    datapath = flood.switch.datapath
    from_controller(flood, *flow_mods(1000, 3))
    while datapath.flight.is_open:
        world.hypervisor.wake(world.now)
    packet = PacketOut(xid=1, in_port=1, actions=output(2)[0].actions, data=bytes(60))  # type: ignore[union-attr]
    told = sent_to(datapath, from_controller(quiet, packet))
    assert [type(one) for one in told] == [PacketOut]


@pytest.mark.parametrize("sharing_seconds", [0.0, 1.0])
def test_who_asks_for_much_waits_for_it_and_keeps_nobody_waiting(
    kind: Kind, version: int, sharing_seconds: float
) -> None:
    world = world_of(kind)
    flood, quiet = world.controller("b", 1, version), world.controller("a", 1, version)
    datapath = flood.switch.datapath
    datapath.sharing_seconds = sharing_seconds
    flood.send(*flow_mods(1500, 3))
    answers = flood.send(FlowStatsRequest(xid=1))
    assert sum(len(one.flows) for one in answers if isinstance(one, FlowStatsReply)) == 1500
    asked = sent_to(datapath, from_controller(flood, *(FlowStatsRequest(xid=xid) for xid in range(50))))
    block = flood.switch.view.block
    in_flight = sum(isinstance(one, FlowStatsRequest) for one in asked)
    assert (
        1 <= in_flight <= 8 * (1 if block is None else block.size)
    )  # of 50, by the least that is told of an entry
    packet = PacketOut(xid=1, in_port=1, actions=output(2)[0].actions, data=bytes(60))  # type: ignore[union-attr]
    told = sent_to(datapath, from_controller(quiet, packet))
    assert PacketOut in [type(one) for one in told]


def test_who_has_to_wait_for_an_answer_meanwhile_is_passed_over_in_its_turn(kind: Kind) -> None:
    world = world_of(kind)
    tenant = world.controller("b", 1, kind.version)
    effects = from_controller(tenant, *flow_mods(900, 3))
    tenant.channel.awaits_answer = True
    world.perform(effects)
    assert tenant.channel.backlog
    assert not tenant.switch.datapath.turns
    tenant.switch.datapath.resumable.append(tenant.channel)
    world.pass_time(1)
    assert not tenant.channel.backlog
    block = tenant.switch.view.block
    entries = flows_of(world, 1, 0 if block is None else block.first)
    assert len([priority for priority in entries if priority < 0xFFF0]) >= 899


def test_a_second_flood_gets_as_much_as_the_first(kind: Kind) -> None:
    world = world_of(kind)
    floods = [world.controller(name, 1, kind.version) for name in ("a", "b")]
    datapath = floods[0].switch.datapath
    fences: list[Message] = []
    sent = {1: 0, 3: 0}

    def note(effects: Effects) -> None:
        for message in sent_to(datapath, effects):
            if isinstance(message, BarrierRequest):
                fences.append(message)
            elif isinstance(message, FlowMod):
                sent[int(message.match.exact("in_port") or 0)] += 1

    note(from_controller(floods[0], *flow_mods(900, 1)))
    note(from_controller(floods[1], *flow_mods(900, 3)))
    while datapath.flight.is_open:
        note(world.hypervisor.wake(world.now))
    ahead = sent[1] - sent[3]
    for _ in range(8):
        reply = codec(kind.version).encode(BarrierReply(xid=fences.pop(0).xid))
        note(world.hypervisor.from_datapath(datapath, [reply], world.now))
        while datapath.flight.is_open:
            note(world.hypervisor.wake(world.now))
    assert sent[3] > 200
    assert abs(sent[1] - sent[3] - ahead) <= 2 * QUANTUM // MESSAGE_WEIGHT


def test_one_call_translates_a_bounded_number_of_frames_and_asks_to_be_woken_for_the_rest(
    kind: Kind, version: int
) -> None:
    world = world_of(kind)
    tenant = world.controller("b", 1, version)
    effects = from_controller(
        tenant, *[BarrierRequest(xid=xid) for xid in range(waiting.FRAMES_PER_TURN + 50)]
    )
    assert len(sent_to(tenant.switch.datapath, effects)) <= waiting.FRAMES_PER_TURN + 1
    assert tenant.channel.backlog
    world.perform(effects)
    assert not tenant.channel.backlog
    assert len(tenant.heard(BarrierReply)) == waiting.FRAMES_PER_TURN + 50


def test_a_controller_of_which_much_waits_is_not_read_from_until_it_is_less(kind: Kind, version: int) -> None:
    world = world_of(kind)
    tenant = world.controller("b", 1, version)
    effects = from_controller(tenant, *flow_mods(900, 3))
    assert effects.commands.count(PauseReading(tenant.channel)) == 1
    again = from_controller(tenant, *flow_mods(10, 3))
    assert again.commands.count(PauseReading(tenant.channel)) == 0
    world.perform(effects)
    assert world.commands.count(ResumeReading(tenant.channel)) == 1
    assert tenant.channel.backlog_bytes == 0


def test_what_is_kept_is_bounded_even_if_reading_goes_on(kind: Kind, version: int) -> None:
    world = world_of(kind)
    tenant = world.controller("a", 1, version)
    tenant.channel.awaits_answer = True
    big = PacketOut(xid=5, in_port=1, data=bytes(60_000))
    for _ in range(waiting.MAX_KEPT_BYTES // 60_000 + 2):
        tenant.send(big)
    assert tenant.channel.backlog_bytes < waiting.MAX_KEPT_BYTES + 64 * 1024
    assert [(type(one), one.xid) for one in tenant.inbox] == [(Error, 5)]


@pytest.mark.parametrize("who", ["controller", "datapath"])
def test_what_waits_of_a_channel_that_goes_is_counted_as_shed(kind: Kind, who: str) -> None:
    world = world_of(kind, flow_mod=1)
    tenant = world.controller("a", 1, kind.version)
    tenant.send(*flow_mods(5))
    if who == "controller":
        tenant.leave()
        assert tenant.channel.counters.shed == {"controller-left": 4}
    else:
        world.leave(1)
        assert tenant.channel.counters.shed == {"no-datapath": 4}
    before = list(world.to_datapaths)
    world.pass_time(2)
    assert len(world.to_datapaths) - len(before) <= 1
    assert channel_is_empty(tenant.channel)


def channel_is_empty(channel: TenantChannel) -> bool:
    return not channel.backlog and channel.backlog_bytes == 0


def test_a_datapath_that_answers_no_fence_is_hung_up_on(kind: Kind) -> None:
    world = world_of(kind)
    tenant = world.controller("b", 1, kind.version)
    datapath = tenant.switch.datapath
    world.peers.clear()  # it says nothing any more
    tenant.send(*flow_mods(1000, 3))
    for _ in range(20):
        world.pass_time(1)
    assert HangUp(datapath, STALLED) not in world.commands
    for _ in range(10):
        world.pass_time(1)
    assert HangUp(datapath, STALLED) in world.commands
