"""Which slice of its name a datapath has had: what is there, and what is known of it, is not its namesake's.

Strategy: a slice may go and another one of its name, or with its tables, may come while a datapath is away. So what
a datapath was made is written down, when it is done, with the number that the slice was given at its birth. Where
nothing is written down, because the journal was lost, slices keep what is in their tables, unless they were born since
we began.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import BIRTH
from flowvisor.hypervisor.memory import NO_SLICE, Memory
from flowvisor.hypervisor.peers import VirtualSwitch

_NUMBER: Final = Struct("!Q")
_KEY: Final = b""  # of each name a datapath has had one slice last


def is_new(memory: Memory, slice_name: str, birth: int | None, last_before_us: int) -> bool:
    """Whether a datapath has nothing of a slice's yet, but perhaps something of another's.

    None is the birth of a slice that owns nothing; it is never new. Births up to `last_before_us` were before we began.
    """
    if birth is None:
        return False
    recalled = memory.of(BIRTH, slice_name).get(_KEY)
    if recalled is not None:
        return recalled != _NUMBER.pack(birth)
    return birth > (0 if memory.of(BIRTH, NO_SLICE) else last_before_us)


def remember(switch: VirtualSwitch, effects: Effects) -> None:
    """Write down that what a datapath has for a slice is this one's, if that has become so."""
    name, memory = switch.name.slice_name, switch.datapath.memory
    if switch.is_new or switch.birth is None:
        return
    number = _NUMBER.pack(switch.birth)
    if memory.of(BIRTH, name).get(_KEY) != number:
        memory.remember(BIRTH, name, _KEY, number, effects)
    if not memory.of(BIRTH, NO_SLICE):
        memory.remember(BIRTH, NO_SLICE, _KEY, b"", effects)
