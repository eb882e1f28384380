"""Schemas as data: which keys a mapping has, how each is read, which must be there.

A converter takes a node and the names that files may refer to; it returns a value or raises
`ConfigurationError` with every problem below that node, so that the admin is told all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final, Generic, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from flowvisor.configuration.documents import ListNode, MappingNode, Node, Scalar, wrong
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.policies.policy import Policy

T = TypeVar("T")


@frozen
class Names:
    """What the file being read may name. `file_stem` is what it has to call itself.

    None instead of a mapping, or as a policy, is what could not be read: it is not asked then.
    """

    file_stem: str = ""
    datapaths: Mapping[str, int] | None = field(factory=dict)
    policies: Mapping[str, Policy | None] = field(factory=dict)


Converter: TypeAlias = Callable[[Node, Names], Any]
Shape: TypeAlias = Mapping[str, Any]  # of a value, as JSON Schema says it

TEXT: Final[Shape] = {"type": "string"}
TEXT_OR_NUMBER: Final[Shape] = {"type": ["string", "integer"]}  # what YAML takes for a number without quotes


@frozen
class Described(Generic[T]):
    """A converter, and the shape of what it takes."""

    convert: Callable[[Node, Names], T]
    shape: Shape

    def __call__(self, node: Node, names: Names) -> T:
        return self.convert(node, names)


def described(shape: Shape) -> Callable[[Callable[[Node, Names], T]], Described[T]]:
    """Say of a function that converts what the shape is of what it takes."""
    return lambda convert: Described(convert, shape)


def shape_of(convert: Converter) -> Shape:
    """The shape of what a converter takes; of one that does not say it, anything."""
    return convert.shape if isinstance(convert, Described) else {}


@frozen
class Key:
    """One key of a mapping; `default` is its value where it may be left out and is."""

    convert: Converter
    meaning: str
    is_required: bool = False
    default: Any = None


Keys: TypeAlias = Mapping[str, Key]


def object_shape(keys: Keys) -> Shape:
    """The shape of a mapping that has these keys and no others."""
    shape: dict[str, Any] = {
        "type": "object",
        "properties": {
            name: {"description": key.meaning, **shape_of(key.convert)} for name, key in keys.items()
        },
        "additionalProperties": False,
    }
    required = [name for name, key in keys.items() if key.is_required]
    return {**shape, "required": required} if required else shape


@frozen
class Reading:
    """What was read of a mapping: the values that are right and the problems with the rest."""

    values: Mapping[str, Any]
    problems: tuple[Problem, ...]

    def complete(self) -> Mapping[str, Any]:
        """The values, if all are right; raises ConfigurationError."""
        if self.problems:
            raise ConfigurationError(self.problems)
        return self.values


def read_keys(node: MappingNode, keys: Keys, names: Names) -> Reading:
    """Read the keys that a mapping may have."""
    entries, problems = known_entries(node, keys)
    values = {}
    for name, key in keys.items():
        if name in entries:
            try:
                values[name] = key.convert(entries[name][1], names)
            except ConfigurationError as error:
                problems += about(name, error)
        elif key.is_required:
            problems.append(Problem(node.place, key=name, message="this key is missing"))
        else:
            values[name] = key.default
    return Reading(values, problems=tuple(problems))


def known_entries(
    node: MappingNode, keys: Mapping[str, Any]
) -> tuple[dict[str, tuple[Scalar, Node]], list[Problem]]:
    """The entries by key, and what is wrong with the others: keys that are unknown or stand there twice."""
    entries: dict[str, tuple[Scalar, Node]] = {}
    problems = []
    for key, value in node.entries:
        if key.text in entries:
            message = f"this key stands in line {entries[key.text][0].place.line} already"
            problems.append(Problem(key.place, key=key.text, message=message))
        elif key.text in keys:
            entries[key.text] = (key, value)
        else:
            suggestion = did_you_mean(key.text, keys)
            problems.append(Problem(key.place, key=key.text, message="unknown key", suggestion=suggestion))
    return entries, problems


def about(key: str, error: ConfigurationError) -> list[Problem]:
    """The problems of an error; those that name no key yet are about this one."""
    return [problem if problem.key else evolve(problem, key=key) for problem in error.problems]


def did_you_mean(word: str, known: Mapping[str, Any]) -> str:
    """A suggestion, or nothing if nothing that is known is like the word."""
    close = get_close_matches(word, known, n=1)
    return f'did you mean "{close[0]}"?' if close else ""


def text_of(node: Node) -> str:
    """The text of a value; raises ConfigurationError if there is none, or more than one."""
    if not isinstance(node, Scalar):
        raise wrong(node, f"{what_is(node)} where one value is expected")
    if node.is_missing or not node.text:
        raise wrong(node, "the value is missing")
    return node.text


def mapping_of(node: Node) -> MappingNode:
    """The node as a mapping; raises ConfigurationError."""
    if not isinstance(node, MappingNode):
        raise wrong(node, f'{what_is(node)} where "key: value" pairs are expected')
    return node


def what_is(node: Node) -> str:
    """What stands there, for a sentence about it."""
    if isinstance(node, Scalar):
        return "no value" if node.is_missing else f'"{node.text}"'
    return "a list" if isinstance(node, ListNode) else "a mapping"
