"""What controllers of a virtual switch over several datapaths send waits here, in order, until it may go on.

A frame waits for the tenant's barrier before it to be answered by all legs, for a change that is being taken back, for
a share that is being given what it lacks, for legs to take more, for the changes of other controllers, and for a token
of the slice's rate limit, which is taken once and not for each leg. Memory is bounded by not reading from a controller
whose frames wait.
"""

from __future__ import annotations

from typing import Final

from flowvisor.hypervisor.big import southbound, writers
from flowvisor.hypervisor.big.big_switch import BigChannel
from flowvisor.hypervisor.effects import Effects, PauseReading, ResumeReading, Wake
from flowvisor.hypervisor.limits import DELAYED, MAX_DELAY_SECONDS, RATE_LIMITED, REFUSED
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.waiting import (
    FRAME_OVERHEAD,
    MAX_KEPT_BYTES,
    MIN_SLEEP_SECONDS,
    PAUSE_ABOVE_BYTES,
    RESUME_BELOW_BYTES,
)
from flowvisor.openflow import error_codes as codes

FRAMES_PER_TURN: Final = 16  # of one call: each is decoded, and goes to several legs
MAX_PENDING: Final = 1024  # errands of one channel; then its further frames wait


def keep(channel: BigChannel, frames: list[bytes], effects: Effects) -> None:
    """A controller has sent frames; what is too much is refused."""
    for frame in frames:
        if channel.backlog_bytes >= MAX_KEPT_BYTES:
            refuse(channel, frame, Refusal(codes.REQUEST_EPERM, "too-many-requests"), effects)
            continue
        channel.backlog.append((effects.now, frame))
        channel.backlog_bytes += len(frame) + FRAME_OVERHEAD


def go_on(channel: BigChannel, effects: Effects) -> None:
    """Do what may be done of what waits; see to it that the rest is looked at later."""
    left = FRAMES_PER_TURN
    while channel.backlog:
        if _is_held(channel):
            writers.leave(channel, effects)
            break
        if left == 0:
            effects.commands.append(Wake(effects.now))
            break
        if not writers.may_go(channel, channel.backlog[0][1], effects):
            break
        left -= 1
        if not _head(channel, effects):
            break
    if channel.backlog_bytes > PAUSE_ABOVE_BYTES and not channel.is_paused:
        channel.is_paused = True
        effects.commands.append(PauseReading(channel))
    elif channel.is_paused and channel.backlog_bytes < RESUME_BELOW_BYTES:
        channel.is_paused = False
        effects.commands.append(ResumeReading(channel))


def _is_held(channel: BigChannel) -> bool:
    return (
        channel.barrier is not None
        or channel.undoing > 0
        or channel.switch.replaying > 0
        or channel.pending >= MAX_PENDING
        or any(leg.is_full for leg in channel.legs.values())
    )


def _head(channel: BigChannel, effects: Effects) -> bool:
    """Do what is done with the first frame that waits; False if it has to wait for a token."""
    arrived, frame = channel.backlog[0]
    kind, limits, now = frame[1], channel.tenant.limits, effects.now
    if limits is not None and not limits.admits(kind, now):
        wait = limits.wait(kind, now)
        if now + wait - arrived <= MAX_DELAY_SECONDS:
            if not channel.is_delayed:
                channel.is_delayed = True
                limits.count(kind, DELAYED, now)
            effects.commands.append(Wake(now + max(wait, MIN_SLEEP_SECONDS)))
            return False
        limits.count(kind, REFUSED, now)
        _drop_head(channel)
        refuse(channel, frame, Refusal(codes.REQUEST_EPERM, RATE_LIMITED), effects)
        return True
    _drop_head(channel)
    southbound.translate(channel, frame, effects)
    return True


def _drop_head(channel: BigChannel) -> None:
    _, frame = channel.backlog.popleft()
    channel.is_delayed = False
    channel.backlog_bytes -= len(frame) + FRAME_OVERHEAD


def forget(channel: BigChannel, reason: str, effects: Effects) -> None:
    """The channel has gone, and what waited of it is not done any more."""
    writers.leave(channel, effects)
    for _ in channel.backlog:
        channel.counters.count_shed(reason)
    channel.backlog.clear()
    channel.backlog_bytes = 0
