"""1.0's statistics: lengths of the specification, filters of 1.3 refused, all ports by either name."""

from struct import pack
from typing import Any

import pytest

from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v10
from flowvisor.openflow import v10_statistics as statistics
from flowvisor.openflow.frame import HEADER
from flowvisor.openflow.messages import Message
from flowvisor.openflow.ports import ALL, ANY
from tests.support.refusals import inexpressible, refusal


def frame_of(kind: int, body: bytes) -> bytes:
    return HEADER.pack(1, kind, 8 + len(body), 7) + body


@pytest.mark.parametrize(
    ("message", "length"),
    [
        (mp.DescRequest(), 12),
        (mp.DescReply(), 12 + 1056),
        (mp.FlowStatsRequest(), 12 + 44),
        (mp.FlowStatsReply(), 12),
        (mp.FlowStatsReply(flows=(mp.FlowStats(),)), 12 + 88),
        (mp.FlowStatsReply(flows=(mp.FlowStats(instructions=(a.ApplyActions((a.Output(1),)),)),)), 12 + 96),
        (mp.AggregateStatsRequest(), 12 + 44),
        (mp.AggregateStatsReply(), 12 + 24),
        (mp.TableStatsRequest(), 12),
        (mp.TableStatsReply(tables=(mp.TableStats(0),)), 12 + 64),
        (mp.PortStatsRequest(), 12 + 8),
        (mp.PortStatsReply(ports=(mp.PortStats(1),)), 12 + 104),
        (mp.QueueStatsRequest(), 12 + 8),
        (mp.QueueStatsReply(queues=(mp.QueueStats(1, 2),)), 12 + 32),
        (mp.ExperimenterMultipartRequest(experimenter=1, body=b"12"), 12 + 6),
        (mp.ExperimenterMultipartReply(experimenter=1), 12 + 4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_statistics_have_the_lengths_of_the_specification(message: Message, length: int) -> None:
    assert len(v10.encode(message)) == length


@pytest.mark.parametrize("kind", [v10.STATS_REQUEST, v10.STATS_REPLY])
@pytest.mark.parametrize("number", [6, 13, 0xFFFE])
def test_unknown_statistics_are_refused(kind: int, number: int) -> None:
    assert refusal(lambda: v10.decode(frame_of(kind, pack("!HH", number, 0)))) == ec.BAD_MULTIPART


def test_flags_of_a_request_do_not_count_and_other_flags_of_a_reply_neither() -> None:
    assert v10.decode(frame_of(v10.STATS_REQUEST, pack("!HH", 0, 0xFFFF))) == mp.DescRequest(xid=7)
    reply = v10.decode(frame_of(v10.STATS_REPLY, pack("!HH", 1, 0xFFFE)))
    assert reply == mp.FlowStatsReply(xid=7, more=False)


@pytest.mark.parametrize("length", [0, 1, 2, 87, 89, 95, 97, 104, 0xFFFF])
def test_an_entrys_length_that_lies_is_refused(length: int) -> None:
    entry = mp.FlowStats(instructions=(a.ApplyActions((a.Output(1),)),))
    frame = bytearray(v10.encode(mp.FlowStatsReply(flows=(entry,))))
    frame[12:14] = pack("!H", length)
    assert refusal(lambda: v10.decode(bytes(frame))) in (ec.BAD_LEN, ec.ACTION_BAD_LEN)


@pytest.mark.parametrize("port", [0xFFFC, 0xFFFF])
def test_queues_of_all_ports_are_asked_for_with_either_name(port: int) -> None:
    frame = frame_of(v10.STATS_REQUEST, pack("!HHHxxI", statistics.QUEUE, 0, port, 0xFFFFFFFF))
    assert v10.decode(frame) == mp.QueueStatsRequest(xid=7, port=ANY)


def test_1_0_is_asked_for_queues_of_all_ports_by_its_own_name() -> None:
    assert v10.encode(mp.QueueStatsRequest())[12:14] == b"\xff\xfc"
    assert v10.encode(mp.QueueStatsRequest(port=ALL))[12:14] == b"\xff\xfc"
    assert v10.encode(mp.PortStatsRequest())[12:14] == b"\xff\xff"


@pytest.mark.parametrize("make", [mp.FlowStatsRequest, mp.AggregateStatsRequest])
@pytest.mark.parametrize("fields", [{"cookie": 1, "cookie_mask": 1}, {"out_group": 1}])
def test_a_filter_that_1_0_does_not_have_is_inexpressible(make: Any, fields: dict[str, int]) -> None:
    assert inexpressible(lambda: v10.encode(make(**fields))) == ec.MATCH_BAD_FIELD


def test_a_request_in_parts_is_inexpressible() -> None:
    assert inexpressible(lambda: v10.encode(mp.DescRequest(more=True))) == ec.BAD_MULTIPART


def test_what_only_1_3_tells_is_left_out() -> None:
    told = mp.PortStats(1, rx_packets=2, duration_sec=3)
    reply = v10.decode(v10.encode(mp.PortStatsReply(ports=(told,))))
    assert reply == mp.PortStatsReply(ports=(mp.PortStats(1, rx_packets=2),))
