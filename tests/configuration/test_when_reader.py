"""Days, times and zones, as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from flowvisor.configuration.documents import TextFile, parse_document
from flowvisor.configuration.schema import Names
from flowvisor.configuration.when_reader import EVERY_DAY, MAX_WHENS, whens
from flowvisor.errors import ConfigurationError
from flowvisor.policies.when import When


def read(text: str) -> Any:
    ((_, value),) = parse_document(TextFile("f", f"k:\n  {text}")).entries
    return whens(value, Names())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{days: mon}", When(frozenset({0}), 0, 1440, "UTC")),
        ("{days: [mon, wed-fri]}", When(frozenset({0, 2, 3, 4}), 0, 1440, "UTC")),
        ("{days: sat-mon}", When(frozenset({5, 6, 0}), 0, 1440, "UTC")),
        ('{from: "22:00", to: "06:00"}', When(EVERY_DAY, 1320, 360, "UTC")),
        ('{from: "08:30", zone: Europe/Berlin}', When(EVERY_DAY, 510, 1440, "Europe/Berlin")),
        (
            "{to: 07:45}",
            When(EVERY_DAY, 0, 465, "UTC"),
        ),  # which YAML alone would take for a number to the base 60
    ],
)
def test_days_and_times(text: str, expected: When) -> None:
    assert read(text) == (expected,)
    assert read(f"[{text}]") == (expected,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{days: noday}", 'f:2:10: days: "noday" is no day; write mon, tue,'),
        ('{from: "8:00"}', '"8:00" is no time of a day'),
        ('{from: "24:00"}', 'a day begins at "00:00"'),
        ('{to: "24:01"}', '"24:01" is no time'),
        ('{from: "08:00", to: "08:00"}', "it ends when it begins"),
        ("{zone: Europe/Berlin}", "that is always; leave it out"),
        ("{}", "that is always"),
        ("{days: mon, zone: Europe/Berln}", 'no time zone; did you mean "Europe/Berlin"?'),
        ("{days: mon, zone: ../../etc/passwd}", "is no time zone"),
        ("{days: mon, zone: Here}", 'write one like "Europe/Berlin"'),
        ("{day: mon}", 'unknown key; did you mean "days"?'),
        ("night", "where"),
        ("[]", "the list is empty"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(text)
    assert told in str(raised.value)


def test_there_are_not_too_many() -> None:
    many = ", ".join(f'{{from: "0{n // 60}:{n % 60:02}"}}' for n in range(1, MAX_WHENS + 2))
    with pytest.raises(ConfigurationError, match="17 spans of time, more than 16"):
        read(f"[{many}]")
