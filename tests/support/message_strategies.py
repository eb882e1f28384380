"""Hypothesis strategies for every message that OpenFlow 1.3 can say, and for what they are made of.

`MESSAGES_13[cls]` draws well-formed messages of a class: each decodes to itself.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from flowvisor.openflow import actions as a
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.fields import FIELDS, VLAN_PRESENT, Field, Prerequisite
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.messages import Message
from flowvisor.openflow.ports import Port
from flowvisor.openflow.v13_parts import PORT_CONFIG

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
u64 = st.integers(0, 0xFFFFFFFFFFFFFFFF)
port_numbers = st.one_of(st.integers(1, 48), st.integers(0xFFFFFFF8, 0xFFFFFFFF), u32)
hw_addrs = st.binary(min_size=6, max_size=6)
booleans = st.booleans()


def texts(length: int) -> st.SearchStrategy[str]:
    """What fits a field of `length` bytes."""
    alphabet = st.characters(min_codepoint=1, max_codepoint=0xFF)
    return st.text(alphabet, max_size=length - 1)


def bits(*masks: int) -> st.SearchStrategy[int]:
    """Any union of these bits."""
    return st.lists(st.sampled_from(masks), unique=True).map(sum)


def few(strategy: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    """A short tuple."""
    return st.lists(strategy, max_size=most).map(tuple)


# ---------------------------------------------------------------------------------------------- match


def field_values(field: Field) -> st.SearchStrategy[tuple[int, int]]:
    """(value, mask) of a field, masked where it may be, the value within the mask."""
    exact = st.tuples(st.integers(0, field.all_ones), st.just(field.all_ones))
    if not field.maskable:
        return exact
    masked = st.tuples(st.integers(0, field.all_ones), st.integers(1, field.all_ones))
    return exact | masked.map(lambda pair: (pair[0] & pair[1], pair[1]))


def prerequisites(field: Field) -> tuple[Prerequisite, ...]:
    """All that a field needs, as exact values."""
    if field.name == "vlan_pcp":
        return (("vlan_vid", (VLAN_PRESENT | 1, VLAN_PRESENT | 0xFFF)),)
    if field.name == "in_phy_port":
        return (("in_port", (1, 2)),)
    return field.requires


@st.composite
def field_sets(draw: st.DrawFn, names: tuple[str, ...] = tuple(FIELDS)) -> dict[str, tuple[int, int]]:
    """Fields with all that they need; a field whose needs contradict an earlier one's is left out."""
    fields: dict[str, tuple[int, int]] = {}
    for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=5)):
        needed = {}
        for other, values in prerequisites(FIELDS[name]):
            there = fields.get(other)
            if there is None:
                needed[other] = (draw(st.sampled_from(values)), FIELDS[other].all_ones)
            elif there[0] not in values or there[1] != FIELDS[other].all_ones:
                break
        else:
            fields.update(needed)
            if name not in fields:
                fields[name] = draw(field_values(FIELDS[name]))
    return fields


@st.composite
def opaque_fields(draw: st.DrawFn) -> OpaqueField:
    """Entries of Nicira's and of experimenters' classes."""
    oxm_class = draw(st.sampled_from((0x0000, 0x0001, 0x8001, 0xFFFF)))
    body = draw(st.binary(min_size=4, max_size=12))
    low = draw(st.integers(0, 0xFF)) << 8  # field number and mask bit
    return OpaqueField(oxm_class << 16 | low | len(body), body)


def matches(*, opaque: bool = True, names: tuple[str, ...] = tuple(FIELDS)) -> st.SearchStrategy[Match]:
    """Well-formed matches."""
    others = few(opaque_fields(), 2) if opaque else st.just(())
    return st.builds(Match, field_sets(names), others)


# ------------------------------------------------------------------------- actions and instructions


def opaque_bodies(multiple: int = 8) -> st.SearchStrategy[bytes]:
    """An experimenter's id and what follows; with type and length a multiple of eight bytes."""
    return st.integers(0, 3).flatmap(
        lambda count: st.binary(min_size=4 + count * multiple, max_size=4 + count * multiple)
    )


def _with_id(make: Callable[[int, bytes], Any]) -> st.SearchStrategy[Any]:
    return opaque_bodies().map(lambda body: make(int.from_bytes(body[:4], "big"), body))


def set_fields(names: tuple[str, ...] = tuple(FIELDS)) -> st.SearchStrategy[a.SetField]:
    """SET_FIELD of every field that can be set; in_port by a name that only Open vSwitch knows."""
    settable = [FIELDS[name] for name in names if FIELDS[name].settable and name != "in_port"]
    return st.sampled_from(settable).flatmap(
        lambda field: st.builds(a.SetField, st.just(field.name), st.integers(0, field.all_ones))
    )


ethertypes_vlan = st.sampled_from((0x8100, 0x88A8))
ethertypes_mpls = st.sampled_from((0x8847, 0x8848))

ACTIONS_13: dict[type[Any], st.SearchStrategy[Any]] = {
    a.Output: st.builds(a.Output, port_numbers, u16),
    a.SetField: set_fields(),
    a.PushVlan: st.builds(a.PushVlan, ethertypes_vlan),
    a.PopVlan: st.builds(a.PopVlan),
    a.PushMpls: st.builds(a.PushMpls, ethertypes_mpls),
    a.PopMpls: st.builds(a.PopMpls, u16),
    a.PushPbb: st.builds(a.PushPbb, st.just(0x88E7)),
    a.PopPbb: st.builds(a.PopPbb),
    a.CopyTtlOut: st.builds(a.CopyTtlOut),
    a.CopyTtlIn: st.builds(a.CopyTtlIn),
    a.SetMplsTtl: st.builds(a.SetMplsTtl, u8),
    a.DecMplsTtl: st.builds(a.DecMplsTtl),
    a.SetNwTtl: st.builds(a.SetNwTtl, u8),
    a.DecNwTtl: st.builds(a.DecNwTtl),
    a.Group: st.builds(a.Group, u32),
    a.SetQueue: st.builds(a.SetQueue, u32),
    a.OpaqueAction: _with_id(a.OpaqueAction),
}
opaque_set_fields = opaque_fields().map(lambda entry: a.OpaqueSetField(entry.header, entry.body))
actions = few(st.one_of(*ACTIONS_13.values()), 4)
shown_actions = few(st.one_of(*ACTIONS_13.values(), opaque_set_fields), 4)  # in a datapath's statistics


def instructions_13(action_lists: st.SearchStrategy[a.Actions]) -> dict[type[Any], st.SearchStrategy[Any]]:
    """Every instruction, with actions drawn from `action_lists`."""
    return {
        a.GotoTable: st.builds(a.GotoTable, u8),
        a.WriteMetadata: st.builds(a.WriteMetadata, u64, u64),
        a.WriteActions: st.builds(a.WriteActions, action_lists),
        a.ApplyActions: st.builds(a.ApplyActions, action_lists),
        a.ClearActions: st.builds(a.ClearActions),
        a.Meter: st.builds(a.Meter, u32),
        a.OpaqueInstruction: _with_id(a.OpaqueInstruction),
    }


def lists_of(
    strategies: dict[type[Any], st.SearchStrategy[Any]], *, without: type[Any] | None = None
) -> st.SearchStrategy[tuple[Any, ...]]:
    """Instructions, at most one of a type."""
    every = [strategy for cls, strategy in strategies.items() if cls is not without]
    return st.lists(st.one_of(*every), max_size=4, unique_by=type).map(tuple)


instructions = lists_of(instructions_13(actions))
shown_instructions = lists_of(instructions_13(shown_actions))


# ---------------------------------------------------------------------------------------------- parts

port_config = bits(*(1 << bit for bit in range(7) if PORT_CONFIG >> bit & 1))


def descriptions(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Port]:
    """What a datapath says of a port with one of these numbers."""
    return st.builds(Port, numbers, hw_addrs, texts(16), port_config, st.integers(0, 7), *[u32] * 6)


ports = descriptions(port_numbers)


def bucket_lists(action_lists: st.SearchStrategy[a.Actions]) -> st.SearchStrategy[tuple[m.Bucket, ...]]:
    """A few buckets."""
    return few(st.builds(m.Bucket, u16, u32, u32, action_lists))


plain_bands = st.one_of(
    st.builds(m.MeterBand, st.just(m.BAND_DROP), u32, u32),
    st.builds(m.MeterBand, st.just(m.BAND_DSCP_REMARK), u32, u32, u8),
)
bands = few(plain_bands | st.builds(m.MeterBand, st.just(0xFFFF), u32, u32, st.just(0), opaque_bodies()))
queue_properties = few(st.builds(m.OpaqueProperty, st.integers(3, 0xFFFF), st.binary(max_size=9)), 2)


def queues_with(opaque: st.SearchStrategy[Any]) -> st.SearchStrategy[m.PacketQueue]:
    """Queues with such properties beside their rates."""
    return st.builds(m.PacketQueue, u32, u32, st.none() | u16, st.none() | u16, opaque)


queues = queues_with(queue_properties)
masks = st.builds(m.AsyncMasks, *[st.tuples(u32, u32)] * 3)
counters = few(st.tuples(u64, u64))

oxm_headers = st.sampled_from(
    [header for field in FIELDS.values() for header in (field.oxm_header, field.masked_oxm_header)]
)
oxm_experimenter_headers = st.integers(0xFFFF0000, 0xFFFFFFFF)


@st.composite
def table_properties(draw: st.DrawFn) -> mp.TableProperty:
    """Properties of every kind, experimenters' ids among the others."""
    kind = draw(st.sampled_from((0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15)))
    if kind in (mp.NEXT_TABLES, mp.NEXT_TABLES_MISS):
        return mp.TableProperty(kind, draw(few(u8, 9)))
    if kind < mp.MATCH:
        rests = draw(few(st.binary(min_size=4, max_size=9), 2))
        opaque = tuple((0xFFFF0000 | 4 + len(rest), rest) for rest in rests)
        return mp.TableProperty(kind, draw(few(st.integers(0, 0xFFFE), 5)), opaque)
    pairs = st.tuples(oxm_experimenter_headers, st.binary(min_size=4, max_size=4))
    return mp.TableProperty(kind, draw(few(oxm_headers, 5)), draw(few(pairs, 2)))


def table_features(opaque_kinds: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[mp.TableFeatures, ...]]:
    """Features of a few tables."""
    opaque = st.builds(m.OpaqueProperty, opaque_kinds, st.binary(max_size=9))
    properties = few(table_properties() | opaque, 4)
    return few(st.builds(mp.TableFeatures, u8, texts(32), u64, u64, u32, u32, properties), 2)


# ------------------------------------------------------------------------------------------- messages


any_match = matches()


@frozen(kw_only=True)
class Vocabulary:
    """What messages may be made of."""

    ports: st.SearchStrategy[int] = port_numbers
    out_ports: st.SearchStrategy[int] = u32
    matches: st.SearchStrategy[Match] = any_match
    actions: st.SearchStrategy[a.Actions] = actions
    shown_actions: st.SearchStrategy[a.Actions] = shown_actions
    instructions: st.SearchStrategy[a.Instructions] = instructions
    shown_instructions: st.SearchStrategy[a.Instructions] = shown_instructions
    bands: st.SearchStrategy[Any] = bands
    queue_properties: st.SearchStrategy[Any] = queue_properties
    tables: Callable[[st.SearchStrategy[int]], st.SearchStrategy[Any]] = table_features
    more: st.SearchStrategy[bool] = booleans


_DURATION = {"duration_sec": u32, "duration_nsec": u32}
_TIMEOUTS = {"idle_timeout": u16, "hard_timeout": u16}
_COUNTS = {"packet_count": u64, "byte_count": u64}
_EXPERIMENTER = {"experimenter": u32, "body": opaque_bodies(1)}

Strategies = dict[type[Message], st.SearchStrategy[Any]]
Fields = dict[type[Message], dict[str, st.SearchStrategy[Any]]]


def _symmetric() -> Fields:
    return {
        m.Hello: {
            "version": st.integers(4, 6),
            "versions": st.none() | st.frozensets(st.integers(1, 70)),
        },
        m.Error: {"error": st.tuples(u16, u16), "data": st.binary()},
        m.EchoRequest: {"data": st.binary()},
        m.EchoReply: {"data": st.binary()},
        m.Experimenter: _EXPERIMENTER,
        m.BarrierRequest: {},
        m.BarrierReply: {},
    }


def _from_controllers(words: Vocabulary) -> Fields:
    return {
        m.FeaturesRequest: {},
        m.GetConfigRequest: {},
        m.SetConfig: {"flags": u16, "miss_send_len": u16},
        m.PacketOut: {
            "buffer_id": u32,
            "in_port": words.ports,
            "actions": words.actions,
            "data": st.binary(),
        },
        m.FlowMod: {
            **{"cookie": u64, "cookie_mask": u64, "table_id": u8, "command": st.integers(0, 4)},
            **{"priority": u16, "buffer_id": u32, "out_port": words.out_ports, "out_group": u32},
            **{"flags": st.integers(0, 0x1F), "match": words.matches, "instructions": words.instructions},
            **_TIMEOUTS,
        },
        m.GroupMod: {
            **{"command": st.integers(0, 2), "group_type": st.integers(0, 3), "group_id": u32},
            "buckets": bucket_lists(words.actions),
        },
        m.PortMod: {
            **{"port": words.ports, "hw_addr": hw_addrs, "config": u32, "mask": port_config},
            "advertise": u32,
        },
        m.TableMod: {"table_id": u8, "config": u32},
        m.QueueGetConfigRequest: {"port": words.ports},
        m.RoleRequest: {"role": st.integers(0, 3), "generation_id": u64},
        m.GetAsyncRequest: {},
        m.SetAsync: {"masks": masks},
        m.MeterMod: {
            **{"command": st.integers(0, 2), "flags": st.integers(0, 0xF), "meter_id": u32},
            "bands": words.bands,
        },
    }


def _from_datapaths(words: Vocabulary) -> Fields:
    return {
        m.FeaturesReply: {
            **{"dpid": u64, "n_buffers": u32, "n_tables": u8, "auxiliary_id": u8},
            "capabilities": u16,
        },
        m.GetConfigReply: {"flags": u16, "miss_send_len": u16},
        m.PacketIn: {
            **{"buffer_id": u32, "total_len": u16, "reason": u8, "table_id": u8, "cookie": u64},
            **{"match": words.matches, "data": st.binary()},
        },
        m.FlowRemoved: {
            **{"cookie": u64, "priority": u16, "reason": u8, "table_id": u8, "match": words.matches},
            **_DURATION,
            **_TIMEOUTS,
            **_COUNTS,
        },
        m.PortStatus: {"reason": u8, "port": descriptions(words.ports)},
        m.QueueGetConfigReply: {"port": words.ports, "queues": few(queues_with(words.queue_properties))},
        m.RoleReply: {"role": u32, "generation_id": u64},
        m.GetAsyncReply: {"masks": masks},
    }


def _multipart_requests(words: Vocabulary) -> Fields:
    chosen = {
        **{"table_id": u8, "out_port": words.out_ports, "out_group": u32},
        **{"cookie": u64, "cookie_mask": u64, "match": words.matches},
    }
    return {
        mp.DescRequest: {},
        mp.FlowStatsRequest: chosen,
        mp.AggregateStatsRequest: chosen,
        mp.TableStatsRequest: {},
        mp.PortStatsRequest: {"port": words.ports},
        mp.QueueStatsRequest: {"port": words.ports, "queue_id": u32},
        mp.GroupStatsRequest: {"group_id": u32},
        mp.GroupDescRequest: {},
        mp.GroupFeaturesRequest: {},
        mp.MeterStatsRequest: {"meter_id": u32},
        mp.MeterConfigRequest: {"meter_id": u32},
        mp.MeterFeaturesRequest: {},
        mp.TableFeaturesRequest: {"tables": words.tables(st.sampled_from((0xFFFE, 0xFFFF)))},
        mp.PortDescRequest: {},
        mp.ExperimenterMultipartRequest: _EXPERIMENTER,
    }


def _multipart_replies(words: Vocabulary) -> Fields:
    flows = st.builds(
        mp.FlowStats,
        **{"table_id": u8, "priority": u16, "flags": st.integers(0, 0x1F), "cookie": u64},
        **{"match": words.matches, "instructions": words.shown_instructions},
        **_DURATION,
        **_TIMEOUTS,
        **_COUNTS,
    )
    group_descs = st.builds(mp.GroupDesc, st.integers(0, 3), u32, bucket_lists(words.shown_actions))
    return {
        mp.DescReply: {
            **dict.fromkeys(("manufacturer", "hardware", "software", "datapath"), texts(256)),
            "serial_number": texts(32),
        },
        mp.FlowStatsReply: {"flows": few(flows, 2)},
        mp.AggregateStatsReply: {"flow_count": u32, **_COUNTS},
        mp.TableStatsReply: {"tables": few(st.builds(mp.TableStats, u8, u32, u64, u64))},
        mp.PortStatsReply: {"ports": few(st.builds(mp.PortStats, words.ports, *[u64] * 12, u32, u32))},
        mp.QueueStatsReply: {
            "queues": few(st.builds(mp.QueueStats, words.ports, u32, u64, u64, u64, u32, u32))
        },
        mp.GroupStatsReply: {"groups": few(st.builds(mp.GroupStats, u32, u32, u64, u64, u32, u32, counters))},
        mp.GroupDescReply: {"groups": few(group_descs)},
        mp.GroupFeaturesReply: {
            **{"types": u32, "capabilities": u32},
            **dict.fromkeys(("max_groups", "actions"), st.tuples(u32, u32, u32, u32)),
        },
        mp.MeterStatsReply: {"meters": few(st.builds(mp.MeterStats, u32, u32, u64, u64, u32, u32, counters))},
        mp.MeterConfigReply: {
            "meters": few(st.builds(mp.MeterConfig, u32, st.integers(0, 0xF), words.bands))
        },
        mp.MeterFeaturesReply: {
            **dict.fromkeys(("max_meter", "band_types", "capabilities"), u32),
            **dict.fromkeys(("max_bands", "max_color"), u8),
        },
        mp.TableFeaturesReply: {"tables": words.tables(st.sampled_from((9, 11, 16, 0x7FFF, 0xFFFE, 0xFFFF)))},
        mp.PortDescReply: {"ports": few(descriptions(words.ports))},
        mp.ExperimenterMultipartReply: _EXPERIMENTER,
    }


def every_message_13(words: Vocabulary) -> Strategies:
    """A strategy for each class of messages of 1.3, made of these words."""
    single = {**_symmetric(), **_from_controllers(words), **_from_datapaths(words)}
    parts = {**_multipart_requests(words), **_multipart_replies(words)}
    return {
        **{cls: st.builds(cls, xid=u32, **fields) for cls, fields in single.items()},
        **{cls: st.builds(cls, xid=u32, more=words.more, **fields) for cls, fields in parts.items()},
    }


MESSAGES_13 = every_message_13(Vocabulary())


def messages_13(cls: type[Message]) -> st.SearchStrategy[Any]:
    """Well-formed messages of one class."""
    return MESSAGES_13[cls]
