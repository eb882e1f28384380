"""Channels to a share of a datapath come and go; see `test_hypervisor` for what a controller sees of it."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor import channels as channels_module
from flowvisor.hypervisor.channels import close_channel, open_channel
from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from tests.support.kinds import ON_TABLES
from tests.support.slices import A, B


def test_a_controller_for_whom_no_number_is_left_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels_module, "MAX_SLOTS", 4)
    world = ON_TABLES.world(A, B)
    three = [world.controller("a") for _ in range(3)]
    assert sorted(one.channel.transactions.slot for one in three) == [1, 2, 3]
    with pytest.raises(KeyError):
        world.hypervisor.controller_joined(VirtualSwitchName("b", 1), "tcp:test", 4, world.now)
    three[1].leave()
    assert world.controller("b").channel.transactions.slot == 2


def test_a_channel_is_closed_once() -> None:
    world = ON_TABLES.world(A, B)
    switch = world.hypervisor.datapaths[1].switches["a"]
    channel = open_channel(switch, "tcp:test", 4, Effects(world.now))
    assert switch.channels == [channel]
    close_channel(channel, Effects(world.now))
    again = Effects(world.now)
    close_channel(channel, again)
    assert switch.channels == []
    assert not again.frames
