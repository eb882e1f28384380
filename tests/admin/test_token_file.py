"""Tokens are made, looked at for every request, and revoked at once."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from flowvisor.admin.token_file import TokenError, TokenFile
from flowvisor.errors import ConfigurationError


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "state" / "tokens.yaml")


def test_who_has_a_token_is_known_by_it(file: TokenFile) -> None:
    admin, blue = file.create("admin", None), file.create("dashboard", "blue")
    for text, name, slice_name in ((admin, "admin", None), (blue, "dashboard", "blue")):
        holder = file.holder_of(text)
        assert holder is not None
        assert (holder.name, holder.slice) == (name, slice_name)


def test_nobody_else_is(file: TokenFile) -> None:
    text = file.create("admin", None)
    for other in (
        "",
        "x",
        text[:-1],
        text + "x",
        text.replace("admin", "admir"),
        text[:-1] + "-",
        "fv.." + "A" * 43,
    ):
        assert other == text or file.holder_of(other) is None


def test_a_file_that_is_not_there_holds_none(file: TokenFile) -> None:
    assert file.holder_of("fv.a." + "A" * 43) is None
    assert file.look() == {}


def test_the_file_holds_no_token_and_is_its_owners_alone(file: TokenFile) -> None:
    text = file.create("admin", None)
    assert text.rpartition(".")[2] not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert os.listdir(file.path.parent) == ["tokens.yaml"]


def test_what_is_revoked_counts_no_more_and_the_others_do(file: TokenFile) -> None:
    running = TokenFile(file.path)
    first, second = file.create("first", None), file.create("second", None)
    assert running.holder_of(first)
    file.revoke("first")
    assert running.holder_of(first) is None
    assert running.holder_of(second)


def test_a_name_is_taken_once_and_only_what_is_there_is_revoked(file: TokenFile) -> None:
    file.create("a", None)
    before = file.path.read_bytes()
    with pytest.raises(TokenError, match='"a" already'):
        file.create("a", "blue")
    with pytest.raises(TokenError, match='no token "b"'):
        file.revoke("b")
    with pytest.raises(TokenError, match="not a name"):
        file.create("a/b", None)
    assert file.path.read_bytes() == before


def test_a_file_that_becomes_bad_changes_nothing_until_it_is_good_again(file: TokenFile) -> None:
    text = file.create("a", None)
    good = file.path.read_text()
    assert file.holder_of(text)
    file.path.write_text("a: [")
    assert file.holder_of(text)
    with pytest.raises(ConfigurationError):
        file.create("b", None)
    file.path.write_text(good.replace("a:", "b:", 1))
    assert file.holder_of(text) is None


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenError, match="cannot be"):
        TokenFile(tmp_path / "file" / "tokens.yaml").create("a", None)
