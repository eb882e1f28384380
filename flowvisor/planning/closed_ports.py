"""Ports that a slice has closed for its own traffic: what the datapath does so that nobody else's stops there.

Strategy: where each slice has a block of tables, a group without buckets stands for an output to a port that is shut,
so that the entry still says which port its tenant meant, and entries of table 0 take what the slice would receive.
Where matches are intersected the outputs are left out, and fences stand above the slices' entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from flowvisor.flowspace.box import EVERYTHING, Box, intersect, subtract
from flowvisor.flowspace.layout import boxes_of, match_of
from flowvisor.openflow.actions import NO_BUFFER_LEN, ApplyActions, Instructions, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import GROUP_ADD, GROUP_TYPE_ALL, FlowMod, GroupMod
from flowvisor.openflow.ports import CONTROLLER, NO_RECV, NO_RECV_STP, PORT_DOWN
from flowvisor.openflow.versions import codec
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.entries import (
    CLASSIFIER_TABLE,
    CLOSED_GROUPS,
    COOKIE,
    FENCE_PRIORITY,
    SHUT,
    PortConfigs,
    classifier_priority,
)
from flowvisor.planning.exact_matches import exact_where_required
from flowvisor.planning.ownership import Ownership, denied_rank
from flowvisor.planning.plan import DatapathPlan, Enforcement

UNHEARD: Final = PORT_DOWN | NO_RECV | NO_RECV_STP  # not all that comes in is the slice's to see

# Where bridges talk of the spanning tree (IEEE 802.1D); NO_RECV spares it, NO_RECV_STP means it alone.
(SPANNING_TREE,) = boxes_of(Match.of(eth_dst=0x0180_C200_0000))

_LOW_BITS: Final = 0xFFFF
_RESERVED_BITS: Final = 0xFFFF_0000
_FIRST_RESERVED: Final = 0xFF00  # as 1.0 has it; nearly all 1.3 datapaths keep to that, too


def has_closed_group(port: int) -> bool:
    """Whether a group can stand for the port when it is shut: a group's id has room for 16 bits of a number."""
    return port < _FIRST_RESERVED or port >= _RESERVED_BITS | _FIRST_RESERVED


def closed_group(block: TableBlock, port: int) -> int:
    """The group that stands for a slice's output to a port that it has shut: nothing goes out of it."""
    return CLOSED_GROUPS | block.first << 16 | port & _LOW_BITS


def closed_port(block: TableBlock, group_id: int) -> int | None:
    """The port that such a group of the slice's stands for, None if it is no such group."""
    if group_id & ~_LOW_BITS != CLOSED_GROUPS | block.first << 16:
        return None
    port = group_id & _LOW_BITS
    return port if port < _FIRST_RESERVED else port | _RESERVED_BITS


def closed_groups(plan: DatapathPlan, configs: PortConfigs) -> list[GroupMod]:
    """The groups of all ports that are shut."""
    return [
        GroupMod(command=GROUP_ADD, group_type=GROUP_TYPE_ALL, group_id=closed_group(block, port))
        for name, block in plan.blocks.items()
        if name not in plan.shares
        for port, config in sorted(configs.get(name, {}).items())
        if config & SHUT
    ]


@lru_cache(maxsize=16)
def unheard(config: int) -> tuple[Box, ...]:
    """The packets that a port of this configuration does not receive, whatever the port."""
    if config & PORT_DOWN or config & UNHEARD == NO_RECV | NO_RECV_STP:
        return (EVERYTHING,)
    if config & NO_RECV_STP:
        return (SPANNING_TREE,)
    return tuple(subtract(EVERYTHING, SPANNING_TREE)) if config & NO_RECV else ()


def reception_entries(plan: DatapathPlan, configs: PortConfigs) -> list[FlowMod]:
    """The entries that take away what comes in for a slice at a port where it does not listen.

    Raises TooManyPieces where what the slice has at a port takes too many entries to say, Inexpressible where the
    datapath's version has no words for it.
    """
    kept = _fenced if plan.enforcement is Enforcement.INTERSECT else _classified
    found = [
        (priority, match, instructions)
        for name, ports in configs.items()
        if name in plan.views and name not in plan.shares
        for port, config in sorted(ports.items())
        if config & UNHEARD
        for priority, box, instructions in kept(plan.ownership, name, port, config)
        for match in exact_where_required(match_of(box))
    ]
    entries = [
        FlowMod(
            cookie=COOKIE,
            table_id=CLASSIFIER_TABLE,
            priority=priority,
            match=match,
            instructions=instructions,
        )
        for priority, match, instructions in found
    ]
    for entry in entries:
        codec(plan.version).encode(entry)
    return entries


_Taken = tuple[int, Box, Instructions]
_TO_CONTROLLER: Final = (ApplyActions((Output(CONTROLLER, NO_BUFFER_LEN),)),)


def _classified(ownership: Ownership, owner: str, port: int, config: int) -> Iterator[_Taken]:
    """In the classifier: above each rule of the slice's, and below all that win over it."""
    for packets in unheard(config):
        for rank, box, name in dict.fromkeys(ownership.ranked):
            taken = intersect(box, _at(packets, port)) if name == owner else None
            if taken is not None:
                yield classifier_priority(denied_rank(rank)), taken, ()


def _fenced(ownership: Ownership, owner: str, port: int, config: int) -> Iterator[_Taken]:
    """Above all entries of slices, cut to what the slice has there.

    1.0 cannot say "all but the spanning tree's": those then go to the controller, whose bridge speaks it.
    """
    spared = config & UNHEARD == NO_RECV
    packets = SPANNING_TREE if config & UNHEARD == NO_RECV_STP else EVERYTHING
    for piece in dict.fromkeys(ownership.own_pieces(_at(packets, port), owner, is_fenced=True)):
        yield FENCE_PRIORITY - spared, piece, ()
    for piece in (
        dict.fromkeys(ownership.own_pieces(_at(SPANNING_TREE, port), owner, is_fenced=True)) if spared else ()
    ):
        yield FENCE_PRIORITY, piece, _TO_CONTROLLER


def _at(packets: Box, port: int) -> Box:
    (at_port,) = boxes_of(Match.of(in_port=port))
    here = intersect(packets, at_port)
    assert here is not None
    return here
