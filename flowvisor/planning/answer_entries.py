"""The table in front of a tenant's: who asks everybody for an address that is known is sent to us, and so answered.

Strategy: an entry for each address and not for each port, which is what a table apart is for; table 0 has let in by
then what may come in. Only what asks everybody stops there. Who asks one machine looks whether it is still there,
which only that can tell; and who has the address itself, asks whether others have it or tells them, as before. A
packet with a tag of the tenant's own is of a network of which nothing is known here. Of all else that asks or answers
we get a copy, to see who has which address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowvisor.network.neighbours import ARP_REQUEST, BROADCAST, Neighbour, solicited_node_mac
from flowvisor.openflow.actions import NO_BUFFER_LEN, ApplyActions, GotoTable, Instructions, Meter, Output
from flowvisor.openflow.fields import (
    ETH_TYPE_ARP,
    ETH_TYPE_IPV6,
    IP_PROTO_ICMPV6,
    ND_ADVERT,
    ND_SOLICIT,
    VLAN_NONE,
)
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.planning.entries import COOKIE
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.share import IN_PORT_BITS, Share, SharePort

OF_ITS_OWN_PRIORITY: Final = 7
ASKED_PRIORITY: Final = 6
PROBE_PRIORITY: Final = 5
# Those of addresses that were seen are between, see `seen_entries`.
NOT_HEARD_PRIORITY: Final = 2
LISTENING_PRIORITY: Final = 1

LISTENING_COOKIE: Final = COOKIE | 1  # of what sends us copies

ARP: Final = Match.of(eth_type=ETH_TYPE_ARP, vlan_vid=VLAN_NONE)
_ND: Final = Match.of(eth_type=ETH_TYPE_IPV6, vlan_vid=VLAN_NONE, ip_proto=IP_PROTO_ICMPV6)
SOLICITATION: Final = _ND.having(icmpv6_type=ND_SOLICIT)
ADVERTISEMENT: Final = _ND.having(icmpv6_type=ND_ADVERT)

# Who has no address yet: it asks whether one is taken, and nobody but who has been told of in a file may say so.
_PROBES: Final = (
    ARP.having(eth_dst=BROADCAST, arp_op=ARP_REQUEST, arp_spa=0),
    SOLICITATION.having(ipv6_src=0),
)
_TO_US: Final = ApplyActions((Output(CONTROLLER, NO_BUFFER_LEN),))


def answer_entries(plan: DatapathPlan, share: Share) -> Iterator[FlowMod]:
    """All of them but those of addresses that were seen."""
    yield from entries_of_all(share)
    for port in share.ports.values():
        yield from answers_of_port(plan, share, port)


def entries_of_all(share: Share) -> Iterator[FlowMod]:
    """What lets everything else pass, and shows us what of it tells who has an address."""
    if share.answer_table is None:
        return
    yield entry(share, 0, MATCH_ALL, passing(share))
    for match in _PROBES:
        yield entry(share, PROBE_PRIORITY, match, passing(share))
    for match in (ARP, SOLICITATION, ADVERTISEMENT):
        yield entry(share, LISTENING_PRIORITY, match, copied(share), cookie=LISTENING_COOKIE)


def answers_of_port(plan: DatapathPlan, share: Share, port: SharePort) -> Iterator[FlowMod]:
    """Those for the addresses of which a file says that they are at a port."""
    own = port.answered
    if own is None or share.answer_table is None:
        return
    for eth_type, addresses in ((ETH_TYPE_ARP, own.ipv4), (ETH_TYPE_IPV6, own.ipv6)):
        for address in addresses:
            asked = question(eth_type, address)
            yield entry(share, ASKED_PRIORITY, asked, to_us(plan, share))
            if port.ingresses and own.mac is not None:
                yield entry(share, OF_ITS_OWN_PRIORITY, from_port(asked, port.number), passing(share))
                for said in said_by(Neighbour(eth_type, address, own.mac)):
                    yield entry(share, NOT_HEARD_PRIORITY, from_port(said, port.number), passing(share))


def question(eth_type: int, address: int) -> Match:
    """The packets that ask everybody for an address."""
    if eth_type == ETH_TYPE_ARP:
        return ARP.having(eth_dst=BROADCAST, arp_op=ARP_REQUEST, arp_tpa=address)
    return SOLICITATION.having(eth_dst=solicited_node_mac(address), ipv6_nd_target=address)


def said_by(one: Neighbour) -> tuple[Match, ...]:
    """The packets by which a neighbour says that it has its address."""
    if one.eth_type == ETH_TYPE_ARP:
        return (ARP.having(arp_spa=one.address, arp_sha=one.mac),)
    return (
        SOLICITATION.having(ipv6_src=one.address, ipv6_nd_sll=one.mac),
        ADVERTISEMENT.having(ipv6_nd_target=one.address, ipv6_nd_tll=one.mac),
    )


def from_port(match: Match, port: int) -> Match:
    """Those of some packets that have come in at a virtual port."""
    return match.having(metadata=(port, IN_PORT_BITS))


def passing(share: Share) -> Instructions:
    """What lets packets go on to the tenant's tables."""
    return (GotoTable(share.block.first),)


def copied(share: Share) -> Instructions:
    """The same, with a copy for us."""
    return (_TO_US, *passing(share))


def to_us(plan: DatapathPlan, share: Share) -> Instructions:
    """What sends us packets, and nobody else."""
    meter_id = plan.answer_meters.get(share.name)
    return (_TO_US,) if meter_id is None else (Meter(meter_id), _TO_US)


def entry(
    share: Share,
    priority: int,
    match: Match,
    instructions: Instructions,
    *,
    cookie: int = COOKIE,
    seconds: int = 0,
) -> FlowMod:
    """An entry of the table, that stands for so long, or for ever."""
    assert share.answer_table is not None
    return FlowMod(
        cookie=cookie,
        table_id=share.answer_table,
        priority=priority,
        hard_timeout=seconds,
        match=match,
        instructions=instructions,
    )
