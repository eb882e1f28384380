"""Messages as values."""

import attrs
import pytest

from flowvisor.openflow import messages as m
from flowvisor.openflow.match import MATCH_ALL
from flowvisor.openflow.ports import ANY
from tests.support.message_strategies import MESSAGES_13

CLASSES = [
    cls
    for cls in vars(m).values()
    if isinstance(cls, type) and issubclass(cls, m.Message) and cls is not m.Message
]
every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


@every_class
def test_a_message_is_frozen_and_takes_keywords_only(cls: type[m.Message]) -> None:
    assert all(attribute.kw_only for attribute in attrs.fields(cls))
    needed = {attribute.name: 0 for attribute in attrs.fields(cls) if attribute.default is attrs.NOTHING}
    message = cls(**needed)  # type: ignore[arg-type]
    assert message.xid == 0
    assert attrs.evolve(message, xid=9).xid == 9
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        message.xid = 1  # type: ignore[misc]


def test_every_message_has_a_form_in_1_3() -> None:
    assert set(CLASSES) <= set(MESSAGES_13)


def test_a_flow_mod_that_says_nothing_adds_an_entry_that_drops_everything() -> None:
    assert m.FlowMod() == m.FlowMod(
        command=m.ADD, priority=0x8000, match=MATCH_ALL, out_port=ANY, out_group=m.ANY_GROUP, instructions=()
    )


def test_a_flow_mods_flags_of_1_3_fit_its_16_bits_and_emergency_does_not() -> None:
    flags = (m.SEND_FLOW_REM, m.CHECK_OVERLAP, m.RESET_COUNTS, m.NO_PACKET_COUNTS, m.NO_BYTE_COUNTS)
    assert sum(flags) == 0x1F
    assert m.EMERGENCY > 0xFFFF
