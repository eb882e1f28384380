"""What is let in at a port: who says it is somebody else is not, nor what the ACL denies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV4, ETH_TYPE_IPV6
from flowvisor.openflow.match import Match
from flowvisor.planning.port_filters import filters_of
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.slices.virtual_switch import Addresses, VirtualPort
from tests.support.flowspace_strategies import applies
from tests.support.slices import ethernet, ipv4, is_denied
from tests.support.virtual import PLACE, Core, a_network, at

MAC, OTHER_MAC = 0x0200_0000_0001, 0x0200_0000_0002
V4, OTHER_V4 = 0x0A00_0005, 0x0A00_0006
V6 = 0x2001_0DB8 << 96 | 5
LINK_LOCAL = 0xFE80 << 112 | 0xFF_FE00_0001  # fe80::ff:fe00:1, of 02:00:00:00:00:01
OWN = Addresses(mac=MAC, ipv4=(V4,), ipv6=(V6,))


def a_port(addresses: Addresses | None = OWN) -> VirtualPort:
    return VirtualPort(1, (at("1/3"),), PLACE, addresses=addresses)


def is_let_in(fields: dict[str, int], port: VirtualPort, acl: Acl | None = None) -> bool:
    """What the first filter that applies says."""
    verdicts = (one.is_let_in for one in filters_of(port, acl) if applies(one.match, fields))
    return next(verdicts, True)


def v4(src: int, mac: int = MAC, **more: int) -> dict[str, int]:
    return {"eth_src": mac, "eth_type": ETH_TYPE_IPV4, "ipv4_src": src, "ip_proto": 17, **more}


def arp(spa: int, sha: int = MAC, mac: int = MAC) -> dict[str, int]:
    return {"eth_src": mac, "eth_type": ETH_TYPE_ARP, "arp_spa": spa, "arp_sha": sha}


def v6(src: int, **more: int) -> dict[str, int]:
    return {"eth_src": MAC, "eth_type": ETH_TYPE_IPV6, "ipv6_src": src, **more}


def claims(target: int) -> dict[str, int]:
    """A neighbour advertisement."""
    return v6(V6, ip_proto=58, icmpv6_type=136, ipv6_nd_target=target)


@pytest.mark.parametrize(
    "fields",
    [
        *(v4(V4), arp(V4), arp(0), v6(V6), v6(LINK_LOCAL), v6(0), claims(V6), claims(LINK_LOCAL)),
        v4(0, udp_src=68, udp_dst=67),
        {"eth_src": MAC, "eth_type": 0x88CC},
    ],
)
def test_what_says_who_it_is_is_let_in(fields: dict[str, int]) -> None:
    assert is_let_in(fields, a_port())


@pytest.mark.parametrize(
    "fields",
    [
        *(
            v4(OTHER_V4),
            v4(V4, OTHER_MAC),
            v4(0, udp_src=68, udp_dst=53),
            v6(V6 + 1),
            claims(V6 + 1),
            claims(LINK_LOCAL + 1),
        ),
        *(arp(OTHER_V4), arp(V4, sha=OTHER_MAC), arp(V4, mac=OTHER_MAC), arp(0, sha=OTHER_MAC)),
        {"eth_src": OTHER_MAC, "eth_type": 0x88CC},
    ],
)
def test_what_says_it_is_somebody_else_is_not(fields: dict[str, int]) -> None:
    assert not is_let_in(fields, a_port())


def test_a_kind_of_address_of_which_none_was_declared_is_not_let_in_if_another_was() -> None:
    assert not is_let_in(v6(V6), a_port(Addresses(mac=MAC, ipv4=(V4,))))
    assert is_let_in(v6(V6), a_port(Addresses(mac=MAC)))
    assert is_let_in(v4(OTHER_V4), a_port(Addresses(mac=MAC)))
    assert not is_let_in(arp(V4, sha=OTHER_MAC), a_port(Addresses(mac=MAC)))


def test_without_a_mac_address_only_the_others_are_looked_at() -> None:
    port = a_port(Addresses(ipv4=(V4,)))
    assert is_let_in(v4(V4, OTHER_MAC), port)
    assert not is_let_in(v4(OTHER_V4), port)
    assert is_let_in({"eth_src": OTHER_MAC, "eth_type": 0x88CC}, port)


def test_without_any_all_is_let_in() -> None:
    assert filters_of(a_port(None), None) == ()


_matches = st.sampled_from(
    [
        *(Match.of(in_port=1), Match.of(in_port=2), Match.of(), Match.of(eth_type=ETH_TYPE_IPV4)),
        *(Match.of(in_port=1, eth_type=ETH_TYPE_ARP), Match.of(eth_type=ETH_TYPE_IPV4, ipv4_src=V4)),
        Match.of(eth_src=OTHER_MAC),
    ]
)
_rules = st.lists(
    st.builds(lambda denied, match: AclRule(denied, None, (match,), PLACE), st.booleans(), _matches),
    max_size=4,
)


@given(_rules, st.sampled_from([v4(V4), v4(OTHER_V4), v4(V4, OTHER_MAC), arp(V4), arp(OTHER_V4), v6(V6)]))
def test_a_packet_is_let_in_if_neither_the_acl_nor_its_addresses_keep_it_out(
    rules: list[AclRule], fields: dict[str, int]
) -> None:
    acl = Acl("a", tuple(rules))
    port = a_port()
    wanted = not is_denied(acl, {**fields, "in_port": 1}) and is_let_in(fields, port)
    assert is_let_in(fields, port, acl) == wanted


def test_a_datapath_lets_in_what_the_filters_do() -> None:
    blue = a_network("blue", {"big": {1: "1/3", 2: "1/4@20"}}, addresses={"big/1": OWN, "big/2": OWN})
    core = Core({1: 4}, [], [blue])
    core.put()
    core.flood()
    for src, mac in ((V4, MAC), (OTHER_V4, MAC), (V4, OTHER_MAC)):
        for vlans, place, out in (((), "1/3", "1/4"), ((20,), "1/4", "1/3")):
            packet = ethernet(src=mac, vlans=vlans, eth_type=ETH_TYPE_IPV4, payload=ipv4(src, OTHER_V4))
            left = [end for end, _ in core.come_in(at(place).end, packet)]
            assert left == ([at(out).end] if (src, mac) == (V4, MAC) else [])
