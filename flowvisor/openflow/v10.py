"""The codec of OpenFlow 1.0 (1.0.1, wire version 1): frames to neutral messages and back.

Strategy: one table says for each message type how it is read, one for each class how it is written. What
1.0 cannot say raises `Inexpressible` if it asks for something or changes something; what a message only tells
beyond 1.0's terms (a table id, a cookie of a packet-in, a port's speed) is left out. Translating between what
the versions mean is not done here but in `flowvisor.openflow.bridge`.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow import messages as m
from flowvisor.openflow import v10_statistics as statistics
from flowvisor.openflow.error_codes import BAD_LEN, BAD_TYPE, BAD_VERSION, PORT_MOD_BAD_PORT, QUEUE_BAD_PORT
from flowvisor.openflow.frame import HEADER, HEADER_LENGTH
from flowvisor.openflow.hello import decode_hello, encode_hello
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import length_field
from flowvisor.openflow.v10_actions import decode_actions, encode_actions
from flowvisor.openflow.v10_error_codes import error_from_10, error_to_10
from flowvisor.openflow.v10_match import decode_match, encode_match
from flowvisor.openflow.v10_packets import (
    decode_flow_mod,
    decode_flow_removed,
    decode_packet_in,
    decode_packet_out,
    encode_flow_mod,
    encode_flow_removed,
    encode_packet_in,
    encode_packet_out,
)
from flowvisor.openflow.v10_ports import (
    decode_port,
    encode_port,
    features_from_10,
    features_to_10,
    port_from_10,
    port_to_10,
)

__all__ = (
    "VERSION",
    "decode",
    "decode_actions",
    "decode_match",
    "encode",
    "encode_actions",
    "encode_match",
)

VERSION: Final = 1

# ofp_type
HELLO: Final = 0
ERROR: Final = 1
ECHO_REQUEST: Final = 2
ECHO_REPLY: Final = 3
VENDOR: Final = 4
FEATURES_REQUEST: Final = 5
FEATURES_REPLY: Final = 6
GET_CONFIG_REQUEST: Final = 7
GET_CONFIG_REPLY: Final = 8
SET_CONFIG: Final = 9
PACKET_IN: Final = 10
FLOW_REMOVED: Final = 11
PORT_STATUS: Final = 12
PACKET_OUT: Final = 13
FLOW_MOD: Final = 14
PORT_MOD: Final = 15
STATS_REQUEST: Final = 16
STATS_REPLY: Final = 17
BARRIER_REQUEST: Final = 18
BARRIER_REPLY: Final = 19
QUEUE_GET_CONFIG_REQUEST: Final = 20
QUEUE_GET_CONFIG_REPLY: Final = 21

# ofp_capabilities: where 1.0's bits differ from 1.3's.
_STP: Final = 1 << 3
_ARP_MATCH_IP: Final = 1 << 7
_SAME_CAPABILITIES: Final = m.FLOW_STATS | m.TABLE_STATS | m.PORT_STATS | m.IP_REASSEMBLY | m.QUEUE_STATS

_ERROR: Final = Struct("!HH")
_VENDOR: Final = Struct("!I")
_FEATURES: Final = Struct("!QIB3xII")
_CONFIG: Final = Struct("!HH")
_PORT_STATUS: Final = Struct("!B7x")
_PORT_MOD: Final = Struct("!H6sIII4x")
_QUEUE_REQUEST: Final = Struct("!H2x")
_QUEUE_REPLY: Final = Struct("!H6x")
_QUEUE: Final = Struct("!IH2x")
_PROPERTY: Final = Struct("!HH4x")
_MIN_RATE: Final = Struct("!H6x")
MIN_RATE_PROPERTY: Final = 1  # OFPQT_MIN_RATE


def _error(reader: Reader, xid: int) -> m.Error:
    kind, code = reader.unpack(_ERROR)
    return m.Error(xid=xid, error=error_from_10((kind, code)), data=reader.rest())


def _features_reply(reader: Reader, xid: int) -> m.FeaturesReply:
    dpid, n_buffers, n_tables, capabilities, actions = reader.unpack(_FEATURES)
    ports = []
    while reader.remaining:
        ports.append(decode_port(reader))
    neutral = capabilities & _SAME_CAPABILITIES
    neutral |= m.STP_10 if capabilities & _STP else 0
    neutral |= m.ARP_MATCH_IP_10 if capabilities & _ARP_MATCH_IP else 0
    return m.FeaturesReply(
        xid=xid,
        dpid=dpid,
        n_buffers=n_buffers,
        n_tables=n_tables,
        capabilities=neutral,
        actions=actions,
        ports=tuple(ports),
    )


def _encode_features(message: m.FeaturesReply) -> bytes:
    bits = message.capabilities & _SAME_CAPABILITIES
    bits |= _STP if message.capabilities & m.STP_10 else 0
    bits |= _ARP_MATCH_IP if message.capabilities & m.ARP_MATCH_IP_10 else 0
    fixed = _FEATURES.pack(message.dpid, message.n_buffers, message.n_tables, bits, message.actions)
    return fixed + b"".join(map(encode_port, message.ports))


def _port_status(reader: Reader, xid: int) -> m.PortStatus:
    (reason,) = reader.unpack(_PORT_STATUS)
    return m.PortStatus(xid=xid, reason=reason, port=decode_port(reader))


def _port_mod(reader: Reader, xid: int) -> m.PortMod:
    port, hw_addr, config, mask, advertise = reader.unpack(_PORT_MOD)
    return m.PortMod(
        xid=xid,
        port=port_from_10(port),
        hw_addr=hw_addr,
        config=config,
        mask=mask,
        advertise=features_from_10(advertise),
    )


def _encode_port_mod(message: m.PortMod) -> bytes:
    port = port_to_10(message.port, PORT_MOD_BAD_PORT)
    advertise = features_to_10(message.advertise)
    return _PORT_MOD.pack(port, message.hw_addr, message.config, message.mask, advertise)


def _queue_config_request(reader: Reader, xid: int) -> m.QueueGetConfigRequest:
    return m.QueueGetConfigRequest(xid=xid, port=port_from_10(reader.unpack(_QUEUE_REQUEST)[0]))


def _queue(reader: Reader) -> m.PacketQueue:
    queue_id, length = reader.unpack(_QUEUE)
    min_rate: int | None = None
    opaque = []
    with reader.within(length - _QUEUE.size, BAD_LEN):
        while reader.remaining:
            kind, property_length = reader.unpack(_PROPERTY)
            with reader.within(property_length - _PROPERTY.size, BAD_LEN):
                if kind == MIN_RATE_PROPERTY and min_rate is None:
                    (min_rate,) = reader.unpack(_MIN_RATE)
                else:
                    opaque.append(m.OpaqueProperty(kind, reader.rest()))
    return m.PacketQueue(queue_id, min_rate=min_rate, opaque=tuple(opaque))


def _encode_queue(queue: m.PacketQueue) -> bytes:
    body = b""
    if queue.min_rate is not None:
        body += _PROPERTY.pack(MIN_RATE_PROPERTY, _PROPERTY.size + _MIN_RATE.size)
        body += _MIN_RATE.pack(queue.min_rate)
    for unknown in queue.opaque:
        body += _PROPERTY.pack(unknown.kind, length_field(_PROPERTY.size + len(unknown.body))) + unknown.body
    return _QUEUE.pack(queue.queue_id, length_field(_QUEUE.size + len(body))) + body


def _queue_config_reply(reader: Reader, xid: int) -> m.QueueGetConfigReply:
    port = port_from_10(reader.unpack(_QUEUE_REPLY)[0])
    queues = []
    while reader.remaining:
        queues.append(_queue(reader))
    return m.QueueGetConfigReply(xid=xid, port=port, queues=tuple(queues))


def _encode_queue_config_reply(message: m.QueueGetConfigReply) -> bytes:
    fixed = _QUEUE_REPLY.pack(port_to_10(message.port, QUEUE_BAD_PORT))
    return fixed + b"".join(map(_encode_queue, message.queues))


def _config(build: Callable[..., m.Message]) -> Callable[[Reader, int], m.Message]:
    def decode_config(reader: Reader, xid: int) -> m.Message:
        flags, miss_send_len = reader.unpack(_CONFIG)
        return build(xid=xid, flags=flags, miss_send_len=miss_send_len)

    return decode_config


def _vendor(reader: Reader, xid: int) -> m.Experimenter:
    return m.Experimenter(xid=xid, experimenter=reader.u32(), body=reader.rest())


def _nothing(message: m.Message) -> bytes:
    return b""


# How each type is read; HELLO, which has one form in all versions, is read elsewhere.
_DECODERS: Final[dict[int, Callable[[Reader, int], m.Message]]] = {
    ERROR: _error,
    ECHO_REQUEST: lambda reader, xid: m.EchoRequest(xid=xid, data=reader.rest()),
    ECHO_REPLY: lambda reader, xid: m.EchoReply(xid=xid, data=reader.rest()),
    VENDOR: _vendor,
    FEATURES_REQUEST: lambda reader, xid: m.FeaturesRequest(xid=xid),
    FEATURES_REPLY: _features_reply,
    GET_CONFIG_REQUEST: lambda reader, xid: m.GetConfigRequest(xid=xid),
    GET_CONFIG_REPLY: _config(m.GetConfigReply),
    SET_CONFIG: _config(m.SetConfig),
    PACKET_IN: decode_packet_in,
    FLOW_REMOVED: decode_flow_removed,
    PORT_STATUS: _port_status,
    PACKET_OUT: decode_packet_out,
    FLOW_MOD: decode_flow_mod,
    PORT_MOD: _port_mod,
    STATS_REQUEST: statistics.decode_request,
    STATS_REPLY: statistics.decode_reply,
    BARRIER_REQUEST: lambda reader, xid: m.BarrierRequest(xid=xid),
    BARRIER_REPLY: lambda reader, xid: m.BarrierReply(xid=xid),
    QUEUE_GET_CONFIG_REQUEST: _queue_config_request,
    QUEUE_GET_CONFIG_REPLY: _queue_config_reply,
}
# The type and how it is written, for each class.
_ENCODERS: Final[dict[type[m.Message], tuple[int, Callable[[Any], bytes]]]] = {
    m.Error: (ERROR, lambda message: _ERROR.pack(*error_to_10(message.error)) + message.data),
    m.EchoRequest: (ECHO_REQUEST, lambda message: message.data),
    m.EchoReply: (ECHO_REPLY, lambda message: message.data),
    m.Experimenter: (VENDOR, lambda message: _VENDOR.pack(message.experimenter) + message.body),
    m.FeaturesRequest: (FEATURES_REQUEST, _nothing),
    m.FeaturesReply: (FEATURES_REPLY, _encode_features),
    m.GetConfigRequest: (GET_CONFIG_REQUEST, _nothing),
    m.GetConfigReply: (GET_CONFIG_REPLY, lambda message: _CONFIG.pack(message.flags, message.miss_send_len)),
    m.SetConfig: (SET_CONFIG, lambda message: _CONFIG.pack(message.flags, message.miss_send_len)),
    m.PacketIn: (PACKET_IN, encode_packet_in),
    m.FlowRemoved: (FLOW_REMOVED, encode_flow_removed),
    m.PortStatus: (
        PORT_STATUS,
        lambda message: _PORT_STATUS.pack(message.reason) + encode_port(message.port),
    ),
    m.PacketOut: (PACKET_OUT, encode_packet_out),
    m.FlowMod: (FLOW_MOD, encode_flow_mod),
    m.PortMod: (PORT_MOD, _encode_port_mod),
    **dict.fromkeys(statistics.REQUEST_TYPES, (STATS_REQUEST, statistics.encode_request)),
    **dict.fromkeys(statistics.REPLY_TYPES, (STATS_REPLY, statistics.encode_reply)),
    m.BarrierRequest: (BARRIER_REQUEST, _nothing),
    m.BarrierReply: (BARRIER_REPLY, _nothing),
    m.QueueGetConfigRequest: (
        QUEUE_GET_CONFIG_REQUEST,
        lambda message: _QUEUE_REQUEST.pack(port_to_10(message.port, QUEUE_BAD_PORT)),
    ),
    m.QueueGetConfigReply: (QUEUE_GET_CONFIG_REPLY, _encode_queue_config_reply),
}
MESSAGE_CLASSES: Final = (m.Hello, *_ENCODERS)  # all that 1.0 has


def decode(frame: bytes) -> m.Message:
    """Read a whole frame; raises `MalformedMessage` with the error that the specification answers."""
    if len(frame) < HEADER_LENGTH:
        raise MalformedMessage(BAD_LEN, f"a frame of {len(frame)} bytes")
    version, kind, length, xid = HEADER.unpack_from(frame)
    if version != VERSION:
        raise MalformedMessage(BAD_VERSION, f"version {version} on a channel of version {VERSION}")
    if length != len(frame):
        raise MalformedMessage(BAD_LEN, f"a frame of {len(frame)} bytes whose header says {length}")
    if kind == HELLO:
        return decode_hello(frame)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise MalformedMessage(BAD_TYPE, f"message type {kind}")
    reader = Reader(frame, HEADER_LENGTH)
    message = decoder(reader, xid)
    reader.finish()
    return message


def encode(message: m.Message) -> bytes:
    """Write a whole frame; raises `Inexpressible` for what OpenFlow 1.0 cannot say."""
    if isinstance(message, m.Hello):
        return encode_hello(message)
    known = _ENCODERS.get(type(message))
    if known is None:
        raise Inexpressible(BAD_TYPE, f"OpenFlow 1.0 has no {type(message).__name__}")
    kind, encode_body = known
    body = encode_body(message)
    return HEADER.pack(VERSION, kind, length_field(HEADER_LENGTH + len(body)), message.xid) + body
