"""The entries of a virtual switch are told as its tenant wrote them, wherever they are."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.big.flow_listing import list_entries
from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow.actions import ApplyActions, Output, SetVlanVid
from flowvisor.openflow.frame import MULTIPART_REQUEST
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.multipart import FlowStats
from tests.support.big_world import BigWorld, big_world
from tests.support.slices import output, udp

SIZE = len(udp())


def listed(world: BigWorld) -> list[FlowStats] | None:
    """What is told; None if a datapath did not answer."""
    told: list[list[FlowStats] | None] = []
    effects = Effects(world.now)
    list_entries(
        world.big, lambda made, _: told.append(None if made is None else sorted(made(), key=_place)), effects
    )
    world.perform(effects)
    (one,) = told
    return one


def _place(one: FlowStats) -> tuple[int, int]:
    return one.table_id, one.priority


@pytest.mark.parametrize("n_datapaths", [1, 3])
def test_each_entry_once_with_what_all_have_counted(n_datapaths: int) -> None:
    world = big_world(n_datapaths)
    tenant = world.big_controller()
    assert listed(world) == []
    narrow = Match.of(in_port=1)
    tenant.send(
        FlowMod(priority=5, cookie=7, hard_timeout=90, instructions=output(4)),
        FlowMod(priority=9, match=narrow),
    )
    world.packet(1, 1, udp())
    for dpid in range(2, n_datapaths + 1):
        world.packet(dpid, dpid, udp())
    wide, own = listed(world) or []
    assert (wide.cookie, wide.hard_timeout, wide.instructions) == (7, 90, output(4))
    assert (wide.packet_count, wide.byte_count) == (n_datapaths - 1, (n_datapaths - 1) * SIZE)
    assert (own.match, own.packet_count, own.instructions) == (narrow, 1, ())


def test_an_entry_that_was_written_in_words_of_1_0_is_told_in_them() -> None:
    world = big_world(2)
    match = Match.of(in_port=1, vlan_vid=0x1009)
    tags = (ApplyActions((SetVlanVid(5), Output(4))),)
    world.big_controller(1).send(FlowMod(priority=5, match=match, instructions=tags))
    world.packet(1, 1, udp(vlan=9))
    (told,) = listed(world) or []
    assert (told.priority, told.match, told.instructions, told.packet_count) == (5, match, tags, 1)


def test_an_entry_whose_datapath_is_away_is_told_still() -> None:
    world = big_world(2)
    world.big_controller().send(FlowMod(priority=5, match=Match.of(in_port=2), instructions=output(4)))
    world.packet(2, 2, udp())
    world.go(2)
    (told,) = listed(world) or []
    assert (told.priority, told.match, told.instructions) == (5, Match.of(in_port=2), output(4))
    world.go(1)
    assert [one.priority for one in listed(world) or []] == [5]


def test_if_one_does_not_answer_that_is_told_once() -> None:
    world = big_world(3)
    for dpid in (1, 2):
        world.emulated[dpid].refuses = frozenset({MULTIPART_REQUEST})
    assert listed(world) is None


def test_a_switch_that_lies_nowhere_has_not_answered() -> None:
    world = big_world(1)
    world.go(1)
    assert listed(world) is None
