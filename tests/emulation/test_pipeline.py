"""The pipeline: where a packet goes, and as what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from flowvisor.emulation.flow_table import FlowTable
from flowvisor.emulation.pipeline import Outcome, Pipeline, ToController, Transmit, action_set_order
from flowvisor.emulation.rewriting import rewrite
from flowvisor.openflow import actions, ports
from flowvisor.openflow.actions import (
    Action,
    ApplyActions,
    ClearActions,
    DecNwTtl,
    Enqueue,
    GotoTable,
    Group,
    Instruction,
    Meter,
    Output,
    PopVlan,
    PushVlan,
    SetField,
    SetQueue,
    WriteActions,
    WriteMetadata,
)
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import (
    BAND_DROP,
    GROUP_ADD,
    GROUP_TYPE_FAST_FAILOVER,
    METER_ADD,
    METER_PKTPS,
    REASON_ACTION,
    REASON_INVALID_TTL,
    REASON_NO_MATCH,
    Bucket,
    FlowMod,
    GroupMod,
    MeterBand,
    MeterMod,
)
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, TABLE, Port

PACKET = bytes(Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") / IP(ttl=9) / UDP(sport=1, dport=2))


def pipeline_with(*entries: tuple[int, Match, tuple[Instruction, ...]], **fields: Any) -> Pipeline:
    """Tables 0 to 3, ports 1 to 4; of the entries (table, match, instructions) the first comes first."""
    pipeline = Pipeline(
        [FlowTable(table_id) for table_id in range(4)], {n: Port(n) for n in range(1, 5)}, **fields
    )
    for i, (table_id, match, instructions) in enumerate(entries):
        mod = FlowMod(match=match, instructions=instructions, priority=100 - i, cookie=i)
        pipeline.tables[table_id].add(mod, 0.0)
    return pipeline


def applying(*listed: Action) -> tuple[int, Match, tuple[Instruction, ...]]:
    return 0, MATCH_ALL, (ApplyActions(listed),)


def writing(*listed: Action) -> tuple[int, Match, tuple[Instruction, ...]]:
    return 0, MATCH_ALL, (WriteActions(listed),)


def outputs(outcomes: list[Outcome]) -> list[int]:
    return [outcome.port for outcome in outcomes if isinstance(outcome, Transmit)]


# ---------------------------------------------------------------------------------------------- misses


def test_a_miss_is_dropped_by_1_3() -> None:
    assert pipeline_with().receive(PACKET, 1, 0.0) == []


def test_a_miss_goes_to_the_controller_of_1_0() -> None:
    assert pipeline_with(misses_are_punted=True).receive(PACKET, 1, 0.0) == [
        ToController(packet=PACKET, in_port=1, reason=REASON_NO_MATCH)
    ]


def test_a_miss_at_a_silent_port_goes_to_nobody() -> None:
    pipeline = pipeline_with(misses_are_punted=True)
    pipeline.ports[1] = Port(1, config=ports.NO_PACKET_IN)
    assert pipeline.receive(PACKET, 1, 0.0) == []


def table_miss(pipeline: Pipeline) -> None:
    to_controller = (ApplyActions((Output(CONTROLLER, 128),)),)
    pipeline.tables[0].add(FlowMod(priority=0, cookie=7, instructions=to_controller), 0.0)


def test_the_table_miss_entry_says_that_nothing_matched() -> None:
    pipeline = pipeline_with()
    table_miss(pipeline)
    assert pipeline.receive(PACKET, 1, 0.0) == [
        ToController(packet=PACKET, in_port=1, reason=REASON_NO_MATCH, cookie=7, max_len=128)
    ]
    pipeline.ports[1] = Port(1, config=ports.NO_PACKET_IN)
    assert pipeline.receive(PACKET, 1, 0.0) == []


def test_in_1_0_no_entry_is_the_table_miss() -> None:
    pipeline = pipeline_with(misses_are_punted=True)
    table_miss(pipeline)
    (outcome,) = pipeline.receive(PACKET, 1, 0.0)
    assert isinstance(outcome, ToController)
    assert outcome.reason == REASON_ACTION


# ---------------------------------------------------------------------------------------------- outputs


@pytest.mark.parametrize(
    ("port", "expected"), [(2, [2]), (1, []), (IN_PORT, [1]), (ALL, [2, 3, 4]), (FLOOD, [2, 4]), (9, [])]
)
def test_an_output_goes_to_its_ports_but_not_back(port: int, expected: list[int]) -> None:
    pipeline = pipeline_with(applying(Output(port)))
    pipeline.ports[3] = Port(3, config=ports.NO_FLOOD)
    assert outputs(pipeline.receive(PACKET, 1, 0.0)) == expected


@pytest.mark.parametrize(
    "port",
    [Port(2, config=ports.NO_FWD), Port(2, config=ports.PORT_DOWN), Port(2, state=ports.LINK_DOWN)],
)
def test_nothing_leaves_by_a_port_that_may_not_send(port: Port) -> None:
    pipeline = pipeline_with(applying(Output(ALL), Output(2)))
    pipeline.ports[2] = port
    assert outputs(pipeline.receive(PACKET, 1, 0.0)) == [3, 4]


def test_the_local_port_is_not_flooded() -> None:
    pipeline = pipeline_with(applying(Output(ALL), Output(ports.LOCAL)))
    pipeline.ports[ports.LOCAL] = Port(ports.LOCAL)
    assert outputs(pipeline.receive(PACKET, 1, 0.0)) == [2, 3, 4, ports.LOCAL]


def test_each_output_sends_the_packet_as_it_is_then() -> None:
    pipeline = pipeline_with(applying(Output(2), SetField("eth_src", 5), Output(3)))
    first, second = pipeline.receive(PACKET, 1, 0.0)
    assert first == Transmit(2, PACKET)
    assert isinstance(second, Transmit)
    assert parse(second.packet)["eth_src"] == 5


def test_a_queue_is_chosen_for_what_follows_or_for_one_output() -> None:
    pipeline = pipeline_with(applying(Enqueue(2, 5), Output(3), SetQueue(6), Output(4)))
    assert pipeline.receive(PACKET, 1, 0.0) == [
        Transmit(2, PACKET, 5),
        Transmit(3, PACKET, 0),
        Transmit(4, PACKET, 6),
    ]


def test_a_packet_out_may_go_through_the_tables() -> None:
    pipeline = pipeline_with((0, Match.of(in_port=3), (ApplyActions((Output(4),)),)))
    assert pipeline.send(PACKET, 3, (Output(2), Output(TABLE)), 0.0) == [
        Transmit(2, PACKET),
        Transmit(4, PACKET),
    ]


def test_what_the_tables_do_to_a_packet_out_does_not_stop_it() -> None:
    pipeline = pipeline_with(applying(actions.SetNwTtl(1), DecNwTtl()))
    punted, transmitted = pipeline.send(PACKET, 3, (Output(TABLE), Output(2)), 0.0)
    assert isinstance(punted, ToController)
    assert transmitted == Transmit(2, PACKET)


def test_a_packet_whose_ttl_is_used_up_goes_to_the_controller_and_no_further() -> None:
    pipeline = pipeline_with(applying(Output(2), actions.SetNwTtl(1), DecNwTtl(), Output(3)))
    transmitted, punted = pipeline.receive(PACKET, 1, 0.0)
    assert transmitted == Transmit(2, PACKET)
    assert isinstance(punted, ToController)
    assert punted.reason == REASON_INVALID_TTL


# ----------------------------------------------------------------------------------- tables and metadata


def test_metadata_goes_from_table_to_table_and_to_the_controller() -> None:
    pipeline = pipeline_with(
        (0, MATCH_ALL, (WriteMetadata(0xFFAA, 0xFF), GotoTable(1))),
        (1, Match.of(metadata=(0xAA, 0xFF)), (WriteMetadata(0x1100, 0xFF00), GotoTable(3))),
        (3, Match.of(metadata=0x11AA), (ApplyActions((Output(CONTROLLER),)),)),
    )
    assert pipeline.receive(PACKET, 1, 0.0) == [
        ToController(
            packet=PACKET, in_port=1, reason=REASON_ACTION, table_id=3, cookie=2, metadata=0x11AA, max_len=0
        )
    ]


def test_the_next_table_sees_what_the_last_one_wrote_into_the_packet() -> None:
    pipeline = pipeline_with(
        (0, MATCH_ALL, (ApplyActions((PushVlan(0x8100), SetField("vlan_vid", 0x1007))), GotoTable(1))),
        (1, Match.of(vlan_vid=0x1007), (ApplyActions((PopVlan(), Output(2))),)),
    )
    assert pipeline.receive(PACKET, 1, 0.0) == [Transmit(2, PACKET)]


def test_a_tunnel_id_is_seen_by_the_next_table() -> None:
    pipeline = pipeline_with(
        (0, MATCH_ALL, (ApplyActions((SetField("tunnel_id", 9),)), GotoTable(1))),
        (1, Match.of(tunnel_id=9), (ApplyActions((Output(2),)),)),
    )
    assert outputs(pipeline.receive(PACKET, 1, 0.0)) == [2]


def test_the_action_set_is_executed_when_the_last_table_is_done() -> None:
    pipeline = pipeline_with(
        (0, MATCH_ALL, (WriteActions((Output(2), SetField("eth_src", 5))), GotoTable(1))),
        (1, MATCH_ALL, (ApplyActions((Output(4),)), WriteActions((Output(3),)))),
    )
    first, second = pipeline.receive(PACKET, 1, 0.0)
    assert first == Transmit(4, PACKET)
    assert second == Transmit(3, rewrite(PACKET, SetField("eth_src", 5)))


def test_a_cleared_action_set_sends_nothing() -> None:
    pipeline = pipeline_with(
        (0, MATCH_ALL, (WriteActions((Output(2),)), GotoTable(1))), (1, MATCH_ALL, (ClearActions(),))
    )
    assert pipeline.receive(PACKET, 1, 0.0) == []


def test_a_miss_in_a_later_table_drops_the_action_set() -> None:
    pipeline = pipeline_with((0, MATCH_ALL, (WriteActions((Output(2),)), GotoTable(1))))
    assert pipeline.receive(PACKET, 1, 0.0) == []


def test_a_set_has_an_order_of_its_own_and_one_action_of_each_type() -> None:
    listed = (
        *(Output(1), SetField("eth_src", 1), SetField("eth_dst", 2), PushVlan(0x8100), PopVlan()),
        *(SetField("eth_src", 3), Output(2)),
    )
    assert action_set_order(listed) == [
        *(PopVlan(), PushVlan(0x8100), SetField("eth_src", 3), SetField("eth_dst", 2), Output(2))
    ]


def test_a_group_in_the_set_makes_the_output_void() -> None:
    assert action_set_order((Output(1), Group(2))) == [Group(2)]


# -------------------------------------------------------------------------------------- groups and meters


def test_each_bucket_has_a_copy_of_its_own() -> None:
    pipeline = pipeline_with(applying(Group(1), Output(4)))
    buckets = (
        Bucket(actions=(Output(2), SetField("eth_src", 5))),  # a set: the field is set first
        Bucket(actions=(Output(3),)),
    )
    pipeline.groups.apply(GroupMod(command=GROUP_ADD, group_id=1, buckets=buckets), 0.0)
    changed = rewrite(PACKET, SetField("eth_src", 5))
    assert pipeline.receive(PACKET, 1, 0.0) == [
        Transmit(2, changed),
        Transmit(3, PACKET),
        Transmit(4, PACKET),
    ]
    group = pipeline.groups.get(1)
    assert group is not None
    assert (group.packet_count, group.byte_count) == (1, len(PACKET))
    assert group.bucket_counts == [[1, len(PACKET)]] * 2


def test_a_bucket_that_uses_up_the_ttl_does_not_stop_the_others() -> None:
    pipeline = pipeline_with(applying(actions.SetNwTtl(1), Group(1)))
    buckets = (Bucket(actions=(DecNwTtl(), Output(2))), Bucket(actions=(Output(3),)))
    pipeline.groups.apply(GroupMod(command=GROUP_ADD, group_id=1, buckets=buckets), 0.0)
    punted, transmitted = pipeline.receive(PACKET, 1, 0.0)
    assert isinstance(punted, ToController)
    assert isinstance(transmitted, Transmit)


def test_a_failed_port_is_failed_over() -> None:
    pipeline = pipeline_with(applying(Group(1)))
    buckets = tuple(Bucket(watch_port=n, actions=(Output(n),)) for n in (2, 3))
    mod = GroupMod(command=GROUP_ADD, group_id=1, group_type=GROUP_TYPE_FAST_FAILOVER, buckets=buckets)
    pipeline.groups.apply(mod, 0.0)
    assert outputs(pipeline.receive(PACKET, 1, 0.0)) == [2]
    pipeline.ports[2] = Port(2, state=ports.LINK_DOWN)
    assert outputs(pipeline.receive(PACKET, 1, 0.0)) == [3]


def test_a_group_or_meter_that_is_gone_does_nothing() -> None:
    pipeline = pipeline_with((0, MATCH_ALL, (Meter(1), ApplyActions((Group(1), Output(2))))))
    assert outputs(pipeline.receive(PACKET, 1, 0.0)) == [2]


def test_a_meter_goes_before_all_other_instructions() -> None:
    pipeline = pipeline_with((0, MATCH_ALL, (ApplyActions((Output(2),)), Meter(1))))
    band = MeterBand(BAND_DROP, rate=1)
    pipeline.meters.apply(MeterMod(command=METER_ADD, flags=METER_PKTPS, meter_id=1, bands=(band,)), 0.0)
    assert outputs(pipeline.receive(PACKET, 1, 0.0)) == [2]
    assert pipeline.receive(PACKET, 1, 0.0) == []


# --------------------------------------------------------------------------------------------- properties

REWRITING = st.sampled_from(
    [PushVlan(0x8100), PopVlan(), SetField("eth_dst", 7), SetField("ipv4_src", 8), SetField("udp_dst", 9)]
)
LISTS = st.lists(st.one_of(REWRITING, st.sampled_from([Output(2), Output(3)])), max_size=8).map(tuple)


@given(LISTS)
def test_an_action_list_is_its_actions_one_after_the_other(listed: tuple[Action, ...]) -> None:
    expected, packet = [], PACKET
    for action in listed:
        packet = rewrite(packet, action)
        if isinstance(action, Output):
            expected.append(Transmit(action.port, packet))
    assert pipeline_with(applying(*listed)).receive(PACKET, 1, 0.0) == expected


@given(LISTS)
def test_a_list_split_over_two_tables_is_the_same_list(listed: tuple[Action, ...]) -> None:
    one = pipeline_with(applying(*listed))
    for cut in range(len(listed)):
        two = pipeline_with(
            (0, MATCH_ALL, (ApplyActions(listed[:cut]), GotoTable(1))),
            (1, MATCH_ALL, (ApplyActions(listed[cut:]),)),
        )
        assert two.receive(PACKET, 1, 0.0) == one.receive(PACKET, 1, 0.0)


@given(LISTS)
def test_a_written_set_sends_at_most_one_packet(listed: tuple[Action, ...]) -> None:
    assert len(pipeline_with(writing(*listed)).receive(PACKET, 1, 0.0)) <= 1


def test_the_same_flow_takes_the_same_bucket() -> None:
    pipeline = pipeline_with(applying(Group(1)))
    buckets = tuple(Bucket(weight=1, actions=(Output(n),)) for n in (2, 3, 4))
    pipeline.groups.apply(GroupMod(command=GROUP_ADD, group_id=1, group_type=1, buckets=buckets), 0.0)
    assert len({tuple(outputs(pipeline.receive(PACKET, 1, 0.0))) for _ in range(5)}) == 1
    others = {
        tuple(outputs(pipeline.receive(rewrite(PACKET, SetField("udp_src", port)), 1, 0.0)))
        for port in range(50)
    }
    assert len(others) == 3
