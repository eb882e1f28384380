"""What hosts say of themselves is believed for some time, within what files say, and of one port at a time."""

from __future__ import annotations

import pytest

from flowvisor.emulation.hosts import ARP_REPLY, BROADCAST, Host, arp, ethernet
from flowvisor.hypervisor import seen_addresses
from flowvisor.hypervisor.answering import NO_ANSWER
from flowvisor.hypervisor.seen_addresses import DISPUTED_SECONDS, MAX_SEEN_AT_PORT, SAID_PER_SECOND
from flowvisor.network.neighbours import Question, answer_to
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV6
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.versions import codec
from flowvisor.planning.seen_entries import FAMILIAR_SECONDS, NOT_HEARD_SECONDS, SEEN_SECONDS
from flowvisor.slices.virtual_network import VirtualNetwork
from flowvisor.slices.virtual_switch import Addresses
from tests.support.questions import ASKER, FROM_ASKER, solicitation
from tests.support.virtual import a_network
from tests.support.virtual_world import VirtualWorld
from tests.support.world import configuration

BIG = 0xA0
MAC, IP = 0x020000000000, 0x0A000000
PLACES = {1: "1/1", 2: "2/1", 3: "3/1@20", 4: "1/2"}
FLOW_MOD, PACKET_IN = 14, 10


def a_blue(
    places: dict[int, str] = PLACES,
    addresses: dict[str, Addresses] | None = None,
    *,
    answers_arp: bool = True,
) -> VirtualNetwork:
    return a_network("blue", {"big": places}, addresses=addresses, answers_arp=answers_arp)


def says(number: int, ip: int | None = None, *, target: int = 99, mac: int | None = None) -> bytes:
    """What the host of one number asks, and so says of itself."""
    mac, ip = MAC + number if mac is None else mac, IP + number if ip is None else ip
    return ethernet(BROADCAST, mac, ETH_TYPE_ARP, arp(1, sha=mac, spa=ip, tha=0, tpa=IP + target))


def told(number: int, target: int, *, mac: int | None = None) -> bytes:
    question = Question(ETH_TYPE_ARP, IP + target, MAC + number, IP + number)
    return answer_to(question, MAC + target if mac is None else mac)


def is_answered(world: VirtualWorld, target: int, *, mac: int | None = None) -> bool:
    """Whether the host at port 1 is told where another is, and nobody hears it ask; else everybody does."""
    arrived = world.arrivals(1, 1, says(1, target=target))
    answer = [(1, 1, told(1, target, mac=mac))]
    assert arrived == answer or all(packet != answer[0][2] for *_, packet in arrived), arrived
    return arrived == answer


def count(world: VirtualWorld) -> int:
    return world.hypervisor.networks.answers.seen.count("blue/big")


def sent_flow_mods(world: VirtualWorld) -> list[tuple[int, FlowMod]]:
    found = [
        (dpid, message)
        for dpid, frame in world.to_datapaths
        if frame[1] == FLOW_MOD and isinstance(message := codec(4).decode(frame), FlowMod)
    ]
    world.to_datapaths.clear()
    return found


@pytest.fixture
def world() -> VirtualWorld:
    return VirtualWorld([a_blue()])


def test_who_has_asked_once_is_known_at_each_edge(world: VirtualWorld) -> None:
    assert not is_answered(world, 2)
    world.packet(2, 1, says(2))
    assert is_answered(world, 2)
    world.packet(1, 1, says(1))
    assert world.arrivals(2, 1, says(2, target=1)) == [(2, 1, told(2, 1))]


def test_who_has_answered_is_known_too(world: VirtualWorld) -> None:
    world.learning("blue", BIG)
    reply = arp(ARP_REPLY, sha=MAC + 2, spa=IP + 2, tha=MAC + 1, tpa=IP + 1)
    world.packet(2, 1, ethernet(MAC + 1, MAC + 2, ETH_TYPE_ARP, reply))
    assert is_answered(world, 2)


def test_neighbours_by_ipv6_are_seen(world: VirtualWorld) -> None:
    address = 0x20010DB8 << 96 | 0xA
    world.packet(2, 1, bytes(solicitation(2 << 120, "2001:db8::a", FROM_ASKER)))
    question = Question(ETH_TYPE_IPV6, address, MAC + 0xA, 0x20010DB8 << 96 | 0xB)
    asks = bytes(solicitation(address, "2001:db8::b", FROM_ASKER))
    assert world.arrivals(1, 1, asks) == [(1, 1, answer_to(question, MAC + 0xA))]
    is_taken = bytes(solicitation(address, "::"))  # it is to be heard by who has it
    assert answer_to(question, MAC + 0xA) not in [packet for *_, packet in world.arrivals(1, 1, is_taken)]


def test_who_asks_by_ipv6_for_what_it_says_that_it_has_is_told_who_has_it(world: VirtualWorld) -> None:
    """Nobody else hears that, as they do by ARP, and nothing is dropped without a word."""
    address = 0x20010DB8 << 96 | 0xA
    world.packet(2, 1, bytes(solicitation(2 << 120, "2001:db8::a", FROM_ASKER)))
    question = Question(ETH_TYPE_IPV6, address, ASKER, address)
    asks = bytes(solicitation(address, "2001:db8::a"))
    assert world.arrivals(1, 1, asks) == [(1, 1, answer_to(question, ASKER))]


def test_what_was_seen_is_forgotten_unless_it_is_seen_again(world: VirtualWorld) -> None:
    world.packet(2, 1, says(2))
    world.pass_time(FAMILIAR_SECONDS + 1)
    assert is_answered(world, 2)
    world.packet(2, 1, says(2))
    world.pass_time(SEEN_SECONDS - 2)
    assert is_answered(world, 2)
    world.pass_time(3)
    assert not is_answered(world, 2)
    world.pass_time(SEEN_SECONDS)
    assert count(world) == 0


def test_who_is_known_is_not_heard_again_and_again(world: VirtualWorld) -> None:
    world.packet(2, 1, says(2))
    world.to_datapaths.clear()
    heard = world.hypervisor.datapaths[2].up_counts[PACKET_IN]
    for _ in range(100):
        world.packet(2, 1, says(2))
    assert world.hypervisor.datapaths[2].up_counts[PACKET_IN] == heard
    assert sent_flow_mods(world) == []


def test_to_ask_for_what_is_known_changes_nothing(world: VirtualWorld) -> None:
    for number in (1, 2):
        world.packet(number, 1, says(number))
    world.to_datapaths.clear()
    assert is_answered(world, 2)
    assert sent_flow_mods(world) == []


def test_an_address_that_is_said_at_two_ports_is_nobodys_for_some_time(world: VirtualWorld) -> None:
    world.packet(2, 1, says(2))
    assert is_answered(world, 2)
    world.packet(1, 2, says(2))
    assert not is_answered(world, 2)
    world.packet(1, 2, says(2))
    assert not is_answered(world, 2)
    world.pass_time(DISPUTED_SECONDS)
    world.packet(1, 2, says(2))
    assert is_answered(world, 2)


def test_another_mac_address_is_another_neighbour(world: VirtualWorld) -> None:
    world.packet(2, 1, says(2))
    world.packet(2, 1, says(2, mac=MAC + 7))
    assert not is_answered(world, 2)
    world.pass_time(DISPUTED_SECONDS)
    world.packet(2, 1, says(2, mac=MAC + 7))
    assert is_answered(world, 2, mac=MAC + 7)


def test_who_announces_that_it_has_taken_an_address_over_is_heard_by_all(world: VirtualWorld) -> None:
    tenant = world.learning("blue", BIG)
    world.packet(2, 1, says(2))
    announced = Host("two", MAC + 7, IP + 2).announce()[0]
    heard = len(tenant.inbox)
    assert {(at, port) for at, port, _ in world.arrivals(1, 2, announced)} == {(1, 1), (2, 1), (3, 1)}
    assert len(tenant.inbox) == heard + 1
    assert not is_answered(world, 2)
    assert NO_ANSWER not in world.hypervisor.tenants["blue"].counters[4].shed


def test_of_an_address_that_a_file_knows_nothing_else_is_believed() -> None:
    here = {"big/2": Addresses(MAC + 2, (IP + 2,)), "big/3": Addresses(None, (IP + 3,))}
    world = VirtualWorld([a_blue(addresses=here)])
    for stolen in (2, 3):
        world.packet(1, 2, says(7, IP + stolen))
    assert is_answered(world, 2)
    assert not is_answered(world, 3)
    world.packet(3, 1, says(3)[:12] + b"\x81\x00\x00\x14" + says(3)[12:])  # where the file says that it is
    assert is_answered(world, 3)
    assert count(world) == 2  # and the host at port 1


def test_two_tenants_know_nothing_of_each_other() -> None:
    red = a_network("red", {"big": {1: "1/3", 2: "2/3"}}, answers_arp=True)
    world = VirtualWorld([a_blue(), red])
    world.packet(2, 3, says(2))
    assert not is_answered(world, 2)
    assert world.arrivals(1, 3, says(1, target=2)) == [(1, 3, told(1, 2))]


def test_what_is_kept_is_bounded_and_what_is_known_stays(
    world: VirtualWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.packet(2, 1, says(2))
    for number in range(2 * MAX_SEEN_AT_PORT):
        world.packet(1, 2, says(100 + number))
        world.pass_time(0.1)
    assert count(world) == MAX_SEEN_AT_PORT + 1
    assert is_answered(world, 2)
    monkeypatch.setattr(seen_addresses, "MAX_SEEN", count(world))
    world.packet(2, 1, says(3))
    assert not is_answered(world, 3)


def test_who_says_much_is_not_listened_to_for_some_time(world: VirtualWorld) -> None:
    heard = world.hypervisor.datapaths[1].up_counts[PACKET_IN]
    for number in range(200):
        world.packet(1, 2, says(1000 + number))
    assert world.hypervisor.datapaths[1].up_counts[PACKET_IN] <= heard + SAID_PER_SECOND + 2
    world.packet(2, 1, says(2))
    assert is_answered(world, 2)
    world.pass_time(NOT_HEARD_SECONDS + 1)
    world.packet(1, 2, says(4))
    assert is_answered(world, 4)


def test_nothing_is_learnt_faster_than_datapaths_are_to_be_told(
    world: VirtualWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_addresses, "SEEN_PER_SECOND", 2)
    world.reload(configuration())
    world.reload(configuration(a_blue()))
    for number in range(5):
        world.packet(2, 1, says(10 + number))
    assert count(world) == 2


def test_a_port_that_is_down_or_moves_is_forgotten(world: VirtualWorld) -> None:
    world.packet(2, 1, says(2))
    world.change(2, world.emulated[2].set_link(1, is_up=False))
    assert not is_answered(world, 2)
    world.change(2, world.emulated[2].set_link(1, is_up=True))
    world.look_for_links(0.2)
    world.packet(2, 1, says(2))
    assert is_answered(world, 2)
    world.reload(configuration(a_blue({**PLACES, 2: "3/2"})))
    world.look_for_links(0.2)
    assert not is_answered(world, 2)
    world.packet(3, 2, says(2))
    assert is_answered(world, 2)


def test_a_file_that_says_otherwise_counts_for_more(world: VirtualWorld) -> None:
    world.packet(2, 1, says(2))
    world.reload(configuration(a_blue(addresses={"big/3": Addresses(None, (IP + 2,))})))
    assert not is_answered(world, 2)
    world.reload(configuration(a_blue(answers_arp=False)))
    assert count(world) == 0


def test_a_datapath_that_comes_back_is_told_and_one_that_is_new_is_too(world: VirtualWorld) -> None:
    world.packet(2, 1, says(2))
    emulated = world.emulated[1]
    world.leave(1)
    world.join(emulated)
    world.look_for_links()
    assert is_answered(world, 2)


def test_what_earlier_processes_have_seen_is_forgotten(world: VirtualWorld) -> None:
    world.packet(2, 1, says(2))
    world.restart()
    assert not is_answered(world, 2)
    world.packet(2, 1, says(2))
    assert is_answered(world, 2)


def test_each_address_is_a_few_entries_wherever_its_switch_lies(world: VirtualWorld) -> None:
    world.to_datapaths.clear()
    world.packet(2, 1, says(2))
    first = [dpid for dpid, _ in sent_flow_mods(world)]
    assert {dpid: first.count(dpid) for dpid in (1, 2, 3)} == {1: 2, 2: 4, 3: 2}
    assert all(one.hard_timeout for _, one in sent_flow_mods(world))
