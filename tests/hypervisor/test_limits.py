"""A slice's rate limits: which messages take from which bucket."""

from __future__ import annotations

import pytest

from flowvisor.hypervisor.limits import DELAYED, REFUSED, Limits
from flowvisor.openflow.frame import FLOW_MOD, HEADER, PACKET_OUT
from flowvisor.policies.rate_limit import RateLimit

BARRIER = 20


def limits(**rates: float) -> Limits[str]:
    return Limits(RateLimit(name="steady", **rates))


def test_what_is_not_limited_always_passes() -> None:
    made = limits(packet_out=1)
    assert all(made.admits(FLOW_MOD, 0.0) and made.take_packet_in(0.0) for _ in range(100))
    assert made.wait(FLOW_MOD, 0.0) == 0.0
    assert not made.counts


def test_packet_ins_above_the_rate_are_counted() -> None:
    made = limits(packet_in=3)
    assert [made.take_packet_in(0.0) for _ in range(5)] == [True] * 3 + [False] * 2
    made.count_shed_packet_in()
    assert made.counts == {("packet_in", "shed"): 1}


@pytest.mark.parametrize(("kind", "key"), [(FLOW_MOD, "flow_mod"), (PACKET_OUT, "packet_out")])
def test_each_kind_has_a_bucket_of_its_own(kind: int, key: str) -> None:
    made = limits(flow_mod=2, packet_out=2)
    assert [made.admits(kind, 0.0) for _ in range(3)] == [True, True, False]
    assert made.wait(kind, 0.0) == pytest.approx(0.5)
    made.count(kind, DELAYED, 0.0)
    assert made.counts == {(key, DELAYED): 1}
    other = FLOW_MOD + PACKET_OUT - kind
    assert made.admits(other, 0.0)


def test_all_kinds_take_from_the_bucket_of_messages() -> None:
    made = limits(messages=3)
    assert [made.admits(kind, 0.0) for kind in (FLOW_MOD, PACKET_OUT, BARRIER, BARRIER)] == [True] * 3 + [
        False
    ]
    made.count(BARRIER, REFUSED, 0.0)
    assert made.counts == {("messages", REFUSED): 1}


def frames(*kinds: int) -> list[bytes]:
    return [HEADER.pack(4, kind, 8, 0) for kind in kinds]


def test_a_whole_read_passes_if_there_is_enough_for_all_of_it_or_takes_nothing() -> None:
    made = limits(flow_mod=2, packet_out=2, messages=5)
    assert not made.admits_all(frames(FLOW_MOD, FLOW_MOD, FLOW_MOD), 0.0)
    assert not made.admits_all(frames(FLOW_MOD, *[BARRIER] * 5), 0.0)
    assert not made.admits_all(frames(FLOW_MOD, PACKET_OUT, PACKET_OUT, PACKET_OUT), 0.0)
    assert made.admits_all(frames(FLOW_MOD, PACKET_OUT, FLOW_MOD, BARRIER), 0.0)
    assert not made.admits_all(frames(FLOW_MOD), 0.0)
    assert made.admits_all(frames(PACKET_OUT), 0.0)
    assert not made.admits_all(frames(BARRIER), 0.0)
    assert made.admits_all(frames(FLOW_MOD, BARRIER), 0.6)


def test_what_needs_two_tokens_takes_none_unless_both_are_there() -> None:
    made = limits(flow_mod=1, messages=3)
    assert made.admits(FLOW_MOD, 0.0)
    assert not any(made.admits(FLOW_MOD, 0.0) for _ in range(5))
    assert [made.admits(BARRIER, 0.0) for _ in range(3)] == [True, True, False]
    assert made.wait(FLOW_MOD, 0.0) == pytest.approx(1.0)
    made.count(FLOW_MOD, DELAYED, 0.0)
    assert made.counts == {("flow_mod", DELAYED): 1}
