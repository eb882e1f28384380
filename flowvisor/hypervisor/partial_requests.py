"""Multipart requests in several parts (1.3.5, section 7.3.5): put together again, within bounds.

Each part holds whole entries. They are not kept: all that there is to know of the one list that a controller may send
(table features, which no slice may set) is whether it is empty.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import TenantChannel
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.transactions import PartialRequest
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.multipart import (
    ExperimenterMultipartRequest,
    MultipartRequest,
    TableFeaturesRequest,
)

MAX_PARTIAL: Final = 8  # requests of one channel whose last part has not come; a further one is refused
MAX_PARTS: Final = 1024  # of one request, beyond which it is refused and forgotten
MAX_BYTES: Final = 4 * 1024 * 1024  # likewise: three times what Open vSwitch's table features take
MAX_SECONDS: Final = 10.0  # from the first part to the last, then it is refused

_OVERFLOW: Final = Refusal(codes.MULTIPART_BUFFER_OVERFLOW, "too-many-requests")
_HEAD: Final = 16  # of a multipart request; the rest is its body


def put_together(
    channel: TenantChannel, frame: bytes, part: MultipartRequest, now: float
) -> MultipartRequest | Refusal | None:
    """The request that a part completes; None if more is to come."""
    known = channel.partial.pop((part.xid, type(part)), None)
    if isinstance(part, ExperimenterMultipartRequest) or (known is None and not part.more):
        return part
    if known is None:
        if len(channel.partial) >= MAX_PARTIAL:
            return _OVERFLOW
        known = PartialRequest(frame, expires_at=now + MAX_SECONDS)
    elif len(frame) > _HEAD and not isinstance(part, TableFeaturesRequest):
        return Refusal(codes.BAD_LEN, "malformed")  # it is no list that could go on
    known.parts += 1
    known.octets += len(frame)
    if known.parts > MAX_PARTS or known.octets > MAX_BYTES:
        return _OVERFLOW
    if isinstance(part, TableFeaturesRequest):
        known.tables = known.tables or part.tables[:1]
    if part.more:
        channel.partial[part.xid, type(part)] = known
        return None
    return evolve(part, tables=known.tables) if isinstance(part, TableFeaturesRequest) else part


def expire(channel: TenantChannel, effects: Effects) -> None:
    """Refuse the requests whose last part did not come in time."""
    for key, known in list(channel.partial.items()):
        if known.expires_at <= effects.now:
            del channel.partial[key]
            refuse(channel, known.frame, _OVERFLOW, effects)
