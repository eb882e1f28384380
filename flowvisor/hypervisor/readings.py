"""Readings: what a datapath was asked for statistics lately, so that several channels' equal requests become one.

Strategy: a reading may answer a channel's request if the datapath was asked after the last message of its virtual
switch's channels that could change anything, so that who changes an entry and then asks for it sees the change. No
channel is given one reading twice: who asks again gets counters that have gone on, as if it were alone. Rejected: a
reading taken regularly for all, which costs also when nobody asks.
"""

from __future__ import annotations

from typing import Final

from flowvisor.errors import Inexpressible
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Datapath, Reading, TenantChannel, VirtualSwitch, Waiting
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import Answer, ask_for_tenant, ask_weighed
from flowvisor.hypervisor.transactions import MAX_WAITING
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import Message

MAX_KEPT: Final = 64  # readings of one datapath; at the bound the oldest is forgotten
MAX_KEPT_BYTES: Final = 4 * 1024 * 1024  # of one reading's replies; one that has more is not kept


def ask_shared(
    channel: TenantChannel, frame: bytes, messages: list[Message], answer: Answer, effects: Effects
) -> Refusal | None:
    """Ask the datapath for statistics on behalf of a tenant, together with others who ask for the same."""
    datapath = channel.switch.datapath
    # Behind a barrier an answer has its place, which only the datapath's own order keeps.
    if not datapath.sharing_seconds or channel.barriers or channel.repairs:
        return ask_for_tenant(channel, frame, messages, answer, effects)
    key = b"".join(map(datapath.codec.encode, messages))
    forget_old(datapath, effects.now)
    reading = datapath.readings.get(key)
    if reading is None or not _is_good_for(reading, channel):
        reading = _begin(channel.switch, key, messages, effects)
    reading.given.add(channel)
    if reading.replies is not None:
        datapath.shared_readings += 1
        answer(reading.replies, effects)
        return None
    if reading.waiting:
        datapath.shared_readings += 1
    if channel.readings >= MAX_WAITING:
        return Refusal(codes.MULTIPART_BUFFER_OVERFLOW, "too-many-requests")
    channel.readings += 1
    reading.waiting.append(Waiting(channel, frame, answer))
    return None


def _is_good_for(reading: Reading, channel: TenantChannel) -> bool:
    return channel not in reading.given and reading.changes.get(channel.switch) == channel.switch.changes


def forget_old(datapath: Datapath, now: float) -> None:
    """Drop what is too old to answer anybody. To be called about once a second."""
    readings = datapath.readings
    for key in [
        key
        for key, one in readings.items()
        if one.replies is not None and one.asked_at + datapath.sharing_seconds <= now
    ]:
        del readings[key]


def _begin(asking: VirtualSwitch, key: bytes, messages: list[Message], effects: Effects) -> Reading:
    """Ask the datapath, in nobody's name, because whoever asks first may leave before the others."""
    datapath = asking.datapath
    reading = Reading(
        asked_at=effects.now,
        changes={switch: switch.changes for switch in datapath.switches.values()},
    )
    readings = datapath.readings
    readings.pop(key, None)
    while len(readings) >= MAX_KEPT:
        del readings[next(iter(readings))]
    readings[key] = reading

    def forget() -> None:
        if readings.get(key) is reading:
            del readings[key]

    def told(replies: list[Message], effects: Effects) -> None:
        if request.held_bytes <= MAX_KEPT_BYTES:
            reading.replies = replies
        else:
            forget()
        for one in _take_waiting(reading):
            _answer(one, replies, effects)

    def failed(error: tuple[int, int], effects: Effects) -> None:
        forget()
        for one in _take_waiting(reading):
            refuse(one.channel, one.frame, Refusal(error, "datapath"), effects)

    request = ask_weighed(asking, datapath.transactions, messages, told, failed, effects)
    return reading


def _take_waiting(reading: Reading) -> list[Waiting]:
    waiting, reading.waiting = reading.waiting, []
    for one in waiting:
        one.channel.readings -= 1
    return [one for one in waiting if not one.channel.has_left]


def _answer(one: Waiting, replies: list[Message], effects: Effects) -> None:
    try:
        one.answer(replies, effects)
    except Inexpressible as fault:
        error = (fault.error_type, fault.error_code)
        refuse(one.channel, one.frame, Refusal(error, "inexpressible"), effects)
