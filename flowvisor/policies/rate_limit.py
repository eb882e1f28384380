"""A rate limit: how many messages of a slice may pass in a second."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

_UNIT_SECONDS: Final = {"s": 1, "min": 60}
_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*/\s*([a-z]+)")


@frozen
class RateLimit:
    """The most messages per second, of each kind and of all together (`messages`); None is no limit."""

    name: str
    packet_in: float | None = None
    packet_out: float | None = None
    flow_mod: float | None = None
    messages: float | None = None


def parse_rate(text: str) -> float:
    """Read `500/s` or `30/min` as a number per second; raises ValueError."""
    found = _RATE.fullmatch(text)
    if found is None or found[2] not in _UNIT_SECONDS or float(found[1]) == 0:
        raise ValueError(f'"{text}" is not a rate; write a number above 0 and its unit, like 500/s or 30/min')
    return float(found[1]) / _UNIT_SECONDS[found[2]]
