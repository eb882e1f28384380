"""Outputs of a virtual network's tenant: what is marked, what is refused, and what an action set ends with."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.pipeline import action_set_order
from flowvisor.hypervisor.translation.virtual_outputs import (
    end_of,
    is_label,
    marked,
    refused_actions,
    refused_ends,
    refused_instructions,
    unmarked,
)
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT
from flowvisor.planning.share import MARK_BITS, Share
from tests.support.shares import BLOCK, FULL, PLAIN, SHARES, TAGGED, in_vlan, instructions, share, whole

TO_EGRESS = act.GotoTable(BLOCK.size)
MARKED = {FLOOD: 0x1_0000, ALL: 0x2_0000, IN_PORT: 0x3_0000}


@given(st.sampled_from(SHARES), instructions())
def test_what_is_admitted_reads_back_as_it_was_written(one: Share, written: act.Instructions) -> None:
    if refused_instructions(one, written) is None:
        assert unmarked(one, marked(one, written)) == written


@given(instructions())
def test_where_ports_are_turned_no_entry_sends_everywhere_but_by_a_mark(written: act.Instructions) -> None:
    if refused_instructions(FULL, written) is None:
        physical = marked(FULL, written)
        outputs = [
            action.port
            for one in physical
            if isinstance(one, (act.ApplyActions, act.WriteActions))
            for action in one.actions
            if isinstance(action, act.Output)
        ]
        assert not {FLOOD, ALL, IN_PORT} & set(outputs)


@pytest.mark.parametrize("port", MARKED)
def test_what_an_entry_does_last_becomes_a_mark(port: int) -> None:
    first = act.SetField("eth_dst", 1)
    assert marked(FULL, (act.ApplyActions((act.Output(port),)),)) == (
        act.WriteMetadata(MARKED[port], MARK_BITS),
        TO_EGRESS,
    )
    assert marked(
        FULL, (act.ApplyActions((first, act.Output(port))), act.WriteMetadata(5 << 32, 7 << 32))
    ) == (
        act.ApplyActions((first,)),
        act.WriteMetadata(5 << 32 | MARKED[port], 7 << 32 | MARK_BITS),
        TO_EGRESS,
    )


@pytest.mark.parametrize("port", MARKED)
@pytest.mark.parametrize(
    "written",
    [
        lambda out: (act.ApplyActions((out, act.Output(CONTROLLER))),),
        lambda out: (act.WriteActions((out,)),),
        lambda out: (act.ApplyActions((out,)), act.GotoTable(1)),
    ],
    ids=["in the middle", "written", "with a goto"],
)
def test_anywhere_else_it_stays_and_is_refused_where_ports_are_turned(port: int, written: object) -> None:
    assert callable(written)
    entry = written(act.Output(port))
    assert marked(PLAIN, entry) == entry
    assert refused_instructions(PLAIN, entry) is None
    refusal = refused_instructions(FULL, entry)
    assert refusal is not None
    assert refusal.error == codes.ACTION_EPERM


def test_back_into_a_vlan_is_not_plain() -> None:
    one = share(whole(1, 1), in_vlan(TAGGED, 3, 20))
    assert not one.comes_back_plainly
    assert refused_actions(one, (act.Output(IN_PORT),)) is not None
    assert refused_actions(one, (act.Output(FLOOD),)) is None


@pytest.mark.parametrize("mask", [1, 1 << 31, (1 << 64) - 1])
def test_the_lower_half_of_the_metadata_is_not_the_tenants_to_write(mask: int) -> None:
    refusal = refused_instructions(PLAIN, (act.WriteMetadata(0, mask),))
    assert refusal is not None
    assert refusal.error == codes.UNSUP_METADATA_MASK


def test_a_label_is_what_tells_packets_in_a_tunnel_apart() -> None:
    assert is_label(act.SetField("tunnel_id", 5))
    assert not is_label(act.SetField("eth_dst", 5))


def last_end(actions: tuple[act.Action, ...]) -> act.Action | None:
    ends = [one for one in action_set_order(actions) if isinstance(one, (act.Output, act.Group))]
    return ends[-1] if ends else None


def on_the_datapath(action: act.Output | act.Group) -> act.Action:
    return act.Group(100 + action.port) if isinstance(action, act.Output) and action.port < 9 else action


ENDS = (act.Group(1), act.Output(1), act.Output(2), act.Output(CONTROLLER))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_action_set_ends_on_the_datapath_as_it_does_for_the_tenant(count: int) -> None:
    for ends in permutations(ENDS, count):
        meant = last_end(ends)
        assert isinstance(meant, (act.Output, act.Group))
        is_so = last_end(tuple(map(on_the_datapath, ends))) == on_the_datapath(meant)
        assert is_so or refused_ends(ends) is not None
        # Of two nothing is refused that would be right.
        assert count > 2 or is_so == (refused_ends(ends) is None)
    assert [end_of(first) == end_of(second) for first, second in pairwise(ENDS)] == [False, True, False]
