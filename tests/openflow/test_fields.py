"""The registry of match fields."""

import pytest

from flowvisor.openflow.fields import BY_NUMBER, FIELDS, Field
from tests.support.oracles_13 import their_number_and_length

every_field = pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)


def test_the_forty_fields_of_1_3_are_there_by_name_and_by_number() -> None:
    assert [field.number for field in FIELDS.values()] == list(range(40))
    assert {field.number: field for field in FIELDS.values()} == BY_NUMBER
    assert {name: field.name for name, field in FIELDS.items()} == {name: name for name in FIELDS}


@every_field
def test_number_and_length_are_as_os_ken_has_them(field: Field) -> None:
    assert (field.number, field.length) == their_number_and_length(field.name)


@every_field
def test_headers_say_class_number_mask_and_length(field: Field) -> None:
    for header, has_mask, length in (
        (field.oxm_header, 0, field.length),
        (field.masked_oxm_header, 1, 2 * field.length),
    ):
        assert (header >> 16, header >> 9 & 0x7F, header >> 8 & 1, header & 0xFF) == (
            0x8000,
            field.number,
            has_mask,
            length,
        )


@every_field
def test_the_mask_of_an_exact_value_has_all_bits_of_the_field(field: Field) -> None:
    assert field.all_ones.bit_length() == field.bits
    assert field.all_ones & (field.all_ones + 1) == 0
    assert field.bits <= 8 * field.length


@every_field
def test_prerequisites_come_outermost_first_and_before_the_field(field: Field) -> None:
    numbers = [FIELDS[name].number for name, _ in field.requires]
    assert numbers == sorted(numbers)
    assert all(number < field.number for number in numbers)
    for name, values in field.requires:
        inherited = FIELDS[name].requires
        assert [other for other, _ in field.requires][: len(inherited)] == [other for other, _ in inherited]
        assert all(0 < value <= FIELDS[name].all_ones for value in values)
        assert not FIELDS[name].maskable


@every_field
def test_what_a_field_needs_can_be_matched_at_once(field: Field) -> None:
    needed = dict(field.requires)
    assert len(needed) == len(field.requires)
    for name, values in field.requires:
        for other, allowed in FIELDS[name].requires:
            assert set(needed[other]) <= set(allowed)
        assert values
