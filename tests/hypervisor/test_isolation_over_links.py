"""Whatever tenants write, and whenever links come and go: over a cable arrives what is the sender's or nobody's."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, note
from hypothesis import strategies as st

from flowvisor.network.discovery import addresses_a_probe
from flowvisor.network.topology import End
from flowvisor.openflow.match import Match
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.kinds import KINDS, TENANT_VERSIONS, Kind
from tests.support.slices import (
    PORTS,
    chains,
    flow_mods,
    meeting_slices,
    owner_at,
    packet_outs,
    packets_like,
    tag,
)
from tests.support.world import World, a_slice, ports, rule

# What it runs is covered by the tests of each module; here the tracing would double the time.
pytestmark = pytest.mark.no_cover

HERE, THERE = 1, 2


BY_PORT = (a_slice("a", ports(1, 2), tables=3), a_slice("b", ports(3, 4), tables=3))
ELSEWHERE = (a_slice("a", ports(3, 4)), a_slice("b", ports(1, 2)))
BY_VLAN = (a_slice("a", rule(Match.of(vlan_vid=tag(100)))), a_slice("b", rule(Match.of(vlan_vid=tag(200)))))
NOWHERE = (a_slice("a"), a_slice("b"))


@st.composite
def slices_apart(draw: st.DrawFn) -> list[FlowspaceSlice]:
    """Two slices whose rules are others at each of two datapaths."""
    here = draw(st.just(BY_PORT) | st.just(BY_VLAN) | meeting_slices())
    there = draw(st.sampled_from((NOWHERE, BY_PORT, ELSEWHERE, BY_VLAN)) | meeting_slices())
    return [
        evolve(
            one,
            rules=(
                *(evolve(each, datapaths=frozenset({HERE})) for each in one.rules),
                *(evolve(each, datapaths=frozenset({THERE})) for each in other.rules),
            ),
        )
        for one, other in zip(here, there, strict=True)
    ]


class Observed:
    """Two datapaths with cables between them, and tenants at the first."""

    def __init__(self, kind: Kind, data: st.DataObject) -> None:
        self.slices = data.draw(slices_apart(), label="slices")
        far_ports = data.draw(st.permutations(PORTS), label="far ports")
        cabled = data.draw(st.sets(st.sampled_from(PORTS), min_size=1), label="cabled ports")
        cables = [((HERE, port), (THERE, far_ports[port - 1])) for port in sorted(cabled)]
        datapaths = [kind.datapath(PORTS), kind.datapath(PORTS, dpid=THERE)]
        self.world = World(self.slices, datapaths, cables=cables)
        self.controllers = {
            one.name: self.world.controller(one.name, HERE, data.draw(st.sampled_from(TENANT_VERSIONS)))
            for one in self.slices
        }

    def check(self, sender: str | None, before: int) -> None:
        """What was emitted since then was the sender's to emit, by where it is known to arrive."""
        topology = self.world.hypervisor.fabric.topology
        for dpid, port, packet in self.world.transmitted[before:]:
            if dpid != HERE or addresses_a_probe(packet):
                continue
            for end in topology.far_ends(End(HERE, port)) or (End(HERE, port),):
                owner = owner_at(self.slices, packet, end.port, end.dpid)
                note(f"{sender} emits at {port} what is {owner}'s at {end}: {packet.hex()}")
                assert owner in (sender, None)

    def links_change(self, how: str) -> None:
        """Links are found, or one goes with its port or its datapath."""
        world = self.world
        if how in ("down", "up"):
            world.change(HERE, world.emulated[HERE].set_link(1, is_up=how == "up"))
        elif how == "away":
            world.leave(THERE)
        if how != "nothing":
            world.look_for_links(0.3)
        note(f"links: {[(str(near), str(far)) for near, far in world.hypervisor.fabric.topology.links()]}")

    def comes_in(self, port: int, packet: bytes) -> None:
        """A host sends a packet."""
        owner = owner_at(self.slices, packet, port, HERE)
        note(f"a packet for {owner} comes in at {port}: {packet.hex()}")
        before = len(self.world.transmitted)
        self.world.packet(HERE, port, packet)
        self.check(owner, before)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@examples(30)
@given(data=st.data())
def test_what_arrives_over_a_cable_is_the_senders_or_nobodys(kind: Kind, data: st.DataObject) -> None:
    seen = Observed(kind, data)
    world = seen.world
    accepted: list[Match] = []
    for changes in (st.just("nothing"), st.just("found"), st.sampled_from(("down", "up", "away"))):
        seen.links_change(data.draw(changes, label="links"))
        for match in accepted:
            seen.comes_in(*data.draw(packets_like(match)))
        for _ in range(data.draw(st.integers(0, 4), label="requests")):
            one = data.draw(st.sampled_from(seen.slices))
            controller = seen.controllers[one.name]
            if data.draw(st.booleans()) and accepted:
                before = len(world.transmitted)
                note(f"answered {controller.send(data.draw(packet_outs(controller.version, one)))}")
                seen.check(one.name, before)
            is_chain = kind.has_blocks and controller.version == 4 and data.draw(st.booleans())
            requests = data.draw(chains(one)) if is_chain else [data.draw(flow_mods(controller.version, one))]
            for request in requests:
                answers = controller.send(request)
                note(f"{one.name}: {request} answered {answers}")
                accepted += [request.match] * (not answers)
        for match in accepted:
            seen.comes_in(*data.draw(packets_like(match)))
