"""The place of the table-miss entry: whose it is, whatever cookie the tenant chose for its own."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor.journal import TABLE_MISS
from flowvisor.openflow.actions import NO_BUFFER_LEN, ApplyActions, Output
from flowvisor.openflow.messages import DELETE, DELETE_STRICT, FlowMod, FlowRemoved, PacketIn
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.planning.entries import COOKIE
from tests.support.dialogue import the_datapath
from tests.support.kinds import ON_TABLES
from tests.support.slices import A, B, output, udp
from tests.support.world import Controller

# As ours is in all, and as it is in its cookie only.
TWIN = FlowMod(cookie=COOKIE, priority=0, instructions=(ApplyActions((Output(CONTROLLER, NO_BUFFER_LEN),)),))
LIKE_OURS = pytest.mark.parametrize(
    "own", [TWIN, evolve(TWIN, instructions=output(2))], ids=["twin", "cookie"]
)


def shown(controller: Controller) -> list[FlowStats]:
    return list(controller.ask(FlowStatsRequest(), FlowStatsReply).flows)


@LIKE_OURS
def test_the_tenants_own_entry_is_its_own_when_the_first_1_0_controller_joins(own: FlowMod) -> None:
    world = ON_TABLES.world(A, B)
    new = world.controller("a", 1, 4)
    new.send(own)
    old = world.controller("a", 1, 1)
    assert [(one.cookie, one.flags, one.instructions) for one in shown(new)] == [
        (COOKIE, 0, own.instructions)
    ]
    assert len(shown(old)) == 1
    old.leave()
    assert len(shown(new)) == 1
    new.send(FlowMod(command=DELETE))
    assert new.heard(FlowRemoved) == []
    assert shown(new) == []


@LIKE_OURS
@pytest.mark.parametrize("version", [1, 4])
def test_the_tenants_own_entry_survives_us(own: FlowMod, version: int) -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a", 1, 4).send(own)
    world.restart()
    a = world.controller("a", 1, version)
    assert [one.cookie for one in shown(a)] == [COOKIE]


@LIKE_OURS
def test_the_tenants_own_entry_that_took_the_place_of_ours_survives_us(own: FlowMod) -> None:
    world = ON_TABLES.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    new.send(own)
    assert len(shown(old)) == 1
    world.restart()
    assert len(shown(world.controller("a", 1, 4))) == 1


@LIKE_OURS
def test_ours_goes_with_us_though_the_tenants_own_was_there_before(own: FlowMod) -> None:
    world = ON_TABLES.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    new.send(own, evolve(own, command=DELETE_STRICT))
    world.packet(1, 1, udp())
    assert len(old.heard(PacketIn)) == 1  # by ours, which is back
    world.restart()
    a = world.controller("a", 1, 4)
    assert shown(a) == []
    world.packet(1, 1, udp())
    assert a.heard(PacketIn) == []


def test_ours_is_known_again_also_if_the_news_that_it_went_was_lost() -> None:
    world = ON_TABLES.world(A, B)
    old = world.controller("a", 1, 1)
    world.hypervisor.controller_left(old.channel, world.now)  # and the deletion never comes to the datapath
    world.restart()
    a = world.controller("a", 1, 4)
    assert shown(a) == []
    world.packet(1, 1, udp())
    assert a.heard(PacketIn) == []


def test_an_own_entry_that_goes_while_nobody_wants_ours_leaves_nothing_to_be_counted() -> None:
    world = ON_TABLES.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    new.send(evolve(TWIN, cookie=5))
    old.leave()
    new.send(FlowMod(command=DELETE))
    assert new.switch.our_entries == 0


def test_nothing_is_remembered_before_ours_is_sent() -> None:
    world = ON_TABLES.world(A, B)
    world.controller("a", 1, 4).send(TWIN)
    assert not the_datapath(world).memory.of(TABLE_MISS, "a")
