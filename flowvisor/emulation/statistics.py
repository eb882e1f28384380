"""A datapath's answers to multipart requests, cut into parts that fit into frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from attrs import define, evolve, field

from flowvisor.emulation import capabilities
from flowvisor.emulation.flow_table import FlowEntry, FlowTable
from flowvisor.emulation.pipeline import Pipeline
from flowvisor.errors import OpenFlowError
from flowvisor.openflow import error_codes
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.actions import ApplyActions, Group, Meter, WriteActions
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    ALL_METERS,
    ALL_QUEUES,
    ALL_TABLES,
    ANY_GROUP,
    PacketQueue,
)
from flowvisor.openflow.ports import ANY, Port

MAX_PART_BYTES: Final = 32 * 1024  # half of what a frame can hold, because sizes are only estimated
NANOSECONDS: Final = 1_000_000_000

T = TypeVar("T")


@define(eq=False)
class PortCounters:
    """What went through a port."""

    since: float
    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0


@define(eq=False)
class Statistics:
    """Reads the state of a datapath."""

    pipeline: Pipeline
    queues: Mapping[int, tuple[PacketQueue, ...]]
    description: mp.DescReply
    ports: dict[int, PortCounters] = field(factory=dict)
    queue_counters: Counter[tuple[int, int]] = field(factory=Counter)  # packets by port and queue
    queue_bytes: Counter[tuple[int, int]] = field(factory=Counter)
    started_at: float = 0.0

    def answer(self, request: mp.MultipartRequest, now: float) -> list[mp.MultipartReply]:
        """All parts of the reply; raises OpenFlowError for what cannot be asked."""
        find = _ANSWERS.get(type(request))
        if find is None:
            raise OpenFlowError(error_codes.BAD_MULTIPART, type(request).__name__)
        parts = find(self, request, now)
        last = len(parts) - 1
        return [evolve(part, xid=request.xid, more=i < last) for i, part in enumerate(parts)]

    # Each takes the request and the time, and returns at least one part.

    def _describe(self, request: Any, now: float) -> list[mp.MultipartReply]:
        return [self.description]

    def _flows(self, request: mp.FlowStatsRequest, now: float) -> list[mp.MultipartReply]:
        flows = [_flow_stats(table, entry, now) for table, entry in self._selected(request)]
        return [mp.FlowStatsReply(flows=part) for part in _parts(flows, _flow_size)]

    def _aggregate(self, request: mp.AggregateStatsRequest, now: float) -> list[mp.MultipartReply]:
        entries = [entry for _, entry in self._selected(request)]
        return [
            mp.AggregateStatsReply(
                packet_count=sum(entry.packet_count for entry in entries),
                byte_count=sum(entry.byte_count for entry in entries),
                flow_count=len(entries),
            )
        ]

    def _selected(
        self, request: mp.FlowStatsRequest | mp.AggregateStatsRequest
    ) -> Iterable[tuple[FlowTable, FlowEntry]]:
        tables = self.pipeline.tables
        if request.table_id != ALL_TABLES:
            if request.table_id >= len(tables):
                raise OpenFlowError(error_codes.REQUEST_BAD_TABLE_ID, f"no table {request.table_id}")
            tables = [tables[request.table_id]]
        for table in tables:
            for entry in table.select(
                request.match,
                cookie=request.cookie,
                cookie_mask=request.cookie_mask,
                out_port=request.out_port,
                out_group=request.out_group,
            ):
                yield table, entry

    def _tables(self, request: Any, now: float) -> list[mp.MultipartReply]:
        return [
            mp.TableStatsReply(
                tables=tuple(
                    mp.TableStats(
                        table_id=table.table_id,
                        active_count=len(table),
                        lookup_count=table.lookup_count,
                        matched_count=table.matched_count,
                        name=f"table-{table.table_id}",
                        wildcards=capabilities.WILDCARDS_1_0,
                        max_entries=table.max_entries,
                    )
                    for table in self.pipeline.tables
                )
            )
        ]

    def _ports(self, request: mp.PortStatsRequest, now: float) -> list[mp.MultipartReply]:
        numbers = self._port_numbers(request.port, error_codes.REQUEST_BAD_PORT)
        stats = tuple(_port_stats(number, self.ports[number], now) for number in numbers)
        return [mp.PortStatsReply(ports=stats)]

    def _port_numbers(self, port: int, error: error_codes.ErrorCode) -> list[int]:
        if port == ANY:
            return sorted(self.pipeline.ports)
        if port not in self.pipeline.ports:
            raise OpenFlowError(error, f"no port {port}")
        return [port]

    def _queues(self, request: mp.QueueStatsRequest, now: float) -> list[mp.MultipartReply]:
        numbers = self._port_numbers(request.port, error_codes.QUEUE_BAD_PORT)
        seconds, nanoseconds = elapsed(self.started_at, now)
        found = tuple(
            mp.QueueStats(
                port=number,
                queue_id=queue.queue_id,
                tx_packets=self.queue_counters[number, queue.queue_id],
                tx_bytes=self.queue_bytes[number, queue.queue_id],
                duration_sec=seconds,
                duration_nsec=nanoseconds,
            )
            for number in numbers
            for queue in self.queues.get(number, ())
            if request.queue_id in (ALL_QUEUES, queue.queue_id)
        )
        if request.queue_id != ALL_QUEUES and request.port != ANY and not found:
            raise OpenFlowError(error_codes.QUEUE_BAD_QUEUE, f"no queue {request.queue_id}")
        return [mp.QueueStatsReply(queues=found)]

    def _groups(self, request: mp.GroupStatsRequest, now: float) -> list[mp.MultipartReply]:
        uses = self._uses_of_groups()
        references = self.pipeline.groups.ref_counts(uses)
        stats = []
        for group in self.pipeline.groups:
            if request.group_id in (ALL_GROUPS, ANY_GROUP, group.group_id):
                seconds, nanoseconds = elapsed(group.created_at, now)
                stats.append(
                    mp.GroupStats(
                        group_id=group.group_id,
                        ref_count=references[group.group_id],
                        packet_count=group.packet_count,
                        byte_count=group.byte_count,
                        duration_sec=seconds,
                        duration_nsec=nanoseconds,
                        buckets=tuple((packets, size) for packets, size in group.bucket_counts),
                    )
                )
        parts = _parts(stats, lambda each: 40 + 16 * len(each.buckets))
        return [mp.GroupStatsReply(groups=part) for part in parts]

    def _uses_of_groups(self) -> Counter[int]:
        return Counter(
            group_id
            for table in self.pipeline.tables
            for entry in table
            for group_id in {action.group_id for action in entry.actions if isinstance(action, Group)}
        )

    def _group_descriptions(self, request: Any, now: float) -> list[mp.MultipartReply]:
        descriptions = [
            mp.GroupDesc(group.group_type, group.group_id, group.buckets) for group in self.pipeline.groups
        ]
        parts = _parts(
            descriptions,
            lambda each: 8 + sum(16 + _actions_size(bucket.actions) for bucket in each.buckets),
        )
        return [mp.GroupDescReply(groups=part) for part in parts]

    def _meters(self, request: mp.MeterStatsRequest, now: float) -> list[mp.MultipartReply]:
        uses = Counter(
            instruction.meter_id
            for table in self.pipeline.tables
            for entry in table
            for instruction in entry.instructions
            if isinstance(instruction, Meter)
        )
        stats = []
        for meter in self._asked_meters(request.meter_id):
            seconds, nanoseconds = elapsed(meter.created_at, now)
            stats.append(
                mp.MeterStats(
                    meter_id=meter.meter_id,
                    flow_count=uses[meter.meter_id],
                    packet_in_count=meter.packet_count,
                    byte_in_count=meter.byte_count,
                    duration_sec=seconds,
                    duration_nsec=nanoseconds,
                    bands=tuple((band.packets, band.bytes) for band in meter.bands),
                )
            )
        return [mp.MeterStatsReply(meters=part) for part in _parts(stats, lambda each: 200)]

    def _meter_configurations(self, request: mp.MeterConfigRequest, now: float) -> list[mp.MultipartReply]:
        configurations = [
            mp.MeterConfig(meter.meter_id, meter.flags, tuple(band.band for band in meter.bands))
            for meter in self._asked_meters(request.meter_id)
        ]
        return [mp.MeterConfigReply(meters=part) for part in _parts(configurations, lambda each: 150)]

    def _asked_meters(self, meter_id: int) -> list[Any]:
        found = [meter for meter in self.pipeline.meters if meter_id in (ALL_METERS, meter.meter_id)]
        if not found and meter_id != ALL_METERS:
            raise OpenFlowError(error_codes.UNKNOWN_METER, f"no meter {meter_id}")
        return found

    def _table_features(self, request: mp.TableFeaturesRequest, now: float) -> list[mp.MultipartReply]:
        if request.tables:
            raise OpenFlowError(error_codes.TABLE_FEATURES_EPERM, "the tables are what they are")
        n_tables = len(self.pipeline.tables)
        features = [capabilities.table_features(i, n_tables) for i in range(n_tables)]
        return [mp.TableFeaturesReply(tables=part) for part in _parts(features, _features_size)]

    def _port_descriptions(self, request: Any, now: float) -> list[mp.MultipartReply]:
        described: list[Port] = [port for _, port in sorted(self.pipeline.ports.items())]
        return [mp.PortDescReply(ports=part) for part in _parts(described, lambda each: 64)]

    def _refuse_experimenter(self, request: Any, now: float) -> list[mp.MultipartReply]:
        raise OpenFlowError(error_codes.BAD_EXPERIMENTER, "an experimenter's multipart")


_ANSWERS: Final[dict[type, Callable[[Statistics, Any, float], list[mp.MultipartReply]]]] = {
    mp.DescRequest: Statistics._describe,
    mp.FlowStatsRequest: Statistics._flows,
    mp.AggregateStatsRequest: Statistics._aggregate,
    mp.TableStatsRequest: Statistics._tables,
    mp.PortStatsRequest: Statistics._ports,
    mp.QueueStatsRequest: Statistics._queues,
    mp.GroupStatsRequest: Statistics._groups,
    mp.GroupDescRequest: Statistics._group_descriptions,
    mp.GroupFeaturesRequest: lambda self, request, now: [capabilities.GROUP_FEATURES],
    mp.MeterStatsRequest: Statistics._meters,
    mp.MeterConfigRequest: Statistics._meter_configurations,
    mp.MeterFeaturesRequest: lambda self, request, now: [capabilities.METER_FEATURES],
    mp.TableFeaturesRequest: Statistics._table_features,
    mp.PortDescRequest: Statistics._port_descriptions,
    mp.ExperimenterMultipartRequest: Statistics._refuse_experimenter,
}


def elapsed(since: float, now: float) -> tuple[int, int]:
    """A duration as OpenFlow writes it: whole seconds, and nanoseconds beyond them."""
    return divmod(round(max(0.0, now - since) * NANOSECONDS), NANOSECONDS)


def _flow_stats(table: FlowTable, entry: FlowEntry, now: float) -> mp.FlowStats:
    seconds, nanoseconds = elapsed(entry.installed_at, now)
    return mp.FlowStats(
        table_id=table.table_id,
        duration_sec=seconds,
        duration_nsec=nanoseconds,
        priority=entry.priority,
        idle_timeout=entry.idle_timeout,
        hard_timeout=entry.hard_timeout,
        flags=entry.flags,
        cookie=entry.cookie,
        packet_count=entry.packet_count,
        byte_count=entry.byte_count,
        match=entry.match,
        instructions=entry.instructions,
    )


def _port_stats(number: int, counters: PortCounters, now: float) -> mp.PortStats:
    seconds, nanoseconds = elapsed(counters.since, now)
    return mp.PortStats(
        port=number,
        rx_packets=counters.rx_packets,
        tx_packets=counters.tx_packets,
        rx_bytes=counters.rx_bytes,
        tx_bytes=counters.tx_bytes,
        rx_dropped=counters.rx_dropped,
        tx_dropped=counters.tx_dropped,
        duration_sec=seconds,
        duration_nsec=nanoseconds,
    )


def _parts(items: list[T], size_of: Callable[[T], int]) -> list[tuple[T, ...]]:
    """The items in parts that fit into frames; one part, and an empty one, where there is nothing."""
    parts: list[list[T]] = [[]]
    left = MAX_PART_BYTES
    for item in items:
        size = size_of(item)
        if size > left and parts[-1]:
            parts.append([])
            left = MAX_PART_BYTES
        parts[-1].append(item)
        left -= size
    return [tuple(part) for part in parts]


def _actions_size(listed: tuple[Any, ...]) -> int:
    return 32 * len(listed)  # the longest, an IPv6 address set, takes 24


def _flow_size(flow: mp.FlowStats) -> int:
    lists = [each.actions for each in flow.instructions if isinstance(each, ApplyActions | WriteActions)]
    fields = 36 * len(flow.match.fields)
    return 96 + fields + 24 * len(flow.instructions) + sum(map(_actions_size, lists))


def _features_size(table: mp.TableFeatures) -> int:
    return 64 + sum(8 + 4 * len(each.ids) for each in table.properties if isinstance(each, mp.TableProperty))
