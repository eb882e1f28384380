"""The rows of OpenFlow 1.3's tables of messages: a number, a class, and how its body is read and written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from flowvisor.errors import MalformedMessage
from flowvisor.openflow.error_codes import ErrorCode
from flowvisor.openflow.messages import Message
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import structure


class Form(NamedTuple):
    """One kind of message.

    `read(reader, **head)` gets what the headers hold (the xid; a multipart's `more`) as keywords, and may
    leave bytes unread: its caller refuses them. `write(message)` gives the body.
    """

    number: int
    message: Callable[..., Message]  # its class
    read: Callable[..., Message]
    write: Callable[[Any], bytes]


def fixed(number: int, message: Callable[..., Message], layout: str = "", *names: str) -> Form:
    """The form of a message that is one structure, or has no body."""
    body = structure(message, layout, *names)
    return Form(number, message, body.read, body.write)


def listing(
    number: int,
    message: Callable[..., Message],
    name: str,
    read: Callable[[Reader], Any],
    write: Callable[[Any], bytes],
) -> Form:
    """The form of a message that is a list of entries, under the attribute `name`."""

    def read_all(reader: Reader, **head: Any) -> Message:
        entries = []
        while reader.remaining:
            entries.append(read(reader))
        return message(**{name: tuple(entries)}, **head)

    return Form(number, message, read_all, lambda value: b"".join(map(write, getattr(value, name))))


def refuse_unless(legal: bool, error: ErrorCode, text: str) -> None:
    """Raise `MalformedMessage` for what the specification does not have."""
    if not legal:
        raise MalformedMessage(error, text)
