"""Whose a packet is said to be is whose it is, and every rule that has a part in it is named."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, reject
from hypothesis import strategies as st

from flowvisor.errors import Place
from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import boxes_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.network.wanted_datapath import BaseEntry, WantedDatapath
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import LOCAL
from flowvisor.planning.ahead import Ahead, Facts
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.explanation import (
    LOSES,
    MAY_OWN,
    NOT_LOCAL,
    OWNS,
    Explanation,
    explain,
    packets_of,
    packets_of_bytes,
    port_of,
)
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.policy import Policy
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.slices import acls, ethernet, naive_receiver, packets, slice_sets, tag, udp
from tests.support.world import a_slice, configuration, ports, rule


def ahead(*slices: FlowspaceSlice, policies: tuple[Policy, ...] = (), version: int = 4) -> Ahead:
    files = configuration(*slices, policies=policies)
    facts = Facts(version=version, n_tables=254)
    return Ahead(files, Allocations().allocate(files.slices), {1: facts}, ())


def at(line: int, one: FlowspaceSlice) -> FlowspaceSlice:
    """A slice whose rules stand in lines of their own."""
    rules = tuple(
        evolve(rule, place=Place(f"{one.name}.yaml", line + n, 1)) for n, rule in enumerate(one.rules)
    )
    return evolve(one, rules=rules)


def outcomes(one: Explanation) -> list[tuple[str, int, str]]:
    return [(claim.slice, claim.place.line, claim.outcome) for claim in one.claims]


VLAN = Match.of(vlan_vid=tag(100))
A = at(5, a_slice("a", rule(VLAN, priority=10), ports(1, priority=20)))
B = at(5, a_slice("b", rule(Match.of(vlan_vid=tag(100), in_port=2), priority=30)))


def test_every_rule_that_names_the_packet_is_told_in_the_order_in_which_they_count() -> None:
    (packet,) = packets_of_bytes(udp(vlan=100), 2)
    found = explain(ahead(A, B), 1, packet)
    assert found.owner == "b"
    assert outcomes(found) == [("b", 5, OWNS), ("a", 5, LOSES)]
    assert [entry.to for entry in found.entries] == ["b"]


def test_what_has_not_been_given_is_named() -> None:
    (packet,) = packets_of("in_port=2")
    found = explain(ahead(A, B), 1, packet)
    assert (found.owner, found.depends_on) == (None, ("vlan_vid",))
    assert outcomes(found) == [("b", 5, MAY_OWN), ("a", 5, MAY_OWN)]
    assert [entry.to for entry in found.entries] == ["b", "a", "drop"]


def test_rules_of_one_slice_are_not_in_each_others_way() -> None:
    (packet,) = packets_of("in_port=1")
    found = explain(ahead(A, B), 1, packet)
    assert (found.owner, found.depends_on) == ("a", ())


def test_local_is_nobodys_unless_a_rule_names_it() -> None:
    everything = at(5, a_slice("a", rule(Match())))
    (packet,) = packets_of("in_port=local,vlan_vid=none")
    found = explain(ahead(everything), 1, packet)
    assert (found.owner, outcomes(found)) == (None, [("a", 5, NOT_LOCAL)])
    assert port_of(packet) == LOCAL
    named = at(5, a_slice("a", rule(Match()), rule(Match.of(in_port=LOCAL), priority=1)))
    assert explain(ahead(named), 1, packet).owner == "a"


def test_what_an_entry_of_the_admins_takes_is_nobodys_and_its_line_is_told() -> None:
    one = ahead(a_slice("a", ports(1)))
    place = Place("flowvisor.yaml", 12, 7)
    entry = BaseEntry((Match.of(vlan_vid=tag(100)),), (3,), place)
    settings = evolve(one.before.settings, wanted={1: WantedDatapath(entries=(entry,))})
    found = explain(
        evolve(one, before=evolve(one.before, settings=settings)), 1, *packets_of("in_port=1,vlan_vid=100")
    )
    assert found.owner is None
    first, second = found.claims
    assert (first.slice, first.place, first.what, first.outcome) == (
        "",
        place,
        "an entry of the admin's own",
        OWNS,
    )
    assert (second.slice, second.outcome) == ("a", LOSES)
    assert found.entries[-1].to == "the admin's own: out of 3"


def test_what_an_acl_denies_is_told_with_its_line() -> None:
    denied = AclRule(is_denied=True, datapaths=None, matches=(VLAN,), place=Place("p.yaml", 9, 5))
    one = evolve(a_slice("a", ports(1)), policies=("p",))
    running = ahead(one, policies=(Acl("p", (denied,)),))
    (packet,) = packets_of_bytes(udp(vlan=100), 1)
    found = explain(running, 1, packet)
    assert found.owner is None
    assert [(denial.policy, denial.place.line, denial.is_sure) for denial in found.denials] == [
        ("p", 9, True)
    ]
    assert [entry.to for entry in found.entries] == ["drop"]
    (port,) = packets_of("in_port=1")
    found = explain(running, 1, port)
    assert (found.owner, [denial.is_sure for denial in found.denials]) == ("a", [False])


def test_who_may_look_at_it_is_told() -> None:
    looks = at(3, a_slice("c", rule(VLAN, may_write=False)))
    (packet,) = packets_of_bytes(udp(vlan=100), 2)
    found = explain(ahead(A, B, looks), 1, packet)
    assert [(name, place.line) for name, place in found.readers] == [("c", 3)]
    (other,) = packets_of_bytes(udp(), 1)
    assert explain(ahead(A, B, looks), 1, other).readers == ()


def test_where_entries_are_cut_none_of_ours_decides() -> None:
    (packet,) = packets_of_bytes(udp(vlan=100), 2)
    found = explain(ahead(A, B, version=1), 1, packet)
    assert (found.owner, found.enforcement, found.entries) == ("b", "intersect", ())


def test_a_packet_with_two_tags_is_explained_both_ways() -> None:
    first, behind_one = packets_of_bytes(ethernet(vlans=(100, 200)), 2)
    assert first != behind_one
    assert explain(ahead(A, B), 1, behind_one).owner == "b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("in_port", "is not FIELD=VALUE"),
        ("port=1", "is not FIELD=VALUE"),
        ("metadata=1", "is not FIELD=VALUE"),
        ("in_port=1,in_port=2", "in_port has one value"),
        ("tcp_dst=80-90", "tcp_dst has one value"),
        ("eth_type=arp,tcp_dst=80", "no packet that has all these fields"),
        ("in_port=x", "x"),
    ],
)
def test_what_is_no_packet_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        packets_of(text)


def test_fields_imply_what_they_need() -> None:
    v4, v6 = packets_of("in_port=1, tcp_dst=80")
    assert {box for match in (Match.of(in_port=1, tcp_dst=80),) for box in boxes_of(match)} == {v4, v6}


@examples(80)
@given(
    slices=slice_sets(("a", "b")),
    policy=acls(),
    packet=packets,
    port=st.sampled_from((1, 2, 3)),
    version=st.sampled_from((1, 4)),
)
def test_whose_a_packet_is_said_to_be_is_whose_it_is(
    slices: list[FlowspaceSlice], policy: Acl, packet: bytes, port: int, version: int
) -> None:
    first, *others = slices
    held = (evolve(first, policies=(policy.name,)), *others)
    box: Box = packets_of_bytes(packet, port)[0]
    try:
        found = explain(ahead(*held, policies=(policy,), version=version), 1, box)
    except TooManyPieces:
        reject()  # a mask of more values than a datapath can be told
    assert found.owner == naive_receiver(held, {first.name: policy}, parse(packet, port))
    assert found.depends_on == ()
    if version == 4:
        assert found.entries[-1].to == (found.owner or "drop")
        assert len(found.entries) == 1
