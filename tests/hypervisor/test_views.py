"""What a tenant sees is what a datapath of its own would show it; and the fast way does what the slow way does."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, note
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.hypervisor.translation import flow_mod, flow_mod_intersect, packet_out
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    CHECK_OVERLAP,
    DELETE,
    DELETE_STRICT,
    MODIFY,
    MODIFY_STRICT,
    RESET_COUNTS,
    SEND_FLOW_REM,
    Error,
    FlowMod,
    FlowRemoved,
    Message,
    PacketIn,
)
from flowvisor.openflow.multipart import (
    AggregateStatsReply,
    AggregateStatsRequest,
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
)
from flowvisor.openflow.ports import ANY, FLOOD
from flowvisor.openflow.versions import codec
from tests.support.examples import examples
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import (
    PORTS,
    flow_mods,
    output,
    owner_at,
    packet_outs,
    packets_like,
    slice_sets,
    tag,
)
from tests.support.world import Controller, World, a_slice, ports, rule

# What these reach is reached by what tests each module, too, and tracing takes time.
pytestmark = pytest.mark.no_cover

PAIRS = [(ON_TABLES, 4), (ON_10, 1), (ON_FEW_TABLES, 4), (ON_TABLES, 1), (ON_FEW_TABLES, 1)]
pairs = pytest.mark.parametrize(("kind", "version"), PAIRS, ids=lambda one: str(one))

# Whose entries are cut: "a" has two whole ports and a VLAN at a third.
SLICES = (
    a_slice("a", ports(1, 2, priority=50), rule(Match.of(in_port=3, vlan_vid=tag(100)), priority=60)),
    a_slice("b", ports(4, 3, priority=10)),
)
# What a slice may be refused that a datapath of its own would not.
CONFINED = {codes.FLOW_MOD_EPERM, codes.ACTION_EPERM}
# No two may match one packet at the same priority: which one then does is the datapath's choice.
ENTRIES = [
    (priority, match)
    for priority, match in enumerate(
        (
            Match(),
            Match.of(in_port=1),
            Match.of(in_port=2, vlan_vid=tag(100)),
            Match.of(vlan_vid=tag(100)),
            Match.of(eth_type=0x0800),
            Match.of(eth_type=0x0800, ip_proto=17),
            Match.of(in_port=3),
            Match.of(eth_src=0x020000000001),
        )
    )
]


@st.composite
def requests(draw: st.DrawFn, version: int, cookies: tuple[int, ...]) -> FlowMod:
    priority, match = draw(st.sampled_from(ENTRIES))
    command = draw(st.sampled_from((ADD, ADD, ADD, MODIFY, MODIFY_STRICT, DELETE, DELETE_STRICT)))
    deletes = command in (DELETE, DELETE_STRICT)
    flags = draw(st.sampled_from((0, SEND_FLOW_REM, SEND_FLOW_REM, CHECK_OVERLAP)))
    if version == 4:
        flags |= draw(st.sampled_from((0, 0, RESET_COUNTS)))
    has_cookie_mask = version == 4 and command != ADD
    return FlowMod(
        cookie=draw(st.sampled_from(cookies)),
        cookie_mask=draw(st.sampled_from((0, 0, 1, 3))) if has_cookie_mask else 0,
        command=command,
        hard_timeout=draw(st.sampled_from((0, 0, 5))) if command == ADD else 0,
        priority=priority + 1,
        flags=0 if deletes else flags,
        out_port=draw(st.sampled_from((ANY, ANY, 1, FLOOD))) if deletes else ANY,
        match=match,
        instructions=() if deletes else draw(st.sampled_from((output(1), output(2), output(FLOOD), ()))),
    )


class Alone:
    """The tenant's side by side: its virtual switch, and a datapath that it has for itself."""

    def __init__(self, kind: Kind, version: int) -> None:
        self.world: World = kind.world(*SLICES)
        self.tenant: Controller = self.world.controller("a", 1, version)
        self.heard_before: list[FlowRemoved] = []
        self.own = EmulatedDatapath(1, version, (1, 2, 3), now=self.world.now)
        self.own.connect()
        self.removed: list[FlowRemoved] = []

    def hear(self, effects: list[Any]) -> list[Message]:
        """What the own datapath tells; what it says unasked of removals is kept."""
        speak = codec(self.own.version)
        told = [speak.decode(speak.encode(one.message)) for one in effects if isinstance(one, Tell)]
        self.removed += [one for one in told if isinstance(one, FlowRemoved)]
        return [one for one in told if not isinstance(one, FlowRemoved | PacketIn)]

    def send(self, mod: FlowMod) -> None:
        answers = [one for one in self.tenant.send(mod) if isinstance(one, Error)]
        if any(one.error in CONFINED for one in answers):
            return
        mine = self.hear(self.own.from_controller(mod, self.world.now))
        note(f"{mod} -> {answers}, alone {mine}")
        assert [one.error for one in mine if isinstance(one, Error)] == [one.error for one in answers]

    def packet(self, port: int, packet: bytes) -> None:
        self.world.packet(1, port, packet)
        if owner_at(SLICES, packet, port) == "a":
            self.hear(self.own.from_port(port, packet, self.world.now))

    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        self.hear(self.own.tick(self.world.now))

    def come_back(self) -> None:
        """The tenant connects again, after its hypervisor or its datapath was away."""
        self.heard_before += self.tenant.heard(FlowRemoved)
        self.tenant = self.world.controller("a", 1, self.tenant.version)

    def restart(self) -> None:
        self.world.restart()
        self.come_back()

    def reconnect(self) -> None:
        self.world.leave(1)
        self.world.join(self.world.emulated[1])
        self.come_back()

    def compare(self, request: FlowStatsRequest) -> None:
        """The same question to both has the same answer."""
        seen = self.tenant.ask(request, FlowStatsReply).flows
        (expected,) = self.hear(self.own.from_controller(request, self.world.now))
        assert isinstance(expected, FlowStatsReply)
        assert shown(seen) == shown(expected.flows)
        total = AggregateStatsRequest(
            match=request.match,
            out_port=request.out_port,
            cookie=request.cookie,
            cookie_mask=request.cookie_mask,
        )
        (added_up,) = self.hear(self.own.from_controller(total, self.world.now))
        assert self.tenant.ask(total, AggregateStatsReply) == added_up
        heard = self.heard_before + self.tenant.heard(FlowRemoved)
        assert sorted(map(removal, heard), key=str) == sorted(map(removal, self.removed), key=str)


def shown(flows: tuple[FlowStats, ...]) -> list[tuple[object, ...]]:
    return sorted(
        (
            (
                *(flow.table_id, flow.priority, sorted(flow.match.fields.items()), flow.cookie, flow.flags),
                *(
                    flow.packet_count,
                    flow.byte_count,
                    flow.duration_sec,
                    flow.idle_timeout,
                    flow.hard_timeout,
                ),
                flow.instructions,
            )
            for flow in flows
        ),
        key=str,
    )


def removal(message: FlowRemoved) -> tuple[object, ...]:
    return (
        *(message.cookie, message.priority, message.reason, sorted(message.match.fields.items())),
        *(message.packet_count, message.byte_count, message.duration_sec),
    )


@pairs
@examples(30)
@given(data=st.data())
def test_a_tenant_sees_what_a_datapath_of_its_own_would_show(
    kind: Kind, version: int, data: st.DataObject
) -> None:
    both = Alone(kind, version)
    # A 1.3 datapath does not change a cookie when it modifies, as 1.0's tenants might expect.
    cookies = (1,) if kind.has_blocks and version == 1 else (1, 2, 3)
    for _ in range(data.draw(st.integers(3, 14), label="steps")):
        step = data.draw(
            st.sampled_from(
                ("mod", "mod", "mod", "mod", "packet", "packet", "time", "look", "restart", "reconnect")
            )
        )
        if step == "mod":
            both.send(data.draw(requests(version, cookies)))
        elif step == "packet":
            both.packet(*data.draw(packets_like(data.draw(st.sampled_from(ENTRIES))[1])))
        elif step == "time":
            both.pass_time(data.draw(st.sampled_from((1, 3))))
        elif step in ("restart", "reconnect"):
            both.restart() if step == "restart" else both.reconnect()
        else:
            mask = data.draw(st.sampled_from((0, 3))) if version == 4 else 0
            request = FlowStatsRequest(
                match=data.draw(st.sampled_from(ENTRIES))[1],
                out_port=data.draw(st.sampled_from((ANY, ANY, 1, FLOOD))),
                cookie=2 if mask else 0,
                cookie_mask=mask,
            )
            both.compare(request)
    both.compare(FlowStatsRequest())


# ---------------------------------------------------------------------------------------------- fast and slow


def slow(controller: Controller) -> Controller:
    """The same controller, without the ways in which frames are patched in place."""
    intersects = controller.switch.view.block is None
    controller.channel.flow_mod = flow_mod_intersect.southbound if intersects else flow_mod.southbound
    controller.channel.packet_out = packet_out.southbound
    return controller


def state(controller: Controller) -> tuple[object, ...]:
    """All that later requests may depend on."""
    switch = controller.switch
    table = switch.flow_table
    entries = {} if table is None else table.entries
    shape = {
        key: (entry.number, entry.pieces, entry.live, entry.cookie, entry.request)
        for key, entry in entries.items()
    }
    return (
        *(shape, switch.rewritten, switch.emits, sorted(switch.datapath.entries)),
        *(controller.channel.transactions._next, len(controller.channel.transactions.sent)),
    )


@pytest.mark.parametrize(("kind", "version"), [(ON_TABLES, 4), (ON_10, 1), (ON_FEW_TABLES, 4)], ids=str)
@examples(30)
@given(data=st.data())
def test_the_fast_way_does_what_the_slow_way_does(kind: Kind, version: int, data: st.DataObject) -> None:
    slices = data.draw(slice_sets())
    one = slices[0]
    worlds = [kind.world(*slices, ports=PORTS) for _ in range(2)]
    fast, reference = worlds[0].controller("a", 1, version), slow(worlds[1].controller("a", 1, version))
    n_tables = 3 if kind.has_blocks else 1
    for _ in range(data.draw(st.integers(1, 6))):
        request: FlowMod | Any
        if data.draw(st.booleans()):
            request = evolve(
                data.draw(flow_mods(version, one, n_tables=n_tables)),
                cookie=data.draw(st.sampled_from((0, 5, 1 << 63))),
                command=data.draw(st.sampled_from((ADD, ADD, ADD, MODIFY, MODIFY_STRICT, DELETE))),
                flags=data.draw(st.sampled_from((0, SEND_FLOW_REM, CHECK_OVERLAP))),
                idle_timeout=data.draw(st.sampled_from((0, 9))),
            )
        else:
            request = data.draw(packet_outs(version, one))
        frame = codec(version).encode(request)
        before = [len(world.to_datapaths) for world in worlds]
        answers = [controller.send(frame, frame) for controller in (fast, reference)]
        assert answers[0] == answers[1]
        sent = [
            [codec(kind.version).decode(told) for _, told in world.to_datapaths[start:]]
            for world, start in zip(worlds, before, strict=True)
        ]
        assert sent[0] == sent[1]
        assert state(fast) == state(reference)
    assert worlds[0].transmitted == worlds[1].transmitted
