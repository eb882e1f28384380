"""What a big switch is."""

from __future__ import annotations

from tests.support.big_world import big_world


def test_it_is_spread_if_it_lies_on_several_datapaths_whether_they_are_connected_or_not() -> None:
    assert not big_world(1).big.is_spread
    two = big_world(2)
    two.go(1)
    assert two.big.is_spread


def test_a_channel_is_its_tenants() -> None:
    world = big_world(1)
    assert world.big_controller().channel.tenant is world.hypervisor.tenants["a"]
