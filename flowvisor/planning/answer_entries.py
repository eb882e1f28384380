"""The table in front of a tenant's: who asks everybody for an address that is known is sent to us, and so answered.

Strategy: an entry for each address and not for each port, which is what a table apart is for; table 0 has let in by
then what may come in. Only what asks everybody stops there. Who asks one machine looks whether it is still there,
which only that can tell; and who has the address itself, asks whether others have it or tells them, as before. A
packet with a tag of the tenant's own is of a network of which nothing is known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowvisor.network.neighbours import ARP_REQUEST, BROADCAST, solicited_node_mac
from flowvisor.openflow.actions import NO_BUFFER_LEN, ApplyActions, GotoTable, Instructions, Meter, Output
from flowvisor.openflow.fields import (
    ETH_TYPE_ARP,
    ETH_TYPE_IPV6,
    IP_PROTO_ICMPV6,
    ND_SOLICIT,
    VLAN_NONE,
)
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.planning.entries import COOKIE
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.share import IN_PORT_BITS, Share, SharePort
from flowvisor.slices.virtual_switch import Addresses

OF_ITS_OWN_PRIORITY: Final = 2
ASKED_PRIORITY: Final = 1


def answer_entries(plan: DatapathPlan, share: Share) -> Iterator[FlowMod]:
    """All of them."""
    yield from unasked(share)
    for port in share.ports.values():
        yield from answers_of_port(plan, share, port)


def unasked(share: Share) -> Iterator[FlowMod]:
    """What lets everything else pass."""
    if share.answer_table is not None:
        yield _entry(share.answer_table, 0, MATCH_ALL, (GotoTable(share.block.first),))


def answers_of_port(plan: DatapathPlan, share: Share, port: SharePort) -> Iterator[FlowMod]:
    """Those for the addresses at one port."""
    if port.answered is None or share.answer_table is None:
        return
    meter_id = plan.answer_meters.get(share.name)
    metered: Instructions = () if meter_id is None else (Meter(meter_id),)
    to_us = (*metered, ApplyActions((Output(CONTROLLER, NO_BUFFER_LEN),)))
    for match in questions(port.answered):
        yield _entry(share.answer_table, ASKED_PRIORITY, match, to_us)
        if port.ingresses:
            from_it = match.having(metadata=(port.number, IN_PORT_BITS))
            passing = (GotoTable(share.block.first),)
            yield _entry(share.answer_table, OF_ITS_OWN_PRIORITY, from_it, passing)


def questions(addresses: Addresses) -> Iterator[Match]:
    """The packets that ask everybody for one of these addresses."""
    for ipv4 in addresses.ipv4:
        yield Match.of(
            eth_dst=BROADCAST, eth_type=ETH_TYPE_ARP, vlan_vid=VLAN_NONE, arp_op=ARP_REQUEST, arp_tpa=ipv4
        )
    for ipv6 in addresses.ipv6:
        yield Match.of(
            eth_dst=solicited_node_mac(ipv6),
            eth_type=ETH_TYPE_IPV6,
            vlan_vid=VLAN_NONE,
            ip_proto=IP_PROTO_ICMPV6,
            icmpv6_type=ND_SOLICIT,
            ipv6_nd_target=ipv6,
        )


def _entry(table_id: int, priority: int, match: Match, instructions: Instructions) -> FlowMod:
    return FlowMod(
        cookie=COOKIE, table_id=table_id, priority=priority, match=match, instructions=instructions
    )
