"""Statistics load: equal requests of several channels share one, and nobody is told what was before its own changes."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor import readings
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    BAND_DROP,
    GROUP_ADD,
    METER_ADD,
    METER_KBPS,
    BarrierReply,
    BarrierRequest,
    Bucket,
    Error,
    FlowMod,
    GroupMod,
    Message,
    MeterBand,
    MeterMod,
    PacketOut,
)
from flowvisor.openflow.multipart import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStatsReply,
    FlowStatsRequest,
    GroupStatsReply,
    GroupStatsRequest,
    MeterStatsReply,
    MeterStatsRequest,
    MultipartRequest,
    PortStatsReply,
    PortStatsRequest,
    QueueStatsReply,
    QueueStatsRequest,
    TableStatsRequest,
)
from flowvisor.openflow.versions import codec
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.kinds import KINDS, ON_10, ON_TABLES, Kind
from tests.support.slices import A, B, output, udp
from tests.support.world import World


def sharing(kind: Kind, seconds: float = 1.0) -> World:
    return World([A, B], [kind.datapath()], sharing_seconds=seconds)


def asked(world: World) -> int:
    """How often the datapath was asked for statistics so far."""
    version = the_datapath(world).version
    decoded = (codec(version).decode(frame) for _, frame in world.to_datapaths)
    # The first of each are the hypervisor's own.
    return sum(isinstance(one, (PortStatsRequest, TableStatsRequest, FlowStatsRequest)) for one in decoded)


@pytest.fixture(params=KINDS, ids=str)
def world(request: pytest.FixtureRequest) -> World:
    return sharing(request.param)


def test_slices_that_ask_for_the_same_within_a_second_are_told_by_one_reading(
    world: World, version: int
) -> None:
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    before = asked(world)
    assert [one.port for one in a.ask(PortStatsRequest(xid=5), PortStatsReply).ports] == [1, 2]
    world.now += 0.9
    assert [one.port for one in b.ask(PortStatsRequest(xid=6), PortStatsReply).ports] == [3, 4]
    assert asked(world) == before + 1
    assert the_datapath(world).shared_readings == 1
    late = world.controller("b", 1, version)
    world.now += 0.2
    late.ask(PortStatsRequest(), PortStatsReply)
    assert asked(world) == before + 2


def test_who_asks_after_a_change_sees_it_though_the_one_who_made_it_has_left(
    world: World, version: int
) -> None:
    """As with ovs-ofctl, which makes a connection for each command."""
    entry = FlowMod(match=Match.of(in_port=1), priority=7, instructions=output(2))
    for expected in (1, 2):
        asking = world.controller("a", 1, version)
        asking.ask(FlowStatsRequest(), FlowStatsReply)
        changing = world.controller("a", 1, version)
        changing.send(evolve(entry, priority=expected))
        changing.leave()
        asking = world.controller("a", 1, version)
        assert len(asking.ask(FlowStatsRequest(), FlowStatsReply).flows) == expected
        asking.leave()


def test_nobody_is_given_one_reading_twice(world: World, version: int) -> None:
    a = world.controller("a", 1, version)
    before = asked(world)
    packets = []
    for _ in range(3):
        world.packet(1, 1, udp())
        (port, _) = a.ask(PortStatsRequest(), PortStatsReply).ports
        packets.append(port.rx_packets)
    assert packets == [1, 2, 3]
    assert asked(world) == before + 3


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_zero_is_not_at_all(kind: Kind) -> None:
    world = sharing(kind, 0.0)
    before = asked(world)
    for name in ("a", "b", "a"):
        world.controller(name).ask(PortStatsRequest(), PortStatsReply)
    assert asked(world) == before + 3
    assert the_datapath(world).readings == {}


def test_who_changes_an_entry_and_asks_for_it_sees_the_change(world: World, version: int) -> None:
    a, twin = world.controller("a", 1, version), world.controller("a", 1, version)
    for number in range(1, 4):
        # The twin's question comes first each time, so that there is a reading from before.
        assert len(twin.ask(FlowStatsRequest(), FlowStatsReply).flows) == number - 1
        a.send(FlowMod(priority=number, match=Match.of(in_port=1), instructions=output(2)))
        assert len(a.ask(FlowStatsRequest(), FlowStatsReply).flows) == number
        a.inbox.clear()
        # What is true of one channel of a tenant is true of all.
        assert twin.ask(AggregateStatsRequest(), AggregateStatsReply).flow_count == number


def test_a_packet_sent_is_counted_in_what_is_asked_next(world: World, version: int) -> None:
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    b.ask(PortStatsRequest(), PortStatsReply)
    a.send(PacketOut(actions=(Output(2),), data=udp()))
    (_, second) = a.ask(PortStatsRequest(), PortStatsReply).ports
    assert second.tx_packets == 1


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_request_in_flight_answers_all_who_ask_meanwhile(kind: Kind) -> None:
    world = sharing(kind)
    a, b, gone = (world.controller(name) for name in ("a", "b", "b"))
    (question,) = withheld(a, PortStatsRequest(xid=1))
    world.now += 5
    assert withheld(b, PortStatsRequest(xid=2)) == withheld(gone, PortStatsRequest(xid=3)) == []
    gone.leave()
    assert a.inbox == b.inbox == []
    say(world, PortStatsReply(xid=question.xid))
    assert [one.xid for one in a.inbox] == [1]
    assert [one.xid for one in b.inbox] == [2]
    assert gone.inbox == []
    assert (a.channel.readings, b.channel.readings, gone.channel.readings) == (0, 0, 0)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_error_is_told_to_all_who_wait_in_their_own_words(kind: Kind) -> None:
    world = sharing(kind)
    a, b = world.controller("a"), world.controller("b", 1, 1)
    (question,) = withheld(a, PortStatsRequest(xid=1))
    withheld(b, PortStatsRequest(xid=2))
    say(world, Error(xid=question.xid, error=codes.REQUEST_EPERM))
    for controller, xid in ((a, 1), (b, 2)):
        (error,) = controller.heard(Error)
        assert (error.xid, error.error) == (xid, codes.REQUEST_EPERM)
        assert error.data == codec(controller.version).encode(PortStatsRequest(xid=xid))
    assert the_datapath(world).readings == {}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_request_that_is_not_answered_in_time_is_refused_for_all(kind: Kind) -> None:
    world = sharing(kind)
    a, b = world.controller("a"), world.controller("b")
    withheld(a, PortStatsRequest(xid=1))
    withheld(b, PortStatsRequest(xid=2))
    world.pass_time(9)
    assert [type(one) for one in (*a.inbox, *b.inbox)] == [Error, Error]


def test_an_answer_behind_a_barrier_comes_after_it(world: World) -> None:
    a, b = world.controller("a"), world.controller("b")
    b.ask(PortStatsRequest(), PortStatsReply)
    told = withheld(a, BarrierRequest(xid=1), PortStatsRequest(xid=2))
    assert [type(one) for one in told] == [BarrierRequest, PortStatsRequest]
    assert a.inbox == []
    say(world, BarrierReply(xid=told[0].xid), PortStatsReply(xid=told[1].xid))
    assert [(type(one), one.xid) for one in a.inbox] == [(BarrierReply, 1), (PortStatsReply, 2)]


def test_only_equal_requests_are_one() -> None:
    world = sharing(ON_10)
    a, twin = world.controller("a"), world.controller("a")
    before = asked(world)
    requests: list[MultipartRequest] = [
        PortStatsRequest(port=1),
        PortStatsRequest(port=2),
        PortStatsRequest(),
    ]
    for request in requests:
        a.send(request)
    assert asked(world) == before + 3
    for request in requests:
        twin.send(request)
    assert asked(world) == before + 3


def test_readings_are_forgotten_when_they_are_too_old(world: World) -> None:
    world.controller("a").ask(PortStatsRequest(), PortStatsReply)
    assert the_datapath(world).readings
    world.pass_time(1.0)
    assert the_datapath(world).readings == {}


def test_readings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "MAX_KEPT", 2)
    world = sharing(ON_TABLES)
    a, b = world.controller("a"), world.controller("b")
    for port in (1, 2):
        a.send(PortStatsRequest(port=port))
    a.send(PortStatsRequest())
    assert len(the_datapath(world).readings) == 2
    monkeypatch.setattr(readings, "MAX_KEPT_BYTES", 10)
    b.send(TableStatsRequest())
    assert len(the_datapath(world).readings) == 1


def test_more_requests_than_the_bound_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "MAX_WAITING", 2)
    world = sharing(ON_TABLES)
    a = world.controller("a")
    sent: list[Message] = [PortStatsRequest(port=1), PortStatsRequest(port=2), PortStatsRequest(xid=3)]
    withheld(a, *sent)
    (error,) = a.heard(Error)
    assert (error.xid, error.error) == (3, codes.MULTIPART_BUFFER_OVERFLOW)


def test_groups_meters_and_queues_are_read_together_too() -> None:
    world = sharing(ON_TABLES)
    a, twin = world.controller("a"), world.controller("a")
    kinds: list[tuple[MultipartRequest, type[Message]]] = [
        (GroupStatsRequest(), GroupStatsReply),
        (MeterStatsRequest(), MeterStatsReply),
        (QueueStatsRequest(), QueueStatsReply),
    ]
    a.send(GroupMod(command=GROUP_ADD, group_id=1, buckets=(Bucket(actions=(Output(2),)),)))
    a.send(MeterMod(command=METER_ADD, flags=METER_KBPS, meter_id=1, bands=(MeterBand(BAND_DROP, 5),)))
    for request, reply in kinds:
        shared = the_datapath(world).shared_readings
        told = [controller.ask(request, reply) for controller in (a, twin)]
        assert told[0] == told[1]
        assert the_datapath(world).shared_readings == shared + 1, request
