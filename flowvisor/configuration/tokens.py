"""The file of tokens: who may ask the admin's address for what. No token is in it, only what proves it.

Strategy: a token is 256 bits that we have drawn, so that nobody finds it by trying, and one salted SHA-256 is as good
as the slow functions that passwords need, which would hold up everybody else for each request. Its name is part of
it, so that it is compared with one proof and not with all.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

import yaml
from attrs import frozen

from flowvisor.configuration.documents import MappingNode, Node, Scalar, TextFile, parse_document, wrong
from flowvisor.configuration.schema import Key, Keys, Names, about, mapping_of, read_keys, text_of
from flowvisor.errors import ConfigurationError, Problem

PREFIX: Final = "fv"  # of every token, so that one that got somewhere is recognised
SALT_BYTES: Final = 16
SECRET_BYTES: Final = 32
MAX_TOKENS: Final = 10_000  # in a file; more is a mistake, and is refused

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_TOKEN: Final = re.compile(rf"{PREFIX}\.([A-Za-z0-9][A-Za-z0-9_-]{{0,62}})\.([A-Za-z0-9_-]{{43}})")
_HEXADECIMAL: Final = re.compile(r"(?:[0-9a-f]{2})+")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@frozen
class Token:
    """One token. `slice` is the one that its holder may read; None is the admin's."""

    name: str
    slice: str | None
    salt: bytes
    proof: bytes
    created: str

    def is_proved_by(self, secret: str) -> bool:
        """Whether this is the token's secret; how long that takes does not depend on it."""
        return hmac.compare_digest(proof_of(self.salt, secret), self.proof)


def proof_of(salt: bytes, secret: str) -> bytes:
    """What is kept of a secret."""
    return sha256(salt + secret.encode()).digest()


def token_text(name: str, secret: bytes) -> tuple[str, str]:
    """A token as its holder sends it, and the secret that is in it, of random bytes."""
    text = _text_of_secret(secret)
    return f"{PREFIX}.{name}.{text}", text


def _text_of_secret(secret: bytes) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(secret).rstrip(b"=").decode()


def parts_of(text: str) -> tuple[str, str] | None:
    """The name and the secret of what somebody has sent; None if it is no token."""
    found = _TOKEN.fullmatch(text)
    return (found[1], found[2]) if found else None


def checked_token_name(text: str) -> str:
    """The text, if a token may be called so; raises ValueError."""
    if not _NAME.fullmatch(text):
        raise ValueError(f'"{text}" is not a name for a token: letters, digits, "-" and "_", at most 63')
    return text


# -------------------------------------------------------------------------------------------- the file


def _bytes(length: int) -> Any:
    def convert(node: Node, names: Names) -> bytes:
        text = text_of(node)
        if not _HEXADECIMAL.fullmatch(text) or len(text) != 2 * length:
            raise wrong(node, f"not {2 * length} hexadecimal digits")
        return bytes.fromhex(text)

    return convert


def _time(node: Node, names: Names) -> str:
    text = text_of(node)
    if not _TIME.fullmatch(text):
        raise wrong(node, f'"{text}" is not a time, like 2026-01-31T12:00:00Z')
    return text


TOKEN_KEYS: Final[Keys] = {
    "slice": Key(lambda node, names: text_of(node), meaning="what its holder may read; all if left out"),
    "created": Key(_time, meaning="when it was made", is_required=True),
    "salt": Key(_bytes(SALT_BYTES), meaning="what its proof was made with", is_required=True),
    "sha256": Key(_bytes(32), meaning="its proof", is_required=True),
}


def read_tokens(file: TextFile) -> Mapping[str, Token]:
    """The tokens of a file by their names; raises ConfigurationError."""
    if not file.text.strip():
        return {}
    node = parse_document(file)
    if len(node.entries) > MAX_TOKENS:
        raise wrong(node, f"the file holds more than {MAX_TOKENS} tokens")
    tokens: dict[str, Token] = {}
    problems: list[Problem] = []
    for key, value in node.entries:
        try:
            _check_key(key, tokens)
            tokens[key.text] = _token(key.text, mapping_of(value))
        except ConfigurationError as error:
            problems += about(key.text, error)
    if problems:
        raise ConfigurationError(problems)
    return tokens


def _check_key(key: Scalar, tokens: Mapping[str, Token]) -> None:
    if key.text in tokens:
        raise wrong(key, "there is a token of this name already")
    try:
        checked_token_name(key.text)
    except ValueError as error:
        raise wrong(key, str(error)) from error


def _token(name: str, node: MappingNode) -> Token:
    found = read_keys(node, TOKEN_KEYS, Names()).complete()
    return Token(name, found["slice"], found["salt"], found["sha256"], found["created"])


def text_of_tokens(tokens: Iterable[Token]) -> str:
    """The text of a file that holds these."""
    document = {
        one.name: {
            **({} if one.slice is None else {"slice": one.slice}),
            "created": one.created,
            "salt": one.salt.hex(),
            "sha256": one.proof.hex(),
        }
        for one in sorted(tokens, key=lambda one: one.name)
    }
    return yaml.safe_dump(document, sort_keys=False) if document else ""
