"""Requests that are answered: to one leg or to several, whose answers become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flowvisor.errors import Inexpressible
from flowvisor.hypervisor.big.big_switch import BigChannel, Errand, Leg
from flowvisor.hypervisor.big.errands import NO_ANSWER, ask, begin, finish_if_unsent, refused, send
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.openflow.messages import Message

# What is made of the messages with which each datapath has answered.
Answer = Callable[[dict[int, list[Message]], Effects], None]


def ask_legs(
    channel: BigChannel, frame: bytes, sent: bytes, legs: Iterable[Leg], answer: Answer, effects: Effects
) -> None:
    """Ask these; an error of one is the answer, and so is an error of ours if none of them is there any more."""

    def done(errand: Errand, effects: Effects) -> None:
        if channel.has_left:
            return
        if errand.errors:
            refused(errand, errand.errors[min(errand.errors)], effects)
            return
        if not errand.replies:
            refuse(channel, frame, NO_ANSWER, effects)
            return
        decode = channel.codec.decode
        replies = {dpid: [decode(one) for one in errand.replies[dpid]] for dpid in sorted(errand.replies)}
        try:
            answer(replies, effects)
        except Inexpressible as fault:
            refuse(channel, frame, Refusal((fault.error_type, fault.error_code), "inexpressible"), effects)

    errand = begin(channel, frame, done)
    for leg in legs:
        ask(leg, sent, errand, effects)
    finish_if_unsent(errand, effects)


def first_leg(channel: BigChannel) -> list[Leg]:
    """The leg that speaks for all, where they say the same."""
    return [channel.legs[min(channel.legs)]] if channel.legs else []


def leg_of_port(channel: BigChannel, port: int) -> list[Leg]:
    """The leg where a port is; of one that is nowhere the first."""
    home = channel.switch.homes.get(port)
    if home is not None and home in channel.legs:
        return [channel.legs[home]]
    return first_leg(channel)


def tell_one(channel: BigChannel, frame: bytes, legs: Iterable[Leg], effects: Effects) -> None:
    """Send what is answered only if it fails, and then say so."""

    def done(errand: Errand, effects: Effects) -> None:
        if errand.errors:
            refused(errand, errand.errors[min(errand.errors)], effects)

    errand = begin(channel, frame, done)
    for leg in legs:
        send(leg, frame, errand, effects)
    finish_if_unsent(errand, effects)
