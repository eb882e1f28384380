"""Transactions against a naive model: a list of what was sent, in order."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from flowvisor.hypervisor import transactions
from flowvisor.hypervisor.transactions import (
    FENCE_EVERY,
    MAX_SENT,
    MAX_SLOTS,
    SEQUENCE_BITS,
    SEQUENCE_MASK,
    Transactions,
    slot_of,
)


class AgainstAModel(RuleBasedStateMachine):
    """`model` is (xid, token, whether it waits for an answer), in the order of sending."""

    def __init__(self) -> None:
        super().__init__()
        self.transactions: Transactions[str] = Transactions(5)
        self.model: list[tuple[int, str, bool]] = []
        self.made = 0

    def token(self) -> str:
        self.made += 1
        return f"token {self.made}"

    @rule(count=st.integers(1, 5))
    def sends(self, count: int) -> None:
        for _ in range(count):
            token = self.token()
            self.model.append((self.transactions.send(token), token, False))

    @rule()
    def asks(self) -> None:
        token = self.token()
        self.model.append((self.transactions.ask(token), token, True))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def something_fails(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.model))
        assert self.transactions.failed(one[0]) == one[1]
        assert self.transactions.failed(one[0]) is None
        self.model.remove(one)

    @precondition(lambda self: any(waits for _, _, waits in self.model))
    @rule(data=st.data())
    def something_is_answered(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.model if one[2]]))
        assert self.transactions.answered(one[0]) == one[1]
        assert self.transactions.answered(one[0]) is None
        self.model.remove(one)

    @precondition(lambda self: any(waits for _, _, waits in self.model))
    @rule(data=st.data())
    def a_barrier_is_answered(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.model if one[2]]))
        assert self.transactions.answered(one[0]) == one[1]
        earlier = self.model[: self.model.index(one)]
        done = self.transactions.settle(one[0])
        assert done == [token for _, token, waits in earlier if not waits]
        self.model = [other for other in self.model if other != one and (other[2] or other not in earlier)]

    @rule(xid=st.integers(0, 0xFFFFFFFF))
    def nonsense_is_answered(self, xid: int) -> None:
        if all(xid != known for known, _, _ in self.model):
            assert self.transactions.answered(xid) is None
            if slot_of(xid) == 5:
                assert self.transactions.failed(xid) is None

    @invariant()
    def no_more_is_kept_than_what_may_still_matter(self) -> None:
        assert set(self.transactions.waiting) == {xid for xid, _, waits in self.model if waits}
        assert len({xid for xid, _, _ in self.model}) == len(self.model)


AgainstAModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestAgainstAModel = AgainstAModel.TestCase


@pytest.fixture(params=[0, SEQUENCE_MASK - 2], ids=["at-first", "where-numbers-begin-again"])
def some(request: pytest.FixtureRequest) -> Transactions[str]:
    """Transactions of which the given number has been sent and settled."""
    made: Transactions[str] = Transactions(3)
    if request.param:
        made._next = made._first = made._fenced = request.param
    return made


def test_an_xid_tells_its_sender(some: Transactions[str]) -> None:
    for _ in range(10):
        assert slot_of(some.send("a")) == slot_of(some.ask("b")) == 3
    assert slot_of(0xFFFFFFFF) == MAX_SLOTS - 1
    assert MAX_SLOTS << SEQUENCE_BITS == 1 << 32


def test_numbers_begin_again_without_confusion(some: Transactions[str]) -> None:
    xids = [some.send(str(number)) for number in range(10)]
    barrier = some.ask("barrier")
    assert len({*xids, barrier}) == 11
    assert some.failed(xids[7]) == "7"
    some.answered(barrier)
    assert some.settle(barrier) == [str(number) for number in range(10) if number != 7]
    assert some.sent == []
    later = some.send("later")
    assert some.failed(xids[3]) is None
    assert some.failed(later) == "later"


def test_a_fence_is_due_after_so_many_messages_and_then_not_at_once(some: Transactions[str]) -> None:
    for _ in range(FENCE_EVERY - 1):
        some.send("a")
        assert not some.fence_is_due
    some.send("a")
    assert some.fence_is_due
    assert not some.fence_is_due


def test_of_a_datapath_that_answers_nothing_the_oldest_is_forgotten(some: Transactions[str]) -> None:
    xids = []
    for number in range(3 * MAX_SENT):
        xids.append(some.send(str(number)))
        assert len(some.sent) <= MAX_SENT + FENCE_EVERY
        _ = some.fence_is_due
    assert some.failed(xids[0]) is None
    assert some.failed(xids[-1]) == str(3 * MAX_SENT - 1)
    assert some.failed(xids[-MAX_SENT]) == str(2 * MAX_SENT)


def test_an_old_barriers_reply_settles_nothing_again(some: Transactions[str]) -> None:
    first = some.ask("first")
    some.send("a")
    second = some.ask("second")
    assert some.settle(second) == ["a"]
    some.send("b")
    assert some.settle(first) == []
    assert some.settle(second) == []
    assert some.sent == ["b"]
    assert transactions.HYPERVISOR_SLOT == 0
