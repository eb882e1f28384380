"""OpenFlow 1.3's actions (section 7.2.5) and instructions (section 7.2.4).

`strict` is for what controllers send: there a SET_FIELD of an unknown field and a second instruction of one
type are refused; in a datapath's statistics the first is opaque and the second let be.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any, Final

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow.actions import (
    Action,
    Actions,
    ApplyActions,
    ClearActions,
    CopyTtlIn,
    CopyTtlOut,
    DecMplsTtl,
    DecNwTtl,
    GotoTable,
    Group,
    Instruction,
    Instructions,
    Meter,
    OpaqueAction,
    OpaqueInstruction,
    OpaqueSetField,
    Output,
    PopMpls,
    PopPbb,
    PopVlan,
    PushMpls,
    PushPbb,
    PushVlan,
    SetField,
    SetMplsTtl,
    SetNwTtl,
    SetQueue,
    WriteActions,
    WriteMetadata,
)
from flowvisor.openflow.error_codes import (
    ACTION_BAD_LEN,
    ACTION_BAD_SET_ARGUMENT,
    ACTION_BAD_SET_LEN,
    ACTION_BAD_SET_TYPE,
    ACTION_BAD_TYPE,
    INST_BAD_LEN,
    UNKNOWN_INST,
    UNSUP_INST,
)
from flowvisor.openflow.fields import BY_NUMBER, FIELDS, OPENFLOW_BASIC
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import Structure, length_field, padding, structure
from flowvisor.openflow.v13_match import KNOWN_HEADERS, OXM_HEADER

SET_FIELD: Final = 25
EXPERIMENTER: Final = 0xFFFF  # both as an action's and as an instruction's type

GOTO_TABLE: Final = 1
WRITE_METADATA: Final = 2
WRITE_ACTIONS: Final = 3
APPLY_ACTIONS: Final = 4
CLEAR_ACTIONS: Final = 5
METER: Final = 6

_HEADER: Final = Struct("!HH")  # type, length
_ID: Final = Struct("!I")

# What follows type and length of every action of a fixed layout, by its number.
_ACTIONS: Final[dict[int, Structure[Any]]] = {
    0: structure(Output, "IH6x", "port", "max_len"),
    11: structure(CopyTtlOut, "4x"),
    12: structure(CopyTtlIn, "4x"),
    15: structure(SetMplsTtl, "B3x", "ttl"),
    16: structure(DecMplsTtl, "4x"),
    17: structure(PushVlan, "H2x", "ethertype"),
    18: structure(PopVlan, "4x"),
    19: structure(PushMpls, "H2x", "ethertype"),
    20: structure(PopMpls, "H2x", "ethertype"),
    21: structure(SetQueue, "I", "queue_id"),
    22: structure(Group, "I", "group_id"),
    23: structure(SetNwTtl, "B3x", "ttl"),
    24: structure(DecNwTtl, "4x"),
    26: structure(PushPbb, "H2x", "ethertype"),
    27: structure(PopPbb, "4x"),
}
_ACTION_NUMBERS: Final = {layout.make: number for number, layout in _ACTIONS.items()}

_INSTRUCTIONS: Final[dict[int, Structure[Any]]] = {
    GOTO_TABLE: structure(GotoTable, "B3x", "table_id"),
    WRITE_METADATA: structure(WriteMetadata, "4xQQ", "metadata", "mask"),
    CLEAR_ACTIONS: structure(ClearActions, "4x"),
    METER: structure(Meter, "I", "meter_id"),
}
_INSTRUCTION_NUMBERS: Final = {layout.make: number for number, layout in _INSTRUCTIONS.items()}


# Open vSwitch lets in_port be set by no other than its own older name for it, which has 16 bits (tried with 3.1).
_NXM_IN_PORT: Final = 0x0000_0002
_NXM_PORTS: Final = 1 << 16


def read_actions(reader: Reader, *, strict: bool) -> Actions:
    """All that is left at the reader's level, as actions."""
    actions: list[Action] = []
    while reader.remaining:
        kind, length = reader.unpack(_HEADER)
        with reader.within(length - 4, ACTION_BAD_LEN):
            layout = _ACTIONS.get(kind)
            if layout is not None:
                actions.append(layout.read(reader))
            elif kind == SET_FIELD:
                actions.append(_read_set_field(reader, strict))
            elif kind == EXPERIMENTER:
                actions.append(OpaqueAction(*_read_opaque(reader)))
            else:
                raise MalformedMessage(ACTION_BAD_TYPE, f"action of type {kind}")
    return tuple(actions)


def _read_opaque(reader: Reader) -> tuple[int, bytes]:
    """An experimenter's id, and the body that begins with it."""
    if reader.remaining & 7 != 4:
        reader.refuse("an experimenter's part is not a multiple of eight bytes long")
    body = reader.rest()
    return _ID.unpack_from(body)[0], body


def _read_set_field(reader: Reader, strict: bool) -> Action:
    header = reader.u32()
    length = header & 0xFF
    with reader.within(length + len(padding(length)), ACTION_BAD_SET_LEN):
        body = reader.take(length)
        reader.rest()
    if header == _NXM_IN_PORT:
        return SetField("in_port", int.from_bytes(body, "big"))
    known = KNOWN_HEADERS.get(header)
    if known is not None and known.total == known.length and known.field.settable:
        value = int.from_bytes(body, "big")
        if value > known.all_ones:
            raise MalformedMessage(ACTION_BAD_SET_ARGUMENT, f"{known.name}: {value:#x} is too much")
        return SetField(known.name, value)
    if not strict:
        return OpaqueSetField(header, body)
    if known is None and header >> 16 == OPENFLOW_BASIC and header >> 9 & 0x7F in BY_NUMBER:
        raise MalformedMessage(ACTION_BAD_SET_LEN, f"set_field of {header:#010x}")
    raise MalformedMessage(ACTION_BAD_SET_TYPE, f"set_field of {header:#010x}")


def encode_actions(actions: Iterable[Action]) -> bytes:
    """Actions one after the other."""
    return b"".join(map(_encode_action, actions))


def _encode_action(action: Action) -> bytes:
    number = _ACTION_NUMBERS.get(type(action))
    if number is not None:
        layout = _ACTIONS[number]
        return _HEADER.pack(number, 4 + layout.layout.size) + layout.write(action)
    if isinstance(action, SetField):
        field = FIELDS[action.name]
        if action.name == "in_port" and action.value < _NXM_PORTS:
            return _set_field(_NXM_IN_PORT, action.value.to_bytes(2, "big"))
        return _set_field(field.oxm_header, action.value.to_bytes(field.length, "big"))
    if isinstance(action, OpaqueSetField):
        return _set_field(action.header, action.body)
    if isinstance(action, OpaqueAction):
        return _HEADER.pack(EXPERIMENTER, length_field(4 + len(action.body))) + action.body
    raise Inexpressible(ACTION_BAD_TYPE, f"OpenFlow 1.3 has no {type(action).__name__}")


def _set_field(header: int, value: bytes) -> bytes:
    pad = padding(len(value))
    return _HEADER.pack(SET_FIELD, 8 + len(value) + len(pad)) + OXM_HEADER.pack(header) + value + pad


def read_instructions(reader: Reader, *, strict: bool) -> Instructions:
    """All that is left at the reader's level, as instructions."""
    instructions: list[Instruction] = []
    seen = set()
    while reader.remaining:
        kind, length = reader.unpack(_HEADER)
        with reader.within(length - 4, INST_BAD_LEN):
            instructions.append(_read_instruction(kind, reader, strict))
        if strict and kind in seen and kind != EXPERIMENTER:
            # 1.3 has no code of its own for it (1.4's is DUP_INST); at most one of a type: section 5.9.
            raise MalformedMessage(UNSUP_INST, f"two instructions of type {kind}")
        seen.add(kind)
    return tuple(instructions)


def _read_instruction(kind: int, reader: Reader, strict: bool) -> Instruction:
    layout = _INSTRUCTIONS.get(kind)
    if layout is not None:
        instruction: Instruction = layout.read(reader)
        return instruction
    if kind == EXPERIMENTER:
        return OpaqueInstruction(*_read_opaque(reader))
    if kind not in (WRITE_ACTIONS, APPLY_ACTIONS):
        raise MalformedMessage(UNKNOWN_INST, f"instruction of type {kind}")
    reader.skip(4)
    actions = read_actions(reader, strict=strict)
    return ApplyActions(actions) if kind == APPLY_ACTIONS else WriteActions(actions)


def encode_instructions(instructions: Iterable[Instruction]) -> bytes:
    """Instructions one after the other."""
    return b"".join(map(_encode_instruction, instructions))


def _encode_instruction(instruction: Instruction) -> bytes:
    if isinstance(instruction, ApplyActions | WriteActions):
        kind = APPLY_ACTIONS if isinstance(instruction, ApplyActions) else WRITE_ACTIONS
        body = bytes(4) + encode_actions(instruction.actions)
    elif isinstance(instruction, OpaqueInstruction):
        kind, body = EXPERIMENTER, instruction.body
    else:
        kind = _INSTRUCTION_NUMBERS[type(instruction)]
        body = _INSTRUCTIONS[kind].write(instruction)
    return _HEADER.pack(kind, length_field(4 + len(body))) + body


def decode_actions(data: bytes, *, strict: bool = True) -> Actions:
    """The actions that are all of `data`."""
    return read_actions(Reader(data, error=ACTION_BAD_LEN), strict=strict)


def decode_instructions(data: bytes, *, strict: bool = True) -> Instructions:
    """The instructions that are all of `data`."""
    return read_instructions(Reader(data, error=INST_BAD_LEN), strict=strict)
