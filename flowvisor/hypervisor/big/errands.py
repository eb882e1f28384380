"""What is sent over legs, and what comes back over them, brought together: errands.

Strategy: an answer says itself to what it is one; of what is answered only if it fails a leg is known to have taken it
when a barrier behind it has been answered. Of a change that one leg refuses the others are asked at once, so that the
refusal can be undone where it was taken, and until that is done nothing further of the channel's is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from flowvisor.hypervisor import waiting
from flowvisor.hypervisor.big.big_switch import BigChannel, Errand, Leg
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import Refusal, error_frame
from flowvisor.hypervisor.requests import MAX_REPLY_BYTES
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import frame as f
from flowvisor.openflow import messages as msg
from flowvisor.openflow.frame import with_xid, xid_of
from flowvisor.openflow.legality import TYPES

# What a request comes to whose datapath has left, or says nothing; OpenFlow 1.3 has no code for it.
NO_ANSWER: Final = Refusal(codes.REQUEST_EPERM, "no-answer")
STALE: Final = "stale-reply"  # why something that comes over a leg goes nowhere

_MULTIPART_FLAGS: Final = slice(10, 12)  # in both versions
_MORE: Final = 1

Done = Callable[[Errand, Effects], None]


def begin(channel: BigChannel, frame: bytes, done: Done, *, is_change: bool = False) -> Errand:
    """An errand of a channel's, of which nothing has been sent yet."""
    channel.pending += 1
    return Errand(channel, frame, done, is_change=is_change)


def send(leg: Leg, frame: bytes, errand: Errand, effects: Effects) -> None:
    """Send what is answered only if it fails."""
    errand.waits.add(leg.dpid)
    _pass_down(leg, with_xid(frame, leg.sent.send(errand)), effects)
    if leg.sent.fence_is_due:
        fence(leg, effects)


def ask(leg: Leg, frame: bytes, errand: Errand, effects: Effects) -> None:
    """Send what is answered."""
    errand.waits.add(leg.dpid)
    _pass_down(leg, with_xid(frame, leg.sent.ask(errand)), effects)
    if leg.sent.fence_is_due:
        fence(leg, effects)


def finish_if_unsent(errand: Errand, effects: Effects) -> None:
    """An errand that no leg has is over."""
    if not errand.waits:
        _over(errand, effects)


def fence(leg: Leg, effects: Effects) -> None:
    """Have a leg say that it has taken, or refused, all that it was sent."""
    fence_all([leg], lambda _effects: None, effects)


def fence_all(legs: Iterable[Leg], then: Callable[[Effects], None], effects: Effects) -> None:
    """The same of some legs, after which something goes on, even if one cannot say it."""
    legs = list(legs)
    if not legs:
        then(effects)
        return
    owner = legs[0].owner
    frame = owner.codec.encode(msg.BarrierRequest())
    errand = begin(owner, frame, lambda _errand, effects: then(effects))
    for leg in legs:
        ask(leg, frame, errand, effects)


def send_in_time(leg: Leg, frame: bytes, errand: Errand, effects: Effects, *, is_asked: bool = False) -> None:
    """Send something of the switch's own, when the lower storey takes it."""
    errand.waits.add(leg.dpid)
    leg.later.append((frame, errand, is_asked))
    drain(leg, effects)


def drain(leg: Leg, effects: Effects) -> None:
    """Send what waits for the lower storey, as far as it takes it."""
    while leg.later and not leg.is_full:
        frame, errand, is_asked = leg.later.popleft()
        (ask if is_asked else send)(leg, frame, errand, effects)


def _pass_down(leg: Leg, frame: bytes, effects: Effects) -> None:
    waiting.take(leg.channel, [frame], effects)


def heard(leg: Leg, frame: bytes, effects: Effects) -> None:
    """What the lower storey has said over a leg, other than what it says of itself."""
    kind = TYPES[frame[0]].get(frame[1])
    xid = xid_of(frame)
    if kind == f.ERROR:
        errand = leg.sent.failed(xid)
        message = leg.owner.codec.decode(frame)
        assert isinstance(message, msg.Error)
        if errand is None:
            leg.owner.counters.count_shed(STALE)
        else:
            if TYPES[errand.frame[0]].get(errand.frame[1]) == f.BARRIER_REQUEST:
                settle(leg, xid, effects)  # nobody will say more of what was before it
            _failed(leg, errand, message.error, effects)
        return
    errand = leg.sent.waiting.get(xid)
    if errand is None:
        leg.owner.counters.count_shed(STALE)
        return
    has_more = kind == f.MULTIPART_REPLY and int.from_bytes(frame[_MULTIPART_FLAGS], "big") & _MORE
    if not _hold(errand, leg, frame):
        leg.sent.answered(xid)
        _failed(leg, errand, codes.MULTIPART_BUFFER_OVERFLOW, effects)
    elif not has_more:
        leg.sent.answered(xid)
        if kind == f.BARRIER_REPLY:
            settle(leg, xid, effects)
        _took(leg, errand, effects)


def _hold(errand: Errand, leg: Leg, frame: bytes) -> bool:
    """Keep a reply; False when those of the channel have become too many."""
    owner = errand.owner
    if owner.held_bytes + len(frame) > MAX_REPLY_BYTES:
        return False
    owner.held_bytes += len(frame)
    errand.held_bytes += len(frame)
    errand.replies.setdefault(leg.dpid, []).append(frame)
    return True


def settle(leg: Leg, xid: int, effects: Effects) -> None:
    """All that was sent before this and was not refused has been taken."""
    for errand in leg.sent.settle(xid):
        _took(leg, errand, effects)


def _took(leg: Leg, errand: Errand, effects: Effects) -> None:
    if leg.dpid in errand.waits:
        errand.waits.discard(leg.dpid)
        errand.took.add(leg.dpid)
        if not errand.waits:
            _over(errand, effects)


def _failed(leg: Leg, errand: Errand, error: tuple[int, int], effects: Effects) -> None:
    if leg.dpid not in errand.waits:
        return
    is_first = not errand.errors
    errand.errors[leg.dpid] = error
    errand.waits.discard(leg.dpid)
    if errand.is_change and is_first:
        owner = errand.owner
        owner.undoing += 1
        refused(errand, error, effects)
        for dpid in list(errand.waits):
            if dpid in owner.legs:
                fence(owner.legs[dpid], effects)
    if not errand.waits:
        _over(errand, effects)


def refused(errand: Errand, error: tuple[int, int], effects: Effects) -> None:
    """Tell a tenant of the error of a leg, in its terms; why, and that it was, has been taken note of below."""
    owner = errand.owner
    if not owner.has_left:
        effects.send(owner, error_frame(owner, errand.frame, error))


def leg_left(leg: Leg, effects: Effects) -> None:
    """Nothing more comes over a leg; whatever is out over it goes on without."""
    outstanding = [errand for errand in leg.sent.sent if errand is not None]
    outstanding += leg.sent.waiting.values()
    outstanding += [errand for _, errand, _ in leg.later]
    leg.later.clear()
    leg.sent.sent.clear()
    leg.sent.waiting.clear()
    for errand in outstanding:
        if leg.dpid in errand.waits:
            errand.waits.discard(leg.dpid)
            errand.replies.pop(leg.dpid, None)
            if not errand.waits:
                _over(errand, effects)


def _over(errand: Errand, effects: Effects) -> None:
    owner = errand.owner
    owner.pending -= 1
    owner.held_bytes -= errand.held_bytes
    errand.done(errand, effects)
