"""Actions and instructions as values."""

import pytest

from flowvisor.openflow import actions as a
from flowvisor.openflow.fields import FIELDS
from tests.support.message_strategies import ACTIONS_13, actions, instructions_13

ONLY_1_0 = {
    *(a.Enqueue, a.SetVlanVid, a.SetVlanPcp, a.StripVlan, a.SetTransportSource, a.SetTransportDestination)
}


def test_an_action_is_of_1_3_or_of_1_0_or_only_ever_shown() -> None:
    assert set(a.Action.__args__) == set(ACTIONS_13) | ONLY_1_0 | {a.OpaqueSetField}
    assert not set(ACTIONS_13) & ONLY_1_0


def test_every_instruction_is_of_1_3() -> None:
    assert set(a.Instruction.__args__) == set(instructions_13(actions))


@pytest.mark.parametrize("cls", [*a.Action.__args__, *a.Instruction.__args__], ids=lambda cls: cls.__name__)
def test_values_are_compared_and_hashed_by_what_they_say(cls: type) -> None:
    # Translation memoises by them.
    count = len(cls.__attrs_attrs__)  # type: ignore[attr-defined]
    assert cls(*range(count)) == cls(*range(count))
    assert hash(cls(*range(count))) == hash(cls(*range(count)))
    if count:
        assert cls(*range(count)) != cls(*range(1, count + 1))


def test_an_output_of_its_own_takes_nothing_to_the_controller() -> None:
    assert a.Output(1) == a.Output(port=1, max_len=0)


def test_where_a_packet_really_came_in_and_metadata_cannot_be_set() -> None:
    unsettable = {name for name, field in FIELDS.items() if not field.settable}
    assert unsettable == {"in_phy_port", "metadata", "ipv6_exthdr"}
