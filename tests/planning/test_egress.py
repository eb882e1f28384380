"""Where action lists send packets: no packet that comes out is outside what was said, and leaks are found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.rewriting import InvalidTtl, rewrite
from flowvisor.flowspace.box import Box, covers
from flowvisor.flowspace.layout import boxes_of, forget, point_of
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, NORMAL, TABLE
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.egress import (
    MAX_BUCKETS_LOOKED_AT,
    Effort,
    destinations,
    find_leak,
    freed_fields,
    is_visible,
    rewritten,
    written_fields,
)
from flowvisor.planning.ownership import Ownership
from flowvisor.planning.view import View
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.slices import (
    PORTS,
    A,
    B,
    action_lists,
    flowspace_matches,
    naive_owner,
    owner_at,
    packets,
    packets_like,
    rule_matches,
    slice_sets,
    tag,
    udp,
)
from tests.support.world import a_slice, ports, rule

ALL_BITS = ~0


def view(name: str, *slices: FlowspaceSlice, block: TableBlock | None = None) -> View:
    return View(slice_name=name, ownership=Ownership.at(1, slices), block=block)


def start(*boxes: Box) -> Callable[[], tuple[Box, ...]]:
    return lambda: boxes


@examples(70)
@given(flowspace_matches(), st.sampled_from((1, 4)), st.data())
def test_a_rewritten_packet_is_among_the_rewritten_packets(
    match: Match, version: int, data: st.DataObject
) -> None:
    port, packet = data.draw(packets_like(match))
    boxes = [box for box in boxes_of(match) if covers(box, point_of(parse(packet, port)))]
    if not boxes:
        return
    (box,) = boxes
    for action in data.draw(action_lists(version, A)):
        try:
            packet = rewrite(packet, action)
        except InvalidTtl:
            return
        box = rewritten(box, action)
        assert covers(box, point_of(parse(packet, port))), (action, packet.hex())


@examples(70)
@given(slice_sets(), st.sampled_from((1, 4)), st.booleans(), st.data())
def test_a_list_that_is_admitted_for_a_packet_takes_it_to_nobody_else(
    slices: list[FlowspaceSlice], version: int, has_block: bool, data: st.DataObject
) -> None:
    one = slices[0]
    mine = view("a", *slices, block=TableBlock(1, 3) if has_block else None)
    actions = data.draw(action_lists(version, one))
    port, packet = data.draw(packets_like(data.draw(st.sampled_from(rule_matches(one)))))
    fields = parse(packet, port)
    came_in = naive_owner(slices, fields) == "a"
    leak = find_leak(mine, actions, start(point_of(fields)), ports=PORTS, came_in=came_in)
    if leak is not None:
        return
    for action in actions:
        if isinstance(action, act.Output):
            out = {IN_PORT: port, CONTROLLER: port}.get(action.port, action.port)
            reached = [other for other in PORTS if mine.owns_port(other)] if out in (ALL, FLOOD) else [out]
            if action.port == CONTROLLER and has_block:
                continue
            for number in reached:
                assert owner_at(slices, packet, number) in ("a", None)
        else:
            try:
                packet = rewrite(packet, action)
            except InvalidTtl:
                return


@pytest.mark.parametrize("port", [NORMAL, TABLE, 3, 9])
def test_what_is_not_the_slices_port_is_no_output(port: int) -> None:
    for came_in in (True, False):
        leak = find_leak(view("a", A, B), (act.Output(port),), start(), ports=PORTS, came_in=came_in)
        assert leak is not None
        assert leak.error == codes.ACTION_BAD_OUT_PORT


def test_a_port_that_is_not_there_is_no_output() -> None:
    assert find_leak(view("a", A, B), (act.Output(2),), start(), ports=(1,), came_in=True) is not None
    assert find_leak(view("a", A, B), (act.Enqueue(2, 1),), start(), ports=(1, 2), came_in=True) is None


def test_packets_nobody_can_list_may_leave_only_where_all_is_ones_own() -> None:
    shared = (
        a_slice("a", ports(1), rule(Match.of(vlan_vid=tag(5)))),
        a_slice("b", rule(Match.of(vlan_vid=tag(6)))),
    )
    mine = view("a", *shared)
    for port, verdict in (
        (2, codes.ACTION_EPERM),
        (IN_PORT, codes.ACTION_EPERM),
        (CONTROLLER, codes.ACTION_EPERM),
    ):
        leak = find_leak(mine, (act.Output(port),), lambda: None, ports=PORTS, came_in=False)
        assert leak is not None
        assert leak.error == verdict
    private = view("a", A, B)
    assert find_leak(private, (act.Output(2),), lambda: None, ports=PORTS, came_in=False) is None


def test_a_leak_shows_a_packet_of_anothers() -> None:
    shared = (
        a_slice("a", ports(1), rule(Match.of(vlan_vid=tag(5)))),
        a_slice("b", rule(Match.of(vlan_vid=tag(6)))),
    )
    actions = (act.PushVlan(0x8100), act.SetField("vlan_vid", tag(6)), act.Output(2))
    box = point_of(parse(udp(), 1))
    leak = find_leak(view("a", *shared), actions, start(box), ports=PORTS, came_in=True)
    assert leak is not None
    assert leak.error == codes.ACTION_EPERM
    assert leak.packets is not None
    assert view("a", *shared).ownership.foreign_part(leak.packets, "a") is not None


def test_a_rewritten_packet_may_not_go_back_as_anothers() -> None:
    shared = (a_slice("a", rule(Match.of(vlan_vid=tag(5)))), a_slice("b", rule(Match.of(vlan_vid=tag(6)))))
    mine = view("a", *shared)
    (box,) = boxes_of(Match.of(vlan_vid=tag(5), in_port=1))
    for vlan, ok in ((5, True), (6, False), (7, True)):
        actions = (act.SetField("vlan_vid", tag(vlan)), act.Output(IN_PORT))
        leak = find_leak(mine, actions, start(box), ports=PORTS, came_in=True)
        assert (leak is None) == ok
    assert find_leak(mine, (act.Output(IN_PORT),), start(box), ports=PORTS, came_in=True) is None


def test_what_goes_to_the_controller_by_a_table_of_ones_own_may_be_anything() -> None:
    shared = (a_slice("a", rule(Match.of(vlan_vid=tag(5)))), a_slice("b", rule(Match.of(vlan_vid=tag(6)))))
    (box,) = boxes_of(Match.of(vlan_vid=tag(5), in_port=1))
    actions = (act.SetField("vlan_vid", tag(6)), act.Output(CONTROLLER))
    in_block = view("a", *shared, block=TableBlock(1, 1))
    assert find_leak(in_block, actions, start(box), ports=PORTS, came_in=True) is None
    assert find_leak(view("a", *shared), actions, start(box), ports=PORTS, came_in=True) is not None


def test_actions_that_no_rule_can_see_are_no_rewrites() -> None:
    found = list(destinations((act.SetField("eth_dst", 5), act.DecNwTtl(), act.Output(1)), start(), 0))
    assert [(port, untouched) for port, _, untouched, _ in found] == [(1, True)]
    (seen,) = destinations((act.SetField("eth_dst", 5), act.Output(1)), start(Box(0, 0)), ALL_BITS)
    assert not seen[2]
    assert seen[1]() == boxes_of(Match.of(eth_dst=5))


def test_each_output_has_the_packets_as_they_are_there() -> None:
    actions = (
        act.Output(1),
        act.SetField("eth_dst", 5),
        act.Output(2),
        act.SetField("eth_dst", 6),
        act.Output(3),
    )
    found = [(port, packets()) for port, packets, _, _ in destinations(actions, start(Box(0, 0)), ALL_BITS)]
    assert found == [
        (1, (Box(0, 0),)),
        (2, boxes_of(Match.of(eth_dst=5))),
        (3, boxes_of(Match.of(eth_dst=6))),
    ]


@pytest.mark.parametrize(
    "action",
    [
        *(act.SetField(name, 1) for name, field in FIELDS.items() if field.settable),
        *(act.PushVlan(0x8100), act.PopVlan(), act.StripVlan(), act.SetVlanVid(1), act.SetVlanPcp(1)),
        *(act.PushMpls(0x8847), act.PopMpls(0x0800), act.PushPbb(0x88E7), act.PopPbb()),
        *(act.SetTransportSource(1), act.SetTransportDestination(1)),
    ],
    ids=str,
)
def test_every_action_that_rewrites_names_the_fields_that_it_does(action: act.Action) -> None:
    assert written_fields(action)
    assert is_visible(written_fields(action), ALL_BITS)


@examples(70)
@given(flowspace_matches(), st.sampled_from((1, 4)), st.data())
def test_a_rewritten_box_differs_in_the_fields_that_are_freed_alone(
    match: Match, version: int, data: st.DataObject
) -> None:
    for action in data.draw(action_lists(version, A)):
        for box in boxes_of(match):
            assert covers(forget(box, *freed_fields(action)), rewritten(box, action)), action


@given(packets, st.data())
def test_an_action_that_names_no_fields_changes_none(packet: bytes, data: st.DataObject) -> None:
    action = data.draw(
        st.sampled_from([act.DecNwTtl(), act.SetNwTtl(9), act.SetQueue(1), act.CopyTtlIn(), act.CopyTtlOut()])
    )
    assert written_fields(action) == ()
    with suppress(InvalidTtl):
        assert parse(rewrite(packet, action)) == parse(packet)


def test_a_tag_may_hide_what_is_behind_it() -> None:
    """Some datapaths, Open vSwitch among them, look behind one tag only."""
    (one,) = boxes_of(Match.of(in_port=1, eth_type=0x0800, ipv4_src=1))
    assert not rewritten(one, act.PushVlan(0x8100)).mask & boxes_of(Match.of(eth_type=0x0800))[0].mask
    (hidden,) = boxes_of(Match.of(eth_type=0x8100))
    assert not rewritten(hidden, act.PopVlan()).mask & hidden.mask
    (untagged,) = boxes_of(Match.of(in_port=1, vlan_vid=0, eth_type=0x0800, ipv4_src=1))
    assert rewritten(untagged, act.PushVlan(0x8100)).mask & boxes_of(Match.of(eth_type=0x0800))[0].mask


def test_no_more_buckets_are_looked_at_than_a_bound() -> None:
    mine = view("a", A, B)
    half = [(act.SetField("eth_dst", number), act.Output(2)) for number in range(MAX_BUCKETS_LOOKED_AT // 2)]
    for groups, is_refused in ((2, False), (3, True)):
        actions = tuple(act.Group(number) for number in range(groups))
        leak = find_leak(mine, actions, start(), ports=PORTS, came_in=True, buckets=lambda _: half)
        assert (leak is not None) == is_refused
    effort = Effort(len(half))
    for is_refused in (False, True):  # what one message is looked at for comes out of one
        leak = find_leak(
            mine, (act.Group(1),), start(), ports=PORTS, came_in=True, buckets=lambda _: half, effort=effort
        )
        assert (leak is not None) == is_refused


def test_what_buckets_do_alike_is_told_once() -> None:
    listed = [(act.SetField("eth_dst", address), act.Output(2)) for address in (5, 6, 5)]
    found = [
        (port, packets())
        for port, packets, _, _ in destinations(
            (act.Group(1), act.Output(2), act.Output(2)), start(Box(0, 0)), ALL_BITS, lambda _: listed
        )
    ]
    assert [port for port, _ in found] == [2] * 4
    assert len({packets for _, packets in found}) == 3
