"""Schemas as data: every problem of a mapping is told at once, each about its key."""

import pytest

from flowvisor.configuration.documents import MappingNode, Node, TextFile, parse_document, wrong
from flowvisor.configuration.schema import Key, Names, mapping_of, read_keys, text_of, what_is
from flowvisor.errors import ConfigurationError


def upper(node: Node, names: Names) -> str:
    text = text_of(node)
    if text == "bad":
        raise wrong(node, "it is bad")
    return text.upper()


KEYS = {
    "name": Key(upper, meaning="", is_required=True),
    "priority": Key(upper, meaning="", default=7),
}


def mapping(text: str) -> MappingNode:
    return parse_document(TextFile("f", text))


def value(text: str) -> Node:
    return mapping(f"a: {text}").entries[0][1]


def test_values_are_converted_and_a_key_that_is_left_out_has_its_default() -> None:
    assert read_keys(mapping("name: x"), KEYS, Names()).complete() == {"name": "X", "priority": 7}


def test_everything_that_is_wrong_with_a_mapping_is_told_at_once() -> None:
    reading = read_keys(mapping("priorty: 1\npriority: bad\npriority: 2\nzzz: 1\n"), KEYS, Names())
    with pytest.raises(ConfigurationError) as caught:
        reading.complete()
    assert str(caught.value) == (
        'f:1:1: priorty: unknown key; did you mean "priority"?\n'
        "f:1:1: name: this key is missing\n"
        "f:2:11: priority: it is bad\n"
        "f:3:1: priority: this key stands in line 2 already\n"
        "f:4:1: zzz: unknown key"
    )


def test_what_is_right_can_be_used_where_something_else_is_wrong() -> None:
    assert read_keys(mapping("name: x\nzzz: 1"), KEYS, Names()).values["name"] == "X"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f:1:3: the value is missing"),
        ("~", "f:1:4: the value is missing"),
        ("''", "f:1:4: the value is missing"),
        ("[1]", "f:1:4: a list where one value is expected"),
        ("{b: 1}", "f:1:4: a mapping where one value is expected"),
    ],
)
def test_a_value_is_one_text(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        text_of(value(text))
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("text", "what"), [("", "no value"), ("x", '"x"'), ("[1]", "a list"), ("{b: 1}", "a mapping")]
)
def test_an_error_says_what_stands_there(text: str, what: str) -> None:
    assert what_is(value(text)) == what


def test_a_mapping_is_expected_where_keys_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        mapping_of(value("x"))
    assert str(caught.value) == 'f:1:4: "x" where "key: value" pairs are expected'
