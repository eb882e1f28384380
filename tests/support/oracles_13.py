"""os-ken as a second opinion on OpenFlow 1.3: our values as its objects, its objects' bytes.

os-ken parses what datapaths send and FLOW_MOD, and serialises what controllers send.
"""

from operator import attrgetter
from typing import Any

import attrs
from os_ken.ofproto import ofproto_parser, ofproto_v1_3
from os_ken.ofproto import ofproto_v1_3_parser as theirs
from os_ken.ofproto.ofproto_protocol import ProtocolDesc

from flowvisor.openflow import actions as a
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Message
from flowvisor.openflow.ports import Port
from flowvisor.openflow.v13_actions import encode_actions, encode_instructions
from flowvisor.openflow.v13_table_features import write_table_features

DATAPATH = ProtocolDesc(version=4)


OXM_BASIC = 0x8000 << 7  # os-ken numbers a field by class and number together


def their_number_and_length(name: str) -> tuple[int, int]:
    """A field's OXM number and the length of its values."""
    entry = next(entry for entry in ofproto_v1_3.oxm_types if entry.name == name)
    return entry.num - OXM_BASIC, entry.type.size


def parsed(frame: bytes) -> Any:
    """What os-ken makes of a frame."""
    version, kind, length, xid = ofproto_parser.header(frame)
    return ofproto_parser.msg(DATAPATH, version, kind, length, xid, frame)


def serialised(message: Any, xid: int) -> bytes:
    """The frame that os-ken makes of its message."""
    message.set_xid(xid)
    message.serialize()
    return bytes(message.buf)


def colons(octets: bytes) -> str:
    """A MAC address as text."""
    return octets.hex(":")


# ------------------------------------------------------------------------------ ours to theirs: parts


def their_field(name: str, value: int, mask: int) -> Any:
    """A value as a user of os-ken writes it."""
    field = FIELDS[name]
    octets = value.to_bytes(field.length, "big")
    their_mask = None if mask == field.all_ones else mask.to_bytes(field.length, "big")
    return ofproto_v1_3.oxm_to_user(OXM_BASIC | field.number, octets, their_mask)[1]


def their_match(match: Match) -> Any:
    return theirs.OFPMatch(**{name: their_field(name, value, mask) for name, value, mask in match})


THEIR_ACTIONS: dict[type[Any], Any] = {
    a.Output: lambda action: theirs.OFPActionOutput(action.port, action.max_len),
    a.SetField: lambda action: theirs.OFPActionSetField(
        **{action.name: their_field(action.name, action.value, FIELDS[action.name].all_ones)}
    ),
    a.PushVlan: lambda action: theirs.OFPActionPushVlan(action.ethertype),
    a.PopVlan: lambda action: theirs.OFPActionPopVlan(),
    a.PushMpls: lambda action: theirs.OFPActionPushMpls(action.ethertype),
    a.PopMpls: lambda action: theirs.OFPActionPopMpls(action.ethertype),
    a.PushPbb: lambda action: theirs.OFPActionPushPbb(action.ethertype),
    a.PopPbb: lambda action: theirs.OFPActionPopPbb(),
    a.CopyTtlOut: lambda action: theirs.OFPActionCopyTtlOut(),
    a.CopyTtlIn: lambda action: theirs.OFPActionCopyTtlIn(),
    a.SetMplsTtl: lambda action: theirs.OFPActionSetMplsTtl(action.ttl),
    a.DecMplsTtl: lambda action: theirs.OFPActionDecMplsTtl(),
    a.SetNwTtl: lambda action: theirs.OFPActionSetNwTtl(action.ttl),
    a.DecNwTtl: lambda action: theirs.OFPActionDecNwTtl(),
    a.Group: lambda action: theirs.OFPActionGroup(action.group_id),
    a.SetQueue: lambda action: theirs.OFPActionSetQueue(action.queue_id),
}


def their_actions(actions: a.Actions) -> list[Any]:
    return [THEIR_ACTIONS[type(action)](action) for action in actions]


THEIR_INSTRUCTIONS: dict[type[Any], Any] = {
    a.GotoTable: lambda given: theirs.OFPInstructionGotoTable(given.table_id),
    a.WriteMetadata: lambda given: theirs.OFPInstructionWriteMetadata(given.metadata, given.mask),
    a.WriteActions: lambda given: theirs.OFPInstructionActions(3, their_actions(given.actions)),
    a.ApplyActions: lambda given: theirs.OFPInstructionActions(4, their_actions(given.actions)),
    a.ClearActions: lambda given: theirs.OFPInstructionActions(5, []),
    a.Meter: lambda given: theirs.OFPInstructionMeter(given.meter_id),
}


def their_instructions(instructions: a.Instructions) -> list[Any]:
    return [THEIR_INSTRUCTIONS[type(instruction)](instruction) for instruction in instructions]


def their_buckets(buckets: tuple[m.Bucket, ...]) -> list[Any]:
    return [
        theirs.OFPBucket(bucket.weight, bucket.watch_port, bucket.watch_group, their_actions(bucket.actions))
        for bucket in buckets
    ]


def their_bands(bands: tuple[m.MeterBand, ...]) -> list[Any]:
    return [
        theirs.OFPMeterBandDrop(band.rate, band.burst_size)
        if band.kind == m.BAND_DROP
        else theirs.OFPMeterBandDscpRemark(band.rate, band.burst_size, band.prec_level)
        for band in bands
    ]


# --------------------------------------------------------------------------- ours to theirs: messages


def _flow_mod(d: Any, x: m.FlowMod) -> Any:
    return theirs.OFPFlowMod(
        d,
        *(x.cookie, x.cookie_mask, x.table_id, x.command, x.idle_timeout, x.hard_timeout, x.priority),
        *(x.buffer_id, x.out_port, x.out_group, x.flags, their_match(x.match)),
        their_instructions(x.instructions),
    )


def _filtered(make: Any) -> Any:
    return lambda d, x: make(
        d, x.more, x.table_id, x.out_port, x.out_group, x.cookie, x.cookie_mask, their_match(x.match)
    )


def _set_async(d: Any, x: m.SetAsync) -> Any:
    return theirs.OFPSetAsync(
        d, list(x.masks.packet_in), list(x.masks.port_status), list(x.masks.flow_removed)
    )


# What os-ken can serialise, and how; experimenters' parts are left out.
THEIR_MESSAGES: dict[type[Message], Any] = {
    m.EchoRequest: lambda d, x: theirs.OFPEchoRequest(d, x.data),
    m.EchoReply: lambda d, x: theirs.OFPEchoReply(d, x.data),
    m.Error: lambda d, x: theirs.OFPErrorMsg(d, *x.error, x.data),
    m.FeaturesRequest: lambda d, x: theirs.OFPFeaturesRequest(d),
    m.GetConfigRequest: lambda d, x: theirs.OFPGetConfigRequest(d),
    m.SetConfig: lambda d, x: theirs.OFPSetConfig(d, x.flags, x.miss_send_len),
    m.PacketOut: lambda d, x: theirs.OFPPacketOut(
        d, x.buffer_id, x.in_port, their_actions(x.actions), x.data or None
    ),
    m.FlowMod: _flow_mod,
    m.GroupMod: lambda d, x: theirs.OFPGroupMod(
        d, x.command, x.group_type, x.group_id, their_buckets(x.buckets)
    ),
    m.PortMod: lambda d, x: theirs.OFPPortMod(d, x.port, colons(x.hw_addr), x.config, x.mask, x.advertise),
    m.TableMod: lambda d, x: theirs.OFPTableMod(d, x.table_id, x.config),
    m.MeterMod: lambda d, x: theirs.OFPMeterMod(d, x.command, x.flags, x.meter_id, their_bands(x.bands)),
    m.BarrierRequest: lambda d, x: theirs.OFPBarrierRequest(d),
    m.QueueGetConfigRequest: lambda d, x: theirs.OFPQueueGetConfigRequest(d, x.port),
    m.RoleRequest: lambda d, x: theirs.OFPRoleRequest(d, x.role, x.generation_id),
    m.GetAsyncRequest: lambda d, x: theirs.OFPGetAsyncRequest(d),
    m.SetAsync: _set_async,
    mp.DescRequest: lambda d, x: theirs.OFPDescStatsRequest(d, x.more),
    mp.FlowStatsRequest: _filtered(theirs.OFPFlowStatsRequest),
    mp.AggregateStatsRequest: _filtered(theirs.OFPAggregateStatsRequest),
    mp.TableStatsRequest: lambda d, x: theirs.OFPTableStatsRequest(d, x.more),
    mp.PortStatsRequest: lambda d, x: theirs.OFPPortStatsRequest(d, x.more, x.port),
    mp.QueueStatsRequest: lambda d, x: theirs.OFPQueueStatsRequest(d, x.more, x.port, x.queue_id),
    mp.GroupStatsRequest: lambda d, x: theirs.OFPGroupStatsRequest(d, x.more, x.group_id),
    mp.GroupDescRequest: lambda d, x: theirs.OFPGroupDescStatsRequest(d, x.more),
    mp.GroupFeaturesRequest: lambda d, x: theirs.OFPGroupFeaturesStatsRequest(d, x.more),
    mp.MeterStatsRequest: lambda d, x: theirs.OFPMeterStatsRequest(d, x.more, x.meter_id),
    mp.MeterConfigRequest: lambda d, x: theirs.OFPMeterConfigStatsRequest(d, x.more, x.meter_id),
    mp.MeterFeaturesRequest: lambda d, x: theirs.OFPMeterFeaturesStatsRequest(d, x.more),
    mp.PortDescRequest: lambda d, x: theirs.OFPPortDescStatsRequest(d, x.more),
}


def their_frame(message: Message) -> bytes:
    """The frame that os-ken makes of what our message says."""
    return serialised(THEIR_MESSAGES[type(message)](DATAPATH, message), message.xid)


# -------------------------------------------------------------------------------------- theirs to ours

# Attributes that os-ken calls something else; `.` goes into a part of its message.
THEIR_NAMES: dict[type[Any], dict[str, str]] = {
    m.FeaturesReply: {"dpid": "datapath_id"},
    m.PortStatus: {"port": "desc"},
    Port: {"number": "port_no", "current": "curr", "current_speed": "curr_speed"},
    mp.DescReply: {
        **{"manufacturer": "body.mfr_desc", "hardware": "body.hw_desc", "software": "body.sw_desc"},
        **{"serial_number": "body.serial_num", "datapath": "body.dp_desc"},
    },
    mp.AggregateStatsReply: {name: f"body.{name}" for name in ("packet_count", "byte_count", "flow_count")},
    mp.PortStats: {
        **{"port": "port_no", "rx_frame_errors": "rx_frame_err", "rx_over_errors": "rx_over_err"},
        "rx_crc_errors": "rx_crc_err",
    },
    mp.QueueStats: {"port": "port_no"},
    mp.GroupStats: {"buckets": "bucket_stats"},
    mp.GroupDesc: {"group_type": "type"},
    mp.GroupFeaturesReply: {
        name: f"body.{name}" for name in ("types", "capabilities", "max_groups", "actions")
    },
    mp.MeterStats: {"bands": "band_stats"},
    mp.MeterFeaturesReply: {
        name: f"body.{name}" for name in ("max_meter", "band_types", "capabilities", "max_bands", "max_color")
    },
    m.MeterBand: {"kind": "type"},
    **{
        reply: {name: "body"}
        for reply, name in (
            (mp.FlowStatsReply, "flows"),
            (mp.TableStatsReply, "tables"),
            (mp.PortStatsReply, "ports"),
            (mp.QueueStatsReply, "queues"),
            (mp.GroupStatsReply, "groups"),
            (mp.GroupDescReply, "groups"),
            (mp.MeterStatsReply, "meters"),
            (mp.MeterConfigReply, "meters"),
            (mp.TableFeaturesReply, "tables"),
            (mp.PortDescReply, "ports"),
        )
    },
}

# What has no attribute of its own in os-ken's objects, or only of another version.
NOT_THEIRS: dict[type[Any], set[str]] = {
    m.FeaturesReply: {"actions", "ports"},
    m.Error: {"error"},
    mp.TableStats: {"name", "wildcards", "max_entries"},
    m.PacketQueue: {"min_rate", "max_rate", "opaque"},
    m.MeterBand: {"prec_level", "body"},
}


def their_bytes(parts: list[Any]) -> bytes:
    """What os-ken makes of its own actions or instructions."""
    octets = bytearray()
    for part in parts:
        part.serialize(octets, len(octets))
    return bytes(octets)


def without_oxm_lengths(table: mp.TableFeatures) -> mp.TableFeatures:
    """As os-ken writes OXM ids: the specification does not say what length they have."""
    properties = tuple(
        attrs.evolve(part, ids=tuple(header & ~0xFF for header in part.ids))
        if isinstance(part, mp.TableProperty) and part.kind >= mp.MATCH
        else part
        for part in table.properties
    )
    return attrs.evolve(table, properties=properties)


def assert_same(ours: Any, theirs_said: Any) -> None:
    """Compare a value of ours with what os-ken read, attribute by attribute."""
    if isinstance(ours, Match):
        assert {name: their_field(name, *pair) for name, pair in ours.fields.items()} == dict(
            theirs_said.items()
        )
    elif isinstance(ours, str):
        text = theirs_said if isinstance(theirs_said, bytes) else theirs_said.encode()
        assert ours.encode("latin-1") == text.rstrip(b"\0")
    elif isinstance(ours, bytes):
        assert ours == theirs_said or colons(ours) == theirs_said
    elif isinstance(ours, tuple):
        assert_same_parts(ours, theirs_said)
    elif attrs.has(type(ours)):
        assert_same_attributes(ours, theirs_said)
    else:
        assert ours == theirs_said


def assert_same_parts(ours: tuple[Any, ...], theirs_said: Any) -> None:
    """Compare lists: actions and instructions by their bytes, counters as numbers, the rest one by one."""
    assert len(ours) == len(theirs_said)
    if ours and isinstance(ours[0], a.Instruction):
        assert encode_instructions(ours) == their_bytes(theirs_said)
    elif ours and isinstance(ours[0], a.Action):
        assert encode_actions(ours) == their_bytes(theirs_said)
    elif ours and isinstance(ours[0], mp.TableFeatures):
        written = b"".join(table.serialize() for table in theirs_said)
        assert b"".join(write_table_features(without_oxm_lengths(table)) for table in ours) == written
    else:
        for mine, other in zip(ours, theirs_said, strict=True):
            if isinstance(mine, tuple):
                assert mine == tuple(vars(other).values())
            else:
                assert_same(mine, other)


def assert_same_attributes(ours: Any, theirs_said: Any) -> None:
    """Compare every attribute that both have."""
    names = THEIR_NAMES.get(type(ours), {})
    if isinstance(ours, mp.MeterFeaturesReply):
        (theirs_said.body,) = theirs_said.body  # os-ken's own is a list of one
    for attribute in attrs.fields(type(ours)):
        name = attribute.name
        if name in NOT_THEIRS.get(type(ours), ()):
            continue
        value = getattr(ours, name)
        if name == "more":
            assert value == bool(theirs_said.flags & 1)
        elif name == "masks":
            for kind in ("packet_in", "port_status", "flow_removed"):
                assert list(getattr(value, kind)) == getattr(theirs_said, f"{kind}_mask")
        else:
            assert_same(value, attrgetter(names.get(name, name))(theirs_said))
    if isinstance(ours, m.Error):
        assert ours.error == (theirs_said.type, theirs_said.code)
    if isinstance(ours, m.MeterBand) and ours.kind == m.BAND_DSCP_REMARK:
        assert ours.prec_level == theirs_said.prec_level
    if isinstance(ours, m.PacketQueue):
        rates = {prop.property: prop.rate for prop in theirs_said.properties}
        assert (ours.min_rate, ours.max_rate) == (rates.get(1), rates.get(2))
