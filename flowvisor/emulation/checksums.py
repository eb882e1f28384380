"""Checksums of the Internet, corrected in place when a packet's bytes change."""

from __future__ import annotations

from typing import Final

from flowvisor.openflow.checksum import folded
from flowvisor.openflow.fields import (
    ETH_TYPE_IPV6,
    IP_PROTO_ICMP,
    IP_PROTO_ICMPV6,
    IP_PROTO_TCP,
    IP_PROTO_UDP,
)

# Where the checksum lies in the header above IP.
CHECKSUM_OFFSET: Final = {IP_PROTO_TCP: 16, IP_PROTO_UDP: 6, IP_PROTO_ICMP: 2, IP_PROTO_ICMPV6: 2}
_CASTAGNOLI: Final = 0x82F63B78  # CRC-32C, reflected (RFC 9260, appendix A)


def corrected(checksum: int, old: bytes, new: bytes) -> int:
    """The checksum after `old` became `new` (RFC 1624, equation 3): a wrong one stays wrong by as much.

    Both have the same even length and began at an even place.
    """
    total = ~checksum & 0xFFFF
    for i in range(0, len(old), 2):
        total += (~int.from_bytes(old[i : i + 2], "big") & 0xFFFF) + int.from_bytes(new[i : i + 2], "big")
    return ~folded(total) & 0xFFFF


def correct_at(packet: bytearray, at: int, old: bytes, new: bytes) -> None:
    """Correct the checksum at `at`, if it is there."""
    if len(packet) >= at + 2:
        checksum = corrected(int.from_bytes(packet[at : at + 2], "big"), old, new)
        packet[at : at + 2] = checksum.to_bytes(2, "big")


def correct_upper(packet: bytearray, upper: int, protocol: int, old: bytes, new: bytes) -> None:
    """Correct the checksum of the header at `upper` over bytes of its own or of its pseudo-header."""
    if protocol not in CHECKSUM_OFFSET:
        return
    at = upper + CHECKSUM_OFFSET[protocol]
    if protocol != IP_PROTO_UDP:
        correct_at(packet, at, old, new)
    elif any(packet[at : at + 2]):  # UDP's 0 means "none" (RFC 768), so a sum that comes to 0 is sent as ffff
        correct_at(packet, at, old, new)
        if not any(packet[at : at + 2]):
            packet[at : at + 2] = b"\xff\xff"


def has_pseudo_header(eth_type: int, protocol: int) -> bool:
    """Whether the checksum above IP covers the addresses of IP."""
    return protocol in (IP_PROTO_TCP, IP_PROTO_UDP) or (
        protocol == IP_PROTO_ICMPV6 and eth_type == ETH_TYPE_IPV6
    )


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_CASTAGNOLI if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def crc32c(data: bytes) -> int:
    """SCTP's checksum over bytes in which its own place is zero; it is sent least significant byte first."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
