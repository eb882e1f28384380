"""The formats of the admin's files: every key of every registry is read, required or refused as it says."""

import pytest

from flowvisor.configuration.policy_formats import POLICY_FORMATS
from flowvisor.configuration.slice_formats import SLICE_FORMATS
from flowvisor.errors import ConfigurationError
from tests.support.formats import RIGHT, TABLES, problems_of

KEYS = [(table, key) for table, keys in TABLES.items() for key in keys]


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_key_says_what_it_means_and_has_an_example(table: str, key: str) -> None:
    assert TABLES[table][key].meaning
    assert key in RIGHT[table]


@pytest.mark.parametrize("table", TABLES)
def test_all_keys_together_are_right(table: str) -> None:
    assert problems_of(table, RIGHT[table]) == {}


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_a_key_that_is_required_is_missed_and_another_is_not(table: str, key: str) -> None:
    if len(RIGHT[table]) == 1:
        return
    without = {other: value for other, value in RIGHT[table].items() if other != key}
    missed = {key: "this key is missing"} if TABLES[table][key].is_required else {}
    assert problems_of(table, without) == missed


@pytest.mark.parametrize(("table", "key"), KEYS)
@pytest.mark.parametrize("value", ["", "[{[a]: b}]", "[[]]", "{x: {y: z}}", "\u2603 \u2603", "-", "&a 1"])
def test_no_key_takes_just_anything(table: str, key: str, value: str) -> None:
    free = ("state", "slices", "policies", "tokens", "kind", "description")
    if key in free and value.startswith(("\u2603", "-")):
        return  # a folder or a file may have any name; the kind was read before; people read any text
    try:
        told = problems_of(table, {**RIGHT[table], key: value})
    except ConfigurationError:
        return
    assert told


def test_the_kinds_that_are_not_built_yet_are_known_by_name() -> None:
    assert SLICE_FORMATS.not_built == ()
    assert POLICY_FORMATS.not_built == ()
    assert not set(SLICE_FORMATS.not_built) & set(SLICE_FORMATS.built)
    assert not set(POLICY_FORMATS.not_built) & set(POLICY_FORMATS.built)
