"""A refusal is told in the tenant's own terms: its xid, its first bytes, the nearest error that its version has."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import ERROR_DATA_LENGTH, Refusal, error_frame, refuse
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import EchoRequest, Error
from tests.support.kinds import ON_TABLES, as_told
from tests.support.slices import A


@pytest.mark.parametrize("error", [codes.ACTION_EPERM, codes.INST_BAD_TABLE_ID, codes.ROLE_STALE])
@pytest.mark.parametrize("size", [0, 10, 500])
def test_an_error_carries_the_tenants_xid_and_bytes(version: int, error: tuple[int, int], size: int) -> None:
    channel = ON_TABLES.world(A).controller("a", 1, version).channel
    frame = channel.codec.encode(EchoRequest(xid=0xABCD, data=bytes(size)))
    told = channel.codec.decode(error_frame(channel, memoryview(frame), error))
    assert told == Error(xid=0xABCD, error=as_told(error, version), data=frame[:ERROR_DATA_LENGTH])


def test_a_refusal_is_sent_and_counted(version: int) -> None:
    channel = ON_TABLES.world(A).controller("a", 1, version).channel
    frame = channel.codec.encode(EchoRequest(xid=3))
    effects = Effects(0.0)
    for _ in range(2):
        refuse(channel, frame, Refusal(codes.REQUEST_EPERM, "because"), effects)
    assert effects.frames == {channel: [error_frame(channel, frame, codes.REQUEST_EPERM)] * 2}
    assert channel.counters.refused == {(2, "because"): 2}
