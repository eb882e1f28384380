"""What a datapath says: replies by their transaction, events by what they are, nonsense counted."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.effects import Notice
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    BarrierReply,
    BarrierRequest,
    EchoReply,
    Error,
    Experimenter,
    FeaturesReply,
    FlowMod,
    GetConfigReply,
    PacketOut,
)
from flowvisor.openflow.multipart import FlowStatsReply, PortStats, PortStatsReply, PortStatsRequest
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.kinds import ON_TABLES, Kind
from tests.support.slices import A, B, output, udp

PORT_1 = Match.of(in_port=1)


@pytest.mark.parametrize("xid", [0, 1, 0x100001, 0x100005, 0xFFFFFFFF, 0x80000000])
def test_answers_to_nothing_are_dropped_and_counted(kind: Kind, xid: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, kind.version), world.controller("b", 1, kind.version)
    before = the_datapath(world).stale_replies
    nonsense = [
        BarrierReply(xid=xid),
        FlowStatsReply(xid=xid),
        PortStatsReply(xid=xid),
        EchoReply(xid=xid),
        FeaturesReply(xid=xid, dpid=9),
        GetConfigReply(xid=xid),
        Experimenter(xid=xid, experimenter=0x2320, body=bytes(8)),
        Error(xid=xid, error=codes.BAD_TYPE),
    ]
    say(world, *nonsense)
    assert a.inbox == b.inbox == []
    assert the_datapath(world).stale_replies - before == len(nonsense)


def test_an_answer_goes_to_who_asked_even_if_another_knows_its_number(kind: Kind) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, kind.version), world.controller("b", 1, kind.version)
    (asked_a,) = withheld(a, PortStatsRequest(xid=3))
    (asked_b,) = withheld(b, PortStatsRequest(xid=3))
    assert asked_a.xid != asked_b.xid
    say(world, PortStatsReply(xid=asked_b.xid, ports=tuple(PortStats(port=port) for port in (1, 2, 3, 4))))
    assert a.inbox == []
    (answer,) = b.heard(PortStatsReply)
    assert (answer.xid, [one.port for one in answer.ports]) == (3, [3, 4])


def test_an_answer_that_makes_no_sense_is_counted_and_given_up_in_time(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    (asked,) = withheld(a, PortStatsRequest(xid=3))
    frame = bytearray(the_datapath(world).codec.encode(PortStatsReply(xid=asked.xid)) + b"\0\0\0")
    frame[2:4] = len(frame).to_bytes(2, "big")
    effects = world.hypervisor.from_datapath(the_datapath(world), [bytes(frame)], world.now)
    assert [one.event for one in effects.commands if isinstance(one, Notice)] == ["malformed_from_datapath"]
    assert the_datapath(world).malformed == 1
    world.now += 60
    world.perform(world.hypervisor.tick(world.now))
    assert [(type(one), one.xid) for one in a.inbox] == [(Error, 3)]


def test_an_answer_of_another_kind_than_was_asked_for_harms_nobody(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    (asked,) = withheld(a, PortStatsRequest(xid=3))
    say(world, BarrierReply(xid=asked.xid))
    assert [(type(one), one.xid) for one in a.inbox] == [(PortStatsReply, 3)]


def test_an_error_about_an_own_message_is_told_the_operator(kind: Kind) -> None:
    world = kind.world(A, B)
    datapath = the_datapath(world)
    xid = datapath.transactions.send("own entry")
    error = datapath.codec.encode(Error(xid=xid, error=codes.TABLE_FULL, data=b"x" * 64))
    effects = world.hypervisor.from_datapath(datapath, [error], world.now)
    (notice,) = [one for one in effects.commands if isinstance(one, Notice)]
    assert (notice.level, notice.event, notice.fields["what"]) == (
        "error",
        "own_message_refused",
        "own entry",
    )
    assert datapath.own_failures == 1


def test_an_error_for_a_controller_that_left_goes_to_nobody(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    sent = withheld(
        a,
        FlowMod(match=PORT_1, instructions=output(2)),
        PacketOut(in_port=1, actions=(Output(2),), data=udp()),
        PortStatsRequest(),
        BarrierRequest(),
    )
    world.hypervisor.controller_left(a.channel, world.now)
    again = world.controller("a", 1, kind.version)
    for message in sent[:-1]:
        say(world, Error(xid=message.xid, error=codes.TABLE_FULL))
    say(world, BarrierReply(xid=sent[-1].xid))
    assert a.inbox == again.inbox == []


def test_parts_of_an_answer_are_told_in_order() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    (asked,) = withheld(a, PortStatsRequest(xid=3))
    for port, more in ((2, True), (1, False)):
        say(world, PortStatsReply(xid=asked.xid, more=more, ports=(PortStats(port=port),)))
    assert [one.port for reply in a.heard(PortStatsReply) for one in reply.ports] == [2, 1]


@pytest.mark.parametrize("kind_of_message", range(30))
def test_a_message_of_a_type_that_no_datapath_sends_harms_nobody(kind: Kind, kind_of_message: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    say(world, bytes([kind.version, kind_of_message, 0, 8, 0, 0, 0, 0]))
    assert a.inbox == []
    datapath = the_datapath(world)
    assert datapath.malformed + datapath.stale_replies == 1
    assert datapath.up_counts[kind_of_message & 31] >= 1
