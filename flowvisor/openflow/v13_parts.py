"""What OpenFlow 1.3's messages are made of beside matches and actions: ports, buckets, bands, queues."""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.errors import MalformedMessage
from flowvisor.openflow.error_codes import GROUP_BAD_BUCKET, METER_BAD_BAND
from flowvisor.openflow.messages import (
    BAND_DROP,
    BAND_DSCP_REMARK,
    Bucket,
    MeterBand,
    OpaqueProperty,
    PacketQueue,
)
from flowvisor.openflow.ports import (
    BLOCKED,
    LINK_DOWN,
    LIVE,
    NO_FWD,
    NO_PACKET_IN,
    NO_RECV,
    PORT_DOWN,
    Port,
)
from flowvisor.openflow.reader import Reader, text_field
from flowvisor.openflow.structure import length_field
from flowvisor.openflow.v13_actions import encode_actions, read_actions

PORT_CONFIG: Final = PORT_DOWN | NO_RECV | NO_FWD | NO_PACKET_IN  # what OFPPC_* has left of 1.0's
_PORT_STATE: Final = LINK_DOWN | BLOCKED | LIVE

_PORT: Final = Struct("!I4x6s2x16s8I")
_PORT_NAME_LENGTH: Final = 16
_BUCKET: Final = Struct("!HHII4x")
_BAND: Final = Struct("!HHII")
_BAND_EXPERIMENTER: Final = 0xFFFF
_QUEUE: Final = Struct("!IIH6x")
_QUEUE_PROPERTY: Final = Struct("!HH4x")
_RATE: Final = Struct("!H6x")
_MIN_RATE: Final = 1
_MAX_RATE: Final = 2


def read_port(reader: Reader) -> Port:
    number, hw_addr, name, *rest = reader.unpack(_PORT)
    return Port(number, hw_addr, Reader(name).text(_PORT_NAME_LENGTH), *rest)


def write_port(port: Port) -> bytes:
    """A port without the bits of 1.0 that mean nothing here (spanning tree, NO_FLOOD)."""
    name = text_field(port.name, _PORT_NAME_LENGTH)
    config, state = port.config & PORT_CONFIG, port.state & _PORT_STATE
    features = (port.current, port.advertised, port.supported, port.peer)
    return _PORT.pack(
        port.number, port.hw_addr, name, config, state, *features, port.current_speed, port.max_speed
    )


def read_buckets(reader: Reader, *, strict: bool) -> tuple[Bucket, ...]:
    """All that is left at the reader's level, as buckets."""
    buckets = []
    while reader.remaining:
        length, weight, watch_port, watch_group = reader.unpack(_BUCKET)
        with reader.within(length - _BUCKET.size, GROUP_BAD_BUCKET):
            actions = read_actions(reader, strict=strict)
        buckets.append(Bucket(weight, watch_port, watch_group, actions))
    return tuple(buckets)


def write_buckets(buckets: tuple[Bucket, ...]) -> bytes:
    parts = []
    for bucket in buckets:
        actions = encode_actions(bucket.actions)
        length = length_field(_BUCKET.size + len(actions))
        parts.append(_BUCKET.pack(length, bucket.weight, bucket.watch_port, bucket.watch_group) + actions)
    return b"".join(parts)


def read_bands(reader: Reader) -> tuple[MeterBand, ...]:
    """All that is left at the reader's level, as meter bands."""
    bands = []
    while reader.remaining:
        kind, length, rate, burst_size = reader.unpack(_BAND)
        prec_level, body = 0, b""
        with reader.within(length - _BAND.size, METER_BAD_BAND):
            if kind == BAND_DROP:
                reader.skip(4)
            elif kind == BAND_DSCP_REMARK:
                prec_level = reader.u8()
                reader.skip(3)
            elif kind == _BAND_EXPERIMENTER and reader.remaining >= 4:
                body = reader.rest()
            else:
                raise MalformedMessage(METER_BAD_BAND, f"meter band of type {kind}")
        bands.append(MeterBand(kind, rate, burst_size, prec_level, body))
    return tuple(bands)


def write_bands(bands: tuple[MeterBand, ...]) -> bytes:
    parts = []
    for band in bands:
        rest = band.body if band.kind == _BAND_EXPERIMENTER else bytes((band.prec_level, 0, 0, 0))
        length = length_field(_BAND.size + len(rest))
        parts.append(_BAND.pack(band.kind, length, band.rate, band.burst_size) + rest)
    return b"".join(parts)


def read_queue(reader: Reader) -> PacketQueue:
    queue_id, port, length = reader.unpack(_QUEUE)
    rates: dict[int, int] = {}
    opaque = []
    with reader.within(length - _QUEUE.size, reader.error):
        while reader.remaining:
            kind, length = reader.unpack(_QUEUE_PROPERTY)
            with reader.within(length - _QUEUE_PROPERTY.size, reader.error):
                if kind in (_MIN_RATE, _MAX_RATE):
                    rates[kind] = reader.unpack(_RATE)[0]
                else:
                    opaque.append(OpaqueProperty(kind, reader.rest()))
    return PacketQueue(queue_id, port, rates.get(_MIN_RATE), rates.get(_MAX_RATE), tuple(opaque))


def write_queue(queue: PacketQueue) -> bytes:
    parts = []
    for kind, rate in ((_MIN_RATE, queue.min_rate), (_MAX_RATE, queue.max_rate)):
        if rate is not None:
            parts.append(_QUEUE_PROPERTY.pack(kind, _QUEUE_PROPERTY.size + _RATE.size) + _RATE.pack(rate))
    for opaque in queue.opaque:
        length = length_field(_QUEUE_PROPERTY.size + len(opaque.body))
        parts.append(_QUEUE_PROPERTY.pack(opaque.kind, length) + opaque.body)
    body = b"".join(parts)
    return _QUEUE.pack(queue.queue_id, queue.port, length_field(_QUEUE.size + len(body))) + body
