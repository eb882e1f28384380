"""Who asks everybody for an address that is known is answered, in the name of whoever has it; nobody else hears of it.

The answer leaves as an output of the tenant's to the port of who has asked would: by the port's group, which knows
where that is, behind what tag, whether it is shut, and who gets a copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Final

from attrs import Factory, define, evolve

from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.requests import send_own
from flowvisor.hypervisor.translation.queueing import queued_actions
from flowvisor.network.neighbours import answer_to, question_in
from flowvisor.openflow.actions import Group
from flowvisor.openflow.messages import PacketOut
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.planning.answer_meters import ANSWERS_PER_SECOND, answer_meter_ids
from flowvisor.planning.share import port_group
from flowvisor.policies.token_bucket import TokenBucket
from flowvisor.slices.virtual_network import slice_of_share

# Why a question is not answered.
TOO_MANY_QUESTIONS: Final = "too-many-questions"
NO_ANSWER: Final = "no-answer"  # it is none, or whom it asks for is not to be reached


def decide(datapath: Datapath) -> None:
    """Choose the meters of questions, now that it is known whether the datapath has some."""
    ids = answer_meter_ids(datapath.meter_features, datapath.plan.shares.values())
    datapath.plan = evolve(datapath.plan, answer_meters=ids)


@define(eq=False)
class Answers:
    """How many were `given`, by slice, and how fast each virtual switch asks at each datapath."""

    given: Counter[str] = Factory(Counter)
    _buckets: dict[VirtualSwitchName, TokenBucket] = Factory(dict)

    def asked(self, switch: VirtualSwitch, in_port: int, packet: bytes, effects: Effects) -> None:
        """A packet has come in that asks for an address that is known, or was a moment ago."""
        share = switch.view.share
        assert share is not None
        bucket = self._buckets.get(switch.name)
        if bucket is None:
            bucket = self._buckets[switch.name] = TokenBucket(ANSWERS_PER_SECOND)
        if not bucket.take(effects.now):
            _count_shed(switch, TOO_MANY_QUESTIONS)
            return
        question = question_in(packet)
        known = None if question is None else share.answers.get((question.eth_type, question.address))
        if question is None or known is None or in_port not in share.ports:
            _count_shed(switch, NO_ANSWER)
            return
        port, mac = known
        if port == in_port or switch.port_configs.is_shut(port):
            _count_shed(switch, NO_ANSWER)
            return
        out = PacketOut(
            in_port=CONTROLLER,
            actions=queued_actions(switch, (Group(port_group(share.block, in_port)),)),
            data=answer_to(question, mac),
        )
        send_own(switch.datapath, out, "answer to who asks for an address", effects)
        self.given[slice_of_share(share.name)] += 1

    def forget_shares_but(self, shares: Collection[str]) -> None:
        """There are no others any more."""
        self._buckets = {name: one for name, one in self._buckets.items() if name.slice_name in shares}
        slices = {slice_of_share(share) for share in shares}
        self.given = Counter({name: count for name, count in self.given.items() if name in slices})


def _count_shed(switch: VirtualSwitch, reason: str) -> None:
    switch.tenant.counters[switch.datapath.version].count_shed(reason)
