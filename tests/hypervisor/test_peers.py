"""What the hypervisor knows of who is connected."""

from __future__ import annotations

import pytest

from flowvisor.openflow.messages import ROLE_EQUAL, ROLE_MASTER, ROLE_SLAVE, AsyncMasks, BarrierRequest
from tests.support.dialogue import the_datapath, withheld
from tests.support.kinds import ON_TABLES, Kind
from tests.support.slices import A, B


@pytest.mark.parametrize("role", [ROLE_EQUAL, ROLE_MASTER, ROLE_SLAVE])
def test_a_mask_has_one_half_for_slaves_and_one_for_all_others(role: int) -> None:
    channel = ON_TABLES.world(A).controller("a").channel
    channel.role = role
    channel.masks = AsyncMasks(packet_in=(0b01, 0b10))
    assert channel.wants(channel.masks.packet_in, 0) == (role != ROLE_SLAVE)
    assert channel.wants(channel.masks.packet_in, 1) == (role == ROLE_SLAVE)
    assert not channel.wants(channel.masks.packet_in, 2)


def test_a_tenant_has_its_slices_name() -> None:
    channel = ON_TABLES.world(A).controller("a").channel
    assert channel.tenant.name == "a"
    assert channel.tenant.channels == [channel]


def test_a_virtual_switch_has_the_slices_ports_in_order(kind: Kind) -> None:
    world = kind.world(A, B, ports=(4, 2, 3, 1))
    assert [port.number for port in the_datapath(world).switches["a"].ports] == [1, 2]
    world.change(1, world.emulated[1].remove_port(1))
    assert [port.number for port in the_datapath(world).switches["a"].ports] == [2]


def test_what_is_outstanding_is_counted_over_all_senders(kind: Kind) -> None:
    world = kind.world(A, B)
    assert the_datapath(world).pending_transactions == 0
    withheld(world.controller("a", 1, 4), BarrierRequest())
    withheld(world.controller("b", 1, 4), BarrierRequest(), BarrierRequest())
    assert the_datapath(world).pending_transactions == 3


def test_misses_are_wanted_by_1_0_only(version: int) -> None:
    world = ON_TABLES.world(A)
    switch = the_datapath(world).switches["a"]
    assert not switch.wants_misses
    assert not switch.watches_miss
    world.controller("a", 1, version)
    assert switch.wants_misses == switch.watches_miss == (version == 1)
