"""Converters: from a node, as the admin wrote it, to the value that it means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from attrs import evolve

from flowvisor.configuration.documents import ListNode, Node, Scalar, wrong
from flowvisor.configuration.match_values import parse_number
from flowvisor.configuration.schema import (
    TEXT,
    TEXT_OR_NUMBER,
    Converter,
    Described,
    Key,
    Names,
    Shape,
    about,
    described,
    did_you_mean,
    mapping_of,
    object_shape,
    read_keys,
    shape_of,
    text_of,
    what_is,
)
from flowvisor.configuration.snapshot import NamedDatapath
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.network.certificate_pin import parse_certificate_pin
from flowvisor.network.connection_method import OPENFLOW_PORT, ConnectionMethod, parse_connection_method
from flowvisor.network.dpid import format_dpid, parse_dpid
from flowvisor.network.tls_files import NamedFile, TlsFiles
from flowvisor.network.wanted_datapath import WantedDatapath
from flowvisor.slices.flowspace_slice import ALL_DATAPATHS
from flowvisor.slices.slice import SwitchSettings

T = TypeVar("T")

_ALL: Final = "all"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # also part of URLs, metrics and file names


def parsed(parse: Callable[[str], T], shape: Shape = TEXT) -> Described[T]:
    """A value in a notation of its own; what `parse` raises as ValueError is told as it is."""

    @described(shape)
    def convert(node: Node, names: Names) -> T:
        try:
            return parse(text_of(node))
        except ValueError as error:
            raise wrong(node, str(error)) from error

    return convert


def one_of(choices: Mapping[str, T], not_built: tuple[str, ...] = ()) -> Described[T]:
    """One of a few words, each of which means a value."""

    @described({"enum": list(choices)})
    def convert(node: Node, names: Names) -> T:
        text = text_of(node)
        if text in choices:
            return choices[text]
        if text in not_built:
            raise wrong(node, f"{text} is not built yet", f"write {_either(choices)}")
        raise wrong(node, f'"{text}" is not {_either(choices)}', did_you_mean(text, choices))

    return convert


def _either(choices: Mapping[str, Any]) -> str:
    return " or ".join(f'"{choice}"' for choice in choices)


def list_of(
    convert_item: Converter, *, may_be_empty: bool = False, may_repeat: bool = False
) -> Described[tuple[Any, ...]]:
    """A list, as a tuple; the items must be hashable if they may not repeat."""
    shape = {
        "type": "array",
        "items": shape_of(convert_item),
        "minItems": 0 if may_be_empty else 1,
        "uniqueItems": not may_repeat,
    }

    @described(shape)
    def convert(node: Node, names: Names) -> tuple[Any, ...]:
        if not isinstance(node, ListNode):
            raise wrong(node, f"{what_is(node)} where a list is expected", "write [one, another]")
        if not node.items and not may_be_empty:
            raise wrong(node, "the list is empty")
        values: list[Any] = []
        seen: set[Any] = set()
        problems: list[Problem] = []
        for item in node.items:
            try:
                value = convert_item(item, names)
            except ConfigurationError as error:
                problems += error.problems
                continue
            values.append(value)
            if not may_repeat:
                if value in seen:
                    problems += wrong(item, f"{what_is(item)} stands in the list already").problems
                seen.add(value)
        if problems:
            raise ConfigurationError(problems)
        return tuple(values)

    return convert


def one_or_more(convert_item: Converter) -> Described[tuple[Any, ...]]:
    """A list, or one item by itself; as a tuple."""
    convert_list = list_of(convert_item)

    @described({"anyOf": [shape_of(convert_item), convert_list.shape]})
    def convert(node: Node, names: Names) -> tuple[Any, ...]:
        return convert_list(node, names) if isinstance(node, ListNode) else (convert_item(node, names),)

    return convert


def not_built(node: Node, names: Names) -> Any:
    """A key that the formats have and this version does not: said by name, never passed over."""
    raise wrong(node, "this key is not built yet")


def integer(lowest: int, highest: int) -> Described[int]:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        number = parse_number(text.removeprefix("-")) * (-1 if text.startswith("-") else 1)
        if not lowest <= number <= highest:
            raise ValueError(f"{text} is not from {lowest} to {highest}")
        return number

    return parsed(parse, {"type": "integer", "minimum": lowest, "maximum": highest})


def connection(*kinds: str, default_port: int = OPENFLOW_PORT) -> Described[ConnectionMethod]:
    """A connection method of one of these kinds, the first of which is what most people want."""

    @described({"type": "string", "pattern": f"^({'|'.join(kinds)}):"})
    def convert(node: Node, names: Names) -> ConnectionMethod:
        text = text_of(node)
        try:
            method = parse_connection_method(text, default_port)
        except ValueError as error:
            raise wrong(node, str(error)) from error
        if not method.is_passive and all(kind.startswith("p") for kind in kinds):
            raise wrong(
                node, f'"{text}" calls somebody, it does not listen', f"write {kinds[0]}:PORT:ADDRESS"
            )
        if method.kind not in kinds:
            raise wrong(
                node,
                f"{method.kind}: is not for this key",
                f"use {' or '.join(f'{kind}:' for kind in kinds)}",
            )
        return evolve(method, place=node.place)

    return convert


@described(TEXT)
def _named_file(node: Node, names: Names) -> NamedFile:
    return NamedFile(text_of(node), node.place)


TLS_KEYS: Final[Mapping[str, Key]] = {
    "private_key": Key(_named_file, meaning="our private key"),
    "certificate": Key(_named_file, meaning="our certificate, and the chain above it"),
    "ca": Key(_named_file, meaning="who has signed our peers' certificates"),
}


@described(object_shape(TLS_KEYS))
def tls_files(node: Node, names: Names) -> TlsFiles:
    """The section that names keys and certificates."""
    found = read_keys(mapping_of(node), TLS_KEYS, names).complete()
    if (found["private_key"] is None) != (found["certificate"] is None):
        raise wrong(node, "a private key and its certificate go together", "write both, or none")
    return TlsFiles(**found)


# One certificate, or a list of those of which each will do.
certificate_pins: Final = one_or_more(
    parsed(parse_certificate_pin, {"type": "string", "pattern": "^(sha256|cn):"})
)


# ------------------------------------------------------------------------------------ names


def checked_name(node: Node) -> str:
    """The text of a value that names something; raises ConfigurationError if it is no name."""
    text = text_of(node)
    if not _NAME.fullmatch(text):
        raise wrong(node, f'"{text}" is not a name: letters, digits, "-", "_" and ".", at most 63')
    return text


@described({"type": "string", "pattern": f"^{_NAME.pattern}$"})
def own_name(node: Node, names: Names) -> str:
    """The name of the object in a file, which is the file's name too."""
    name = checked_name(node)
    if name != names.file_stem:
        suggestion = f'write "{names.file_stem}" or call the file {name}.yaml'
        raise wrong(node, f'"{name}" is not the name of the file', suggestion)
    return name


@described(TEXT)
def policy(node: Node, names: Names) -> str:
    """The name of a policy that there is."""
    name = text_of(node)
    if name not in names.policies:
        raise wrong(node, f'there is no policy "{name}"', did_you_mean(name, names.policies))
    return name


def datapath_names(keys: Mapping[str, Key]) -> Described[Mapping[str, NamedDatapath]]:
    """The section that names datapaths: name -> what is said of it."""

    @described({"type": "object", "additionalProperties": object_shape(keys)})
    def convert(node: Node, names: Names) -> Mapping[str, NamedDatapath]:
        found: dict[str, NamedDatapath] = {}

        def add(key: Scalar, value: Node) -> None:
            _check_datapath_name(key, found)
            values = read_keys(mapping_of(value), keys, names).complete()
            wanted = WantedDatapath(
                values["description"], values["admitted"], values["ports"], values["entries"]
            )
            one = NamedDatapath(values["dpid"], values["certificate"], wanted)
            if taken := next((name for name, other in found.items() if other.dpid == one.dpid), None):
                raise wrong(value, f"{format_dpid(one.dpid)} is {taken} already")
            found[key.text] = one

        each_of(node, add)
        return found

    return convert


def by_number(lowest: int, highest: int, convert_value: Described[T]) -> Described[Mapping[int, T]]:
    """A mapping from numbers, as of ports."""
    number = integer(lowest, highest)

    @described({"type": "object", "additionalProperties": convert_value.shape})
    def convert(node: Node, names: Names) -> Mapping[int, T]:
        found: dict[int, T] = {}

        def add(key: Scalar, value: Node) -> None:
            one = number(key, names)
            if one in found:
                raise wrong(key, f"{one} stands here already")
            found[one] = convert_value(value, names)

        each_of(node, add)
        return found

    return convert


def each_of(node: Node, add: Callable[[Scalar, Node], None]) -> None:
    """Take in a mapping's keys and values one by one; what is wrong with any of them is told at the end, of all."""
    problems: list[Problem] = []
    for key, value in mapping_of(node).entries:
        try:
            add(key, value)
        except ConfigurationError as error:
            problems += about(key.text, error)
    if problems:
        raise ConfigurationError(problems)


def _check_datapath_name(key: Scalar, taken: Mapping[str, Any]) -> None:
    name = checked_name(key)
    if name == _ALL or _is_dpid(name):
        raise wrong(key, f'"{name}" has a meaning of its own and names no datapath')
    if name in taken:
        raise wrong(key, "two datapaths have this name")


def _is_dpid(text: str) -> bool:
    try:
        parse_dpid(text)
    except ValueError:
        return False
    return True


@described({"anyOf": [{"const": _ALL}, {"type": "array", "items": TEXT_OR_NUMBER, "minItems": 1}]})
def datapaths(node: Node, names: Names) -> frozenset[int] | None:
    """`all`, or a list of datapaths by name or dpid."""
    if isinstance(node, Scalar) and not node.is_missing:
        if node.text == _ALL:
            return ALL_DATAPATHS
        raise wrong(node, f'"{node.text}" is neither "all" nor a list', f"write [{node.text}]")
    return frozenset(list_of(datapath)(node, names))


def switches(keys: Mapping[str, Key]) -> Described[Mapping[int, SwitchSettings]]:
    """What a slice says of single virtual switches: by the datapath's dpid."""

    @described({"type": "object", "additionalProperties": object_shape(keys)})
    def convert(node: Node, names: Names) -> Mapping[int, SwitchSettings]:
        found: dict[int, SwitchSettings] = {}

        def add(key: Scalar, value: Node) -> None:
            dpid = datapath(key, names)
            if dpid in found:
                raise wrong(key, f"{key.text} stands here already")
            found[dpid] = SwitchSettings(**read_keys(mapping_of(value), keys, names).complete())

        each_of(node, add)
        return found

    return convert


@described(TEXT_OR_NUMBER)
def datapath(node: Node, names: Names) -> int:
    """One datapath, by name or dpid."""
    text = text_of(node)
    if names.datapaths is not None and text in names.datapaths:
        return names.datapaths[text]
    try:
        return parse_dpid(text)
    except ValueError as error:
        if names.datapaths is None:  # it may have a name there, but that file is wrong, and is told so
            return hash(text)
        message = f'no datapath is called "{text}", and it is no dpid'
        raise wrong(node, message, did_you_mean(text, names.datapaths)) from error
