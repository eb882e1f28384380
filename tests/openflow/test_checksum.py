"""The checksum of the Internet is what RFC 1071 says."""

from __future__ import annotations

from flowvisor.openflow.checksum import internet_checksum


def test_the_example_of_rfc_1071_sums_up() -> None:
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == ~0xDDF2 & 0xFFFF


def test_an_odd_byte_counts_as_the_high_one() -> None:
    assert internet_checksum(b"\x12\x34\x56") == internet_checksum(b"\x12\x34\x56\x00")
