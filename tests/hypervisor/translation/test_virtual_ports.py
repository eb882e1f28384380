"""The in_port of a virtual network's tenant: as metadata, and back, decoded and in place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.virtual_ports import (
    bits_of_port,
    match_to_physical,
    match_to_virtual,
    packet_in_to_virtual,
    patched_match,
    patched_packet_in,
    port_of_bits,
)
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import v13
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import PacketIn
from flowvisor.openflow.ports import ANY, CONTROLLER, LOCAL
from flowvisor.planning.share import IN_PORT_BITS, OWN_BITS
from flowvisor.slices.virtual_switch import MAX_VIRTUAL_PORT
from tests.support.message_strategies import u8, u32, u64
from tests.support.shares import matches


@given(st.one_of(st.integers(0, 0xFFFF), st.integers(0xFFFFFF00, 0xFFFFFFFF), u32))
def test_bits_stand_for_one_port(port: int) -> None:
    bits = bits_of_port(port)
    assert (bits is None) == (MAX_VIRTUAL_PORT < port < 0xFFFFFF00)
    assert bits is None or (0 <= bits <= IN_PORT_BITS and port_of_bits(bits) == port)


@given(matches())
def test_a_match_reads_back_as_it_was_written(match: Match) -> None:
    physical = match_to_physical(match)
    if isinstance(physical, Match):
        assert match_to_virtual(physical) == match
        assert "in_port" not in physical.fields


@pytest.mark.parametrize("port", [1, MAX_VIRTUAL_PORT, LOCAL, CONTROLLER, ANY])
def test_a_port_is_the_low_bits_of_the_metadata(port: int) -> None:
    assert match_to_physical(Match.of(in_port=port)) == Match.of(metadata=(port & 0xFFFF, 0xFFFF))


def test_a_port_and_the_tenants_own_metadata_are_one_field() -> None:
    match = Match.of(in_port=7, metadata=(0x5 << 32, 0xF << 32), eth_type=0x800)
    physical = Match.of(metadata=(0x5_0000_0007, 0xF_0000_FFFF), eth_type=0x800)
    assert match_to_physical(match) == physical


@pytest.mark.parametrize(
    ("match", "error"),
    [
        (Match.of(metadata=0), codes.MATCH_BAD_MASK),
        (Match.of(metadata=(0, 1)), codes.MATCH_BAD_MASK),
        (Match.of(metadata=(0, 1 << 31)), codes.MATCH_BAD_MASK),
        (Match.of(tunnel_id=5), codes.MATCH_BAD_FIELD),
        (Match.of(in_port=1, in_phy_port=1), codes.MATCH_BAD_FIELD),
        (Match.of(in_port=MAX_VIRTUAL_PORT + 1), codes.MATCH_BAD_VALUE),
    ],
)
def test_what_is_not_the_tenants_to_match_is_refused(match: Match, error: tuple[int, int]) -> None:
    refusal = match_to_physical(match)
    assert isinstance(refusal, Refusal)
    assert refusal.error == error


@given(matches(), st.sampled_from((4, 48)), u8)
def test_a_match_patched_in_place_is_the_one_that_is_mapped(match: Match, start: int, filling: int) -> None:
    encoded = v13.encode_match(match)
    frame = bytes(start) + encoded + bytes([filling]) * 8
    found = patched_match(frame, start)
    if found is not None:
        patched, end = found
        assert end == v13.check_match(frame, start)
        assert v13.check_match(patched, 0) == len(patched)
        assert v13.decode_match(patched) == match_to_physical(match)


@given(st.binary(max_size=60), st.sampled_from((b"", b"\0\1\0\x0c\x80\0\0\4\0\0\0\1", b"\0\1\0\4\0\0\0\0")))
def test_what_is_no_match_is_left_to_decoding(rest: bytes, begun: bytes) -> None:
    frame = begun + rest
    if patched_match(frame, 0) is not None:
        v13.check_match(frame, 0)  # which would raise


@pytest.mark.parametrize("fields", [{}, {"eth_type": 0x800}, {"eth_dst": 1, "eth_type": 0x806}])
def test_what_controllers_mostly_match_is_patched(fields: dict[str, int]) -> None:
    for match in (Match.of(**fields), Match.of(in_port=3, **fields)):
        frame = v13.encode_match(match)
        assert patched_match(frame, 0) is not None


@given(st.integers(1, MAX_VIRTUAL_PORT), u32, st.integers(0, 0xFFFF), u32, st.binary(max_size=40))
def test_a_packet_in_patched_in_place_is_the_one_that_is_mapped(
    number: int, physical: int, mark: int, upper: int, data: bytes
) -> None:
    match = Match.of(in_port=physical, metadata=upper << 32 | mark << 16 | number)
    message = PacketIn(reason=1, table_id=3, cookie=9, match=match, total_len=len(data), data=data)
    patched = patched_packet_in(v13.encode(message), 1)
    assert patched is not None
    told = v13.decode(patched)
    assert isinstance(told, PacketIn)
    assert told.match == packet_in_to_virtual(match)
    assert (told.data, told.cookie, told.table_id) == (data, 9, 2)
    assert told.match.exact("in_port") == number
    assert told.match.fields.get("metadata", (0, 0))[0] == upper << 32


@given(u64, u64.filter(bool))
def test_any_other_packet_in_is_decoded_and_keeps_nothing_of_ours(metadata: int, tunnel: int) -> None:
    match = Match.of(in_port=1, metadata=metadata, tunnel_id=tunnel)
    assert patched_packet_in(v13.encode(PacketIn(reason=1, match=match, total_len=0)), 0) is None
    shown = packet_in_to_virtual(match)
    assert set(shown.fields) <= {"in_port", "metadata"}
    assert shown.fields.get("metadata", (0, 0))[0] & OWN_BITS == 0
