"""Tokens are made, looked at for every request, and revoked at once."""

from __future__ import annotations

import fcntl
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowvisor.admin import token_file
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


def test_tokens_of_a_slice_that_goes_are_taken_out_and_the_others_stay(file: TokenFile) -> None:
    admin, blue, red = file.create("admin", None), file.create("a", "blue"), file.create("b", "red")
    running = TokenFile(file.path)
    running.void(lambda name: name == "blue")
    for reader in (running, file):
        assert reader.holder_of(blue) is None
        assert reader.holder_of(admin)
        assert reader.holder_of(red)
    assert file.read().keys() == {"admin", "b"}
    assert running.holder_of(file.create("a", "blue"))


def test_what_was_taken_out_counts_no_more_though_it_cannot_be_written_or_comes_back(file: TokenFile) -> None:
    blue, red = file.create("a", "blue"), file.create("b", "red")
    before = file.path.read_text()
    running = TokenFile(file.path)
    assert running.holder_of(blue)
    file.path.write_text("a: [")
    running.void(lambda name: name == "blue")
    assert (running.holder_of(blue), file.path.read_text()) == (None, "a: [")
    file.path.write_text(before)
    assert running.holder_of(blue) is None
    assert running.holder_of(red)


def test_nothing_is_written_when_no_token_is_concerned(file: TokenFile) -> None:
    file.create("admin", None)

    def written() -> tuple[int, int]:
        status = os.stat(file.path)
        return status.st_ino, status.st_mtime_ns

    before = written()
    file.void(lambda name: True)
    assert written() == before


def test_of_several_who_change_it_at_once_nobody_undoes_what_another_has_done(file: TokenFile) -> None:
    names = [f"t{number}" for number in range(12)]
    with ThreadPoolExecutor(len(names)) as at_once:
        made = list(at_once.map(lambda name: TokenFile(file.path).create(name, None), names))
    assert all(file.holder_of(text) for text in made)
    with ThreadPoolExecutor(len(names)) as at_once:
        list(at_once.map(lambda name: TokenFile(file.path).revoke(name), names[1:]))
    assert list(file.look()) == ["t0"]


def test_who_waits_too_long_is_told_and_changes_nothing(
    file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_file, "PATIENCE_SECONDS", 0.02)
    text = file.create("blue", "blue")
    folder = os.open(file.path.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    for change in (lambda: file.create("other", None), lambda: file.revoke("blue")):
        with pytest.raises(TokenError, match="is being changed by somebody else"):
            change()
    file.void(lambda _name: True)  # counts all the same, while we run
    assert file.holder_of(text) is None
    os.close(folder)
    assert list(TokenFile(file.path).look()) == ["blue"]
    file.void(lambda _name: False)
    assert TokenFile(file.path).look() == {}
