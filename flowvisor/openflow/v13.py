"""The codec of OpenFlow 1.3 (1.3.5's text): whole frames to neutral messages and back.

The messages' bodies are in the modules beside it, by family; what translation patches without decoding the
whole frame (matches, actions, instructions) is named here too.
"""

from __future__ import annotations

from typing import Final

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow import v13_messages, v13_modifications, v13_multipart
from flowvisor.openflow.error_codes import BAD_LEN, BAD_TYPE, BAD_VERSION
from flowvisor.openflow.frame import HEADER, HEADER_LENGTH, HELLO
from flowvisor.openflow.messages import Hello, Message
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import length_field
from flowvisor.openflow.v13_actions import (
    decode_actions,
    decode_instructions,
    encode_actions,
    encode_instructions,
)
from flowvisor.openflow.v13_form import Form
from flowvisor.openflow.v13_match import check_match, decode_match, encode_match
from flowvisor.openflow.v13_messages import VERSION

__all__ = [
    "VERSION",
    "check_match",
    "decode",
    "decode_actions",
    "decode_instructions",
    "decode_match",
    "encode",
    "encode_actions",
    "encode_instructions",
    "encode_match",
]

FORMS: Final[tuple[Form, ...]] = (*v13_messages.FORMS, *v13_modifications.FORMS, *v13_multipart.FORMS)
_BY_NUMBER: Final = {form.number: form for form in FORMS}
_BY_CLASS: Final = {form.message: form for form in FORMS}


def decode(frame: bytes) -> Message:
    """The message of a whole frame; raises `MalformedMessage` with the error that the sender is owed."""
    if len(frame) < HEADER_LENGTH:
        raise MalformedMessage(BAD_LEN, f"{len(frame)} bytes are no message")
    version, kind, length, xid = HEADER.unpack_from(frame)
    if version != VERSION and kind != HELLO:  # a hello may come in any version: it is there to agree on one
        raise MalformedMessage(BAD_VERSION, f"version {version} on a channel of version {VERSION}")
    if length != len(frame):
        raise MalformedMessage(BAD_LEN, f"{len(frame)} bytes, {length} by the header")
    form = _BY_NUMBER.get(kind)
    if form is None:
        raise MalformedMessage(BAD_TYPE, f"message of type {kind}")
    reader = Reader(frame, HEADER_LENGTH)
    message = form.read(reader, xid=xid)
    reader.finish()
    return message


def encode(message: Message) -> bytes:
    """The frame of a message; raises `Inexpressible` for what OpenFlow 1.3 cannot say."""
    form = _BY_CLASS.get(type(message))
    if form is None:
        raise Inexpressible(BAD_TYPE, f"OpenFlow 1.3 has no {type(message).__name__}")
    body = form.write(message)
    version = message.version if isinstance(message, Hello) else VERSION
    return HEADER.pack(version, form.number, length_field(HEADER_LENGTH + len(body)), message.xid) + body
