"""The learning switch: it floods what it does not know and installs what it does."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from flowvisor.emulation.learning_switch import IDLE_TIMEOUT_SECONDS, MAX_ADDRESSES, LearningSwitch
from flowvisor.openflow import ports
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import ALL_TABLES, BarrierReply, FlowMod, PacketIn, PacketOut
from flowvisor.openflow.versions import codec

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def packet_in(src: str, dst: str, port: int, **fields: Any) -> PacketIn:
    data = bytes(Ether(src=src, dst=dst, **fields) / IP())
    return PacketIn(total_len=len(data), reason=0, match=Match.of(in_port=port), data=data)


@pytest.mark.parametrize("version", [1, 4])
def test_all_it_sends_is_of_its_version(version: int) -> None:
    switch = LearningSwitch(version)
    switch.from_datapath(packet_in(B, BROADCAST, 2))
    for message in (*switch.begin(), *switch.from_datapath(packet_in(A, B, 1))):
        assert codec(version).decode(codec(version).encode(message)) == message


def test_only_1_3_needs_a_table_miss_entry() -> None:
    old = [each for each in LearningSwitch(1).begin() if isinstance(each, FlowMod)]
    new = [each for each in LearningSwitch(4).begin() if isinstance(each, FlowMod)]
    assert [(each.command, each.table_id) for each in old] == [(3, 0)]
    assert [(each.command, each.table_id) for each in new] == [(3, ALL_TABLES), (0, 0)]
    assert (new[1].priority, new[1].match) == (0, MATCH_ALL)


def test_it_floods_what_it_does_not_know() -> None:
    (out,) = LearningSwitch(4).from_datapath(packet_in(A, B, 1))
    assert isinstance(out, PacketOut)
    assert (out.in_port, out.actions) == (1, (Output(ports.FLOOD),))
    (out,) = LearningSwitch(4, flood_port=ports.ALL).from_datapath(packet_in(A, B, 1))
    assert isinstance(out, PacketOut)
    assert out.actions == (Output(ports.ALL),)


def test_it_installs_what_it_knows_and_sends_the_packet() -> None:
    switch = LearningSwitch(4)
    switch.from_datapath(packet_in(B, BROADCAST, 2))
    entry, out = switch.from_datapath(packet_in(A, B, 1))
    assert isinstance(entry, FlowMod)
    assert entry.match == Match.of(in_port=1, eth_src=0x02000000000A, eth_dst=0x02000000000B)
    assert (entry.instructions, entry.idle_timeout) == ((ApplyActions((Output(2),)),), IDLE_TIMEOUT_SECONDS)
    assert isinstance(out, PacketOut)
    assert (out.in_port, out.actions) == (1, (Output(2),))


def test_an_address_that_moves_is_learnt_anew() -> None:
    switch = LearningSwitch(4)
    switch.from_datapath(packet_in(B, BROADCAST, 2))
    switch.from_datapath(packet_in(B, BROADCAST, 3))
    entry, _ = switch.from_datapath(packet_in(A, B, 1))
    assert isinstance(entry, FlowMod)
    assert entry.instructions == (ApplyActions((Output(3),)),)


def test_a_packet_is_not_sent_back_where_it_came_from() -> None:
    switch = LearningSwitch(4)
    switch.from_datapath(packet_in(B, BROADCAST, 1))
    assert switch.from_datapath(packet_in(A, B, 1)) == []


def test_no_address_of_many_is_learnt() -> None:
    switch = LearningSwitch(4)
    switch.from_datapath(packet_in(BROADCAST, A, 1))
    assert len(switch.from_datapath(packet_in(A, BROADCAST, 2))) == 1


def test_it_leaves_lldp_and_other_messages_alone() -> None:
    switch = LearningSwitch(4)
    assert switch.from_datapath(packet_in(A, B, 1, type=0x88CC)) == []
    assert switch.from_datapath(BarrierReply()) == []
    assert switch.from_datapath(PacketIn(total_len=0, reason=0, match=Match.of(in_port=1))) == []


def test_there_is_an_end_to_what_it_knows() -> None:
    switch = LearningSwitch(4)
    for i in range(MAX_ADDRESSES + 1):
        data = b"\xff" * 6 + b"\x02" + i.to_bytes(5, "big") + b"\x12\x34"
        switch.from_datapath(PacketIn(total_len=14, reason=0, match=Match.of(in_port=1), data=data))
    assert len(switch._port_of) == 1
