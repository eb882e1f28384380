"""The actions of 1.0: exact lengths, and nothing that 1.0 does not have."""

from typing import Any

import pytest
from hypothesis import given

from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow.ports import CONTROLLER, IN_PORT
from flowvisor.openflow.v10_actions import decode_actions, encode_actions
from tests.support.message_strategies import ACTIONS_13, opaque_set_fields
from tests.support.message_strategies_10 import actions
from tests.support.refusals import inexpressible, refusal

WIRE = [
    ("0000 0008 0003 0000", a.Output(3)),
    ("0000 0008 fffd 0080", a.Output(CONTROLLER, 128)),
    ("0001 0008 0064 0000", a.SetVlanVid(100)),
    ("0002 0008 07 000000", a.SetVlanPcp(7)),
    ("0003 0008 00000000", a.StripVlan()),
    ("0004 0010 0200000000ab 000000000000", a.SetField("eth_src", 0x0200000000AB)),
    ("0005 0010 ffffffffffff 000000000000", a.SetField("eth_dst", 0xFFFFFFFFFFFF)),
    ("0006 0008 0a000001", a.SetField("ipv4_src", 0x0A000001)),
    ("0007 0008 0a000002", a.SetField("ipv4_dst", 0x0A000002)),
    ("0008 0008 b8 000000", a.SetField("ip_dscp", 46)),
    ("0009 0008 0050 0000", a.SetTransportSource(80)),
    ("000a 0008 0051 0000", a.SetTransportDestination(81)),
    ("000b 0010 fff8 000000000000 00000007", a.Enqueue(IN_PORT, 7)),
    ("ffff 0008 00002320", a.OpaqueAction(0x2320, bytes.fromhex("00002320"))),
    (
        "ffff 0010 00002320 0001020304050607",
        a.OpaqueAction(0x2320, bytes.fromhex("000023200001020304050607")),
    ),
]


@pytest.mark.parametrize(("data", "action"), WIRE, ids=[type(action).__name__ for _, action in WIRE])
def test_each_action_has_its_bytes(data: str, action: a.Action) -> None:
    assert decode_actions(bytes.fromhex(data)) == (action,)
    assert encode_actions((action,)) == bytes.fromhex(data)


@given(actions)
def test_a_list_is_itself_again(listed: a.Actions) -> None:
    assert decode_actions(encode_actions(listed)) == listed


@pytest.mark.parametrize(
    ("data", "action"), WIRE[:13], ids=[type(action).__name__ for _, action in WIRE[:13]]
)
@pytest.mark.parametrize("length", [0, 1, 4, 7, 8, 9, 12, 16, 24, 32, 0xFFF8, 0xFFFF])
def test_a_length_that_is_not_the_actions_own_is_refused(data: str, action: a.Action, length: int) -> None:
    wire = bytes.fromhex(data)
    if length != len(wire):
        lying = wire[:2] + length.to_bytes(2, "big") + wire[4:] + bytes(24)
        assert refusal(lambda: decode_actions(lying)) == ec.ACTION_BAD_LEN


@pytest.mark.parametrize("length", [0, 4, 12, 20, 0xFFF8])
def test_a_vendors_action_has_whole_words_that_are_there(length: int) -> None:
    lying = b"\xff\xff" + length.to_bytes(2, "big") + bytes(28)
    assert refusal(lambda: decode_actions(lying)) == ec.ACTION_BAD_LEN


@pytest.mark.parametrize("size", range(1, 8))
def test_a_tail_too_short_for_an_action_is_refused(size: int) -> None:
    assert refusal(lambda: decode_actions(bytes.fromhex(WIRE[0][0]) + bytes(size))) == ec.ACTION_BAD_LEN


@pytest.mark.parametrize("kind", [12, 17, 0xFFFE])
def test_an_unknown_action_is_refused(kind: int) -> None:
    data = kind.to_bytes(2, "big") + bytes.fromhex("0008 00000000")
    assert refusal(lambda: decode_actions(data)) == ec.ACTION_BAD_TYPE


@pytest.mark.parametrize(
    "data",
    ["0001 0008 1000 0000", "0001 0008 ffff 0000", "0002 0008 08 000000", "0008 0008 b9 000000"],
    ids=["vid 4096", "vid 65535", "pcp 8", "ECN bits"],
)
def test_values_with_more_bits_than_the_field_has_are_refused(data: str) -> None:
    assert refusal(lambda: decode_actions(bytes.fromhex(data))) == ec.ACTION_BAD_ARGUMENT


ONLY_13 = [
    *(cls for cls in ACTIONS_13 if cls not in (a.Output, a.SetField, a.OpaqueAction)),
]


@pytest.mark.parametrize("cls", ONLY_13, ids=lambda cls: cls.__name__)
def test_an_action_that_1_0_does_not_have_is_inexpressible(cls: type[Any]) -> None:
    @given(ACTIONS_13[cls])
    def check(action: a.Action) -> None:
        assert inexpressible(lambda: encode_actions((action,))) == ec.ACTION_BAD_TYPE

    check()


@given(opaque_set_fields)
def test_a_field_that_nobody_knows_is_inexpressible(action: a.OpaqueSetField) -> None:
    assert inexpressible(lambda: encode_actions((action,))) == ec.ACTION_BAD_TYPE


@pytest.mark.parametrize("name", ["vlan_vid", "tcp_src", "ipv6_src", "arp_op", "tunnel_id"])
def test_a_field_that_1_0_has_no_action_for_is_inexpressible(name: str) -> None:
    assert inexpressible(lambda: encode_actions((a.SetField(name, 1),))) == ec.ACTION_BAD_SET_TYPE


@pytest.mark.parametrize("size", [5, 8, 65540])
def test_a_vendors_action_that_is_no_multiple_of_eight_is_inexpressible(size: int) -> None:
    action = a.OpaqueAction(0, bytes(size))
    assert inexpressible(lambda: encode_actions((action,))) == ec.ACTION_BAD_LEN


@pytest.mark.parametrize("make", [lambda port: a.Output(port), lambda port: a.Enqueue(port, 1)])
def test_a_port_of_more_than_16_bits_is_inexpressible(make: Any) -> None:
    assert inexpressible(lambda: encode_actions((make(0x10001),))) == ec.ACTION_BAD_OUT_PORT
