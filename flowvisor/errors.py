"""Errors, one class for each party that may be at fault."""

from __future__ import annotations


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


class ConfigurationError(FlowVisorError):
    """The admin's files are wrong; the text names every place."""
