"""Whether a packet that comes in at a virtual port asks for an address that files know, and so is answered."""

from __future__ import annotations

from collections.abc import Iterator

from flowvisor.flowspace.box import Box, covers
from flowvisor.flowspace.layout import boxes_of, forget, set_field
from flowvisor.openflow.actions import ApplyActions, GotoTable, PopVlan, WriteMetadata
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV6, VLAN_NONE
from flowvisor.openflow.messages import FlowMod
from flowvisor.planning.answer_entries import answer_entries
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.preview import Entry, describe_match
from flowvisor.planning.share import IN_PORT_BITS, Share


def answering_entries(plan: DatapathPlan, way_in: FlowMod, packet: Box) -> Iterator[Entry]:
    """The entry in front of a tenant's tables that such a packet meets, which this entry of table 0 lets in."""
    tables = {one.table_id for one in way_in.instructions if isinstance(one, GotoTable)}
    for share in plan.shares.values():
        if share.answer_table in tables:
            yield from _met(plan, share, _let_in(way_in, packet))


def _let_in(way_in: FlowMod, packet: Box) -> Box:
    """A packet as it is behind table 0."""
    packet = forget(packet, "in_port")
    for one in way_in.instructions:
        if isinstance(one, WriteMetadata):
            packet = set_field(packet, "metadata", one.metadata & IN_PORT_BITS)
        elif isinstance(one, ApplyActions) and PopVlan() in one.actions:
            packet = set_field(packet, "vlan_vid", VLAN_NONE)
    return packet


def _met(plan: DatapathPlan, share: Share, packet: Box) -> Iterator[Entry]:
    for entry in sorted(answer_entries(plan, share), key=lambda one: -one.priority):
        if any(covers(box, packet) for box in boxes_of(entry.match)):
            fields = {name: value for name, value, _ in entry.match}
            keys = (
                (ETH_TYPE_ARP, fields.get("arp_tpa", -1)),
                (ETH_TYPE_IPV6, fields.get("ipv6_nd_target", -1)),
            )
            known = next((share.answers[key] for key in keys if key in share.answers), None)
            passes = any(isinstance(one, GotoTable) for one in entry.instructions)
            if known is not None and not passes:
                yield Entry(
                    entry.priority,
                    describe_match(entry.match),
                    f"answered, {share.name}, port {known[0]} has it",
                )
            return
