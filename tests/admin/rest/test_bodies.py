"""What is sent becomes the text of a file that says the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.admin.rest.bodies import YAML, text_of_body
from flowvisor.admin.rest.files import plain
from flowvisor.admin.rest.problems import Refused
from flowvisor.configuration.documents import TextFile, parse_document
from flowvisor.errors import ConfigurationError
from tests.support.examples import examples

TEXTS = st.text(st.characters(codec="utf-8").filter(str.isprintable))
SCALARS = TEXTS | st.integers(-(10**9), 10**9) | st.none()
DOCUMENTS = st.dictionaries(
    TEXTS.filter(lambda key: key != "<<"),
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    min_size=1,
    max_size=4,
)


@examples(30)
@given(DOCUMENTS)
def test_json_becomes_yaml_that_says_the_same(document: dict[str, Any]) -> None:
    text = text_of_body("application/json", json.dumps(document).encode())
    assert plain(parse_document(TextFile("f", text))) == document


def test_yaml_stays_as_it_was_sent() -> None:
    text = "# why\na:   1\n"
    assert text_of_body(YAML, text.encode()) == text


def test_what_looks_like_something_else_to_yaml_stays_what_it_was() -> None:
    document = {"dpid": "0000000000000010", "mac": "11:22:33:44:55:66", "on": "on", "n": "1e5", "x": "0x10"}
    text = text_of_body("application/json", json.dumps(document).encode())
    assert plain(parse_document(TextFile("f", text))) == document


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"1", b'"a"', b"null", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": "\xff"}'),
        *(
            b'{"a": "\\ud800"}',
            b'{"a":' * 5000 + b"1" + b"}" * 5000,
            b"{" + b'"a":[' * 900 + b"]" * 900 + b"}",
        ),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises((Refused, ConfigurationError)) as wrong:
        parse_document(TextFile("f", text_of_body("application/json", body)))
    assert getattr(wrong.value, "status", 400) == 400
