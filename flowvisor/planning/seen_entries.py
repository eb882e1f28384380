"""In the table in front of a tenant's, entries for addresses that were seen, each for some time.

Less is believed of them than of what files say. Who asks whether an address is taken, or says that it is its own, is
heard by everybody as before: it may have moved there, or have come in the place of who had it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import evolve, frozen

from flowvisor.network.neighbours import Neighbour
from flowvisor.openflow.fields import ETH_TYPE_ARP
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import DELETE, FlowMod
from flowvisor.planning.answer_entries import (
    ADVERTISEMENT,
    ARP,
    NOT_HEARD_PRIORITY,
    OF_ITS_OWN_PRIORITY,
    PROBE_PRIORITY,
    SOLICITATION,
    copied,
    entry,
    from_port,
    passing,
    question,
    said_by,
    to_us,
)
from flowvisor.planning.entries import COOKIE
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.share import Share

CLAIMED_PRIORITY: Final = PROBE_PRIORITY - 1
ASKED_PRIORITY: Final = PROBE_PRIORITY - 2

SEEN_COOKIE: Final = COOKIE | 2
_ALL_COOKIE_BITS: Final = (1 << 64) - 1

# A neighbour is believed to be there for so long after it was heard last, about as long as switches remember MAC
# addresses, and for the shorter of the two it is not heard again.
SEEN_SECONDS: Final = 240
FAMILIAR_SECONDS: Final = 120
NOT_HEARD_SECONDS: Final = 10  # a port that says too much


@frozen
class Seen:
    """A neighbour that was heard at a virtual port, and of which datapath that was."""

    neighbour: Neighbour
    port: int
    dpid: int


def seen_entries(plan: DatapathPlan, share: Share, seen: Seen, *, seconds: int) -> Iterator[FlowMod]:
    """What sends us who asks for a neighbour at one of its switch's datapaths, for so long at most."""
    one = seen.neighbour
    asked = question(one.eth_type, one.address)
    found = [(ASKED_PRIORITY, asked, to_us(plan, share))]
    if one.eth_type == ETH_TYPE_ARP:
        found.append((CLAIMED_PRIORITY, asked.having(arp_spa=one.address), copied(share)))
    if plan.dpid == seen.dpid:
        found.append((OF_ITS_OWN_PRIORITY, from_port(asked, seen.port), passing(share)))
    for priority, match, instructions in found:
        yield entry(share, priority, match, instructions, cookie=SEEN_COOKIE, seconds=seconds)


def familiar_entries(share: Share, seen: Seen) -> Iterator[FlowMod]:
    """What keeps us from hearing of a neighbour again and again, where it is."""
    for match in said_by(seen.neighbour):
        yield _not_heard(share, from_port(match, seen.port), FAMILIAR_SECONDS)


def not_heard_entries(share: Share, port: int) -> Iterator[FlowMod]:
    """What keeps us for some time from hearing who says at a port that it has which address."""
    for match in (ARP, SOLICITATION, ADVERTISEMENT):
        yield _not_heard(share, from_port(match, port), NOT_HEARD_SECONDS)


def removals_of_seen(share: Share, neighbour: Neighbour) -> Iterator[FlowMod]:
    """What takes all entries of a neighbour away."""
    for match in (question(neighbour.eth_type, neighbour.address), *said_by(neighbour)):
        yield evolve(
            entry(share, 0, match, (), cookie=SEEN_COOKIE), command=DELETE, cookie_mask=_ALL_COOKIE_BITS
        )


def _not_heard(share: Share, match: Match, seconds: int) -> FlowMod:
    return entry(share, NOT_HEARD_PRIORITY, match, passing(share), cookie=SEEN_COOKIE, seconds=seconds)
