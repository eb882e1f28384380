"""An explanation tells that a question is answered, and where what it asks for is."""

from __future__ import annotations

import pytest

from flowvisor.planning.ahead import Ahead, Facts
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.explanation import explain, packets_of
from flowvisor.slices.virtual_switch import Addresses
from tests.support.virtual import a_network
from tests.support.world import configuration

OWN = {"big/2": Addresses(0x020000000002, (0x0A000002,), (0x20010DB8 << 96 | 2,))}
ANSWERED = "answered, blue/big, port 2 has it"
BROADCAST = "eth_dst=ff:ff:ff:ff:ff:ff,vlan_vid=none,arp_op=1"


def ways(packet: str, *, answers_arp: bool = True) -> list[str]:
    places = {1: "1/5", 2: "1/6", 3: "1/4@100"}
    files = configuration(a_network("blue", {"big": places}, addresses=OWN, answers_arp=answers_arp))
    datapaths = {1: Facts(version=4, n_tables=254)}
    ahead = Ahead(files, Allocations().allocate(files.slices), datapaths, ())
    (box,) = packets_of(packet)
    return [one.to for one in explain(ahead, 1, box).entries]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (f"in_port=5,{BROADCAST},arp_spa=10.0.0.1,arp_tpa=10.0.0.2", ["blue/big, port 1", ANSWERED]),
        (f"in_port=5,{BROADCAST},arp_spa=10.0.0.1,arp_tpa=10.0.0.3", ["blue/big, port 1"]),
        (
            "in_port=5,vlan_vid=none,eth_dst=33:33:ff:00:00:02,icmpv6_type=135,ipv6_nd_target=2001:db8::2",
            ["blue/big, port 1", ANSWERED],
        ),
        (
            f"in_port=4,{BROADCAST.replace('none', '100')},arp_tpa=10.0.0.2",
            ["blue/big, port 3", ANSWERED],
        ),
        ("in_port=5,eth_type=arp", ["blue/big, port 1"]),
    ],
)
def test_who_asks_for_a_known_address_is_told_who_has_it(packet: str, expected: list[str]) -> None:
    assert ways(packet) == expected
    assert ways(packet, answers_arp=False) == expected[:1]


def test_who_has_it_is_not_answered() -> None:
    mac = "eth_src=02:00:00:00:00:02,arp_sha=02:00:00:00:00:02"
    asks = f"in_port=6,{BROADCAST},{mac},arp_spa=10.0.0.2,arp_tpa=10.0.0.2"
    assert ANSWERED not in ways(asks)
