"""Packets made by scapy come back as the fields that they were made of, whole or cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH, ESP
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.packet import parse, parse_packet

MTU = ICMPv6NDOptMTU()
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
A, B = 0x02000000000A, 0x02000000000B
ETHER = {"eth_src": A, "eth_dst": B, "vlan_vid": 0}
IP_6_A, IP_6_B = "2001:db8::a", "2001:db8::b"
A_6, B_6 = 0x20010DB8 << 96 | 0xA, 0x20010DB8 << 96 | 0xB
IPV4 = {
    **ETHER, "eth_type": 0x0800, "ip_dscp": 0, "ip_ecn": 0, "ipv4_src": 0x0A000001, "ipv4_dst": 0x0A000002,
}  # fmt: skip
IPV6 = {
    **ETHER, "eth_type": 0x86DD, "ip_dscp": 0, "ip_ecn": 0, "ipv6_flabel": 0, "ipv6_src": A_6,
    "ipv6_dst": B_6, "ipv6_exthdr": 0,
}  # fmt: skip


def ether(**fields: Any) -> Packet:
    return Ether(src=MAC_A, dst=MAC_B, **fields)


def snap() -> Packet:
    return Dot3(src=MAC_A, dst=MAC_B) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)


def ipv4(**fields: Any) -> Packet:
    return ether() / IP(src="10.0.0.1", dst="10.0.0.2", **fields)


def ipv6(**fields: Any) -> Packet:
    return ether() / IPv6(src=IP_6_A, dst=IP_6_B, **fields)


PACKETS: dict[str, tuple[Packet, dict[str, int]]] = {
    "unknown type": (ether(type=0x1234) / Raw(b"x" * 46), {**ETHER, "eth_type": 0x1234}),
    "tcp": (ipv4(tos=0xBA) / TCP(sport=80, dport=1024), {
        **IPV4, "ip_proto": 6, "ip_dscp": 46, "ip_ecn": 2, "tcp_src": 80, "tcp_dst": 1024}),
    "ip options": (ipv4(options=[IPOption_NOP()] * 8) / UDP(sport=1, dport=2), {
        **IPV4, "ip_proto": 17, "udp_src": 1, "udp_dst": 2}),
    "sctp": (ipv4() / SCTP(sport=3, dport=4), {**IPV4, "ip_proto": 132, "sctp_src": 3, "sctp_dst": 4}),
    "icmp": (ipv4() / ICMP(type=8, code=1), {**IPV4, "ip_proto": 1, "icmpv4_type": 8, "icmpv4_code": 1}),
    "an unknown protocol": (ipv4(proto=250) / Raw(b"abcdef"), {**IPV4, "ip_proto": 250}),
    "icmpv6 in ipv4": (ipv4(proto=58) / Raw(b"abcdef"), {**IPV4, "ip_proto": 58}),
    "first fragment": (ipv4(flags="MF") / UDP(sport=1, dport=2), {
        **IPV4, "ip_proto": 17, "udp_src": 1, "udp_dst": 2}),
    "later fragment": (ipv4(frag=3, proto=17) / Raw(b"abcdefgh"), {**IPV4, "ip_proto": 17}),
    "arp": (ether() / ARP(op=2, hwsrc=MAC_A, psrc="10.0.0.1", hwdst=MAC_B, pdst="10.0.0.2"), {
        **ETHER, "eth_type": 0x0806, "arp_op": 2, "arp_sha": A, "arp_tha": B, "arp_spa": 0x0A000001,
        "arp_tpa": 0x0A000002}),
    "arp of another kind": (ether() / ARP(hwtype=6), {**ETHER, "eth_type": 0x0806}),
    "vlan": (ether() / Dot1Q(vlan=100, prio=5) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2), {
        **IPV4, "vlan_vid": 0x1064, "vlan_pcp": 5, "ip_proto": 17, "udp_src": 1, "udp_dst": 2}),
    "priority tag": (ether() / Dot1Q(vlan=0, prio=0, type=0x1234), {
        **ETHER, "vlan_vid": 0x1000, "vlan_pcp": 0, "eth_type": 0x1234}),
    "two tags": (ether(type=0x88A8) / Dot1AD(vlan=20) / Dot1Q(vlan=100, prio=5) / ARP(hwtype=6), {
        **ETHER, "vlan_vid": 0x1014, "vlan_pcp": 0, "eth_type": 0x0806}),
    "mpls": (ether() / MPLS(label=77, cos=3, s=0) / MPLS(label=78, s=1) / Raw(b"abc"), {
        **ETHER, "eth_type": 0x8847, "mpls_label": 77, "mpls_tc": 3, "mpls_bos": 0}),
    "pbb": (ether(type=0x88E7) / Raw(bytes.fromhex("a0123456") + bytes(60)), {
        **ETHER, "eth_type": 0x88E7, "pbb_isid": 0x123456}),
    "llc": (Dot3(src=MAC_A, dst=MAC_B) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(b"x" * 35), {
        **ETHER, "eth_type": 0x05FF}),
    "snap": (snap() / SNAP(code=0x1234) / Raw(b"x"), {
        **ETHER, "eth_type": 0x1234}),
    "snap of an organisation": (
        snap() / SNAP(OUI=0xC, code=0x2000) / Raw(b"x"),
        {**ETHER, "eth_type": 0x05FF}),
    "snap with a length": (
        snap() / SNAP(code=0x100) / Raw(b"x"),
        {**ETHER, "eth_type": 0x05FF}),
    "too short for llc": (Dot3(src=MAC_A, dst=MAC_B) / Raw(b"xx"), {**ETHER, "eth_type": 0x05FF}),
    "udp over ipv6": (ipv6(tc=0xBA, fl=0x12345) / UDP(sport=1, dport=2), {
        **IPV6, "ip_dscp": 46, "ip_ecn": 2, "ipv6_flabel": 0x12345, "ip_proto": 17, "udp_src": 1,
        "udp_dst": 2}),
    "ping over ipv6": (ipv6() / ICMPv6EchoRequest(), {
        **IPV6, "ip_proto": 58, "icmpv6_type": 128, "icmpv6_code": 0}),
    "icmp in ipv6": (ipv6(nh=1) / Raw(b"abcdef"), {**IPV6, "ip_proto": 1}),
    "solicitation": (ipv6() / ICMPv6ND_NS(tgt=IP_6_B) / MTU / ICMPv6NDOptSrcLLAddr(lladdr=MAC_A), {
        **IPV6, "ip_proto": 58, "icmpv6_type": 135, "icmpv6_code": 0, "ipv6_nd_target": B_6,
        "ipv6_nd_sll": A}),
    "advertisement": (ipv6() / ICMPv6ND_NA(tgt=IP_6_A) / ICMPv6NDOptDstLLAddr(lladdr=MAC_B), {
        **IPV6, "ip_proto": 58, "icmpv6_type": 136, "icmpv6_code": 0, "ipv6_nd_target": A_6,
        "ipv6_nd_tll": B}),
    "solicitation without options": (ipv6() / ICMPv6ND_NS(tgt=IP_6_B), {
        **IPV6, "ip_proto": 58, "icmpv6_type": 135, "icmpv6_code": 0, "ipv6_nd_target": B_6}),
    "all headers in order": (
        ipv6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(addresses=[IP_6_A])
        / IPv6ExtHdrFragment() / AH(nh=60, payloadlen=1) / IPv6ExtHdrDestOpt() / TCP(sport=1, dport=2),
        {**IPV6, "ip_proto": 6, "ipv6_exthdr": 0b001111100, "tcp_src": 1, "tcp_dst": 2}),
    "headers out of order": (
        ipv6() / IPv6ExtHdrFragment() / IPv6ExtHdrRouting() / UDP(sport=1, dport=2),
        {**IPV6, "ip_proto": 17, "ipv6_exthdr": 0b100110000, "udp_src": 1, "udp_dst": 2}),
    "a header twice": (
        ipv6() / IPv6ExtHdrRouting() / IPv6ExtHdrRouting() / UDP(sport=1, dport=2),
        {**IPV6, "ip_proto": 17, "ipv6_exthdr": 0b010100000, "udp_src": 1, "udp_dst": 2}),
    "destination options thrice": (
        ipv6() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2),
        {**IPV6, "ip_proto": 17, "ipv6_exthdr": 0b010001000, "udp_src": 1, "udp_dst": 2}),
    "no next header": (ipv6() / IPv6ExtHdrDestOpt(nh=59), {**IPV6, "ip_proto": 59, "ipv6_exthdr": 0b1001}),
    "esp": (ipv6() / ESP(spi=1, seq=1, data=b"abcd"), {**IPV6, "ip_proto": 50, "ipv6_exthdr": 0b10}),
    "esp after the last destination options": (
        ipv6() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt() / ESP(spi=1, seq=1, data=b"abcd"),
        {**IPV6, "ip_proto": 50, "ipv6_exthdr": 0b100101010}),
    "later fragment of ipv6": (ipv6() / IPv6ExtHdrFragment(offset=2, nh=17) / Raw(b"abcdefgh"), {
        **IPV6, "ip_proto": 44, "ipv6_exthdr": 0b10000}),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKETS)
def test_a_whole_packet_gives_all_its_fields(name: str) -> None:
    packet, fields = PACKETS[name]
    assert parse_packet(bytes(packet)) == (fields, False)


@pytest.mark.parametrize("name", PACKETS)
def test_a_cut_packet_gives_fewer_fields_but_no_wrong_ones_and_says_so(name: str) -> None:
    whole = bytes(PACKETS[name][0])
    fields = parse(whole)
    for length in range(len(whole)):
        seen = parse_packet(whole[:length])
        assert seen.fields.items() <= fields.items()
        assert seen.cut or seen.fields == fields


@pytest.mark.parametrize("name", PACKETS)
def test_padding_adds_nothing(name: str) -> None:
    packet, fields = PACKETS[name]
    assert parse_packet(bytes(packet) + bytes(64)) == (fields, False)


def test_ports_behind_the_end_of_ip_are_padding() -> None:
    packet = bytes(ipv4(proto=6, len=22) / Raw(bytes(20)))
    fields, cut = parse_packet(packet)
    assert cut
    assert fields["tcp_src"] == 0
    assert "tcp_dst" not in fields


def test_an_ip_header_that_is_shorter_than_one_counts_as_cut() -> None:
    fields, cut = parse_packet(bytes(ipv4(ihl=4, proto=6) / Raw(bytes(20))))
    assert cut
    assert fields == {**IPV4, "ip_proto": 6}


def test_an_option_of_no_length_ends_neighbour_discovery() -> None:
    packet = bytes(ipv6() / ICMPv6ND_NS(tgt=IP_6_B) / ICMPv6NDOptSrcLLAddr(len=0, lladdr=MAC_A))
    fields, cut = parse_packet(packet)
    assert cut
    assert "ipv6_nd_sll" not in fields


def test_the_port_is_a_field_when_it_is_known() -> None:
    assert parse(b"", 7) == {"in_port": 7}


@given(st.binary(max_size=200))
@example(b"")
def test_no_bytes_make_it_raise(data: bytes) -> None:
    check(parse(data, 1))


ETH_TYPES = st.sampled_from(
    [0x0800, 0x86DD, 0x0806, 0x8847, 0x8848, 0x88E7, 0x8100, 0x88A8, 0x0100, 0x0005, 0x05FF, 0x0600]
)


@given(ETH_TYPES, st.sampled_from([0, 1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 132]), st.binary(max_size=120))
def test_no_payload_of_a_known_type_makes_it_raise(eth_type: int, protocol: int, payload: bytes) -> None:
    data = bytearray(bytes(12) + eth_type.to_bytes(2, "big") + payload)
    for offset in (14 + 6, 14 + 9):  # where IPv6 and IPv4 name what follows
        if len(data) > offset:
            data[offset] = protocol
    whole = parse(bytes(data))
    check(whole)
    for length in range(len(data)):
        seen = parse_packet(bytes(data[:length]))
        assert seen.fields.items() <= whole.items()
        assert seen.cut or seen.fields == whole


def check(fields: dict[str, int]) -> None:
    """Every field fits, and what a field requires is there."""
    for name, value in fields.items():
        assert 0 <= value <= FIELDS[name].all_ones
        for required, values in FIELDS[name].requires:
            assert fields[required] in values
