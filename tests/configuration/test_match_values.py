"""Match values as people write them, and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.configuration.match_values import (
    LAYER_4_PORTS,
    MAX_ALTERNATIVES,
    Pair,
    format_value,
    parse_number,
    parse_value,
    without_covered,
)
from flowvisor.openflow.fields import FIELDS, VLAN_PRESENT

READ: dict[tuple[str, str], tuple[Pair, ...]] = {
    ("in_port", "7"): ((7, 0xFFFFFFFF),),
    ("in_port", "0x10"): ((16, 0xFFFFFFFF),),
    ("in_port", "5-7"): tuple((port, 0xFFFFFFFF) for port in (5, 6, 7)),
    ("in_port", "local"): ((0xFFFFFFFE, 0xFFFFFFFF),),
    ("eth_type", "arp"): ((0x0806, 0xFFFF),),
    ("eth_type", "0x0800"): ((0x0800, 0xFFFF),),
    ("eth_type", "34525"): ((0x86DD, 0xFFFF),),
    ("ip_proto", "icmpv6"): ((58, 0xFF),),
    ("eth_src", "00:16:3E:00:00:01"): ((0x00163E000001, 0xFFFFFFFFFFFF),),
    ("eth_dst", "01:00:00:00:00:00/01:00:00:00:00:00"): ((1 << 40, 1 << 40),),
    ("ipv4_src", "10.1.0.0/16"): ((0x0A010000, 0xFFFF0000),),
    ("ipv4_dst", "10.0.0.1/255.0.0.255"): ((0x0A000001, 0xFF0000FF),),
    ("arp_tpa", "10.0.0.1"): ((0x0A000001, 0xFFFFFFFF),),
    ("ipv6_src", "fe80::/10"): ((0xFE80 << 112, 0xFFC0 << 112),),
    ("ipv6_dst", "::1/::f"): ((1, 15),),
    ("vlan_vid", "none"): ((0, 0x1FFF),),
    ("vlan_vid", "100"): ((0x1064, 0x1FFF),),
    ("vlan_vid", "0-0"): ((0x1000, 0x1FFF),),
    ("vlan_vid", "0-4095"): ((0x1000, 0x1000),),
    ("vlan_vid", "100-103"): ((0x1064, 0x1FFC),),
    ("vlan_vid", "0x10/0xff0"): ((0x1010, 0x1FF0),),
    ("tcp_dst", "80-83"): ((80, 0xFFFC),),
    ("udp_src", "0x50/0xfff0"): ((0x50, 0xFFF0),),
    ("ip_dscp", "1 - 3"): ((1, 63), (2, 63), (3, 63)),
    ("tunnel_id", "1/1"): ((1, 1),),
}

REFUSED: dict[tuple[str, str], str] = {
    ("in_port", "0"): "in_port is from 1 to 0xffffff00, not 0",
    ("in_port", "0xffffff01"): "in_port is from 1 to 0xffffff00, not 0xffffff01",
    ("in_port", "1/1"): "in_port cannot be masked",
    ("in_port", "1-1025"): '"1-1025" is more than 1024 values, and in_port has no masks',
    ("in_port", "eth0"): '"eth0" is not a number',
    ("in_port", "07"): '"07" may be meant as octal; write it without leading zeros, or as 0x…',
    ("in_port", "1-09"): '"09" may be meant as octal',
    ("in_port", "8-5"): '"8-5" is empty; write the smaller number first',
    ("eth_type", "800"): 'eth_type is from 0x600 to 0xffff, not 800; did you mean "0x0800"?',
    ("eth_type", "5"): "eth_type is from 0x600 to 0xffff, not 5",
    ("eth_type", "ip"): '"ip" is not a number',
    ("vlan_vid", "0"): '"0": write none for untagged packets, or 0-0 for those with a priority tag',
    ("vlan_vid", "4096"): "vlan_vid is from 0 to 4095, not 4096",
    ("vlan_vid", "1/0"): '"1/0" has bits outside of its mask; did you mean "0-4095"?',
    ("vlan_vid", "0x11/0xff0"): 'did you mean "0x10/0xff0"?',
    ("vlan_vid", "4000-5000"): "vlan_vid is from 0 to 4095, not 5000",
    ("vlan_pcp", "8"): "vlan_pcp is from 0 to 7, not 8",
    ("ipv4_src", "10.1.2.3/16"): '"10.1.2.3/16" has bits outside of its mask; did you mean "10.1.0.0/16"?',
    ("ipv4_src", "0.0.0.0/0"): '"0.0.0.0/0" is every ipv4_src; write "eth_type: ipv4" instead',
    ("ipv4_src", "10.0.0.1/0"): '"10.0.0.1/0" is every ipv4_src',
    ("ipv4_src", "10.0.0.0/33"): '"10.0.0.0/33": a prefix has 0 to 32 bits',
    ("ipv4_src", "10.0.0.1-10.0.0.9"): '"10.0.0.1-10.0.0.9" is not an IPv4 address',
    ("ipv4_src", "10.0.0.0/x"): '"x" is not an IPv4 address',
    ("ipv6_src", "fe80::1%eth0"): '"fe80::1%eth0": no packet carries a zone',
    ("ipv6_src", "10.0.0.1"): '"10.0.0.1" is not an IPv6 address',
    ("eth_src", "0016.3e00.0001"): '"0016.3e00.0001" is not a MAC address, like 00:16:3e:00:00:01',
    ("eth_src", "8846009756"): "is not a MAC address",
    ("eth_src", "1-2"): "is not a MAC address",
    ("tcp_dst", "0-65535"): '"0-65535" is every tcp_dst; write "ip_proto: tcp" instead',
    ("tcp_dst", "65536"): "tcp_dst is from 0 to 65535, not 65536",
    ("tunnel_id", "0/0"): '"0/0" is every tunnel_id; leave the key out',
    ("tunnel_id", "1" * 41): "is not a number",
    ("mpls_label", "-1"): '"-1" is not a number',
}

RANGED = sorted(name for name, field in FIELDS.items() if field.maskable or name in LAYER_4_PORTS)
NUMBERS = [name for name in RANGED if not re.search("eth_|ipv[46]_(src|dst)|arp_", name)]


@pytest.mark.parametrize(("written", "pairs"), READ.items(), ids=map(" ".join, READ))
def test_a_value_means_the_packets_that_it_says(written: tuple[str, str], pairs: tuple[Pair, ...]) -> None:
    assert parse_value(*written) == pairs


@pytest.mark.parametrize(("written", "told"), REFUSED.items(), ids=map(" ".join, REFUSED))
def test_a_value_that_may_mean_something_else_is_refused(written: tuple[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_value(*written)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("10", 10), ("0x1F", 31), ("0x00ff", 255)])
def test_a_number_is_decimal_or_hexadecimal(text: str, number: int) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "1_000", "1.0", "1e3", "0x", "0b1", "+1", "٣", " 1"])
def test_what_only_python_calls_a_number_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("name", "pair", "text"),
    [
        ("eth_type", (0x0806, 0xFFFF), "arp"),
        ("eth_type", (0x0700, 0xFFFF), "0x0700"),
        ("in_port", (0xFFFFFFFE, 0xFFFFFFFF), "local"),
        ("vlan_vid", (0x1064, 0x1FFF), "100"),
        ("vlan_vid", (0, 0x1FFF), "none"),
        ("ipv4_src", (0x0A010000, 0xFFFF0000), "10.1.0.0/16"),
        ("eth_src", (0x00163E000000, 0xFFFFFF000000), "00:16:3e:00:00:00/ff:ff:ff:00:00:00"),
        ("tcp_dst", (80, 0xFFF0), "0x50/0xfff0"),
    ],
)
def test_a_pair_is_written_as_people_write_it(name: str, pair: Pair, text: str) -> None:
    assert format_value(name, *pair) == text


def test_without_a_mask_a_value_is_exact() -> None:
    assert format_value("ipv4_src", 0x0A010000) == "10.1.0.0"
    assert format_value("vlan_vid", 0x1064) == "100"


@st.composite
def pairs_of(draw: st.DrawFn, name: str) -> Pair:
    """Any pair that a flowspace may have for this field."""
    field = FIELDS[name]
    bits = 12 if name == "vlan_vid" else field.bits
    present = VLAN_PRESENT if name == "vlan_vid" else 0
    mask = (1 << bits) - 1
    if field.maskable or name in LAYER_4_PORTS:
        mask = draw(st.integers(0 if present else 1, mask))
    low, high = {"in_port": (1, 0xFFFFFF00), "eth_type": (0x600, 0xFFFF)}.get(name, (0, (1 << bits) - 1))
    return draw(st.integers(low, high)) & mask | present, mask | present


@pytest.mark.parametrize("name", FIELDS)
def test_what_is_written_is_read_back_for_every_field(name: str) -> None:
    @given(pairs_of(name))
    def check(pair: Pair) -> None:
        assert parse_value(name, format_value(name, *pair)) == (pair,)

    check()


@pytest.mark.parametrize("name", NUMBERS)
def test_a_range_is_as_few_prefixes_as_hold_it_and_nothing_else(name: str) -> None:
    bits = 12 if name == "vlan_vid" else FIELDS[name].bits
    low_bits = (1 << bits) - 1

    @given(st.tuples(st.integers(0, low_bits), st.integers(0, low_bits)), st.integers(0, low_bits))
    def check(ends: tuple[int, int], value: int) -> None:
        low, high = sorted(ends)
        if (low, high) == (0, low_bits):
            return
        pairs = [(v & low_bits, m & low_bits) for v, m in parse_value(name, f"{low}-{high}")]
        assert len(pairs) <= 2 * bits
        for candidate in {value, low, high, max(low - 1, 0), min(high + 1, low_bits)}:
            fitting = sum(candidate & mask == wanted for wanted, mask in pairs)
            assert fitting == (low <= candidate <= high)

    check()


@given(st.sampled_from(sorted(FIELDS)), st.text() | st.from_regex(r"[0-9a-fx:./-]{0,20}", fullmatch=True))
def test_any_text_is_alternatives_or_a_value_error(name: str, text: str) -> None:
    try:
        pairs = parse_value(name, text)
    except ValueError:
        return
    assert 1 <= len(pairs) <= MAX_ALTERNATIVES
    assert all(value & mask == value for value, mask in pairs)


def test_of_pairs_that_cover_each_other_the_wider_is_left() -> None:
    exact, prefix, other = (0x0A010001, 0xFFFFFFFF), (0x0A010000, 0xFFFF0000), (0x0B000000, 0xFFFFFFFF)
    assert without_covered((exact, prefix, other, prefix)) == (prefix, other)
    assert without_covered((exact, other, exact)) == (exact, other)


@given(
    st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)).map(lambda pair: (pair[0] & pair[1], pair[1])))
)
def test_leaving_out_what_is_covered_changes_no_meaning(pairs: list[Pair]) -> None:
    def meaning(of: tuple[Pair, ...]) -> set[int]:
        return {value for value in range(16) for wanted, mask in of if value & mask == wanted}

    kept = without_covered(tuple(pairs)) if pairs else ()
    assert meaning(kept) == meaning(tuple(pairs))
    for pair in kept:
        assert meaning(tuple(other for other in kept if other != pair)) >= meaning(kept) - meaning((pair,))
        assert not any(meaning((pair,)) <= meaning((other,)) for other in kept if other != pair)
