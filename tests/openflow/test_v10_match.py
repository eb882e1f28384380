"""The match of 1.0: what it ignores is gone, what it cannot say is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.errors import MalformedMessage
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import v10_match as v
from flowvisor.openflow.match import MATCH_ALL, Match, OpaqueField
from flowvisor.openflow.ports import LOCAL
from flowvisor.openflow.v10_match import decode_match, encode_match
from tests.support.message_strategies_10 import matches
from tests.support.refusals import inexpressible, refusal

PLACES = (
    *("in_port", "dl_src", "dl_dst", "dl_vlan", "dl_vlan_pcp", "dl_type", "nw_tos", "nw_proto", "nw_src"),
    *("nw_dst", "tp_src", "tp_dst"),
)
WILDCARDS = {
    "in_port": v.WILD_IN_PORT,
    "dl_vlan": v.WILD_DL_VLAN,
    "dl_src": v.WILD_DL_SRC,
    "dl_dst": v.WILD_DL_DST,
    "dl_type": v.WILD_DL_TYPE,
    "nw_proto": v.WILD_NW_PROTO,
    "tp_src": v.WILD_TP_SRC,
    "tp_dst": v.WILD_TP_DST,
    "dl_vlan_pcp": v.WILD_DL_VLAN_PCP,
    "nw_tos": v.WILD_NW_TOS,
    "nw_src": v.NW_BITS << v.NW_SRC_SHIFT,
    "nw_dst": v.NW_BITS << v.NW_DST_SHIFT,
}


def match_10(**values: Any) -> bytes:
    """An ofp_match that cares for these fields, with garbage wherever it does not."""
    wild = v.WILD_ALL | 0x1F << v.NW_SRC_SHIFT | 0x1F << v.NW_DST_SHIFT
    for name in values:
        wild &= ~WILDCARDS[name]
    garbage = {"dl_src": b"\xee" * 6, "dl_dst": b"\xee" * 6}
    return v.MATCH_STRUCT.pack(wild, *(values.get(name, garbage.get(name, 0x5A)) for name in PLACES))


@given(matches)
def test_a_match_is_itself_again(match: Match) -> None:
    data = encode_match(match)
    assert len(data) == v.MATCH_LENGTH
    assert decode_match(data) == match


@given(st.binary(min_size=40, max_size=40))
def test_any_40_bytes_are_a_match_which_has_one_form(data: bytes) -> None:
    try:
        match = decode_match(data)
    except MalformedMessage as error:
        assert (error.error_type, error.error_code) == ec.MATCH_BAD_VALUE  # noqa: PT017 - any other is a fault
        return
    once = encode_match(match)
    assert decode_match(once) == match
    assert encode_match(decode_match(once)) == once


def test_wildcarding_all_is_written_as_open_vswitch_does() -> None:
    assert encode_match(MATCH_ALL) == (0x3820FF).to_bytes(4, "big") + bytes(36)
    assert decode_match((0xFFFFFFFF).to_bytes(4, "big") + b"\x77" * 36) == MATCH_ALL


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (match_10(in_port=0xFFFE), Match.of(in_port=LOCAL)),
        (match_10(in_port=0), Match.of(in_port=0)),
        (match_10(dl_src=b"\0\0\0\0\0\1"), Match.of(eth_src=1)),
        (match_10(dl_dst=b"\1\0\0\0\0\0"), Match.of(eth_dst=1 << 40)),
        (match_10(dl_vlan=0xFFFF), Match.of(vlan_vid=0)),
        (match_10(dl_vlan=0xFFFF, dl_vlan_pcp=3), Match.of(vlan_vid=0)),
        (match_10(dl_vlan=0), Match.of(vlan_vid=0x1000)),
        (match_10(dl_vlan=5), Match.of(vlan_vid=0x1005)),
        (match_10(dl_vlan=0x7005), Match.of(vlan_vid=0x1005)),
        (match_10(dl_vlan=5, dl_vlan_pcp=3), Match.of(vlan_vid=0x1005, vlan_pcp=3)),
        (match_10(dl_vlan_pcp=3), Match.of(vlan_vid=(0x1000, 0x1000), vlan_pcp=3)),
        (match_10(dl_type=0x86DD), Match.of(eth_type=0x86DD)),
        (match_10(dl_type=0x05FF), Match.of(eth_type=0x05FF)),  # frames without an Ethernet type
    ],
)
def test_fields_of_the_link_layer(data: bytes, match: Match) -> None:
    assert decode_match(data) == match


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"nw_tos": 0xB8}, Match.of(ip_dscp=46)),
        ({"nw_tos": 0xBB}, Match.of(ip_dscp=46)),
        ({"nw_proto": 6, "tp_src": 80}, Match.of(ip_proto=6, tcp_src=80)),
        ({"nw_proto": 17, "tp_dst": 53}, Match.of(ip_proto=17, udp_dst=53)),
        ({"nw_proto": 132, "tp_dst": 5}, Match.of(ip_proto=132, sctp_dst=5)),
        ({"nw_proto": 1, "tp_src": 8, "tp_dst": 0}, Match.of(ip_proto=1, icmpv4_type=8, icmpv4_code=0)),
        ({"nw_proto": 47, "tp_src": 8}, Match.of(ip_proto=47)),
        ({"tp_src": 80}, Match.of()),
        ({"nw_src": 0x0A000001}, Match.of(ipv4_src=0x0A000001)),
    ],
)
def test_fields_of_ipv4(values: dict[str, int], match: Match) -> None:
    assert decode_match(match_10(dl_type=0x0800, **values)) == match.having(eth_type=0x0800)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"nw_proto": 1}, Match.of(arp_op=1)),
        ({"nw_src": 7, "nw_dst": 9}, Match.of(arp_spa=7, arp_tpa=9)),
        ({"nw_tos": 4, "tp_src": 80, "tp_dst": 80}, Match.of()),
        ({"nw_proto": 6, "tp_src": 80}, Match.of(arp_op=6)),
    ],
)
def test_fields_of_arp(values: dict[str, int], match: Match) -> None:
    assert decode_match(match_10(dl_type=0x0806, **values)) == match.having(eth_type=0x0806)


@pytest.mark.parametrize("dl_type", [None, 0x86DD, 0x8035, 0x88CC])
def test_fields_of_a_network_layer_that_is_not_matched_are_ignored(dl_type: int | None) -> None:
    values = {"nw_tos": 4, "nw_proto": 6, "nw_src": 7, "nw_dst": 9, "tp_src": 80, "tp_dst": 80}
    link = {} if dl_type is None else {"dl_type": dl_type}
    expected = Match.of() if dl_type is None else Match.of(eth_type=dl_type)
    assert decode_match(match_10(**link, **values)) == expected


@pytest.mark.parametrize(
    ("wildcarded", "mask"),
    [(0, 0xFFFFFFFF), (1, 0xFFFFFFFE), (24, 0xFF000000), (31, 0x80000000), (32, 0), (40, 0), (63, 0)],
)
def test_addresses_are_prefixes(wildcarded: int, mask: int) -> None:
    exact = match_10(dl_type=0x0800, nw_src=0xFFFFFFFF)
    wild = int.from_bytes(exact[:4], "big") | wildcarded << v.NW_SRC_SHIFT
    match = decode_match(wild.to_bytes(4, "big") + exact[4:])
    assert match.fields.get("ipv4_src", (0, 0)) == (mask, mask)


@pytest.mark.parametrize("place", ["tp_src", "tp_dst"])
def test_an_icmp_type_that_no_packet_has_is_refused(place: str) -> None:
    data = match_10(dl_type=0x0800, nw_proto=1, **{place: 0x100})
    assert refusal(lambda: decode_match(data)) == ec.MATCH_BAD_VALUE


def test_a_match_may_lie_anywhere_in_a_frame() -> None:
    assert decode_match(b"12345678" + match_10(in_port=3), 8) == Match.of(in_port=3)


@pytest.mark.parametrize(
    ("match", "error"),
    [
        (Match.of(eth_src=(1, 1)), ec.MATCH_BAD_DL_ADDR_MASK),
        (Match.of(eth_dst=(1 << 40, 1 << 40)), ec.MATCH_BAD_DL_ADDR_MASK),
        (Match.of(eth_type=0x800, ipv4_src=(1, 0x00FF00FF)), ec.MATCH_BAD_NW_ADDR_MASK),
        (Match.of(eth_type=0x806, arp_tpa=(1, 1)), ec.MATCH_BAD_NW_ADDR_MASK),
        (Match.of(vlan_vid=(0x1000, 0x1000)), ec.MATCH_BAD_MASK),
        (Match.of(vlan_vid=(0x1001, 0x1001), vlan_pcp=1), ec.MATCH_BAD_MASK),
        (Match.of(vlan_vid=(1, 1)), ec.MATCH_BAD_VALUE),
        (Match.of(vlan_vid=7), ec.MATCH_BAD_VALUE),
        (Match.of(vlan_pcp=1), ec.MATCH_BAD_FIELD),
        (Match.of(vlan_vid=0, vlan_pcp=1), ec.MATCH_BAD_FIELD),
        (Match.of(in_port=0x10000), ec.MATCH_BAD_VALUE),
        (Match.of(metadata=1), ec.MATCH_BAD_FIELD),
        (Match.of(tcp_src=1), ec.MATCH_BAD_FIELD),
        (Match.of(eth_type=0x800, tcp_src=1), ec.MATCH_BAD_FIELD),
        (Match.of(eth_type=0x800, ip_proto=17, tcp_src=1), ec.MATCH_BAD_FIELD),
        (Match.of(eth_type=0x800, ip_ecn=1), ec.MATCH_BAD_FIELD),
        (Match.of(eth_type=0x806, arp_op=0x101), ec.MATCH_BAD_VALUE),
        (Match.of(eth_type=0x806, arp_sha=1), ec.MATCH_BAD_FIELD),
        (Match.of(eth_type=0x86DD, ip_proto=58), ec.MATCH_BAD_FIELD),
        (Match.of(eth_type=0x86DD, ip_dscp=1), ec.MATCH_BAD_FIELD),
        (Match.of(eth_type=0x86DD, ipv6_src=1), ec.MATCH_BAD_FIELD),
        (Match.of(eth_type=0x86DD, ip_proto=6, tcp_dst=80), ec.MATCH_BAD_FIELD),
        (Match({}, (OpaqueField(0x00010004, b"1234"),)), ec.MATCH_BAD_FIELD),
    ],
    ids=str,
)
def test_what_1_0_cannot_match_is_refused_and_not_widened(match: Match, error: ec.ErrorCode) -> None:
    assert inexpressible(lambda: encode_match(match)) == error
