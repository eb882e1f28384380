"""What is not a slice's to configure, and what each channel wants to hear."""

from __future__ import annotations

import pytest

from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import (
    ALL_TABLES,
    DEFAULT_MASKS,
    REASON_ACTION,
    REASON_NO_MATCH,
    AsyncMasks,
    GetAsyncReply,
    GetAsyncRequest,
    PacketIn,
    PortStatus,
    SetAsync,
    TableMod,
)
from tests.support.kinds import Kind
from tests.support.slices import MISS, A, B, udp
from tests.support.world import Controller, World


@pytest.fixture
def world(kind: Kind) -> World:
    """A datapath of each kind."""
    return kind.world(A, B)


@pytest.fixture
def a(world: World) -> Controller:
    """A 1.3 controller."""
    return world.controller("a")


def test_tables_have_nothing_that_could_be_configured(a: Controller, kind: Kind) -> None:
    beyond = 4 if kind.has_blocks else 1
    for table_id in (0, beyond - 1, ALL_TABLES):
        assert a.send(TableMod(table_id=table_id)) == []
        assert a.refused(TableMod(table_id=table_id, config=3)) == codes.TABLE_MOD_BAD_CONFIG
    assert a.refused(TableMod(table_id=beyond)) == codes.TABLE_MOD_BAD_TABLE


def test_what_a_controller_wants_to_hear_of_is_its_own_choice(world: World, a: Controller) -> None:
    other = world.controller("a")
    assert a.ask(GetAsyncRequest(xid=1), GetAsyncReply).masks == DEFAULT_MASKS
    masks = AsyncMasks(packet_in=(1 << REASON_ACTION, 0), port_status=(0, 7), flow_removed=(1, 0))
    before = len(world.to_datapaths)
    assert a.send(SetAsync(masks=masks)) == []
    assert a.ask(GetAsyncRequest(xid=2), GetAsyncReply) == GetAsyncReply(xid=2, masks=masks)
    assert len(world.to_datapaths) == before
    a.send(MISS)
    world.packet(1, 1, udp())
    world.change(1, world.emulated[1].set_link(1, is_up=False))
    assert a.heard(PacketIn) == a.heard(PortStatus) == []
    assert [one.reason for one in other.heard(PacketIn)] == [REASON_NO_MATCH]
    assert len(other.heard(PortStatus)) == 1
