"""OpenFlow 1.3's messages that change state: their bytes, and what is refused."""

import pytest

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import frame, v13
from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import ApplyActions, Enqueue, GotoTable, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Message
from flowvisor.openflow.ports import ANY, NO_FLOOD, NO_FWD, PORT_DOWN
from flowvisor.openflow.v13_modifications import FORMS
from tests.support.refusals import frame_13, inexpressible, refusal_of_13

OUTPUT_2 = "0000 0010 00000002 0000 000000000000"
APPLY = "0004 0018 00000000" + OUTPUT_2
GOTO_3 = "0001 0008 03 000000"
IN_PORT_3 = "0001 000c 80000004 00000003 00000000"
BUCKET = "0020 0001 00000004 ffffffff 00000000" + OUTPUT_2


def flow_mod(command: str = "00", flags: str = "0000", rest: str = IN_PORT_3) -> str:
    """The body of a flow-mod with these hexadecimal parts."""
    head = "0000000000000001 0000000000000000 02" + command
    return head + "000a 0014 8000 ffffffff ffffffff ffffffff" + flags + "0000" + rest


EXAMPLES: list[tuple[Message, int, str]] = [
    (
        m.FlowMod(
            xid=7,
            **{"cookie": 1, "table_id": 2, "idle_timeout": 10, "hard_timeout": 20},
            flags=m.SEND_FLOW_REM | m.CHECK_OVERLAP,
            match=Match.of(in_port=3),
            instructions=(ApplyActions((Output(2),)), GotoTable(3)),
        ),
        frame.FLOW_MOD,
        flow_mod(flags="0003", rest=IN_PORT_3 + APPLY + GOTO_3),
    ),
    (
        m.GroupMod(
            xid=7,
            **{"command": m.GROUP_ADD, "group_type": m.GROUP_TYPE_SELECT, "group_id": 9},
            buckets=(m.Bucket(1, 4, m.ANY_GROUP, (Output(2),)), m.Bucket(watch_port=ANY)),
        ),
        frame.GROUP_MOD,
        "0000 01 00 00000009" + BUCKET + "0010 0000 ffffffff ffffffff 00000000",
    ),
    (
        m.PortMod(
            xid=7,
            **{"port": 3, "hw_addr": bytes(range(1, 7)), "config": PORT_DOWN},
            **{"mask": PORT_DOWN | NO_FWD, "advertise": 0x20},
        ),
        frame.PORT_MOD,
        "00000003 00000000 010203040506 0000 00000001 00000021 00000020 00000000",
    ),
    (m.TableMod(xid=7, table_id=0xFF, config=3), frame.TABLE_MOD, "ff 000000 00000003"),
    (
        m.MeterMod(
            xid=7,
            **{"command": m.METER_ADD, "flags": m.METER_KBPS | m.METER_BURST, "meter_id": 4},
            bands=(
                m.MeterBand(m.BAND_DROP, 1000, 100),
                m.MeterBand(m.BAND_DSCP_REMARK, 500, 50, prec_level=2),
                m.MeterBand(0xFFFF, 1, 2, body=bytes.fromhex("00002320 aabbccdd")),
            ),
        ),
        frame.METER_MOD,
        "0000 0005 00000004"
        "0001 0010 000003e8 00000064 00000000"
        "0002 0010 000001f4 00000032 02 000000"
        "ffff 0014 00000001 00000002 00002320 aabbccdd",
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
    ("kind", "body", "error"),
    [
        (frame.FLOW_MOD, flow_mod()[:40], ec.BAD_LEN),
        (frame.FLOW_MOD, flow_mod(command="05"), ec.FLOW_MOD_BAD_COMMAND),
        (frame.FLOW_MOD, flow_mod(flags="0020"), ec.FLOW_MOD_BAD_FLAGS),
        (frame.FLOW_MOD, flow_mod(rest=""), ec.BAD_LEN),
        (frame.FLOW_MOD, flow_mod(rest="0000 0004 00000000"), ec.MATCH_BAD_TYPE),
        (frame.FLOW_MOD, flow_mod(rest="0001 0104 00000000"), ec.MATCH_BAD_LEN),
        (frame.FLOW_MOD, flow_mod(rest="0001 000a 80001c02 0050 000000000000"), ec.MATCH_BAD_PREREQ),
        (frame.FLOW_MOD, flow_mod(rest=IN_PORT_3 + "00"), ec.BAD_LEN),
        (frame.FLOW_MOD, flow_mod(rest=IN_PORT_3 + APPLY[:-2]), ec.INST_BAD_LEN),
        (frame.FLOW_MOD, flow_mod(rest=IN_PORT_3 + GOTO_3 * 2), ec.UNSUP_INST),
        (frame.FLOW_MOD, flow_mod(rest=IN_PORT_3 + "0007 0008 00000000"), ec.UNKNOWN_INST),
        (frame.GROUP_MOD, "0003 01 00 00000009", ec.GROUP_BAD_COMMAND),
        (frame.GROUP_MOD, "0000 04 00 00000009", ec.GROUP_BAD_TYPE),
        (frame.GROUP_MOD, "0000 01 00 000000", ec.BAD_LEN),
        (frame.GROUP_MOD, "0000 01 00 00000009" + BUCKET[:-2], ec.GROUP_BAD_BUCKET),
        (frame.GROUP_MOD, "0000 01 00 00000009 0008 0001 00000004 ffffffff 00000000", ec.GROUP_BAD_BUCKET),
        (frame.GROUP_MOD, "0000 01 00 00000009 0030" + BUCKET[4:], ec.GROUP_BAD_BUCKET),
        (frame.GROUP_MOD, "0000 01 00 00000009 0018" + BUCKET[4:], ec.ACTION_BAD_LEN),
        (frame.GROUP_MOD, "0000 01 00 00000009 0020 0001", ec.BAD_LEN),
        (frame.PORT_MOD, "00000003" + "00" * 31, ec.BAD_LEN),
        (
            frame.PORT_MOD,
            "00000003" + "00" * 12 + "00000010 00000010 00000000 00000000",
            ec.PORT_MOD_BAD_CONFIG,
        ),
        (frame.TABLE_MOD, "ff 000000 000000", ec.BAD_LEN),
        (frame.METER_MOD, "0003 0000 00000004", ec.METER_BAD_COMMAND),
        (frame.METER_MOD, "0000 0010 00000004", ec.METER_BAD_FLAGS),
        (frame.METER_MOD, "0000 0001 00000004 0003 0010 00000001 00000002 00000000", ec.METER_BAD_BAND),
        (frame.METER_MOD, "0000 0001 00000004 0001 000c 00000001 00000002", ec.METER_BAD_BAND),
        (
            frame.METER_MOD,
            "0000 0001 00000004 0001 0014 00000001 00000002 00000000 00000000",
            ec.METER_BAD_BAND,
        ),
        (frame.METER_MOD, "0000 0001 00000004 ffff 000c 00000001 00000002", ec.METER_BAD_BAND),
        (frame.METER_MOD, "0000 0001 00000004 0001 0010 000000", ec.BAD_LEN),
    ],
)
def test_a_wrong_body_is_refused_with_its_own_error(kind: int, body: str, error: ec.ErrorCode) -> None:
    assert refusal_of_13(kind, body) == error


def test_a_group_is_deleted_whatever_type_it_is_called() -> None:
    assert v13.decode(frame_13(frame.GROUP_MOD, "0002 ff 00 fffffffc")) == m.GroupMod(
        xid=7, command=m.GROUP_DELETE, group_type=0xFF, group_id=m.ALL_GROUPS
    )


def test_what_only_1_0_has_is_inexpressible() -> None:
    assert inexpressible(lambda: v13.encode(m.FlowMod(flags=m.EMERGENCY))) == ec.FLOW_MOD_BAD_FLAGS
    assert (
        inexpressible(lambda: v13.encode(m.PortMod(port=1, config=NO_FLOOD, mask=NO_FLOOD)))
        == ec.PORT_MOD_BAD_CONFIG
    )
    enqueue = m.FlowMod(instructions=(ApplyActions((Enqueue(1, 1),)),))
    assert inexpressible(lambda: v13.encode(enqueue)) == ec.ACTION_BAD_TYPE
