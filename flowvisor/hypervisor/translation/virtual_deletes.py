"""Deletions by what an entry sends packets to, where the datapath has no one word for that.

Strategy: what a virtual network's tenant outputs everywhere or back may be a mark there, and a port is a group, of
which a datapath can look for one only. So it is asked for all that may be meant, and what is found is deleted entry by
entry; the channel's further frames wait until it has answered, because each could depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attrs import evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flow_table import leads_to
from flowvisor.hypervisor.peers import TenantChannel
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.requests import ask
from flowvisor.hypervisor.translation.actions import instructions_to_virtual
from flowvisor.openflow.messages import ANY_GROUP, DELETE_STRICT, NO_BUFFER, FlowMod, Message
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import ANY


def delete_found(
    channel: TenantChannel,
    frame: bytes,
    message: FlowMod,
    tables: Iterable[int],
    send: Callable[[FlowMod, Effects], None],
    effects: Effects,
) -> None:
    """Delete entries of some of the datapath's tables. The match is in its terms, ports and groups are the tenant's."""
    datapath = channel.switch.datapath
    channel.awaits_answer = True

    def found(replies: list[Message], effects: Effects) -> None:
        for flow in _meant(channel, message, replies):
            deletion = evolve(
                message,
                command=DELETE_STRICT,
                table_id=flow.table_id,
                priority=flow.priority,
                match=flow.match,
                buffer_id=NO_BUFFER,
                instructions=(),
                out_port=ANY,
                out_group=ANY_GROUP,
            )
            send(deletion, effects)
        datapath.resumable.append(channel)

    def failed(error: tuple[int, int], effects: Effects) -> None:
        refuse(channel, frame, Refusal(error, "datapath"), effects)
        datapath.resumable.append(channel)

    wanted: list[Message] = [
        FlowStatsRequest(
            table_id=table, match=message.match, cookie=message.cookie, cookie_mask=message.cookie_mask
        )
        for table in tables
    ]
    ask(datapath, channel.transactions, wanted, found, failed, effects)


def _meant(channel: TenantChannel, message: FlowMod, replies: list[Message]) -> Iterator[FlowStats]:
    is_strict = message.command == DELETE_STRICT
    for reply in replies:
        for flow in reply.flows if isinstance(reply, FlowStatsReply) else ():
            if is_strict and (flow.priority, flow.match.fields) != (message.priority, message.match.fields):
                continue
            instructions = instructions_to_virtual(channel.switch, flow.instructions)
            if leads_to(instructions, message.out_port, message.out_group):
                yield flow
