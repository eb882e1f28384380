"""The checksum of the Internet (RFC 1071)."""

from __future__ import annotations


def internet_checksum(data: bytes) -> int:
    """The checksum over bytes in which the checksum's own place is zero."""
    if len(data) % 2:
        data = bytes(data) + b"\0"
    return ~folded(sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))) & 0xFFFF


def folded(total: int) -> int:
    """A sum of words with what was carried added to it."""
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total
