"""Requests to a datapath: sent with an xid that leads the answer back to a callable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowvisor.errors import Inexpressible
from flowvisor.hypervisor.effects import Effects, HangUp
from flowvisor.hypervisor.flight import MESSAGE_WEIGHT
from flowvisor.hypervisor.flow_table import Entry
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.transactions import MAX_WAITING, Request, Transactions
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.frame import with_xid
from flowvisor.openflow.messages import BarrierRequest, Message

# Open vSwitch needs 0.3 s for its largest reply (table features). Controllers give up after 10 s or more.
REQUEST_TIMEOUT_SECONDS: Final = 8.0
# What a request that was never answered comes to; OpenFlow 1.3 has no code for it.
NO_ANSWER: Final = codes.REQUEST_EPERM
MAX_REPLY_BYTES: Final = 32 * 1024 * 1024  # of one request's replies held; beyond it the request fails

# Of what a datapath tells, against what it is told: Open vSwitch is about so much quicker with it.
ANSWER_BYTES_PER_WEIGHT: Final = 8

STALLED: Final = "stalled"  # why a datapath that answers no fence is hung up on

Answer = Callable[[list[Message], Effects], None]


def ask_for_tenant(
    channel: TenantChannel, frame: bytes, messages: list[Message], answer: Answer, effects: Effects
) -> Refusal | None:
    """Ask the datapath on behalf of a tenant; its error becomes the error of the tenant's own frame."""
    if len(channel.transactions.waiting) + len(messages) > MAX_WAITING:
        return Refusal(codes.MULTIPART_BUFFER_OVERFLOW, "too-many-requests")

    def fail(error: tuple[int, int], effects: Effects) -> None:
        refuse(channel, frame, Refusal(error, "datapath"), effects)

    ask_weighed(channel.switch, channel.transactions, messages, answer, fail, effects)
    return None


def ask_weighed(
    switch: VirtualSwitch,
    transactions: Transactions[object],
    messages: list[Message],
    answer: Answer,
    fail: Callable[[tuple[int, int], Effects], None],
    effects: Effects,
) -> Request:
    """Ask for a tenant, whose turn is used up by that as far as the answer was long last time."""
    kind, known = type(messages[0]), switch.answer_bytes
    switch.datapath.flight.sent += known.get(kind, 0) // ANSWER_BYTES_PER_WEIGHT

    def answered(replies: list[Message], effects: Effects) -> None:
        known[kind] = max(
            request.held_bytes, known.get(kind, 0) // 2
        )  # asking for little now and then is no way out
        answer(replies, effects)

    request = ask(switch.datapath, transactions, messages, answered, fail, effects)
    return request


def ask(
    datapath: Datapath,
    transactions: Transactions[object],
    messages: list[Message],
    answer: Answer,
    fail: Callable[[tuple[int, int], Effects], None],
    effects: Effects,
    *,
    takes_frames: bool = False,
    each: Callable[[Message], None] | None = None,
) -> Request:
    """Send requests that belong together; `answer` is called with all replies when the last has come.

    What else can be asked for is `Request`'s.
    """
    request = Request(
        answer=answer,
        fail=fail,
        expires_at=effects.now + REQUEST_TIMEOUT_SECONDS,
        outstanding=len(messages),
        takes_frames=takes_frames,
        each=each,
    )
    for message in messages:
        xid = transactions.ask(request)
        send_to_datapath(datapath, with_xid(datapath.codec.encode(message), xid), effects)
    return request


def finish(request: Request, effects: Effects) -> None:
    """Everything that a request asked for has come."""
    try:
        request.answer(request.parts, effects)
    except Inexpressible as fault:  # what the datapath said has no form in the tenant's version
        request.fail((fault.error_type, fault.error_code), effects)


def give_up_late(datapath: Datapath, effects: Effects) -> None:
    """Let the requests fail, whoever has asked, that were not answered in time."""
    senders = [datapath.transactions, *(channel.transactions for channel in datapath.slots.values())]
    for transactions in senders:
        late = [xid for xid, one in transactions.waiting.items() if one.expires_at <= effects.now]
        for xid in late:
            datapath.expired += 1
            request = transactions.waiting.pop(xid)
            if not request.is_over:
                request.is_over = True
                request.fail(NO_ANSWER, effects)


def send_to_datapath(datapath: Datapath, frame: bytes, effects: Effects) -> None:
    """Queue a frame for a datapath and count it."""
    datapath.down_counts[frame[1]] += 1
    datapath.flight.sent += len(frame) + MESSAGE_WEIGHT
    effects.send(datapath, frame)


def send_own(datapath: Datapath, message: Message, what: str | Entry, effects: Effects) -> None:
    """Send a message of the hypervisor's own; `what` is told the operator if the datapath refuses it.

    An entry instead is one that the datapath had before, and that is taken out again if it is refused.
    """
    xid = datapath.transactions.send(what)
    send_to_datapath(datapath, with_xid(datapath.codec.encode(message), xid), effects)
    if datapath.transactions.fence_is_due:
        _fence(datapath, datapath.transactions, effects)


def fence(channel: TenantChannel, effects: Effects) -> None:
    """Ask for a barrier of our own, so that what a channel sent can be forgotten once it has taken effect."""
    _fence(channel.switch.datapath, channel.transactions, effects)


def fence_datapath(datapath: Datapath, effects: Effects) -> None:
    """The same for all that is in flight at a datapath."""
    _fence(datapath, datapath.transactions, effects)


def _fence(datapath: Datapath, transactions: Transactions[object], effects: Effects) -> None:
    flight = datapath.flight
    position = flight.fence(effects.now)

    def answered(_replies: list[Message], effects: Effects) -> None:
        flight.answered(position, effects.now)

    def failed(error: tuple[int, int], effects: Effects) -> None:
        if error == codes.BAD_TYPE:  # a datapath without barriers, but it has answered in order
            flight.answered(position, effects.now)
        elif flight.given_up(effects.now):
            effects.commands.append(HangUp(datapath, STALLED))
        else:
            fence_datapath(datapath, effects)

    ask(datapath, transactions, [BarrierRequest()], answered, failed, effects)
