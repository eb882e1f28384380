"""Ports of 1.0: numbers of 16 bits, feature bits in other places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import ports as p
from flowvisor.openflow.ports import Port
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.v10_ports import (
    PORT_LENGTH,
    decode_port,
    encode_port,
    features_from_10,
    features_to_10,
    port_from_10,
    port_to_10,
)
from tests.support.refusals import inexpressible


@given(st.integers(0, 0xFFFF))
def test_every_1_0_port_is_itself_again(number: int) -> None:
    assert port_to_10(port_from_10(number)) == number


@pytest.mark.parametrize(
    ("number", "neutral"),
    [
        (1, 1),
        (0xFEFF, 0xFEFF),
        (0xFFF8, p.IN_PORT),
        (0xFFF9, p.TABLE),
        (0xFFFA, p.NORMAL),
        (0xFFFB, p.FLOOD),
        (0xFFFC, p.ALL),
        (0xFFFD, p.CONTROLLER),
        (0xFFFE, p.LOCAL),
        (0xFFFF, p.ANY),  # OFPP_NONE
    ],
)
def test_reserved_ports_keep_their_meaning(number: int, neutral: int) -> None:
    assert port_from_10(number) == neutral
    assert port_to_10(neutral) == number


@pytest.mark.parametrize("number", [0xFF00, 0xFFFF, 0x10001, p.MAX_PORT - 1])
def test_a_number_of_more_than_16_bits_is_not_cut_to_another_port(number: int) -> None:
    assert inexpressible(lambda: port_to_10(number)) == ec.REQUEST_BAD_PORT
    assert inexpressible(lambda: port_to_10(number, ec.MATCH_BAD_VALUE)) == ec.MATCH_BAD_VALUE


@given(st.integers(0, 0xFFF))
def test_every_1_0_feature_is_itself_again(bits: int) -> None:
    assert features_to_10(features_from_10(bits)) == bits


@pytest.mark.parametrize(
    ("bit_10", "bit_13"),
    [(0, 0), (6, 6), (7, 11), (8, 12), (9, 13), (10, 14), (11, 15)],
    ids=["10MB_HD", "10GB_FD", "COPPER", "FIBER", "AUTONEG", "PAUSE", "PAUSE_ASYM"],
)
def test_features_keep_their_meaning(bit_10: int, bit_13: int) -> None:
    assert features_from_10(1 << bit_10) == 1 << bit_13
    assert features_to_10(1 << bit_13) == 1 << bit_10


@pytest.mark.parametrize("bit", [7, 8, 9, 10, 16, 31], ids=lambda bit: f"bit {bit}")
def test_rates_that_1_0_does_not_know_are_left_out(bit: int) -> None:
    assert features_to_10(1 << bit) == 0


def test_a_port_has_48_bytes_and_only_what_1_0_knows() -> None:
    port = Port(
        p.LOCAL, hw_addr=b"\2\0\0\0\0\1", name="br0", config=1, state=p.BLOCKED | p.LIVE | 1, max_speed=10
    )
    data = encode_port(port)
    assert data == bytes.fromhex("fffe 020000000001") + b"br0".ljust(16, b"\0") + bytes.fromhex(
        "00000001 00000001" + "00000000" * 4
    )
    assert len(data) == PORT_LENGTH
    assert decode_port(Reader(data)) == Port(p.LOCAL, hw_addr=b"\2\0\0\0\0\1", name="br0", config=1, state=1)
