"""A slice's flow entries for people who look from outside: as its tenant wrote them, with what they have counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.requests import ask
from flowvisor.hypervisor.translation.statistics import (
    MAX_ASKED_ONE_BY_ONE,
    added_up,
    entries_of,
    from_tables,
    with_pieces,
)
from flowvisor.openflow.messages import Message
from flowvisor.openflow.multipart import FlowStats, FlowStatsRequest

Making = Callable[[], Iterator[FlowStats]]  # the entries, each made when it is asked for


def list_flows(
    switch: VirtualSwitch, listed: Callable[[Making | None, Effects], None], effects: Effects
) -> None:
    """Ask the datapath; `listed` is given the entries, or None if it does not answer.

    It is never called if the datapath leaves meanwhile.
    """
    block = switch.view.block
    if not switch.view.may_write:
        listed(lambda: iter(()), effects)
        return
    wanted: list[Message] = [FlowStatsRequest()]
    if block is not None and block.size <= MAX_ASKED_ONE_BY_ONE:
        wanted = [FlowStatsRequest(table_id=table_id) for table_id in range(block.first, block.end)]

    def told(replies: list[Message], effects: Effects) -> None:
        if block is not None:
            listed(lambda: from_tables(switch, block, entries_of(replies)), effects)
            return
        entries, now = with_pieces(switch, replies), effects.now
        listed(lambda: (stats for _, stats in added_up(entries, now)), effects)

    def failed(_error: tuple[int, int], effects: Effects) -> None:
        listed(None, effects)

    ask(switch.datapath, switch.datapath.transactions, wanted, told, failed, effects)
