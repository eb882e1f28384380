"""Errors of 1.0 and their neutral pairs: nothing is lost that both have, and everything has an answer."""

import pytest

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow.v10_error_codes import error_from_10, error_to_10

# How many codes each type of 1.0.1 has (section 5.4.4).
CODES_10 = {0: 2, 1: 9, 2: 9, 3: 6, 4: 2, 5: 3}
PAIRS_10 = [(kind, code) for kind, count in CODES_10.items() for code in range(count)]
PAIRS_13 = {name: pair for name, pair in vars(ec).items() if isinstance(pair, tuple) and name.isupper()}


@pytest.mark.parametrize("pair", PAIRS_10)
def test_a_1_0_error_is_itself_again(pair: ec.ErrorCode) -> None:
    assert error_to_10(error_from_10(pair)) == pair


def test_no_two_1_0_errors_become_one() -> None:
    assert len({error_from_10(pair) for pair in PAIRS_10}) == len(PAIRS_10)


@pytest.mark.parametrize("name", PAIRS_13)
def test_every_1_3_error_has_a_1_0_error(name: str) -> None:
    kind, code = error_to_10(PAIRS_13[name])
    assert code < CODES_10[kind]


@pytest.mark.parametrize(
    ("pair", "neutral"),
    [
        ((1, 2), ec.BAD_MULTIPART),  # BAD_STAT
        ((1, 3), ec.BAD_EXPERIMENTER),  # BAD_VENDOR
        ((2, 8), ec.ACTION_BAD_QUEUE),
        ((3, 0), ec.TABLE_FULL),  # ALL_TABLES_FULL
        ((3, 1), ec.OVERLAP),
        ((3, 2), ec.FLOW_MOD_EPERM),
        ((3, 3), ec.BAD_TIMEOUT),  # BAD_EMERG_TIMEOUT
        ((3, 4), ec.FLOW_MOD_BAD_COMMAND),
        ((3, 5), ec.ACTION_UNSUPPORTED_ORDER),
        ((4, 1), ec.PORT_MOD_BAD_HW_ADDR),
        ((5, 2), ec.QUEUE_EPERM),
    ],
)
def test_errors_are_named_as_open_vswitch_names_them(pair: ec.ErrorCode, neutral: ec.ErrorCode) -> None:
    assert error_from_10(pair) == neutral
    assert error_to_10(neutral) == pair


@pytest.mark.parametrize(
    ("neutral", "pair"),
    [
        (ec.IS_SLAVE, (1, 5)),
        (ec.ACTION_MATCH_INCONSISTENT, (2, 5)),
        (ec.ACTION_BAD_SET_TYPE, (2, 0)),
        (ec.MATCH_BAD_FIELD, (3, 5)),
        (ec.MATCH_EPERM, (3, 2)),
        (ec.INST_BAD_TABLE_ID, (3, 5)),
        (ec.FLOW_MOD_UNKNOWN, (3, 5)),
        (ec.OUT_OF_GROUPS, (3, 0)),
        (ec.PORT_MOD_BAD_CONFIG, (4, 0)),
        (ec.BAD_ROLE, (1, 5)),
        ((99, 1), (1, 5)),
        ((ec.BAD_ACTION, 99), (2, 6)),
    ],
)
def test_what_only_1_3_has_becomes_what_comes_nearest(neutral: ec.ErrorCode, pair: ec.ErrorCode) -> None:
    assert error_to_10(neutral) == pair


@pytest.mark.parametrize(
    ("pair", "neutral"),
    [
        ((0, 9), ec.HELLO_EPERM),
        ((1, 9), ec.REQUEST_EPERM),
        ((2, 10), ec.ACTION_EPERM),
        ((3, 6), ec.FLOW_MOD_UNKNOWN),
        ((4, 2), ec.PORT_MOD_EPERM),
        ((5, 3), ec.QUEUE_EPERM),
        ((6, 0), ec.REQUEST_EPERM),
    ],
)
def test_what_1_0_does_not_define_is_not_taken_for_what_1_3_does(
    pair: ec.ErrorCode, neutral: ec.ErrorCode
) -> None:
    assert error_from_10(pair) == neutral


def test_vendors_errors_pass() -> None:
    nicira = (0xB0C2, 0)
    assert error_from_10(nicira) == nicira
    assert error_to_10(nicira) == nicira
