"""Entries for addresses that were seen: who asks for them comes to us, and who might have taken them over does not."""

from __future__ import annotations

from flowvisor.emulation.hosts import ARP_REPLY
from flowvisor.network.neighbours import Neighbour
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV6
from flowvisor.planning.answer_entries import LISTENING_COOKIE
from flowvisor.planning.seen_entries import (
    SEEN_COOKIE,
    Seen,
    familiar_entries,
    not_heard_entries,
    removals_of_seen,
    seen_entries,
)
from flowvisor.slices.virtual_switch import Addresses
from tests.planning.test_answer_entries import CABLES, IP, IPV6, MAC, PLACES, asks
from tests.planning.test_answer_entries import told as told_by
from tests.support.virtual import Core, a_network, at

BLUE = a_network(
    "blue", {"big": PLACES}, addresses={"big/4": Addresses(MAC + 4, (IP + 4,))}, answers_arp=True
)
SEEN = Seen(Neighbour(ETH_TYPE_ARP, IP, MAC), port=2, dpid=2)
BY_IPV6 = Seen(Neighbour(ETH_TYPE_IPV6, IPV6, MAC), port=2, dpid=2)


def a_core(*, of: Seen = SEEN, is_familiar: bool = False) -> Core:
    core = Core({1: 4, 2: 4}, CABLES, [BLUE])
    core.put()
    for dpid, plan in core.plans.items():
        share = plan.shares["blue/big"]
        for entry in seen_entries(plan, share, of, seconds=60):
            core.add_entry(dpid, entry)
        for entry in familiar_entries(share, of) if is_familiar and dpid == of.dpid else ():
            core.add_entry(dpid, entry)
    return core


def told(core: Core, place: str, packet: bytes) -> list[int]:
    """The cookies of what comes to us: of questions that we have to answer, or of copies."""
    return [
        cookie for copies in (False, True) for _, cookie, _ in told_by(core, place, packet, copies=copies)
    ]


def test_who_asks_everybody_for_it_asks_us_at_each_edge() -> None:
    core = a_core()
    assert told(core, "1/1", asks()) == [SEEN_COOKIE]
    assert told(core, "2/1", asks(sender=(MAC, IP))) == []
    assert told(core, "1/1", asks(IP + 1)) == [LISTENING_COOKIE]


def test_who_may_have_come_in_its_place_is_heard_by_all() -> None:
    core = a_core()
    core.flood()
    claim, probe = asks(sender=(MAC + 7, IP)), asks(sender=(MAC + 7, 0))
    assert told(core, "1/1", claim) == [SEEN_COOKIE]
    assert told(core, "1/1", probe) == []
    for packet in (claim, probe):
        assert len(core.come_in(at("1/1").end, packet)) == 3
    assert core.come_in(at("1/1").end, asks()) == []


def test_it_is_heard_once_where_it_is() -> None:
    core = a_core(is_familiar=True)
    own = asks(IP + 1, sender=(MAC, IP))
    assert told(core, "2/1", own) == []
    assert told(core, "1/1", own) == [LISTENING_COOKIE]
    assert told(core, "2/1", asks(IP + 1, sender=(MAC + 7, IP))) == [LISTENING_COOKIE]
    assert told(core, "2/1", asks(IP + 1, sender=(MAC, IP), operation=ARP_REPLY)) == []


def test_who_says_too_much_is_not_heard() -> None:
    core = a_core()
    for entry in not_heard_entries(core.plans[1].shares["blue/big"], 1):
        assert entry.hard_timeout
        core.add_entry(1, entry)
    assert told(core, "1/1", asks(IP + 1)) == []
    assert told(core, "1/1", asks()) == [SEEN_COOKIE]
    assert told(core, "1/2", asks(IP + 1, vlan=20)) == [LISTENING_COOKIE]


def test_all_of_one_can_be_taken_away_and_nothing_else() -> None:
    for seen in (SEEN, BY_IPV6):
        core = a_core(of=seen, is_familiar=True)
        share = core.plans[2].shares["blue/big"]
        table = core.datapaths[2].pipeline.tables[share.first_table]
        before = {one.cookie: 0 for one in table}
        assert SEEN_COOKIE in before
        for entry in not_heard_entries(share, 3):
            core.add_entry(2, entry)
        left = sum(one.cookie != SEEN_COOKIE for one in table) + 3
        for removal in removals_of_seen(share, seen.neighbour):
            core.add_entry(2, removal)
        assert len(list(table)) == left


def test_there_are_few_for_each() -> None:
    core = a_core()
    for seen in (SEEN, BY_IPV6):
        for plan in core.plans.values():
            share = plan.shares["blue/big"]
            assert len([*seen_entries(plan, share, seen, seconds=1), *familiar_entries(share, seen)]) <= 5
