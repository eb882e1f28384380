"""Cutting a stream into frames, and patching a frame's xid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.errors import MalformedMessage
from flowvisor.openflow import frame as frames
from flowvisor.openflow.error_codes import BAD_LEN
from flowvisor.openflow.frame import (
    HEADER,
    MAX_FRAME_LENGTH,
    FrameCutter,
    type_of,
    version_of,
    with_xid,
    xid_of,
)


def frame_of(body: bytes, xid: int = 7) -> bytes:
    return HEADER.pack(4, frames.ECHO_REQUEST, 8 + len(body), xid) + body


@st.composite
def chopped_streams(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Frames, and the same bytes chopped anywhere."""
    bodies = draw(st.lists(st.binary(max_size=40), max_size=8))
    expected = [frame_of(body, xid) for xid, body in enumerate(bodies)]
    stream = b"".join(expected)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    return expected, [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(chopped_streams())
def test_every_frame_comes_out_wherever_the_stream_is_cut(
    chopped: tuple[list[bytes], list[bytes]],
) -> None:
    expected, pieces = chopped
    cutter = FrameCutter()
    assert [frame for piece in pieces for frame in cutter.feed(piece)] == expected
    assert cutter.pending_bytes == 0


def test_a_frame_of_the_greatest_length_may_come_byte_by_byte() -> None:
    frame = frame_of(bytes(MAX_FRAME_LENGTH - 8))
    cutter = FrameCutter()
    for at in range(MAX_FRAME_LENGTH - 1):
        assert cutter.feed(frame[at : at + 1]) == []
    assert cutter.pending_bytes == MAX_FRAME_LENGTH - 1
    assert cutter.feed(frame[-1:]) == [frame]


def test_a_read_that_is_one_frame_is_not_copied() -> None:
    frame = frame_of(b"x")
    assert FrameCutter().feed(frame)[0] is frame


def test_a_partial_frame_is_held_until_its_rest_comes() -> None:
    whole, partial = frame_of(b"whole"), frame_of(b"partial")
    cutter = FrameCutter()
    assert cutter.feed(whole + partial[:9]) == [whole]
    assert cutter.pending_bytes == 9
    assert cutter.feed(partial[9:] + whole + partial[:3]) == [partial, whole]
    assert cutter.pending_bytes == 3


@pytest.mark.parametrize("length", range(8))
def test_a_header_that_names_less_than_itself_ends_the_channel(length: int) -> None:
    cutter = FrameCutter()
    cutter.feed(frame_of(b"")[:5])
    with pytest.raises(MalformedMessage) as caught:
        cutter.feed(frame_of(b"")[5:] + HEADER.pack(4, 0, length, 1))
    assert (caught.value.error_type, caught.value.error_code) == BAD_LEN
    for data in (b"", frame_of(b"x")):
        with pytest.raises(MalformedMessage):
            cutter.feed(data)


def test_an_xid_is_replaced_and_nothing_else() -> None:
    frame = bytes.fromhex("040e0010 00000007 0102030405060708")
    patched = with_xid(frame, 0xFFFFFFFE)
    assert patched == bytes.fromhex("040e0010 fffffffe 0102030405060708")
    assert (version_of(patched), type_of(patched), xid_of(patched)) == (4, frames.FLOW_MOD, 0xFFFFFFFE)
