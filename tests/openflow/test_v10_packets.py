"""1.0's messages of packets and flow entries: where what is, and what they refuse."""

from struct import Struct, unpack_from
from typing import Any

import pytest
from attrs import evolve

from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import messages as m
from flowvisor.openflow import v10
from flowvisor.openflow import v10_packets as layout
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ANY, CONTROLLER
from flowvisor.openflow.v10_match import encode_match
from tests.support.refusals import inexpressible, refusal

PACKET_IN = m.PacketIn(
    xid=1, buffer_id=0x11121314, total_len=0x2122, reason=1, match=Match.of(in_port=0x3132), data=b"packet"
)
PACKET_OUT = m.PacketOut(
    xid=1, buffer_id=0x11121314, in_port=0x3132, actions=(a.Output(1), a.StripVlan()), data=b"packet"
)
FLOW_MOD = m.FlowMod(
    xid=1,
    cookie=0x4142434445464748,
    command=m.DELETE,
    idle_timeout=0x5152,
    hard_timeout=0x6162,
    priority=0x7172,
    buffer_id=0x11121314,
    out_port=0x3132,
    flags=m.SEND_FLOW_REM | m.EMERGENCY,
    match=Match.of(in_port=7),
    instructions=(a.ApplyActions((a.Output(1),)),),
)


@pytest.mark.parametrize(
    ("message", "offset", "form", "value"),
    [
        (PACKET_IN, layout.PACKET_IN_BUFFER_ID, "!I", 0x11121314),
        (PACKET_IN, layout.PACKET_IN_TOTAL_LEN, "!H", 0x2122),
        (PACKET_IN, layout.PACKET_IN_IN_PORT, "!H", 0x3132),
        (PACKET_IN, layout.PACKET_IN_REASON, "!B", 1),
        (PACKET_IN, layout.PACKET_IN_DATA, "!6s", b"packet"),
        (PACKET_OUT, layout.PACKET_OUT_BUFFER_ID, "!I", 0x11121314),
        (PACKET_OUT, layout.PACKET_OUT_IN_PORT, "!H", 0x3132),
        (PACKET_OUT, layout.PACKET_OUT_ACTIONS_LEN, "!H", 16),
        (PACKET_OUT, layout.PACKET_OUT_ACTIONS, "!HHHHHH4x6s", (0, 8, 1, 0, 3, 8, b"packet")),
        (FLOW_MOD, layout.FLOW_MOD_MATCH, "!40s", encode_match(Match.of(in_port=7))),
        (FLOW_MOD, layout.FLOW_MOD_COOKIE, "!Q", 0x4142434445464748),
        (FLOW_MOD, layout.FLOW_MOD_COMMAND, "!H", m.DELETE),
        (FLOW_MOD, layout.FLOW_MOD_IDLE_TIMEOUT, "!H", 0x5152),
        (FLOW_MOD, layout.FLOW_MOD_HARD_TIMEOUT, "!H", 0x6162),
        (FLOW_MOD, layout.FLOW_MOD_PRIORITY, "!H", 0x7172),
        (FLOW_MOD, layout.FLOW_MOD_BUFFER_ID, "!I", 0x11121314),
        (FLOW_MOD, layout.FLOW_MOD_OUT_PORT, "!H", 0x3132),
        (FLOW_MOD, layout.FLOW_MOD_FLAGS, "!H", 1 | layout.EMERGENCY_10),
        (FLOW_MOD, layout.FLOW_MOD_ACTIONS, "!HHHH", (0, 8, 1, 0)),
    ],
)
def test_everything_is_where_the_constants_say(
    message: m.Message, offset: int, form: str, value: Any
) -> None:
    found = unpack_from(form, v10.encode(message), offset)
    assert found == (value if isinstance(value, tuple) else (value,))


@pytest.mark.parametrize(
    ("structure", "offset", "end"),
    [
        (layout.PACKET_IN_STRUCT, 8, layout.PACKET_IN_DATA),
        (layout.PACKET_OUT_STRUCT, 8, layout.PACKET_OUT_ACTIONS),
        (layout.FLOW_MOD_STRUCT, layout.FLOW_MOD_COOKIE, layout.FLOW_MOD_ACTIONS),
    ],
)
def test_the_structures_end_where_the_rest_begins(structure: Struct, offset: int, end: int) -> None:
    assert offset + structure.size == end


@pytest.mark.parametrize("actions_len", [8, 24, 0xFFFF])
def test_a_packet_outs_actions_that_do_not_end_where_it_says_are_refused(actions_len: int) -> None:
    frame = bytearray(v10.encode(evolve(PACKET_OUT, actions=(a.SetField("eth_src", 1),), data=b"")))
    frame[layout.PACKET_OUT_ACTIONS_LEN : layout.PACKET_OUT_ACTIONS] = actions_len.to_bytes(2, "big")
    expected = ec.ACTION_BAD_LEN if actions_len == 8 else ec.BAD_LEN
    assert refusal(lambda: v10.decode(bytes(frame))) == expected


def test_a_flow_mod_whose_last_action_runs_over_its_end_is_refused() -> None:
    # The tail would be read as the next message: FlowVisor let it through.
    frame = bytearray(v10.encode(FLOW_MOD))
    frame[layout.FLOW_MOD_ACTIONS + 2 : layout.FLOW_MOD_ACTIONS + 4] = (80).to_bytes(2, "big")
    assert refusal(lambda: v10.decode(bytes(frame))) == ec.ACTION_BAD_LEN


def test_a_flow_mod_of_an_unknown_command_is_refused() -> None:
    frame = bytearray(v10.encode(FLOW_MOD))
    frame[layout.FLOW_MOD_COMMAND + 1] = 5
    assert refusal(lambda: v10.decode(bytes(frame))) == ec.FLOW_MOD_BAD_COMMAND


def test_a_flow_mod_with_unknown_flags_is_refused() -> None:
    frame = bytearray(v10.encode(FLOW_MOD))
    frame[layout.FLOW_MOD_FLAGS + 1] = 8
    assert refusal(lambda: v10.decode(bytes(frame))) == ec.FLOW_MOD_BAD_FLAGS


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"table_id": 1}, ec.FLOW_MOD_BAD_TABLE_ID),
        ({"cookie_mask": 1}, ec.MATCH_BAD_FIELD),
        ({"out_group": 1}, ec.MATCH_BAD_FIELD),
        ({"flags": m.RESET_COUNTS}, ec.FLOW_MOD_BAD_FLAGS),
        ({"out_port": 0x10000}, ec.REQUEST_BAD_PORT),
        ({"match": Match.of(metadata=1)}, ec.MATCH_BAD_FIELD),
        ({"instructions": (a.GotoTable(1),)}, ec.UNSUP_INST),
        ({"instructions": (a.ApplyActions(()), a.ClearActions())}, ec.UNSUP_INST),
        ({"instructions": (a.ApplyActions((a.Group(1),)),)}, ec.ACTION_BAD_TYPE),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_a_1_0_flow_mod_cannot_say_is_inexpressible(
    changes: dict[str, Any], error: ec.ErrorCode
) -> None:
    assert inexpressible(lambda: v10.encode(evolve(FLOW_MOD, **changes))) == error


def test_all_tables_are_the_one_table() -> None:
    assert v10.encode(evolve(FLOW_MOD, table_id=m.ALL_TABLES)) == v10.encode(FLOW_MOD)


def test_no_actions_are_no_instructions() -> None:
    message = evolve(FLOW_MOD, instructions=())
    assert v10.decode(v10.encode(message)) == message
    assert v10.decode(v10.encode(evolve(FLOW_MOD, instructions=(a.ApplyActions(()),)))) == message


def test_a_packet_in_of_1_3_tells_1_0_what_it_knows_of() -> None:
    message = evolve(
        PACKET_IN,
        reason=m.REASON_INVALID_TTL,
        table_id=3,
        cookie=5,
        match=Match.of(in_port=CONTROLLER, metadata=7, tunnel_id=9),
    )
    expected = evolve(PACKET_IN, reason=m.REASON_ACTION, match=Match.of(in_port=CONTROLLER))
    assert v10.decode(v10.encode(message)) == expected
    assert v10.decode(v10.encode(evolve(PACKET_IN, match=Match()))) == evolve(
        PACKET_IN, match=Match.of(in_port=ANY)
    )


def test_a_flow_removed_with_its_group_was_deleted() -> None:
    message = m.FlowRemoved(
        cookie=1, priority=2, reason=m.REMOVED_BY_GROUP_DELETE, table_id=4, hard_timeout=9
    )
    assert v10.decode(v10.encode(message)) == m.FlowRemoved(cookie=1, priority=2, reason=m.REMOVED_BY_DELETE)
