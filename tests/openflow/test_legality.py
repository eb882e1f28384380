"""The table of what is legal on a channel, cell by cell."""

import pytest

from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v13
from flowvisor.openflow.frame import ECHO_REPLY, ECHO_REQUEST, ERROR, HELLO
from flowvisor.openflow.legality import (
    HANDED_UP,
    TO_CONTROLLER,
    TO_DATAPATH,
    TRANSITIONS,
    TYPES,
    Role,
    State,
    Verdict,
    verdict_on,
)
from flowvisor.openflow.versions import CODECS

# What each side says by the specification; 1.0 has those of them that its codec has.
SYMMETRIC = (m.Hello, m.Error, m.EchoRequest, m.EchoReply, m.Experimenter)
CONTROLLERS = (
    *(m.FeaturesRequest, m.GetConfigRequest, m.SetConfig, m.PacketOut, m.FlowMod, m.GroupMod, m.PortMod),
    *(m.TableMod, mp.DescRequest, m.BarrierRequest, m.QueueGetConfigRequest, m.RoleRequest),
    *(m.GetAsyncRequest, m.SetAsync, m.MeterMod),
)
DATAPATHS = (
    *(m.FeaturesReply, m.GetConfigReply, m.PacketIn, m.FlowRemoved, m.PortStatus, mp.DescReply),
    *(m.BarrierReply, m.QueueGetConfigReply, m.RoleReply, m.GetAsyncReply),
)
CELLS = [
    (role, state, version, number)
    for role, state in TRANSITIONS
    for version in TYPES
    for number in (*range(32), 255)
    if (role, state) != (Role.DATAPATH, State.WAIT_FEATURES)
]
NUMBERS_13 = {form.message: form.number for form in v13.FORMS}
SAID_BY = {NUMBERS_13[cls]: side for side, classes in ((1, CONTROLLERS), (2, DATAPATHS)) for cls in classes}


def expected(role: Role, state: State, version: int, number: int) -> Verdict:
    """The specification in words, to be compared with the table."""
    if state is State.CLOSED:
        return Verdict.REFUSE
    if number in (ERROR, ECHO_REQUEST, ECHO_REPLY):
        return {ERROR: Verdict.HEED, ECHO_REQUEST: Verdict.ANSWER, ECHO_REPLY: Verdict.MEASURE}[number]
    if state is State.WAIT_HELLO:
        return Verdict.NEGOTIATE if number == HELLO else Verdict.HANG_UP
    if number == HELLO:
        return Verdict.IGNORE
    neutral = TYPES[version].get(number)
    from_peer = SAID_BY.get(neutral, 0) == (2 if role is Role.CONTROLLER else 1) or number == 4
    if neutral is None or not from_peer:
        return Verdict.REFUSE
    if state is State.ESTABLISHED:
        return Verdict.HAND_UP
    if number == NUMBERS_13[m.FeaturesReply]:
        return Verdict.JOIN
    return Verdict.SHED if number in (4, 10, 11, 12) else Verdict.REFUSE


@pytest.mark.parametrize(
    ("role", "state", "version", "number"), CELLS, ids=lambda value: getattr(value, "name", str(value))
)
def test_each_cell(role: Role, state: State, version: int, number: int) -> None:
    assert verdict_on(role, state, version, number) is expected(role, state, version, number)


def test_there_is_a_row_for_every_role_and_state() -> None:
    assert set(TRANSITIONS) == {(role, state) for role in Role for state in State}


def test_every_version_that_is_spoken_has_its_numbers() -> None:
    assert set(TYPES) == set(CODECS)
    assert set(TYPES[4].values()) == set(NUMBERS_13.values())
    assert len(set(TYPES[1].values())) == len(TYPES[1]) == 22


def test_every_type_is_somebodys() -> None:
    assert {NUMBERS_13[cls] for cls in SYMMETRIC} | TO_DATAPATH | TO_CONTROLLER == set(NUMBERS_13.values())
    assert {NUMBERS_13[m.Experimenter]} == TO_DATAPATH & TO_CONTROLLER


@pytest.mark.parametrize(("role", "version"), HANDED_UP, ids=str)
def test_the_quick_table_says_the_same(role: Role, version: int) -> None:
    for number in range(256):
        verdict = verdict_on(role, State.ESTABLISHED, version, number)
        assert bool(HANDED_UP[role, version][number]) == (verdict is Verdict.HAND_UP)
