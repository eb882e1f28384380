"""Port status: told to the slices that have the port; floods mean the ports that are there."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Datapath
from flowvisor.openflow.actions import Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    PORT_ADD,
    PORT_DELETE,
    PORT_MODIFY,
    ROLE_SLAVE,
    AsyncMasks,
    FeaturesReply,
    FlowMod,
    Message,
    PacketOut,
    PortStatus,
    RoleRequest,
    SetAsync,
)
from flowvisor.openflow.multipart import (
    FlowStatsReply,
    FlowStatsRequest,
    PortDescReply,
    PortDescRequest,
    PortStatsReply,
    PortStatsRequest,
)
from flowvisor.openflow.ports import ALL, FLOOD, LINK_DOWN, NO_FLOOD, Port
from flowvisor.planning.entries import flood_group
from tests.support.dialogue import say, the_datapath
from tests.support.kinds import ON_10, ON_TABLES, Kind
from tests.support.slices import A, B, output, udp
from tests.support.world import World, a_slice, ports

WIDE = a_slice("a", ports(1, 2, 5))
ON_1 = Match.of(in_port=1)


def reached(world: World, port: int = 1) -> list[int]:
    """Where a packet that comes in at a port leaves."""
    return sorted(port for port, _ in world.packet(1, port, udp()))


# ------------------------------------------------------------------------------------------------ who is told what


def test_a_port_that_comes_changes_and_goes_is_told_to_whose_it_is(kind: Kind, version: int) -> None:
    world = kind.world(WIDE, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    emulated = world.emulated[1]
    world.change(1, emulated.add_port(5, world.now))
    world.change(1, emulated.set_link(5, is_up=False))
    world.change(1, emulated.remove_port(5))
    told = a.heard(PortStatus)
    assert [(one.reason, one.port.number, one.xid) for one in told] == [
        (PORT_ADD, 5, 0),
        (PORT_MODIFY, 5, 0),
        (PORT_DELETE, 5, 0),
    ]
    assert [bool(one.port.state & LINK_DOWN) for one in told] == [False, True, True]
    assert b.inbox == []


def test_a_port_that_nobody_has_is_told_to_nobody(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    world.change(1, world.emulated[1].add_port(9, world.now))
    assert a.inbox == []
    assert 9 in the_datapath(world).ports


def test_the_ports_that_are_asked_for_are_those_that_are_there(kind: Kind, version: int) -> None:
    world = kind.world(WIDE, B)
    a = world.controller("a", 1, version)
    world.change(1, world.emulated[1].add_port(5, world.now))
    world.change(1, world.emulated[1].remove_port(2))
    a.inbox.clear()
    assert [one.port for one in a.ask(PortStatsRequest(), PortStatsReply).ports] == [1, 5]
    assert [port.number for port in a.switch.ports] == [1, 5]


def test_slaves_are_told_and_those_that_masked_it_are_not(kind: Kind) -> None:
    world = kind.world(A, B)
    old, slave, silent = world.controller("a", 1, 1), world.controller("a"), world.controller("a")
    slave.send(RoleRequest(role=ROLE_SLAVE, generation_id=1))
    silent.send(SetAsync(masks=AsyncMasks(port_status=(1 << PORT_ADD, 7))))
    world.change(1, world.emulated[1].set_link(1, is_up=False))
    assert [len(one.heard(PortStatus)) for one in (old, slave, silent)] == [1, 1, 0]
    counters = old.channel.tenant.counters
    assert [counters[version].up[12] for version in (1, 4)] == [1, 1]
    assert counters[1].up_bytes == len(old.frames[-1])


def test_a_port_that_1_0_cannot_number_is_not_told_to_it() -> None:
    world = World([a_slice("a", ports(1, 70000))], [ON_TABLES.datapath((1,))])
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    world.change(1, world.emulated[1].add_port(70000, world.now))
    assert old.inbox == []
    assert old.channel.counters.shed == {"inexpressible": 1}
    assert len(new.heard(PortStatus)) == 1


def test_what_tenants_are_told_makes_sense_to_them_whatever_the_datapath_says(
    kind: Kind, version: int
) -> None:
    world = kind.world(WIDE, B)
    a = world.controller("a", 1, version)
    for reason in (PORT_DELETE, PORT_MODIFY, PORT_ADD, PORT_MODIFY, PORT_DELETE, PORT_DELETE):
        say(world, PortStatus(reason=reason, port=Port(5, name="five")))
    # A port is added before it is modified, not added twice, and not deleted before or after.
    assert [one.reason for one in a.heard(PortStatus)] == [PORT_ADD, PORT_MODIFY, PORT_MODIFY, PORT_DELETE]


# --------------------------------------------------------------------------------------------------------- floods


@pytest.mark.parametrize("everywhere", [FLOOD, ALL])
def test_a_flood_reaches_ports_that_come_later_and_no_foreign_ones(
    kind: Kind, version: int, everywhere: int
) -> None:
    world = kind.world(WIDE, B)
    a = world.controller("a", 1, version)
    assert a.send(FlowMod(cookie=3, match=ON_1, instructions=output(everywhere))) == []
    assert reached(world) == [2]
    world.change(1, world.emulated[1].add_port(5, world.now))
    assert reached(world) == [2, 5]
    world.change(1, world.emulated[1].add_port(9, world.now))
    assert reached(world) == [2, 5]
    world.change(1, world.emulated[1].remove_port(2))
    assert reached(world) == [5]
    a.inbox.clear()
    (flow,) = a.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert flow.instructions == output(everywhere)  # it reads back what it wrote


def test_entries_that_name_their_ports_are_left_alone(kind: Kind, version: int) -> None:
    world = kind.world(WIDE, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=ON_1, instructions=output(2)), FlowMod(match=Match.of(in_port=2), instructions=()))
    before = len(world.to_datapaths)
    world.change(1, world.emulated[1].add_port(5, world.now))
    told = [the_datapath(world).codec.decode(frame) for _, frame in world.to_datapaths[before:]]
    assert not [one for one in told if isinstance(one, FlowMod)]
    assert reached(world) == [2]


def test_a_flood_of_a_packet_reaches_the_ports_that_are_there_then(kind: Kind, version: int) -> None:
    world = kind.world(WIDE, B)
    a = world.controller("a", 1, version)
    flood = PacketOut(in_port=1, actions=(Output(FLOOD),), data=udp())
    a.send(flood)
    world.change(1, world.emulated[1].add_port(5, world.now))
    a.send(flood)
    world.change(1, world.emulated[1].remove_port(2))
    a.send(flood)
    assert [port for _, port, _ in world.transmitted] == [2, 2, 5, 5]


def test_a_port_of_1_0_that_is_not_to_be_flooded_is_left_out_of_floods_but_not_of_all(version: int) -> None:
    world = ON_10.world(WIDE, B, ports=(1, 2, 3, 4, 5))
    a = world.controller("a", 1, version)
    a.send(
        FlowMod(match=ON_1, instructions=output(FLOOD)),
        FlowMod(match=Match.of(in_port=2), instructions=output(ALL)),
    )
    assert (reached(world, 1), reached(world, 2)) == ([2, 5], [1, 5])
    port = world.emulated[1].pipeline.ports[5]
    say(world, PortStatus(reason=PORT_MODIFY, port=evolve(port, config=NO_FLOOD)))
    assert (reached(world, 1), reached(world, 2)) == ([2], [1, 5])
    say(world, PortStatus(reason=PORT_MODIFY, port=port))
    assert (reached(world, 1), reached(world, 2)) == ([2, 5], [1, 5])


def test_a_change_that_floods_do_not_depend_on_changes_nothing_on_the_datapath(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(FlowMod(match=ON_1, instructions=output(FLOOD)))
    before = len(world.to_datapaths)
    world.change(1, world.emulated[1].set_link(2, is_up=False))
    assert len(world.to_datapaths) == before


# ---------------------------------------------------------------------------------------- while it is being set up


class SlowDatapath:
    """A datapath whose connection a test carries frame by frame, so that ports can come and go in between."""

    def __init__(self, kind: Kind) -> None:
        self.world = World([WIDE, B], [])
        self.emulated = kind.datapath()
        self.emulated.connect()
        features = FeaturesReply(
            dpid=1,
            n_tables=kind.n_tables,
            ports=tuple(self.emulated.pipeline.ports.values()) if kind.version == 1 else (),
        )
        self.peer: Datapath
        self.peer, effects = self.world.hypervisor.datapath_joined(kind.version, features, 0.0)
        self.to_datapath: list[bytes] = []
        self.take(effects)

    def take(self, effects: Effects) -> None:
        self.to_datapath += effects.frames.get(self.peer, [])

    def says(self, *messages: Message) -> None:
        frames = [self.peer.codec.encode(one) for one in messages]
        self.take(self.world.hypervisor.from_datapath(self.peer, frames, 0.0))

    def step(self) -> None:
        """Carry one frame to the datapath, and what it answers back."""
        answers = self.emulated.from_controller(self.to_datapath.pop(0), 0.0)
        self.says(*(one.message for one in answers))  # type: ignore[union-attr]


def test_ports_that_come_and_go_while_a_datapath_is_set_up_are_as_they_are_in_the_end(kind: Kind) -> None:
    moment = 0
    while True:
        slow = SlowDatapath(kind)
        for _ in range(moment):
            if slow.to_datapath:
                slow.step()
        was_ready = slow.peer.is_ready
        slow.says(*(one.message for one in slow.emulated.add_port(5, 0.0)))  # type: ignore[union-attr]
        slow.says(*(one.message for one in slow.emulated.remove_port(2)))  # type: ignore[union-attr]
        while slow.to_datapath:
            slow.step()
        assert slow.peer.is_ready
        assert sorted(slow.peer.ports) == [1, 3, 4, 5], moment
        if kind.has_blocks:
            group = slow.emulated.pipeline.groups.get(flood_group(slow.peer.plan.blocks["a"]))
            assert group is not None
            assert [bucket.actions for bucket in group.buckets] == [(Output(1),), (Output(5),)], moment
        if was_ready:
            break
        moment += 1
    assert moment > 2


def test_ports_are_told_of_in_the_description_as_they_came(kind: Kind) -> None:
    world = kind.world(WIDE, B)
    world.change(1, world.emulated[1].add_port(Port(5, name="five"), world.now))
    a = world.controller("a")
    told = a.ask(PortDescRequest(), PortDescReply).ports
    assert [(port.number, port.name) for port in told] == [(1, "port-1"), (2, "port-2"), (5, "five")]
