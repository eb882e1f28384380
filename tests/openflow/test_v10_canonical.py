"""1.0's match as an int: the same as decoding it and encoding it again, without doing either."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from flowvisor.openflow import v10_match as v
from flowvisor.openflow.fields import FIELDS, IP_PROTO_ICMP
from flowvisor.openflow.match import Match
from flowvisor.openflow.v10_canonical import bits_of, canonical_match
from flowvisor.openflow.v10_match import MATCH_LENGTH, MATCH_STRUCT, decode_match, encode_match
from tests.support.message_strategies_10 import matches

IPV4 = 0x0800
selectors = {
    "in_port": st.sampled_from((0, 1, 0xFF00, 0xFFF8, 0xFFFE, 0xFFFF)),
    "dl_vlan": st.sampled_from((0, 100, 0xFFF, 0x1064, 0xF000, 0xFFFE, 0xFFFF)),
    "dl_type": st.sampled_from((0, IPV4, 0x0806, 0x86DD, 0x88CC)),
    "nw_proto": st.sampled_from((0, 1, 2, 6, 17, 58, 132, 255)),
}
u8, u16, u32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
hardware = st.binary(min_size=6, max_size=6)
sensible = st.builds(
    MATCH_STRUCT.pack,
    *(u32, selectors["in_port"], hardware, hardware, selectors["dl_vlan"], u8),
    *(selectors["dl_type"], u8, selectors["nw_proto"], u32, u32, u16, u16),
)
anything = st.binary(min_size=MATCH_LENGTH, max_size=MATCH_LENGTH)


def matches_icmp(data: bytes) -> bool:
    wild, _, _, _, _, _, dl_type, _, nw_proto, *_ = MATCH_STRUCT.unpack(data)
    selected = not wild & (v.WILD_DL_TYPE | v.WILD_NW_PROTO) and dl_type == IPV4 and nw_proto == IP_PROTO_ICMP
    return selected and wild & (v.WILD_TP_SRC | v.WILD_TP_DST) != v.WILD_TP_SRC | v.WILD_TP_DST


@given(st.one_of(sensible, anything))
@example(bytes(MATCH_LENGTH))
@example(b"\xff" * MATCH_LENGTH)
def test_it_is_the_int_of_the_match_decoded_and_encoded_again(data: bytes) -> None:
    found = canonical_match(data)
    if found is None:
        assert matches_icmp(data)
    else:
        assert not matches_icmp(data)
        assert found == int.from_bytes(encode_match(decode_match(data)), "big")


@given(matches)
def test_what_was_encoded_is_canonical_already(match: Match) -> None:
    data = encode_match(match)
    assert canonical_match(data) in (None, int.from_bytes(data, "big"))


@given(matches, matches, st.sets(st.sampled_from(sorted(FIELDS))))
def test_matches_that_agree_on_the_bits_of_some_fields_say_the_same_of_them(
    one: Match, other: Match, names: set[str]
) -> None:
    bits = bits_of(names)
    ints = [int.from_bytes(encode_match(match), "big") for match in (one, other)]
    if ints[0] & bits == ints[1] & bits:
        for name in names:
            assert one.fields.get(name) == other.fields.get(name)


@given(matches, st.data())
def test_a_field_that_differs_alone_differs_in_its_bits(match: Match, data: st.DataObject) -> None:
    if not match.fields:
        return
    name = data.draw(st.sampled_from(sorted(match.fields)))
    changed = match.having(**{name: data.draw(st.integers(0, FIELDS[name].all_ones))})
    if changed == match:
        return
    try:
        ints = [int.from_bytes(encode_match(each), "big") for each in (match, changed)]
    except v.Inexpressible:
        return
    assert (ints[0] ^ ints[1]) & bits_of([name])


def test_fields_that_1_0_lacks_have_no_bits() -> None:
    assert bits_of(["ipv6_src", "metadata"]) == bits_of([])


def test_the_bits_of_a_field_are_its_own_and_what_selects_it() -> None:
    always = bits_of([])
    assert bits_of(["eth_type", "ip_proto"]) == always
    ports = bits_of(["in_port"]) ^ always
    assert ports == 0xFFFF << (MATCH_LENGTH - 6) * 8
    assert bits_of(["tcp_src"]) == bits_of(["udp_src"]) == bits_of(["icmpv4_type"])
    assert bits_of(["in_port", "eth_src"]) == bits_of(["in_port"]) | bits_of(["eth_src"])
