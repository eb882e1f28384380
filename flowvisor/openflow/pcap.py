"""Packets in a file of the classic pcap format, as tcpdump and Wireshark write it."""

# https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html; pcapng is another format, and is named when it comes.

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

MAX_PACKETS: Final = 1000  # of one file; what follows is not read
LINKTYPE_ETHERNET: Final = 1

_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
# The magic number, in both orders of bytes, with microseconds and with nanoseconds.
_ORDERS: Final = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
}
_HEADER_LENGTH: Final = 24
_LINKTYPE_AT: Final = 20


class Captured(NamedTuple):
    """A packet, and whether the file holds all of it."""

    data: bytes
    is_whole: bool


def packets_in(contents: bytes) -> list[Captured]:
    """The packets of a file, MAX_PACKETS at most; raises ValueError if it is none, or is torn."""
    order = _ORDERS.get(contents[:4])
    if order is None or len(contents) < _HEADER_LENGTH:
        is_pcapng = contents[:4] == _PCAPNG
        raise ValueError(
            "this is pcapng; write it with tcpdump, or with editcap -F pcap"
            if is_pcapng
            else "this is no pcap file"
        )
    (linktype,) = Struct(f"{order}I").unpack_from(contents, _LINKTYPE_AT)
    if linktype & 0xFFFF != LINKTYPE_ETHERNET:
        raise ValueError(f"the packets are not Ethernet's, but of link type {linktype & 0xFFFF}")
    record = Struct(f"{order}IIII")
    found: list[Captured] = []
    offset = _HEADER_LENGTH
    while offset < len(contents) and len(found) < MAX_PACKETS:
        if offset + record.size > len(contents):
            raise ValueError("the file is torn")
        _seconds, _fraction, length, whole_length = record.unpack_from(contents, offset)
        offset += record.size
        if offset + length > len(contents):
            raise ValueError("the file is torn")
        found.append(Captured(contents[offset : offset + length], length >= whole_length))
        offset += length
    return found
