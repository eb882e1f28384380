"""The codec of OpenFlow 1.3 as a whole: every message goes to bytes and back, and nothing else comes out."""

from struct import pack, unpack_from
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import v13
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.frame import HEADER
from flowvisor.openflow.messages import EchoRequest, FlowMod, Hello, Message, PacketOut
from tests.support.examples import examples
from tests.support.message_strategies import MESSAGES_13, messages_13

every_message = pytest.mark.parametrize("cls", MESSAGES_13, ids=lambda cls: cls.__name__)
LIES = (0, 1, 2, 4, 7, 8, 12, 16, 24, 0x7FFF, 0xFFFF)


def refusal(frame: bytes) -> ec.ErrorCode | None:
    """What decoding answers; any other exception fails the test."""
    try:
        v13.decode(frame)
    except MalformedMessage as error:
        return error.error_type, error.error_code
    return None


def with_true_length(frame: bytes) -> bytes:
    """The frame with a header that says how long it is."""
    return frame[:2] + pack("!H", len(frame)) + frame[4:]


def is_refused_or_stays(frame: bytes) -> None:
    """What is read, however odd, is written, and from then on nothing changes."""
    try:
        message = v13.decode(frame)
    except MalformedMessage:
        return
    again = v13.encode(message)
    assert v13.encode(v13.decode(again)) == again


def test_there_is_a_strategy_for_every_message_of_the_codec() -> None:
    assert {form.message for form in v13.FORMS} == set(MESSAGES_13)


@every_message
@examples(60)
@given(data=st.data())
def test_what_is_encoded_decodes_to_itself(cls: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages_13(cls))
    frame = v13.encode(message)
    assert unpack_from("!H", frame, 2) == (len(frame),)
    assert v13.decode(frame) == message


@every_message
@examples(8)
@given(data=st.data())
def test_a_frame_cut_short_or_lengthened_is_refused_or_read(cls: type[Message], data: st.DataObject) -> None:
    frame = v13.encode(data.draw(messages_13(cls)))
    for length in range(len(frame)):
        assert refusal(frame[:length]) == ec.BAD_LEN  # the header says more
        is_refused_or_stays(with_true_length(frame[:length].ljust(8, b"\0")))
    is_refused_or_stays(with_true_length(frame + bytes(8)))


@pytest.mark.no_cover
@every_message
@examples(4)
@given(data=st.data())
def test_a_length_that_lies_anywhere_is_refused_or_read(cls: type[Message], data: st.DataObject) -> None:
    frame = v13.encode(data.draw(messages_13(cls)))
    lies = data.draw(st.lists(st.sampled_from(LIES), min_size=3, max_size=4))
    for at in range(8, min(len(frame) - 1, 200)):
        for lie in lies:
            is_refused_or_stays(frame[:at] + pack("!H", lie) + frame[at + 2 :])


@every_message
@examples(40)
@given(data=st.data())
def test_a_frame_with_bytes_changed_is_refused_or_read(cls: type[Message], data: st.DataObject) -> None:
    frame = bytearray(v13.encode(data.draw(messages_13(cls))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(frame) - 1))
        frame[at] = data.draw(st.integers(0, 0xFF))
    is_refused_or_stays(bytes(frame))


@pytest.mark.parametrize("kind", range(31))
@examples(40)
@given(body=st.binary(max_size=120))
def test_any_bytes_at_all_are_refused_or_read(kind: int, body: bytes) -> None:
    frame = HEADER.pack(4, kind, 8 + len(body), 1) + body
    is_refused_or_stays(frame)


@given(st.binary(max_size=40))
def test_not_even_a_header_is_trusted(frame: bytes) -> None:
    refusal(frame)


@pytest.mark.parametrize("kind", [30, 31, 99, 255])
def test_an_unknown_type_is_a_bad_type(kind: int) -> None:
    assert refusal(HEADER.pack(4, kind, 8, 1)) == ec.BAD_TYPE


def test_another_version_is_a_bad_version() -> None:
    assert refusal(HEADER.pack(1, 2, 8, 1)) == ec.BAD_VERSION
    assert refusal(HEADER.pack(5, 99, 8, 1)) == ec.BAD_VERSION


@pytest.mark.parametrize("length", [0, 7, 9, 0xFFFF])
def test_a_header_that_does_not_name_the_frames_length_is_a_bad_length(length: int) -> None:
    assert refusal(HEADER.pack(4, 2, length, 1)) == ec.BAD_LEN


def test_a_hello_of_any_version_is_read_and_written() -> None:
    hello = Hello(xid=3, version=6, versions=frozenset({1, 4}))
    frame = v13.encode(hello)
    assert frame == bytes.fromhex("06000010 00000003 00010008 00000012")
    assert v13.decode(frame) == hello
    assert v13.decode(HEADER.pack(1, 0, 8, 3)) == Hello(xid=3, version=1)


@pytest.mark.parametrize(
    "message",
    [
        EchoRequest(data=bytes(0xFFF8)),
        PacketOut(data=bytes(0xFFF0)),
        PacketOut(actions=(Output(1),) * 5000),
        FlowMod(instructions=(ApplyActions((Output(1),) * 4096),)),
    ],
    ids=["data", "packet", "actions", "instructions"],
)
def test_what_does_not_fit_a_frame_is_inexpressible(message: Message) -> None:
    with pytest.raises(Inexpressible) as caught:
        v13.encode(message)
    assert (caught.value.error_type, caught.value.error_code) == ec.BAD_LEN


def test_a_message_that_is_not_openflows_is_inexpressible() -> None:
    class Alien(Message):
        pass

    with pytest.raises(Inexpressible):
        v13.encode(Alien(xid=1))


def test_the_parts_that_translation_patches_are_named_here() -> None:
    parts: dict[str, Any] = {name: getattr(v13, name) for name in v13.__all__}
    assert parts["decode_actions"](parts["encode_actions"]((Output(1),))) == (Output(1),)
