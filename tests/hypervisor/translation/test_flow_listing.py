"""Who looks from outside sees a slice's entries as its tenant wrote them, and nobody else's."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.requests import REQUEST_TIMEOUT_SECONDS
from flowvisor.hypervisor.translation.flow_listing import list_flows
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.multipart import FlowStats
from tests.support.kinds import ON_10, ON_TABLES, Kind
from tests.support.slices import A, B, output
from tests.support.world import World, a_slice, rule


def listed(world: World, slice_name: str) -> list[FlowStats] | None:
    """What the listing comes to; the test fails if it comes to nothing."""
    told: list[list[FlowStats] | None] = []
    effects = Effects(world.now)
    switch = world.hypervisor.datapaths[1].switches[slice_name]
    list_flows(switch, lambda made, _: told.append(None if made is None else list(made())), effects)
    world.perform(effects)
    if not told:
        world.pass_time(REQUEST_TIMEOUT_SECONDS + 1)
    (only,) = told
    return only


@pytest.mark.parametrize("kind", [ON_TABLES, ON_10], ids=["tables", "1.0"])
def test_each_slice_has_its_own(kind: Kind) -> None:
    world = kind.world(A, B)
    for name, port in (("a", 1), ("b", 3)):
        controller = world.controller(name, version=kind.version)
        controller.send(
            FlowMod(priority=port, cookie=port + 7, match=Match.of(eth_dst=port), instructions=output(port))
        )
    for name, port in (("a", 1), ("b", 3)):
        told = listed(world, name)
        assert told is not None
        ours = [one for one in told if one.priority == port]
        assert [(one.cookie, one.match.fields, one.table_id) for one in ours] == [
            (port + 7, Match.of(eth_dst=port).fields, 0)
        ]
        assert not [one for one in told if one.priority not in (0, port)]


def test_who_only_looks_has_none() -> None:
    world = ON_TABLES.world(A, a_slice("r", rule(Match.of(), may_write=False)))
    world.controller("a").send(FlowMod(priority=1, instructions=output(1)))
    assert listed(world, "r") == []


def test_a_datapath_that_does_not_answer_is_told() -> None:
    world = ON_TABLES.world(A, B)
    world.peers.clear()
    assert listed(world, "a") is None
