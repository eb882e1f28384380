"""What decoding refuses, and with which error."""

from collections.abc import Callable

import pytest

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow import v13
from flowvisor.openflow.error_codes import ErrorCode
from flowvisor.openflow.frame import HEADER


def refusal(decode: Callable[[], object]) -> ErrorCode:
    """The error that a decoder raises."""
    with pytest.raises(MalformedMessage) as caught:
        decode()
    return caught.value.error_type, caught.value.error_code


def inexpressible(encode: Callable[[], object]) -> ErrorCode:
    """The error that an encoder raises."""
    with pytest.raises(Inexpressible) as caught:
        encode()
    return caught.value.error_type, caught.value.error_code


def frame_13(kind: int, body: str | bytes) -> bytes:
    """A frame of OpenFlow 1.3 with the xid 7; text is hexadecimal."""
    data = bytes.fromhex(body) if isinstance(body, str) else body
    return HEADER.pack(4, kind, 8 + len(data), 7) + data


def refusal_of_13(kind: int, body: str | bytes) -> ErrorCode:
    """The error that a frame of OpenFlow 1.3 is answered with."""
    return refusal(lambda: v13.decode(frame_13(kind, body)))
