"""OpenFlow 1.3's messages that neither change a datapath's state nor are multipart, one row for each type."""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

from flowvisor.openflow import frame
from flowvisor.openflow.error_codes import BAD_LEN, BAD_ROLE
from flowvisor.openflow.hello import decode_hello, encode_hello
from flowvisor.openflow.messages import (
    ARP_MATCH_IP_10,
    ROLE_SLAVE,
    STP_10,
    AsyncMasks,
    BarrierReply,
    BarrierRequest,
    EchoReply,
    EchoRequest,
    Error,
    Experimenter,
    FeaturesReply,
    FeaturesRequest,
    FlowRemoved,
    GetAsyncReply,
    GetAsyncRequest,
    GetConfigReply,
    GetConfigRequest,
    Hello,
    Message,
    PacketIn,
    PacketOut,
    PortStatus,
    QueueGetConfigReply,
    QueueGetConfigRequest,
    RoleReply,
    RoleRequest,
    SetAsync,
    SetConfig,
)
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import length_field, structure
from flowvisor.openflow.v13_actions import encode_actions, read_actions
from flowvisor.openflow.v13_form import Form, fixed, refuse_unless
from flowvisor.openflow.v13_match import encode_match, read_match
from flowvisor.openflow.v13_parts import read_port, read_queue, write_port, write_queue

VERSION: Final = 4

_PAIR: Final = Struct("!HH")
_PACKET_OUT: Final = Struct("!IIH6x")
_PORT_REASON: Final = Struct("!B7x")
_QUEUES_PORT: Final = Struct("!I4x")
_ASYNC: Final = Struct("!6I")
_FEATURES: Final = structure(
    FeaturesReply, "QIBB2xI4x", "dpid", "n_buffers", "n_tables", "auxiliary_id", "capabilities"
)
_PACKET_IN: Final = structure(PacketIn, "IHBBQ", "buffer_id", "total_len", "reason", "table_id", "cookie")
_FLOW_REMOVED: Final = structure(
    FlowRemoved,
    "QHBBIIHHQQ",
    *("cookie", "priority", "reason", "table_id", "duration_sec", "duration_nsec"),
    *("idle_timeout", "hard_timeout", "packet_count", "byte_count"),
)
_ROLE: Final = structure(RoleRequest, "I4xQ", "role", "generation_id")


def _read_hello(reader: Reader, **_head: Any) -> Hello:
    reader.rest()
    return decode_hello(reader.data)


def _write_hello(message: Hello) -> bytes:
    return encode_hello(message)[frame.HEADER_LENGTH :]


def _read_error(reader: Reader, **head: Any) -> Error:
    return Error(error=reader.unpack(_PAIR), data=reader.rest(), **head)


def _write_error(message: Error) -> bytes:
    return _PAIR.pack(*message.error) + message.data


def _echo(number: int, message: type[EchoRequest] | type[EchoReply]) -> Form:
    def read(reader: Reader, **head: Any) -> Message:
        return message(data=reader.rest(), **head)

    return Form(number, message, read, lambda echo: bytes(echo.data))


def _read_experimenter(reader: Reader, **head: Any) -> Experimenter:
    message = Experimenter(experimenter=reader.u32(), body=reader.rest(), **head)
    refuse_unless(len(message.body) >= 4, BAD_LEN, "no experimenter type")
    return message


def _write_experimenter(message: Experimenter) -> bytes:
    return message.experimenter.to_bytes(4, "big") + message.body


def _write_features(message: FeaturesReply) -> bytes:
    """Without what only 1.0 can say: that describes and commands nothing, so it may be left out."""
    body = bytearray(_FEATURES.write(message))
    capabilities = message.capabilities & ~(STP_10 | ARP_MATCH_IP_10)
    body[16:20] = capabilities.to_bytes(4, "big")
    return bytes(body)


def _read_packet_in(reader: Reader, **head: Any) -> PacketIn:
    values = _PACKET_IN.values(reader)
    match = read_match(reader, strict=False)
    reader.skip(2)
    return PacketIn(**values, match=match, data=reader.rest(), **head)


def _write_packet_in(message: PacketIn) -> bytes:
    return b"".join((_PACKET_IN.write(message), encode_match(message.match), b"\0\0", message.data))


def _read_flow_removed(reader: Reader, **head: Any) -> FlowRemoved:
    values = _FLOW_REMOVED.values(reader)
    return FlowRemoved(**values, match=read_match(reader, strict=False), **head)


def _write_flow_removed(message: FlowRemoved) -> bytes:
    return _FLOW_REMOVED.write(message) + encode_match(message.match)


def _read_port_status(reader: Reader, **head: Any) -> PortStatus:
    (reason,) = reader.unpack(_PORT_REASON)
    return PortStatus(reason=reason, port=read_port(reader), **head)


def _write_port_status(message: PortStatus) -> bytes:
    return _PORT_REASON.pack(message.reason) + write_port(message.port)


def _read_packet_out(reader: Reader, **head: Any) -> PacketOut:
    buffer_id, in_port, actions_length = reader.unpack(_PACKET_OUT)
    with reader.within(actions_length, BAD_LEN):
        actions = read_actions(reader, strict=True)
    return PacketOut(buffer_id=buffer_id, in_port=in_port, actions=actions, data=reader.rest(), **head)


def _write_packet_out(message: PacketOut) -> bytes:
    actions = encode_actions(message.actions)
    head = _PACKET_OUT.pack(message.buffer_id, message.in_port, length_field(len(actions)))
    return b"".join((head, actions, message.data))


def _read_queues(reader: Reader, **head: Any) -> QueueGetConfigReply:
    (port,) = reader.unpack(_QUEUES_PORT)
    queues = []
    while reader.remaining:
        queues.append(read_queue(reader))
    return QueueGetConfigReply(port=port, queues=tuple(queues), **head)


def _write_queues(message: QueueGetConfigReply) -> bytes:
    return b"".join((_QUEUES_PORT.pack(message.port), *map(write_queue, message.queues)))


def _read_role_request(reader: Reader, **head: Any) -> RoleRequest:
    message = _ROLE.read(reader, **head)
    refuse_unless(message.role <= ROLE_SLAVE, BAD_ROLE, f"role {message.role}")
    return message


def _asynchronous(number: int, message: type[GetAsyncReply] | type[SetAsync]) -> Form:
    def read(reader: Reader, **head: Any) -> Message:
        numbers = reader.unpack(_ASYNC)
        return message(masks=AsyncMasks(numbers[0:2], numbers[2:4], numbers[4:6]), **head)

    def write(value: GetAsyncReply | SetAsync) -> bytes:
        masks = value.masks
        return _ASYNC.pack(*masks.packet_in, *masks.port_status, *masks.flow_removed)

    return Form(number, message, read, write)


FORMS: Final = (
    Form(frame.HELLO, Hello, _read_hello, _write_hello),
    Form(frame.ERROR, Error, _read_error, _write_error),
    _echo(frame.ECHO_REQUEST, EchoRequest),
    _echo(frame.ECHO_REPLY, EchoReply),
    Form(frame.EXPERIMENTER, Experimenter, _read_experimenter, _write_experimenter),
    fixed(frame.FEATURES_REQUEST, FeaturesRequest),
    Form(frame.FEATURES_REPLY, FeaturesReply, _FEATURES.read, _write_features),
    fixed(frame.GET_CONFIG_REQUEST, GetConfigRequest),
    fixed(frame.GET_CONFIG_REPLY, GetConfigReply, "HH", "flags", "miss_send_len"),
    fixed(frame.SET_CONFIG, SetConfig, "HH", "flags", "miss_send_len"),
    Form(frame.PACKET_IN, PacketIn, _read_packet_in, _write_packet_in),
    Form(frame.FLOW_REMOVED, FlowRemoved, _read_flow_removed, _write_flow_removed),
    Form(frame.PORT_STATUS, PortStatus, _read_port_status, _write_port_status),
    Form(frame.PACKET_OUT, PacketOut, _read_packet_out, _write_packet_out),
    fixed(frame.BARRIER_REQUEST, BarrierRequest),
    fixed(frame.BARRIER_REPLY, BarrierReply),
    fixed(frame.QUEUE_GET_CONFIG_REQUEST, QueueGetConfigRequest, "I4x", "port"),
    Form(frame.QUEUE_GET_CONFIG_REPLY, QueueGetConfigReply, _read_queues, _write_queues),
    Form(frame.ROLE_REQUEST, RoleRequest, _read_role_request, _ROLE.write),
    fixed(frame.ROLE_REPLY, RoleReply, "I4xQ", "role", "generation_id"),
    fixed(frame.GET_ASYNC_REQUEST, GetAsyncRequest),
    _asynchronous(frame.GET_ASYNC_REPLY, GetAsyncReply),
    _asynchronous(frame.SET_ASYNC, SetAsync),
)
