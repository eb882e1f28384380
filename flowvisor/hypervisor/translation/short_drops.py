"""Short drop entries: where matches are intersected, a storm of misses that are shed stops at the datapath.

Strategy: an entry of the hypervisor's that stands for a second, just above what sends the packets up, and cut to what
the slice owns at the port that they come in at. An entry of the tenant's is never in its way: where one that overlaps
has the same priority, there is no drop entry, and the packet-ins are shed here alone.
"""

from __future__ import annotations

from flowvisor.flowspace.box import Box, covers
from flowvisor.flowspace.layout import boxes_of, point_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flow_table import FlowTable
from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.requests import send_own
from flowvisor.hypervisor.storm import DROP_SECONDS
from flowvisor.hypervisor.translation.pieces import cut, physical_priority
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import REASON_NO_MATCH, FlowMod, PacketIn
from flowvisor.openflow.packet import parse
from flowvisor.planning.entries import COOKIE


def note_shed(datapath: Datapath, switch: VirtualSwitch, frame: bytes, effects: Effects) -> None:
    """A PACKET_IN of the slice's was shed. Drop what comes after it at the datapath, if it is one of many."""
    if switch.flow_table is None or not switch.storm.one_more(effects.now):
        return
    message = datapath.codec.decode(frame)
    assert isinstance(message, PacketIn)
    entry = _drop_entry(datapath, switch, switch.flow_table, message)
    if entry is not None:
        send_own(datapath, entry, "short drop entry", effects)


def _drop_entry(
    datapath: Datapath, switch: VirtualSwitch, table: FlowTable, message: PacketIn
) -> FlowMod | None:
    in_port = message.match.exact("in_port") or 0
    point = point_of(parse(message.data, in_port))
    if table.table_miss is None:
        is_miss, priority = message.reason == REASON_NO_MATCH or message.cookie == COOKIE, 0
    else:
        is_miss, priority = table.is_missed_by(point), 1
    if not is_miss:
        return None
    whole = FlowMod(
        cookie=COOKIE, hard_timeout=DROP_SECONDS, priority=priority, match=Match.of(in_port=in_port)
    )
    pieces = cut(switch, whole)
    if isinstance(pieces, Refusal):
        return None
    match = next((one for one in pieces or (whole.match,) if _covers(one, point)), None)
    if match is None or table.has_other_than_miss(match, up_to=priority):
        return None
    return FlowMod(
        cookie=COOKIE,
        hard_timeout=DROP_SECONDS,
        priority=physical_priority(datapath, priority),
        match=match,
    )


def _covers(match: Match, point: Box) -> bool:
    return any(covers(box, point) for box in boxes_of(match))
