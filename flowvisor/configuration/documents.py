"""YAML texts as trees whose every node knows its place, and whose scalars are still text.

Strategy: trees are built from the parser's events, with a stack of our own. What a scalar means is decided by
the key it stands under and never by YAML's guesses, which make a dpid octal, a MAC a number to the base 60
and `on` a boolean. Rejected: `yaml.safe_load` (guesses, no places, duplicate keys lost), `yaml.compose` (four
times slower because it resolves those guesses, recursive, and it hides where an alias stood).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NoReturn, TypeAlias

import yaml
from attrs import define, field, frozen

from flowvisor.errors import ConfigurationError, Place, Problem

MAX_FILE_CHARACTERS: Final = 4 << 20  # about 40,000 flowspace rules; a longer file is refused unread
MAX_DEPTH: Final = 16  # the formats need 6; deeper nesting is refused where it begins

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # some builds of PyYAML have no libyaml
# YAML 1.1, section 5.1. Lone surrogates are what folder_source makes of bytes that are not UTF-8.
_UNREADABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED_BYTE: Final = range(0xDC80, 0xDD00)
_NO_VALUE: Final = frozenset({"", "~", "null", "Null", "NULL"})


@frozen
class TextFile:
    """A file's name, as the admin is to be told it, and its contents."""

    name: str
    text: str


@frozen
class Scalar:
    """One value, as text."""

    place: Place
    text: str
    is_quoted: bool

    @property
    def is_missing(self) -> bool:
        """Did the admin write nothing here, or YAML's word for it?"""
        return not self.is_quoted and self.text in _NO_VALUE


@frozen
class ListNode:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@frozen
class MappingNode:
    """Keys and values in the order of the file; a key may stand there twice."""

    place: Place
    entries: tuple[tuple[Scalar, Node], ...]


Node: TypeAlias = Scalar | ListNode | MappingNode


def wrong(node: Node, message: str, suggestion: str = "") -> ConfigurationError:
    """What to raise when a node is not what it should be."""
    return ConfigurationError([Problem(node.place, key="", message=message, suggestion=suggestion)])


def parse_document(file: TextFile) -> MappingNode:
    """The one mapping that a file holds; raises ConfigurationError."""
    _check_characters(file)
    builder = _Builder(file)
    try:
        builder.build()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(file, error) from error
    except (ValueError, OverflowError) as error:  # what PyYAML without libyaml says to "\UFFFFFFFF"
        raise _at(
            file, Place(file.name, 1, 1), f"an escaped character in the file is none: {error}"
        ) from error
    if builder.problems:
        raise ConfigurationError(builder.problems)
    if builder.root is None or (isinstance(builder.root, Scalar) and builder.root.is_missing):
        raise _at(file, Place(file.name, 1, 1), "the file is empty")
    if not isinstance(builder.root, MappingNode):
        raise wrong(builder.root, "the file holds no mapping", suggestion='write "key: value" lines')
    return builder.root


def _at(file: TextFile, place: Place, message: str, suggestion: str = "") -> ConfigurationError:
    return ConfigurationError([Problem(place, key="", message=message, suggestion=suggestion)])


def _check_characters(file: TextFile) -> None:
    if len(file.text) > MAX_FILE_CHARACTERS:
        message = f"the file has more than {MAX_FILE_CHARACTERS} characters"
        raise _at(file, Place(file.name, 1, 1), message)
    if found := _UNREADABLE.search(file.text):
        before = file.text[: found.start()]
        column = found.start() - before.rfind("\n")
        place = Place(file.name, before.count("\n") + 1, column)
        code = ord(found[0])
        if code in _ESCAPED_BYTE:
            raise _at(file, place, f"byte 0x{code - 0xDC00:02x} is not UTF-8", "save the file as UTF-8")
        raise _at(file, place, f"character U+{code:04X} is not allowed in YAML")


def _syntax_error(file: TextFile, error: yaml.MarkedYAMLError) -> ConfigurationError:
    mark = error.problem_mark or error.context_mark
    place = Place(file.name, mark.line + 1, mark.column + 1) if mark else Place(file.name, 1, 1)
    if mark and file.text[mark.index : mark.index + 1] == "\t":
        return _at(file, place, "a tab", "indent with spaces")
    problem = error.problem or "not YAML"
    return _at(file, place, f"{error.context}, {problem}" if error.context else problem)


@define
class _Open:
    """A list or a mapping whose end has not been seen; a mapping's items are key, value, key, value, …"""

    place: Place
    is_mapping: bool
    items: list[Node] = field(factory=list)


@define
class _Builder:
    """From events to one tree. What YAML can say and these files must not is a problem at its place."""

    file: TextFile
    root: Node | None = None
    problems: list[Problem] = field(factory=list)
    _open: list[_Open] = field(factory=list)

    def build(self) -> None:
        documents = 0
        for event in self._events():
            if isinstance(event, yaml.ScalarEvent):
                self._note_properties(event)
                self._add_scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._note_properties(event)
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._complain(event, f"*{event.anchor} is an alias; write the value out")
                self._add(Scalar(self._place(event), text="", is_quoted=False))
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(event, "a second document begins here; a file holds one object")

    def _events(self) -> Iterator[yaml.Event]:
        events: Iterator[yaml.Event] = yaml.parse(self.file.text, Loader=_LOADER)
        return events

    def _add_scalar(self, event: yaml.ScalarEvent) -> None:
        if not event.value.isprintable():
            code = next(ord(character) for character in event.value if not character.isprintable())
            self._complain(event, f"the value holds U+{code:04X}, which cannot be printed on a line")
        is_quoted = bool(event.style)
        self._add(Scalar(self._place(event), text=event.value, is_quoted=is_quoted))

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) == MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} deep")
        self._open.append(_Open(self._place(event), isinstance(event, yaml.MappingStartEvent)))

    def _end(self) -> None:
        done = self._open.pop()
        if not done.is_mapping:
            self._add(ListNode(done.place, items=tuple(done.items)))
            return
        entries = []
        for key, value in zip(done.items[::2], done.items[1::2], strict=True):
            if isinstance(key, Scalar):
                entries.append((key, value))
                if key.text == "<<" and not key.is_quoted:
                    message = '"<<" merges mappings; write the keys out'
                    self.problems.append(Problem(key.place, key="", message=message))
            else:
                message = "a key is one word, not a list or a mapping"
                self.problems.append(Problem(key.place, key="", message=message))
        self._add(MappingNode(done.place, entries=tuple(entries)))

    def _add(self, node: Node) -> None:
        if self._open:
            self._open[-1].items.append(node)
        else:
            self.root = node

    def _note_properties(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._complain(event, f"&{event.anchor} is an anchor; write each value out where it belongs")
        if event.tag is not None and event.tag != "!":
            self._complain(event, f"{event.tag} is a tag; the key says what a value is")

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        assert mark is not None  # both parsers set it, only the type stubs doubt it
        return Place(self.file.name, mark.line + 1, mark.column + 1)

    def _complain(self, event: yaml.Event, message: str) -> None:
        self.problems.append(Problem(self._place(event), key="", message=message))

    def _stop(self, event: yaml.Event, message: str) -> NoReturn:
        self._complain(event, message)
        raise ConfigurationError(self.problems)
