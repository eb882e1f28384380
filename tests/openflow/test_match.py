"""Matches as values."""

from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import MATCH_ALL, Match, OpaqueField

ONES_32 = FIELDS["in_port"].all_ones


def test_a_plain_number_is_exact_and_a_pair_is_masked() -> None:
    match = Match.of(in_port=3, ipv4_src=(0x0A0B0C0D, 0xFF000000))
    assert match.fields == {"in_port": (3, ONES_32), "ipv4_src": (0x0A000000, 0xFF000000)}
    assert list(match) == [("in_port", 3, ONES_32), ("ipv4_src", 0x0A000000, 0xFF000000)]


def test_a_value_is_exact_under_the_fields_whole_mask_only() -> None:
    match = Match.of(vlan_vid=(0x1000, 0x1000), vlan_pcp=0, in_port=3)
    assert match.exact("in_port") == 3
    assert match.exact("vlan_pcp") == 0
    assert match.exact("vlan_vid") is None
    assert match.exact("eth_dst") is None


def test_fields_are_set_and_taken_away_on_copies() -> None:
    match = Match(Match.of(in_port=3).fields, (OpaqueField(0x00010004, b"\0\0\0\1"),))
    wider = match.having(in_port=4, eth_type=0x0800)
    assert wider.fields == Match.of(in_port=4, eth_type=0x0800).fields
    assert wider.without("in_port", "tcp_dst").fields == Match.of(eth_type=0x0800).fields
    assert wider.opaque == wider.without("in_port").opaque == match.opaque
    assert match.fields == Match.of(in_port=3).fields


def test_the_order_of_fields_does_not_count() -> None:
    assert Match.of(in_port=1, eth_type=2) == Match.of(eth_type=2, in_port=1)
    assert Match.of(in_port=1) != Match.of(in_port=(1, 1))
    assert Match.of() == MATCH_ALL
