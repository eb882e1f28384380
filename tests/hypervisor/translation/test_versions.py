"""Instructions in the words of another version: the same behaviour, or none."""

from __future__ import annotations

import pytest

from flowvisor.errors import Inexpressible
from flowvisor.hypervisor.translation.versions import instructions_in
from flowvisor.openflow.actions import (
    ApplyActions,
    ClearActions,
    GotoTable,
    Instructions,
    Output,
    PopVlan,
    PushVlan,
    SetField,
    SetTransportDestination,
    SetVlanVid,
    StripVlan,
    WriteActions,
    WriteMetadata,
)
from flowvisor.openflow.match import Match
from tests.support.slices import tag

UNTAGGED_TCP = Match.of(vlan_vid=0, eth_type=0x0800, ip_proto=6)
OLD = (SetVlanVid(5), SetTransportDestination(80), Output(2))
NEW = (PushVlan(0x8100), SetField("vlan_vid", tag(5)), SetField("tcp_dst", 80), Output(2))


def test_1_0s_actions_become_1_3s_wherever_they_are() -> None:
    assert instructions_in(4, (ApplyActions(OLD),), UNTAGGED_TCP) == (ApplyActions(NEW),)
    assert instructions_in(4, (WriteActions(OLD),), UNTAGGED_TCP) == (WriteActions(NEW),)


def test_what_1_3_has_stays_as_it_is() -> None:
    instructions: Instructions = (
        ApplyActions((PopVlan(), Output(1))),
        ClearActions(),
        WriteActions((Output(2),)),
        WriteMetadata(1, 2),
        GotoTable(3),
    )
    assert instructions_in(4, instructions, Match()) == instructions
    assert instructions_in(4, (), Match()) == ()


def test_1_3s_instructions_become_one_list_of_1_0s_actions() -> None:
    instructions: Instructions = (
        ApplyActions((PopVlan(), Output(1))),
        ClearActions(),
        WriteActions((Output(2), SetField("eth_src", 3))),
    )
    tagged = Match.of(vlan_vid=tag(7))
    expected = (StripVlan(), Output(1), SetField("eth_src", 3), Output(2))
    assert instructions_in(1, instructions, tagged) == (ApplyActions(expected),)
    assert instructions_in(1, (ApplyActions(NEW),), UNTAGGED_TCP) == (ApplyActions(OLD),)


@pytest.mark.parametrize("instructions", [(), (ClearActions(),), (ApplyActions(()), WriteActions(()))])
def test_doing_nothing_is_no_instruction_in_1_0(instructions: Instructions) -> None:
    assert instructions_in(1, instructions, Match()) == ()


@pytest.mark.parametrize("instruction", [GotoTable(1), WriteMetadata(1, 1)])
def test_what_1_0_cannot_do_is_not_passed_off_as_something_else(instruction: GotoTable) -> None:
    with pytest.raises(Inexpressible):
        instructions_in(1, (instruction,), Match())


def test_1_0s_actions_that_depend_on_what_the_match_leaves_open_have_no_form_in_1_3() -> None:
    with pytest.raises(Inexpressible):
        instructions_in(4, (ApplyActions((SetVlanVid(5),)),), Match())
