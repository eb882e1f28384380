"""What is done with a tenant's frames, whatever they are."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.effects import HangUp
from flowvisor.hypervisor.faults import TOO_MANY_FAULTS
from flowvisor.hypervisor.flight import MAX_WINDOW, MESSAGE_WEIGHT
from flowvisor.hypervisor.requests import REQUEST_TIMEOUT_SECONDS
from flowvisor.hypervisor.turns import QUANTUM
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.channel import MAX_PROTOCOL_ERRORS, PROTOCOL_ERROR_WINDOW_SECONDS
from flowvisor.openflow.frame import HEADER
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ROLE_SLAVE,
    BarrierRequest,
    Error,
    FlowMod,
    GetConfigRequest,
    PacketOut,
    RoleRequest,
    TableMod,
)
from flowvisor.openflow.multipart import ExperimenterMultipartRequest, FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import FLOOD
from tests.support.kinds import Kind, as_told
from tests.support.world import World, a_slice, ports


def garbage(version: int) -> bytes:
    """A FLOW_MOD that is cut off after its header, with a header that says so."""
    return HEADER.pack(version, 14, 12, 7) + bytes(4)


@pytest.fixture
def world(kind: Kind) -> World:
    return kind.world(a_slice("a", ports(1, 2)), a_slice("b", ports(3, 4)))


def hang_ups(world: World) -> list[HangUp]:
    return [command for command in world.commands if isinstance(command, HangUp)]


def test_a_message_that_cannot_be_read_is_answered_with_the_tenants_own_bytes(
    world: World, version: int
) -> None:
    tenant = world.controller("a", 1, version)
    assert tenant.refused(garbage(version)) == codes.BAD_LEN


def test_an_unknown_type_is_refused_by_name(world: World, version: int) -> None:
    tenant = world.controller("a", 1, version)
    assert tenant.refused(HEADER.pack(version, 77, 8, 9)) == codes.BAD_TYPE


def test_who_goes_on_breaking_the_protocol_is_hung_up_on(world: World, version: int) -> None:
    tenant = world.controller("a", 1, version)
    for _ in range(MAX_PROTOCOL_ERRORS - 1):
        tenant.send(garbage(version))
    assert hang_ups(world) == []
    tenant.send(garbage(version))
    assert hang_ups(world) == [HangUp(tenant.channel, TOO_MANY_FAULTS)]


def test_old_faults_are_forgotten(world: World, version: int) -> None:
    tenant = world.controller("a", 1, version)
    for _ in range(MAX_PROTOCOL_ERRORS - 1):
        tenant.send(garbage(version))
    world.now += PROTOCOL_ERROR_WINDOW_SECONDS + 1
    tenant.send(garbage(version))
    assert hang_ups(world) == []


def test_a_datapath_that_goes_on_breaking_the_protocol_is_hung_up_on(world: World, kind: Kind) -> None:
    datapath = world.hypervisor.datapaths[1]
    frames = [HEADER.pack(kind.version, 11, 12, 0) + bytes(4)] * MAX_PROTOCOL_ERRORS
    effects = world.hypervisor.from_datapath(datapath, frames, world.now)
    assert [one for one in effects.commands if isinstance(one, HangUp)] == [HangUp(datapath, TOO_MANY_FAULTS)]
    assert datapath.malformed == MAX_PROTOCOL_ERRORS


def test_a_slave_may_not_write(world: World) -> None:
    tenant = world.controller("a")
    tenant.send(RoleRequest(role=ROLE_SLAVE))
    for message in (FlowMod(xid=1), PacketOut(xid=2), TableMod(xid=3, table_id=0)):
        assert tenant.refused(message) == codes.IS_SLAVE


def test_a_vendors_statistics_are_refused(world: World, version: int) -> None:
    tenant = world.controller("a", 1, version)
    request = ExperimenterMultipartRequest(xid=5, experimenter=0x2320, body=bytes(4))
    assert tenant.refused(request) == as_told(codes.BAD_EXPERIMENTER, version)


def test_an_error_from_a_controller_is_counted_and_goes_nowhere(world: World, version: int) -> None:
    tenant = world.controller("a", 1, version)
    assert tenant.send(Error(xid=5, error=codes.BAD_TYPE)) == []
    assert tenant.channel.counters.shed == {"error-from-controller": 1}


def test_nothing_is_answered_before_a_barrier_that_was_asked_before_it(world: World, version: int) -> None:
    tenant = world.controller("a", 1, version)
    answers = tenant.send(
        GetConfigRequest(xid=1),
        BarrierRequest(xid=2),
        GetConfigRequest(xid=3),
        BarrierRequest(xid=4),
        HEADER.pack(version, 77, 8, 5),
        FlowStatsRequest(xid=6),
    )
    assert [answer.xid for answer in answers] == [1, 2, 3, 4, 5, 6]


def test_answers_behind_a_barrier_that_is_never_answered_come_when_it_is_given_up(
    world: World, version: int
) -> None:
    tenant = world.controller("a", 1, version)
    world.peers.clear()  # the datapath says nothing any more
    assert tenant.send(BarrierRequest(xid=2), *(GetConfigRequest(xid=3) for _ in range(100))) == []
    world.now += REQUEST_TIMEOUT_SECONDS
    world.perform(world.hypervisor.tick(world.now))
    assert [answer.xid for answer in tenant.inbox] == [2] + [3] * 100


def test_answers_behind_a_barrier_are_bounded(world: World, version: int) -> None:
    tenant = world.controller("a", 1, version)
    world.peers.clear()
    tenant.send(BarrierRequest(xid=2), *(GetConfigRequest(xid=3) for _ in range(2000)))
    (behind,) = tenant.channel.barriers
    assert sum(len(frame) + MESSAGE_WEIGHT for frame in behind) <= MAX_WINDOW + 2 * QUANTUM
    assert len(behind) + len(tenant.channel.backlog) == 2000


def test_what_grows_beyond_a_frame_in_translation_is_refused(kind: Kind, version: int) -> None:
    numbers = range(1, 601)
    world = kind.world(a_slice("a", ports(*numbers)), ports=numbers)
    tenant = world.controller("a", 1, version)
    flood = Output(FLOOD)
    packet = PacketOut(xid=1, in_port=1, actions=(flood,) * 2, data=bytes(60_000))
    assert tenant.refused(packet) == codes.BAD_LEN
    tenant.inbox.clear()
    if not kind.has_blocks:  # there a flood is a group
        change = FlowMod(xid=2, match=Match.of(in_port=1), instructions=(ApplyActions((flood,) * 16),))
        assert tenant.refused(change) == codes.BAD_LEN
        tenant.inbox.clear()
    assert tenant.ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    assert world.transmitted == []
