"""YAML texts as trees whose every node knows its place, and whose scalars are still text."""

import time
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.configuration import documents
from flowvisor.configuration.documents import (
    MAX_DEPTH,
    MAX_FILE_CHARACTERS,
    ListNode,
    MappingNode,
    Scalar,
    TextFile,
    parse_document,
    wrong,
)
from flowvisor.errors import ConfigurationError, Place, Problem

LOADERS = {"with libyaml": yaml.CSafeLoader, "without libyaml": yaml.SafeLoader}

# Text -> what the admin is told, with and without libyaml.
WRONG = {
    "": "f:1:1: the file is empty",
    "# only a comment": "f:1:1: the file is empty",
    "~": "f:1:1: the file is empty",
    "[1]": 'f:1:1: the file holds no mapping; write "key: value" lines',
    "\n\nword": 'f:3:1: the file holds no mapping; write "key: value" lines',
    "a: 1\n---\nb: 2": "f:2:1: a second document begins here; a file holds one object",
    "a:\n\tb: 1": "f:2:1: a tab; indent with spaces",
    "a: &x 1": "f:1:4: &x is an anchor; write each value out where it belongs",
    "a: [*x]": "f:1:5: *x is an alias; write the value out",
    "*x": "f:1:1: *x is an alias; write the value out",
    "a: {<<: {b: 1}}": 'f:1:5: "<<" merges mappings; write the keys out',
    "a: !!int 5": "f:1:4: tag:yaml.org,2002:int is a tag; the key says what a value is",
    "a: !mine {b: 1}": "f:1:4: !mine is a tag; the key says what a value is",
    "? [a]\n: 1": "f:1:3: a key is one word, not a list or a mapping",
    "a: 1\nb: \udcff": "f:2:4: byte 0xff is not UTF-8; save the file as UTF-8",
    "a: 1\n  \x07": "f:2:3: character U+0007 is not allowed in YAML",
    'a: "\\e[31m"': "f:1:4: the value holds U+001B, which cannot be printed on a line",
    "a: |\n  x\n": "f:1:4: the value holds U+000A, which cannot be printed on a line",
    "a: b: c": "f:1:5: mapping values are not allowed",
    "a: '": "f:1:5: while scanning a quoted scalar, found unexpected end of stream",
    "%YAML 9.9\n---\na: 1": "f:1:1: found incompatible YAML document",
    # libyaml reads a thousand characters ahead, and newer ones say by themselves when those are all brackets.
    "[" * 500: f"f:1:{MAX_DEPTH + 1}: nested more than {MAX_DEPTH} deep",
    "- " * 100_000: f"f:1:{2 * MAX_DEPTH + 1}: nested more than {MAX_DEPTH} deep",
}


@pytest.fixture(params=LOADERS)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_LOADER", LOADERS[request.param])


def problems_of(text: str) -> tuple[Problem, ...]:
    """What is wrong with a text, if it is not a mapping."""
    try:
        assert isinstance(parse_document(TextFile("f", text)), MappingNode)
    except ConfigurationError as error:
        return error.problems
    return ()


def told_about(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_document(TextFile("f", text))
    return str(caught.value)


@pytest.mark.usefixtures("_loader")
def test_a_value_stays_the_text_that_was_written_and_knows_its_place() -> None:
    root = parse_document(TextFile("f", "a: 0010\nb:\n  - on\n  - {c: 'x'}\n"))
    assert root == MappingNode(
        Place("f", 1, 1),
        entries=(
            (
                Scalar(Place("f", 1, 1), "a", is_quoted=False),
                Scalar(Place("f", 1, 4), "0010", is_quoted=False),
            ),
            (
                Scalar(Place("f", 2, 1), "b", is_quoted=False),
                ListNode(
                    Place("f", 3, 3),
                    items=(
                        Scalar(Place("f", 3, 5), "on", is_quoted=False),
                        MappingNode(
                            Place("f", 4, 5),
                            entries=(
                                (
                                    Scalar(Place("f", 4, 6), "c", is_quoted=False),
                                    Scalar(Place("f", 4, 9), "x", is_quoted=True),
                                ),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    "text", ["1:10:00", "1e5", "2026-01-01", "yes", "=", "0o17", "10:00:00:00:00:00:00:01"]
)
def test_what_yaml_would_guess_about_stays_text(text: str) -> None:
    _, value = parse_document(TextFile("f", f"a: {text}")).entries[0]
    assert isinstance(value, Scalar)
    assert value.text == text


@pytest.mark.parametrize(
    ("text", "is_missing"),
    [("", True), ("~", True), ("null", True), ("'null'", False), ("''", False), ("0", False)],
)
def test_a_value_is_missing_where_nothing_or_null_stands(text: str, is_missing: bool) -> None:
    _, value = parse_document(TextFile("f", f"a: {text}")).entries[0]
    assert isinstance(value, Scalar)
    assert value.is_missing == is_missing


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(("text", "told"), WRONG.items(), ids=[text[:20] for text in WRONG])
def test_what_these_files_must_not_hold_is_told_with_its_place(text: str, told: str) -> None:
    assert told_about(text).startswith(told)


def test_all_that_yaml_can_and_these_files_must_not_is_told_at_once() -> None:
    assert told_about("a: &x 1\nb: *x\nc: !t 1\n") == (
        "f:1:4: &x is an anchor; write each value out where it belongs\n"
        "f:2:4: *x is an alias; write the value out\n"
        "f:3:4: !t is a tag; the key says what a value is"
    )


def test_an_alias_bomb_is_never_expanded() -> None:
    names = "abcdefghijklmnop"
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in pairwise(names):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    assert "f:2:8: *a is an alias" in told_about(bomb)


def test_a_file_that_is_too_long_is_refused_unread() -> None:
    assert told_about("#" * (MAX_FILE_CHARACTERS + 1)) == "f:1:1: the file has more than 4194304 characters"


@pytest.mark.parametrize("escape", ["\\UFFFFFFFF", "\\U00110000", "\\ud800"])
@pytest.mark.usefixtures("_loader")
def test_an_escape_that_is_no_character_is_refused(escape: str) -> None:
    assert told_about(f'a: "{escape}"').startswith("f:1:")


def test_a_syntax_error_without_a_place_is_told_of_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: str, Loader: object) -> None:  # noqa: N803
        raise yaml.MarkedYAMLError

    monkeypatch.setattr(yaml, "parse", fail)
    assert told_about("a: 1") == "f:1:1: not YAML"


def test_a_byte_order_mark_says_nothing() -> None:
    key, _ = parse_document(TextFile("f", "\ufeffa: 1")).entries[0]
    assert key == Scalar(Place("f", 1, 1), "a", is_quoted=False)


def test_what_is_wrong_with_a_node_is_told_at_its_place() -> None:
    root = parse_document(TextFile("f", "\n a: 1"))
    assert str(wrong(root, "odd", "be even")) == "f:2:2: odd; be even"


@pytest.mark.no_cover
@pytest.mark.no_cover
@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    "text", ["[" * 1_000_000, "{a: " * 250_000, "- " * 500_000, "? " * 250_000, "a: " * 300_000]
)
def test_a_nesting_bomb_costs_little(text: str) -> None:
    began = time.process_time()
    told_about(text)
    assert time.process_time() - began < 2


@given(st.text() | st.text(alphabet="ab:-?[]{}&*!|>'\"%#\t\n ,\\~<"))
def test_any_text_is_a_mapping_or_a_configuration_error(text: str) -> None:
    for loader in LOADERS.values():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(documents, "_LOADER", loader)
            problems = problems_of(text)
        assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
