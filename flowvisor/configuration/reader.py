"""From the texts of the admin's files to one configuration, or to everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from attrs import evolve

from flowvisor.configuration.connection_checks import connection_problems
from flowvisor.configuration.converters import one_of
from flowvisor.configuration.documents import MappingNode, TextFile, parse_document
from flowvisor.configuration.formats import Format, Formats
from flowvisor.configuration.policy_formats import POLICY_FORMATS
from flowvisor.configuration.schema import Key, Names, read_keys
from flowvisor.configuration.settings_format import SETTINGS
from flowvisor.configuration.slice_formats import SLICE_FORMATS
from flowvisor.configuration.snapshot import Configuration, Settings
from flowvisor.errors import ConfigurationError, Place, Problem
from flowvisor.policies.policy import Policy
from flowvisor.slices.slice import Slice


def read_configuration(
    main: TextFile, slices: Sequence[TextFile], policies: Sequence[TextFile]
) -> Configuration:
    """Read and check all files; raises one ConfigurationError with every problem of every file."""
    problems: list[Problem] = []
    settings, datapaths = _read_main(main, problems)

    found_policies: dict[str, Policy | None] = {}
    for file in policies:
        found_policies[_stem(file)] = _read_object(file, POLICY_FORMATS, Names(datapaths=datapaths), problems)

    names = Names(datapaths=datapaths, policies=found_policies)
    found_slices: list[Slice | None] = [_read_object(file, SLICE_FORMATS, names, problems) for file in slices]
    if settings is not None:
        problems += connection_problems(settings, [one for one in found_slices if one])
    if problems:
        raise ConfigurationError(problems)
    assert settings is not None
    return Configuration(
        settings=settings,
        slices=tuple(sorted((one for one in found_slices if one), key=lambda one: one.name)),
        policies={name: policy for name, policy in sorted(found_policies.items()) if policy},
    )


def named_folders(main: TextFile) -> Mapping[str, tuple[str, Place]]:
    """The folders `slices` and `policies` as the main file has them, and where; not those it has wrong."""
    try:
        node = parse_document(main)
    except ConfigurationError:
        return {}
    reading = read_keys(node, SETTINGS.keys, Names())
    written = {key.text: value.place for key, value in node.entries}
    return {
        key: (reading.values[key], written.get(key, node.place))
        for key in ("slices", "policies")
        if key in reading.values
    }


def _read_main(main: TextFile, problems: list[Problem]) -> tuple[Settings | None, Mapping[str, int] | None]:
    """The settings, and apart from them the names of datapaths, which may be right where others are wrong."""
    try:
        node = parse_document(main)
        # The names of datapaths first, which other keys use wherever they stand.
        datapaths = _datapath_names(node)
        reading = read_keys(node, SETTINGS.keys, Names(datapaths=datapaths))
        problems += reading.problems
        settings = None if reading.problems else SETTINGS.build(node, reading.values)
        return settings, datapaths
    except ConfigurationError as error:
        problems += error.problems
        return None, None


def _datapath_names(node: MappingNode) -> Mapping[str, int] | None:
    """The names of datapaths, None if they are wrong."""
    reading = read_keys(node, {"datapaths": SETTINGS.keys["datapaths"]}, Names())
    named = reading.values.get("datapaths")
    return None if named is None else {name: one.dpid for name, one in named.items()}


def _read_object(file: TextFile, formats: Formats, names: Names, problems: list[Problem]) -> Any:
    """What a file holds; None if anything is wrong with it."""
    try:
        node = parse_document(file)
        return _format_of(node, formats).read(node, evolve(names, file_stem=_stem(file)))
    except ConfigurationError as error:
        problems += error.problems
        return None


def _format_of(node: MappingNode, formats: Formats) -> Format:
    """The format that the mapping's `kind` names."""
    kind = Key(one_of(formats.built, formats.not_built), meaning="", is_required=True)
    only_the_kind = tuple((key, value) for key, value in node.entries if key.text == "kind")
    values = read_keys(evolve(node, entries=only_the_kind), {"kind": kind}, Names()).complete()
    found: Format = values["kind"]
    return found


def _stem(file: TextFile) -> str:
    return PurePath(file.name).stem
