"""PORT_MOD: what a slice does to its ports acts on its own traffic, at that port, and on nobody else's."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, Output, SetField
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    MODIFY,
    ROLE_SLAVE,
    BarrierReply,
    BarrierRequest,
    FeaturesReply,
    FeaturesRequest,
    FlowMod,
    PacketIn,
    PacketOut,
    PortMod,
    PortStatus,
    RoleRequest,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest, PortDescReply, PortDescRequest
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import (
    ALL,
    CONTROLLER,
    FLOOD,
    IN_PORT,
    LINK_DOWN,
    NO_FLOOD,
    NO_FWD,
    NO_PACKET_IN,
    NO_RECV,
    NO_RECV_STP,
    NO_STP,
    PORT_DOWN,
    Port,
)
from flowvisor.openflow.versions import codec
from tests.support.dialogue import the_datapath, withheld
from tests.support.kinds import ON_10, ON_TABLES, Kind, as_told
from tests.support.slices import MISS, A, B, ethernet, output, tag, udp
from tests.support.world import Controller, World, a_slice, ports, rule

ON_1 = Match.of(in_port=1)
STP = 0x0180_C200_0000
WIDE = a_slice("a", ports(1, 2, 5))
# Two slices on the same ports, by VLAN.
RED = a_slice("red", rule(Match.of(vlan_vid=tag(100))))
BLUE = a_slice("blue", rule(Match.of(vlan_vid=tag(200))))


def port_mod(world: World, port: int, config: int, mask: int | None = None, **more: int) -> PortMod:
    """A PORT_MOD that sets these bits, and clears those of the mask that are not among them."""
    hw_addr = world.emulated[1].pipeline.ports[port].hw_addr
    return PortMod(port=port, hw_addr=hw_addr, config=config, mask=config if mask is None else mask, **more)


def raw(message: PortMod, version: int, *, config: int, mask: int) -> bytes:
    """The same with bits that no version's codec would write."""
    frame = codec(version).encode(message)
    start = {1: 16, 4: 24}[version]
    return frame[:start] + config.to_bytes(4, "big") + mask.to_bytes(4, "big") + frame[start + 8 :]


def configure(controller: Controller, port: int, config: int, mask: int | None = None) -> None:
    """Configure a port; there is no answer but to the barrier."""
    answers = controller.send(port_mod(controller.world, port, config, mask), BarrierRequest(xid=7))
    assert [type(one) for one in answers if not isinstance(one, PortStatus)] == [BarrierReply]


def shown(controller: Controller) -> dict[int, Port]:
    """The ports as a controller is told them."""
    if controller.version == 1:
        told = controller.ask(FeaturesRequest(), FeaturesReply).ports
    else:
        told = controller.ask(PortDescRequest(), PortDescReply).ports
    return {port.number: port for port in told}


def reached(world: World, port: int = 1, data: bytes | None = None) -> list[int]:
    """Where a packet that comes in at a port leaves."""
    return sorted(port for port, _ in world.packet(1, port, udp() if data is None else data))


def physical_configs(world: World) -> set[int]:
    return {port.config for port in world.emulated[1].pipeline.ports.values()}


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("version", [1, 4])
def test_what_a_1_0_datapath_has_no_words_for_is_refused_and_changes_nothing(version: int) -> None:
    # What is the slice's at the port is all but one VLAN.
    world = ON_10.world(
        a_slice("a", ports(1, 2)), a_slice("b", rule(Match.of(vlan_vid=tag(200)), priority=200))
    )
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=Match.of(in_port=1, vlan_vid=0), instructions=output(2)))
    assert a.refused(port_mod(world, 1, PORT_DOWN)) == as_told(codes.PORT_MOD_EPERM, version)
    assert shown(a)[1].config == 0
    assert reached(world) == [2]
    world.restart()
    assert the_datapath(world).is_ready


def test_a_port_that_is_not_the_slices_is_refused(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for port in (3, 9, ALL):
        assert a.refused(PortMod(port=port)) == as_told(codes.PORT_MOD_BAD_PORT, version)


def test_the_address_must_be_the_ports(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    wrong = evolve(port_mod(world, 1, NO_FWD), hw_addr=b"\2\0\0\0\0\x99")
    assert a.refused(wrong) == codes.PORT_MOD_BAD_HW_ADDR
    assert shown(a)[1].config == 0


def test_a_bit_that_there_is_not_cannot_be_set_and_is_clear_already(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    for bits in (1 << 9, *([NO_FLOOD, NO_STP | NO_RECV] if version == 4 else [])):
        frame = raw(port_mod(world, 1, 0), version, config=bits, mask=bits)
        assert a.refused(frame) == as_told(codes.PORT_MOD_BAD_CONFIG, version)
    a.inbox.clear()
    assert a.send(raw(port_mod(world, 1, 0), version, config=1 << 9, mask=0)) == []
    assert a.send(raw(port_mod(world, 1, 0), version, config=NO_FWD, mask=0xFFFF_FFFF)) == []
    assert shown(a)[1].config == NO_FWD


def test_what_is_advertised_is_not_the_slices_to_change(kind: Kind, version: int) -> None:
    world = kind.world(A, B, ports=(Port(1, bytes(6), "one", advertised=4, supported=6), 2, 3, 4))
    a = world.controller("a", 1, version)
    assert a.send(port_mod(world, 1, 0, advertise=4)) == []
    assert a.refused(port_mod(world, 1, 0, advertise=2)) == as_told(codes.PORT_MOD_EPERM, version)
    assert a.refused(port_mod(world, 1, 0, advertise=8)) == as_told(codes.PORT_MOD_BAD_ADVERTISE, version)


def test_a_slave_configures_nothing(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    a.send(RoleRequest(role=ROLE_SLAVE, generation_id=1))
    assert a.refused(port_mod(world, 1, NO_FWD)) == codes.IS_SLAVE


# ------------------------------------------------------------------------------------------------ what is shown


def test_a_slice_is_shown_what_it_has_configured_and_others_are_not(kind: Kind, version: int) -> None:
    world = kind.world(RED, BLUE)
    red, other, blue = (world.controller(name, 1, version) for name in ("red", "red", "blue"))
    before = physical_configs(world)
    for config in (NO_FWD, NO_RECV, NO_PACKET_IN, NO_FWD | NO_PACKET_IN):
        configure(red, 2, config, NO_FWD | NO_RECV | NO_PACKET_IN)
        assert shown(red)[2].config & ~NO_RECV_STP == shown(other)[2].config & ~NO_RECV_STP == config
        assert other.heard(PortStatus)[-1].port.config & ~NO_RECV_STP == config
    assert shown(blue)[2].config == shown(red)[1].config == 0
    assert red.heard(PortStatus) == blue.heard(PortStatus) == []
    assert physical_configs(world) == before == {0}


def test_a_port_that_is_taken_down_has_no_link_and_all_are_told(kind: Kind, version: int) -> None:
    world = kind.world(RED, BLUE)
    red, blue = world.controller("red", 1, version), world.controller("blue", 1, version)
    configure(red, 2, PORT_DOWN)
    (told,) = red.heard(PortStatus)
    assert (told.port.config, told.port.state & LINK_DOWN) == (PORT_DOWN, LINK_DOWN)
    assert shown(red)[2].state & LINK_DOWN
    assert not shown(blue)[2].state & LINK_DOWN
    world.change(1, world.emulated[1].set_link(1, is_up=False))
    configure(red, 2, 0, PORT_DOWN)
    assert [one.port.config for one in red.heard(PortStatus)] == [PORT_DOWN, 0, 0]
    assert not shown(red)[2].state & LINK_DOWN


def test_what_1_0_alone_can_say_is_not_shown_to_1_3(kind: Kind) -> None:
    world = kind.world(A, B)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    configure(old, 1, NO_STP | NO_FLOOD | NO_RECV_STP)
    assert shown(old)[1].config == NO_STP | NO_FLOOD | NO_RECV_STP
    assert shown(new)[1].config == 0
    configure(new, 1, NO_RECV)
    assert shown(old)[1].config == NO_STP | NO_FLOOD | NO_RECV_STP | NO_RECV


def test_a_configuration_outlives_the_datapaths_connection(kind: Kind, version: int) -> None:
    world = kind.world(RED, BLUE)
    configure(world.controller("red", 1, version), 2, NO_FWD | NO_RECV)
    emulated = world.emulated[1]
    world.leave(1)
    world.join(emulated)
    red = world.controller("red", 1, version)
    assert shown(red)[2].config & ~NO_RECV_STP == NO_FWD | NO_RECV
    red.send(FlowMod(instructions=output(3, 2)))
    assert reached(world, 1, udp(vlan=100)) == [3]
    assert reached(world, 2, udp(vlan=100)) == []


# ------------------------------------------------------------------------------------------- what goes out no more


@pytest.mark.parametrize("bit", [NO_FWD, PORT_DOWN])
def test_entries_do_not_send_out_of_a_port_that_is_shut_and_do_again_when_it_is_open(
    kind: Kind, version: int, bit: int
) -> None:
    world = kind.world(RED, BLUE)
    red, blue = world.controller("red", 1, version), world.controller("blue", 1, version)
    for tenant in (red, blue):
        tenant.send(FlowMod(cookie=5, match=ON_1, instructions=output(2, 3)))
    configure(red, 2, bit)
    assert reached(world, 1, udp(vlan=100)) == [3]
    assert reached(world, 1, udp(vlan=200)) == [2, 3]
    # One that comes later, and one that is modified meanwhile.
    red.send(FlowMod(cookie=6, match=Match.of(in_port=3), instructions=output(2, 4)))
    red.send(FlowMod(cookie=5, command=MODIFY, match=ON_1, instructions=output(4, 2)))
    assert reached(world, 3, udp(vlan=100)) == reached(world, 1, udp(vlan=100)) == [4]
    red.inbox.clear()
    told = red.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert {flow.instructions for flow in told} == {output(4, 2), output(2, 4)}  # it reads back what it wrote
    by_port = red.ask(FlowStatsRequest(out_port=2), FlowStatsReply).flows
    assert {flow.cookie for flow in by_port} == {5, 6}
    configure(red, 2, 0, bit)
    assert reached(world, 3, udp(vlan=100)) == reached(world, 1, udp(vlan=100)) == [2, 4]
    assert shown(red)[2].config == 0


def test_an_entry_is_the_same_after_a_port_was_shut_and_opened(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    entry = FlowMod(cookie=9, priority=7, idle_timeout=30, flags=1, match=ON_1, instructions=output(2, 1))
    a.send(entry)
    world.packet(1, 1, udp())
    (before,) = a.ask(FlowStatsRequest(), FlowStatsReply).flows
    configure(a, 2, PORT_DOWN)
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == (before,)
    configure(a, 2, 0, PORT_DOWN)
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == (before,)


def test_an_entry_is_deleted_by_its_port_though_that_is_shut(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(
        FlowMod(match=ON_1, instructions=output(2)),
        FlowMod(match=Match.of(in_port=2), instructions=output(1)),
    )
    configure(a, 2, NO_FWD)
    a.send(FlowMod(command=DELETE, table_id=0, out_port=2))
    (left,) = a.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert left.match == Match.of(in_port=2)


@pytest.mark.parametrize("everywhere", [FLOOD, ALL])
@pytest.mark.parametrize("bit", [NO_FWD, PORT_DOWN])
def test_floods_leave_out_a_port_that_is_shut(kind: Kind, version: int, everywhere: int, bit: int) -> None:
    world = kind.world(WIDE, B, ports=(1, 2, 3, 4, 5))
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=ON_1, instructions=output(everywhere)))
    configure(a, 5, bit)
    assert reached(world) == [2]
    a.send(PacketOut(in_port=1, actions=(Output(everywhere),), data=udp()))
    assert [port for _, port, _ in world.transmitted][-1:] == [2]
    world.change(1, world.emulated[1].remove_port(2))
    assert reached(world) == []
    configure(a, 5, 0, bit)
    assert reached(world) == [5]


def test_no_flood_keeps_a_port_out_of_floods_but_not_of_all(kind: Kind) -> None:
    world = kind.world(WIDE, B, ports=(1, 2, 3, 4, 5))
    a = world.controller("a", 1, 1)
    a.send(
        FlowMod(match=ON_1, instructions=output(FLOOD)),
        FlowMod(match=Match.of(in_port=2), instructions=output(ALL)),
    )
    configure(a, 5, NO_FLOOD)
    assert (reached(world, 1), reached(world, 2)) == ([2], [1, 5])
    a.send(PacketOut(in_port=1, actions=(Output(FLOOD),), data=udp()))
    assert world.transmitted[-1][1] == 2
    configure(a, 5, 0, NO_FLOOD)
    assert reached(world, 1) == [2, 5]


def test_packet_outs_do_not_go_out_of_a_port_that_is_shut(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    to_both = PacketOut(actions=(Output(1), Output(2)), data=udp())
    a.send(to_both)
    configure(a, 2, NO_FWD)
    assert a.send(to_both, PacketOut(actions=(Output(2),), data=udp())) == []
    assert a.send(PacketOut(in_port=2, actions=(Output(IN_PORT),), data=udp())) == []
    assert [port for _, port, _ in world.transmitted] == [1, 2, 1]
    assert a.channel.counters.shed == {"port-shut": 2}


def test_rewrites_are_done_though_one_port_is_shut(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    actions = (Output(2), SetField("eth_dst", 0x020000000009), Output(CONTROLLER, 0xFFFF))
    a.send(FlowMod(match=ON_1, instructions=(ApplyActions(actions),)))
    configure(a, 2, NO_FWD)
    assert reached(world) == []
    (punted,) = a.heard(PacketIn)
    assert punted.data[:6] == bytes.fromhex("020000000009")


# --------------------------------------------------------------------------------------- what comes in no more


@pytest.mark.parametrize("bit", [NO_RECV, PORT_DOWN])
def test_packets_of_the_slice_that_come_in_where_it_does_not_listen_are_dropped(
    kind: Kind, version: int, bit: int
) -> None:
    world = kind.world(RED, BLUE)
    red, blue = world.controller("red", 1, version), world.controller("blue", 1, version)
    for tenant in (red, blue):
        tenant.send(
            evolve(MISS, instructions=output(4, CONTROLLER)), FlowMod(match=ON_1, instructions=output(4))
        )
    configure(red, 2, bit)
    configure(red, 1, bit)
    for port in (1, 2):
        assert reached(world, port, udp(vlan=100)) == []
        assert reached(world, port, udp(vlan=200)) == [4]
    assert red.heard(PacketIn) == []
    assert len(blue.heard(PacketIn)) == 1
    assert reached(world, 3, udp(vlan=100)) == [4]
    configure(red, 2, 0, bit)
    assert reached(world, 2, udp(vlan=100)) == [4]


def test_entries_of_the_highest_priority_do_not_get_round_that(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    early = FlowMod(priority=0xFFFF, match=ON_1, instructions=output(2))
    a.send(early)
    configure(a, 1, PORT_DOWN)
    assert reached(world) == []
    a.send(evolve(early, match=Match.of(in_port=1, eth_dst=0x020000000002)))
    assert reached(world) == []
    configure(a, 1, 0, PORT_DOWN)
    assert reached(world) == [2]


def test_an_exact_match_of_1_0_does_not_get_round_that() -> None:
    world = ON_10.world(A, B)
    a = world.controller("a", 1, 1)
    data = udp()
    exact = exact_match(data)
    a.send(FlowMod(priority=5, match=exact, instructions=output(2)))
    assert reached(world, 1, data) == [2]
    configure(a, 1, NO_RECV)
    assert reached(world, 1, data) == []
    a.send(FlowMod(priority=5, match=exact, instructions=output(2, 2)))
    assert reached(world, 1, data) == []


def exact_match(data: bytes) -> Match:
    """The match of 1.0 that leaves nothing open."""

    fields = parse(data, 1)
    names = ("in_port", "eth_src", "eth_dst", "eth_type", "vlan_vid", "ip_dscp", "ip_proto")
    more = ("ipv4_src", "ipv4_dst", "udp_src", "udp_dst")
    return Match.of(**{name: fields.get(name, 0) for name in (*names, *more)})


@pytest.mark.parametrize(
    ("config", "passes_others", "passes_stp"),
    [
        (NO_RECV, False, True),
        (NO_RECV_STP, True, False),
        (NO_RECV | NO_RECV_STP, False, False),
        (PORT_DOWN, False, False),
    ],
)
def test_1_0_tells_the_spanning_tree_from_other_packets(
    kind: Kind, config: int, passes_others: bool, passes_stp: bool
) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 1)
    a.send(FlowMod(match=Match(), instructions=output(2)))
    configure(a, 1, config)
    spared = config == NO_RECV and not kind.has_blocks  # what is spared goes to the controller there
    assert reached(world, 1, ethernet(dst=STP)) == ([2] if passes_stp and not spared else [])
    assert len(a.heard(PacketIn)) == spared
    assert reached(world, 1, udp()) == ([2] if passes_others else [])


def test_without_packet_ins_unmatched_packets_are_counted_and_not_told(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(
        *([MISS] if version == 4 else ()), FlowMod(match=Match.of(in_port=2), instructions=output(CONTROLLER))
    )
    configure(a, 1, NO_PACKET_IN)
    configure(a, 2, NO_PACKET_IN)
    world.packet(1, 1, udp())
    assert a.heard(PacketIn) == []
    assert a.channel.tenant.counters[kind.version].shed == {"no-packet-in": 1}
    world.packet(1, 2, udp())  # an entry asked for this one
    assert len(a.heard(PacketIn)) == 1
    configure(a, 1, 0, NO_PACKET_IN)
    world.packet(1, 1, udp())
    assert len(a.heard(PacketIn)) == 2


# -------------------------------------------------------------------------------------------- the physical port


def test_a_port_that_only_one_slice_has_is_configured_itself_where_the_admin_says_so(
    kind: Kind, version: int
) -> None:
    world = kind.world(evolve(A, may_configure_ports=True), B)
    a, other = world.controller("a", 1, version), world.controller("a", 1, version)
    configure(a, 1, PORT_DOWN)
    assert world.emulated[1].pipeline.ports[1].config == PORT_DOWN
    assert shown(a)[1].config == PORT_DOWN
    assert [one.port.config for one in other.heard(PortStatus)] == [PORT_DOWN]
    configure(a, 1, 0, PORT_DOWN)
    assert world.emulated[1].pipeline.ports[1].config == 0


def test_what_the_datapaths_version_cannot_say_is_done_for_the_slice_all_the_same() -> None:
    world = ON_TABLES.world(evolve(WIDE, may_configure_ports=True), B, ports=(1, 2, 3, 4, 5))
    a = world.controller("a", 1, 1)
    a.send(FlowMod(match=ON_1, instructions=output(FLOOD)))
    configure(a, 5, NO_FLOOD | NO_PACKET_IN)
    assert world.emulated[1].pipeline.ports[5].config == NO_PACKET_IN
    assert shown(a)[5].config == NO_FLOOD | NO_PACKET_IN
    assert reached(world) == [2]


def test_a_port_that_others_have_a_part_of_is_never_configured_itself(kind: Kind, version: int) -> None:
    world = kind.world(evolve(RED, may_configure_ports=True), BLUE)
    configure(world.controller("red", 1, version), 1, PORT_DOWN)
    assert physical_configs(world) == {0}


def test_nor_one_that_others_have_a_part_of_at_this_end_of_a_cable_only(kind: Kind, version: int) -> None:
    red = evolve(RED, may_configure_ports=True)
    blue = a_slice("blue", rule(Match.of(vlan_vid=tag(200)), at=[1]))
    world = World((red, blue), [kind.datapath(), kind.datapath(dpid=2)], declared=[((1, 1), (2, 1))])
    configure(world.controller("red", 1, version), 1, PORT_DOWN)
    assert physical_configs(world) == {0}


# -------------------------------------------------------------------------------------- while entries are said anew


def test_messages_wait_until_the_entries_have_been_said_anew() -> None:
    world = ON_TABLES.world(A, B)
    a, other = world.controller("a"), world.controller("a", 1, 1)
    a.send(FlowMod(cookie=1, match=ON_1, instructions=output(2)))
    other.send(FlowMod(cookie=2, match=Match.of(in_port=2), instructions=output(1)))
    answers = a.send(
        port_mod(world, 2, NO_FWD),
        FlowMod(match=ON_1, command=MODIFY, instructions=output(2, CONTROLLER)),
        BarrierRequest(xid=3),
    )
    assert answers == [BarrierReply(xid=3)]
    assert reached(world) == []
    assert len(a.heard(PacketIn)) == 1
    assert a.switch.rewriting is None
    assert not a.channel.awaits_answer
    assert not other.channel.awaits_answer


def test_a_port_stays_open_if_the_datapath_does_not_say_what_it_has() -> None:
    world = ON_TABLES.world(A, B)
    a, other = world.controller("a"), world.controller("a")
    withheld(a, port_mod(world, 2, NO_FWD))
    assert other.send(BarrierRequest(xid=4)) == []
    late = world.controller("a")
    assert late.send(BarrierRequest(xid=5)) == []
    world.pass_time(9.0)
    (error,) = a.inbox
    assert error.xid == 0
    assert the_datapath(world).port_configs["a"] == {}
    assert [type(one) for one in (*other.inbox, *late.inbox)] == [BarrierReply, BarrierReply]
    a.send(FlowMod(match=ON_1, instructions=output(2)))
    assert reached(world) == [2]


def test_a_number_that_no_group_can_stand_for_cannot_be_shut() -> None:
    world = World([a_slice("a", ports(1, 70000))], [ON_TABLES.datapath((1, 70000))])
    a = world.controller("a")
    assert a.refused(port_mod(world, 70000, NO_FWD)) == codes.PORT_MOD_EPERM
    configure(a, 70000, NO_RECV)
