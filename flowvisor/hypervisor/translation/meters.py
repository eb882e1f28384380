"""METER_MOD, and the statistics, configuration and features of meters: ours only, under the tenant's own ids."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final

from attrs import define, evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import METER
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.readings import ask_shared
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import ask_for_tenant, fence, send_to_datapath
from flowvisor.hypervisor.translation.flow_mod import Copies
from flowvisor.hypervisor.translation.pieces import users_gone
from flowvisor.hypervisor.translation.statistics import send_reply
from flowvisor.hypervisor.translation.switch_messages import answer
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.frame import METER_MOD
from flowvisor.openflow.messages import (
    ALL_METERS,
    BAND_DROP,
    BAND_DSCP_REMARK,
    METER_ADD,
    METER_DELETE,
    Message,
    MeterMod,
)
from flowvisor.openflow.multipart import (
    MeterConfig,
    MeterConfigReply,
    MeterConfigRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    MeterStats,
    MeterStatsReply,
    MeterStatsRequest,
)
from flowvisor.planning.egress import is_visible
from flowvisor.planning.entries import max_tenant_meter

MAX_METER_ID: Final = 0xFFFF_0000  # OFPM_MAX; what lies above is virtual: the slow path, the controller, all
_ID: Final = Struct("!I")  # in the journal


@define(eq=False)
class Addition:
    """A meter that a tenant wants, until the datapath is known to have it."""

    frame: bytes
    meter_id: int
    physical: int


def southbound(channel: TenantChannel, frame: bytes, request: MeterMod, effects: Effects) -> Refusal | None:
    """METER_MOD."""
    if request.command == METER_DELETE:
        return _delete(channel, frame, request, effects)
    if not 1 <= request.meter_id <= MAX_METER_ID:
        return Refusal(codes.INVALID_METER, "meter-id")
    if request.command == METER_ADD:
        return _add(channel, frame, request, effects)
    physical = channel.switch.meters.by_id.get(request.meter_id)
    if physical is None:
        return Refusal(codes.UNKNOWN_METER, "unknown-meter")
    refusal = _refused(channel.switch, request)
    if refusal is None:
        _note_remarking(channel.switch, request)
        _count(channel, frame)
        _send(channel, frame, evolve(request, meter_id=physical), effects)
    return refusal


def _add(channel: TenantChannel, frame: bytes, request: MeterMod, effects: Effects) -> Refusal | None:
    switch, datapath = channel.switch, channel.switch.datapath
    meters, quota = switch.meters, switch.tenant.quota
    if request.meter_id in meters.by_id:
        return Refusal(codes.METER_EXISTS, "meter-exists")
    held = sum(len(one.meters) for one in datapath.switches.values() if one.tenant is switch.tenant)
    if quota is not None and quota.meters is not None and held >= quota.meters:
        return Refusal(codes.OUT_OF_METERS, "quota")
    if not datapath.meter_features.max_meter:
        return Refusal(codes.OUT_OF_METERS, "no-meters")
    refusal = _refused(switch, request)
    if refusal is not None:
        return refusal
    physical = datapath.meter_ids.allocate()
    if physical is None:
        return Refusal(codes.OUT_OF_METERS, "no-meters")
    meters.add(request.meter_id, physical)
    switch.verdicts.clear()
    _note_remarking(switch, request)
    key = _ID.pack(request.meter_id)
    datapath.memory.remember(METER, switch.name.slice_name, key, _ID.pack(physical), effects)
    _count(channel, frame)
    token = Addition(frame, request.meter_id, physical)
    _send(channel, token, evolve(request, meter_id=physical), effects)
    return None


def _refused(switch: VirtualSwitch, request: MeterMod) -> Refusal | None:
    """What of a meter the datapath does not offer, or the slice may not do."""
    offered = switch.datapath.meter_features
    if request.flags & ~offered.capabilities:
        return Refusal(codes.METER_BAD_FLAGS, "unsupported")
    if len(request.bands) > offered.max_bands:
        return Refusal(codes.OUT_OF_BANDS, "unsupported")
    for band in request.bands:
        if band.kind > BAND_DSCP_REMARK or not _band_types(switch) >> band.kind & 1:
            return Refusal(codes.METER_BAD_BAND, "unsupported")
    return None


def _note_remarking(switch: VirtualSwitch, request: MeterMod) -> None:
    """Take note of a meter that changes packets: rules beyond a link that is found later may look at that field."""
    if any(band.kind == BAND_DSCP_REMARK for band in request.bands):
        switch.meters.remarking.add(request.meter_id)


def _band_types(switch: VirtualSwitch) -> int:
    """The types of bands that the slice may use, as a bitmap.

    Not DSCP_REMARK where rules look at that field: it rewrites by rate, and packets could become another slice's.
    """
    types = switch.datapath.meter_features.band_types & (1 << BAND_DROP | 1 << BAND_DSCP_REMARK)
    if is_visible(("ip_dscp",), switch.view.used_mask):
        types &= ~(1 << BAND_DSCP_REMARK)
    return types


def _delete(channel: TenantChannel, frame: bytes, request: MeterMod, effects: Effects) -> Refusal | None:
    switch = channel.switch
    if request.meter_id == ALL_METERS:
        wanted = list(switch.meters.by_id)
    elif request.meter_id > MAX_METER_ID:
        return Refusal(codes.INVALID_METER, "meter-id")
    else:
        wanted = [one for one in (request.meter_id,) if one in switch.meters.by_id]
    copies = Copies(frame)
    for meter_id in wanted:
        physical = _forget(switch, meter_id, effects)
        users_gone(switch, act.Meter(meter_id), effects)
        _send(channel, copies, MeterMod(command=METER_DELETE, meter_id=physical), effects)
    _count(channel, frame)
    return None


def _forget(switch: VirtualSwitch, meter_id: int, effects: Effects) -> int:
    """Know a meter no more; returns what the datapath calls it."""
    physical = switch.meters.take_out(meter_id)
    switch.verdicts.clear()
    switch.datapath.meter_ids.release(physical)
    switch.datapath.memory.forget(METER, switch.name.slice_name, _ID.pack(meter_id), effects)
    return physical


def _count(channel: TenantChannel, frame: bytes) -> None:
    channel.counters.down[METER_MOD] += 1
    channel.counters.down_bytes += len(frame)


def _send(channel: TenantChannel, token: Addition | Copies | bytes, mod: MeterMod, effects: Effects) -> None:
    datapath = channel.switch.datapath
    xid = channel.transactions.send(token)
    send_to_datapath(datapath, datapath.codec.encode(evolve(mod, xid=xid)), effects)
    if channel.transactions.fence_is_due:
        fence(channel, effects)


def undo(channel: TenantChannel, token: Addition, error: tuple[int, int], effects: Effects) -> None:
    """The datapath refused a meter: there is none."""
    switch = channel.switch
    if switch.meters.by_id.get(token.meter_id) == token.physical:
        _forget(switch, token.meter_id, effects)
    refuse(channel, token.frame, Refusal(error, "datapath"), effects)


def statistics(
    channel: TenantChannel, frame: bytes, request: MeterStatsRequest, effects: Effects
) -> Refusal | None:
    """A request for METER statistics."""
    switch = channel.switch
    wanted = _physical(switch, request.meter_id)
    if wanted is None:
        return Refusal(codes.UNKNOWN_METER, "unknown-meter")

    def all_told(replies: list[Message], effects: Effects) -> None:
        told = [
            _stats_to_virtual(switch, stats)
            for reply in replies
            if isinstance(reply, MeterStatsReply)
            for stats in reply.meters
            if stats.meter_id in switch.meters.by_physical
        ]
        send_reply(channel, MeterStatsReply(xid=request.xid), "meters", told, effects)

    if not switch.meters.by_id:
        all_told([], effects)
        return None
    return ask_shared(channel, frame, [MeterStatsRequest(meter_id=wanted)], all_told, effects)


def _stats_to_virtual(switch: VirtualSwitch, stats: MeterStats) -> MeterStats:
    meter_id = switch.meters.by_physical[stats.meter_id]
    flows = stats.flow_count
    if switch.flow_table is not None:  # the datapath counts pieces
        flows = len(switch.flow_table.users.get(act.Meter(meter_id), ()))
    return evolve(stats, meter_id=meter_id, flow_count=flows)


def configurations(
    channel: TenantChannel, frame: bytes, request: MeterConfigRequest, effects: Effects
) -> Refusal | None:
    """A request for METER_CONFIG."""
    switch = channel.switch
    wanted = _physical(switch, request.meter_id)
    if wanted is None:
        return Refusal(codes.UNKNOWN_METER, "unknown-meter")

    def all_told(replies: list[Message], effects: Effects) -> None:
        known = switch.meters.by_physical
        told = [
            evolve(config, meter_id=known[config.meter_id])
            for reply in replies
            if isinstance(reply, MeterConfigReply)
            for config in reply.meters
            if config.meter_id in known
        ]
        send_reply(channel, MeterConfigReply(xid=request.xid), "meters", told, effects)

    if not switch.meters.by_id:
        all_told([], effects)
        return None
    return ask_for_tenant(channel, frame, [MeterConfigRequest(meter_id=wanted)], all_told, effects)


def _physical(switch: VirtualSwitch, meter_id: int) -> int | None:
    return ALL_METERS if meter_id == ALL_METERS else switch.meters.by_id.get(meter_id)


def features(
    channel: TenantChannel, _frame: bytes, request: MeterFeaturesRequest, effects: Effects
) -> Refusal | None:
    """A request for METER_FEATURES: what the datapath offers, as far as the slice may have it."""
    offered, quota = channel.switch.datapath.meter_features, channel.tenant.quota
    most = max_tenant_meter(offered.max_meter)
    reply = MeterFeaturesReply(
        xid=request.xid,
        max_meter=most if quota is None or quota.meters is None else min(most, quota.meters),
        band_types=_band_types(channel.switch),
        capabilities=offered.capabilities & 0xF,
        max_bands=offered.max_bands,
        max_color=offered.max_color,
    )
    answer(channel, reply, effects)
    return None


def adopt(datapath: Datapath, present: Iterable[MeterConfig], effects: Effects) -> list[MeterMod]:
    """Take up the meters that a datapath has kept for slices; returns the removals of those that nobody may have."""
    ids = datapath.meter_ids
    found = {meter.meter_id: meter for meter in present if meter.meter_id <= ids.last}
    for switch in datapath.switches.values():
        for key, value in dict(datapath.memory.of(METER, switch.name.slice_name)).items():
            (meter_id,), (physical,) = _ID.unpack(key), _ID.unpack(value)
            meter = found.get(physical)
            if meter is None or physical in ids.taken or _refused(switch, _as_mod(meter)) is not None:
                datapath.memory.forget(METER, switch.name.slice_name, key, effects)
            else:
                switch.meters.add(meter_id, physical)
                _note_remarking(switch, evolve(_as_mod(meter), meter_id=meter_id))
                ids.take(physical)
    return [
        MeterMod(command=METER_DELETE, meter_id=meter_id) for meter_id in found if meter_id not in ids.taken
    ]


def _as_mod(meter: MeterConfig) -> MeterMod:
    return MeterMod(command=METER_ADD, flags=meter.flags, meter_id=meter.meter_id, bands=meter.bands)
