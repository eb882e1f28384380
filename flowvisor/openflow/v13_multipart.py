"""OpenFlow 1.3's multipart messages, one row for each type in each direction (section 7.3.5)."""

from __future__ import annotations

from functools import partial
from struct import Struct
from typing import Any, Final

from flowvisor.errors import MalformedMessage
from flowvisor.openflow import frame
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.error_codes import BAD_LEN, BAD_MULTIPART
from flowvisor.openflow.messages import Message
from flowvisor.openflow.reader import Reader, text_field
from flowvisor.openflow.structure import length_field, structure
from flowvisor.openflow.v13_actions import encode_instructions, read_instructions
from flowvisor.openflow.v13_form import Form, fixed, listing, refuse_unless
from flowvisor.openflow.v13_match import encode_match, read_match
from flowvisor.openflow.v13_parts import (
    read_bands,
    read_buckets,
    read_port,
    write_bands,
    write_buckets,
    write_port,
)
from flowvisor.openflow.v13_table_features import read_table_features, write_table_features

DESC: Final = 0
FLOW: Final = 1
AGGREGATE: Final = 2
TABLE: Final = 3
PORT: Final = 4
QUEUE: Final = 5
GROUP: Final = 6
GROUP_DESC: Final = 7
GROUP_FEATURES: Final = 8
METER: Final = 9
METER_CONFIG: Final = 10
METER_FEATURES: Final = 11
TABLE_FEATURES: Final = 12
PORT_DESC: Final = 13
EXPERIMENTER: Final = 0xFFFF

_HEAD: Final = Struct("!HH4x")
_MORE: Final = 1  # OFPMPF_REQ_MORE and OFPMPF_REPLY_MORE
_LENGTH: Final = Struct("!H")

_DESC_LENGTHS: Final = (
    *(("manufacturer", 256), ("hardware", 256), ("software", 256), ("serial_number", 32)),
    ("datapath", 256),
)
_FILTER: Final = structure(
    mp.FlowStatsRequest,
    "B3xII4xQQ",
    *("table_id", "out_port", "out_group", "cookie", "cookie_mask"),
)
_FLOW: Final = structure(
    mp.FlowStats,
    "2xBxIIHHHH4xQQQ",
    *("table_id", "duration_sec", "duration_nsec", "priority", "idle_timeout", "hard_timeout", "flags"),
    *("cookie", "packet_count", "byte_count"),
)
_TABLE: Final = structure(
    mp.TableStats, "B3xIQQ", "table_id", "active_count", "lookup_count", "matched_count"
)
_PORT: Final = structure(
    mp.PortStats,
    "I4x12QII",
    *("port", "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_dropped", "tx_dropped"),
    *("rx_errors", "tx_errors", "rx_frame_errors", "rx_over_errors", "rx_crc_errors", "collisions"),
    *("duration_sec", "duration_nsec"),
)
_QUEUE: Final = structure(
    mp.QueueStats,
    "IIQQQII",
    *("port", "queue_id", "tx_bytes", "tx_packets", "tx_errors", "duration_sec", "duration_nsec"),
)
_GROUP: Final = structure(
    mp.GroupStats,
    "4xII4xQQII",
    *("group_id", "ref_count", "packet_count", "byte_count", "duration_sec", "duration_nsec"),
)
_GROUP_DESC: Final = structure(mp.GroupDesc, "2xBxI", "group_type", "group_id")
_METER: Final = structure(
    mp.MeterStats,
    "I8xIQQII",
    *("meter_id", "flow_count", "packet_in_count", "byte_in_count", "duration_sec", "duration_nsec"),
)
_METER_CONFIG: Final = structure(mp.MeterConfig, "2xHI", "flags", "meter_id")
_COUNTERS: Final = Struct("!QQ")
_GROUP_FEATURES: Final = Struct("!II4I4I")


def _entry(reader: Reader, length_at: int = 0) -> Reader:
    """The reader, restricted to the entry that is next, which says itself how long it is."""
    return reader.within(reader.peek_u16(length_at), BAD_LEN)


def _with_length(entry: bytes, length_at: int = 0) -> bytes:
    return entry[:length_at] + _LENGTH.pack(length_field(len(entry))) + entry[length_at + 2 :]


def _read_counters(reader: Reader) -> tuple[tuple[int, int], ...]:
    counters: list[tuple[int, int]] = []
    while reader.remaining:
        packets, octets = reader.unpack(_COUNTERS)
        counters.append((packets, octets))
    return tuple(counters)


def _write_counters(counters: tuple[tuple[int, int], ...]) -> bytes:
    return b"".join(_COUNTERS.pack(*pair) for pair in counters)


def _read_desc(reader: Reader, **head: Any) -> mp.DescReply:
    texts: dict[str, Any] = {name: reader.text(length) for name, length in _DESC_LENGTHS}
    return mp.DescReply(**texts, **head)


def _write_desc(message: mp.DescReply) -> bytes:
    return b"".join(text_field(getattr(message, name), length) for name, length in _DESC_LENGTHS)


def _filter(number: int, message: type[mp.FlowStatsRequest] | type[mp.AggregateStatsRequest]) -> Form:
    def read(reader: Reader, **head: Any) -> Message:
        values = _FILTER.values(reader)
        return message(**values, match=read_match(reader, strict=True), **head)

    def write(value: Any) -> bytes:
        return _FILTER.write(value) + encode_match(value.match)

    return Form(number, message, read, write)


def _read_flow(reader: Reader) -> mp.FlowStats:
    with _entry(reader):
        values = _FLOW.values(reader)
        match = read_match(reader, strict=False)
        return mp.FlowStats(**values, match=match, instructions=read_instructions(reader, strict=False))


def _write_flow(flow: mp.FlowStats) -> bytes:
    match, instructions = encode_match(flow.match), encode_instructions(flow.instructions)
    return _with_length(b"".join((_FLOW.write(flow), match, instructions)))


def _read_group(reader: Reader) -> mp.GroupStats:
    with _entry(reader):
        values = _GROUP.values(reader)
        return mp.GroupStats(**values, buckets=_read_counters(reader))


def _write_group(group: mp.GroupStats) -> bytes:
    return _with_length(_GROUP.write(group) + _write_counters(group.buckets))


def _read_group_desc(reader: Reader) -> mp.GroupDesc:
    with _entry(reader):
        values = _GROUP_DESC.values(reader)
        return mp.GroupDesc(**values, buckets=read_buckets(reader, strict=False))


def _write_group_desc(group: mp.GroupDesc) -> bytes:
    return _with_length(_GROUP_DESC.write(group) + write_buckets(group.buckets))


def _read_group_features(reader: Reader, **head: Any) -> mp.GroupFeaturesReply:
    types, capabilities, *numbers = reader.unpack(_GROUP_FEATURES)
    return mp.GroupFeaturesReply(
        types=types,
        capabilities=capabilities,
        max_groups=(numbers[0], numbers[1], numbers[2], numbers[3]),
        actions=(numbers[4], numbers[5], numbers[6], numbers[7]),
        **head,
    )


def _write_group_features(message: mp.GroupFeaturesReply) -> bytes:
    return _GROUP_FEATURES.pack(message.types, message.capabilities, *message.max_groups, *message.actions)


_METER_LENGTH_AT: Final = 4  # alone among the entries, a meter's statistics begin with its id


def _read_meter(reader: Reader) -> mp.MeterStats:
    with _entry(reader, _METER_LENGTH_AT):
        values = _METER.values(reader)
        return mp.MeterStats(**values, bands=_read_counters(reader))


def _write_meter(meter: mp.MeterStats) -> bytes:
    return _with_length(_METER.write(meter) + _write_counters(meter.bands), _METER_LENGTH_AT)


def _read_meter_config(reader: Reader) -> mp.MeterConfig:
    with _entry(reader):
        values = _METER_CONFIG.values(reader)
        return mp.MeterConfig(**values, bands=read_bands(reader))


def _write_meter_config(meter: mp.MeterConfig) -> bytes:
    return _with_length(_METER_CONFIG.write(meter) + write_bands(meter.bands))


def _experimenter(
    message: type[mp.ExperimenterMultipartRequest] | type[mp.ExperimenterMultipartReply],
) -> Form:
    def read(reader: Reader, **head: Any) -> Message:
        value = message(experimenter=reader.u32(), body=reader.rest(), **head)
        refuse_unless(len(value.body) >= 4, BAD_LEN, "no experimenter type")
        return value

    return Form(EXPERIMENTER, message, read, lambda value: value.experimenter.to_bytes(4, "big") + value.body)


REQUESTS: Final = (
    fixed(DESC, mp.DescRequest),
    _filter(FLOW, mp.FlowStatsRequest),
    _filter(AGGREGATE, mp.AggregateStatsRequest),
    fixed(TABLE, mp.TableStatsRequest),
    fixed(PORT, mp.PortStatsRequest, "I4x", "port"),
    fixed(QUEUE, mp.QueueStatsRequest, "II", "port", "queue_id"),
    fixed(GROUP, mp.GroupStatsRequest, "I4x", "group_id"),
    fixed(GROUP_DESC, mp.GroupDescRequest),
    fixed(GROUP_FEATURES, mp.GroupFeaturesRequest),
    fixed(METER, mp.MeterStatsRequest, "I4x", "meter_id"),
    fixed(METER_CONFIG, mp.MeterConfigRequest, "I4x", "meter_id"),
    fixed(METER_FEATURES, mp.MeterFeaturesRequest),
    listing(
        TABLE_FEATURES,
        mp.TableFeaturesRequest,
        "tables",
        partial(read_table_features, strict=True),
        write_table_features,
    ),
    fixed(PORT_DESC, mp.PortDescRequest),
    _experimenter(mp.ExperimenterMultipartRequest),
)
REPLIES: Final = (
    Form(DESC, mp.DescReply, _read_desc, _write_desc),
    listing(FLOW, mp.FlowStatsReply, "flows", _read_flow, _write_flow),
    fixed(AGGREGATE, mp.AggregateStatsReply, "QQI4x", "packet_count", "byte_count", "flow_count"),
    listing(TABLE, mp.TableStatsReply, "tables", _TABLE.read, _TABLE.write),
    listing(PORT, mp.PortStatsReply, "ports", _PORT.read, _PORT.write),
    listing(QUEUE, mp.QueueStatsReply, "queues", _QUEUE.read, _QUEUE.write),
    listing(GROUP, mp.GroupStatsReply, "groups", _read_group, _write_group),
    listing(GROUP_DESC, mp.GroupDescReply, "groups", _read_group_desc, _write_group_desc),
    Form(GROUP_FEATURES, mp.GroupFeaturesReply, _read_group_features, _write_group_features),
    listing(METER, mp.MeterStatsReply, "meters", _read_meter, _write_meter),
    listing(METER_CONFIG, mp.MeterConfigReply, "meters", _read_meter_config, _write_meter_config),
    fixed(
        METER_FEATURES,
        mp.MeterFeaturesReply,
        "IIIBB2x",
        *("max_meter", "band_types", "capabilities", "max_bands", "max_color"),
    ),
    listing(
        TABLE_FEATURES,
        mp.TableFeaturesReply,
        "tables",
        partial(read_table_features, strict=False),
        write_table_features,
    ),
    listing(PORT_DESC, mp.PortDescReply, "ports", read_port, write_port),
    _experimenter(mp.ExperimenterMultipartReply),
)


def _enveloped(number: int, forms: tuple[Form, ...]) -> tuple[Form, ...]:
    """The forms inside the header that multiparts of one direction share."""
    by_number = {form.number: form for form in forms}

    def read(reader: Reader, **head: Any) -> Message:
        kind, flags = reader.unpack(_HEAD)
        form = by_number.get(kind)
        if form is None:
            raise MalformedMessage(BAD_MULTIPART, f"multipart of type {kind}")
        return form.read(reader, more=bool(flags & _MORE), **head)

    def enveloped(form: Form) -> Form:
        def write(message: Any) -> bytes:
            return _HEAD.pack(form.number, _MORE if message.more else 0) + form.write(message)

        return Form(number, form.message, read, write)

    return tuple(map(enveloped, forms))


FORMS: Final = (
    *_enveloped(frame.MULTIPART_REQUEST, REQUESTS),
    *_enveloped(frame.MULTIPART_REPLY, REPLIES),
)
