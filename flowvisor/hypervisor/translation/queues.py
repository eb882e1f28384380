"""QUEUE_GET_CONFIG and QUEUE statistics: the slice's queues at the slice's ports."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.readings import ask_shared
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import ask_for_tenant
from flowvisor.hypervisor.translation.statistics import send_reply
from flowvisor.hypervisor.translation.switch_messages import answer
from flowvisor.hypervisor.translation.virtual_ports import whole_ports
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import (
    ALL_QUEUES,
    Message,
    PacketQueue,
    QueueGetConfigReply,
    QueueGetConfigRequest,
)
from flowvisor.openflow.multipart import QueueStatsReply, QueueStatsRequest
from flowvisor.openflow.ports import ANY
from flowvisor.openflow.traits import TRAITS


def configurations(
    channel: TenantChannel, frame: bytes, request: QueueGetConfigRequest, effects: Effects
) -> Refusal | None:
    """QUEUE_GET_CONFIG_REQUEST."""
    switch = channel.switch
    numbers = _own_ports(switch)
    if request.port != ANY and not switch.has_port(request.port):
        return Refusal(codes.QUEUE_BAD_PORT, "foreign-port")

    def all_told(replies: list[Message], effects: Effects) -> None:
        queues = tuple(
            evolve(queue, port=numbers[queue.port], opaque=())
            for queue in _queues(replies)
            if queue.port in numbers and switch.owns_queue(queue.queue_id)
        )
        answer(channel, QueueGetConfigReply(xid=request.xid, port=request.port, queues=queues), effects)

    wanted: list[Message] = [QueueGetConfigRequest(port=port) for port in _there(numbers, request.port)]
    if request.port == ANY and TRAITS[switch.datapath.version].has_tables and wanted:
        wanted = [QueueGetConfigRequest(port=ANY)]  # 1.0 has no word for all of them
    if not wanted:
        all_told([], effects)
        return None
    return ask_for_tenant(channel, frame, wanted, all_told, effects)


def _own_ports(switch: VirtualSwitch) -> dict[int, int]:
    """The slice's ports by the datapath's numbers of them; those that are not whole ones there have no queues."""
    share = switch.view.share
    if share is None:
        return {port.number: port.number for port in switch.ports}
    return {there: number for number, there in whole_ports(share).items() if switch.has_port(number)}


def _there(numbers: dict[int, int], port: int) -> list[int]:
    """What the datapath calls a port, or all that there are."""
    return [there for there, number in numbers.items() if port in (ANY, number)]


def _queues(replies: list[Message]) -> Iterator[PacketQueue]:
    """The queues that were told, each with its port; in 1.0 only the answer says which that is."""
    for reply in replies:
        if isinstance(reply, QueueGetConfigReply):
            for queue in reply.queues:
                yield queue if reply.port == ANY else evolve(queue, port=reply.port)


def statistics(
    channel: TenantChannel, frame: bytes, request: QueueStatsRequest, effects: Effects
) -> Refusal | None:
    """A request for QUEUE statistics."""
    switch = channel.switch
    numbers = _own_ports(switch)
    if request.port != ANY and not switch.has_port(request.port):
        return Refusal(codes.QUEUE_BAD_PORT, "foreign-port")
    if request.queue_id != ALL_QUEUES and not switch.owns_queue(request.queue_id):
        return Refusal(codes.QUEUE_BAD_QUEUE, "unknown-queue")

    def all_told(replies: list[Message], effects: Effects) -> None:
        told = [
            evolve(stats, port=numbers[stats.port])
            for reply in replies
            if isinstance(reply, QueueStatsReply)
            for stats in reply.queues
            if stats.port in numbers and switch.owns_queue(stats.queue_id)
        ]
        send_reply(channel, QueueStatsReply(xid=request.xid), "queues", told, effects)

    there = _there(numbers, request.port)
    if request.port != ANY and not there:
        all_told([], effects)
        return None
    port = ANY if request.port == ANY else there[0]
    wanted = QueueStatsRequest(port=port, queue_id=request.queue_id)
    return ask_shared(channel, frame, [wanted], all_told, effects)
