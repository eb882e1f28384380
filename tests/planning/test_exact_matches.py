"""Masks spelled out as values, and no more of them than was allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow.match import Match
from flowvisor.planning.exact_matches import exact_where_required
from tests.support.flowspace_strategies import applies


@given(
    st.integers(0, 0xFFFF),
    st.integers(0, 10).flatmap(
        lambda free: st.sampled_from([0xFFFF ^ (1 << free) - 1, 0xFFFF & ~(0b101 << free)])
    ),
    st.integers(0, 0xFFFF),
)
def test_masks_are_spelled_out_where_1_3_allows_none(value: int, mask: int, sample: int) -> None:
    match = Match.of(eth_type=0x0800, ip_proto=6, tcp_dst=(value, mask), ipv4_src=(1 << 24, 0xFF << 24))
    exact = list(exact_where_required(match))
    assert all(one.exact("tcp_dst") is not None for one in exact)
    assert len({one.exact("tcp_dst") for one in exact}) == len(exact) == 1 << (0xFFFF & ~mask).bit_count()
    packet = {"eth_type": 0x0800, "ip_proto": 6, "tcp_dst": sample, "ipv4_src": (1 << 24) + 5}
    assert any(applies(one, packet) for one in exact) == applies(match, packet)


def test_a_mask_that_leaves_too_much_is_not_spelled_out() -> None:
    with pytest.raises(TooManyPieces):
        list(exact_where_required(Match.of(eth_type=(0, 1))))
    of_32 = (0, 0xFFFF ^ 31)
    assert len(list(exact_where_required(Match.of(eth_type=0x0800, ip_proto=6, tcp_src=of_32)))) == 32
    with pytest.raises(TooManyPieces):
        list(exact_where_required(Match.of(eth_type=0x0800, ip_proto=6, tcp_src=of_32, tcp_dst=(0, 0xFFC0))))
