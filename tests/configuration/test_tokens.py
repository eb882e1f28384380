"""The file of tokens: what is written is read back, and a token is proved by its secret and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.tokens import (
    SALT_BYTES,
    SECRET_BYTES,
    Token,
    checked_token_name,
    parts_of,
    proof_of,
    read_tokens,
    text_of_tokens,
    token_text,
)
from flowvisor.errors import ConfigurationError

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", fullmatch=True)
SECRETS = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES)
TOKENS = st.builds(
    Token,
    name=NAMES,
    slice=st.none() | NAMES,
    salt=st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES),
    proof=st.binary(min_size=32, max_size=32),
    created=st.just("2026-11-25T12:00:00Z"),
)


def read(text: str) -> dict[str, Token]:
    return dict(read_tokens(TextFile("tokens.yaml", text)))


@given(st.lists(TOKENS, unique_by=lambda one: one.name))
def test_what_is_written_is_read_back(tokens: list[Token]) -> None:
    assert read(text_of_tokens(tokens)) == {one.name: one for one in tokens}


@given(NAMES, SECRETS, SECRETS)
def test_a_token_is_proved_by_its_own_secret_only(name: str, own: bytes, other: bytes) -> None:
    text, secret = token_text(name, own)
    assert parts_of(text) == (name, secret)
    token = Token(name, None, b"salt", proof_of(b"salt", secret), "")
    assert token.is_proved_by(secret)
    assert token.is_proved_by(token_text(name, other)[1]) == (own == other)
    assert own.hex() not in text_of_tokens([token])


@given(st.text(max_size=80))
def test_what_is_no_token_is_none(text: str) -> None:
    assert parts_of(text) is None


def test_a_name_is_one_word() -> None:
    for wrong in ("", "a.b", "-a", "a b", "a" * 64, "ä"):
        with pytest.raises(ValueError, match="not a name for a token"):
            checked_token_name(wrong)


GOOD = "a: {created: 2026-11-25T12:00:00Z, salt: " + "0" * 32 + ", sha256: " + "1" * 64 + "}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + GOOD, "tokens.yaml:2:1: a: there is a token of this name already"),
        (GOOD.replace("a:", "a.b:", 1), 'tokens.yaml:1:1: a.b: "a.b" is not a name'),
        (GOOD.replace("salt", "sallt"), 'sallt: unknown key; did you mean "salt"?'),
        (GOOD.replace("0" * 32, "0" * 30), "salt: not 32 hexadecimal digits"),
        (GOOD.replace("12:00:00Z", "noon"), "created: "),
        ("a: 1\n", 'tokens.yaml:1:4: a: "1" where "key: value" pairs are expected'),
        ("- a\n", "holds no mapping"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read(text)
    assert told in str(error.value)


def test_an_empty_file_holds_none() -> None:
    assert read("") == read("\n") == {}
