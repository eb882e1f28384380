"""A virtual port that follows an address is where that was seen last, within the places that the admin allows."""

from __future__ import annotations

from flowvisor.hypervisor.following import STAY_SECONDS
from flowvisor.openflow.messages import PortStatus
from tests.support.virtual import a_network
from tests.support.virtual_world import VirtualWorld, packet
from tests.support.world import configuration, flows_of

BIG = 0xA0
ROAMING = 0x020000000003  # of the host of number 3
FOLLOWS = a_network("blue", {"big": {1: "1/1", 3: "3/1 2/3 2/4@20"}}, follows={"big/3": ROAMING})
SILENCE = 0xFFFF  # the priority of what keeps a place from telling


def learnt() -> VirtualWorld:
    """Two hosts have talked to each other: entries are made both ways."""
    world = VirtualWorld([FOLLOWS])
    world.learning("blue", BIG)
    for source, at, target in ((1, 1, 0), (3, 3, 1), (1, 1, 3)):
        world.packet(at, 1, packet(source, target))
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]
    world.pass_time(STAY_SECONDS)
    return world


def test_a_port_moves_to_where_its_address_is_seen() -> None:
    world = learnt()
    (tenant,) = world.controllers.values()
    heard = len(tenant.inbox)
    assert world.reached(2, 3, packet(3, 1)) == [(1, 1)]  # the very first packet arrives
    assert world.reached(1, 1, packet(1, 3)) == [(2, 3)]
    assert world.reached(3, 1, packet(4, 1)) == []  # nothing but the address is listened to where it was
    assert all(isinstance(one, PortStatus) for one in tenant.inbox[heard:])


def test_a_port_moves_into_a_vlan_and_back() -> None:
    world = learnt()
    arrived = world.arrivals(2, 4, packet(3, 1, bytes(60), vlan=20))
    assert arrived == [(1, 1, packet(3, 1, bytes(60)))]
    assert world.arrivals(1, 1, packet(1, 3, bytes(60))) == [(2, 4, packet(1, 3, bytes(60), vlan=20))]
    world.pass_time(STAY_SECONDS)
    assert world.reached(3, 1, packet(3, 1)) == [(1, 1)]
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]


def test_other_addresses_move_nothing() -> None:
    world = learnt()
    assert world.reached(2, 3, packet(4, 1)) == []
    assert world.reached(2, 4, packet(3, 1)) == []  # the place is a VLAN of the port
    assert world.reached(2, 1, packet(3, 1)) == []  # no place of the port's
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]


def test_a_port_stays_for_some_time_and_the_other_places_are_not_listened_to() -> None:
    world = learnt()
    world.packet(2, 3, packet(3, 1))
    world.pass_time(STAY_SECONDS / 2)
    world.packet(3, 1, packet(3, 1))
    assert world.reached(1, 1, packet(1, 3)) == [(2, 3)]
    assert len(flows_of(world, 3)[SILENCE]) == 1
    heard = world.hypervisor.datapaths[3].up_counts[10]
    for _ in range(10):
        world.packet(3, 1, packet(3, 1))
    assert world.hypervisor.datapaths[3].up_counts[10] == heard
    world.pass_time(STAY_SECONDS)
    assert world.reached(3, 1, packet(3, 1)) == [(1, 1)]
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]


def test_after_a_restart_a_port_is_where_it_was_seen_last() -> None:
    world = learnt()
    for at, port in ((2, 3), (3, 1), (2, 3)):
        world.packet(at, port, packet(3, 1))
        world.pass_time(STAY_SECONDS)
    before = len(world.to_datapaths)
    world.restart()
    assert not [one for one in world.to_datapaths[before:] if one[1][1] in (14, 15)]
    assert world.reached(1, 1, packet(1, 3)) == [(2, 3)]
    world.look_for_links(0.2)
    world.pass_time(STAY_SECONDS)
    assert world.reached(3, 1, packet(3, 1)) == [(1, 1)]
    world.restart()
    assert world.reached(1, 1, packet(1, 3)) == [(3, 1)]


def test_files_that_say_another_place_count_for_more_than_where_it_was_seen() -> None:
    world = learnt()
    world.packet(2, 3, packet(3, 1))
    same = a_network("blue", {"big": {1: "1/1", 3: "3/1 2/3"}}, follows={"big/3": ROAMING})
    world.reload(configuration(same))
    world.look_for_links(0.2)
    assert world.reached(1, 1, packet(1, 3)) == [(2, 3)]
    other = a_network("blue", {"big": {1: "1/1", 3: "1/3 2/3"}}, follows={"big/3": ROAMING})
    world.reload(configuration(other))
    world.look_for_links(0.2)
    assert world.reached(1, 1, packet(1, 3)) == [(1, 3)]
