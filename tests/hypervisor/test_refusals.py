"""What was refused lately is kept, with all that it takes to say why, and no more of it than there is room for."""

from __future__ import annotations

from flowvisor.hypervisor.refusals import MAX_REFUSALS_KEPT, Refused
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.versions import codec
from tests.support.kinds import Kind
from tests.support.slices import A, B, output
from tests.support.world import configuration

FOREIGN = FlowMod(xid=7, match=Match.of(in_port=1), instructions=output(3))


def test_a_refusal_is_kept_as_it_was_told(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    world.now = 1234.5
    error = a.refused(FOREIGN)
    frame = codec(version).encode(FOREIGN)[:64]
    told = Refused(1234.5, 1, "tcp:test", version, codes.ACTION_BAD_OUT_PORT, "foreign-port", frame)
    assert error == told.error
    assert list(a.channel.tenant.refusals) == [told]
    assert list(world.hypervisor.tenants["b"].refusals) == []


def test_the_latest_are_kept_and_outlive_a_reload(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    for _ in range(MAX_REFUSALS_KEPT + 5):
        world.now += 1.0
        a.refused(FOREIGN)
    world.reload(configuration(A))
    kept = list(world.hypervisor.tenants["a"].refusals)
    assert [one.at for one in kept] == [world.now - age for age in range(MAX_REFUSALS_KEPT - 1, -1, -1)]
