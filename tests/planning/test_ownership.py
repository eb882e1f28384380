"""Ownership against the naive answer: rules looked at one by one, packets one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.flowspace.box import EVERYTHING, Box, covers
from flowvisor.flowspace.layout import boxes_of, field_mask, point_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import LOCAL
from flowvisor.planning.ownership import (
    IN_PORT_MASK,
    MAX_PIECES,
    NOBODY,
    Ownership,
    RankedBox,
    denied_rank,
    names_local,
)
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.slices.flowspace_slice import MAX_PRIORITY, FlowspaceSlice
from tests.support.examples import examples
from tests.support.flowspace_strategies import applies
from tests.support.slices import (
    ADDRESSES,
    ethernet,
    flowspace_matches,
    ipv4,
    naive_owner,
    naive_receiver,
    packets_like,
    slice_sets,
    some_acls,
    tag,
    udp,
)
from tests.support.world import NOWHERE, a_slice, ports, rule


def box(**fields: int) -> Box:
    (only,) = boxes_of(Match.of(**fields))
    return only


def behind_one_tag(packet: bytes, port: int) -> dict[str, int]:
    """The fields of a packet to a datapath that looks behind one tag only."""
    fields = parse(packet, port)
    if all(packet[at : at + 2] in (b"\x81\x00", b"\x88\xa8") for at in (12, 16)):
        return {**parse(packet[:18], port), "eth_type": int.from_bytes(packet[16:18], "big")}
    return fields


SUBNET = Match.of(eth_type=0x0800, ipv4_src=(0x0A000000, 0xFF000000))


@examples(40)
@given(slice_sets(("a", "b", "c")), st.data())
def test_a_packets_owner_is_the_one_that_looking_at_each_rule_finds(
    slices: list[FlowspaceSlice], data: st.DataObject
) -> None:
    ownership = Ownership.at(1, slices)
    for match in [match for one in slices for one_rule in one.rules for match in one_rule.matches][:4]:
        port, packet = data.draw(packets_like(match))
        fields = parse(packet, port)
        assert ownership.owner_of(point_of(fields)) == naive_owner(slices, fields)
        owners = {naive_owner(slices, fields), naive_owner(slices, behind_one_tag(packet, port))}
        assert ownership.owner_of_packet(packet, port) == (owners.pop() if len(owners) == 1 else None)


@examples(40)
@given(slice_sets(("a", "b", "c")), flowspace_matches(), st.booleans(), st.data())
def test_own_pieces_are_just_what_is_owned(
    slices: list[FlowspaceSlice], wanted: Match, is_fenced: bool, data: st.DataObject
) -> None:
    ownership = Ownership.at(1, slices)
    owner = data.draw(st.sampled_from("abc"))
    try:
        pieces = [
            piece
            for one in boxes_of(wanted)
            for piece in ownership.own_pieces(one, owner, is_fenced=is_fenced)
        ]
    except TooManyPieces:
        return
    for one_rule in [one_rule for one in slices for one_rule in one.rules]:
        port, packet = data.draw(packets_like(data.draw(st.sampled_from([wanted, *one_rule.matches]))))
        fields = parse(packet, port)
        point = point_of(fields)
        is_in = any(covers(piece, point) for piece in pieces)
        assert is_in == (applies(wanted, fields) and naive_owner(slices, fields) == owner)


@examples(40)
@given(slice_sets(("a", "b", "c")), flowspace_matches(), st.data())
def test_a_foreign_part_is_foreign_and_found_if_there_is_one(
    slices: list[FlowspaceSlice], wanted: Match, data: st.DataObject
) -> None:
    ownership = Ownership.at(1, slices)
    owner = data.draw(st.sampled_from("abc"))
    foreign = [part for one in boxes_of(wanted) if (part := ownership.foreign_part(one, owner)) is not None]
    for one_rule in [one_rule for one in slices for one_rule in one.rules]:
        port, packet = data.draw(packets_like(data.draw(st.sampled_from([wanted, *one_rule.matches]))))
        fields = parse(packet, port)
        if applies(wanted, fields) and naive_owner(slices, fields) not in (owner, None):
            assert foreign, "a packet of the set is another's"
        if any(covers(part, point_of(fields)) for part in foreign):
            assert naive_owner(slices, fields) not in (owner, None)


@examples(40)
@given(slice_sets(("a", "b", "c")), some_acls("ab"), st.booleans(), st.data())
def test_a_packet_that_is_denied_to_its_owner_is_nobodys_to_receive(
    slices: list[FlowspaceSlice], denied: dict[str, Acl], is_fenced: bool, data: st.DataObject
) -> None:
    ownership = Ownership.at(1, slices, denied)
    ownership.fence(denied if is_fenced else ())
    matches = [match for one in slices for one_rule in one.rules for match in one_rule.matches]
    matches += [match for acl in denied.values() for one in acl.rules for match in one.matches]
    for match in data.draw(st.permutations(matches))[:4]:
        port, packet = data.draw(packets_like(match))
        fields = parse(packet, port)
        owner = naive_owner(slices, fields)
        assert ownership.owner_of(point_of(fields)) == naive_receiver(slices, denied, fields)
        # What the datapath drops by itself is not looked for again.
        answers = {
            naive_owner(slices, seen) if is_fenced else naive_receiver(slices, denied, seen)
            for seen in (fields, behind_one_tag(packet, port))
        }
        assert ownership.owner_of_packet(packet, port) == (answers.pop() if len(answers) == 1 else None)
        for name in "abc":  # it stays its owner's for all others
            foreign = ownership.foreign_part(point_of(fields), name)
            assert (foreign is not None) == (owner not in (name, None))


@examples(40)
@given(slice_sets(("a", "b")), some_acls("ab"), flowspace_matches(), st.data())
def test_what_is_denied_is_taken_off_what_is_owned(
    slices: list[FlowspaceSlice], denied: dict[str, Acl], wanted: Match, data: st.DataObject
) -> None:
    ownership = Ownership.at(1, slices, denied)
    owner = data.draw(st.sampled_from("ab"))
    try:
        pieces = [piece for one in boxes_of(wanted) for piece in ownership.own_pieces(one, owner)]
        taken = list(ownership.denied_pieces(owner))
    except TooManyPieces:
        return
    rules = [match for acl in denied.values() for one in acl.rules for match in one.matches]
    for match in [wanted, *rules]:
        port, packet = data.draw(packets_like(match))
        fields = parse(packet, port)
        point = point_of(fields)
        is_own = naive_owner(slices, fields) == owner
        is_received = naive_receiver(slices, denied, fields) == owner
        assert any(covers(piece, point) for piece in pieces) == (applies(wanted, fields) and is_received)
        assert any(covers(piece, point) for piece in taken) == (is_own and not is_received)


def test_a_fence_spares_the_pieces_of_its_slice_alone() -> None:
    acl = Acl("no-vlan", (AclRule(True, None, (Match.of(vlan_vid=tag(5)),), NOWHERE),))
    slices = [a_slice("a", ports(1)), a_slice("b", ports(2))]
    ownership = Ownership.at(1, slices, {"a": acl, "b": acl})
    assert len(list(ownership.own_pieces(box(in_port=1), "a", is_fenced=True))) > 1
    ownership.fence(["a"])
    assert list(ownership.own_pieces(box(in_port=1), "a", is_fenced=True)) == [box(in_port=1)]
    assert len(list(ownership.own_pieces(box(in_port=1), "a"))) > 1
    assert len(list(ownership.own_pieces(box(in_port=2), "b", is_fenced=True))) > 1


def test_a_packet_with_two_tags_is_somebodys_only_if_it_is_so_behind_one_as_behind_both() -> None:
    slices = [a_slice("a", rule(Match.of(vlan_vid=tag(5)))), a_slice("b", rule(SUBNET, priority=200))]
    ownership = Ownership.at(1, slices)
    payload = ipv4(ADDRESSES[0], ADDRESSES[1])
    assert ownership.owner_of_packet(ethernet(vlans=(5,), eth_type=0x0800, payload=payload), 1) == "b"
    assert ownership.owner_of_packet(ethernet(vlans=(5, 6), eth_type=0x0800, payload=payload), 1) is None
    assert ownership.owner_of_packet(ethernet(vlans=(5, 6)), 1) == "a"


def test_a_packet_of_which_too_little_is_known_is_denied() -> None:
    acl = Acl("no-vlan", (AclRule(True, None, (Match.of(vlan_vid=tag(5)),), NOWHERE),))
    ownership = Ownership.at(1, [a_slice("a", ports(1))], {"a": acl})
    assert ownership.owner_of(point_of({"in_port": 1})) is None
    assert ownership.owner_of_packet(udp(), 1) == "a"
    assert ownership.owner_of_packet(b"", 1) is None
    assert ownership.named_ports == {1}


def test_a_port_that_an_acl_names_is_not_like_any_other() -> None:
    acl = Acl("not-7", (AclRule(True, None, (Match.of(in_port=7),), NOWHERE),))
    ownership = Ownership.at(1, [a_slice("a", rule(Match()))], {"a": acl})
    assert ownership.representative_of(7) == 7
    assert ownership.any_other_port != 7
    assert ownership.used_mask & IN_PORT_MASK


def test_local_is_nobodys_by_a_wildcard() -> None:
    ownership = Ownership.at(1, [a_slice("a", rule(Match())), a_slice("b", ports(1, priority=200))])
    local = box(in_port=LOCAL)
    assert ownership.owner_of(point_of(parse(udp(), LOCAL))) is None
    assert list(ownership.own_pieces(local, "a")) == []
    assert list(ownership.own_pieces(local, "a", is_fenced=True)) == []
    assert ownership.foreign_part(local, "b") is None
    assert ownership.local_is_nobodys
    assert box(vlan_vid=tag(5)) in list(
        Ownership.at(1, [a_slice("a", rule(Match()))]).own_pieces(box(vlan_vid=tag(5)), "a", is_fenced=True)
    )


def test_local_is_whose_rule_names_it_even_at_the_lowest_priority() -> None:
    slices = [a_slice("a", rule(Match(), priority=MAX_PRIORITY)), a_slice("b", ports(LOCAL, priority=0))]
    ownership = Ownership.at(1, slices)
    assert ownership.owner_of(point_of(parse(udp(), LOCAL))) == "b"
    assert not ownership.local_is_nobodys
    assert names_local(box(in_port=LOCAL))
    assert not names_local(box(in_port=1))
    assert not names_local(EVERYTHING)
    # With an owner, LOCAL is taken off also where a fence would do.
    assert len(list(ownership.own_pieces(EVERYTHING, "a", is_fenced=True))) > 1


def test_there_is_a_rank_between_a_rule_and_all_that_win_over_it_for_what_its_owner_is_denied() -> None:
    slices = [a_slice("a", ports(1, LOCAL, priority=7)), a_slice("b", ports(1, LOCAL, priority=8))]
    ranks = sorted(one.rank for one in Ownership.at(1, slices).ranked if one.owner)
    assert ranks == sorted(set(ranks))
    for rank in ranks:
        assert denied_rank(rank) not in ranks
        assert [other > denied_rank(rank) for other in ranks] == [other > rank for other in ranks]


def test_ports_are_told_by_their_rules() -> None:
    whole = Ownership.at(
        1, [a_slice("a", ports(1, 2)), a_slice("b", ports(2, 3, priority=200), ports(1, priority=1))]
    )
    assert [whole.owner_of_packet(b"", port) for port in (1, 2, 3, 4, LOCAL)] == ["a", "b", "b", None, None]
    assert whole.used_mask == IN_PORT_MASK == field_mask("in_port")
    assert (whole.named_ports, whole.any_other_port) == ({1, 2, 3}, 4)
    part = Ownership.at(1, [a_slice("a", ports(1), rule(Match.of(in_port=2, vlan_vid=tag(1))))])
    assert part.owner_of_packet(b"", 2) is None
    assert part.used_mask & field_mask("vlan_vid")


def test_rules_of_other_datapaths_do_not_count() -> None:
    ownership = Ownership.at(1, [a_slice("a", ports(1, at=[2])), a_slice("b", ports(1, priority=1, at=[1]))])
    assert ownership.owner_of_packet(udp(), 1) == "b"


def test_what_cannot_be_taken_apart_within_the_bound_is_said_to_be_foreign() -> None:
    spread = [rule(Match.of(eth_src=(1 << bit | 1, 1 << bit | 1)), priority=100) for bit in range(1, 40)]
    mine = a_slice("a", *spread, rule(Match(), priority=1))
    theirs = a_slice("b", rule(Match(), priority=50))
    ownership = Ownership.at(1, [mine, theirs])
    assert ownership.foreign_part(EVERYTHING, "a") is not None
    many = a_slice(
        "b", *(rule(Match.of(eth_src=number * 0x10101 + 7), priority=100) for number in range(200))
    )
    crowded = Ownership.at(1, [a_slice("a", rule(Match(), priority=1)), many])
    with pytest.raises(TooManyPieces):
        list(crowded.own_pieces(EVERYTHING, "a"))
    assert MAX_PIECES < 200 * 48


def test_what_one_rule_takes_all_of_needs_no_pieces() -> None:
    winners = [
        RankedBox(20, box(eth_type=0x0800, ip_proto=17, udp_dst=443), "b"),
        RankedBox(20, box(eth_dst=0x020000000001, eth_src=0x020000000002, vlan_vid=tag(100)), "b"),
        RankedBox(20, EVERYTHING, "b"),
    ]
    ownership = Ownership([*winners, RankedBox(10, box(in_port=4), "a")])
    assert not list(ownership.own_pieces(box(in_port=4), "a"))


def test_a_shield_that_takes_too_many_pieces_counts_as_a_leak() -> None:
    shields = [rule(Match.of(eth_src=number * 0x10101 + 7), priority=100) for number in range(200)]
    ownership = Ownership.at(1, [a_slice("a", *shields), a_slice("b", rule(Match(), priority=1))])
    assert ownership.foreign_part(EVERYTHING, "a") == EVERYTHING


def test_nobody_is_no_owner() -> None:
    ownership = Ownership([RankedBox(5, box(in_port=1), NOBODY)])
    assert ownership.owner_of(point_of(parse(udp(), 1))) is None
    assert ownership.owner_of_packet(udp(), 1) is None
