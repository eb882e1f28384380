"""What the virtual switch itself has its shares do: entries are put where they belong, and taken away.

All of it goes over the legs of its own channel. What a share refuses then is told the operator: the entry is not there.
"""

from __future__ import annotations

from collections.abc import Callable

from flowvisor.hypervisor.big.big_switch import BigSwitch, Errand, Leg
from flowvisor.hypervisor.big.entries import Entry
from flowvisor.hypervisor.big.errands import Done, begin, fence_all, send_in_time
from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow.messages import Message


def put(big: BigSwitch, dpid: int, entry: Entry, effects: Effects) -> None:
    """Have a share hold an entry, for the rest of its time."""
    leg = own_leg(big, dpid)
    messages = entry.on_13(effects.now)
    if leg is None or not messages:
        entry.copies.pop(dpid, None)
        return
    entry.copies[dpid] = len(messages)
    entry.is_patched = True

    def done(errand: Errand, _effects: Effects) -> None:
        if errand.errors:
            entry.copies.pop(dpid, None)

    for message in messages:
        command(leg, message, "entry", effects, done)


def take_away(big: BigSwitch, dpid: int, entry: Entry, effects: Effects) -> None:
    """Have a share hold an entry no more."""
    leg = own_leg(big, dpid)
    if leg is not None:
        for message in entry.deletions():
            command(leg, message, "entry", effects)


def own_leg(big: BigSwitch, dpid: int) -> Leg | None:
    """The virtual switch's own leg to its share of a datapath."""
    return None if big.own is None else big.own.legs.get(dpid)


def command(leg: Leg, message: Message, what: str, effects: Effects, then: Done | None = None) -> None:
    """Send a message of the virtual switch's own; the operator is told if it is refused."""
    frame = leg.owner.codec.encode(message)

    def done(errand: Errand, effects: Effects) -> None:
        for dpid, error in errand.errors.items():
            effects.note("error", "own_message_refused", dpid=dpid, what=what, error=error)
        if then is not None:
            then(errand, effects)

    send_in_time(leg, frame, begin(leg.owner, frame, done), effects)


def when_done(big: BigSwitch, dpids: set[int], then: Callable[[Effects], None], effects: Effects) -> None:
    """Call something when the shares have done all that they were sent over the own legs."""
    legs = [leg for dpid in sorted(dpids) if (leg := own_leg(big, dpid)) is not None]
    fence_all(legs, then, effects)
