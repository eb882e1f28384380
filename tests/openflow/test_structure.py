"""Values of a fixed layout."""

import pytest

from flowvisor.openflow.error_codes import BAD_LEN
from flowvisor.openflow.messages import RoleReply
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.structure import length_field, padding, structure
from tests.support.refusals import inexpressible, refusal

ROLE = structure(RoleReply, "I4xQ", "role", "generation_id")
WIRE = bytes.fromhex("00000002 00000000 0000000000000005")


def test_a_structure_reads_what_it_writes() -> None:
    role = RoleReply(xid=9, role=2, generation_id=5)
    assert ROLE.write(role) == WIRE
    assert ROLE.read(Reader(WIRE), xid=9) == role
    assert ROLE.values(Reader(WIRE)) == {"role": 2, "generation_id": 5}


def test_a_structure_cut_short_is_refused() -> None:
    assert refusal(lambda: ROLE.read(Reader(WIRE[:-1]))) == BAD_LEN


@pytest.mark.parametrize("length", range(17))
def test_padding_brings_a_length_to_a_multiple_of_eight(length: int) -> None:
    pad = padding(length)
    assert pad == bytes(len(pad))
    assert len(pad) < 8
    assert (length + len(pad)) % 8 == 0


def test_a_length_that_needs_more_than_16_bits_is_inexpressible() -> None:
    assert length_field(0xFFFF) == 0xFFFF
    assert inexpressible(lambda: length_field(0x10000)) == BAD_LEN
