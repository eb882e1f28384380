"""Datapath ids: every form in which people write them is read, 16 hexadecimal digits are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.network.dpid import MAX_DPID, format_dpid, parse_dpid

DPIDS = st.integers(min_value=0, max_value=MAX_DPID)


@pytest.mark.parametrize(
    ("text", "dpid"),
    [
        ("0000000000000010", 0x10),
        ("00A4230500000001", 0x00A4230500000001),
        ("00000000000001e5", 0x1E5),
        ("10:00:00:00:00:00:00:01", 0x1000000000000001),
        ("of:000000000000000a", 0xA),
        ("openflow:10", 10),
        ("00-00-00-00-00-0a", 0xA),
        ("00-00-00-00-00-0a|3", 0x000300000000000A),
        ("0x1f", 0x1F),
    ],
)
def test_each_controllers_form_is_read(text: str, dpid: int) -> None:
    assert parse_dpid(text) == dpid


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1",
            "10",
            "leaf-1",
            "0x",
            "0x10000000000000000",
            "openflow:18446744073709551616",
            "openflow:-1",
        ),
        *("00:00:00:00:00:01", "00-00-00-00-00-0a|65536", "00000000000000010", "0000000000000001\n"),
        *("0_00000000000001", "٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠١"),
    ],
)
def test_what_is_no_dpid_or_may_be_two_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a dpid; write 16 hexadecimal digits"):
        parse_dpid(text)


@given(DPIDS)
def test_what_is_written_is_read_back(dpid: int) -> None:
    text = format_dpid(dpid)
    assert len(text) == 16
    assert text == text.lower()
    assert parse_dpid(text) == dpid


@given(DPIDS)
def test_all_forms_of_one_dpid_mean_the_same(dpid: int) -> None:
    text = format_dpid(dpid)
    pairs = [text[i : i + 2] for i in range(0, 16, 2)]
    forms = (
        ":".join(pairs),
        f"of:{text}",
        f"openflow:{dpid}",
        "-".join(pairs[2:]) + f"|{dpid >> 48}",
        hex(dpid),
    )
    assert {parse_dpid(form) for form in forms} == {dpid}
