"""How `when:` is written: days, times, and whose clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flowvisor.configuration.converters import list_of, parsed
from flowvisor.configuration.documents import ListNode, Node, wrong
from flowvisor.configuration.schema import (
    Key,
    Keys,
    Names,
    described,
    did_you_mean,
    mapping_of,
    object_shape,
    read_keys,
    shape_of,
)
from flowvisor.policies.when import DAYS, MINUTES_OF_A_DAY, When

MAX_WHENS: Final = 16  # of one rule or policy

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_ZONE: Final = re.compile(r"[A-Za-z0-9+_-]+(?:/[A-Za-z0-9+_-]+)*")
EVERY_DAY: Final = frozenset(range(7))


def _days(text: str) -> frozenset[int]:
    """One day, or those from one to another, in the order of a week that does not end."""
    first, separator, last = text.partition("-")
    numbers = []
    for name in (first, last) if separator else (first,):
        if name.strip() not in DAYS:
            raise ValueError(f'"{name}" is no day; write {", ".join(DAYS)}')
        numbers.append(DAYS.index(name.strip()))
    begin, end = numbers[0], numbers[-1]
    return frozenset((begin + ahead) % 7 for ahead in range((end - begin) % 7 + 1))


def _time(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None and text != "24:00":
        raise ValueError(f'"{text}" is no time of a day; write hours and minutes, like "08:00"')
    return MINUTES_OF_A_DAY if found is None else int(found[1]) * 60 + int(found[2])


def _begin(text: str) -> int:
    minute = _time(text)
    if minute == MINUTES_OF_A_DAY:
        raise ValueError('a day begins at "00:00"')
    return minute


def _zone(text: str) -> str:
    try:
        if _ZONE.fullmatch(text) is None:
            raise ZoneInfoNotFoundError
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = did_you_mean(text, {"UTC": 0, "Europe/Berlin": 0, "America/New_York": 0, "Asia/Tokyo": 0})
        example = f"; {hint}" if hint else ', write one like "Europe/Berlin"'
        raise ValueError(f'"{text}" is no time zone{example}') from error
    return text


_DAYS: Final = parsed(_days, {"type": "string", "pattern": f"^({'|'.join(DAYS)})(-({'|'.join(DAYS)}))?$"})


@described({"anyOf": [shape_of(_DAYS), shape_of(list_of(_DAYS))]})
def _some_days(node: Node, names: Names) -> frozenset[int]:
    if not isinstance(node, ListNode):
        return _DAYS(node, names)
    return frozenset().union(*list_of(_DAYS)(node, names))


WHEN_KEYS: Final[Keys] = {
    "days": Key(_some_days, meaning="on which days it begins; all of them if left out", default=EVERY_DAY),
    "from": Key(parsed(_begin), meaning="the time at which it begins", default=0),
    "to": Key(parsed(_time), meaning="the time at which it ends", default=MINUTES_OF_A_DAY),
    "zone": Key(parsed(_zone), meaning="whose clock that is", default="UTC"),
}


def _one(node: Node, names: Names) -> When:
    values: Mapping[str, Any] = read_keys(mapping_of(node), WHEN_KEYS, names).complete()
    if values["from"] == values["to"]:
        raise wrong(node, "it ends when it begins", 'write another time, or leave out "from" and "to"')
    if values == {"days": EVERY_DAY, "from": 0, "to": MINUTES_OF_A_DAY, "zone": values["zone"]}:
        raise wrong(node, "that is always; leave it out")
    return When(values["days"], values["from"], values["to"], values["zone"])


@described(
    {
        "anyOf": [
            object_shape(WHEN_KEYS),
            {"type": "array", "items": object_shape(WHEN_KEYS), "minItems": 1, "maxItems": MAX_WHENS},
        ]
    }
)
def whens(node: Node, names: Names) -> tuple[When, ...]:
    """When something is in force: one span of time, or a list of which each will do."""
    if not isinstance(node, ListNode):
        return (_one(node, names),)
    found: tuple[When, ...] = list_of(_one)(node, names)
    if len(found) > MAX_WHENS:
        raise wrong(node, f"{len(found)} spans of time, more than {MAX_WHENS}")
    return found


WHEN: Final = Key(whens, meaning="days and times at which it is in force; always if left out", default=())
