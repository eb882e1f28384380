"""Rewritten packets: the field asked for is set, no other, and scapy finds every checksum right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Packet, Raw

from flowvisor.emulation.rewriting import InvalidTtl, rewrite, set_field
from flowvisor.openflow import actions
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.packet import parse
from tests.support.examples import examples

ETHER = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b")
IP_4 = IP(src="10.0.0.1", dst="10.0.0.2", ttl=33)
IP_6 = IPv6(src="2001:db8::a", dst="2001:db8::b", hlim=33)
DATA = Raw(b"data!")
PACKETS: dict[str, Packet] = {
    "tcp": ETHER / IP_4 / TCP(sport=1, dport=2) / DATA,
    "udp": ETHER / IP_4 / UDP(sport=1, dport=2) / DATA,
    "tagged udp": ETHER / Dot1Q(vlan=5, prio=2) / IP_4 / UDP(sport=1, dport=2) / DATA,
    "sctp": ETHER / IP_4 / SCTP(sport=1, dport=2) / SCTPChunkData(data=b"abc"),
    "icmp": ETHER / IP_4 / ICMP() / DATA,
    "arp": ETHER / ARP(psrc="10.0.0.1", pdst="10.0.0.2"),
    "tcp over ipv6": ETHER / IP_6 / TCP(sport=1, dport=2) / DATA,
    "udp behind options": ETHER / IP_6 / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / DATA,
    "ping over ipv6": ETHER / IP_6 / ICMPv6EchoRequest(data=b"abc"),
    "solicitation": ETHER
    / IP_6
    / ICMPv6ND_NS(tgt="2001:db8::b")
    / ICMPv6NDOptMTU()
    / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:0a"),
    "advertisement": ETHER
    / IP_6
    / ICMPv6ND_NA(tgt="2001:db8::b")
    / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:0a"),
    "mpls": ETHER / MPLS(label=3, ttl=9, s=0) / MPLS(label=4, ttl=8, s=1) / IP_4 / UDP(sport=1, dport=2),
    "pbb": Ether(type=0x88E7) / Raw(bytes(60)),
}
CHECKSUMS = ("chksum", "cksum")
# Setting these changes how the rest is read.
STRUCTURAL = {"eth_type": 0x1234, "ip_proto": 250, "icmpv6_type": 200, "icmpv4_type": 200}


def with_right_checksums(data: bytes) -> bytes:
    """The packet as scapy would have sent it."""
    packet = Ether(data)
    layer = packet
    while layer:
        for name in CHECKSUMS:
            if name in layer.fields:
                del layer.fields[name]
        layer = layer.payload
    return bytes(packet)


CASES = [
    (packet, name) for packet in PACKETS for name in parse(bytes(PACKETS[packet])) if FIELDS[name].settable
]


@pytest.mark.parametrize(("packet", "name"), CASES)
@examples(20)
@given(data=st.data())
def test_a_set_field_is_set_and_nothing_else_and_checksums_stay_right(
    packet: str, name: str, data: st.DataObject
) -> None:
    original = bytes(PACKETS[packet])
    before = parse(original)
    value = STRUCTURAL.get(name) or data.draw(st.integers(0, FIELDS[name].all_ones))
    if name == "vlan_vid":
        value |= 0x1000
        if not before[name]:
            assert set_field(original, name, value) == original
            return
    changed = set_field(original, name, value)
    if name == "ip_proto" and packet == "udp behind options":
        assert changed == original
        return
    assert parse(changed)[name] == value
    if name not in STRUCTURAL:
        assert parse(changed) == {**before, name: value}
        assert changed == with_right_checksums(changed)


@pytest.mark.parametrize("name", ["tcp", "udp", "sctp", "tcp over ipv6"])
def test_a_field_set_and_set_back_leaves_even_a_wrong_checksum_as_it_was(name: str) -> None:
    original = bytearray(bytes(PACKETS[name]))
    original[-1] ^= 0x55
    port = f"{name.split()[0]}_src"
    changed = set_field(set_field(bytes(original), port, 4711), port, 1)
    assert changed == bytes(original)


def test_a_field_that_the_packet_has_not_is_not_set() -> None:
    packet = bytes(PACKETS["arp"])
    for name in FIELDS.keys() - parse(packet).keys():
        assert set_field(packet, name, 0) == packet


def test_the_ports_of_a_later_fragment_are_its_data() -> None:
    packet = bytes(ETHER / IP(proto=17, frag=5) / DATA)
    assert set_field(packet, "udp_dst", 9) == packet
    moved = set_field(packet, "ipv4_src", 0x0A000009)
    assert moved == with_right_checksums(moved)


def ttl_of(packet: bytes) -> Any:
    ether = Ether(packet)
    return ether[IP].ttl if IP in ether else ether[IPv6].hlim


@pytest.mark.parametrize("name", ["udp", "tagged udp", "tcp over ipv6"])
def test_the_ttl_of_ip_is_set_and_decremented(name: str) -> None:
    packet = bytes(PACKETS[name])
    lower = rewrite(packet, actions.DecNwTtl())
    assert ttl_of(lower) == 32
    assert lower == with_right_checksums(lower)
    assert rewrite(lower, actions.SetNwTtl(33)) == packet


@pytest.mark.parametrize("ttl", [0, 1])
def test_the_last_hop_of_a_ttl_is_not_taken(ttl: int) -> None:
    packet = rewrite(bytes(PACKETS["udp"]), actions.SetNwTtl(ttl))
    with pytest.raises(InvalidTtl):
        rewrite(packet, actions.DecNwTtl())
    packet = rewrite(bytes(PACKETS["mpls"]), actions.SetMplsTtl(ttl))
    with pytest.raises(InvalidTtl):
        rewrite(packet, actions.DecMplsTtl())


def test_the_ttl_of_a_label_is_set_and_decremented() -> None:
    packet = bytes(PACKETS["mpls"])
    assert Ether(rewrite(packet, actions.DecMplsTtl()))[MPLS].ttl == 8
    assert Ether(rewrite(packet, actions.SetMplsTtl(7)))[MPLS].ttl == 7


def test_a_ttl_is_copied_between_labels() -> None:
    packet = bytes(PACKETS["mpls"])
    assert Ether(rewrite(packet, actions.CopyTtlOut()))[MPLS].ttl == 8
    assert Ether(rewrite(packet, actions.CopyTtlIn()))[MPLS:2].ttl == 9


@pytest.mark.parametrize("name", ["udp", "tcp over ipv6"])
def test_a_ttl_is_copied_between_a_label_and_ip(name: str) -> None:
    packet = bytes(PACKETS[name])
    eth_type = parse(packet)["eth_type"]
    labelled = rewrite(rewrite(packet, actions.PushMpls(0x8847)), actions.SetMplsTtl(77))
    out = rewrite(labelled, actions.CopyTtlOut())
    assert Ether(out)[MPLS].ttl == 33
    inner = rewrite(rewrite(labelled, actions.CopyTtlIn()), actions.PopMpls(eth_type))
    assert ttl_of(inner) == 77
    assert inner == with_right_checksums(inner)


TTL_ACTIONS: tuple[actions.Action, ...] = (
    *(actions.DecNwTtl(), actions.SetNwTtl(9), actions.DecMplsTtl(), actions.SetMplsTtl(9)),
    *(actions.CopyTtlIn(), actions.CopyTtlOut()),
)


@pytest.mark.parametrize("action", TTL_ACTIONS)
def test_a_packet_without_a_ttl_is_let_be(action: actions.Action) -> None:
    packet = bytes(PACKETS["arp"])
    assert rewrite(packet, action) == packet


@pytest.mark.parametrize(
    ("name", "field"), [("tcp", "tcp_src"), ("udp", "udp_src"), ("tcp over ipv6", "tcp_src")]
)
def test_1_0_sets_the_port_of_whatever_protocol_it_is(name: str, field: str) -> None:
    changed = rewrite(bytes(PACKETS[name]), actions.SetTransportSource(4711))
    assert parse(changed)[field] == 4711
    changed = rewrite(changed, actions.SetTransportDestination(4712))
    assert parse(changed)[field.replace("src", "dst")] == 4712
    assert changed == with_right_checksums(changed)


def test_1_0_leaves_a_packet_without_ports_alone() -> None:
    assert rewrite(bytes(PACKETS["icmp"]), actions.SetTransportSource(4711)) == bytes(PACKETS["icmp"])


TAG_ACTIONS: list[tuple[str, actions.Action, dict[str, int]]] = [
    ("udp", actions.PushVlan(0x88A8), {"vlan_vid": 0x1000, "vlan_pcp": 0}),
    ("tagged udp", actions.PopVlan(), {"vlan_vid": 0}),
    ("udp", actions.SetVlanVid(7), {"vlan_vid": 0x1007, "vlan_pcp": 0}),
    ("udp", actions.SetVlanPcp(7), {"vlan_vid": 0x1000, "vlan_pcp": 7}),
    ("tagged udp", actions.StripVlan(), {"vlan_vid": 0}),
    ("udp", actions.PushMpls(0x8848), {"eth_type": 0x8848, "mpls_bos": 1}),
    ("udp", actions.PushPbb(0x88E7), {"eth_type": 0x88E7, "pbb_isid": 0}),
    ("pbb", actions.PopPbb(), {"eth_type": 0}),
]


@pytest.mark.parametrize(("name", "action", "fields"), TAG_ACTIONS[:-1])
def test_tags_are_put_on_and_taken_off(name: str, action: actions.Action, fields: dict[str, int]) -> None:
    assert parse(rewrite(bytes(PACKETS[name]), action)).items() >= fields.items()


def test_a_service_tag_comes_off_with_its_header() -> None:
    assert rewrite(bytes(PACKETS["pbb"]), actions.PopPbb()) == bytes(56)


def test_an_action_that_rewrites_nothing_leaves_the_packet() -> None:
    packet = bytes(PACKETS["udp"])
    assert rewrite(packet, actions.Output(1)) == packet


@given(
    st.binary(max_size=60), st.sampled_from([0x0800, 0x86DD, 0x8100, 0x8847]), st.sampled_from(sorted(FIELDS))
)
def test_no_bytes_make_it_raise(payload: bytes, eth_type: int, name: str) -> None:
    packet = bytes(12) + eth_type.to_bytes(2, "big") + payload
    set_field(packet, name, FIELDS[name].all_ones)
    for action in TTL_ACTIONS:
        try:
            rewrite(packet, action)
        except InvalidTtl:
            assert isinstance(action, actions.DecNwTtl | actions.DecMplsTtl)
