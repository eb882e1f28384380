"""What several controllers of one virtual switch change reaches all its datapaths in one order.

Strategy: a channel's own order holds on each leg, but below a leg waits for its own datapath, so that on one the change
of another controller could overtake. So a change goes out only when those of all others have been handed on to their
datapaths over all legs. Who finds that it is not so stands in line, and nobody passes who is not at its head; so none
of them waits for more than a turn of each other one.
"""

from __future__ import annotations

from typing import Final

from flowvisor.hypervisor.big.big_switch import BigChannel
from flowvisor.hypervisor.effects import Effects, Wake
from flowvisor.openflow import frame as f
from flowvisor.openflow.legality import TYPES

_CHANGES: Final = frozenset({f.FLOW_MOD, f.GROUP_MOD, f.METER_MOD, f.PORT_MOD})


def may_go(channel: BigChannel, frame: bytes, effects: Effects) -> bool:
    """Whether a frame may go over its legs now; if not the channel is in line, and is looked at when it may."""
    big = channel.switch
    if TYPES[channel.version].get(frame[1]) not in _CHANGES:
        return True
    everyone = (*big.channels, *big.leaving, *(() if big.own is None else (big.own,)))
    is_first = not big.line or big.line[0] is channel
    if is_first and not any(_is_behind(other) for other in everyone if other is not channel):
        leave(channel, effects)
        return True
    if channel not in big.line:
        big.line.append(channel)
    return False


def leave(channel: BigChannel, effects: Effects) -> None:
    """A channel does not wait for others any more; the next is looked at in the next turn of the shell's loop."""
    line = channel.switch.line
    if channel in line:
        line.remove(channel)
        if line:
            effects.commands.append(Wake(effects.now))


def _is_behind(channel: BigChannel) -> bool:
    """Whether something of a channel's has not been handed on to its datapath yet."""
    return any(leg.later or leg.channel.backlog or leg.channel.awaits_answer for leg in channel.legs.values())
