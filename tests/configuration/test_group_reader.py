"""Groups of machines as the admin writes them, and what can be wrong with them."""

from __future__ import annotations

import pytest

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.errors import ConfigurationError, Place
from flowvisor.slices.virtual_network import SecurityGroup, VirtualNetwork
from flowvisor.slices.virtual_switch import LinkEnd
from tests.support.admin_files import MAIN

HEAD = """kind: virtual-network
name: blue
controllers: [tcp:127.0.0.1:6801]
switches: {big: {ports: {1: leaf-1/3, 2: leaf-2/3, 9: {link: up}}}, lab: {ports: {1: leaf-1/4, 9: {link: up}}}}
links: {up: [big/9, lab/9]}
groups:
"""


def the_network(groups: str) -> VirtualNetwork:
    text = f"{HEAD}  {groups}\n"
    (one,) = read_configuration(MAIN, [TextFile("slices/blue.yaml", text)], []).virtual_networks
    return one


def test_a_group_is_ports_and_addresses() -> None:
    network = the_network('web: {ports: [big/1, lab/1], addresses: [10.0.0.0/24, 10.0.1.1, "2001:db8::/64"]}')
    all_ones = (1 << 128) - 1
    assert network.groups == {
        "web": SecurityGroup(
            "web",
            frozenset({LinkEnd("big", 1), LinkEnd("lab", 1)}),
            ipv4=((0x0A000000, 0xFFFFFF00), (0x0A000101, 0xFFFFFFFF)),
            ipv6=((0x2001_0DB8 << 96, all_ones ^ (1 << 64) - 1),),
            place=Place("slices/blue.yaml", 7, 8),
        )
    }


def test_one_of_the_two_is_enough_and_so_are_no_groups() -> None:
    assert not the_network("web: {ports: [big/1]}").groups["web"].has_addresses
    assert the_network("web: {addresses: [10.0.0.1]}").groups["web"].ports == frozenset()
    assert the_network("{}").groups == {}


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ("web: {}", "7:8: web: a group without ports and addresses is none; write {ports: [SWITCH/PORT]}"),
        ("web: {ports: []}", "7:16: ports: the list is empty"),
        ("web: {port: [big/1]}", '7:9: port: unknown key; did you mean "ports"?'),
        ("web: {ports: [big]}", '7:17: ports: "big" is no port of a switch; write SWITCH/PORT'),
        ("web: {ports: [big/1, big/1]}", '7:24: ports: "big/1" stands in the list already'),
        ("web: {ports: [bug/1]}", '7:8: web: there is no switch "bug"; did you mean "big"?'),
        ("web: {ports: [big/3]}", "7:8: web: big has no port 3"),
        (
            "web: {ports: [big/9]}",
            "7:8: web: big/9 is the end of a link, where no acl is asked; name ports at which machines are",
        ),
        ("web: {addresses: [10.0.0.256]}", "7:21: addresses: "),
        ("web: {addresses: [0.0.0.0/0]}", "7:21: addresses: "),
        ("a b: {ports: [big/1]}", '7:3: a b: "a b" is not a name'),
        ("{web: {ports: [big/1]}, web: {ports: [big/2]}}", "7:27: web: two groups have this name"),
    ],
)
def test_what_is_wrong_with_a_group_is_told_with_its_place(groups: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        the_network(groups)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"slices/blue.yaml:{told}")
