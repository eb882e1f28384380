"""Corrected checksums equal those computed anew."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from flowvisor.emulation.checksums import correct_upper, corrected, crc32c
from flowvisor.openflow.checksum import internet_checksum

EVEN_BYTES = st.binary(min_size=2, max_size=40).filter(lambda data: len(data) % 2 == 0)


def test_the_check_value_of_crc_32c() -> None:
    assert crc32c(b"123456789") == 0xE3069283


@given(EVEN_BYTES, EVEN_BYTES, st.data())
def test_a_corrected_checksum_is_the_one_computed_anew(rest: bytes, old: bytes, data: st.DataObject) -> None:
    new = data.draw(st.binary(min_size=len(old), max_size=len(old)))
    assume(any(rest))  # a header of nothing but zeros has two sums
    assert corrected(internet_checksum(rest + old), old, new) == internet_checksum(rest + new)


@given(EVEN_BYTES, st.integers(1, 0xFFFE))
def test_a_wrong_checksum_stays_wrong(old: bytes, error: int) -> None:
    right = internet_checksum(b"\x12\x34" + old)
    wrong = right ^ error
    assume({right, wrong} != {0, 0xFFFF})  # the same number twice
    assert corrected(wrong, old, old) == wrong


def test_udp_without_a_checksum_gets_none() -> None:
    packet = bytearray(8)
    correct_upper(packet, 0, 17, b"\x00\x01", b"\x00\x02")
    assert packet == bytes(8)


def test_udp_never_gets_the_checksum_that_says_there_is_none() -> None:
    packet = bytearray(bytes.fromhex("0000000000000005"))
    correct_upper(packet, 0, 17, bytes(2), bytes.fromhex("0005"))
    assert packet[6:8] == b"\xff\xff"


def test_a_checksum_that_was_cut_off_is_let_be() -> None:
    packet = bytearray(7)
    correct_upper(packet, 0, 6, b"\x00\x01", b"\x00\x02")
    assert packet == bytes(7)
