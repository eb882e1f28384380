"""A rule's `match`: lists and ranges multiplied out into alternatives, contradictions refused."""

import pytest

from flowvisor.configuration.documents import TextFile, parse_document
from flowvisor.configuration.match_reader import FLOWSPACE_FIELDS, OTHER_NAMES, REFUSED_FIELDS, read_match
from flowvisor.configuration.match_values import MAX_ALTERNATIVES, format_value
from flowvisor.configuration.schema import Names
from flowvisor.errors import ConfigurationError
from flowvisor.flowspace.layout import boxes_of
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import MATCH_ALL, Match

TOO_MANY = f"more than {MAX_ALTERNATIVES}"

WRONG = {
    "x": 'f:1:4: "x" where "key: value" pairs are expected',
    "{ipv4_scr: 10.0.0.1}": 'f:1:5: ipv4_scr: unknown key; did you mean "ipv4_src"?',
    "{dl_type: 0x800}": 'f:1:5: dl_type: unknown key; did you mean "eth_type"?',
    "{metadata: 1}": "f:1:5: metadata: not in a flowspace: a packet has no metadata before the first flow table",
    "{in_phy_port: 1}": "f:1:5: in_phy_port: not in a flowspace: it differs from in_port only inside",
    "{in_port: 1, in_port: 2}": "f:1:17: in_port: this key stands in line 1 already",
    "{in_port: []}": "f:1:14: in_port: an empty list matches nothing",
    "{in_port: [1, x, [2]]}": 'f:1:18: in_port: "x" is not a number\n'
    "f:1:21: in_port: a list where one value is expected",
    "{in_port: {a: 1}}": "f:1:14: in_port: a mapping where one value is expected",
    "{in_port: ~}": "f:1:14: in_port: the value is missing",
    "{in_port: ['1-600', '1000-1600']}": f"f:1:14: in_port: 1201 alternatives, {TOO_MANY}",
    "{in_port: '1-33', vlan_pcp: '0-7', ip_ecn: '0-3'}": "f:1:4: the lists and ranges multiply out to 1056 "
    f"matches, {TOO_MANY}; use masks, or several rules",
    "{eth_type: arp, ipv4_src: 10.0.0.1}": "f:1:20: ipv4_src: needs eth_type ipv4, but eth_type is arp",
    "{ipv4_src: 10.0.0.1, eth_type: [ipv4, arp]}": "f:1:5: ipv4_src: needs eth_type ipv4, but eth_type is arp",
    "{eth_type: arp, tcp_dst: 80}": "f:1:20: tcp_dst: needs eth_type ipv4 or ipv6, but eth_type is arp",
    "{ip_proto: udp, tcp_dst: 80}": "f:1:20: tcp_dst: needs ip_proto tcp, but ip_proto is udp",
    "{ip_proto: 89, tcp_dst: 80}": "f:1:19: tcp_dst: needs ip_proto tcp, but ip_proto is 89",
    "{ipv4_src: 10.0.0.1, ipv6_dst: '::1'}": "f:1:25: ipv6_dst: no packet has both ipv4_src and ipv6_dst",
    "{tcp_dst: 80, udp_src: 53}": "f:1:18: udp_src: no packet has both tcp_dst and udp_src",
    "{ipv6_src: '::1', arp_op: 1}": "f:1:22: arp_op: no packet has both ipv6_src and arp_op",
    "{vlan_pcp: 1, vlan_vid: none}": "f:1:5: vlan_pcp: needs a VLAN tag, but vlan_vid is none",
}


def read(text: str) -> tuple[Match, ...]:
    return read_match(parse_document(TextFile("f", f"m: {text}")).entries[0][1], Names())


@pytest.mark.parametrize(("text", "told"), WRONG.items(), ids=WRONG)
def test_a_match_that_means_nothing_or_too_much_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert str(caught.value).startswith(told)


def test_a_match_without_keys_is_every_packet() -> None:
    assert read("{}") == (MATCH_ALL,)


def test_lists_and_ranges_are_multiplied_out() -> None:
    assert read("{in_port: [1, '7-8'], vlan_vid: [none, 100]}") == tuple(
        Match.of(in_port=port, vlan_vid=vid) for port in (1, 7, 8) for vid in (0, 0x1064)
    )


def test_what_a_list_says_twice_is_one_alternative() -> None:
    assert read("{ipv4_src: [10.1.0.0/16, 10.1.2.0/24, 10.1.0.0/16]}") == (
        Match.of(ipv4_src=(0x0A010000, 0xFFFF0000)),
    )


def test_what_a_field_needs_is_implied_and_not_added() -> None:
    assert read("{tcp_dst: 80}") == (Match.of(tcp_dst=80),)
    assert read("{tcp_dst: 80, ip_proto: tcp, eth_type: [ipv4, ipv6]}") == (
        Match.of(tcp_dst=80, ip_proto=6, eth_type=0x0800),
        Match.of(tcp_dst=80, ip_proto=6, eth_type=0x86DD),
    )
    assert read("{vlan_vid: 100, vlan_pcp: 3}") == (Match.of(vlan_vid=0x1064, vlan_pcp=3),)


def test_all_fields_that_are_wrong_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("{vlan_vid: 0, metadata: 1, tcp_dst: x, in_port: 0}")
    assert [problem.key for problem in caught.value.problems] == [
        "vlan_vid",
        "metadata",
        "tcp_dst",
        "in_port",
    ]


def test_every_field_of_openflow_is_read_or_refused_with_a_reason() -> None:
    assert set(FLOWSPACE_FIELDS) | set(REFUSED_FIELDS) == set(FIELDS)
    assert not set(FLOWSPACE_FIELDS) & set(REFUSED_FIELDS)
    assert set(OTHER_NAMES.values()) <= set(FLOWSPACE_FIELDS)
    assert not set(OTHER_NAMES) & set(FIELDS)


@pytest.mark.parametrize("name", FLOWSPACE_FIELDS)
def test_every_field_that_is_read_is_some_packets(name: str) -> None:
    value = {"eth_type": 0x0800, "vlan_vid": 0x1064}.get(name, 1)
    (match,) = read(f"{{{name}: '{format_value(name, value)}'}}")
    assert match == Match.of(**{name: value})
    assert boxes_of(match)
