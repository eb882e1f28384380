"""Whatever tenants do, no packet gets from one to the other: random slices, requests and packets on a model."""

from __future__ import annotations

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    Error,
    FlowMod,
    PacketIn,
    PacketOut,
)
from flowvisor.openflow.packet import parse
from tests.support.examples import examples
from tests.support.flowspace_strategies import applies
from tests.support.groups import group_mods, grouped_flow_mods, grouped_packet_outs
from tests.support.kinds import KINDS, ON_FEW_TABLES, ON_TABLES, TENANT_VERSIONS, Kind
from tests.support.slices import (
    LATER_PORTS,
    PORTS,
    chains,
    flow_mods,
    flowspace_matches,
    having,
    meeting_slices,
    naive_receiver,
    owner_at,
    packet_outs,
    packets_like,
    rule_matches,
    some_acls,
)
from tests.support.world import Controller, World, a_slice, rule

# What it runs is covered by the tests of each module; here the tracing would double the time.
pytestmark = pytest.mark.no_cover


class Observed:
    """A world and what was seen in it; every check compares with the naive owner."""

    def __init__(self, kind: Kind, data: st.DataObject, versions: tuple[int, ...] = TENANT_VERSIONS) -> None:
        drawn = data.draw(meeting_slices(), label="slices")
        self.acls = data.draw(some_acls("ab"), label="ACLs")
        self.slices = having(drawn, self.acls)
        self.reads = data.draw(st.lists(flowspace_matches(), max_size=2), label="what r reads")
        reader = [a_slice("r", rule(*self.reads, may_write=False))] if self.reads else []
        self.world: World = kind.world(*self.slices, *reader, ports=PORTS, policies=self.acls.values())
        self.controllers: dict[str, Controller] = {}
        if self.reads:
            self.controllers["r"] = self.world.controller("r", 1, data.draw(st.sampled_from(TENANT_VERSIONS)))
        for one in self.slices:
            version = data.draw(st.sampled_from(versions), label=f"version of {one.name}")
            self.controllers[one.name] = self.world.controller(one.name, 1, version)

    def check(self, sender: str | None, before: int, heard: dict[str, int]) -> None:
        """What was emitted, and heard, since then was the sender's to emit and to hear."""
        for _, port, packet in self.world.transmitted[before:]:
            owner = owner_at(self.slices, packet, port)
            note(f"{sender} emits at port {port} what is {owner}'s: {packet.hex()}")
            assert owner in (sender, None)
            assert any(self._owns_something_at(sender, port)), "a port that it has not"
        for name, controller in self.controllers.items():
            if name != sender:
                news = controller.inbox[heard[name] :]
                told = [one for one in news if isinstance(one, PacketIn)]
                assert not told or (name == "r" and sender is not None), name
                for one in told:  # no more than the one who has it, and may look
                    fields = parse(one.data, one.match.exact("in_port"))
                    assert any(applies(match, fields) for match in self.reads)
        if heard.get("r") is not None and sender is not None:
            assert len(self.news_of("r", heard)) <= len(self.news_of(sender, heard))

    def news_of(self, name: str, heard: dict[str, int]) -> list[PacketIn]:
        """What a controller was told of packets since then."""
        news = self.controllers[name].inbox[heard[name] :]
        return [one for one in news if isinstance(one, PacketIn)]

    def tries_to_write(self, request: FlowMod | PacketOut) -> None:
        """One who may only look sends what would change something."""
        before = len(self.world.to_datapaths)
        answers = self.controllers["r"].send(request)
        assert [type(one) for one in answers] == [Error]
        assert len(self.world.to_datapaths) == before

    def _owns_something_at(self, name: str | None, port: int) -> list[bool]:
        """Whether a rule could give the slice a packet at the port."""
        return [
            match.fields.get("in_port", (port, 0))[0] == port
            for one in self.slices
            if one.name == name
            for one_rule in one.rules
            for match in one_rule.matches
        ]

    def comes_in(self, port: int, packet: bytes) -> None:
        """A host sends a packet."""
        owner = naive_receiver(self.slices, self.acls, parse(packet, port))
        note(f"a packet for {owner} comes in at {port}: {packet.hex()}")
        before, heard = len(self.world.transmitted), self.counts()
        self.world.packet(1, port, packet)
        self.check(owner, before, heard)

    def counts(self) -> dict[str, int]:
        return {name: len(controller.inbox) for name, controller in self.controllers.items()}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@examples(40)
@given(data=st.data())
def test_no_packet_leaves_for_another_slice_and_none_is_told_to_another(
    kind: Kind, data: st.DataObject
) -> None:
    seen = Observed(kind, data)
    world = seen.world
    rules = [match for one in seen.slices for match in rule_matches(one)]
    rules += [match for acl in seen.acls.values() for one in acl.rules for match in one.matches]
    accepted: list[Match] = []
    n_tables = 3 if kind.has_blocks else 1
    ports = list(PORTS)
    steps = ("flow-mod", "flow-mod", "chain", "packet-out", "packet", "port")
    for _ in range(data.draw(st.integers(2, 8), label="steps")):
        step = data.draw(st.sampled_from(steps))
        one = data.draw(st.sampled_from(seen.slices))
        controller = seen.controllers[one.name]
        if seen.reads:
            version = seen.controllers["r"].version
            seen.tries_to_write(data.draw(flow_mods(version, one) | packet_outs(version, one), label="r"))
        if step == "packet-out":
            heard, before = seen.counts(), len(world.transmitted)
            made_up = data.draw(packet_outs(controller.version, one), label=one.name)
            note(f"answered {controller.send(made_up)}")
            seen.check(one.name, before, heard)
        elif step == "packet":
            seen.comes_in(*data.draw(packets_like(data.draw(st.sampled_from(rules)))))
        elif step == "port" and len(ports) < len(PORTS) + len(LATER_PORTS):
            ports.append(LATER_PORTS[len(ports) - len(PORTS)])
            note(f"port {ports[-1]} comes")
            world.change(1, world.emulated[1].add_port(ports[-1], world.now))
        elif step in ("flow-mod", "chain"):
            is_chain = step == "chain" and kind.has_blocks and controller.version == 4
            requests = (
                data.draw(chains(one), label=one.name)
                if is_chain
                else [data.draw(flow_mods(controller.version, one, n_tables=n_tables), label=one.name)]
            )
            for request in requests:
                answers = controller.send(request)
                note(f"answered {answers}")
                accepted += [request.match] * (not answers)
        for match in accepted[-2:]:
            seen.comes_in(*data.draw(packets_like(match)))


@pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
@examples(36)
@given(data=st.data())
def test_groups_lead_no_packet_to_another_slice(kind: Kind, data: st.DataObject) -> None:
    seen = Observed(kind, data, versions=(4,))
    world = seen.world
    n_tables = 3 if kind.has_blocks else 1
    accepted: list[Match] = []
    mostly = data.draw(st.sampled_from(seen.slices), label="mostly")
    steps = ("add", "entry", "add", "modify", "entry", "packet-out", "modify", "port", "modify", "modify")
    for step in (*steps, *data.draw(st.lists(st.sampled_from(steps), max_size=4), label="steps")):
        one = data.draw(st.sampled_from((mostly, mostly, mostly, *seen.slices)))
        controller = seen.controllers[one.name]
        ids = tuple(controller.switch.groups.by_id)
        own_ports = [port.number for port in controller.switch.ports]
        if step == "packet-out":
            heard, before = seen.counts(), len(world.transmitted)
            note(f"answered {controller.send(data.draw(grouped_packet_outs(one), label=one.name))}")
            seen.check(one.name, before, heard)
        elif step == "port":
            missing = sorted({*PORTS, *LATER_PORTS} - world.emulated[1].pipeline.ports.keys())
            for port in missing[:1]:
                world.change(1, world.emulated[1].add_port(port, world.now))
        elif step == "entry" and ids:
            for request in data.draw(grouped_flow_mods(one, n_tables, ids), label=one.name):
                answers = controller.send(request)
                note(f"answered {answers}")
                accepted += [request.match] * (not answers)
        elif own_ports:
            changes = (GROUP_MODIFY, GROUP_MODIFY, GROUP_MODIFY, GROUP_DELETE)
            mods = (
                group_mods(own_ports, ids=ids, commands=changes)
                if ids and step != "add"
                else group_mods(own_ports, commands=(GROUP_ADD,))
            )
            note(f"answered {controller.send(data.draw(mods, label=one.name))}")
        for match in accepted[-3:]:
            seen.comes_in(*data.draw(packets_like(match)))
