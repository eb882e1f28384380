"""Bringing up a datapath: what it has is read, made what the plan says, and only then shown to tenants.

Strategy: entries of ours that are right are left alone, so that a restart of the hypervisor moves no packet; all that
differs is sent, then a barrier; when that is answered the virtual switches open. Where matches are intersected
nothing on the datapath says whose an entry is, so that it begins empty.
"""

from __future__ import annotations

from attrs import evolve

from flowvisor.hypervisor.effects import Effects, HangUp, OpenChannels
from flowvisor.hypervisor.peers import Datapath
from flowvisor.hypervisor.requests import Answer, ask, send_to_datapath
from flowvisor.openflow.actions import NO_BUFFER_LEN
from flowvisor.openflow.messages import (
    ALL_TABLES,
    DELETE,
    BarrierRequest,
    FlowMod,
    Message,
    SetConfig,
)
from flowvisor.openflow.multipart import (
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    GroupDesc,
    GroupDescReply,
    GroupDescRequest,
    PortDescReply,
    PortDescRequest,
    TableStatsReply,
    TableStatsRequest,
)
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.difference import entry_changes, group_changes
from flowvisor.planning.entries import CLASSIFIER_TABLE, classifier_entries, groups_of
from flowvisor.planning.plan import Enforcement


def begin(datapath: Datapath, effects: Effects) -> None:
    """Ask a datapath that has just connected for whole packets, and for what it has."""
    _send(datapath, SetConfig(miss_send_len=NO_BUFFER_LEN), "configuration", effects)
    wanted: list[Message] = []
    if not TRAITS[datapath.version].ports_in_features:
        wanted.append(PortDescRequest())
    if datapath.plan.enforcement is Enforcement.TABLES:
        wanted += [TableStatsRequest(), GroupDescRequest(), FlowStatsRequest(table_id=CLASSIFIER_TABLE)]
    else:
        _send(datapath, FlowMod(command=DELETE, table_id=_everything(datapath)), "clearing", effects)
    if not wanted:
        wanted.append(BarrierRequest())

    def read(replies: list[Message], effects: Effects) -> None:
        _make_so(datapath, replies, effects)

    _ask(datapath, wanted, read, effects)


def _everything(datapath: Datapath) -> int:
    return ALL_TABLES if TRAITS[datapath.version].has_tables else 0


def _make_so(datapath: Datapath, replies: list[Message], effects: Effects) -> None:
    flows: list[FlowStats] = []
    groups: list[GroupDesc] = []
    in_use: list[int] = []
    for reply in replies:
        if isinstance(reply, PortDescReply):
            datapath.ports.update((port.number, port) for port in reply.ports)
        elif isinstance(reply, FlowStatsReply):
            flows += reply.flows
        elif isinstance(reply, GroupDescReply):
            groups += reply.groups
        elif isinstance(reply, TableStatsReply):
            in_use += [table.table_id for table in reply.tables if table.active_count]
    for message in _changes(datapath, flows, groups, in_use):
        _send(datapath, message, "own entry", effects)

    def done(_replies: list[Message], effects: Effects) -> None:
        datapath.is_ready = True
        effects.note(
            "info", "datapath_ready", dpid=datapath.dpid, enforcement=datapath.plan.enforcement.value
        )
        effects.commands += [OpenChannels(switch.name) for switch in datapath.switches.values()]

    _ask(datapath, [BarrierRequest()], done, effects)


def _changes(
    datapath: Datapath, flows: list[FlowStats], groups: list[GroupDesc], in_use: list[int]
) -> list[Message]:
    plan = datapath.plan
    if plan.enforcement is not Enforcement.TABLES:
        return []
    first, last = group_changes(groups_of(plan, datapath.ports), groups)
    owned = {table for block in plan.blocks.values() for table in range(block.first, block.end)}
    orphaned: list[Message] = [
        FlowMod(command=DELETE, table_id=table)
        for table in in_use
        if table not in owned and table != CLASSIFIER_TABLE
    ]
    return [*first, *entry_changes(classifier_entries(plan), flows), *orphaned, *last]


def _send(datapath: Datapath, message: Message, what: str, effects: Effects) -> None:
    xid = datapath.transactions.send(what)
    send_to_datapath(datapath, datapath.codec.encode(evolve(message, xid=xid)), effects)


def _ask(datapath: Datapath, wanted: list[Message], answer: Answer, effects: Effects) -> None:
    def fail(error: tuple[int, int], effects: Effects) -> None:
        effects.note("error", "datapath_setup_failed", dpid=datapath.dpid, error=error)
        effects.commands.append(HangUp(datapath, "set-up failed"))

    ask(datapath, datapath.transactions, wanted, answer, fail, effects)
