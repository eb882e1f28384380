"""Hosts of virtual networks ask for each other, and are answered: never with what nobody there has said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flowvisor.network.neighbours import Question, answer_to, question_in
from flowvisor.network.topology import End
from flowvisor.openflow.packet import parse
from flowvisor.slices.slice import PortName
from tests.model.virtual_experiment import Expected, VirtualExperiment
from tests.model.virtual_topology import VirtualTopology, taken_in


class AskingExperiment(VirtualExperiment):
    """`said` is by ports what has been said there by ARP: an address, and whose it is."""

    def __init__(self) -> None:
        super().__init__(VirtualTopology(answer=True))
        self.said: dict[PortName, set[tuple[int, int]]] = {}
        self.answered = 0
        self._answer: tuple[PortName, bytes] | None = None  # that is given where a packet comes in

    def asks(self, end: End, data: bytes) -> None:
        """A host asks by ARP for an address, and either all hear that, or where it comes in it is answered as somebody
        else there, who has said so, would have done.
        """
        found = self.topology.port_at(end, data)
        if found is None or self.is_outdated:
            return
        name, place = found
        owner, asked = name.share.partition("/")[0], taken_in(place, data)
        attempts = [Expected()]
        self._comes_in(name, asked, attempts[0])
        question = question_in(asked)
        if question is not None:
            for answered in self._answers(owner, question):
                attempts.append(Expected())
                self._answer = answered
                self._comes_in(name, asked, attempts[-1])
                self._answer = None
        self.world.begin_step()
        self.world.packet(end.dpid, end.port, data)
        deliveries = Counter(self._deliveries(owner))
        fitting = [one for one in attempts if not deliveries - Counter(one.deliveries)]
        expected = min(fitting, key=lambda one: len(one.deliveries), default=attempts[0])
        self.answered += expected is not attempts[0]
        self.look(owner, expected)

    def _answers(self, owner: str, question: Question) -> Iterator[tuple[PortName, bytes]]:
        """At each port what a question may be answered there, by what was said at another one of its switch."""
        for share, private in self.privates.items():
            for name in (PortName(share, number) for number in private.reference.ports):
                others = (said for other, said in self.said.items() if other.share == share and other != name)
                macs = {mac for said in others for ip, mac in said if ip == question.address}
                if private.owner == owner:
                    yield from ((name, answer_to(question, mac)) for mac in macs)

    def _received(self, name: PortName, data: bytes) -> list[tuple[int, bytes]]:
        fields = parse(data)
        if "arp_spa" in fields:
            self.said.setdefault(name, set()).add((fields["arp_spa"], fields["arp_sha"]))
        if self._answer is not None and self._answer[0] == name:
            (_, answer), self._answer = self._answer, None
            return [(name.number, answer)]
        return super()._received(name, data)
