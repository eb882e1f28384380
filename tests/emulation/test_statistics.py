"""Multipart requests are answered from what the datapath holds, in parts that fit into frames."""

from __future__ import annotations

from typing import Any

import pytest

from flowvisor.emulation import capabilities
from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.openflow import error_codes
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.actions import ApplyActions, Group, Meter, Output
from flowvisor.openflow.error_codes import ErrorCode
from flowvisor.openflow.match import Match
from flowvisor.openflow.versions import codec

QUEUES = {1: (m.PacketQueue(5, min_rate=100),)}


def datapath(version: int = 4) -> EmulatedDatapath:
    """Ports 1 and 2; entry 1 sends port 1 to a group and a meter, entry 2 sends port 2 to port 1."""
    made = EmulatedDatapath(7, version, (1, 2), n_tables=None if version == 1 else 3, queues=QUEUES, now=10.0)
    mods: list[m.Message] = [flow(2, Match.of(in_port=2), (ApplyActions((Output(1),)),))]
    if version > 1:
        mods += [
            m.GroupMod(command=m.GROUP_ADD, group_id=3, buckets=(m.Bucket(actions=(Output(2),)),)),
            m.MeterMod(command=m.METER_ADD, meter_id=4, flags=m.METER_KBPS, bands=(m.MeterBand(1, rate=9),)),
            flow(1, Match.of(in_port=1), (Meter(4), ApplyActions((Group(3),))), table_id=0),
        ]
    for mod in mods:
        assert made.from_controller(mod, 10.0) == []
    for port in (1, 2, 2):
        made.from_port(port, b"x" * 60, 11.0)
    return made


def flow(cookie: int, match: Match, instructions: Any, **fields: Any) -> m.FlowMod:
    return m.FlowMod(cookie=cookie, match=match, instructions=instructions, **fields)


def replies(of: EmulatedDatapath, request: mp.MultipartRequest) -> list[Any]:
    found = []
    for effect in of.from_controller(request, 12.5):
        assert isinstance(effect, Tell)
        codec(of.version).encode(effect.message)  # it fits
        found.append(effect.message)
    return found


def reply(of: EmulatedDatapath, request: mp.MultipartRequest) -> Any:
    (found,) = replies(of, request)
    return found


def test_flows_are_listed_with_their_age_and_counters() -> None:
    flows = {each.cookie: each for each in reply(datapath(), mp.FlowStatsRequest(xid=9)).flows}
    assert flows.keys() == {1, 2}
    assert (flows[2].packet_count, flows[2].byte_count) == (2, 120)
    assert (flows[2].duration_sec, flows[2].duration_nsec) == (2, 500_000_000)
    assert flows[1].instructions == (Meter(4), ApplyActions((Group(3),)))


def test_a_reply_carries_the_xid_of_its_request() -> None:
    assert reply(datapath(), mp.FlowStatsRequest(xid=9)).xid == 9


@pytest.mark.parametrize(
    ("filters", "cookies"),
    [
        ({"match": Match.of(in_port=2)}, {2}),
        ({"out_port": 1}, {2}),
        ({"out_group": 3}, {1}),
        ({"cookie": 1, "cookie_mask": 3}, {1}),
        ({"table_id": 0}, {1, 2}),
        ({"table_id": 2}, set()),
    ],
)
def test_flows_are_filtered(filters: dict[str, Any], cookies: set[int]) -> None:
    of = datapath()
    assert {each.cookie for each in reply(of, mp.FlowStatsRequest(**filters)).flows} == cookies
    assert reply(of, mp.AggregateStatsRequest(**filters)).flow_count == len(cookies)


def test_an_aggregate_adds_up_and_may_be_of_nothing() -> None:
    of = datapath()
    assert reply(of, mp.AggregateStatsRequest()) == mp.AggregateStatsReply(
        packet_count=3, byte_count=180, flow_count=2
    )
    assert reply(of, mp.AggregateStatsRequest(table_id=1)) == mp.AggregateStatsReply()


def test_many_flows_come_in_parts_that_fit() -> None:
    of = EmulatedDatapath(7, 4, (1,), n_tables=1)
    for i in range(1000):
        of.from_controller(flow(i, Match.of(eth_src=i), (ApplyActions((Output(1),)),)), 0.0)
    parts = replies(of, mp.FlowStatsRequest())
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]
    assert {each.cookie for part in parts for each in part.flows} == set(range(1000))


@pytest.mark.parametrize("version", [1, 4])
def test_tables_count_lookups(version: int) -> None:
    first, *rest = reply(datapath(version), mp.TableStatsRequest()).tables
    matched = 3 if version > 1 else 2
    assert (first.lookup_count, first.matched_count, first.active_count) == (3, matched, matched - 1)
    assert len(rest) == (2 if version > 1 else 0)


@pytest.mark.parametrize("version", [1, 4])
def test_ports_count_what_comes_and_goes(version: int) -> None:
    of = datapath(version)
    (one,) = reply(of, mp.PortStatsRequest(port=1)).ports
    assert (one.rx_packets, one.rx_bytes, one.tx_packets, one.tx_bytes) == (1, 60, 2, 120)
    assert [port.port for port in reply(of, mp.PortStatsRequest()).ports] == [1, 2]


def test_queues_count_what_goes_through_them() -> None:
    of = datapath(1)
    (queue,) = reply(of, mp.QueueStatsRequest()).queues
    assert (queue.port, queue.queue_id, queue.tx_packets) == (1, 5, 0)


def test_groups_and_meters_tell_their_users_and_counters() -> None:
    of = datapath()
    (group,) = reply(of, mp.GroupStatsRequest()).groups
    assert (group.ref_count, group.packet_count, group.buckets) == (1, 1, ((1, 60),))
    (meter,) = reply(of, mp.MeterStatsRequest(meter_id=4)).meters
    assert (meter.flow_count, meter.packet_in_count, meter.bands) == (1, 1, ((0, 0),))
    (description,) = reply(of, mp.GroupDescRequest()).groups
    assert description == mp.GroupDesc(0, 3, (m.Bucket(actions=(Output(2),)),))
    (configuration,) = reply(of, mp.MeterConfigRequest()).meters
    assert configuration == mp.MeterConfig(4, m.METER_KBPS, (m.MeterBand(1, rate=9),))


def test_features_of_all_tables_come_in_parts() -> None:
    of = EmulatedDatapath(7)
    parts = replies(of, mp.TableFeaturesRequest(xid=3))
    assert [table.table_id for part in parts for table in part.tables] == list(range(254))
    assert len(parts) > 1
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]


def test_what_is_always_the_same_is_told() -> None:
    of = datapath()
    assert reply(of, mp.DescRequest()) == capabilities.DESCRIPTION
    assert reply(of, mp.GroupFeaturesRequest()) == capabilities.GROUP_FEATURES
    assert reply(of, mp.MeterFeaturesRequest()) == capabilities.METER_FEATURES
    assert [port.number for port in reply(of, mp.PortDescRequest()).ports] == [1, 2]


@pytest.mark.parametrize(
    "request_", [mp.FlowStatsRequest(), mp.GroupStatsRequest(), mp.MeterStatsRequest(), mp.PortDescRequest()]
)
def test_nothing_is_told_in_one_empty_part(request_: mp.MultipartRequest) -> None:
    assert len(replies(EmulatedDatapath(7, 4, n_tables=1), request_)) == 1


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (mp.PortStatsRequest(port=9), error_codes.REQUEST_BAD_PORT),
        (mp.QueueStatsRequest(port=9), error_codes.QUEUE_BAD_PORT),
        (mp.QueueStatsRequest(port=1, queue_id=9), error_codes.QUEUE_BAD_QUEUE),
        (mp.FlowStatsRequest(table_id=9), error_codes.REQUEST_BAD_TABLE_ID),
        (mp.MeterStatsRequest(meter_id=9), error_codes.UNKNOWN_METER),
        (mp.MeterConfigRequest(meter_id=9), error_codes.UNKNOWN_METER),
        (mp.ExperimenterMultipartRequest(experimenter=1), error_codes.BAD_EXPERIMENTER),
        (mp.TableFeaturesRequest(tables=(mp.TableFeatures(0),)), error_codes.TABLE_FEATURES_EPERM),
    ],
)
def test_what_is_not_there_cannot_be_asked_for(request_: mp.MultipartRequest, error: ErrorCode) -> None:
    assert reply(datapath(), request_).error == error
