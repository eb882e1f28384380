"""A reader of wire bytes that cannot run over the end of what it was given.

Strategy: a length on the wire becomes a `with reader.within(length, error)`; inside it nothing after it can
be read, and leaving it with bytes unread is an error (dnspython's `restrict_to`). Each level carries the
OpenFlow error that a wrong length there is answered with, so decoders raise none themselves for lengths.
"""

from __future__ import annotations

from struct import Struct
from types import TracebackType
from typing import Any, Final, NoReturn

from flowvisor.errors import MalformedMessage
from flowvisor.openflow.error_codes import BAD_LEN, ErrorCode

_U16: Final = Struct("!H")
_U32: Final = Struct("!I")
_U64: Final = Struct("!Q")


class Reader:
    """Reads `data[start:end]`; a read past the end raises `MalformedMessage` with the level's error."""

    __slots__ = ("_data", "_end", "_error", "_offset", "_outer")

    def __init__(
        self, data: bytes, start: int = 0, end: int | None = None, error: ErrorCode = BAD_LEN
    ) -> None:
        self._data = data
        self._offset = start
        self._end = len(data) if end is None else end
        self._error = error
        self._outer: list[tuple[int, ErrorCode]] = []

    @property
    def remaining(self) -> int:
        """Bytes not yet read at this level."""
        return self._end - self._offset

    @property
    def offset(self) -> int:
        """Where in `data` the next byte is read."""
        return self._offset

    @property
    def data(self) -> bytes:
        """All that the reader was made over; for decoders that go by offsets."""
        return self._data

    @property
    def error(self) -> ErrorCode:
        """What a wrong length is answered with at this level."""
        return self._error

    def within(self, length: int, error: ErrorCode) -> Reader:
        """Restrict reading to the next `length` bytes until the `with` block is left.

        Raises with `error` if there are not so many, or (on leaving) if they were not all read.
        """
        if length < 0 or length > self._end - self._offset:
            raise MalformedMessage(error, f"{length} bytes named, {self.remaining} there")
        self._outer.append((self._end, self._error))
        self._end = self._offset + length
        self._error = error
        return self

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
            self._end, self._error = self._outer.pop()

    def finish(self) -> None:
        """Raise with the level's error unless everything was read."""
        if self._offset != self._end:
            self.refuse(f"{self.remaining} bytes too many")

    def refuse(self, text: str) -> NoReturn:
        """Raise with the level's error: a length is wrong in a way that only the decoder knows."""
        raise MalformedMessage(self._error, text)

    def skip(self, length: int) -> None:
        """Pass over bytes whose value does not matter (padding)."""
        end = self._offset + length
        if end > self._end:
            self.refuse(f"{length} bytes wanted, {self.remaining} there")
        self._offset = end

    def advance_to(self, offset: int) -> None:
        """Go on at an offset that a decoder has read up to by itself."""
        self.skip(offset - self._offset)

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        start = self._offset
        self.skip(length)
        return self._data[start : self._offset]

    def rest(self) -> bytes:
        """All bytes that are left at this level."""
        return self.take(self._end - self._offset)

    def text(self, length: int) -> str:
        """A string in a field of `length` bytes, up to its first zero byte; the last byte ought to be one."""
        return self.take(length)[: length - 1].split(b"\0", 1)[0].decode("latin-1")

    def unpack(self, structure: Struct) -> tuple[Any, ...]:
        """What a whole structure holds."""
        start = self._offset
        self.skip(structure.size)
        return structure.unpack_from(self._data, start)

    def peek_u16(self, ahead: int = 0) -> int:
        """The 16-bit number that lies `ahead` bytes further on, without reading up to it."""
        start = self._offset + ahead
        if start + 2 > self._end:
            self.refuse(f"{ahead + 2} bytes wanted, {self.remaining} there")
        number: int = _U16.unpack_from(self._data, start)[0]
        return number

    def u8(self) -> int:
        start = self._offset
        self.skip(1)
        return self._data[start]

    def u16(self) -> int:
        number: int = self.unpack(_U16)[0]
        return number

    def u32(self) -> int:
        number: int = self.unpack(_U32)[0]
        return number

    def u64(self) -> int:
        number: int = self.unpack(_U64)[0]
        return number


def text_field(text: str, length: int) -> bytes:
    """What `Reader.text` reads: the string cut to leave at least one zero byte, and zeros up to `length`.

    Latin-1, though the specification says ASCII: every byte a datapath may put there comes back as it was.
    """
    return text.encode("latin-1", "replace")[: length - 1].ljust(length, b"\0")
