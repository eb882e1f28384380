"""PORT_STATUS is told once to each who wants it."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.big.port_status import tell_port
from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow.messages import PORT_DELETE, AsyncMasks, PortStatus, SetAsync
from flowvisor.openflow.ports import Port
from tests.support.big_world import big_world


@pytest.mark.parametrize("n", [1, 2])
def test_it_is_told_once_however_many_legs_there_are(n: int) -> None:
    world = big_world(n)
    tenant, deaf, old = world.big_controller(), world.big_controller(), world.big_controller(1)
    deaf.send(SetAsync(masks=AsyncMasks(port_status=(0, 0))))
    effects = Effects(world.now)
    tell_port(world.big, PORT_DELETE, world.big.ports[3], effects)
    world.perform(effects)
    assert [len(one.heard(PortStatus)) for one in (tenant, deaf, old)] == [1, 0, 1]
    assert tenant.heard(PortStatus)[0].port == world.big.ports[3]


def test_a_port_that_a_version_cannot_say_is_counted() -> None:
    world = big_world(2)
    old, new = world.big_controller(1), world.big_controller()
    effects = Effects(world.now)
    tell_port(world.big, PORT_DELETE, Port(0x10000), effects, but=new.channel)
    assert not effects.frames
    assert old.channel.counters.shed == {"inexpressible": 1}
