"""Virtual networks: names of shares, and the far ends of links."""

from __future__ import annotations

from attrs import evolve

from flowvisor.errors import Place
from flowvisor.network.topology import End
from flowvisor.slices.virtual_network import Transport, VirtualNetwork, share_name, slice_of_share
from flowvisor.slices.virtual_switch import Attachment, LinkEnd, LogicalSwitch, VirtualLink, VirtualPort

NOWHERE = Place("slices/blue.yaml", 1, 1)


def test_the_name_of_a_share_says_whose_it_is() -> None:
    assert slice_of_share(share_name("blue", "big")) == "blue"
    assert slice_of_share("research") == "research"


def test_only_the_ends_of_links_have_far_ends() -> None:
    host = VirtualPort(1, (Attachment(End(1, 3)),), NOWHERE)
    ends = LinkEnd("big", 10), LinkEnd("lab", 10)
    up = VirtualPort(10, (), NOWHERE, link="uplink")
    network = VirtualNetwork(
        name="blue",
        controllers=(),
        versions=frozenset({4}),
        tables=4,
        policies=(),
        place=NOWHERE,
        logical={
            "big": LogicalSwitch("big", 0xA1, {1: host, 10: up}, NOWHERE),
            "lab": LogicalSwitch("lab", 0xA2, {10: up}, NOWHERE),
        },
        links={"uplink": VirtualLink("uplink", ends, NOWHERE)},
        transport=Transport.VLAN,
    )
    assert network.may_write
    assert network.far_end(LinkEnd("big", 10)) == LinkEnd("lab", 10)
    assert network.far_end(LinkEnd("big", 1)) is None
    assert network.block_sizes == {"blue/big": 5, "blue/lab": 5}
    assert evolve(network, answers_arp=True).block_sizes == {"blue/big": 6, "blue/lab": 6}
