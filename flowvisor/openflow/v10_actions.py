"""The actions of OpenFlow 1.0 (section 5.2.4).

Strategy: an action's length must be exactly its type's. A list whose lengths lie would end elsewhere for the
next reader, and its tail would be read as something else: that is how one tenant's flow-mod became two in
FlowVisor.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow.actions import (
    Action,
    Actions,
    Enqueue,
    OpaqueAction,
    Output,
    SetField,
    SetTransportDestination,
    SetTransportSource,
    SetVlanPcp,
    SetVlanVid,
    StripVlan,
)
from flowvisor.openflow.error_codes import (
    ACTION_BAD_ARGUMENT,
    ACTION_BAD_LEN,
    ACTION_BAD_OUT_PORT,
    ACTION_BAD_SET_TYPE,
    ACTION_BAD_TYPE,
)
from flowvisor.openflow.v10_ports import port_from_10, port_to_10

# ofp_action_type; also the bits of FEATURES_REPLY's actions
OUTPUT: Final = 0
SET_VLAN_VID: Final = 1
SET_VLAN_PCP: Final = 2
STRIP_VLAN: Final = 3
SET_DL_SRC: Final = 4
SET_DL_DST: Final = 5
SET_NW_SRC: Final = 6
SET_NW_DST: Final = 7
SET_NW_TOS: Final = 8
SET_TP_SRC: Final = 9
SET_TP_DST: Final = 10
ENQUEUE: Final = 11
VENDOR: Final = 0xFFFF

_HEADER: Final = Struct("!HH")
_OUTPUT: Final = Struct("!HHHH")  # type, length, port, max_len
_U16: Final = Struct("!HHHxx")
_U8: Final = Struct("!HHBxxx")
_U32: Final = Struct("!HHI")  # an IPv4 address, or a vendor
_NOTHING: Final = Struct("!HHxxxx")
_MAC: Final = Struct("!HH6sxxxxxx")
_ENQUEUE: Final = Struct("!HHHxxxxxxI")

_SMALLEST: Final = 8  # and every length is a multiple of it


def _output(data: bytes, offset: int) -> Action:
    _, _, port, max_len = _OUTPUT.unpack_from(data, offset)
    return Output(port_from_10(port), max_len)


def _number(structure: Struct, build: Callable[[int], Action], most: int) -> Callable[[bytes, int], Action]:
    def decode(data: bytes, offset: int) -> Action:
        number: int = structure.unpack_from(data, offset)[2]
        if number > most:
            raise MalformedMessage(ACTION_BAD_ARGUMENT, f"{number} in an action, {most} at most")
        return build(number)

    return decode


def _set_field(name: str) -> Callable[[int], Action]:
    return lambda value: SetField(name, value)


def _mac(name: str) -> Callable[[bytes, int], Action]:
    return lambda data, offset: SetField(name, int.from_bytes(data[offset + 4 : offset + 10], "big"))


def _tos(data: bytes, offset: int) -> Action:
    tos = data[offset + 4]
    if tos & 3:  # "IP ToS (DSCP field, 6 bits)", in the upper six
        raise MalformedMessage(ACTION_BAD_ARGUMENT, f"nw_tos {tos:#x} has ECN bits")
    return SetField("ip_dscp", tos >> 2)


def _enqueue(data: bytes, offset: int) -> Action:
    _, _, port, queue_id = _ENQUEUE.unpack_from(data, offset)
    return Enqueue(port_from_10(port), queue_id)


# By type: the length that it must have, and how to read it.
_DECODERS: Final[dict[int, tuple[int, Callable[[bytes, int], Action]]]] = {
    OUTPUT: (8, _output),
    SET_VLAN_VID: (8, _number(_U16, SetVlanVid, 0xFFF)),
    SET_VLAN_PCP: (8, _number(_U8, SetVlanPcp, 7)),
    STRIP_VLAN: (8, lambda data, offset: StripVlan()),
    SET_DL_SRC: (16, _mac("eth_src")),
    SET_DL_DST: (16, _mac("eth_dst")),
    SET_NW_SRC: (8, _number(_U32, _set_field("ipv4_src"), 0xFFFFFFFF)),
    SET_NW_DST: (8, _number(_U32, _set_field("ipv4_dst"), 0xFFFFFFFF)),
    SET_NW_TOS: (8, _tos),
    SET_TP_SRC: (8, _number(_U16, SetTransportSource, 0xFFFF)),
    SET_TP_DST: (8, _number(_U16, SetTransportDestination, 0xFFFF)),
    ENQUEUE: (16, _enqueue),
}


def decode_actions(data: bytes) -> Actions:
    """Read a list of actions that fills `data`; raises `MalformedMessage` (BAD_ACTION)."""
    actions: list[Action] = []
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < _SMALLEST:
            raise MalformedMessage(ACTION_BAD_LEN, f"{end - offset} bytes are left for an action")
        kind, length = _HEADER.unpack_from(data, offset)
        if length < _SMALLEST or length % _SMALLEST or length > end - offset:
            raise MalformedMessage(ACTION_BAD_LEN, f"action {kind} with length {length}, {end - offset} left")
        if kind == VENDOR:
            body = data[offset + 4 : offset + length]  # the vendor's id first
            actions.append(OpaqueAction(_U32.unpack_from(data, offset)[2], body))
        elif (known := _DECODERS.get(kind)) is None:
            raise MalformedMessage(ACTION_BAD_TYPE, f"action {kind}")
        elif length != known[0]:
            raise MalformedMessage(ACTION_BAD_LEN, f"action {kind} with length {length}, not {known[0]}")
        else:
            actions.append(known[1](data, offset))
        offset += length
    return tuple(actions)


def _encode_set_field(action: SetField) -> bytes:
    match action.name:
        case "eth_src":
            return _MAC.pack(SET_DL_SRC, 16, action.value.to_bytes(6, "big"))
        case "eth_dst":
            return _MAC.pack(SET_DL_DST, 16, action.value.to_bytes(6, "big"))
        case "ipv4_src":
            return _U32.pack(SET_NW_SRC, 8, action.value)
        case "ipv4_dst":
            return _U32.pack(SET_NW_DST, 8, action.value)
        case "ip_dscp":
            return _U8.pack(SET_NW_TOS, 8, action.value << 2)
        case _:
            raise Inexpressible(ACTION_BAD_SET_TYPE, f"OpenFlow 1.0 cannot set {action.name}")


def _encode_opaque(action: OpaqueAction) -> bytes:
    length = _HEADER.size + len(action.body)
    if length % _SMALLEST or length > 0xFFF8:
        raise Inexpressible(ACTION_BAD_LEN, f"a vendor's action of {length} bytes")
    return _HEADER.pack(VENDOR, length) + action.body


_ENCODERS: Final[dict[type, Callable[[Any], bytes]]] = {
    Output: lambda a: _OUTPUT.pack(OUTPUT, 8, port_to_10(a.port, ACTION_BAD_OUT_PORT), a.max_len),
    SetVlanVid: lambda a: _U16.pack(SET_VLAN_VID, 8, a.vid),
    SetVlanPcp: lambda a: _U8.pack(SET_VLAN_PCP, 8, a.pcp),
    StripVlan: lambda a: _NOTHING.pack(STRIP_VLAN, 8),
    SetField: _encode_set_field,
    SetTransportSource: lambda a: _U16.pack(SET_TP_SRC, 8, a.port),
    SetTransportDestination: lambda a: _U16.pack(SET_TP_DST, 8, a.port),
    Enqueue: lambda a: _ENQUEUE.pack(ENQUEUE, 16, port_to_10(a.port, ACTION_BAD_OUT_PORT), a.queue_id),
    OpaqueAction: _encode_opaque,
}


def encode_actions(actions: Actions) -> bytes:
    """Write a list of actions; raises `Inexpressible` for one that 1.0 does not have."""
    return b"".join([_encode_action(action) for action in actions])


def _encode_action(action: Action) -> bytes:
    encoder = _ENCODERS.get(type(action))
    if encoder is None:
        raise Inexpressible(ACTION_BAD_TYPE, f"OpenFlow 1.0 has no action {type(action).__name__}")
    return encoder(action)
