"""Every message type of every version has its name."""

from __future__ import annotations

import pytest

from flowvisor.admin.message_names import NAMES, UNKNOWN, name_of
from flowvisor.hypervisor.counters import KINDS
from flowvisor.openflow import frame, v10

LATER_NAMES = {
    "vendor": "experimenter",
    "stats_request": "multipart_request",
    "stats_reply": "multipart_reply",
}
SIZES = {1: 22, 4: 30}


def types_in(module: object, names: tuple[str, ...]) -> dict[str, int]:
    values = {
        name.lower(): value for name, value in vars(module).items() if type(value) is int and name.isupper()
    }
    return {
        LATER_NAMES.get(name, name): value
        for name, value in values.items()
        if LATER_NAMES.get(name, name) in names
    }


@pytest.mark.parametrize(("version", "module"), [(1, v10), (4, frame)])
def test_names_are_those_of_the_wire(version: int, module: object) -> None:
    found = types_in(module, NAMES[version])
    assert sorted(found, key=lambda name: found[name]) == list(NAMES[version])
    assert len(NAMES[version]) == SIZES[version]


def test_what_a_version_does_not_have_is_unknown() -> None:
    assert name_of(1, 22) == name_of(4, KINDS - 1) == name_of(9, 0) == UNKNOWN


def test_there_are_few_enough_names_for_a_label() -> None:
    assert len({name for names in NAMES.values() for name in names}) <= 35
