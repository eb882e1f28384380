"""As how many messages flow-mods were sent on is counted where they are cut, and one elsewhere."""

from __future__ import annotations

import pytest

from flowvisor.admin.expansion_metrics import BOUNDS, expansion_metrics
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import DELETE, FlowMod
from tests.support.kinds import KINDS, ON_10, ON_TABLES, Kind
from tests.support.slices import output
from tests.support.world import World, a_slice, ports, rule

FOUR = a_slice("a", *(rule(Match.of(in_port=port, eth_type=0x0800)) for port in (1, 2, 3)), ports(4))
WIDE = FlowMod(instructions=output(4))
NARROW = FlowMod(match=Match.of(in_port=4, eth_src=1), priority=9, instructions=output(4))


def samples(world: World) -> dict[str, float]:
    found = expansion_metrics(world.hypervisor.tenants.values()).samples
    return {one.name.rpartition("_")[2] + one.labels.get("le", ""): one.value for one in found}


def test_who_has_sent_none_is_not_there() -> None:
    assert samples(ON_10.world(FOUR)) == {}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_pieces_are_counted_by_flow_mod(kind: Kind) -> None:
    world = kind.world(FOUR)
    a = world.controller("a", 1, kind.version)
    assert a.send(WIDE, NARROW) == []
    pieces = 1 if kind.has_blocks else 4
    told = samples(world)
    assert (told["count"], told["sum"]) == (2, pieces + 1)
    assert [told[f"bucket{bound}"] for bound in BOUNDS[:4]] == [0, 1 + (pieces == 1), 1 + (pieces == 1), 2]
    assert told["bucket+Inf"] == 2


def test_so_are_those_that_take_entries_away_or_find_none() -> None:
    world = ON_10.world(FOUR)
    a = world.controller("a", 1, 1)
    a.send(WIDE, NARROW, FlowMod(command=DELETE), FlowMod(command=DELETE))
    told = samples(world)
    assert (told["count"], told["sum"], told["bucket0"]) == (4, 4 + 1 + 5 + 0, 1)


def test_all_of_a_slices_controllers_count() -> None:
    world = ON_TABLES.world(FOUR)
    for version in (1, 4):
        assert world.controller("a", 1, version).send(NARROW) == []
    assert samples(world)["count"] == 2
