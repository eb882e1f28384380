"""A change of a tenant's that goes over several legs is done on all, or on none."""

from __future__ import annotations

from collections.abc import Callable

from flowvisor.hypervisor.big.big_switch import BigChannel, Errand
from flowvisor.hypervisor.big.copies import when_done
from flowvisor.hypervisor.big.errands import begin
from flowvisor.hypervisor.effects import Effects

Undo = Callable[[set[int], Effects], None]
Confirm = Callable[[Effects], None]


def begin_change(channel: BigChannel, frame: bytes, undo: Undo, confirm: Confirm) -> Errand:
    """An errand that is told as one error if a leg refuses it.

    Then `undo` is called with the datapaths that have taken it, else `confirm` when all have.
    """

    def done(errand: Errand, effects: Effects) -> None:
        if not errand.errors:
            confirm(effects)
            return

        def undone(_effects: Effects) -> None:
            channel.undoing -= 1

        undo(errand.took, effects)
        when_done(channel.switch, errand.took, undone, effects)

    return begin(channel, frame, done, is_change=True)
