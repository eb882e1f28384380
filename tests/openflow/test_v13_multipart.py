"""OpenFlow 1.3's multipart messages: their bytes, and what is refused."""

import pytest

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v13
from flowvisor.openflow.actions import ApplyActions, OpaqueSetField, Output
from flowvisor.openflow.frame import MULTIPART_REPLY, MULTIPART_REQUEST
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import BAND_DROP, METER_KBPS, Bucket, Message, MeterBand
from flowvisor.openflow.ports import Port
from flowvisor.openflow.v13_multipart import REPLIES, REQUESTS
from tests.support.refusals import frame_13, refusal_of_13

OUTPUT_2 = "0000 0010 00000002 0000 000000000000"
IN_PORT_3 = "0001 000c 80000004 00000003 00000000"
FILTER = "ff 000000 ffffffff ffffffff 00000000 0000000000000005 00000000000000ff" + IN_PORT_3
FLOW = (
    "0058 02 00 00000004 00000005 8000 000a 0014 0001 00000000"
    "0000000000000005 0000000000000006 0000000000000007" + IN_PORT_3 + "0004 0018 00000000" + OUTPUT_2
)
TABLE = "0040 02 0000000000" + b"one".ljust(32, b"\0").hex() + "00" * 16 + "00000000 00000010"


def text(value: bytes, length: int) -> str:
    return value.ljust(length, b"\0").hex()


REQUEST_EXAMPLES: list[tuple[Message, int, str]] = [
    (mp.DescRequest(xid=7), 0, ""),
    (mp.FlowStatsRequest(xid=7, cookie=5, cookie_mask=0xFF, match=Match.of(in_port=3)), 1, FILTER),
    (mp.AggregateStatsRequest(xid=7, cookie=5, cookie_mask=0xFF, match=Match.of(in_port=3)), 2, FILTER),
    (mp.TableStatsRequest(xid=7), 3, ""),
    (mp.PortStatsRequest(xid=7), 4, "ffffffff 00000000"),
    (mp.QueueStatsRequest(xid=7, port=3, queue_id=4), 5, "00000003 00000004"),
    (mp.GroupStatsRequest(xid=7, group_id=9), 6, "00000009 00000000"),
    (mp.GroupDescRequest(xid=7), 7, ""),
    (mp.GroupFeaturesRequest(xid=7), 8, ""),
    (mp.MeterStatsRequest(xid=7, meter_id=4), 9, "00000004 00000000"),
    (mp.MeterConfigRequest(xid=7), 10, "ffffffff 00000000"),
    (mp.MeterFeaturesRequest(xid=7), 11, ""),
    (mp.TableFeaturesRequest(xid=7, tables=(mp.TableFeatures(2, "one", max_entries=16),)), 12, TABLE),
    (mp.PortDescRequest(xid=7), 13, ""),
    (
        mp.ExperimenterMultipartRequest(xid=7, experimenter=0x2320, body=b"\0\0\0\1rest"),
        0xFFFF,
        "00002320 00000001" + b"rest".hex(),
    ),
]
REPLY_EXAMPLES: list[tuple[Message, int, str]] = [
    (
        mp.DescReply(
            xid=7,
            **{"manufacturer": "flowvisor", "hardware": "none", "software": "1"},
            **{"serial_number": "2", "datapath": "blue/big"},
        ),
        0,
        text(b"flowvisor", 256)
        + text(b"none", 256)
        + text(b"1", 256)
        + text(b"2", 32)
        + text(b"blue/big", 256),
    ),
    (
        mp.FlowStatsReply(
            xid=7,
            flows=(
                mp.FlowStats(
                    **{"table_id": 2, "duration_sec": 4, "duration_nsec": 5, "priority": 0x8000},
                    **{"idle_timeout": 10, "hard_timeout": 20, "flags": 1, "cookie": 5},
                    **{"packet_count": 6, "byte_count": 7, "match": Match.of(in_port=3)},
                    instructions=(ApplyActions((Output(2),)),),
                ),
            )
            * 2,
        ),
        1,
        FLOW * 2,
    ),
    (
        mp.AggregateStatsReply(xid=7, packet_count=1, byte_count=2, flow_count=3),
        2,
        "0000000000000001 0000000000000002 00000003 00000000",
    ),
    (
        mp.TableStatsReply(xid=7, tables=(mp.TableStats(1, 2, 3, 4),)),
        3,
        "01 000000 00000002 0000000000000003 0000000000000004",
    ),
    (
        mp.PortStatsReply(xid=7, ports=(mp.PortStats(*range(1, 16)),)),
        4,
        "00000001 00000000" + "".join(f"{n:016x}" for n in range(2, 14)) + "0000000e 0000000f",
    ),
    (
        mp.QueueStatsReply(xid=7, queues=(mp.QueueStats(1, 2, 3, 4, 5, 6, 7),)),
        5,
        "00000001 00000002 0000000000000003 0000000000000004 0000000000000005 00000006 00000007",
    ),
    (
        mp.GroupStatsReply(xid=7, groups=(mp.GroupStats(1, 2, 3, 4, 5, 6, ((7, 8),)),)),
        6,
        "0038 0000 00000001 00000002 00000000 0000000000000003 0000000000000004 00000005 00000006"
        "0000000000000007 0000000000000008",
    ),
    (
        mp.GroupDescReply(xid=7, groups=(mp.GroupDesc(1, 9, (Bucket(1, 4, 5, (Output(2),)),)),)),
        7,
        "0028 01 00 00000009 0020 0001 00000004 00000005 00000000" + OUTPUT_2,
    ),
    (
        mp.GroupFeaturesReply(xid=7, types=15, capabilities=3, max_groups=(1, 2, 3, 4), actions=(5, 6, 7, 8)),
        8,
        "0000000f 00000003" + "".join(f"{n:08x}" for n in range(1, 9)),
    ),
    (
        mp.MeterStatsReply(xid=7, meters=(mp.MeterStats(1, 2, 3, 4, 5, 6, ((7, 8),)),)),
        9,
        "00000001 0038 000000000000 00000002 0000000000000003 0000000000000004 00000005 00000006"
        "0000000000000007 0000000000000008",
    ),
    (
        mp.MeterConfigReply(xid=7, meters=(mp.MeterConfig(4, METER_KBPS, (MeterBand(BAND_DROP, 10, 20),)),)),
        10,
        "0018 0001 00000004 0001 0010 0000000a 00000014 00000000",
    ),
    (
        mp.MeterFeaturesReply(
            xid=7, **{"max_meter": 1, "band_types": 2, "capabilities": 3, "max_bands": 4, "max_color": 5}
        ),
        11,
        "00000001 00000002 00000003 04 05 0000",
    ),
    (mp.TableFeaturesReply(xid=7, tables=(mp.TableFeatures(2, "one", max_entries=16),)), 12, TABLE),
    (
        mp.PortDescReply(xid=7, ports=(Port(3, b"\1\2\3\4\5\6", "eth3"),)),
        13,
        "00000003 00000000 010203040506 0000" + text(b"eth3", 16) + "00" * 32,
    ),
    (
        mp.ExperimenterMultipartReply(xid=7, experimenter=0x2320, body=b"\0\0\0\1"),
        0xFFFF,
        "00002320 00000001",
    ),
]
EXAMPLES = [
    *((MULTIPART_REQUEST, *example) for example in REQUEST_EXAMPLES),
    *((MULTIPART_REPLY, *example) for example in REPLY_EXAMPLES),
]


def body_of(number: int, rest: str, flags: int = 0) -> str:
    """A multipart's body."""
    return f"{number:04x}{flags:04x}00000000{rest}"


@pytest.mark.parametrize(
    ("kind", "message", "number", "rest"),
    EXAMPLES,
    ids=[type(message).__name__ for _, message, _, _ in EXAMPLES],
)
def test_a_multipart_has_these_bytes(kind: int, message: Message, number: int, rest: str) -> None:
    assert v13.encode(message) == frame_13(kind, body_of(number, rest))
    assert v13.decode(frame_13(kind, body_of(number, rest))) == message


def test_no_multipart_lacks_an_example() -> None:
    assert {type(message) for message, _, _ in REQUEST_EXAMPLES} == {form.message for form in REQUESTS}
    assert {type(message) for message, _, _ in REPLY_EXAMPLES} == {form.message for form in REPLIES}


@pytest.mark.parametrize("kind", [MULTIPART_REQUEST, MULTIPART_REPLY])
@pytest.mark.parametrize("number", [14, 15, 0x1234, 0xFFFE])
def test_an_unknown_type_is_a_bad_multipart(kind: int, number: int) -> None:
    assert refusal_of_13(kind, body_of(number, "00000000")) == ec.BAD_MULTIPART


def test_a_part_that_others_follow_says_so() -> None:
    reply = mp.PortDescReply(xid=7, more=True)
    assert v13.encode(reply) == frame_13(MULTIPART_REPLY, body_of(13, "", flags=1))
    assert v13.decode(frame_13(MULTIPART_REPLY, body_of(13, "", flags=0xFFFF))) == reply
    assert v13.decode(frame_13(MULTIPART_REPLY, body_of(13, "", flags=0xFFFE))) == mp.PortDescReply(xid=7)


@pytest.mark.parametrize(
    ("kind", "message", "number", "rest"),
    [example for example in EXAMPLES if example[2] != 0xFFFF],
    ids=[type(message).__name__ for _, message, number, _ in EXAMPLES if number != 0xFFFF],
)
def test_a_byte_more_or_less_is_refused(kind: int, message: Message, number: int, rest: str) -> None:
    lengths = (ec.BAD_LEN, ec.MATCH_BAD_LEN, ec.INST_BAD_LEN, ec.ACTION_BAD_LEN, ec.TABLE_FEATURES_BAD_LEN)
    data = bytes.fromhex(body_of(number, rest))
    assert refusal_of_13(kind, data + b"\0") in lengths
    assert refusal_of_13(kind, data[:-1]) in lengths


@pytest.mark.parametrize(
    ("kind", "number", "rest", "error"),
    [
        (MULTIPART_REQUEST, 0xFFFF, "00002320", ec.BAD_LEN),
        (MULTIPART_REPLY, 0xFFFF, "000023", ec.BAD_LEN),
        (MULTIPART_REQUEST, 1, FILTER.replace("80000004", "80000104"), ec.MATCH_BAD_LEN),
        (
            MULTIPART_REQUEST,
            1,
            FILTER.replace(IN_PORT_3, "0001 000a 80001c02 0050 000000000000"),
            ec.MATCH_BAD_PREREQ,
        ),
        (MULTIPART_REPLY, 1, "0000" + FLOW[4:], ec.BAD_LEN),
        (MULTIPART_REPLY, 1, "0030" + FLOW[4:], ec.BAD_LEN),
        (MULTIPART_REPLY, 1, "0068" + FLOW[4:], ec.BAD_LEN),
        (MULTIPART_REPLY, 6, "0020" + "00" * 38, ec.BAD_LEN),
        (MULTIPART_REPLY, 6, "0030" + "00" * 46, ec.BAD_LEN),
        (MULTIPART_REPLY, 9, "00000001 0030" + "00" * 42, ec.BAD_LEN),
        (MULTIPART_REPLY, 9, "00000001", ec.BAD_LEN),
        (MULTIPART_REPLY, 10, "0020 0001 00000004 0001 0010 0000000a 00000014 00000000", ec.BAD_LEN),
    ],
)
def test_a_wrong_body_is_refused_with_its_own_error(
    kind: int, number: int, rest: str, error: ec.ErrorCode
) -> None:
    assert refusal_of_13(kind, body_of(number, rest)) == error


def test_a_datapaths_statistics_may_hold_what_we_do_not_understand() -> None:
    register = "0019 0010 00010004 00000001 00000000"
    reply = v13.decode(frame_13(MULTIPART_REPLY, body_of(1, FLOW.replace(OUTPUT_2, register))))
    assert isinstance(reply, mp.FlowStatsReply)
    assert reply.flows[0].instructions == (ApplyActions((OpaqueSetField(0x00010004, b"\0\0\0\1"),)),)
