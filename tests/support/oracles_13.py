"""os-ken as a second opinion on OpenFlow 1.3: our values as its objects, its objects' bytes.

os-ken parses what datapaths send and FLOW_MOD, and serialises what controllers send.
"""

from typing import Any

from os_ken.ofproto import ofproto_parser, ofproto_v1_3
from os_ken.ofproto import ofproto_v1_3_parser as theirs
from os_ken.ofproto.ofproto_protocol import ProtocolDesc

from flowvisor.openflow import actions as a
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Message

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
        d, 0, x.table_id, x.out_port, x.out_group, x.cookie, x.cookie_mask, their_match(x.match)
    )


def _set_async(d: Any, x: m.SetAsync) -> Any:
    return theirs.OFPSetAsync(
        d, list(x.masks.packet_in), list(x.masks.port_status), list(x.masks.flow_removed)
    )


# What os-ken can serialise, and how; `more` and experimenters' parts are left out.
THEIR_MESSAGES: dict[type[Message], Any] = {
    m.EchoRequest: lambda d, x: theirs.OFPEchoRequest(d, x.data),
    m.EchoReply: lambda d, x: theirs.OFPEchoReply(d, x.data),
    m.Error: lambda d, x: theirs.OFPErrorMsg(d, *x.error, x.data),
    m.FeaturesRequest: lambda d, x: theirs.OFPFeaturesRequest(d),
    m.GetConfigRequest: lambda d, x: theirs.OFPGetConfigRequest(d),
    m.SetConfig: lambda d, x: theirs.OFPSetConfig(d, x.flags, x.miss_send_len),
    m.PacketOut: lambda d, x: theirs.OFPPacketOut(
        d, x.buffer_id, x.in_port, their_actions(x.actions), x.data
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
    mp.DescRequest: lambda d, x: theirs.OFPDescStatsRequest(d, 0),
    mp.FlowStatsRequest: _filtered(theirs.OFPFlowStatsRequest),
    mp.AggregateStatsRequest: _filtered(theirs.OFPAggregateStatsRequest),
    mp.TableStatsRequest: lambda d, x: theirs.OFPTableStatsRequest(d, 0),
    mp.PortStatsRequest: lambda d, x: theirs.OFPPortStatsRequest(d, 0, x.port),
    mp.QueueStatsRequest: lambda d, x: theirs.OFPQueueStatsRequest(d, 0, x.port, x.queue_id),
    mp.GroupStatsRequest: lambda d, x: theirs.OFPGroupStatsRequest(d, 0, x.group_id),
    mp.GroupDescRequest: lambda d, x: theirs.OFPGroupDescStatsRequest(d, 0),
    mp.GroupFeaturesRequest: lambda d, x: theirs.OFPGroupFeaturesStatsRequest(d, 0),
    mp.MeterStatsRequest: lambda d, x: theirs.OFPMeterStatsRequest(d, 0, x.meter_id),
    mp.MeterConfigRequest: lambda d, x: theirs.OFPMeterConfigStatsRequest(d, 0, x.meter_id),
    mp.MeterFeaturesRequest: lambda d, x: theirs.OFPMeterFeaturesStatsRequest(d, 0),
    mp.PortDescRequest: lambda d, x: theirs.OFPPortDescStatsRequest(d, 0),
}


def their_frame(message: Message) -> bytes:
    """The frame that os-ken makes of what our message says."""
    return serialised(THEIR_MESSAGES[type(message)](DATAPATH, message), message.xid)
