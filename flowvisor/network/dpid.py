"""Datapath ids: every form in which people write them is read, 16 hexadecimal digits are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

MAX_DPID: Final = (1 << 64) - 1

_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], int]], ...]] = (
    # Open vSwitch, os-ken, mininet
    (re.compile(r"[0-9a-f]{16}"), lambda found: int(found[0], 16)),
    # Floodlight, Kytos
    (re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}"), lambda found: int(found[0].replace(":", ""), 16)),
    # ONOS
    (re.compile(r"of:([0-9a-f]{16})"), lambda found: int(found[1], 16)),
    # OpenDaylight: decimal
    (re.compile(r"openflow:([0-9]{1,20})"), lambda found: int(found[1])),
    # POX: the lower 48 bits, and the upper 16 in decimal if they are not 0
    (
        re.compile(r"((?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?:\|([0-9]{1,5}))?"),
        lambda found: int(found[2] or "0") << 48 | int(found[1].replace("-", ""), 16),
    ),
    # Faucet
    (re.compile(r"0x([0-9a-f]{1,16})"), lambda found: int(found[1], 16)),
)


def parse_dpid(text: str) -> int:
    """Read a dpid in any form that a controller prints; raises ValueError.

    A short plain number is refused: it may be meant as decimal or as hexadecimal.
    """
    for form, value_of in _FORMS:
        if found := form.fullmatch(text.lower()):
            value = value_of(found)
            if value <= MAX_DPID:
                return value
    raise ValueError(f'"{text}" is not a dpid; write 16 hexadecimal digits, like "0000000000000001", or 0x1')


def format_dpid(dpid: int) -> str:
    """The dpid as Open vSwitch writes it: 16 lower-case hexadecimal digits."""
    return f"{dpid:016x}"
