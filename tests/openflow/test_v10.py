"""The codec of OpenFlow 1.0 as a whole: every message goes to bytes and back, and nothing else comes out."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v10, v13
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.frame import HEADER
from flowvisor.openflow.messages import Message
from flowvisor.openflow.ports import MAX_PORT, Port
from tests.support.examples import examples
from tests.support.message_strategies_10 import MESSAGES_10, messages_10

every_message = pytest.mark.parametrize("cls", MESSAGES_10, ids=lambda cls: cls.__name__)
LIES = (0, 1, 2, 4, 7, 8, 12, 16, 24, 0x7FFF, 0xFFFF)


def refusal(frame: bytes) -> ec.ErrorCode | None:
    """What decoding answers; any other exception fails the test."""
    try:
        v10.decode(frame)
    except MalformedMessage as error:
        return error.error_type, error.error_code
    return None


def is_refused_or_stays(frame: bytes) -> None:
    """What is read, however odd, is written, and from then on nothing changes."""
    try:
        message = v10.decode(frame)
    except MalformedMessage:
        return
    again = v10.encode(message)
    assert v10.encode(v10.decode(again)) == again


def with_true_length(frame: bytes) -> bytes:
    return frame[:2] + pack("!H", len(frame)) + frame[4:]


def test_there_is_a_strategy_for_every_message_of_the_codec() -> None:
    assert set(v10.MESSAGE_CLASSES) == set(MESSAGES_10)


@every_message
@examples(60)
@given(data=st.data())
def test_what_is_encoded_decodes_to_itself(cls: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages_10(cls))
    frame = v10.encode(message)
    assert HEADER.unpack_from(frame)[2] == len(frame)
    assert v10.decode(frame) == message


@every_message
@examples(8)
@given(data=st.data())
def test_a_frame_cut_short_or_lengthened_is_refused_or_read(cls: type[Message], data: st.DataObject) -> None:
    frame = v10.encode(data.draw(messages_10(cls)))
    for length in range(min(len(frame), 250)):
        assert refusal(frame[:length]) == ec.BAD_LEN  # the header says more
        is_refused_or_stays(with_true_length(frame[:length].ljust(8, b"\0")))
    is_refused_or_stays(with_true_length(frame + bytes(8)))


@pytest.mark.no_cover
@every_message
@examples(4)
@given(data=st.data())
def test_a_length_that_lies_anywhere_is_refused_or_read(cls: type[Message], data: st.DataObject) -> None:
    frame = v10.encode(data.draw(messages_10(cls)))
    lies = data.draw(st.lists(st.sampled_from(LIES), min_size=3, max_size=5))
    for at in range(8, min(len(frame) - 1, 200)):
        for lie in lies:
            is_refused_or_stays(frame[:at] + pack("!H", lie) + frame[at + 2 :])


@every_message
@examples(40)
@given(data=st.data())
def test_a_frame_with_bytes_changed_is_refused_or_read(cls: type[Message], data: st.DataObject) -> None:
    frame = bytearray(v10.encode(data.draw(messages_10(cls))))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 0xFF))
    is_refused_or_stays(bytes(frame))


@pytest.mark.parametrize("kind", range(23))
@examples(40)
@given(body=st.binary(max_size=120))
def test_any_bytes_at_all_are_refused_or_read(kind: int, body: bytes) -> None:
    is_refused_or_stays(HEADER.pack(1, kind, 8 + len(body), 1) + body)


@given(st.binary(max_size=40))
def test_not_even_a_header_is_trusted(frame: bytes) -> None:
    refusal(frame)


@pytest.mark.parametrize("kind", [22, 29, 255])
def test_an_unknown_type_is_a_bad_type(kind: int) -> None:
    assert refusal(HEADER.pack(1, kind, 8, 1)) == ec.BAD_TYPE


@pytest.mark.parametrize("version", [0, 2, 4])
def test_another_version_is_a_bad_version(version: int) -> None:
    assert refusal(HEADER.pack(version, 2, 8, 1)) == ec.BAD_VERSION


@pytest.mark.parametrize("length", [0, 7, 9, 0xFFFF])
def test_a_header_that_does_not_name_the_frames_length_is_a_bad_length(length: int) -> None:
    assert refusal(HEADER.pack(1, 2, length, 1)) == ec.BAD_LEN


@pytest.mark.parametrize(
    "kind", [v10.FEATURES_REQUEST, v10.GET_CONFIG_REQUEST, v10.BARRIER_REQUEST, v10.BARRIER_REPLY]
)
def test_what_has_no_body_must_have_none(kind: int) -> None:
    assert refusal(HEADER.pack(1, kind, 8, 1)) is None
    assert refusal(HEADER.pack(1, kind, 16, 1) + bytes(8)) == ec.BAD_LEN


ONLY_13 = sorted({form.message for form in v13.FORMS} - set(MESSAGES_10), key=lambda cls: cls.__name__)
NEEDED = {
    m.GroupMod: {"command": 0, "group_id": 1},
    m.TableMod: {"table_id": 0},
    m.RoleRequest: {"role": 0},
    m.RoleReply: {"role": 0},
    m.MeterMod: {"command": 0, "meter_id": 1},
}


@pytest.mark.parametrize("cls", ONLY_13, ids=lambda cls: cls.__name__)
def test_a_message_that_1_0_does_not_have_is_inexpressible(cls: type[Message]) -> None:
    with pytest.raises(Inexpressible) as caught:
        v10.encode(cls(**NEEDED.get(cls, {})))
    assert (caught.value.error_type, caught.value.error_code) == ec.BAD_TYPE


@pytest.mark.parametrize(
    "message",
    [
        m.EchoRequest(data=bytes(0xFFF8)),
        m.PacketOut(data=bytes(0xFFF0)),
        m.PacketOut(actions=(Output(1),) * 8192),
        m.FlowMod(instructions=(ApplyActions((Output(1),) * 8192),)),
        mp.FlowStatsReply(flows=(mp.FlowStats(instructions=(ApplyActions((Output(1),) * 8192),)),)),
        m.FeaturesReply(dpid=1, ports=(Port(1),) * 1400),
        m.QueueGetConfigReply(
            port=1, queues=(m.PacketQueue(1, opaque=(m.OpaqueProperty(9, bytes(65530)),)),)
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_no_frame_can_hold_is_inexpressible(message: Message) -> None:
    with pytest.raises(Inexpressible):
        v10.encode(message)


def test_capabilities_that_differ_keep_out_of_each_others_way() -> None:
    frame = bytearray(v10.encode(m.FeaturesReply(dpid=1)))
    frame[24:28] = pack("!I", 0xFF)
    message = v10.decode(bytes(frame))
    assert isinstance(message, m.FeaturesReply)
    assert not message.capabilities & m.GROUP_STATS
    assert message.capabilities & m.STP_10
    assert message.capabilities & m.ARP_MATCH_IP_10
    with_groups = m.FeaturesReply(dpid=1, capabilities=m.GROUP_STATS | m.PORT_BLOCKED)
    assert v10.decode(v10.encode(with_groups)) == m.FeaturesReply(dpid=1)


def test_a_second_minimum_rate_is_kept_as_it_is() -> None:
    queue = m.PacketQueue(7, min_rate=100, opaque=(m.OpaqueProperty(1, bytes((0, 200, 0, 0, 0, 0, 0, 0))),))
    frame = v10.encode(m.QueueGetConfigReply(port=1, queues=(queue,)))
    assert v10.decode(frame) == m.QueueGetConfigReply(port=1, queues=(queue,))


def test_ports_beyond_sixteen_bits_are_inexpressible_with_the_errors_of_their_messages() -> None:
    for message, error in (
        (m.PortMod(port=0x10000), ec.PORT_MOD_BAD_PORT),
        (m.QueueGetConfigRequest(port=MAX_PORT - 1), ec.QUEUE_BAD_PORT),
        (m.PacketOut(in_port=0xFF00), ec.REQUEST_BAD_PORT),
        (m.PacketOut(actions=(Output(0x10000),)), ec.ACTION_BAD_OUT_PORT),
    ):
        with pytest.raises(Inexpressible) as caught:
            v10.encode(message)
        assert (caught.value.error_type, caught.value.error_code) == error
