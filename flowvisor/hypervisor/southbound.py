"""From a controller to its datapath: each message to what is done with it, by tables.

What is in no table is refused by name; nothing of a tenant's passes that is not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flight import MESSAGE_WEIGHT
from flowvisor.hypervisor.partial_requests import put_together
from flowvisor.hypervisor.peers import TenantChannel
from flowvisor.hypervisor.refusal import Refusal, refuse, refuse_what_fails
from flowvisor.hypervisor.translation import (
    flow_mod,
    flow_mod_intersect,
    group_statistics,
    groups,
    meters,
    nicira,
    packet_out,
    port_mod,
    queues,
    reading,
    statistics,
    switch_messages,
    table_features,
    tenant_lldp,
    unowned,
)
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as msg
from flowvisor.openflow import multipart as multi
from flowvisor.openflow.frame import FLOW_MOD, PACKET_OUT
from flowvisor.planning.plan import Enforcement

OfFrame = Callable[[TenantChannel, bytes, Effects], Refusal | None]
OfMessage = Callable[[TenantChannel, bytes, Any, Effects], Refusal | None]

# By (enforcement, the tenant's version, the datapath's version): those for which frames are patched in place.
_FLOW_MODS: Final[Mapping[tuple[Enforcement, int, int], OfFrame]] = {
    (Enforcement.TABLES, 4, 4): flow_mod.southbound_patched,
    (Enforcement.INTERSECT, 1, 1): flow_mod_intersect.southbound_patched,
}
_ANY_FLOW_MOD: Final[Mapping[Enforcement, OfFrame]] = {
    Enforcement.TABLES: flow_mod.southbound,
    Enforcement.INTERSECT: flow_mod_intersect.southbound,
}

BY_MESSAGE: Final[Mapping[type[msg.Message], OfMessage]] = {
    msg.FeaturesRequest: switch_messages.features,
    msg.GetConfigRequest: switch_messages.get_config,
    msg.SetConfig: switch_messages.set_config,
    msg.RoleRequest: switch_messages.role,
    msg.BarrierRequest: switch_messages.barrier,
    msg.Experimenter: nicira.southbound,
    msg.GroupMod: groups.southbound,
    msg.MeterMod: meters.southbound,
    msg.PortMod: port_mod.southbound,
    msg.TableMod: unowned.table_mod,
    msg.QueueGetConfigRequest: queues.configurations,
    msg.GetAsyncRequest: unowned.get_async,
    msg.SetAsync: unowned.set_async,
    multi.DescRequest: switch_messages.description,
    multi.PortDescRequest: switch_messages.port_description,
    multi.FlowStatsRequest: statistics.flows,
    multi.AggregateStatsRequest: statistics.aggregate,
    multi.PortStatsRequest: statistics.ports,
    multi.TableStatsRequest: statistics.tables,
    multi.TableFeaturesRequest: table_features.southbound,
    multi.GroupStatsRequest: group_statistics.statistics,
    multi.GroupDescRequest: group_statistics.descriptions,
    multi.GroupFeaturesRequest: group_statistics.features,
    multi.MeterStatsRequest: meters.statistics,
    multi.MeterConfigRequest: meters.configurations,
    multi.MeterFeaturesRequest: meters.features,
    multi.QueueStatsRequest: queues.statistics,
}

# By whether the slice may write, and whether it may look at what is others'.
_BY_PERMISSIONS: Final[Mapping[tuple[bool, bool], Mapping[type[msg.Message], OfMessage]]] = {
    (True, False): BY_MESSAGE,
    (True, True): {**BY_MESSAGE, **reading.OF_READERS},
    (False, True): {**BY_MESSAGE, **reading.OF_READERS_ONLY},
}

# What a slave may not send (1.3.5, section 6.3.4).
_OF_A_MASTER: Final = frozenset(
    {msg.FlowMod, msg.PacketOut, msg.GroupMod, msg.PortMod, msg.TableMod, msg.MeterMod}
)
_SLAVE_FRAMES: Final = frozenset({FLOW_MOD, PACKET_OUT})


def translate(channel: TenantChannel, frame: bytes, effects: Effects) -> None:
    """Do what is done with one of a tenant's frames; a refusal is answered."""
    if not channel.barriers:
        refuse_what_fails(channel, frame, _translate, effects)
        return
    apart = Effects(effects.now)
    refuse_what_fails(channel, frame, _translate, apart)
    _behind_barrier(channel, apart, effects)


def turn_away(channel: TenantChannel, frame: bytes, refusal: Refusal, effects: Effects) -> None:
    """Refuse a frame that was not even looked at; also that answer comes in order."""
    apart = Effects(effects.now)
    refuse(channel, frame, refusal, apart)
    if channel.barriers:
        _behind_barrier(channel, apart, effects)
    else:
        effects.add(apart)


def _behind_barrier(channel: TenantChannel, apart: Effects, effects: Effects) -> None:
    """What was answered here to a request behind a barrier waits until the barrier is answered.

    It counts like what is in flight until then, and is so bounded, too.
    """
    answers = apart.frames.pop(channel, [])
    channel.barriers[-1].extend(answers)
    channel.switch.datapath.flight.sent += sum(len(frame) + MESSAGE_WEIGHT for frame in answers)
    effects.add(apart)


def _translate(channel: TenantChannel, frame: bytes, effects: Effects) -> Refusal | None:
    kind = frame[1]
    if kind in _SLAVE_FRAMES:  # FLOW_MOD and PACKET_OUT, in every version
        if channel.role == msg.ROLE_SLAVE:
            return Refusal(codes.IS_SLAVE, "slave")
        if kind == FLOW_MOD and tenant_lldp.IN_MATCH in frame:
            tenant_lldp.take_note(channel, frame)
        hot: OfFrame = channel.flow_mod if kind == FLOW_MOD else channel.packet_out
        return hot(channel, frame, effects)
    message = channel.codec.decode(frame)
    if channel.role == msg.ROLE_SLAVE and type(message) in _OF_A_MASTER:
        return Refusal(codes.IS_SLAVE, "slave")
    if isinstance(message, msg.Error):
        channel.counters.count_shed("error-from-controller")
        return None
    if isinstance(message, multi.MultipartRequest) and (message.more or channel.partial):
        whole = put_together(channel, frame, message, effects.now)
        if not isinstance(whole, multi.MultipartRequest):
            return whole
        message = whole
    view = channel.switch.view
    translation = _BY_PERMISSIONS[view.may_write, bool(view.reads)].get(type(message))
    if translation is None:
        multipart = isinstance(message, multi.MultipartRequest)
        return _NOT_UNDERSTOOD.get(type(message)) or Refusal(
            codes.BAD_MULTIPART if multipart else codes.BAD_TYPE, "unsupported"
        )
    refusal = translation(channel, frame, message, effects)
    if refusal is None and type(message) in _ANSWERED_BY_SILENCE:
        channel.counters.answered[kind] += 1
    return refusal


# What is done here, and has no answer when it is right.
_ANSWERED_BY_SILENCE: Final = frozenset({msg.SetConfig, msg.SetAsync, msg.TableMod})

_NOT_UNDERSTOOD: Final[Mapping[type[msg.Message], Refusal]] = {
    multi.ExperimenterMultipartRequest: Refusal(codes.BAD_EXPERIMENTER, "experimenter"),
}


def flow_mods_of(enforcement: Enforcement, tenant_version: int, datapath_version: int) -> OfFrame:
    """What is done with a FLOW_MOD between these versions."""
    return _FLOW_MODS.get((enforcement, tenant_version, datapath_version), _ANY_FLOW_MOD[enforcement])


def packet_outs_of(tenant_version: int, datapath_version: int) -> OfFrame:
    """What is done with a PACKET_OUT between these versions."""
    return packet_out.southbound_patched if tenant_version == datapath_version else packet_out.southbound
