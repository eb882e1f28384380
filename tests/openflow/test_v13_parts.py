"""Ports, buckets, bands and queues of OpenFlow 1.3 on the wire."""

from hypothesis import given

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow.actions import Actions, Output
from flowvisor.openflow.messages import Bucket, MeterBand, OpaqueProperty, PacketQueue
from flowvisor.openflow.ports import LINK_DOWN, NO_FLOOD, NO_STP, PORT_DOWN, Port
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.v13_parts import (
    read_bands,
    read_buckets,
    read_port,
    read_queue,
    write_bands,
    write_buckets,
    write_port,
    write_queue,
)
from tests.support.message_strategies import bands, bucket_lists, ports, queues, shown_actions
from tests.support.refusals import refusal


def reader_of(wire: str | bytes) -> Reader:
    return Reader(bytes.fromhex(wire) if isinstance(wire, str) else wire)


@given(ports)
def test_a_port_is_64_bytes_and_decodes_to_itself(port: Port) -> None:
    assert len(write_port(port)) == 64
    assert read_port(reader_of(write_port(port))) == port


def test_what_1_0_says_of_a_port_beyond_1_3_is_left_out() -> None:
    port = Port(1, config=PORT_DOWN | NO_STP | NO_FLOOD, state=LINK_DOWN | 0x300)
    assert read_port(reader_of(write_port(port))) == Port(1, config=PORT_DOWN, state=LINK_DOWN)


@given(bucket_lists(shown_actions))
def test_buckets_decode_to_themselves(buckets: tuple[Bucket, ...]) -> None:
    assert read_buckets(reader_of(write_buckets(buckets)), strict=False) == buckets


def test_a_bucket_is_as_strict_about_its_actions_as_its_message() -> None:
    shown: Actions = (Output(1),)
    wire = write_buckets((Bucket(actions=shown),)) + bytes.fromhex(
        "0020 0000 ffffffff ffffffff 00000000 0019 0010 00010004 00000001 00000000"
    )
    assert refusal(lambda: read_buckets(reader_of(wire), strict=True)) == ec.ACTION_BAD_SET_TYPE
    assert len(read_buckets(reader_of(wire), strict=False)) == 2


def test_a_bucket_that_lies_about_its_length_is_a_bad_bucket() -> None:
    wire = "0018 0000 ffffffff ffffffff 00000000"
    assert refusal(lambda: read_buckets(reader_of(wire), strict=True)) == ec.GROUP_BAD_BUCKET


@given(bands)
def test_bands_decode_to_themselves(list_of_bands: tuple[MeterBand, ...]) -> None:
    assert read_bands(reader_of(write_bands(list_of_bands))) == list_of_bands


@given(queues)
def test_a_queue_decodes_to_itself(queue: PacketQueue) -> None:
    assert read_queue(reader_of(write_queue(queue))) == queue


def test_an_unknown_property_of_a_queue_is_kept() -> None:
    wire = "00000001 00000002 001c 000000000000 0007 000c 00000000 01020304"
    assert read_queue(reader_of(wire)) == PacketQueue(1, 2, opaque=(OpaqueProperty(7, b"\1\2\3\4"),))


def test_a_queue_or_a_property_that_lies_about_its_length_is_refused() -> None:
    for wire in (
        "00000001 00000002 0008 000000000000",
        "00000001 00000002 0018 000000000000",
        "00000001 00000002 0018 000000000000 0001 0008 00000000",
        "00000001 00000002 0018 000000000000 0001 0000 00000000",
        "00000001 00000002 0018 000000000000 0001 0010 00000000",
    ):
        assert refusal(lambda wire=wire: read_queue(reader_of(wire))) == ec.BAD_LEN  # type: ignore[misc]
