"""Structures of a fixed layout: the names of a value's attributes beside the `Struct` that holds them.

Most of OpenFlow's messages and statistics are nothing else; each is then one row of a codec's table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from struct import Struct
from typing import Any, Final, Generic, TypeVar

from attrs import frozen

from flowvisor.errors import Inexpressible
from flowvisor.openflow.error_codes import BAD_LEN
from flowvisor.openflow.reader import Reader

T = TypeVar("T")

_PADDING: Final = tuple(bytes(-length % 8) for length in range(8))


@frozen
class Structure(Generic[T]):
    """Reads and writes a `T` whose attributes `names` lie in `layout`, in that order."""

    make: Callable[..., T]
    layout: Struct
    names: tuple[str, ...]
    values_of: Callable[[T], Iterable[Any]]

    def values(self, reader: Reader) -> dict[str, Any]:
        """The attributes that are next on the wire, for a value that has more than these."""
        return dict(zip(self.names, reader.unpack(self.layout), strict=True))

    def read(self, reader: Reader, **others: Any) -> T:
        """The value that is next on the wire; `others` are attributes that are not in the layout."""
        return self.make(**self.values(reader), **others)

    def write(self, value: T) -> bytes:
        """The bytes of the layout."""
        return self.layout.pack(*self.values_of(value))


def structure(make: Callable[..., T], layout: str, *names: str) -> Structure[T]:
    """A structure in network byte order."""
    # What `attrgetter` gives is a tuple only for several names; it takes half the time of as many `getattr`.
    values_of = (
        attrgetter(*names) if len(names) > 1 else lambda value: [getattr(value, name) for name in names]
    )
    return Structure(make, Struct("!" + layout), names, values_of)


def padding(length: int) -> bytes:
    """The zeros that bring `length` to a multiple of eight."""
    return _PADDING[length & 7]


def length_field(length: int) -> int:
    """A length that must fit 16 bits: translation may have made a list longer than a frame holds."""
    if length > 0xFFFF:
        raise Inexpressible(BAD_LEN, f"{length} bytes are more than a message can hold")
    return length
