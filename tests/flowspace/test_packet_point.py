"""A packet's point from its bytes is the parser's."""

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.flowspace.layout import point_of
from flowvisor.flowspace.packet_point import (
    ADDRESSES,
    point_behind_one_tag,
    point_of_addresses,
    point_of_packet,
)
from flowvisor.openflow.packet import parse

PORTS = st.integers(1, 0xFFFFFFFE)


@st.composite
def ipv4_packets(draw: st.DrawFn) -> bytes:
    """IPv4 in which anything that decides how far a parser gets may be odd."""
    rest = draw(st.binary(min_size=30, max_size=60))
    header = (
        bytes([0x45, draw(st.integers(0, 255))])
        + draw(st.sampled_from([0, 20, 28, 39, 40, 46, 1500])).to_bytes(2, "big")
        + bytes(2)
        + draw(st.sampled_from([0, 0x2000, 0x4000, 1, 0x1FFF])).to_bytes(2, "big")
        + bytes([64, draw(st.sampled_from([1, 6, 17, 47, 132])), 0, 0])
    )
    packet = draw(st.binary(min_size=12, max_size=12)) + b"\x08\x00" + header + rest
    return packet[: draw(st.one_of(st.just(200), st.integers(0, 80)))]


@given(data=ipv4_packets(), in_port=PORTS)
def test_an_ipv4_packet_has_the_point_that_the_parser_gives(data: bytes, in_port: int) -> None:
    assert point_of_packet(data, in_port) == point_of(parse(data, in_port))


@given(data=st.binary(max_size=80), in_port=PORTS)
def test_any_bytes_have_the_point_that_the_parser_gives(data: bytes, in_port: int) -> None:
    assert point_of_packet(data, in_port) == point_of(parse(data, in_port))


@given(data=st.binary(min_size=12, max_size=80), in_port=PORTS)
def test_port_and_addresses_are_where_the_whole_point_has_them(data: bytes, in_port: int) -> None:
    whole = point_of(parse(data, in_port))
    assert point_of_addresses(data, in_port) == (whole.value & ADDRESSES, ADDRESSES)


def test_of_a_packet_without_addresses_only_the_port_is_known() -> None:
    assert point_of_addresses(b"\x01" * 11, 7) == point_of({"in_port": 7})


TAGS = (b"\x81\x00", b"\x88\xa8")


@given(outer=st.sampled_from(TAGS), inner=st.sampled_from(TAGS), rest=st.binary(min_size=4, max_size=60))
def test_behind_one_of_two_tags_the_other_is_all_that_is_seen(
    outer: bytes, inner: bytes, rest: bytes
) -> None:
    packet = bytes(range(12)) + outer + b"\x20\x05" + inner + rest
    seen = {
        **parse(packet[:16], 7),
        "vlan_vid": 0x1005,
        "vlan_pcp": 1,
        "eth_type": int.from_bytes(inner, "big"),
    }
    assert point_behind_one_tag(packet, 7) == point_of(seen)


@given(data=st.binary(max_size=80))
def test_of_other_packets_there_is_but_one_reading(data: bytes) -> None:
    assert point_behind_one_tag(data, 7) is None or (data[12:14] in TAGS and data[16:18] in TAGS)
