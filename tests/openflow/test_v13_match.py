"""OpenFlow 1.3's match on the wire."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.errors import MalformedMessage
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow.fields import FIELDS, Field
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.v13_match import check_match, decode_match, encode_match
from tests.support.examples import examples
from tests.support.message_strategies import matches, prerequisites
from tests.support.refusals import refusal

every_field = pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)


def match_of(*entries: str, length: int | None = None) -> bytes:
    """A match of OXM entries in hexadecimal, with its padding."""
    body = bytes.fromhex("".join(entries))
    size = 4 + len(body)
    head = b"\0\1" + (size if length is None else length).to_bytes(2, "big")
    return head + body + bytes(-size % 8)


def refused(*entries: str, length: int | None = None) -> ec.ErrorCode:
    return refusal(lambda: decode_match(match_of(*entries, length=length)))


IN_PORT = "80000004 00000003"
ETH_DST = "80000606 0a0b0c0d0e0f"
ETH_DST_MASKED = "8000070c 010000000000 010000000000"
IPV4 = "80000a02 0800"
VLAN_5 = "80000c02 1005"
TCP = "80001401 06"


@pytest.mark.parametrize(
    ("match", "wire"),
    [
        (Match(), match_of()),
        (Match.of(in_port=3), match_of(IN_PORT)),
        (Match.of(in_port=3, eth_dst=0x0A0B0C0D0E0F), match_of(IN_PORT, ETH_DST)),
        (Match.of(eth_dst=(1 << 40, 1 << 40)), match_of(ETH_DST_MASKED)),
        (Match.of(vlan_vid=(0x1000, 0x1000)), match_of("80000d04 1000 1000")),
        (Match.of(vlan_vid=0), match_of("80000c02 0000")),
        (
            Match.of(eth_type=0x0800, ip_proto=6, tcp_dst=80, ipv4_src=(0x0A000000, 0xFF000000)),
            match_of(IPV4, TCP, "80001708 0a000000 ff000000", "80001c02 0050"),
        ),
        (Match({}, (OpaqueField(0x00010204, b"\0\0\0\1"),)), match_of("00010204 00000001")),
    ],
    ids=["all", "exact", "two", "masked", "tagged", "untagged", "sorted", "opaque"],
)
def test_a_match_has_these_bytes(match: Match, wire: bytes) -> None:
    assert encode_match(match) == wire
    assert decode_match(wire) == match


def test_an_empty_match_is_eight_bytes() -> None:
    assert encode_match(Match()) == bytes.fromhex("0001 0004 00000000")


def test_entries_are_written_after_what_they_need() -> None:
    match = Match.of(vlan_pcp=3).having(vlan_vid=0x1005)
    assert list(match.fields) == ["vlan_pcp", "vlan_vid"]
    assert decode_match(encode_match(match)) == match


def test_padding_may_hold_anything() -> None:
    assert decode_match(bytes.fromhex("0001 000a 80000a02 0800 ffffffffffff")) == Match.of(eth_type=0x0800)


def test_a_full_mask_is_no_mask_and_an_empty_one_no_field() -> None:
    assert decode_match(match_of("8000070c 0a0b0c0d0e0f ffffffffffff")) == decode_match(match_of(ETH_DST))
    assert decode_match(match_of("8000070c 000000000000 000000000000")) == Match()
    # vlan_vid has 13 bits in 16: a mask of ones may be written in either width
    assert decode_match(match_of("80000d04 1005 ffff")) == decode_match(match_of(VLAN_5))


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        ("0000 0004 00000000", ec.MATCH_BAD_TYPE),
        ("0002 0004 00000000", ec.MATCH_BAD_TYPE),
        ("0001 0000 00000000", ec.MATCH_BAD_LEN),
        ("0001 0003 00000000", ec.MATCH_BAD_LEN),
        ("0001 0004", ec.MATCH_BAD_LEN),
        ("0001 0009 00000000", ec.MATCH_BAD_LEN),
        ("0001 0006 80000000", ec.MATCH_BAD_LEN),
        ("0001", ec.MATCH_BAD_LEN),
        ("", ec.MATCH_BAD_LEN),
    ],
)
def test_a_match_whose_frame_is_wrong_is_refused(wire: str, error: ec.ErrorCode) -> None:
    assert refusal(lambda: decode_match(bytes.fromhex(wire))) == error
    assert refusal(lambda: check_match(bytes.fromhex(wire), 0)) == error


def test_bytes_after_the_match_are_refused_where_there_should_be_none() -> None:
    wire = match_of(IN_PORT)
    assert refusal(lambda: decode_match(wire + b"\0")) == ec.MATCH_BAD_LEN


@every_field
def test_a_field_of_another_length_is_refused(field: Field) -> None:
    header = f"{field.oxm_header - 1:08x}"
    assert refused(header, "00" * (field.length - 1)) == ec.MATCH_BAD_LEN
    longer = f"{field.oxm_header + 1:08x}"
    assert refused(longer, "00" * (field.length + 1)) == ec.MATCH_BAD_LEN


@every_field
def test_a_value_wider_than_its_field_is_refused(field: Field) -> None:
    if field.bits == 8 * field.length:
        return
    entries = encode_match(Match.of(**{name: values[0] for name, values in prerequisites(field)}))
    length = int.from_bytes(entries[2:4], "big")
    needed = entries[4:length].hex()
    too_wide = f"{field.all_ones + 1:0{2 * field.length}x}"
    assert refused(needed, f"{field.oxm_header:08x}", too_wide) == ec.MATCH_BAD_VALUE
    if field.maskable:
        assert refused(needed, f"{field.masked_oxm_header:08x}", too_wide * 2) == ec.MATCH_BAD_VALUE


@every_field
def test_a_mask_is_taken_where_the_field_has_one_only(field: Field) -> None:
    entries = encode_match(Match.of(**{name: values[0] for name, values in prerequisites(field)}))
    needed = entries[4 : int.from_bytes(entries[2:4], "big")].hex()
    one = f"{1:0{2 * field.length}x}"
    wire = match_of(needed, f"{field.masked_oxm_header:08x}", one, one)
    if field.maskable:
        assert decode_match(wire).fields[field.name] == (1, 1)
        assert check_match(wire, 0) == len(wire)
    else:
        assert refusal(lambda: decode_match(wire)) == ec.MATCH_BAD_MASK
        assert refusal(lambda: check_match(wire, 0)) == ec.MATCH_BAD_MASK
        assert decode_match(wire, strict=False).fields[field.name] == (1, 1)


@every_field
def test_a_field_needs_its_prerequisites_before_it(field: Field) -> None:
    alone = Match.of(**{field.name: 0})
    needed = prerequisites(field)
    if not needed:
        assert decode_match(encode_match(alone)) == alone
        return
    assert refusal(lambda: decode_match(encode_match(alone))) == ec.MATCH_BAD_PREREQ
    assert decode_match(encode_match(alone), strict=False) == alone
    for missing, _ in needed:
        others = Match.of(**{name: values[0] for name, values in needed if name != missing})
        wire = encode_match(others.having(**{field.name: 0}))
        assert refusal(lambda wire=wire: decode_match(wire)) == ec.MATCH_BAD_PREREQ  # type: ignore[misc]
    for name, values in needed:
        for value in values:
            whole = Match.of(**{other: them[0] for other, them in needed}).having(
                **{name: value, field.name: 0}
            )
            assert decode_match(encode_match(whole)) == whole


def test_a_prerequisite_that_comes_later_does_not_count() -> None:
    assert refused(TCP, IPV4) == ec.MATCH_BAD_PREREQ


@pytest.mark.parametrize("vlan", ["80000c02 0000", "80000d04 0000 1000", "80000d04 0005 0fff", ""])
def test_a_vlan_priority_needs_a_tag(vlan: str) -> None:
    assert refused(vlan, "80000e01 03") == ec.MATCH_BAD_PREREQ


@pytest.mark.parametrize("vlan", [VLAN_5, "80000d04 1000 1000"])
def test_any_tag_will_do_for_a_vlan_priority(vlan: str) -> None:
    assert decode_match(match_of(vlan, "80000e01 03")).exact("vlan_pcp") == 3


def test_other_offences_have_their_own_errors() -> None:
    assert refused("80005004 00000001") == ec.MATCH_BAD_FIELD  # number 40 is 1.4's at the earliest
    assert refused(IN_PORT, IN_PORT) == ec.MATCH_DUP_FIELD
    assert refused(ETH_DST, ETH_DST_MASKED) == ec.MATCH_DUP_FIELD
    assert refused("8000070c 030000000000 010000000000") == ec.MATCH_BAD_WILDCARDS
    assert refused(IN_PORT, "80000a") == ec.MATCH_BAD_LEN  # less than a header
    assert refused("800000ff 00000003") == ec.MATCH_BAD_LEN  # past the end
    assert refused("ffff0003 000001") == ec.MATCH_BAD_LEN  # an experimenter without its id


def test_datapaths_are_believed_where_no_harm_is_done() -> None:
    masked_port = match_of(IPV4, TCP, "80001d04 0050 fff0")
    assert refusal(lambda: decode_match(masked_port)) == ec.MATCH_BAD_MASK
    shown = decode_match(masked_port, strict=False)
    assert shown.fields["tcp_dst"] == (0x50, 0xFFF0)
    assert encode_match(shown) == masked_port
    outside = decode_match(match_of("8000070c 030000000000 010000000000"), strict=False)
    assert outside == Match.of(eth_dst=(1 << 40, 1 << 40))
    later = decode_match(match_of("80005602 0010"), strict=False)  # 1.5's tcp_flags
    assert later.opaque == (OpaqueField(0x80005602, b"\0\x10"),)


@examples(60)
@given(matches(), st.binary(max_size=9))
def test_checking_finds_the_same_end_as_decoding(match: Match, before: bytes) -> None:
    wire = encode_match(match)
    frame = before + wire + b"after"
    if match.opaque:
        assert refusal(lambda: check_match(frame, len(before))) == ec.MATCH_BAD_FIELD
    else:
        assert check_match(frame, len(before)) == len(before) + len(wire)


@examples(80)
@given(matches(opaque=False), st.data())
def test_what_checking_passes_cannot_lie_about_a_length(match: Match, data: st.DataObject) -> None:
    wire = bytearray(encode_match(match))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 0xFF))
    try:
        end = check_match(bytes(wire), 0)
    except MalformedMessage:
        return
    assert end == len(wire)
    with suppress(MalformedMessage):
        decode_match(bytes(wire), strict=False)
        return
    lengths_and_names = (ec.MATCH_BAD_LEN, ec.MATCH_BAD_TYPE, ec.MATCH_BAD_FIELD)
    assert refusal(lambda: decode_match(bytes(wire), strict=False)) not in lengths_and_names


@given(st.binary(max_size=40), st.integers(0, 45))
def test_checking_raises_nothing_else_whatever_it_is_given(frame: bytes, offset: int) -> None:
    with suppress(MalformedMessage):
        assert check_match(frame, offset) <= len(frame)
