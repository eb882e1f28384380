"""Tags pushed and popped: what is put on comes off again, and looks as scapy says it should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from flowvisor.emulation import tags
from flowvisor.openflow.packet import parse

MAC = {"src": "02:00:00:00:00:0a", "dst": "02:00:00:00:00:0b"}
INNER = IP(src="10.0.0.1", dst="10.0.0.2", ttl=33) / UDP(sport=1, dport=2)
PLAIN = bytes(Ether(**MAC) / INNER)
TAGGED = bytes(Ether(**MAC) / Dot1Q(vlan=100, prio=5) / INNER)
PACKETS = st.one_of(st.sampled_from([PLAIN, TAGGED]), st.binary(min_size=14, max_size=80))


def test_a_first_tag_says_0() -> None:
    assert tags.push_vlan(PLAIN, 0x8100) == bytes(Ether(**MAC) / Dot1Q(vlan=0) / INNER)


def test_a_second_tag_copies_the_first() -> None:
    double = Ether(**MAC, type=0x88A8) / Dot1AD(vlan=100, prio=5) / Dot1Q(vlan=100, prio=5) / INNER
    assert tags.push_vlan(TAGGED, 0x88A8) == bytes(double)


@given(PACKETS, st.sampled_from([0x8100, 0x88A8]))
def test_a_pushed_tag_pops(packet: bytes, ethertype: int) -> None:
    assert tags.pop_vlan(tags.push_vlan(packet, ethertype)) == packet


def test_an_untagged_packet_has_nothing_to_pop() -> None:
    assert tags.pop_vlan(PLAIN) == PLAIN


def test_1_0_sets_the_id_of_a_tag_or_adds_one() -> None:
    assert parse(tags.set_vlan_vid(TAGGED, 7)).items() >= {"vlan_vid": 0x1007, "vlan_pcp": 5}.items()
    assert parse(tags.set_vlan_vid(PLAIN, 7)).items() >= {"vlan_vid": 0x1007, "vlan_pcp": 0}.items()


def test_1_0_sets_the_priority_of_a_tag_or_adds_one() -> None:
    assert parse(tags.set_vlan_pcp(TAGGED, 7)).items() >= {"vlan_vid": 0x1064, "vlan_pcp": 7}.items()
    assert parse(tags.set_vlan_pcp(PLAIN, 7)).items() >= {"vlan_vid": 0x1000, "vlan_pcp": 7}.items()


def test_1_3_sets_only_a_tag_that_is_there() -> None:
    assert tags.set_existing_vlan(PLAIN, vid=0x1007) == PLAIN
    assert parse(tags.set_existing_vlan(TAGGED, vid=0x1007, pcp=1)).items() >= {
        ("vlan_vid", 0x1007),
        ("vlan_pcp", 1),
    }


def test_a_first_label_is_the_last_and_takes_the_ttl_of_ip() -> None:
    assert tags.push_mpls(PLAIN, 0x8847) == bytes(
        Ether(**MAC, type=0x8847) / MPLS(label=0, cos=0, s=1, ttl=33) / INNER
    )


def test_a_second_label_copies_the_first_and_is_not_the_last() -> None:
    label = MPLS(label=5, cos=2, s=1, ttl=9) / INNER
    one = Ether(**MAC, type=0x8847) / label
    two = Ether(**MAC, type=0x8847) / MPLS(label=5, cos=2, s=0, ttl=9) / label
    assert tags.push_mpls(bytes(one), 0x8847) == bytes(two)


def test_a_label_goes_behind_the_vlan_tag() -> None:
    fields = parse(tags.push_mpls(TAGGED, 0x8847))
    assert fields.items() >= {"vlan_vid": 0x1064, "eth_type": 0x8847, "mpls_bos": 1}.items()


@pytest.mark.parametrize("packet", [PLAIN, TAGGED])
def test_a_pushed_label_pops(packet: bytes) -> None:
    assert tags.pop_mpls(tags.push_mpls(packet, 0x8847), 0x0800) == packet


def test_a_packet_without_a_label_has_nothing_to_pop() -> None:
    assert tags.pop_mpls(PLAIN, 0x0800) == PLAIN


@pytest.mark.parametrize(("packet", "pcp"), [(PLAIN, 0), (TAGGED, 5)])
def test_a_service_tag_wraps_the_packet_with_its_own_addresses(packet: bytes, pcp: int) -> None:
    wrapped = tags.push_pbb(packet, 0x88E7)
    assert wrapped == bytes(Ether(**MAC, type=0x88E7) / Raw(bytes([pcp << 5, 0, 0, 0]) + packet))
    assert tags.pop_pbb(wrapped) == packet


def test_a_second_service_tag_copies_the_first() -> None:
    wrapped = bytes(Ether(**MAC, type=0x88E7) / Raw(bytes.fromhex("00123456") + PLAIN))
    assert parse(tags.push_pbb(wrapped, 0x88E7))["pbb_isid"] == 0x123456


def test_a_packet_without_a_service_tag_has_nothing_to_pop() -> None:
    assert tags.pop_pbb(PLAIN) == PLAIN


@given(st.binary(max_size=60))
def test_no_bytes_make_any_of_them_raise(packet: bytes) -> None:
    tags.set_vlan_vid(tags.pop_vlan(packet), 1)
    tags.pop_mpls(tags.push_mpls(packet, 0x8847), 0x0800)
    tags.pop_mpls(packet, 0x0800)
    tags.pop_pbb(tags.push_pbb(packet, 0x88E7))
