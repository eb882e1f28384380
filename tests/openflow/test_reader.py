"""Reading within bounds."""

from collections.abc import Callable
from struct import Struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.errors import MalformedMessage
from flowvisor.openflow.error_codes import ACTION_BAD_LEN, BAD_LEN, INST_BAD_LEN, ErrorCode
from flowvisor.openflow.reader import Reader, text_field

DATA = bytes(range(1, 25))

READS: dict[str, Callable[[Reader], object]] = {
    "u8": Reader.u8,
    "u16": Reader.u16,
    "u32": Reader.u32,
    "u64": Reader.u64,
    "peek_u16": Reader.peek_u16,
    "take": lambda reader: reader.take(3),
    "skip": lambda reader: reader.skip(3),
    "text": lambda reader: reader.text(3),
    "unpack": lambda reader: reader.unpack(Struct("!BH")),
}


def refusal(act: Callable[[], object]) -> ErrorCode:
    with pytest.raises(MalformedMessage) as caught:
        act()
    return caught.value.error_type, caught.value.error_code


def test_numbers_are_big_endian_and_follow_one_another() -> None:
    reader = Reader(DATA)
    assert (reader.u8(), reader.u16(), reader.u32()) == (1, 0x0203, 0x04050607)
    assert reader.u64() == 0x08090A0B0C0D0E0F
    assert (reader.offset, reader.remaining) == (15, 9)
    reader.skip(2)
    reader.advance_to(18)
    assert (reader.peek_u16(), reader.peek_u16(ahead=3)) == (0x1314, 0x1617)
    assert reader.unpack(Struct("!BH")) == (19, 0x1415)
    assert reader.take(1) == b"\x16"
    assert reader.rest() == b"\x17\x18"
    assert reader.data is DATA
    reader.finish()


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_no_read_passes_the_end_of_its_level(read: Callable[[Reader], object]) -> None:
    assert refusal(lambda: read(Reader(b""))) == BAD_LEN
    assert refusal(lambda: read(Reader(DATA, 4, 4, INST_BAD_LEN))) == INST_BAD_LEN
    reader = Reader(DATA)
    with reader.within(0, ACTION_BAD_LEN):
        assert refusal(lambda: read(reader)) == ACTION_BAD_LEN


def test_a_level_must_be_read_to_its_end() -> None:
    def leave_early() -> None:
        reader = Reader(DATA)
        with reader.within(4, ACTION_BAD_LEN):
            reader.u16()

    assert refusal(leave_early) == ACTION_BAD_LEN
    assert refusal(Reader(DATA).finish) == BAD_LEN


def test_a_level_cannot_be_longer_than_the_one_around_it() -> None:
    reader = Reader(DATA)
    with reader.within(8, INST_BAD_LEN):
        assert refusal(lambda: reader.within(9, ACTION_BAD_LEN)) == ACTION_BAD_LEN
        assert refusal(lambda: reader.within(-1, ACTION_BAD_LEN)) == ACTION_BAD_LEN
        reader.rest()
    assert reader.remaining == 16


def test_after_a_level_the_one_around_it_goes_on() -> None:
    reader = Reader(DATA)
    with reader.within(4, INST_BAD_LEN):
        with reader.within(2, ACTION_BAD_LEN):
            assert reader.rest() == b"\x01\x02"
        assert reader.rest() == b"\x03\x04"
    assert reader.u8() == 5


def test_another_exception_is_not_hidden_by_bytes_left_unread() -> None:
    with pytest.raises(KeyError), Reader(DATA).within(4, ACTION_BAD_LEN):
        raise KeyError


@given(st.binary(max_size=15))
def test_text_ends_at_its_first_zero_and_keeps_every_other_byte(raw: bytes) -> None:
    field = raw.ljust(16, b"\0")
    text = Reader(field).text(16)
    assert text_field(text, 16) == raw.split(b"\0")[0].ljust(16, b"\0")


def test_text_is_cut_to_leave_a_zero() -> None:
    assert text_field("eth" * 10, 8) == b"ethethe\0"
    assert Reader(b"ABCD").text(4) == "ABC"
    assert text_field("Ω", 4) == b"?\0\0\0"


def test_a_decoder_may_refuse_with_the_error_of_its_level() -> None:
    reader = Reader(DATA)
    with reader.within(3, INST_BAD_LEN):
        assert refusal(lambda: reader.refuse("an odd length")) == INST_BAD_LEN
        reader.rest()
