"""Entries that are on a datapath already, judged as if they came now: what they follow from may have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from attrs import evolve

from flowvisor.hypervisor.effects import Effects, HangUp
from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import ask, send_own
from flowvisor.hypervisor.translation.actions import instructions_to_virtual, judge_for
from flowvisor.hypervisor.translation.pieces import deletions, judged
from flowvisor.hypervisor.translation.table_miss import is_our_miss
from flowvisor.openflow.messages import MODIFY_STRICT, FlowMod, Message
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from flowvisor.planning.difference import removal_of

REMOVAL: Final = "removal"  # what the operator is told of one that fails


def correction(datapath: Datapath, flow: FlowStats) -> Iterator[FlowMod]:
    """Look at an entry in a slice's block of tables; give what makes it right, or removes it."""
    switch = datapath.switch_by_table[flow.table_id]
    if switch is None or switch.view.block is None:
        return
    block = switch.view.block
    instructions = instructions_to_virtual(switch, flow.instructions)
    number = flow.table_id - block.first
    verdict = judge_for(switch, number, instructions, flow.match, may_have_gone=True)
    if verdict.refusal is not None:
        yield removal_of(flow)
    elif verdict.instructions != flow.instructions:  # a port was shut then, or is now
        yield evolve(removal_of(flow), command=MODIFY_STRICT, instructions=verdict.instructions)


def stop(switch: VirtualSwitch) -> Callable[[Effects], None]:
    """Let a slice's channels wait while its entries are read and sent again; call what comes back when they are."""
    assert switch.rewriting is None
    waiting = [channel for channel in switch.channels if not channel.awaits_answer]
    for channel in waiting:
        channel.awaits_answer = True
    switch.rewriting = []

    def go_on(effects: Effects) -> None:
        postponed, switch.rewriting = switch.rewriting or [], None
        switch.datapath.resumable += waiting
        for one in postponed:
            one(effects)

    return go_on


def rejudge(switch: VirtualSwitch, effects: Effects) -> None:
    """Take off a datapath which of a slice's entries might leak by now; the datapath tells if the tenant asked.

    What was known of rewrites over several tables, and of how packets come to groups, is learned anew from the entries
    that stay.
    """
    switch.verdicts.clear()  # what is remembered of entries that have gone was not kept of them, either
    switch.rewritten, switch.emits, switch.set_ends = set(), set(), frozenset()
    for group in switch.groups.by_id.values():
        group.uses, group.is_spread = set(), False
    if switch.flow_table is None:
        _read_back(switch, effects)
        return
    datapath = switch.datapath
    for entry in list(switch.flow_table.entries.values()):
        if isinstance(judged(switch, entry.flow_mod()), Refusal):
            for piece in deletions(datapath, entry):
                send_own(datapath, piece, REMOVAL, effects)


def _read_back(switch: VirtualSwitch, effects: Effects) -> None:
    """Ask the datapath what the slice's tables hold. Until it has said so, the slice's frames wait."""
    datapath, block = switch.datapath, switch.view.block
    assert block is not None
    go_on = stop(switch)
    wrong: list[FlowMod] = []

    def look_at(reply: Message) -> None:
        for flow in reply.flows if isinstance(reply, FlowStatsReply) else ():
            if not is_our_miss(switch, flow):
                wrong.extend(correction(datapath, flow))

    def done(_replies: list[Message], effects: Effects) -> None:
        for message in wrong:
            send_own(datapath, message, REMOVAL, effects)
        go_on(effects)

    def failed(error: tuple[int, int], effects: Effects) -> None:
        # What is not known to be right must not go on; with the next connection everything is looked at.
        effects.note("error", "entries_not_read", dpid=datapath.dpid, slice=switch.tenant.name, error=error)
        effects.commands.append(HangUp(datapath, "entries cannot be read"))

    # One table after the other: what one rewrites is known when the next is judged.
    requests: list[Message] = [FlowStatsRequest(table_id=table) for table in range(block.first, block.end)]
    ask(datapath, datapath.transactions, requests, done, failed, effects, each=look_at)
