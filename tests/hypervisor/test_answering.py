"""Who asks for a known address is answered, and nobody else hears of the question."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.hosts import ARP_REQUEST, BROADCAST, Host, arp, ethernet
from flowvisor.hypervisor.answering import NO_ANSWER, TOO_MANY_QUESTIONS
from flowvisor.network.neighbours import Question, answer_to
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV6
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import PacketIn, PortMod
from flowvisor.openflow.multipart import MeterFeaturesReply
from flowvisor.openflow.ports import PORT_DOWN
from flowvisor.planning.answer_meters import ANSWERS_PER_SECOND
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.slices.virtual_switch import Addresses
from tests.support.examples import examples
from tests.support.questions import FROM_ASKER, solicitation
from tests.support.virtual import a_network
from tests.support.virtual_world import VirtualWorld
from tests.support.world import NOWHERE, configuration

BIG = 0xA0
MAC, IP = 0x020000000000, 0x0A000000
IPV6 = 0x20010DB8 << 96
PLACES = {1: "1/1", 2: "2/1", 3: "3/1@20", 4: "3/1@30", 5: "1/2"}


def own(number: int) -> Addresses:
    return Addresses(MAC + number, (IP + number,), (IPV6 + number,))


def a_blue(places: dict[int, str] = PLACES, **more: Any) -> Any:
    addresses = {f"big/{number}": own(number) for number in places if number != 5}
    more = {"addresses": addresses, "answers_arp": True, **more}
    return a_network("blue", {"big": places, "lab": {1: "2/2"}}, ["big/10 lab/10"], **more)


def asks(
    number: int, target: int, *, spa: int | None = None, vlan: int | None = None, to: int = BROADCAST
) -> bytes:
    """The host of one number asks for the address of that of another."""
    spa = IP + number if spa is None else spa
    body = arp(ARP_REQUEST, sha=MAC + number, spa=spa, tha=0, tpa=IP + target)
    return ethernet(to, MAC + number, ETH_TYPE_ARP, body, vlan=vlan)


def told(number: int, target: int, *, ip: int | None = None) -> bytes:
    """What it is answered."""
    question = Question(ETH_TYPE_ARP, IP + target, MAC + number, IP + number if ip is None else ip)
    return answer_to(question, MAC + target)


def in_vlan(packet: bytes, vlan: int) -> bytes:
    return packet[:12] + b"\x81\x00" + vlan.to_bytes(2, "big") + packet[12:]


def shed(world: VirtualWorld) -> dict[str, int]:
    return world.hypervisor.tenants["blue"].counters[4].shed


def given_answers(world: VirtualWorld) -> int:
    return world.hypervisor.networks.answers.given["blue"]


@pytest.fixture
def world() -> VirtualWorld:
    return VirtualWorld([a_blue()])


def test_the_answer_comes_from_elsewhere_and_nobody_hears_the_question(world: VirtualWorld) -> None:
    tenant = world.learning("blue", BIG)
    heard = len(tenant.inbox)
    assert world.arrivals(1, 1, asks(1, 2)) == [(1, 1, told(1, 2))]
    assert world.arrivals(2, 1, asks(2, 1)) == [(2, 1, told(2, 1))]
    assert tenant.inbox[heard:] == []
    assert given_answers(world) == 2


def test_the_answer_has_the_tag_of_the_place(world: VirtualWorld) -> None:
    assert world.arrivals(3, 1, asks(3, 4, vlan=20)) == [(3, 1, in_vlan(told(3, 4), 20))]
    assert world.arrivals(3, 1, asks(4, 3, vlan=30)) == [(3, 1, in_vlan(told(4, 3), 30))]


def test_who_asks_over_a_link_is_answered_over_it(world: VirtualWorld) -> None:
    for slice_dpid in (BIG, BIG + 1):
        world.learning("blue", slice_dpid)
    assert world.arrivals(2, 2, asks(7, 1)) == [(2, 2, told(7, 1))]


def test_neighbour_discovery_is_answered_too(world: VirtualWorld) -> None:
    asked = bytes(solicitation(IPV6 + 2, "2001:db8::a", FROM_ASKER))
    question = Question(ETH_TYPE_IPV6, IPV6 + 2, 0x02000000000A, IPV6 + 0xA)
    assert world.arrivals(1, 2, asked) == [(1, 2, answer_to(question, MAC + 2))]
    unsound = bytes(solicitation(IPV6 + 2, "2001:db8::a", FROM_ASKER, hlim=64))
    assert world.arrivals(1, 2, unsound) == []
    assert shed(world) == {NO_ANSWER: 1}


def test_who_asks_whether_an_address_is_taken_is_told_unless_it_is_its_own(world: VirtualWorld) -> None:
    tenant = world.learning("blue", BIG)
    assert world.arrivals(1, 1, asks(1, 2, spa=0)) == [(1, 1, told(1, 2, ip=0))]
    heard = len(tenant.heard(PacketIn))
    assert len(world.arrivals(1, 1, asks(1, 1, spa=0))) > 1  # to everybody else, as ever
    assert len(tenant.heard(PacketIn)) > heard


def test_hosts_find_each_other_by_it_alone(world: VirtualWorld) -> None:
    """ARP never comes to the tenant's controller, and what follows is the tenant's to forward."""
    tenant = world.learning("blue", BIG)
    one = Host("one", MAC + 1, IP + 1)
    (question,) = one.ping(IP + 2)
    ((_, _, answer),) = world.arrivals(1, 1, question)
    (echo,) = one.receive(answer)
    assert (2, 1, echo) in world.arrivals(1, 1, echo)
    assert all(one.data[12:14] != b"\x08\x06" for one in tenant.heard(PacketIn))


def test_an_acl_and_the_addresses_of_ports_hold_before() -> None:
    from_one = AclRule(True, None, (Match.of(in_port=1, eth_type=ETH_TYPE_ARP),), NOWHERE)
    world = VirtualWorld([evolve(a_blue(), policies=("quiet",))], policies=[Acl("quiet", (from_one,))])
    assert world.arrivals(1, 1, asks(1, 2)) == []
    assert world.arrivals(1, 2, asks(7, 2)) == [(1, 2, told(7, 2))]
    assert world.arrivals(3, 1, asks(2, 1, vlan=20)) == []  # it says that it is another
    assert given_answers(world) == 1


def test_answers_go_on_wherever_a_port_moves(world: VirtualWorld) -> None:
    world.reload(configuration(a_blue({**PLACES, 2: "3/2"})))
    world.look_for_links(0.2)
    assert world.arrivals(1, 1, asks(1, 2)) == [(1, 1, told(1, 2))]
    assert world.arrivals(3, 2, asks(2, 1)) == [(3, 2, told(2, 1))]
    world.cut(1, 12)
    assert world.arrivals(1, 1, asks(1, 2)) == [(1, 1, told(1, 2))]


def test_nobody_is_answered_for_who_is_not_there(world: VirtualWorld) -> None:
    world.change(2, world.emulated[2].set_link(1, is_up=False))
    tenant = world.learning("blue", BIG)
    heard = len(tenant.heard(PacketIn))
    assert told(1, 2) not in [packet for *_, packet in world.arrivals(1, 1, asks(1, 2))]
    assert len(tenant.heard(PacketIn)) == heard + 1


def test_nobody_is_answered_for_whose_port_the_tenant_has_shut(world: VirtualWorld) -> None:
    tenant = world.learning("blue", BIG)
    (port,) = (
        one for one in world.hypervisor.networks.switches["blue/big"].ports.values() if one.number == 2
    )
    tenant.send(PortMod(port=2, hw_addr=port.hw_addr, config=PORT_DOWN, mask=PORT_DOWN))
    assert world.arrivals(1, 1, asks(1, 2)) == []
    assert shed(world) == {NO_ANSWER: 1}


def test_it_can_be_switched_on_and_off(world: VirtualWorld) -> None:
    for answers in (False, True):
        world.reload(configuration(a_blue(answers_arp=answers)))
        world.look_for_links(0.2)
        tenant = world.learning("blue", BIG)
        arrived = [packet for *_, packet in world.arrivals(1, 1, asks(1, 2))]
        assert (arrived == [told(1, 2)]) == answers
        assert bool(tenant.heard(PacketIn)) != answers


def test_a_restart_finds_all_as_it_should_be(world: VirtualWorld) -> None:
    before = len(world.to_datapaths)
    world.restart()
    assert not [one for one in world.to_datapaths[before:] if one[1][1] in (14, 15, 29)]
    assert world.arrivals(1, 1, asks(1, 2)) == [(1, 1, told(1, 2))]


def test_a_storm_stops_at_the_datapath(world: VirtualWorld) -> None:
    for _ in range(4 * ANSWERS_PER_SECOND):
        world.packet(1, 1, asks(1, 2))
    assert ANSWERS_PER_SECOND <= given_answers(world) <= ANSWERS_PER_SECOND + 1
    assert world.hypervisor.datapaths[1].up_counts[10] <= 2 * ANSWERS_PER_SECOND
    assert world.arrivals(2, 1, asks(2, 1)) == [(2, 1, told(2, 1))]
    world.pass_time(1.0)
    assert world.arrivals(1, 1, asks(1, 2)) == [(1, 1, told(1, 2))]


def test_without_meters_it_is_shed_here(world: VirtualWorld) -> None:
    datapath = world.hypervisor.datapaths[1]
    datapath.meter_features = MeterFeaturesReply()
    world.reload(configuration(a_blue({**PLACES, 5: "1/3"})))
    for _ in range(ANSWERS_PER_SECOND + 50):
        world.packet(1, 1, asks(1, 2))
    assert datapath.plan.answer_meters == {}
    assert shed(world)[TOO_MANY_QUESTIONS] >= 49


def test_switches_that_are_no_more_are_forgotten(world: VirtualWorld) -> None:
    world.arrivals(1, 1, asks(1, 2))
    world.reload(configuration())
    assert given_answers(world) == 0


steps = st.lists(
    st.tuples(st.sampled_from(sorted(PLACES)), st.integers(1, 8), st.booleans()), min_size=1, max_size=12
)


@examples(6)
@given(steps)
def test_an_answer_is_given_exactly_if_the_address_is_known_and_not_the_askers(
    steps: list[tuple[int, int, bool]],
) -> None:
    world, known = VirtualWorld([a_blue()]), {1, 2, 3, 4}
    for number, target, has_address in steps:
        dpid, _, port = PLACES[number].partition("/")
        in_port, _, tag = port.partition("@")
        vlan, spa = int(tag) if tag else None, IP + number if has_address else 0
        arrived = world.arrivals(int(dpid), int(in_port), asks(number, target, spa=spa, vlan=vlan))
        answer = told(number, target, ip=spa)
        expected = [(int(dpid), int(in_port), answer if vlan is None else in_vlan(answer, vlan))]
        is_believed = target in known and (has_address or target != 5)  # of 5 no file says it
        assert arrived == (expected if is_believed and target != number else [])
        if has_address:
            known.add(number)
