"""The admin's own entries: where a version has no words for one, that is known beforehand."""

from __future__ import annotations

from flowvisor.network.wanted_datapath import BaseEntry
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import LOCAL, MAX_PORT
from flowvisor.planning.base_entries import can_be_said, instructions_of, matches_of
from tests.support.slices import tag
from tests.support.world import NOWHERE

VLAN = Match.of(vlan_vid=tag(7))


def entry(*matches: Match, out: tuple[int, ...] = (1,)) -> BaseEntry:
    return BaseEntry(matches, out, NOWHERE)


def test_an_entry_is_one_flow_entry_for_each_of_its_matches() -> None:
    assert list(matches_of(entry(VLAN, VLAN, Match.of(in_port=1)))) == [VLAN, Match.of(in_port=1)]
    assert instructions_of(entry(VLAN, out=(1, LOCAL))) == (ApplyActions((Output(1), Output(LOCAL))),)
    assert instructions_of(entry(VLAN, out=())) == ()


def test_some_cannot_be_said_in_1_0() -> None:
    for one in (entry(VLAN), entry(Match.of(in_port=1), out=())):
        assert can_be_said(one, 1)
        assert can_be_said(one, 4)
    for one in (
        entry(Match.of(eth_type=0x86DD, ipv6_src=1)),
        entry(Match.of(eth_src=(1, 1))),
        entry(VLAN, out=(MAX_PORT - 1,)),
    ):
        assert not can_be_said(one, 1)
        assert can_be_said(one, 4)
