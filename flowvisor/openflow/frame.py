"""Frames: a stream of bytes is cut into whole OpenFlow messages, none of them decoded.

Strategy: nearly every read of a busy channel holds whole frames, so that case is one loop of header reads and
slices, and a read that is exactly one frame is passed on uncopied. Only a frame's missing tail makes us hold
bytes, in a bytearray that grows in place: a frame that arrives byte by byte is still copied only twice.
Rejected: `buffer = buffer[n:]` per frame (quadratic), a memoryview per frame (each would pin the whole read).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.errors import MalformedMessage
from flowvisor.openflow.error_codes import BAD_LEN

HEADER: Final = Struct("!BBHI")  # version, type, length, xid (section 7.1)
HEADER_LENGTH: Final = 8
MAX_FRAME_LENGTH: Final = 0xFFFF  # the header's length has 16 bits; a partial frame never takes more

# Message types of OpenFlow 1.3. The first five are the same in every version, 1.0's others are in `v10`.
HELLO: Final = 0
ERROR: Final = 1
ECHO_REQUEST: Final = 2
ECHO_REPLY: Final = 3
EXPERIMENTER: Final = 4
FEATURES_REQUEST: Final = 5
FEATURES_REPLY: Final = 6
GET_CONFIG_REQUEST: Final = 7
GET_CONFIG_REPLY: Final = 8
SET_CONFIG: Final = 9
PACKET_IN: Final = 10
FLOW_REMOVED: Final = 11
PORT_STATUS: Final = 12
PACKET_OUT: Final = 13
FLOW_MOD: Final = 14
GROUP_MOD: Final = 15
PORT_MOD: Final = 16
TABLE_MOD: Final = 17
MULTIPART_REQUEST: Final = 18
MULTIPART_REPLY: Final = 19
BARRIER_REQUEST: Final = 20
BARRIER_REPLY: Final = 21
QUEUE_GET_CONFIG_REQUEST: Final = 22
QUEUE_GET_CONFIG_REPLY: Final = 23
ROLE_REQUEST: Final = 24
ROLE_REPLY: Final = 25
GET_ASYNC_REQUEST: Final = 26
GET_ASYNC_REPLY: Final = 27
SET_ASYNC: Final = 28
METER_MOD: Final = 29

_XID: Final = Struct("!I")


class FrameCutter:
    """Cuts one direction of one channel into frames."""

    __slots__ = ("_held", "_wanted")

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = 0  # once this many bytes are held, something can be done with them

    @property
    def pending_bytes(self) -> int:
        """Bytes held of a frame that is not complete; less than 64 KiB."""
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes; return every frame they complete.

        A header with a length below 8 raises `MalformedMessage`, now and at every further call: where the
        next frame begins cannot be known, so the channel is lost, and with it the rest of the same read.
        """
        held = self._held
        if held:
            held += data
            if len(held) < self._wanted:
                return []
            data = bytes(held)
            held.clear()
        frames: list[bytes] = []
        start = 0
        size = len(data)
        while size - start >= HEADER_LENGTH:
            length = data[start + 2] << 8 | data[start + 3]  # quicker than a Struct for one number
            end = start + length
            if length < HEADER_LENGTH:
                held += data[start:]
                self._wanted = 0
                raise MalformedMessage(BAD_LEN, f"a header says that its message has {length} bytes")
            if end > size:
                held += data[start:]
                self._wanted = length
                return frames
            frames.append(data[start:end])  # the slice of all of a bytes object is that object
            start = end
        if start < size:
            held += data[start:]
            self._wanted = HEADER_LENGTH
        return frames


def version_of(frame: bytes) -> int:
    """The wire version in a frame's header."""
    return frame[0]


def type_of(frame: bytes) -> int:
    """The message type in a frame's header; what it means depends on the version."""
    return frame[1]


def xid_of(frame: bytes) -> int:
    """The transaction id in a frame's header."""
    xid: int = _XID.unpack_from(frame, 4)[0]
    return xid


def with_xid(frame: bytes, xid: int) -> bytes:
    """The same frame with another transaction id."""
    return frame[:4] + _XID.pack(xid) + frame[8:]
