"""The state is read as it was written, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowvisor.connections.state_folder import FILE, StateFolder
from flowvisor.planning.allocation import Allocations
from tests.support.world import a_slice

SOME = Allocations().allocate([a_slice("blue"), a_slice("red", tables=8)])


def test_what_was_written_is_read_by_the_next_process(tmp_path: Path) -> None:
    StateFolder(tmp_path / "state").write(SOME)
    assert StateFolder(tmp_path / "state").read() == SOME


def test_at_first_there_is_nothing(tmp_path: Path) -> None:
    assert StateFolder(tmp_path / "a" / "b").read() == Allocations()


@pytest.mark.parametrize("text", ["", "{}", "[1]", "not json", '{"tables": {"a": [0, 8]}}'])
def test_a_file_that_is_not_ours_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ValueError, match=r"."):
        StateFolder(tmp_path).read()
    assert (tmp_path / FILE).read_text() == text


def test_a_write_that_fails_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StateFolder(tmp_path)
    folder.write(SOME)

    def no_space(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="no space"):
        folder.write(Allocations())
    assert folder.read() == SOME
