"""An ACL: the first rule that matches a packet decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.flowspace.box import covers
from flowvisor.flowspace.layout import point_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.policies.acl import MAX_DENIED_BOXES, Acl, AclRule
from tests.support.slices import DPID, acls, is_denied, packets_like
from tests.support.world import NOWHERE


def rules(*said: tuple[bool, Match], at: frozenset[int] | None = None) -> Acl:
    return Acl("it", tuple(AclRule(is_denied, at, (match,), NOWHERE) for is_denied, match in said))


@given(acls(), st.data())
def test_what_is_denied_is_what_looking_at_each_rule_finds(acl: Acl, data: st.DataObject) -> None:
    for dpid in (DPID, DPID + 1):
        denied = acl.denied_at(dpid)
        for one in acl.rules:
            port, packet = data.draw(packets_like(data.draw(st.sampled_from(one.matches))))
            fields = parse(packet, port)
            assert any(covers(box, point_of(fields)) for box in denied) == is_denied(acl, fields, dpid)


def test_a_rule_counts_at_its_datapaths_only() -> None:
    acl = rules((True, Match.of(in_port=1)), at=frozenset({1}))
    assert [len(acl.denied_at(dpid)) for dpid in (1, 2)] == [1, 0]


def test_an_address_excepted_from_all_takes_one_set_for_each_of_its_bits() -> None:
    only = Match.of(in_port=7, eth_type=0x0800, ipv4_src=0x0A000007)
    acl = rules((False, only), (True, Match.of(in_port=7, eth_type=0x0800)))
    assert len(acl.denied_at(1)) == 32


def test_past_a_bound_it_is_not_said_what_is_denied() -> None:
    fields = [Match.of(eth_src=0x0202_0202_0202), Match.of(eth_dst=0x0202_0202_0202), Match.of(metadata=7)]
    with pytest.raises(TooManyPieces):
        rules(*((False, match) for match in fields), (True, Match())).denied_at(1)
    many = rules(*((True, Match.of(eth_src=number)) for number in range(MAX_DENIED_BOXES + 1)))
    with pytest.raises(TooManyPieces):
        many.denied_at(1)
    assert len(Acl("it", many.rules[1:]).denied_at(1)) == MAX_DENIED_BOXES
