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
from flowvisor.hypervisor.seen_addresses import SeenAddresses
from flowvisor.hypervisor.translation.queueing import queued_actions
from flowvisor.hypervisor.translation.virtual_ports import packet_in_to_virtual
from flowvisor.network.neighbours import answer_to, question_in
from flowvisor.openflow.actions import Group
from flowvisor.openflow.fields import ETH_TYPE_ARP
from flowvisor.openflow.messages import PacketIn, PacketOut
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.planning.answer_entries import LISTENING_COOKIE
from flowvisor.planning.answer_meters import ANSWERS_PER_SECOND, answer_meter_ids
from flowvisor.planning.share import Share, port_group
from flowvisor.policies.token_bucket import TokenBucket
from flowvisor.slices.virtual_network import slice_of_share
from flowvisor.slices.virtual_switch import LogicalSwitch

# Why a question is not answered.
TOO_MANY_QUESTIONS: Final = "too-many-questions"
NO_ANSWER: Final = "no-answer"  # it is none, or whom it asks for is not to be reached


def decide(datapath: Datapath) -> None:
    """Choose the meters of questions, now that it is known whether the datapath has some."""
    ids = answer_meter_ids(datapath.meter_features, datapath.plan.shares.values())
    datapath.plan = evolve(datapath.plan, answer_meters=ids)


@define(eq=False)
class Answers:
    """How many were `given`, by slice, which addresses were `seen`, and how fast each virtual switch asks where."""

    given: Counter[str] = Factory(Counter)
    seen: SeenAddresses = Factory(SeenAddresses)
    _buckets: dict[VirtualSwitchName, TokenBucket] = Factory(dict)

    def told(
        self, switch: VirtualSwitch, logical: LogicalSwitch, message: PacketIn, effects: Effects
    ) -> None:
        """A packet has come in that asks for an address that is known, or tells of one; or both."""
        in_port = packet_in_to_virtual(message.match).exact("in_port") or 0
        self.seen.heard(switch, logical, in_port, message, effects)
        if message.cookie != LISTENING_COOKIE:
            reason = self._answer(switch, in_port, message.data, effects)
            if reason is not None:
                switch.tenant.counters[switch.datapath.version].count_shed(reason)

    def _answer(self, switch: VirtualSwitch, in_port: int, packet: bytes, effects: Effects) -> str | None:
        """Answer a question, which nobody else has heard; or give why not."""
        share = switch.view.share
        assert share is not None
        if not self._buckets.setdefault(switch.name, TokenBucket(ANSWERS_PER_SECOND)).take(effects.now):
            return TOO_MANY_QUESTIONS
        question = question_in(packet)
        if question is None or in_port not in share.ports:
            return NO_ANSWER
        key = (question.eth_type, question.address)
        known = share.answers.get(key)
        if known is None:
            if key == (ETH_TYPE_ARP, question.ip):
                return None  # somebody says that it is its own, and all have heard that
            known = self.seen.where(share.name, key, effects.now)
        if known is None or known[0] == in_port or not _is_reached(switch, share, known[0]):
            return NO_ANSWER
        out = PacketOut(
            in_port=CONTROLLER,
            actions=queued_actions(switch, (Group(port_group(share.block, in_port)),)),
            data=answer_to(question, known[1]),
        )
        send_own(switch.datapath, out, "answer to who asks for an address", effects)
        self.given[slice_of_share(share.name)] += 1
        return None

    def forget_shares_but(self, shares: Collection[str]) -> None:
        """There are no others any more."""
        self._buckets = {name: one for name, one in self._buckets.items() if name.slice_name in shares}
        slices = {slice_of_share(share) for share in shares}
        self.given = Counter({name: count for name, count in self.given.items() if name in slices})


def _is_reached(switch: VirtualSwitch, share: Share, port: int) -> bool:
    """Whether packets get to a port, by what there is and by what the tenant has made of it."""
    return port in share.ports and bool(share.ports[port].egress) and not switch.port_configs.is_shut(port)
