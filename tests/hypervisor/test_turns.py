"""Deficit round robin: everybody gets a share, nobody waits longer than a round, nothing is idle."""

from __future__ import annotations

from collections import deque

from attrs import Factory, define
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.turns import QUANTUM, Share, Turns

weights = st.integers(min_value=1, max_value=3 * QUANTUM)


@define(eq=False)
class Sender:
    """One channel with messages of these weights."""

    slice: int
    messages: deque[int]
    sent: list[int] = Factory(list)


def serve(turns: Turns[Sender]) -> tuple[Sender, int]:
    sender = turns.next()
    weight = sender.messages.popleft()
    sender.sent.append(weight)
    turns.served(weight, has_more=bool(sender.messages))
    return sender, weight


def queued(*slices: list[list[int]]) -> tuple[Turns[Sender], list[Sender], list[Share[Sender]]]:
    """Everybody with everything waiting; a list of channels for each slice."""
    turns: Turns[Sender] = Turns()
    senders, shares = [], []
    for number, channels in enumerate(slices):
        share: Share[Sender] = Share()
        shares.append(share)
        for messages in channels:
            sender = Sender(number, deque(messages))
            senders.append(sender)
            turns.wait(share, sender)
    return turns, senders, shares


channels = st.lists(st.lists(weights, min_size=1, max_size=12), min_size=1, max_size=3)


@given(slices=st.lists(channels, min_size=1, max_size=4))
def test_everything_is_sent_once_in_the_order_of_its_channel(slices: list[list[list[int]]]) -> None:
    turns, senders, _ = queued(*slices)
    for _ in range(sum(len(messages) for channels in slices for messages in channels)):
        assert turns  # work-conserving: as long as something waits there is a next one
        serve(turns)
    assert not turns
    assert [sender.sent for sender in senders] == [messages for channels in slices for messages in channels]


@given(slices=st.lists(channels, min_size=2, max_size=4))
def test_who_waits_has_sent_as_much_as_anybody_but_for_a_quantum_and_a_message(
    slices: list[list[list[int]]],
) -> None:
    turns, _, _ = queued(*slices)
    sent = [0] * len(slices)
    left = [sum(len(messages) for messages in channels) for channels in slices]
    largest = max(weight for channels in slices for messages in channels for weight in messages)
    while turns:
        sender, weight = serve(turns)
        sent[sender.slice] += weight
        left[sender.slice] -= 1
        still = [sent[number] for number, messages in enumerate(left) if messages]
        if len(still) > 1:
            assert max(still) - min(still) <= 2 * QUANTUM + 2 * largest


@given(small=st.integers(1, 40), large=st.integers(1, 40))
def test_shares_are_of_weight_and_not_of_messages(small: int, large: int) -> None:
    turns, (light, heavy), _ = queued([[small] * 4000], [[100 * large] * 4000])
    for _ in range(3000):
        if len(light.messages) > 1 and len(heavy.messages) > 1:
            serve(turns)
    assert abs(sum(light.sent) - sum(heavy.sent)) <= 2 * QUANTUM + 200 * large


def test_channels_of_a_slice_take_turns() -> None:
    turns, (first, second), _ = queued([[10] * 5, [10] * 5])
    for _ in range(6):
        serve(turns)
    assert (len(first.sent), len(second.sent)) == (3, 3)


def test_who_has_nothing_waiting_passes_for_a_quantum_in_each_round() -> None:
    turns, (flood,), _ = queued([[1000] * 100])
    guest: Share[Sender] = Share()
    passed = 0
    while len(flood.messages) > 1:
        if turns.may_pass(guest):
            guest.left -= 500
            passed += 500
        else:
            serve(turns)
    assert 0.8 <= passed / sum(flood.sent) <= 1.2


def test_who_waits_does_not_pass_itself() -> None:
    turns, _, (share,) = queued([[1, 1]])
    assert share.left > 0
    assert not turns.may_pass(share)


def test_who_overdrew_its_share_sits_out_until_it_is_made_up_for() -> None:
    turns, (dear, cheap), _ = queued([[10 * QUANTUM, 1]], [[QUANTUM // 4] * 100])
    served = [serve(turns)[0] for _ in range(80)]
    assert served[0] is dear
    again = served.index(dear, 1)
    assert 4 * 9 <= again <= 4 * 11
    assert all(one is cheap for one in served[1:again])
