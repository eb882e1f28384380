"""Bandwidth: how much traffic of a slice may come in at a datapath, or which queues it leaves by."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from flowvisor.policies.when import When

MAX_KILOBITS: Final = 0xFFFF_FFFF  # what a meter's band counts in (OpenFlow 1.3.5, section 7.3.4.5)

_UNITS: Final = {"kbit": 1, "Mbit": 1_000, "Gbit": 1_000_000}
_AMOUNT: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([A-Za-z]+)(/s)?")


@frozen
class Bandwidth:
    """At each datapath `rate` kbit/s, by a meter where the datapath has meters, and else by `queues`.

    `burst` is what may come at once, in kbit. The first of the queues is the one that all outputs of the slice go
    through; the others it may ask for. Who sets up the queues says what is guaranteed and what is the most. `when` is
    the times at which it is in force; none is always.
    """

    name: str
    rate: int
    burst: int | None = None
    queues: tuple[int, ...] = ()
    when: tuple[When, ...] = ()


def parse_rate_of_traffic(text: str) -> int:
    """Read `100 Mbit/s` as kbit/s; raises ValueError."""
    return _kilobits(text, per_second=True)


def parse_burst(text: str) -> int:
    """Read `10 Mbit` as kbit; raises ValueError."""
    return _kilobits(text, per_second=False)


def _kilobits(text: str, *, per_second: bool) -> int:
    found = _AMOUNT.fullmatch(text)
    example = "100 Mbit/s" if per_second else "10 Mbit"
    if found is None or found[2] not in _UNITS or bool(found[3]) != per_second:
        raise ValueError(f'"{text}" is not right; write a number and kbit, Mbit or Gbit, like {example}')
    kilobits = round(float(found[1]) * _UNITS[found[2]])
    if not 0 < kilobits <= MAX_KILOBITS:
        raise ValueError(f'"{text}" is not from 1 kbit to {MAX_KILOBITS // 1_000_000} Gbit')
    return kilobits
