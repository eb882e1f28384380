"""OpenFlow 1.3's messages that change a datapath's state (section 7.3.4), one row for each type.

Commands, types and flags that the specification does not have are refused here; whether those that it has
make sense together is for whoever carries them out.
"""

from __future__ import annotations

from typing import Any, Final

from flowvisor.errors import Inexpressible
from flowvisor.openflow import frame
from flowvisor.openflow.error_codes import (
    FLOW_MOD_BAD_COMMAND,
    FLOW_MOD_BAD_FLAGS,
    GROUP_BAD_COMMAND,
    GROUP_BAD_TYPE,
    METER_BAD_COMMAND,
    METER_BAD_FLAGS,
    PORT_MOD_BAD_CONFIG,
)
from flowvisor.openflow.messages import (
    CHECK_OVERLAP,
    DELETE_STRICT,
    GROUP_DELETE,
    GROUP_TYPE_FAST_FAILOVER,
    METER_BURST,
    METER_DELETE,
    METER_KBPS,
    METER_PKTPS,
    METER_STATS,
    NO_BYTE_COUNTS,
    NO_PACKET_COUNTS,
    RESET_COUNTS,
    SEND_FLOW_REM,
    FlowMod,
    GroupMod,
    MeterMod,
    PortMod,
    TableMod,
)
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import structure
from flowvisor.openflow.v13_actions import encode_instructions, read_instructions
from flowvisor.openflow.v13_form import Form, fixed, refuse_unless
from flowvisor.openflow.v13_match import encode_match, read_match
from flowvisor.openflow.v13_parts import PORT_CONFIG, read_bands, read_buckets, write_bands, write_buckets

_FLOW_MOD_FLAGS: Final = SEND_FLOW_REM | CHECK_OVERLAP | RESET_COUNTS | NO_PACKET_COUNTS | NO_BYTE_COUNTS
_METER_FLAGS: Final = METER_KBPS | METER_PKTPS | METER_BURST | METER_STATS

_FLOW_MOD: Final = structure(
    FlowMod,
    "QQBBHHHIIIH2x",
    *("cookie", "cookie_mask", "table_id", "command", "idle_timeout", "hard_timeout", "priority"),
    *("buffer_id", "out_port", "out_group", "flags"),
)
_GROUP_MOD: Final = structure(GroupMod, "HBxI", "command", "group_type", "group_id")
_METER_MOD: Final = structure(MeterMod, "HHI", "command", "flags", "meter_id")
_PORT_MOD: Final = structure(PortMod, "I4x6s2xIII4x", "port", "hw_addr", "config", "mask", "advertise")


def _read_flow_mod(reader: Reader, **head: Any) -> FlowMod:
    values = _FLOW_MOD.values(reader)
    command, flags = values["command"], values["flags"]
    refuse_unless(command <= DELETE_STRICT, FLOW_MOD_BAD_COMMAND, f"flow-mod command {command}")
    refuse_unless(not flags & ~_FLOW_MOD_FLAGS, FLOW_MOD_BAD_FLAGS, f"flow-mod flags {flags:#x}")
    match = read_match(reader, strict=True)
    return FlowMod(**values, match=match, instructions=read_instructions(reader, strict=True), **head)


def _write_flow_mod(message: FlowMod) -> bytes:
    if message.flags & ~_FLOW_MOD_FLAGS:
        raise Inexpressible(FLOW_MOD_BAD_FLAGS, "OpenFlow 1.3 has no emergency entries")
    match, instructions = encode_match(message.match), encode_instructions(message.instructions)
    return b"".join((_FLOW_MOD.write(message), match, instructions))


def _read_group_mod(reader: Reader, **head: Any) -> GroupMod:
    values = _GROUP_MOD.values(reader)
    command, group_type = values["command"], values["group_type"]
    refuse_unless(command <= GROUP_DELETE, GROUP_BAD_COMMAND, f"group-mod command {command}")
    # A delete takes any type: the group is found by its id alone.
    legal = group_type <= GROUP_TYPE_FAST_FAILOVER or command == GROUP_DELETE
    refuse_unless(legal, GROUP_BAD_TYPE, f"group of type {group_type}")
    return GroupMod(**values, buckets=read_buckets(reader, strict=True), **head)


def _write_group_mod(message: GroupMod) -> bytes:
    return _GROUP_MOD.write(message) + write_buckets(message.buckets)


def _read_meter_mod(reader: Reader, **head: Any) -> MeterMod:
    values = _METER_MOD.values(reader)
    command, flags = values["command"], values["flags"]
    refuse_unless(command <= METER_DELETE, METER_BAD_COMMAND, f"meter-mod command {command}")
    refuse_unless(not flags & ~_METER_FLAGS, METER_BAD_FLAGS, f"meter-mod flags {flags:#x}")
    return MeterMod(**values, bands=read_bands(reader), **head)


def _write_meter_mod(message: MeterMod) -> bytes:
    return _METER_MOD.write(message) + write_bands(message.bands)


def _write_port_mod(message: PortMod) -> bytes:
    if message.config & message.mask & ~PORT_CONFIG:
        raise Inexpressible(PORT_MOD_BAD_CONFIG, "OpenFlow 1.3 has no spanning tree and no NO_FLOOD")
    return _PORT_MOD.write(message)


def _read_port_mod(reader: Reader, **head: Any) -> PortMod:
    message = _PORT_MOD.read(reader, **head)
    # What is not there is clear: controllers (os-ken's spanning tree) clear 1.0's bits along with the others.
    wanted = message.config & message.mask & ~PORT_CONFIG
    refuse_unless(not wanted, PORT_MOD_BAD_CONFIG, f"port-mod with bits {wanted:#x}")
    return message


FORMS: Final = (
    Form(frame.FLOW_MOD, FlowMod, _read_flow_mod, _write_flow_mod),
    Form(frame.GROUP_MOD, GroupMod, _read_group_mod, _write_group_mod),
    Form(frame.PORT_MOD, PortMod, _read_port_mod, _write_port_mod),
    fixed(frame.TABLE_MOD, TableMod, "B3xI", "table_id", "config"),
    Form(frame.METER_MOD, MeterMod, _read_meter_mod, _write_meter_mod),
)
