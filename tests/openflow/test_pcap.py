"""Files that tcpdump writes are read, and what is none is told so."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow.pcap import MAX_PACKETS, Captured, packets_in
from tests.support.examples import examples

PACKETS = [bytes(range(60)), b"\x01" * 14]


def pcap(packets: list[bytes], order: str = "<", magic: int = 0xA1B2C3D4, linktype: int = 1) -> bytes:
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, linktype)
    records = (struct.pack(f"{order}IIII", 1, 2, len(one), len(one)) + one for one in packets)
    return head + b"".join(records)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_packets_are_read_whatever_the_order_of_bytes_and_the_clock(order: str, magic: int) -> None:
    assert [one.data for one in packets_in(pcap(PACKETS, order, magic))] == PACKETS


def test_a_packet_of_which_the_end_was_not_kept_is_told_from_a_whole_one() -> None:
    contents = pcap([]) + struct.pack("<IIII", 1, 2, 14, 60) + bytes(14) + pcap([bytes(14)])[24:]
    assert packets_in(contents) == [Captured(bytes(14), is_whole=False), Captured(bytes(14), is_whole=True)]


def test_no_more_than_so_many_are_read() -> None:
    assert len(packets_in(pcap([b"x"] * (MAX_PACKETS + 3)))) == MAX_PACKETS


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        (b"", "this is no pcap file"),
        (b"\xd4\xc3\xb2\xa1", "this is no pcap file"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "this is pcapng"),
        (pcap(PACKETS, linktype=113), "of link type 113"),
        (pcap(PACKETS)[:-1], "the file is torn"),
        (pcap(PACKETS) + b"\x01", "the file is torn"),
    ],
)
def test_what_cannot_be_read_is_told(contents: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        packets_in(contents)


@examples(60)
@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_are_packets_or_a_value_error(noise: bytes, has_head: bool) -> None:
    with contextlib.suppress(ValueError):
        packets_in(pcap([]) + noise if has_head else noise)
