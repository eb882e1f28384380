"""Fences: exactly what is denied, or nothing where the version has no words for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.planning import fences
from flowvisor.planning.fences import fences_of
from flowvisor.planning.ownership import Ownership
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.flowspace_strategies import applies
from tests.support.slices import A, naive_owner, naive_receiver, packets_like, slice_sets, some_acls
from tests.support.world import NOWHERE


def deny(*matches: Match, but: tuple[Match, ...] = ()) -> Acl:
    return Acl(
        "no", (AclRule(False, None, but, NOWHERE), *(AclRule(True, None, (one,), NOWHERE) for one in matches))
    )


@given(slice_sets(), some_acls("ab"), st.sampled_from((1, 4)), st.data())
def test_a_fence_has_what_is_denied_to_its_slice_and_nothing_else(
    slices: list[FlowspaceSlice], acls: dict[str, Acl], version: int, data: st.DataObject
) -> None:
    found = fences_of(Ownership.at(1, slices, acls), acls, version)
    for name, matches in found.items():
        for wanted in [*matches, *(match for rule in acls[name].rules for match in rule.matches)][:6]:
            port, packet = data.draw(packets_like(wanted))
            fields = parse(packet, port)
            is_denied = naive_owner(slices, fields) == name != naive_receiver(slices, acls, fields)
            assert any(applies(match, fields) for match in matches) == is_denied


def test_a_version_that_has_no_words_for_it_gets_none() -> None:
    for match, versions in (
        (Match.of(eth_type=0x0800, ipv4_src=(0x0A000000, 0xFF000000)), [1, 4]),
        (Match.of(eth_type=0x86DD, ipv6_src=1), [4]),
        (Match.of(eth_src=(1 << 40, 1 << 40)), [4]),
    ):
        acls = {"a": deny(match)}
        told = [version for version in (1, 4) if fences_of(Ownership.at(1, [A], acls), acls, version)]
        assert told == versions, match


def test_what_would_take_too_many_entries_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    acls = {"a": deny(*(Match.of(in_port=1, eth_src=number) for number in range(9)))}
    assert len(fences_of(Ownership.at(1, [A], acls), acls, 1)["a"]) == 9
    monkeypatch.setattr(fences, "MAX_FENCES", 8)
    assert fences_of(Ownership.at(1, [A], acls), acls, 1) == {}
    # Everything that is not ARP: there is no mask on eth_type.
    acls = {"a": deny(Match(), but=(Match.of(eth_type=0x0806),))}
    assert fences_of(Ownership.at(1, [A], acls), acls, 4) == {}
