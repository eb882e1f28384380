"""Nicira's extensions for 1.0 that are answered here: roles, and the standard packet-in format.

Numbers are those of Open vSwitch's `nicira-ext.h`. Everything else of a vendor's is refused.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Channel
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.switch_messages import answer, take_role
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import ROLE_EQUAL, ROLE_MASTER, ROLE_SLAVE, Experimenter
from flowvisor.openflow.traits import TRAITS

NICIRA: Final = 0x2320
ROLE_REQUEST: Final = 10
ROLE_REPLY: Final = 11
SET_PACKET_IN_FORMAT: Final = 16
FORMAT_STANDARD: Final = 0

_SUBTYPE: Final = Struct("!I")
_SUBTYPE_AND_WORD: Final = Struct("!II")
_ROLES: Final = {0: ROLE_EQUAL, 1: ROLE_MASTER, 2: ROLE_SLAVE}  # other, master, slave
_NUMBERS: Final = {role: number for number, role in _ROLES.items()}


def southbound(channel: Channel, frame: bytes, request: Experimenter, effects: Effects) -> Refusal | None:
    """An experimenter's (vendor's) message."""
    if request.experimenter != NICIRA or TRAITS[channel.version].has_tables:
        return Refusal(codes.BAD_EXPERIMENTER, "experimenter")
    if len(request.body) < _SUBTYPE.size:
        return Refusal(codes.BAD_LEN, "malformed")
    (subtype,) = _SUBTYPE.unpack_from(request.body)
    if subtype not in (ROLE_REQUEST, SET_PACKET_IN_FORMAT):
        return Refusal(codes.BAD_EXP_TYPE, "experimenter")
    if len(request.body) != _SUBTYPE_AND_WORD.size:
        return Refusal(codes.BAD_LEN, "malformed")
    _, value = _SUBTYPE_AND_WORD.unpack(request.body)
    if subtype == SET_PACKET_IN_FORMAT:
        if value != FORMAT_STANDARD:
            return Refusal(codes.REQUEST_EPERM, "experimenter")
        channel.counters.answered[frame[1]] += 1  # it is as it is told to be
        return None
    if value not in _ROLES:
        return Refusal(codes.BAD_ROLE, "bad-role")
    take_role(channel, _ROLES[value], None)  # without a generation it is never refused
    body = _SUBTYPE_AND_WORD.pack(ROLE_REPLY, _NUMBERS[channel.role])
    answer(channel, Experimenter(xid=request.xid, experimenter=NICIRA, body=body), effects)
    return None
