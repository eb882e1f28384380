"""Statistics of OpenFlow 1.0 (section 5.3.5): what 1.3 calls multipart messages."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from flowvisor.errors import Inexpressible, MalformedMessage
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.actions import Actions, ApplyActions, Instructions
from flowvisor.openflow.error_codes import (
    BAD_LEN,
    BAD_MULTIPART,
    MATCH_BAD_FIELD,
    UNSUP_INST,
)
from flowvisor.openflow.messages import ANY_GROUP
from flowvisor.openflow.ports import ALL, ANY
from flowvisor.openflow.reader import Reader, text_field
from flowvisor.openflow.structure import length_field
from flowvisor.openflow.v10_actions import decode_actions, encode_actions
from flowvisor.openflow.v10_match import MATCH_LENGTH, decode_match, encode_match
from flowvisor.openflow.v10_ports import port_from_10, port_to_10

# ofp_stats_types
DESC: Final = 0
FLOW: Final = 1
AGGREGATE: Final = 2
TABLE: Final = 3
PORT: Final = 4
QUEUE: Final = 5
VENDOR: Final = 0xFFFF

REPLY_MORE: Final = 1 << 0

_HEAD: Final = Struct("!HH")  # type, flags
_DESCRIPTION_LENGTH: Final = 256
_SERIAL_LENGTH: Final = 32
_FILTER: Final = Struct("!BxH")  # table_id, out_port
# table_id, match, duration (2), priority, idle and hard timeout, cookie, packets, bytes; a length goes before
_FLOW: Final = Struct("!Bx40sIIHHH6xQQQ")
_FLOW_LENGTH: Final = Struct("!H")
_AGGREGATE: Final = Struct("!QQI4x")
_TABLE: Final = Struct("!B3x32sIIIQQ")
_TABLE_NAME_LENGTH: Final = 32
_PORT_REQUEST: Final = Struct("!H6x")
_PORT: Final = Struct("!H6x12Q")
_QUEUE_REQUEST: Final = Struct("!H2xI")
_QUEUE: Final = Struct("!H2xIQQQ")
_VENDOR: Final = Struct("!I")

Common = dict[str, Any]  # the arguments that all multipart messages have: xid, more


def instructions_of(actions: Actions) -> Instructions:
    """What a 1.0 flow entry's actions are in neutral form."""
    return (ApplyActions(actions),) if actions else ()


def actions_of(instructions: Instructions) -> Actions:
    """The actions of a 1.0 flow entry; `flowvisor.openflow.bridge` makes others fit."""
    match instructions:
        case ():
            return ()
        case (ApplyActions(actions=actions),):
            return actions
        case _:
            raise Inexpressible(UNSUP_INST, "OpenFlow 1.0 has no instructions, one list of actions only")


def _decode_filter(reader: Reader, common: Common) -> Common:
    """The match, table and output port that flow and aggregate requests begin with."""
    match = decode_match(reader.take(MATCH_LENGTH))
    table_id, out_port = reader.unpack(_FILTER)
    return {**common, "match": match, "table_id": table_id, "out_port": port_from_10(out_port)}


def _encode_filter(request: mp.FlowStatsRequest | mp.AggregateStatsRequest) -> bytes:
    if request.cookie_mask or request.out_group != ANY_GROUP:
        raise Inexpressible(MATCH_BAD_FIELD, "OpenFlow 1.0 does not filter by cookie or group")
    return encode_match(request.match) + _FILTER.pack(request.table_id, port_to_10(request.out_port))


def _all_ports_from_10(number: int) -> int:
    # Queue statistics ask for all ports with OFPP_ALL where port statistics (and 1.3) use OFPP_NONE.
    port = port_from_10(number)
    return ANY if port == ALL else port


def _all_ports_to_10(port: int) -> int:
    return port_to_10(ALL if port == ANY else port)


def _vendor_request(reader: Reader, common: Common) -> mp.ExperimenterMultipartRequest:
    return mp.ExperimenterMultipartRequest(**common, experimenter=reader.u32(), body=reader.rest())


def _queue_request(reader: Reader, common: Common) -> mp.QueueStatsRequest:
    port, queue_id = reader.unpack(_QUEUE_REQUEST)
    return mp.QueueStatsRequest(**common, port=_all_ports_from_10(port), queue_id=queue_id)


def _port_request(reader: Reader, common: Common) -> mp.PortStatsRequest:
    return mp.PortStatsRequest(**common, port=port_from_10(reader.unpack(_PORT_REQUEST)[0]))


_REQUEST_DECODERS: Final[dict[int, Callable[[Reader, Common], mp.MultipartRequest]]] = {
    DESC: lambda reader, common: mp.DescRequest(**common),
    FLOW: lambda reader, common: mp.FlowStatsRequest(**_decode_filter(reader, common)),
    AGGREGATE: lambda reader, common: mp.AggregateStatsRequest(**_decode_filter(reader, common)),
    TABLE: lambda reader, common: mp.TableStatsRequest(**common),
    PORT: _port_request,
    QUEUE: _queue_request,
    VENDOR: _vendor_request,
}
_REQUEST_ENCODERS: Final[dict[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.DescRequest: (DESC, lambda m: b""),
    mp.FlowStatsRequest: (FLOW, _encode_filter),
    mp.AggregateStatsRequest: (AGGREGATE, _encode_filter),
    mp.TableStatsRequest: (TABLE, lambda m: b""),
    mp.PortStatsRequest: (PORT, lambda m: _PORT_REQUEST.pack(port_to_10(m.port))),
    mp.QueueStatsRequest: (QUEUE, lambda m: _QUEUE_REQUEST.pack(_all_ports_to_10(m.port), m.queue_id)),
    mp.ExperimenterMultipartRequest: (VENDOR, lambda m: _VENDOR.pack(m.experimenter) + m.body),
}


def _desc_reply(reader: Reader, common: Common) -> mp.DescReply:
    manufacturer, hardware, software = [reader.text(_DESCRIPTION_LENGTH) for _ in range(3)]
    serial_number = reader.text(_SERIAL_LENGTH)
    return mp.DescReply(
        **common,
        manufacturer=manufacturer,
        hardware=hardware,
        software=software,
        serial_number=serial_number,
        datapath=reader.text(_DESCRIPTION_LENGTH),
    )


def _encode_desc(reply: mp.DescReply) -> bytes:
    long_texts = [text_field(text, _DESCRIPTION_LENGTH) for text in (reply.manufacturer, reply.hardware)]
    long_texts.append(text_field(reply.software, _DESCRIPTION_LENGTH))
    long_texts.append(text_field(reply.serial_number, _SERIAL_LENGTH))
    return b"".join(long_texts) + text_field(reply.datapath, _DESCRIPTION_LENGTH)


def _flow(reader: Reader) -> mp.FlowStats:
    length = reader.u16()
    with reader.within(length - _FLOW_LENGTH.size, BAD_LEN):
        table_id, match, *numbers = reader.unpack(_FLOW)
        actions = decode_actions(reader.rest())
    duration_sec, duration_nsec, priority, idle_timeout, hard_timeout, cookie, packets, octets = numbers
    return mp.FlowStats(
        table_id=table_id,
        duration_sec=duration_sec,
        duration_nsec=duration_nsec,
        priority=priority,
        idle_timeout=idle_timeout,
        hard_timeout=hard_timeout,
        cookie=cookie,
        packet_count=packets,
        byte_count=octets,
        match=decode_match(match),
        instructions=instructions_of(actions),
    )


def _encode_flow(flow: mp.FlowStats) -> bytes:
    actions = encode_actions(actions_of(flow.instructions))
    fixed = _FLOW.pack(
        flow.table_id,
        encode_match(flow.match),
        flow.duration_sec,
        flow.duration_nsec,
        flow.priority,
        flow.idle_timeout,
        flow.hard_timeout,
        flow.cookie,
        flow.packet_count,
        flow.byte_count,
    )
    return _FLOW_LENGTH.pack(length_field(_FLOW_LENGTH.size + len(fixed) + len(actions))) + fixed + actions


def _aggregate_reply(reader: Reader, common: Common) -> mp.AggregateStatsReply:
    packets, octets, flows = reader.unpack(_AGGREGATE)
    return mp.AggregateStatsReply(**common, packet_count=packets, byte_count=octets, flow_count=flows)


def _table(reader: Reader) -> mp.TableStats:
    table_id, name, wildcards, max_entries, active, lookups, matched = reader.unpack(_TABLE)
    return mp.TableStats(
        table_id,
        active_count=active,
        lookup_count=lookups,
        matched_count=matched,
        name=Reader(name).text(_TABLE_NAME_LENGTH),
        wildcards=wildcards,
        max_entries=max_entries,
    )


def _encode_table(table: mp.TableStats) -> bytes:
    name = text_field(table.name, _TABLE_NAME_LENGTH)
    counts = (table.active_count, table.lookup_count, table.matched_count)
    return _TABLE.pack(table.table_id, name, table.wildcards, table.max_entries, *counts)


def _port(reader: Reader) -> mp.PortStats:
    number, *counters = reader.unpack(_PORT)
    return mp.PortStats(port_from_10(number), *counters)


def _encode_port(stats: mp.PortStats) -> bytes:
    return _PORT.pack(
        port_to_10(stats.port),
        *(stats.rx_packets, stats.tx_packets, stats.rx_bytes, stats.tx_bytes, stats.rx_dropped),
        *(stats.tx_dropped, stats.rx_errors, stats.tx_errors, stats.rx_frame_errors),
        *(stats.rx_over_errors, stats.rx_crc_errors, stats.collisions),
    )


def _queue(reader: Reader) -> mp.QueueStats:
    number, *counters = reader.unpack(_QUEUE)
    return mp.QueueStats(port_from_10(number), *counters)


def _encode_queue(stats: mp.QueueStats) -> bytes:
    port = port_to_10(stats.port)
    return _QUEUE.pack(port, stats.queue_id, stats.tx_bytes, stats.tx_packets, stats.tx_errors)


def _vendor_reply(reader: Reader, common: Common) -> mp.ExperimenterMultipartReply:
    return mp.ExperimenterMultipartReply(**common, experimenter=reader.u32(), body=reader.rest())


def _until_the_end(reader: Reader, decode: Callable[[Reader], Any]) -> tuple[Any, ...]:
    entries = []
    while reader.remaining:
        entries.append(decode(reader))
    return tuple(entries)


_REPLY_DECODERS: Final[dict[int, Callable[[Reader, Common], mp.MultipartReply]]] = {
    DESC: _desc_reply,
    FLOW: lambda reader, common: mp.FlowStatsReply(**common, flows=_until_the_end(reader, _flow)),
    AGGREGATE: _aggregate_reply,
    TABLE: lambda reader, common: mp.TableStatsReply(**common, tables=_until_the_end(reader, _table)),
    PORT: lambda reader, common: mp.PortStatsReply(**common, ports=_until_the_end(reader, _port)),
    QUEUE: lambda reader, common: mp.QueueStatsReply(**common, queues=_until_the_end(reader, _queue)),
    VENDOR: _vendor_reply,
}
_REPLY_ENCODERS: Final[dict[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.DescReply: (DESC, _encode_desc),
    mp.FlowStatsReply: (FLOW, lambda m: b"".join(map(_encode_flow, m.flows))),
    mp.AggregateStatsReply: (
        AGGREGATE,
        lambda m: _AGGREGATE.pack(m.packet_count, m.byte_count, m.flow_count),
    ),
    mp.TableStatsReply: (TABLE, lambda m: b"".join(map(_encode_table, m.tables))),
    mp.PortStatsReply: (PORT, lambda m: b"".join(map(_encode_port, m.ports))),
    mp.QueueStatsReply: (QUEUE, lambda m: b"".join(map(_encode_queue, m.queues))),
    mp.ExperimenterMultipartReply: (VENDOR, lambda m: _VENDOR.pack(m.experimenter) + m.body),
}
REQUEST_TYPES: Final = tuple(_REQUEST_ENCODERS)
REPLY_TYPES: Final = tuple(_REPLY_ENCODERS)


def decode_request(reader: Reader, xid: int) -> mp.MultipartRequest:
    """Read what follows the header of a STATS_REQUEST; no flags are defined, so none count."""
    kind, _ = reader.unpack(_HEAD)
    decoder = _REQUEST_DECODERS.get(kind)
    if decoder is None:
        raise MalformedMessage(BAD_MULTIPART, f"statistics of type {kind}")
    return decoder(reader, {"xid": xid})


def decode_reply(reader: Reader, xid: int) -> mp.MultipartReply:
    """Read what follows the header of a STATS_REPLY."""
    kind, flags = reader.unpack(_HEAD)
    decoder = _REPLY_DECODERS.get(kind)
    if decoder is None:
        raise MalformedMessage(BAD_MULTIPART, f"statistics of type {kind}")
    return decoder(reader, {"xid": xid, "more": bool(flags & REPLY_MORE)})


def encode_request(request: mp.MultipartRequest) -> bytes:
    """Write what follows the header of a STATS_REQUEST."""
    if request.more:
        raise Inexpressible(BAD_MULTIPART, "OpenFlow 1.0 has no statistics request in several parts")
    kind, encode = _REQUEST_ENCODERS[type(request)]
    return _HEAD.pack(kind, 0) + encode(request)


def encode_reply(reply: mp.MultipartReply) -> bytes:
    """Write what follows the header of a STATS_REPLY."""
    kind, encode = _REPLY_ENCODERS[type(reply)]
    return _HEAD.pack(kind, REPLY_MORE if reply.more else 0) + encode(reply)
