"""What rules promise, on a line of two datapaths with two hosts each and two links between them."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.emulation.hosts import Host
from flowvisor.emulation.network import Attachment as Place
from flowvisor.emulation.network import Network
from flowvisor.emulation.promise import Promise, owner, promise, promise_of, receiver
from flowvisor.network.topology import End
from flowvisor.openflow.match import Match
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from flowvisor.slices.virtual_network import Transport, VirtualNetwork
from flowvisor.slices.virtual_switch import Attachment, LinkEnd, LogicalSwitch, VirtualLink, VirtualPort
from tests.support.world import NOWHERE, a_slice, configuration, ports, rule

TO_ALL = Promise("blue", reaches=True, may_be_heard=True)


def network(vlan: int | None = None) -> tuple[Network, list[Host]]:
    """Hosts at ports 1 and 2 of both datapaths, links between their ports 3 and their ports 4."""
    made = Network()
    hosts = []
    for dpid in (1, 2):
        made.add(EmulatedDatapath(dpid, 4, (1, 2, 3, 4), n_tables=1))
        for port in (1, 2):
            number = dpid * 10 + port
            host = Host(f"{dpid}/{port}", 0x020000000000 | number, 0x0A000000 | number, vlan)
            made.attach(host, dpid, port)
            hosts.append(host)
    made.link((1, 3), (2, 3))
    made.link((1, 4), (2, 4))
    return made, hosts


def promised(*slices: FlowspaceSlice, vlan: int | None = None) -> set[tuple[str, str, str]]:
    """(slice, from, to) of all that reach each other."""
    made, hosts = network(vlan)
    return {
        (str(found.slice_name), one.name, other.name)
        for one in hosts
        for other in hosts
        if one is not other and (found := promise(slices, made, one, other)).reaches
    }


def both_ways(name: str, *hosts: str) -> set[tuple[str, str, str]]:
    return {(name, one, other) for one in hosts for other in hosts if one != other}


def test_slices_of_ports_reach_their_own_hosts() -> None:
    assert promised(a_slice("blue", ports(1, 3)), a_slice("red", ports(2, 4))) == (
        both_ways("blue", "1/1", "2/1") | both_ways("red", "1/2", "2/2")
    )


def test_without_a_link_of_its_own_a_slice_stays_at_its_datapath() -> None:
    assert promised(a_slice("blue", ports(1, 2))) == both_ways("blue", "1/1", "1/2") | both_ways(
        "blue", "2/1", "2/2"
    )


def test_the_higher_priority_owns() -> None:
    slices = a_slice("blue", rule(Match())), a_slice("red", ports(2, priority=200))
    assert promised(*slices) == both_ways("blue", "1/1", "2/1")


def test_a_slice_of_addresses_goes_by_the_packet() -> None:
    arp = rule(Match.of(arp_spa=(0x0A00000A, 0xFFFFFFFE)), Match.of(arp_spa=0x0A000015))
    ip = rule(Match.of(ipv4_src=(0x0A00000A, 0xFFFFFFFE)), Match.of(ipv4_src=0x0A000015))
    assert promised(a_slice("blue", arp, ip)) == both_ways("blue", "1/1", "2/1")
    # ARP alone resolves, but no echo gets through.
    assert promised(a_slice("blue", arp)) == set()


@pytest.mark.parametrize(("vlan", "count"), [(None, 0), (100, 12), (200, 0)])
def test_a_slice_of_a_vlan_has_its_tagged_packets(vlan: int | None, count: int) -> None:
    assert len(promised(a_slice("blue", rule(Match.of(vlan_vid=0x1064))), vlan=vlan)) == count


def test_what_may_be_heard_is_less_than_to_be_reached() -> None:
    made, (one, _, other, _) = network()
    arp_only = a_slice("blue", rule(Match.of(eth_type=0x806)))
    assert promise([arp_only], made, one, other) == Promise("blue", reaches=False, may_be_heard=True)
    assert promise([a_slice("blue", rule(Match()))], made, one, other) == TO_ALL


def test_hosts_of_different_vlans_do_not_reach_each_other() -> None:
    made, (one, _, other, _) = network()
    made.attach(Host("tagged", other.mac, other.ip, 100), 2, 1)
    assert not promise([a_slice("blue", rule(Match()))], made, one, made.hosts["tagged"]).reaches


def test_who_may_only_read_does_not_own() -> None:
    reading = evolve(ports(1), permissions=frozenset({"read"}))
    packet = bytes(60)
    assert owner([a_slice("blue", reading)], Place(1, 1), packet) is None
    assert owner([a_slice("blue", ports(1))], Place(1, 1), packet) == "blue"
    assert owner([a_slice("blue", ports(1, at=[2]))], Place(1, 1), packet) is None


def test_who_is_denied_what_comes_in_is_not_reached_by_it() -> None:
    made, hosts = network()
    one, _, other, _ = hosts
    no_ping = Acl("no", (AclRule(True, frozenset({2}), (Match.of(eth_type=0x0800, ip_proto=1),), NOWHERE),))
    blue = [a_slice("blue", rule(Match()))]
    assert promise(blue, made, one, other, {"red": no_ping}) == TO_ALL
    assert promise(blue, made, one, other, {"blue": no_ping}) == Promise(
        "blue", reaches=False, may_be_heard=True
    )
    assert promise(blue, made, one, hosts[1], {"blue": no_ping}) == TO_ALL
    everything = Acl("no", (AclRule(True, None, (Match.of(in_port=1),), NOWHERE),))
    assert promise(blue, made, one, other, {"blue": everything}).slice_name is None
    assert receiver(blue, {"blue": everything}, Place(1, 2), bytes(60)) == "blue"


def two_switches(*, are_linked: bool) -> Configuration:
    """A network with a port of datapath 1 on one switch and of datapath 2 on another, and a slice `blue`."""
    places = {"a": End(1, 1), "b": End(2, 1)}
    ends = LinkEnd("a", 9), LinkEnd("b", 9)
    network = VirtualNetwork(
        name="net",
        controllers=(),
        versions=frozenset({4}),
        tables=1,
        policies=(),
        place=NOWHERE,
        logical={
            name: LogicalSwitch(
                name,
                number,
                {
                    1: VirtualPort(1, (Attachment(end),), NOWHERE),
                    9: VirtualPort(9, (), NOWHERE, link="up"),
                },
                NOWHERE,
            )
            for number, (name, end) in enumerate(places.items(), 1)
        },
        links={"up": VirtualLink("up", ends, NOWHERE)} if are_linked else {},
        transport=Transport.VLAN,
    )
    plain = configuration(a_slice("blue", rule(Match())))
    return evolve(plain, slices=(*plain.slices, network))


def attached_hosts() -> tuple[Network, Host, Host, Host]:
    network = Network()
    for dpid in (1, 2):
        network.add(EmulatedDatapath(dpid, 4, (1, 2, 3)))
    network.link((1, 3), (2, 3))
    hosts = [Host(f"{dpid}/{port}", 0x020000000000 | dpid << 8 | port, 0x0A000000 | dpid << 8 | port)
             for dpid, port in ((1, 1), (2, 1), (2, 2))]  # fmt: skip
    for host, (dpid, port) in zip(hosts, ((1, 1), (2, 1), (2, 2)), strict=True):
        network.attach(host, dpid, port)
    return network, *hosts


@pytest.mark.parametrize("are_linked", [True, False])
def test_hosts_of_a_virtual_network_reach_each_other_where_links_lead(are_linked: bool) -> None:
    network, one, other, _ = attached_hosts()
    promised = promise_of(two_switches(are_linked=are_linked), network, one, other)
    assert promised == Promise("net", reaches=are_linked, may_be_heard=are_linked)


def test_who_is_attached_to_a_virtual_network_meets_nobody_outside_of_it() -> None:
    network, one, _, outside = attached_hosts()
    configured = two_switches(are_linked=True)
    assert promise_of(configured, network, one, outside) == Promise("net", reaches=False, may_be_heard=False)
    assert promise_of(configured, network, outside, one) == Promise("blue", reaches=False, may_be_heard=False)
