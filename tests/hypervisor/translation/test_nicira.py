"""Nicira's extensions of 1.0: roles and the standard packet-in format are answered, all else is refused."""

from __future__ import annotations

from struct import pack

import pytest

from flowvisor.hypervisor.translation.nicira import NICIRA
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ROLE_MASTER,
    ROLE_NOCHANGE,
    Experimenter,
    FlowMod,
    PacketIn,
    RoleReply,
    RoleRequest,
)
from tests.support.kinds import ON_TABLES, Kind, as_told
from tests.support.slices import A, B, output, udp
from tests.support.world import Controller

OTHER, MASTER, SLAVE = range(3)
ROLE_REQUEST, ROLE_REPLY, SET_FLOW_FORMAT, FLOW_MOD, SET_PACKET_IN_FORMAT = 10, 11, 12, 13, 16


def nicira(subtype: int, *words: int, xid: int = 0) -> Experimenter:
    return Experimenter(xid=xid, experimenter=NICIRA, body=pack(f"!{len(words) + 1}I", subtype, *words))


def role_of(controller: Controller, wanted: int) -> int:
    """Ask for a role and return the one that was given."""
    told = controller.ask(nicira(ROLE_REQUEST, wanted, xid=3), Experimenter)
    assert told.experimenter == NICIRA
    assert told.body[:4] == pack("!I", ROLE_REPLY)
    return int.from_bytes(told.body[4:], "big")


def test_a_role_is_given_and_a_new_master_makes_the_old_one_a_slave(kind: Kind) -> None:
    world = kind.world(A, B)
    one, other = world.controller("a", 1, 1), world.controller("a", 1, 1)
    before = len(world.to_datapaths)
    assert role_of(one, MASTER) == MASTER
    assert role_of(other, SLAVE) == SLAVE
    assert role_of(other, MASTER) == MASTER
    change = FlowMod(match=Match.of(in_port=1), instructions=output(2))
    assert one.refused(change) == as_told(codes.IS_SLAVE, 1)
    assert len(world.to_datapaths) == before
    assert other.send(change) == []
    assert role_of(one, OTHER) == OTHER
    assert one.send(change) == []


def test_roles_are_the_same_whichever_version_asks_for_them(kind: Kind) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    new.send(RoleRequest(role=ROLE_MASTER, generation_id=77))
    assert role_of(old, MASTER) == MASTER  # a request of 1.0 has no generation, so none is stale
    assert new.ask(RoleRequest(role=ROLE_NOCHANGE), RoleReply).role != ROLE_MASTER
    assert old.switch.generation_id == 77


def test_a_slave_of_1_0_hears_of_no_packets(kind: Kind) -> None:
    world = kind.world(A, B)
    one, other = world.controller("a", 1, 1), world.controller("a", 1, 1)
    role_of(one, SLAVE)
    world.packet(1, 1, udp())
    assert one.heard(PacketIn) == []
    assert len(other.heard(PacketIn)) == 1


def test_the_standard_packet_in_format_is_what_there_is() -> None:
    world = ON_TABLES.world(A)
    a = world.controller("a", 1, 1)
    assert a.send(nicira(SET_PACKET_IN_FORMAT, 0)) == []
    assert a.refused(nicira(SET_PACKET_IN_FORMAT, 1)) == codes.REQUEST_EPERM


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Experimenter(experimenter=NICIRA + 1, body=bytes(8)), codes.BAD_EXPERIMENTER),
        (Experimenter(experimenter=NICIRA), codes.BAD_LEN),
        (Experimenter(experimenter=NICIRA, body=bytes(3)), codes.BAD_LEN),
        (nicira(SET_FLOW_FORMAT, 0), codes.BAD_EXP_TYPE),
        (nicira(FLOW_MOD, *[0] * 10), codes.BAD_EXP_TYPE),
        (nicira(ROLE_REPLY, 1), codes.BAD_EXP_TYPE),
        (nicira(ROLE_REQUEST), codes.BAD_LEN),
        (nicira(ROLE_REQUEST, MASTER, 0), codes.BAD_LEN),
        (nicira(SET_PACKET_IN_FORMAT), codes.BAD_LEN),
        (nicira(ROLE_REQUEST, 3), as_told(codes.BAD_ROLE, 1)),
    ],
)
def test_what_is_not_understood_is_refused(request_: Experimenter, error: tuple[int, int]) -> None:
    world = ON_TABLES.world(A)
    a = world.controller("a", 1, 1)
    before = len(world.to_datapaths)
    assert a.refused(request_) == error
    assert len(world.to_datapaths) == before


def test_1_3_has_roles_of_its_own(kind: Kind) -> None:
    a = kind.world(A).controller("a", 1, 4)
    assert a.refused(nicira(ROLE_REQUEST, MASTER)) == codes.BAD_EXPERIMENTER
