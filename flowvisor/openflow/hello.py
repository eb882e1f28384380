"""HELLO (OpenFlow 1.3, sections 6.3.1 and 7.5.1), which has the same form in every version."""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.openflow.frame import HEADER, HEADER_LENGTH, HELLO
from flowvisor.openflow.messages import Hello

VERSION_BITMAP: Final = 1  # OFPHET_VERSIONBITMAP
_ELEMENT: Final = Struct("!HH")
_WORD_BITS: Final = 32


def decode_hello(frame: bytes) -> Hello:
    """Read a whole HELLO frame of any version.

    Elements that are unknown or broken are passed over, as the specification asks of whoever reads a HELLO.
    """
    version, _, _, xid = HEADER.unpack_from(frame)
    offset = HEADER_LENGTH
    versions: frozenset[int] | None = None
    while offset + _ELEMENT.size <= len(frame):
        kind, length = _ELEMENT.unpack_from(frame, offset)
        if length < _ELEMENT.size or offset + length > len(frame):
            break
        if kind == VERSION_BITMAP and versions is None:
            versions = _versions_in(frame[offset + _ELEMENT.size : offset + length])
        offset += (length + 7) // 8 * 8  # the padding does not count in the length
    return Hello(xid=xid, version=version, versions=versions)


def _versions_in(bitmaps: bytes) -> frozenset[int]:
    # Words follow each other from low to high version numbers, each is big-endian.
    words = [int.from_bytes(bitmaps[at : at + 4], "big") for at in range(0, len(bitmaps) - 3, 4)]
    return frozenset(
        at * _WORD_BITS + bit for at, word in enumerate(words) for bit in range(_WORD_BITS) if word >> bit & 1
    )


def encode_hello(hello: Hello) -> bytes:
    """Write a HELLO frame, with the bitmap element if there is a set of versions."""
    body = b""
    if hello.versions is not None:
        count = max(hello.versions, default=0) // _WORD_BITS + 1
        bits = sum(1 << version for version in hello.versions)
        words = [bits >> at * _WORD_BITS & 0xFFFFFFFF for at in range(count)]
        body = b"".join(word.to_bytes(4, "big") for word in words)
        body = _ELEMENT.pack(VERSION_BITMAP, _ELEMENT.size + len(body)) + body
        body += bytes(-len(body) % 8)
    return HEADER.pack(hello.version, HELLO, HEADER_LENGTH + len(body), hello.xid) + body
