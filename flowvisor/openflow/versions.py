"""The versions of OpenFlow that are spoken, each by a codec with the same face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from flowvisor.errors import MalformedMessage
from flowvisor.openflow import v10, v13
from flowvisor.openflow.error_codes import BAD_VERSION
from flowvisor.openflow.messages import Message


class Codec(Protocol):
    """One version: frames to messages and back."""

    @property
    def VERSION(self) -> int: ...  # noqa: N802 - a module's constant

    def decode(self, frame: bytes) -> Message:
        """The message of a whole frame; raises `MalformedMessage`."""
        ...

    def encode(self, message: Message) -> bytes:
        """The frame of a message; raises `Inexpressible`."""
        ...


CODECS: Final[Mapping[int, Codec]] = {v10.VERSION: v10, v13.VERSION: v13}
SUPPORTED: Final = frozenset(CODECS)


def codec(version: int) -> Codec:
    """The codec of a wire version; raises `MalformedMessage` if it is not spoken here."""
    found = CODECS.get(version)
    if found is None:
        raise MalformedMessage(BAD_VERSION, f"OpenFlow of wire version {version} is not spoken here")
    return found
