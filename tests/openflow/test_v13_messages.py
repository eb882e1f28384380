"""OpenFlow 1.3's messages that change no state: their bytes, and what is refused."""

import pytest

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import frame, v13
from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Message
from flowvisor.openflow.ports import CONTROLLER, Port
from flowvisor.openflow.v13_messages import FORMS
from tests.support.refusals import frame_13, refusal_of_13

MAC = bytes.fromhex("0a0b0c0d0e0f")
PORT = (
    "00000003 00000000 0a0b0c0d0e0f 0000"
    + b"eth3".ljust(16, b"\0").hex()
    + "00000001 00000004"
    + ("00000001 00000002 00000003 00000004 000f4240 00989680")
)
OUTPUT_2 = "0000 0010 00000002 0000 000000000000"
IN_PORT_3 = "0001 000c 80000004 00000003 00000000"

EXAMPLES: list[tuple[Message, int, str]] = [
    (m.Hello(xid=7, version=4), frame.HELLO, ""),
    (m.Hello(xid=7, version=4, versions=frozenset({1, 4})), frame.HELLO, "0001 0008 00000012"),
    (m.Error(xid=7, error=ec.BAD_TYPE, data=b"\4\x63"), frame.ERROR, "0001 0001 0463"),
    (m.EchoRequest(xid=7, data=b"abc"), frame.ECHO_REQUEST, "616263"),
    (m.EchoReply(xid=7), frame.ECHO_REPLY, ""),
    (m.Experimenter(xid=7, experimenter=0x2320, body=bytes(4)), frame.EXPERIMENTER, "00002320 00000000"),
    (m.FeaturesRequest(xid=7), frame.FEATURES_REQUEST, ""),
    (
        m.FeaturesReply(xid=7, dpid=0x1E5, n_buffers=256, n_tables=254, auxiliary_id=1, capabilities=0x4F),
        frame.FEATURES_REPLY,
        "00000000000001e5 00000100 fe 01 0000 0000004f 00000000",
    ),
    (m.GetConfigRequest(xid=7), frame.GET_CONFIG_REQUEST, ""),
    (m.GetConfigReply(xid=7, flags=1, miss_send_len=0xFFFF), frame.GET_CONFIG_REPLY, "0001 ffff"),
    (m.SetConfig(xid=7, flags=0, miss_send_len=128), frame.SET_CONFIG, "0000 0080"),
    (
        m.PacketIn(
            xid=7,
            **{"buffer_id": 5, "total_len": 60, "reason": m.REASON_ACTION, "table_id": 2, "cookie": 9},
            match=Match.of(in_port=3),
            data=b"packet",
        ),
        frame.PACKET_IN,
        "00000005 003c 01 02 0000000000000009" + IN_PORT_3 + "0000" + b"packet".hex(),
    ),
    (
        m.FlowRemoved(
            xid=7,
            **{"cookie": 1, "priority": 2, "reason": m.REMOVED_BY_DELETE, "table_id": 3},
            **{"duration_sec": 4, "duration_nsec": 5, "idle_timeout": 6, "hard_timeout": 7},
            **{"packet_count": 8, "byte_count": 9, "match": Match.of(in_port=3)},
        ),
        frame.FLOW_REMOVED,
        "0000000000000001 0002 02 03 00000004 00000005 0006 0007 0000000000000008 0000000000000009"
        + IN_PORT_3,
    ),
    (
        m.PortStatus(
            xid=7, reason=m.PORT_MODIFY, port=Port(3, MAC, "eth3", 1, 4, 1, 2, 3, 4, 1_000_000, 10_000_000)
        ),
        frame.PORT_STATUS,
        "02 00000000000000" + PORT,
    ),
    (
        m.PacketOut(xid=7, in_port=CONTROLLER, actions=(Output(2),), data=b"packet"),
        frame.PACKET_OUT,
        "ffffffff fffffffd 0010 000000000000" + OUTPUT_2 + b"packet".hex(),
    ),
    (m.BarrierRequest(xid=7), frame.BARRIER_REQUEST, ""),
    (m.BarrierReply(xid=7), frame.BARRIER_REPLY, ""),
    (m.QueueGetConfigRequest(xid=7, port=3), frame.QUEUE_GET_CONFIG_REQUEST, "00000003 00000000"),
    (
        m.QueueGetConfigReply(
            xid=7, port=3, queues=(m.PacketQueue(1, 3, 100, 500, (m.OpaqueProperty(0xFFFF, b"rest"),)),)
        ),
        frame.QUEUE_GET_CONFIG_REPLY,
        "00000003 00000000"
        "00000001 00000003 003c 000000000000"
        "0001 0010 00000000 0064 000000000000"
        "0002 0010 00000000 01f4 000000000000"
        "ffff 000c 00000000" + b"rest".hex(),
    ),
    (
        m.RoleRequest(xid=7, role=m.ROLE_MASTER, generation_id=5),
        frame.ROLE_REQUEST,
        "00000002 00000000 0000000000000005",
    ),
    (
        m.RoleReply(xid=7, role=m.ROLE_SLAVE, generation_id=5),
        frame.ROLE_REPLY,
        "00000003 00000000 0000000000000005",
    ),
    (m.GetAsyncRequest(xid=7), frame.GET_ASYNC_REQUEST, ""),
    (
        m.GetAsyncReply(xid=7, masks=m.AsyncMasks((3, 0), (7, 7), (15, 0))),
        frame.GET_ASYNC_REPLY,
        "00000003 00000000 00000007 00000007 0000000f 00000000",
    ),
    (
        m.SetAsync(xid=7, masks=m.AsyncMasks((1, 2), (3, 4), (5, 6))),
        frame.SET_ASYNC,
        "00000001 00000002 00000003 00000004 00000005 00000006",
    ),
]


@pytest.mark.parametrize(
    ("message", "kind", "body"), EXAMPLES, ids=[type(message).__name__ for message, _, _ in EXAMPLES]
)
def test_a_message_has_these_bytes(message: Message, kind: int, body: str) -> None:
    assert v13.encode(message) == frame_13(kind, body)
    assert v13.decode(frame_13(kind, body)) == message


def test_no_message_lacks_an_example() -> None:
    assert {type(message) for message, _, _ in EXAMPLES} == {form.message for form in FORMS}


@pytest.mark.parametrize(
    "kind",
    [form.number for form in FORMS if form.number not in (frame.HELLO, frame.ECHO_REQUEST, frame.ECHO_REPLY)],
)
def test_a_body_one_byte_short_or_long_is_a_bad_length(kind: int) -> None:
    body = next(bytes.fromhex(body) for _, number, body in EXAMPLES if number == kind)
    ends_in_bytes = (frame.ERROR, frame.EXPERIMENTER, frame.PACKET_IN, frame.PACKET_OUT)
    if kind not in ends_in_bytes:
        assert refusal_of_13(kind, body + b"\0") == ec.BAD_LEN
        if kind != frame.FLOW_REMOVED and body:
            assert refusal_of_13(kind, body[:-1]) == ec.BAD_LEN


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        (frame.ERROR, "0001 00", ec.BAD_LEN),
        (frame.EXPERIMENTER, "00002320", ec.BAD_LEN),  # section 7.5.4: an experimenter type follows
        (frame.PACKET_IN, "00000005 003c 01 02 0000000000000009" + IN_PORT_3 + "00", ec.BAD_LEN),
        (frame.PACKET_IN, "00000005 003c 01 02 0000000000000009" + IN_PORT_3[:-2], ec.MATCH_BAD_LEN),
        (frame.FLOW_REMOVED, EXAMPLES[12][2][:-2], ec.MATCH_BAD_LEN),
        (frame.PACKET_OUT, "ffffffff fffffffd 0011 000000000000" + OUTPUT_2, ec.BAD_LEN),
        (frame.PACKET_OUT, "ffffffff fffffffd 0002 000000000000" + OUTPUT_2, ec.BAD_LEN),
        (frame.PACKET_OUT, "ffffffff fffffffd 0008 000000000000" + OUTPUT_2, ec.ACTION_BAD_LEN),
        (frame.PACKET_OUT, "ffffffff fffffffd 0008 000000000000 0001 0008 00000000", ec.ACTION_BAD_TYPE),
        (frame.ROLE_REQUEST, "00000004 00000000 0000000000000005", ec.BAD_ROLE),
        (frame.QUEUE_GET_CONFIG_REPLY, "00000003 00000000 00000001 00000003 000f 000000000000", ec.BAD_LEN),
    ],
)
def test_a_wrong_body_is_refused_with_its_own_error(kind: int, body: str, error: ec.ErrorCode) -> None:
    assert refusal_of_13(kind, body) == error


def test_a_datapaths_match_may_lack_prerequisites() -> None:
    wire = frame_13(frame.PACKET_IN, "ffffffff 0000 00 00" + "ff" * 8 + "0001 000a 80001c02 0050" + "00" * 8)
    message = v13.decode(wire)
    assert isinstance(message, m.PacketIn)
    assert message.match == Match.of(tcp_dst=80)


def test_what_1_0_says_of_a_datapath_beyond_1_3_is_left_out() -> None:
    features = m.FeaturesReply(
        dpid=1, capabilities=m.STP_10 | m.ARP_MATCH_IP_10 | m.PORT_STATS, actions=0xFFF
    )
    assert v13.decode(v13.encode(features)) == m.FeaturesReply(dpid=1, capabilities=m.PORT_STATS)


def test_a_hello_of_another_version_keeps_it() -> None:
    hello = m.Hello(xid=1, version=6, versions=frozenset({1, 4, 6, 33}))
    assert v13.decode(v13.encode(hello)) == hello
