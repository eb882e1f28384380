"""Claims: attached ports are their networks', labels nobody's, and tunnels the core's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.flowspace.layout import boxes_of
from flowvisor.network.topology import End
from flowvisor.network.wanted_datapath import BaseEntry
from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.planning.claims import NO_CLAIMS, Claims, attached, matches_of_labels
from flowvisor.planning.ownership import (
    ATTACHMENT_RANK,
    BASE_RANK,
    LABEL_GUARD_RANK,
    NOBODY,
    THE_ADMIN,
    THE_CORE,
    Ownership,
    RankedBox,
)
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import Transport
from tests.support.flowspace_strategies import applies
from tests.support.slices import udp
from tests.support.virtual import a_network, at
from tests.support.world import NOWHERE, a_slice, ports, rule


@given(st.integers(2, 4094), st.integers(2, 4094))
def test_a_range_of_labels_is_said_in_masks_that_hold_it_and_no_other_vlan(one: int, other: int) -> None:
    labels = range(min(one, other), max(one, other) + 1)
    matches = matches_of_labels(labels)
    for vlan in (1, labels.start - 1, labels.start, labels[-1], labels[-1] + 1, 4094):
        held = [match for match in matches if applies(match, {"vlan_vid": VLAN_PRESENT | vlan})]
        assert len(held) == (vlan in labels or (vlan == 4095 and 4094 in labels))
    assert not any(applies(match, {"vlan_vid": 0}) for match in matches)


def test_the_usual_range_is_one_mask() -> None:
    assert len(matches_of_labels(range(2048, 4095))) == 1


def test_all_places_of_a_port_are_claimed_wherever_it_lies() -> None:
    claims = Claims([a_network("blue", {"big": {1: "1/3 2/4@20"}}, transport=Transport.TUNNEL)])
    assert claims.at(1) == (RankedBox(ATTACHMENT_RANK, boxes_of(attached(at("1/3")))[0], "blue/big"),)
    assert [box.owner for box in claims.at(2)] == ["blue/big"]
    assert claims.at(3) == ()


def test_a_port_is_claimed_whole_by_vlan_or_untagged() -> None:
    assert attached(at("1/3")) == Match.of(in_port=3)
    assert attached(at("1/3@20")) == Match.of(in_port=3, vlan_vid=VLAN_PRESENT | 20)
    assert attached(at("1/3@none")) == Match.of(in_port=3, vlan_vid=0)


def test_labels_are_nobodys_everywhere_if_some_network_crosses_by_vlan() -> None:
    claims = Claims([a_network("blue", {"big": {1: "1/3"}})], range(2048, 4095), [End(9, 7)])
    assert [(box.rank, box.owner) for box in claims.at(5)] == [(LABEL_GUARD_RANK, NOBODY)]
    assert [box.owner for box in claims.at(9)] == [NOBODY, THE_CORE]
    assert NO_CLAIMS.at(5) == ()


def test_what_the_admins_own_entries_send_on_is_the_admins_and_the_rest_of_theirs_nobodys() -> None:
    sent, dropped = (
        BaseEntry((Match.of(in_port=port),), outputs, NOWHERE) for port, outputs in ((1, (9,)), (2, ()))
    )
    claims = Claims((), entries={7: (sent, dropped)})
    assert [(box.rank, box.owner) for box in claims.at(7)] == [(BASE_RANK, THE_ADMIN), (BASE_RANK, NOBODY)]
    assert (claims.at(8), claims.entries_at(8)) == ((), ())
    assert claims.entries_at(7) == (sent, dropped)


def test_only_labels_that_cross_by_vlan_are_in_use_as_such() -> None:
    blue = a_network("blue", {"big": {1: "1/3", 2: "2/3"}})
    green = a_network("green", {"big": {1: "1/4", 2: "2/4"}}, transport=Transport.TUNNEL)
    labels = {PortName("blue/big", 1): 3000, PortName("green/big", 1): 2500}
    assert Claims([blue, green]).vlan_labels_in_use(labels) == (3000,)


def test_a_slice_loses_what_is_attached_and_labels_but_not_the_rest_of_its_ports() -> None:
    claims = Claims([a_network("blue", {"big": {1: "1/3", 2: "1/4@20"}})])
    ownership = Ownership.at(1, [a_slice("all", rule(Match())), a_slice("one", ports(1))], None, claims.at(1))
    owner = ownership.owner_of_packet
    assert [owner(udp(), port) for port in (2, 3, 4)] == ["all", "blue/big", "all"]
    assert [owner(udp(vlan=vlan), 4) for vlan in (20, 21)] == ["blue/big", "all"]
    assert owner(udp(vlan=2048), 2) is None
    assert owner(udp(vlan=2048), 3) == "blue/big"  # behind a label, whatever it is
    assert ownership.labels


def test_a_slice_of_all_packets_may_send_what_came_in_over_links_but_no_labels() -> None:
    claims = Claims([a_network("blue", {"big": {1: "1/3"}})])
    ownership = Ownership.at(1, [a_slice("all", rule(Match()))], None, claims.at(1))
    (labelled,) = boxes_of(Match.of(vlan_vid=VLAN_PRESENT | 2048))
    pieces = list(ownership.own_pieces(labelled, "all", is_fenced=True, unlabelled=True))
    assert pieces == []
    assert list(ownership.own_pieces(labelled, "all")) == []
    assert list(ownership.own_pieces(labelled, "all", is_fenced=True)) != []  # an entry drops it
