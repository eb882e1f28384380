"""A refusal: why a tenant's request is not done, in OpenFlow's words and in ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.hypervisor.effects import Effects, HangUp
from flowvisor.hypervisor.faults import TOO_MANY_FAULTS
from flowvisor.hypervisor.peers import Channel
from flowvisor.hypervisor.refusals import Refused
from flowvisor.openflow.frame import type_of, xid_of
from flowvisor.openflow.messages import Error

# "At least 64 bytes of the failed request" (OpenFlow 1.3.5, section 7.4.4); Open vSwitch sends just these.
ERROR_DATA_LENGTH: Final = 64


class Refusal(NamedTuple):
    """`error` is OpenFlow's (type, code), `reason` the value of the metric's label: one of a closed set."""

    error: tuple[int, int]
    reason: str


AnyChannel = TypeVar("AnyChannel", bound=Channel)


def refuse_what_fails(
    channel: AnyChannel,
    frame: bytes,
    translate: Callable[[AnyChannel, bytes, Effects], Refusal | None],
    effects: Effects,
) -> None:
    """Do what is done with a tenant's frame, and answer with an error where that is refused or cannot be.

    Who breaks the protocol too often is hung up on.
    """
    try:
        refusal = translate(channel, frame, effects)
    except MalformedMessage as error:
        refusal = Refusal((error.error_type, error.error_code), "malformed")
        if channel.faults.one_more(effects.now):
            effects.commands.append(HangUp(channel, TOO_MANY_FAULTS))
    except Inexpressible as error:
        refusal = Refusal((error.error_type, error.error_code), "inexpressible")
    if refusal is not None:
        refuse(channel, frame, refusal, effects)


def refuse(channel: Channel, frame: bytes, refusal: Refusal, effects: Effects) -> None:
    """Answer a tenant's request with an error that carries its own xid and its own first bytes."""
    channel.counters.count_refused(type_of(frame), refusal.reason)
    channel.tenant.refusals.append(
        Refused(
            effects.now,
            channel.switch.name.dpid,
            channel.controller,
            channel.version,
            refusal.error,
            refusal.reason,
            bytes(frame[:ERROR_DATA_LENGTH]),
        )
    )
    if not channel.has_left:
        effects.send(channel, error_frame(channel, frame, refusal.error))


def error_frame(channel: Channel, frame: bytes, error: tuple[int, int]) -> bytes:
    """The error message that tells a tenant that this frame of its own has failed."""
    return channel.codec.encode(Error(xid=xid_of(frame), error=error, data=bytes(frame[:ERROR_DATA_LENGTH])))
