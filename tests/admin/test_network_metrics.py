"""What is told of virtual networks."""

from __future__ import annotations

from flowvisor.admin.network_metrics import network_metrics
from flowvisor.emulation.hosts import ARP_REQUEST, BROADCAST, arp, ethernet
from flowvisor.openflow.fields import ETH_TYPE_ARP
from flowvisor.planning.embedding import NO_PATH, PORT_IS_DOWN
from flowvisor.slices.virtual_switch import Addresses
from tests.support.virtual import a_network
from tests.support.virtual_world import VirtualWorld
from tests.support.world import a_slice, ports

BLUE = a_network("blue", {"big": {1: "1/1", 2: "2/1"}, "lab": {1: "3/1"}}, ["big/9 lab/9"])


def told(world: VirtualWorld) -> dict[str, dict[tuple[str, ...], float]]:
    """By family, and in it by the labels' values."""
    return {
        family.name: {tuple(one.labels.values()): one.value for one in family.samples}
        for family in network_metrics(world.hypervisor)
    }


def test_ports_are_up_or_wait_for_something() -> None:
    world = VirtualWorld([BLUE])
    assert told(world)["flowvisor_virtual_ports_up"] == {("blue", "big"): 3, ("blue", "lab"): 2}
    assert told(world)["flowvisor_virtual_ports_waiting"] == {}
    world.change(2, world.emulated[2].set_link(1, is_up=False))
    for end in ((3, 31), (3, 32)):
        world.cut(*end)
    assert told(world)["flowvisor_virtual_ports_up"] == {("blue", "big"): 1, ("blue", "lab"): 1}
    assert told(world)["flowvisor_virtual_ports_waiting"] == {
        ("blue", "big", PORT_IS_DOWN): 1,
        ("blue", "big", NO_PATH): 1,
        ("blue", "lab", NO_PATH): 1,
    }


def test_it_is_told_what_it_took() -> None:
    world = VirtualWorld([BLUE])
    before = told(world)
    assert before["flowvisor_virtual_network_labels"] == {("blue",): 4}
    world.cut(1, 13)
    after = told(world)
    assert after["flowvisor_embeddings"][()] > before["flowvisor_embeddings"][()]
    assert after["flowvisor_embedding_messages"][()] > before["flowvisor_embedding_messages"][()]
    assert after["flowvisor_virtual_port_moves"] == {(): 0}


def test_answers_are_counted() -> None:
    addresses = {"big/2": Addresses(0x020000000002, (2,))}
    world = VirtualWorld(
        [a_network("blue", {"big": {1: "1/1", 2: "2/1"}}, addresses=addresses, answers_arp=True)]
    )
    asked = arp(ARP_REQUEST, sha=0x020000000001, spa=1, tha=0, tpa=2)
    for _ in range(3):
        world.packet(1, 1, ethernet(BROADCAST, 0x020000000001, ETH_TYPE_ARP, asked))
    assert told(world)["flowvisor_arp_answers"] == {("blue",): 3}
    assert told(world)["flowvisor_seen_addresses"] == {("blue", "big"): 0}  # 0.0.0.1 is no host's


def test_without_virtual_networks_there_is_nothing_to_tell() -> None:
    assert not any(told(VirtualWorld([a_slice("lab", ports(1))])).values())
