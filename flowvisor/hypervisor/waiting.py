"""What controllers send waits here, untranslated and in order, until it may go on.

A frame may have to wait for three things: for the answer to an earlier one that it may depend on, for a token of its
slice's rate limit, and for its slice's turn while much is in flight at the datapath. Memory is bounded by not
reading from a controller whose frames wait.

Strategy: where nothing is in the way, one comparison of ints is all that a frame costs here. One call translates a
bounded number of frames; the rest wait in line, and the shell is asked to wake us in the next turn of its loop, so
that no controller keeps others waiting by sending much that is dear.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flowvisor.hypervisor import southbound
from flowvisor.hypervisor.effects import Effects, PauseReading, ResumeReading, Wake
from flowvisor.hypervisor.flight import KIB
from flowvisor.hypervisor.limits import DELAYED, MAX_DELAY_SECONDS, RATE_LIMITED, REFUSED, Limits
from flowvisor.hypervisor.peers import Datapath, TenantChannel
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import fence_datapath
from flowvisor.openflow import error_codes as codes

FRAMES_PER_TURN: Final = 64  # of one call: half a millisecond where frames are patched
MIXED_WEIGHT: Final = 4  # how many such frames one counts for that has to be translated between versions

# Kept of one channel's; a frame counts for its bytes and what Python needs for any.
FRAME_OVERHEAD: Final = 64
PAUSE_ABOVE_BYTES: Final = 64 * KIB  # then the controller is not read from
RESUME_BELOW_BYTES: Final = 16 * KIB
MAX_KEPT_BYTES: Final = 1024 * KIB  # one read more than the above fits by far; a frame beyond it is refused

MIN_SLEEP_SECONDS: Final = 0.002  # between two wakings for tokens


def take(channel: TenantChannel, frames: list[bytes], effects: Effects) -> None:
    """A controller has sent frames: do at once what may be done at once."""
    datapath, limits = channel.switch.datapath, channel.limits
    if _is_waiting(channel):
        _keep(channel, frames, effects)
        return
    if limits is not None and not _pay(channel, limits, frames, effects):
        return
    flight, translate = datapath.flight, southbound.translate
    most = _frames_per_turn(channel)
    now, later = (frames, []) if len(frames) <= most else (frames[:most], frames[most:])
    to_do = iter(now)
    for frame in to_do:
        if flight.sent >= flight.closes_at or channel.awaits_answer:
            _wait(channel, [frame, *to_do, *later], effects, may_pass=True)
            return
        translate(channel, frame, effects)
    if later:
        _wait(channel, later, effects, may_pass=False)
    elif flight.fence_is_due:
        fence_datapath(datapath, effects)


def _wait(channel: TenantChannel, frames: list[bytes], effects: Effects, *, may_pass: bool) -> None:
    """The rest of a read waits; its tokens have been taken."""
    if channel.limits is not None:
        channel.paid = len(frames)
    _keep(channel, frames, effects)
    _go_on(channel, effects, may_pass=may_pass)


def _pay(
    channel: TenantChannel, limits: Limits[TenantChannel], frames: list[bytes], effects: Effects
) -> bool:
    """Take tokens for all frames of a read; if there are too few, the frames wait and are looked at one by one."""
    if limits.admits_all(frames, effects.now):
        return True
    _keep(channel, frames, effects)
    _go_on(channel, effects, may_pass=True)
    return False


def _is_waiting(channel: TenantChannel) -> bool:
    return bool(channel.backlog) or channel.awaits_answer


def _frames_per_turn(channel: TenantChannel) -> int:
    is_mixed = channel.version != channel.switch.datapath.version
    return FRAMES_PER_TURN // MIXED_WEIGHT if is_mixed else FRAMES_PER_TURN


def wait_for_entries(channel: TenantChannel) -> None:
    """A channel goes on when its virtual switch's entries have been sent again, which is going on now."""
    assert channel.switch.rewriting is not None
    channel.awaits_answer = True
    channel.switch.rewriting.append(lambda _effects: channel.switch.datapath.resumable.append(channel))


def answered(channel: TenantChannel, effects: Effects) -> None:
    """What a channel's frames waited for has been answered."""
    if channel.switch.rewriting is not None:
        wait_for_entries(channel)
        return
    channel.awaits_answer = False
    if channel.backlog:
        _go_on(channel, effects, may_pass=True)
    else:
        _handed_on(channel, effects)


def _handed_on(channel: TenantChannel, effects: Effects) -> None:
    """Nothing of a channel's waits here any more: somebody may wait for that."""
    if channel.leg is not None and channel.leg.is_watched:
        effects.commands.append(ResumeReading(channel))


def wake(limits: Limits[TenantChannel], effects: Effects) -> None:
    """Time has passed: let those go on who waited for a token, each before those that have waited for less long."""
    if limits.wakes_at is None or limits.wakes_at > effects.now:
        return
    limits.wakes_at = None
    for _ in range(len(limits.waiting)):
        channel = limits.waiting.popleft()
        if channel.backlog:
            _go_on(channel, effects, may_pass=True)


def serve(datapath: Datapath, effects: Effects) -> None:
    """Let those go on who wait for their turn, as far as there is room in flight and time in this call."""
    flight, turns = datapath.flight, datapath.turns
    budget = FRAMES_PER_TURN
    while turns and budget > 0 and flight.sent < flight.closes_at:
        channel = turns.next()
        before = flight.sent
        goes_on = bool(channel.backlog) and not channel.awaits_answer and _head(channel, effects)
        turns.served(flight.sent - before, has_more=goes_on and bool(channel.backlog))
        budget -= FRAMES_PER_TURN // _frames_per_turn(channel)
    if flight.fence_is_due:
        fence_datapath(datapath, effects)
    if turns and flight.is_open:
        effects.commands.append(Wake(effects.now))


def forget(channel: TenantChannel, reason: str) -> None:
    """The channel has gone, and what waited of it is not done any more."""
    for _ in channel.backlog:
        channel.counters.count_shed(reason)
    channel.backlog.clear()
    channel.backlog_bytes = channel.paid = 0


def _keep(channel: TenantChannel, frames: Iterable[bytes], effects: Effects) -> None:
    for frame in frames:
        if channel.backlog_bytes >= MAX_KEPT_BYTES:
            southbound.turn_away(channel, frame, Refusal(codes.REQUEST_EPERM, "too-many-requests"), effects)
            continue
        channel.backlog.append((effects.now, frame))
        channel.backlog_bytes += len(frame) + FRAME_OVERHEAD
    if channel.backlog_bytes > PAUSE_ABOVE_BYTES and not channel.is_paused:
        channel.is_paused = True
        effects.commands.append(PauseReading(channel))


def _go_on(channel: TenantChannel, effects: Effects, *, may_pass: bool) -> None:
    """Translate what waits while nothing is in the way; then see to it that it goes on later."""
    datapath, share = channel.switch.datapath, channel.switch.share
    flight, turns = datapath.flight, datapath.turns
    left = _frames_per_turn(channel) if may_pass else 0
    while channel.backlog and not channel.awaits_answer:
        is_open = flight.is_open
        if left == 0 or not (is_open or turns.may_pass(share)):
            if channel not in share.waiting:
                turns.wait(share, channel)
            if is_open:
                effects.commands.append(Wake(effects.now))
            break
        left -= 1
        before = flight.sent
        if not _head(channel, effects):
            break
        if not is_open:
            share.left -= flight.sent - before
    if flight.fence_is_due:
        fence_datapath(datapath, effects)


def _head(channel: TenantChannel, effects: Effects) -> bool:
    """Do what is done with the first frame that waits; False if those behind it have to wait for more than a turn."""
    arrived, frame = channel.backlog[0]
    kind, limits, now = frame[1], channel.limits, effects.now
    if channel.paid:
        channel.paid -= 1
    elif limits is not None and not limits.admits(kind, now):
        wait = limits.wait(kind, now)
        if now + wait - arrived <= MAX_DELAY_SECONDS:
            if not channel.is_delayed:
                channel.is_delayed = True
                limits.count(kind, DELAYED, now)
            if channel not in limits.waiting:
                limits.waiting.append(channel)
            _sleep(limits, now + max(wait, MIN_SLEEP_SECONDS), effects)
            return False
        limits.count(kind, REFUSED, now)
        _drop_head(channel, effects)
        southbound.turn_away(channel, frame, Refusal(codes.REQUEST_EPERM, RATE_LIMITED), effects)
        return True
    _drop_head(channel, effects)
    southbound.translate(channel, frame, effects)
    return not channel.awaits_answer


def _drop_head(channel: TenantChannel, effects: Effects) -> None:
    _, frame = channel.backlog.popleft()
    channel.is_delayed = False
    channel.backlog_bytes -= len(frame) + FRAME_OVERHEAD
    if channel.is_paused and channel.backlog_bytes < RESUME_BELOW_BYTES:
        channel.is_paused = False
        effects.commands.append(ResumeReading(channel))
    if not channel.backlog:
        _handed_on(channel, effects)


def _sleep(limits: Limits[TenantChannel], until: float, effects: Effects) -> None:
    if limits.wakes_at is None or until < limits.wakes_at:
        limits.wakes_at = until
        effects.commands.append(Wake(until))
