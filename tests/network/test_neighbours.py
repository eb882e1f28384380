"""Questions who has an address are told from all else, and answered as scapy would put it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from flowvisor.network.neighbours import (
    BROADCAST,
    Neighbour,
    Question,
    answer_to,
    may_be_a_routers,
    neighbour_in,
    question_in,
    solicited_node_mac,
)
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV6
from tests.support.examples import examples
from tests.support.questions import ASKER, FROM_ASKER, arp, solicitation, written

OWNER = 0x02000000000B
NOBODY = "::"
macs = st.integers(1, (1 << 48) - 1).filter(lambda mac: not mac >> 40 & 1)
ipv4s = st.integers(0, 0xFFFF_FFFF)
ipv6s = st.integers(1, (0xFF << 120) - 1)


@examples(50)
@given(macs, ipv4s, ipv4s, macs)
def test_an_arp_request_is_answered_as_whoever_has_the_address_would(
    asker: int, ip: int, address: int, owner: int
) -> None:
    question = question_in(bytes(arp(asker, ip, address)))
    assert question == Question(ETH_TYPE_ARP, address, asker, ip)
    reply = Ether(src=written(owner), dst=written(asker)) / ARP(
        op=2,
        hwsrc=written(owner),
        psrc=str(IPv4Address(address)),
        hwdst=written(asker),
        pdst=str(IPv4Address(ip)),
    )
    assert answer_to(question, owner) == bytes(reply)


@examples(50)
@given(ipv6s, ipv6s, macs)
def test_a_solicitation_is_answered_as_whoever_has_the_address_would(
    ip: int, address: int, owner: int
) -> None:
    question = question_in(bytes(solicitation(address, str(IPv6Address(ip)), FROM_ASKER)))
    assert question == Question(ETH_TYPE_IPV6, address, ASKER, ip)
    told = IPv6(src=str(IPv6Address(address)), dst=str(IPv6Address(ip)), hlim=255) / ICMPv6ND_NA(
        R=0, S=1, O=1, tgt=str(IPv6Address(address))
    )
    advert = (
        Ether(src=written(owner), dst=written(ASKER)) / told / ICMPv6NDOptDstLLAddr(lladdr=written(owner))
    )
    assert answer_to(question, owner) == bytes(advert)


def test_who_has_no_address_yet_is_told_with_everybody() -> None:
    address = 0x20010DB8 << 96 | 5
    question = question_in(bytes(solicitation(address, NOBODY)))
    assert question == Question(ETH_TYPE_IPV6, address, ASKER, 0)
    told = IPv6(src="2001:db8::5", dst="ff02::1", hlim=255) / ICMPv6ND_NA(R=0, S=0, O=1, tgt="2001:db8::5")
    advert = (
        Ether(src=written(OWNER), dst="33:33:00:00:00:01")
        / told
        / ICMPv6NDOptDstLLAddr(lladdr=written(OWNER))
    )
    assert answer_to(question, OWNER) == bytes(advert)


def test_a_packet_is_read_though_it_is_padded_or_has_other_options() -> None:
    assert question_in(bytes(arp()).ljust(60, b"\0")) == Question(ETH_TYPE_ARP, 2, ASKER, 1)
    several = solicitation(2 << 120, "2001:db8::a", ICMPv6NDOptMTU(), FROM_ASKER)
    assert question_in(bytes(several) + b"\0\0") is not None


def test_without_its_link_layer_address_who_asks_is_who_has_sent() -> None:
    question = question_in(bytes(solicitation()))
    assert question is not None
    assert question.mac == ASKER


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        bytes(arp())[:30],
        bytes(arp(op=2)),
        bytes(arp(sha=BROADCAST)),
        bytes(arp(hwsrc=written(0))),
        bytes(arp(hwsrc=written(1 << 40))),
        bytes(solicitation(hlim=254)),
        bytes(solicitation(dst="2001:db8::b")),
        bytes(solicitation(source="ff02::1")),
        bytes(solicitation(2 << 120, NOBODY, FROM_ASKER)),
        bytes(solicitation(2 << 120, "2001:db8::a", ICMPv6NDOptSrcLLAddr(lladdr=written(BROADCAST)))),
        bytes(solicitation(ns={"cksum": 7})),
        bytes(solicitation(ns={"code": 1})),
        bytes(solicitation())[:70],
        bytes(solicitation(2 << 120, "2001:db8::a", Raw(b"\1\0" + bytes(6)))),
        bytes(Ether() / IPv6(hlim=255) / ICMPv6ND_NA()),
        bytes(Ether() / IPv6(hlim=255) / ICMPv6EchoRequest()),
        bytes(Ether() / IPv6(hlim=255) / IPv6ExtHdrHopByHop() / ICMPv6ND_NS()),
    ],
)
def test_what_is_not_a_question_as_the_specifications_have_it_is_none(packet: bytes) -> None:
    assert question_in(packet) is None


@given(st.binary(max_size=120))
def test_whatever_comes_in_nothing_breaks(packet: bytes) -> None:
    for each in (packet, bytes(solicitation())[:54] + packet):
        question_in(each)
        neighbour_in(each)


def advertisement(mac: int = OWNER, said: int = OWNER, target: str = "2001:db8::b", **ip: Any) -> bytes:
    ip = {"src": target, "dst": "2001:db8::a", "hlim": 255, **ip}
    told = IPv6(**ip) / ICMPv6ND_NA(tgt=target) / ICMPv6NDOptDstLLAddr(lladdr=written(said))
    return bytes(Ether(src=written(mac), dst=written(ASKER)) / told)


@examples(50)
@given(macs, st.integers(0x01000000, 0x7EFFFFFF), st.sampled_from((1, 2)))
def test_who_asks_or_answers_by_arp_says_who_it_is(mac: int, ip: int, operation: int) -> None:
    assert neighbour_in(bytes(arp(mac, ip, op=operation))) == Neighbour(ETH_TYPE_ARP, ip, mac)


def test_who_asks_or_answers_by_neighbour_discovery_says_who_it_is() -> None:
    address = 0x20010DB8 << 96
    asks = solicitation(address | 5, "2001:db8::a", FROM_ASKER)
    assert neighbour_in(bytes(asks)) == Neighbour(ETH_TYPE_IPV6, address | 0xA, ASKER)
    alone = solicitation(address | 5, "2001:db8::a", FROM_ASKER, dst="2001:db8::5")
    assert neighbour_in(bytes(alone)) == Neighbour(ETH_TYPE_IPV6, address | 0xA, ASKER)
    assert neighbour_in(advertisement()) == Neighbour(ETH_TYPE_IPV6, address | 0xB, OWNER)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        bytes(arp(spa=0)),
        bytes(arp(spa=0x00FFFFFF)),
        bytes(arp(spa=0x7F000001)),
        bytes(arp(spa=0xE0000001)),
        bytes(arp(spa=0xFFFFFFFF)),
        bytes(arp(spa=0x0A000001, hwsrc=written(ASKER + 7))),  # it is not from whom it says
        bytes(arp(spa=0x0A000001, sha=1 << 40)),
        bytes(solicitation(2 << 120, NOBODY)),
        bytes(solicitation()),  # nor where it is
        bytes(solicitation(2 << 120, "fe80::a", FROM_ASKER)),
        bytes(solicitation(2 << 120, "::1", FROM_ASKER)),
        advertisement(hlim=64),
        advertisement(said=ASKER),
        advertisement(target="ff02::5", src="2001:db8::b"),
        advertisement(target="fe80::5"),
        advertisement()[:-10],
    ],
)
def test_who_is_not_to_be_believed_is_nobody(packet: bytes) -> None:
    assert neighbour_in(packet) is None


def test_hosts_may_know_a_router_by_a_link_local_address() -> None:
    for text, expected in (("fe80::1", True), ("febf::1", True), ("fec0::1", False), ("2001:db8::1", False)):
        assert may_be_a_routers(int(IPv6Address(text))) is expected


def test_an_address_is_asked_for_at_its_group() -> None:
    assert solicited_node_mac(int(IPv6Address("2001:db8::1:2345"))) == 0x3333FF012345
