"""OpenFlow 1.3's actions and instructions on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow.actions import Action, Instruction
from flowvisor.openflow.fields import FIELDS, Field
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.openflow.v13_actions import (
    decode_actions,
    decode_instructions,
    encode_actions,
    encode_instructions,
)
from tests.support.message_strategies import ACTIONS_13, actions, instructions, instructions_13, shown_actions
from tests.support.refusals import inexpressible, refusal

OUTPUT_2 = "0000 0010 00000002 0000 000000000000"

ACTIONS: list[tuple[Action, str]] = [
    (a.Output(2), OUTPUT_2),
    (a.Output(CONTROLLER, 0xFFFF), "0000 0010 fffffffd ffff 000000000000"),
    (a.CopyTtlOut(), "000b 0008 00000000"),
    (a.CopyTtlIn(), "000c 0008 00000000"),
    (a.SetMplsTtl(64), "000f 0008 40 000000"),
    (a.DecMplsTtl(), "0010 0008 00000000"),
    (a.PushVlan(0x88A8), "0011 0008 88a8 0000"),
    (a.PopVlan(), "0012 0008 00000000"),
    (a.PushMpls(0x8847), "0013 0008 8847 0000"),
    (a.PopMpls(0x0800), "0014 0008 0800 0000"),
    (a.SetQueue(7), "0015 0008 00000007"),
    (a.Group(9), "0016 0008 00000009"),
    (a.SetNwTtl(3), "0017 0008 03 000000"),
    (a.DecNwTtl(), "0018 0008 00000000"),
    (a.SetField("vlan_vid", 0x1064), "0019 0010 80000c02 1064 000000000000"),
    (a.SetField("eth_dst", 0x0A0B0C0D0E0F), "0019 0010 80000606 0a0b0c0d0e0f 0000"),
    (a.SetField("ipv4_dst", 0x0A000001), "0019 0010 80001804 0a000001 00000000"),
    (a.SetField("tunnel_id", 5), "0019 0010 80004c08 0000000000000005"),
    (a.PushPbb(0x88E7), "001a 0008 88e7 0000"),
    (a.PopPbb(), "001b 0008 00000000"),
    (
        a.OpaqueAction(0x2320, bytes.fromhex("00002320 0014 0000 00000000")),
        "ffff 0010 00002320 0014 0000 00000000",
    ),
]

INSTRUCTIONS: list[tuple[Instruction, str]] = [
    (a.GotoTable(3), "0001 0008 03 000000"),
    (a.WriteMetadata(1, 0xFF), "0002 0018 00000000 0000000000000001 00000000000000ff"),
    (a.WriteActions((a.Output(2),)), "0003 0018 00000000" + OUTPUT_2),
    (a.ApplyActions((a.Output(2), a.Group(9))), "0004 0020 00000000" + OUTPUT_2 + "0016 0008 00000009"),
    (a.ApplyActions(()), "0004 0008 00000000"),
    (a.ClearActions(), "0005 0008 00000000"),
    (a.Meter(4), "0006 0008 00000004"),
    (a.OpaqueInstruction(0x4F4E4600, bytes.fromhex("4f4e4600")), "ffff 0008 4f4e4600"),
]


def refused_actions(wire: str) -> ec.ErrorCode:
    return refusal(lambda: decode_actions(bytes.fromhex(wire)))


def refused_instructions(wire: str) -> ec.ErrorCode:
    return refusal(lambda: decode_instructions(bytes.fromhex(wire)))


@pytest.mark.parametrize(("action", "wire"), ACTIONS, ids=repr)
def test_an_action_has_these_bytes(action: Action, wire: str) -> None:
    assert encode_actions([action]) == bytes.fromhex(wire)
    assert decode_actions(bytes.fromhex(wire)) == (action,)


@pytest.mark.parametrize(("instruction", "wire"), INSTRUCTIONS, ids=repr)
def test_an_instruction_has_these_bytes(instruction: Instruction, wire: str) -> None:
    assert encode_instructions([instruction]) == bytes.fromhex(wire)
    assert decode_instructions(bytes.fromhex(wire)) == (instruction,)


def test_no_action_and_no_instruction_lacks_an_example() -> None:
    assert {type(action) for action, _ in ACTIONS} == set(ACTIONS_13)
    assert {type(instruction) for instruction, _ in INSTRUCTIONS} == set(instructions_13(actions))


@given(actions)
def test_actions_decode_to_themselves(list_of_actions: a.Actions) -> None:
    assert decode_actions(encode_actions(list_of_actions)) == list_of_actions


@given(shown_actions)
def test_what_a_datapath_shows_decodes_to_itself(list_of_actions: a.Actions) -> None:
    assert decode_actions(encode_actions(list_of_actions), strict=False) == list_of_actions


@given(instructions)
def test_instructions_decode_to_themselves(list_of_instructions: a.Instructions) -> None:
    assert decode_instructions(encode_instructions(list_of_instructions)) == list_of_instructions


@pytest.mark.parametrize(("action", "wire"), ACTIONS[:-1], ids=repr)
@pytest.mark.parametrize("change", [-8, -4, -1, 1, 4, 8, 16, 0xFF00])
def test_an_action_of_any_other_length_is_refused(action: Action, wire: str, change: int) -> None:
    data = bytearray(bytes.fromhex(wire))
    length = max(len(data) + change, 0)
    data[2:4] = length.to_bytes(2, "big")
    lying = bytes(data) + bytes(8)
    resized = bytes(data).ljust(length, b"\0")[: max(length, 4)]
    for wrong in (lying, resized):
        assert refusal(lambda wrong=wrong: decode_actions(wrong)) in (  # type: ignore[misc]
            ec.ACTION_BAD_LEN,
            ec.ACTION_BAD_SET_LEN,
        )


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        ("0001 0008 00000000", ec.ACTION_BAD_TYPE),  # 1.0's SET_VLAN_VID
        ("001c 0008 00000000", ec.ACTION_BAD_TYPE),
        ("fffe 0008 00000000", ec.ACTION_BAD_TYPE),
        ("0000", ec.ACTION_BAD_LEN),
        ("0012 0000 00000000", ec.ACTION_BAD_LEN),
        ("ffff 0004", ec.ACTION_BAD_LEN),
        ("ffff 000c 00002320 00000000", ec.ACTION_BAD_LEN),
        ("0019 0008 80000c02", ec.ACTION_BAD_SET_LEN),
        ("0019 0010 80000c03 106400 0000000000", ec.ACTION_BAD_SET_LEN),  # vlan_vid has two bytes
        ("0019 0010 80000cff 1064 000000000000", ec.ACTION_BAD_SET_LEN),
        ("0019 0018 80000c02 1064 000000000000 0000000000000000", ec.ACTION_BAD_LEN),
        ("0019 0010 80005002 0000 000000000000", ec.ACTION_BAD_SET_TYPE),  # not a field of 1.3
        ("0019 0010 80000d04 1000 1000 00000000", ec.ACTION_BAD_SET_TYPE),  # a mask
        ("0019 0010 00010004 00000001 00000000", ec.ACTION_BAD_SET_TYPE),  # Nicira's class
        ("0019 0010 80000c02 2064 000000000000", ec.ACTION_BAD_SET_ARGUMENT),
    ],
)
def test_a_wrong_action_is_refused_with_its_own_error(wire: str, error: ec.ErrorCode) -> None:
    assert refused_actions(wire) == error


@pytest.mark.parametrize("field", [f for f in FIELDS.values() if not f.settable], ids=lambda f: f.name)
def test_a_field_that_cannot_be_set_is_refused(field: Field) -> None:
    wire = encode_actions([a.SetField(field.name, 0)])
    assert refusal(lambda: decode_actions(wire)) == ec.ACTION_BAD_SET_TYPE


@pytest.mark.parametrize(
    "wire",
    [
        "0019 0010 00010004 00000001 00000000",  # a register of Open vSwitch
        "0019 0010 80000d04 1064 1fff 00000000",  # a masked one of 1.5
        "0019 0010 80000204 00000001 00000000",  # in_phy_port, which cannot be set
    ],
)
def test_a_datapath_may_show_a_set_field_that_we_do_not_understand(wire: str) -> None:
    (action,) = decode_actions(bytes.fromhex(wire), strict=False)
    assert isinstance(action, a.OpaqueSetField)
    assert encode_actions([action]) == bytes.fromhex(wire)
    instruction = "0004 0018 00000000" + wire
    (shown,) = decode_instructions(bytes.fromhex(instruction), strict=False)
    assert shown == a.ApplyActions((action,))
    assert refused_instructions(instruction) == ec.ACTION_BAD_SET_TYPE


@pytest.mark.parametrize(
    "action",
    [
        a.Enqueue(1, 2),
        a.SetVlanVid(1),
        a.SetVlanPcp(1),
        a.StripVlan(),
        a.SetTransportSource(1),
        a.SetTransportDestination(1),
    ],
    ids=repr,
)
def test_what_only_1_0_has_is_inexpressible(action: Action) -> None:
    assert inexpressible(lambda: encode_actions([action])) == ec.ACTION_BAD_TYPE
    assert inexpressible(lambda: encode_instructions([a.ApplyActions((action,))])) == ec.ACTION_BAD_TYPE


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        ("0000 0008 00000000", ec.UNKNOWN_INST),
        ("0007 0008 00000000", ec.UNKNOWN_INST),
        ("0001", ec.INST_BAD_LEN),
        ("0001 0000 03 000000", ec.INST_BAD_LEN),
        ("0001 0004", ec.INST_BAD_LEN),
        ("0001 0010 03 000000 00000000 00000000", ec.INST_BAD_LEN),
        ("0001 0010 03 000000", ec.INST_BAD_LEN),
        ("0002 0010 00000000 0000000000000001", ec.INST_BAD_LEN),
        ("0004 0004", ec.INST_BAD_LEN),
        ("0004 000a 00000000 0000", ec.INST_BAD_LEN),
        ("0004 0010 00000000" + OUTPUT_2, ec.ACTION_BAD_LEN),  # the action would pass the instruction's end
        ("0004 0018 00000000 0001 0008 00000000 0001 0008 00000000", ec.ACTION_BAD_TYPE),
        ("ffff 0004", ec.INST_BAD_LEN),
        ("ffff 000c 4f4e4600 00000000", ec.INST_BAD_LEN),
        ("0001 0008 03000000 0001 0008 04000000", ec.UNSUP_INST),
        ("0004 0008 00000000 0004 0008 00000000", ec.UNSUP_INST),
    ],
)
def test_a_wrong_instruction_is_refused_with_its_own_error(wire: str, error: ec.ErrorCode) -> None:
    assert refused_instructions(wire) == error


def test_an_action_list_cannot_spill_into_what_follows_it() -> None:
    # The last action says that it is longer than its instruction; what follows would be read as its tail.
    spilling = "0004 0018 00000000 0000 0020 00000002 0000 000000000000" + "0001 0008 03000000" * 2
    assert refused_instructions(spilling) == ec.ACTION_BAD_LEN


def test_experimenters_instructions_may_repeat_and_a_datapath_may_show_doubles() -> None:
    twice = bytes.fromhex("ffff 0008 4f4e4600" * 2)
    assert len(decode_instructions(twice)) == 2
    doubles = bytes.fromhex("0001 0008 03000000" * 2)
    assert decode_instructions(doubles, strict=False) == (a.GotoTable(3), a.GotoTable(3))


@given(st.binary(max_size=64))
def test_padding_may_hold_anything(noise: bytes) -> None:
    pad = noise[:6].ljust(6, b"\xff")
    assert decode_actions(bytes.fromhex("0000 0010 00000002 0000") + pad) == (a.Output(2),)


@pytest.mark.parametrize("port", [0, 7, 0xFFFF, 0x1_0000, 0xFFFF_FFFD])
@pytest.mark.parametrize("strict", [False, True])
def test_in_port_is_set_as_open_vswitch_takes_it(port: int, *, strict: bool) -> None:
    action = a.SetField("in_port", port)
    wire = encode_actions((action,))
    assert (wire[4:8] == bytes((0, 0, 0, 2))) == (port <= 0xFFFF)
    assert decode_actions(wire, strict=strict) == (action,)
