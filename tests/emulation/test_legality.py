"""What a datapath refuses, with the error that the specification names."""

from __future__ import annotations

import pytest

from flowvisor.emulation.legality import Legality
from flowvisor.errors import OpenFlowError
from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes, ports
from flowvisor.openflow.error_codes import ErrorCode
from flowvisor.openflow.match import MATCH_ALL, Match, OpaqueField

LEGAL_1_3 = Legality(
    is_extensible=True, n_tables=4, has_group=lambda group: group == 7, has_meter=lambda meter: meter == 8
)
LEGAL_1_0 = Legality(is_extensible=False, n_tables=1, has_group=lambda _: False, has_meter=lambda _: False)
TCP = Match.of(eth_type=0x800, ip_proto=6)
TAGGED = Match.of(vlan_vid=(0x1000, 0x1000))
LABELLED = Match.of(eth_type=0x8847)


def error_of(error: OpenFlowError) -> ErrorCode:
    return error.error_type, error.error_code


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (a.Output(0), error_codes.ACTION_BAD_OUT_PORT),
        (a.Output(ports.ANY), error_codes.ACTION_BAD_OUT_PORT),
        (a.Output(ports.NORMAL), error_codes.ACTION_BAD_OUT_PORT),
        (a.Output(ports.TABLE), error_codes.ACTION_BAD_OUT_PORT),
        (a.Enqueue(ports.ANY, 1), error_codes.ACTION_BAD_OUT_PORT),
        (a.Group(6), error_codes.ACTION_BAD_OUT_GROUP),
        (a.SetField("metadata", 1), error_codes.ACTION_BAD_SET_TYPE),
        (a.SetField("vlan_vid", 1), error_codes.ACTION_BAD_SET_ARGUMENT),
        (a.PushVlan(0x8847), error_codes.ACTION_BAD_ARGUMENT),
        (a.PushMpls(0x8100), error_codes.ACTION_BAD_ARGUMENT),
        (a.PushPbb(0x8100), error_codes.ACTION_BAD_ARGUMENT),
        (a.OpaqueSetField(0x00010204, b"abcd"), error_codes.ACTION_BAD_SET_TYPE),
        (a.OpaqueAction(0x2320, b""), error_codes.ACTION_BAD_EXPERIMENTER),
    ],
)
def test_an_action_that_cannot_be_is_refused_everywhere(action: a.Action, error: ErrorCode) -> None:
    for match in (None, MATCH_ALL):
        with pytest.raises(OpenFlowError) as raised:
            LEGAL_1_3.check_actions((action,), match=match)
        assert error_of(raised.value) == error


@pytest.mark.parametrize(
    "port", [1, 99, ports.IN_PORT, ports.ALL, ports.FLOOD, ports.CONTROLLER, ports.LOCAL]
)
def test_an_output_may_go_to_any_port_there_is_or_may_come(port: int) -> None:
    LEGAL_1_3.check_actions((a.Output(port),), match=MATCH_ALL)


def test_only_a_packet_out_goes_through_the_tables() -> None:
    LEGAL_1_3.check_actions((a.Output(ports.TABLE),), match=None, is_packet_out=True)


INCONSISTENT: list[tuple[Match, tuple[a.Action, ...]]] = [
    (MATCH_ALL, (a.SetField("tcp_dst", 1),)),
    (Match.of(eth_type=0x800), (a.SetField("tcp_dst", 1),)),
    (TCP, (a.SetField("udp_dst", 1),)),
    (TCP, (a.SetField("ipv6_src", 1),)),
    (MATCH_ALL, (a.SetField("vlan_vid", 0x1001),)),
    (Match.of(vlan_vid=0), (a.PopVlan(),)),
    (TAGGED, (a.PopVlan(), a.PopVlan())),
    (MATCH_ALL, (a.DecNwTtl(),)),
    (TCP, (a.DecMplsTtl(),)),
    (TCP, (a.PopMpls(0x800),)),
    (TCP, (a.PushMpls(0x8847), a.SetField("tcp_dst", 1))),
    (TCP, (a.PushPbb(0x88E7), a.SetField("tcp_dst", 1))),
    (MATCH_ALL, (a.PopPbb(),)),
    (TCP, (a.SetField("ip_proto", 17), a.SetField("tcp_dst", 1))),
]


@pytest.mark.parametrize(("match", "listed"), INCONSISTENT)
def test_an_action_that_the_match_does_not_allow_is_inconsistent(
    match: Match, listed: tuple[a.Action, ...]
) -> None:
    with pytest.raises(OpenFlowError) as raised:
        LEGAL_1_3.check_actions(listed, match=match)
    assert error_of(raised.value) == error_codes.ACTION_MATCH_INCONSISTENT
    LEGAL_1_3.check_actions(listed, match=None)
    LEGAL_1_0.check_actions(listed, match=match)


@pytest.mark.parametrize(
    ("match", "listed"),
    [
        (TCP, (a.SetField("tcp_dst", 1), a.SetField("ipv4_dst", 1), a.DecNwTtl())),
        (MATCH_ALL, (a.PushVlan(0x8100), a.SetField("vlan_vid", 0x1001), a.PopVlan())),
        (TAGGED, (a.SetField("vlan_pcp", 1), a.PopVlan(), a.SetField("eth_dst", 1))),
        (LABELLED, (a.DecMplsTtl(), a.PopMpls(0x800), a.DecNwTtl())),
        (TCP, (a.PushMpls(0x8847), a.SetField("mpls_label", 1), a.CopyTtlOut())),
        (TCP, (a.PushPbb(0x88E7), a.SetField("pbb_isid", 1), a.PopPbb())),
        (TCP, (a.SetField("ip_proto", 17), a.SetField("udp_dst", 1))),
        (MATCH_ALL, (a.SetField("tunnel_id", 1), a.Group(7), a.SetQueue(1))),
    ],
)
def test_what_the_match_and_the_actions_before_allow_is_consistent(
    match: Match, listed: tuple[a.Action, ...]
) -> None:
    LEGAL_1_3.check_actions(listed, match=match)


@pytest.mark.parametrize(
    ("instruction", "error"),
    [
        (a.GotoTable(1), error_codes.INST_BAD_TABLE_ID),
        (a.GotoTable(0), error_codes.INST_BAD_TABLE_ID),
        (a.GotoTable(4), error_codes.INST_BAD_TABLE_ID),
        (a.Meter(9), error_codes.UNKNOWN_METER),
        (a.OpaqueInstruction(0x2320, b""), error_codes.INST_BAD_EXPERIMENTER),
        (a.ApplyActions((a.Output(0),)), error_codes.ACTION_BAD_OUT_PORT),
        (a.WriteActions((a.Group(6),)), error_codes.ACTION_BAD_OUT_GROUP),
    ],
)
def test_a_wrong_instruction_is_refused(instruction: a.Instruction, error: ErrorCode) -> None:
    with pytest.raises(OpenFlowError) as raised:
        LEGAL_1_3.check_instructions((instruction,), table_id=1, match=MATCH_ALL)
    assert error_of(raised.value) == error


def test_right_instructions_pass() -> None:
    instructions = (
        *(a.Meter(8), a.ApplyActions((a.Output(1),)), a.ClearActions(), a.WriteMetadata(1, 1)),
        # A set has an order of its own: the tag is pushed before its id is set.
        *(a.WriteActions((a.SetField("vlan_vid", 0x1001), a.PushVlan(0x8100))), a.GotoTable(2)),
    )
    LEGAL_1_3.check_instructions(instructions, table_id=1, match=MATCH_ALL)


def test_a_match_on_an_unknown_field_is_refused() -> None:
    with pytest.raises(OpenFlowError) as raised:
        LEGAL_1_3.check_match(Match({}, (OpaqueField(0x00010204, b"abcd"),)))
    assert error_of(raised.value) == error_codes.MATCH_BAD_FIELD
    LEGAL_1_3.check_match(TCP)
