"""What the hypervisor knows of who is connected."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterable

import pytest

from flowvisor.hypervisor.peers import TenantChannel
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ROLE_EQUAL,
    ROLE_MASTER,
    ROLE_SLAVE,
    AsyncMasks,
    BarrierReply,
    BarrierRequest,
    FlowMod,
)
from flowvisor.openflow.multipart import TableStatsReply, TableStatsRequest
from flowvisor.policies.quota import Quota
from tests.support.dialogue import the_datapath, withheld
from tests.support.kinds import KINDS, ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import A, B, output
from tests.support.world import World, a_slice, ports


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


# ------------------------------------------------------------------------------------- what it costs in memory

ENTRIES = 300
ALREADY = 50  # with which all is there that does not grow with them
MAX_STATE_BYTES = {ON_TABLES: 50, ON_10: 700, ON_FEW_TABLES: 700}  # of one flow entry, in one piece or in two
MAX_BYTES_OF_ANOTHER_PIECE = 100


def answered(world: World, channel: TenantChannel, frames: list[bytes]) -> None:
    """A controller sends; its datapath does nothing with it, and answers barriers and what is in its tables."""
    datapath = channel.switch.datapath
    effects = world.hypervisor.from_controller(channel, frames, world.now)
    while sent := effects.frames.get(datapath):
        asked = [datapath.codec.decode(frame) for frame in sent]
        answers = [
            BarrierReply(xid=one.xid) if isinstance(one, BarrierRequest) else TableStatsReply(xid=one.xid)
            for one in asked
            if isinstance(one, BarrierRequest | TableStatsRequest)
        ]
        replies = [datapath.codec.encode(answer) for answer in answers]
        effects = world.hypervisor.from_datapath(datapath, replies, world.now)


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_a_flow_entry_costs_no_more_memory_than_is_promised(kind: Kind, pieces: int) -> None:
    quota = Quota("q", flow_entries_per_datapath=10 * ENTRIES)
    numbers = range(1, max(pieces, 2) + 1)
    slices = [a_slice("a", ports(*numbers), policies=["q"]), a_slice("b", ports(9))]
    world = World(slices, [kind.datapath((*numbers, 9))], policies=[quota])
    channel = world.controller("a", 1, kind.version).channel
    encode = channel.codec.encode
    somewhere = {"in_port": 1} if pieces == 1 else {}

    def send(numbers: Iterable[int]) -> None:
        for number in numbers:
            match = Match.of(**somewhere, eth_src=1, eth_dst=number, eth_type=0x800, ip_proto=6)
            mod = FlowMod(cookie=number << 32, match=match, instructions=output(2))
            answered(world, channel, [encode(mod), *([] if number % 20 else [encode(BarrierRequest())])])

    send(range(ALREADY))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        send(range(ALREADY, ENTRIES))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    held = channel.switch.flow_table
    assert held is None or len(held) == ENTRIES
    most = MAX_STATE_BYTES[kind] + (0 if held is None else max(pieces - 2, 0) * MAX_BYTES_OF_ANOTHER_PIECE)
    size = (after - before) / (ENTRIES - ALREADY)
    assert size <= most
