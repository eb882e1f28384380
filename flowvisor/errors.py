"""Errors, one class for each party that may be at fault."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen


class FlowVisorError(Exception):
    """Base of every error that flowvisor raises on purpose."""


class OpenFlowError(FlowVisorError):
    """An error that has a type and a code in the OpenFlow protocol (numbered as in OpenFlow 1.3)."""

    def __init__(self, error: tuple[int, int], text: str) -> None:
        super().__init__(text)
        self.error_type, self.error_code = error


class MalformedMessage(OpenFlowError):
    """A peer's frame breaks the protocol; the type and code are what the specification answers."""


class Inexpressible(OpenFlowError):
    """A neutral message has no form in the version that it was to be encoded in."""


@frozen(order=True)
class Place:
    """A character in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@frozen
class Problem:
    """One thing that is wrong in the admin's files, in words that say what to write instead."""

    place: Place
    key: str
    message: str
    suggestion: str = ""

    @property
    def file(self) -> str:
        """The file it is in."""
        return self.place.file

    @property
    def line(self) -> int:
        """The line it is in, from 1."""
        return self.place.line

    @property
    def column(self) -> int:
        """The column it begins at, from 1."""
        return self.place.column

    def __str__(self) -> str:
        told = f"{self.message}; {self.suggestion}" if self.suggestion else self.message
        return f"{self.place}: {self.key}: {told}" if self.key else f"{self.place}: {told}"


class ConfigurationError(FlowVisorError):
    """The admin's files are wrong; `problems` is all that is, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.place))
        super().__init__("\n".join(map(str, self.problems)))
