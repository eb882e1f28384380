"""From a controller to the shares of its virtual switch: each message to what is done with it, by a table.

What is in no table is refused by name; what is passed on the lower storey looks at as if it came from a controller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flowvisor.hypervisor.big import (
    flow_mod,
    modifications,
    offers,
    packet_out,
    statistics,
)
from flowvisor.hypervisor.big.big_switch import BigChannel, Errand
from flowvisor.hypervisor.big.errands import ask, begin, finish_if_unsent
from flowvisor.hypervisor.big.fan_out import first_leg, tell_one
from flowvisor.hypervisor.big.settings import settings_changed
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import Refusal, refuse_what_fails
from flowvisor.hypervisor.translation import nicira, switch_messages, unowned
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as msg
from flowvisor.openflow import multipart as multi
from flowvisor.openflow.frame import PACKET_OUT

OfMessage = Callable[[BigChannel, bytes, Any, Effects], Refusal | None]


def barrier(channel: BigChannel, frame: bytes, _request: msg.Message, effects: Effects) -> Refusal | None:
    """BARRIER_REQUEST: nothing behind it is looked at until all legs have answered; see `legs`."""

    def done(_errand: Errand, _effects: Effects) -> None:
        pass

    channel.barrier = begin(channel, frame, done)
    for leg in channel.legs.values():
        ask(leg, frame, channel.barrier, effects)
    finish_if_unsent(channel.barrier, effects)
    return None


def table_mod(channel: BigChannel, frame: bytes, _request: msg.TableMod, effects: Effects) -> Refusal | None:
    """TABLE_MOD: there is nothing to configure, as any share says."""
    tell_one(channel, frame, first_leg(channel), effects)
    return None


BY_MESSAGE: Final[Mapping[type[msg.Message], OfMessage]] = {
    msg.FlowMod: flow_mod.southbound,
    msg.GroupMod: modifications.group_mod,
    msg.MeterMod: modifications.meter_mod,
    msg.PortMod: modifications.port_mod,
    msg.TableMod: table_mod,
    msg.BarrierRequest: barrier,
    msg.FeaturesRequest: offers.features,
    msg.GetConfigRequest: switch_messages.get_config,
    msg.SetConfig: switch_messages.set_config,
    msg.RoleRequest: switch_messages.role,
    msg.Experimenter: nicira.southbound,
    msg.GetAsyncRequest: unowned.get_async,
    msg.SetAsync: unowned.set_async,
    msg.QueueGetConfigRequest: statistics.queue_config,
    multi.DescRequest: switch_messages.description,
    multi.PortDescRequest: offers.ports,
    multi.FlowStatsRequest: statistics.flows,
    multi.AggregateStatsRequest: statistics.aggregate,
    multi.PortStatsRequest: statistics.ports,
    multi.TableStatsRequest: statistics.tables,
    multi.TableFeaturesRequest: offers.tables,
    multi.GroupStatsRequest: statistics.groups,
    multi.GroupDescRequest: offers.passed_on,
    multi.GroupFeaturesRequest: offers.groups,
    multi.MeterStatsRequest: statistics.meters,
    multi.MeterConfigRequest: offers.passed_on,
    multi.MeterFeaturesRequest: offers.meters,
    multi.QueueStatsRequest: statistics.queues,
}
# What a slave may not send (1.3.5, section 6.3.4).
_OF_A_MASTER: Final = frozenset({msg.FlowMod, msg.GroupMod, msg.PortMod, msg.TableMod, msg.MeterMod})
# After which its legs, or others', are told what follows.
_OF_SETTINGS: Final = frozenset({msg.SetConfig, msg.RoleRequest, msg.Experimenter, msg.SetAsync})
_ANSWERED_BY_SILENCE: Final = frozenset({msg.SetConfig, msg.SetAsync})
_SLAVE: Final = Refusal(codes.IS_SLAVE, "slave")


def translate(channel: BigChannel, frame: bytes, effects: Effects) -> None:
    """Do what is done with one of a tenant's frames; a refusal is answered."""
    refuse_what_fails(channel, frame, _translate, effects)


def _translate(channel: BigChannel, frame: bytes, effects: Effects) -> Refusal | None:
    is_slave = channel.role == msg.ROLE_SLAVE
    if frame[1] == PACKET_OUT:  # in every version
        return _SLAVE if is_slave else packet_out.southbound(channel, frame, effects)
    message = channel.codec.decode(frame)
    kind = type(message)
    if is_slave and kind in _OF_A_MASTER:
        return _SLAVE
    if isinstance(message, msg.Error):
        channel.counters.count_shed("error-from-controller")
        return None
    translation = BY_MESSAGE.get(kind)
    if translation is None:
        if kind is multi.ExperimenterMultipartRequest:
            return Refusal(codes.BAD_EXPERIMENTER, "experimenter")
        multipart = isinstance(message, multi.MultipartRequest)
        return Refusal(codes.BAD_MULTIPART if multipart else codes.BAD_TYPE, "unsupported")
    if (
        isinstance(message, multi.MultipartRequest)
        and message.more
        and kind is not multi.TableFeaturesRequest
    ):
        return Refusal(codes.MULTIPART_BUFFER_OVERFLOW, "unsupported")
    refusal = translation(channel, frame, message, effects)
    if kind in _OF_SETTINGS:
        settings_changed(channel)
        if refusal is None and kind in _ANSWERED_BY_SILENCE:
            channel.counters.answered[frame[1]] += 1
    return refusal
