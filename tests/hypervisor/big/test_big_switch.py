"""What a big switch is."""

from __future__ import annotations

from tests.support.big_world import big_world


def test_entries_belong_where_their_packets_come_in() -> None:
    big = big_world(3).big
    assert big.places_of(None) == [1, 2, 3]
    assert big.places_of(2) == [2]
    assert big.places_of(99) == [1, 2, 3]
    del big.shares[2]
    assert big.places_of(2) == [1]


def test_a_channel_is_its_tenants() -> None:
    world = big_world(1)
    assert world.big_controller().channel.tenant is world.hypervisor.tenants["a"]
