"""Changed files are noticed once they are whole, and are read as they were at one moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from flowvisor.connections import watching
from flowvisor.connections.watching import (
    LOOK_SECONDS,
    MAX_READS,
    POLL_SECONDS,
    QUIET_SECONDS,
    WRITING_SECONDS,
    Files,
    Watching,
)
from flowvisor.errors import ConfigurationError

SLICE = "kind: flowspace\nname: {}\ncontrollers: [tcp:127.0.0.1:6801]\nflowspace:\n  - {rule}\n"
RULE = "{datapaths: all, priority: 100, match: {in_port: %d}}"


def slice_text(name: str, port: int = 1) -> str:
    return SLICE.replace("{}", name).replace("{rule}", RULE % port)


class Watched:
    """Files in a folder, and how often somebody was told that they have changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slices = folder / "slices"
        for name in ("slices", "policies"):
            (folder / name).mkdir()
        main = folder / "flowvisor.yaml"
        main.write_text("listen: ['ptcp:']\n")
        (self.slices / "a.yaml").write_text(slice_text("a"))
        self.reactor: Any = MemoryReactorClock()
        self.files = Files(main, lambda: (str(self.slices), str(folder / "policies")))
        self.times = 0
        self.watching = Watching(self.reactor, self.files, self.changed)
        self.watching.start()

    def changed(self) -> None:
        self.times += 1
        self.files.read()

    def pass_time(self, seconds: float) -> None:
        """Let events arrive, and time pass in small steps."""
        for _ in range(round(seconds * 20)):
            if self.watching.notifier is not None:
                self.watching.notifier.doRead()
            self.reactor.advance(0.05)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    one = Watched(tmp_path)
    yield one
    one.watching.stop()
    assert one.reactor.getDelayedCalls() == []


@pytest.fixture
def polled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """On a system without inotify."""
    monkeypatch.setattr(watching, "_notifier", lambda _: None)
    one = Watched(tmp_path)
    yield one
    one.watching.stop()


SOON = 2 * QUIET_SECONDS + 0.2


def test_a_file_that_changes_is_told_once(watched: Watched) -> None:
    (watched.slices / "a.yaml").write_text(slice_text("a", 2))
    watched.pass_time(QUIET_SECONDS - 0.1)
    assert watched.times == 0
    watched.pass_time(SOON)
    assert watched.times == 1
    watched.pass_time(2 * LOOK_SECONDS)
    assert watched.times == 1


def test_files_that_come_and_go_are_changes_and_others_are_none(watched: Watched) -> None:
    (watched.slices / "b.yaml").write_text(slice_text("b", 2))
    watched.pass_time(SOON)
    (watched.slices / "a.yaml").unlink()
    watched.pass_time(SOON)
    assert watched.times == 2
    (watched.slices / ".b.yaml.swp").write_text("an editor's")
    (watched.slices / "b.yaml~").write_text("an editor's")
    watched.pass_time(2 * LOOK_SECONDS)
    assert watched.times == 2


def test_a_file_that_is_renamed_into_place_is_a_change(watched: Watched) -> None:
    fresh = watched.folder / "fresh"
    fresh.write_text(slice_text("a", 2))
    fresh.rename(watched.slices / "a.yaml")
    watched.pass_time(SOON)
    assert watched.times == 1


def test_many_changes_in_a_row_are_one(watched: Watched) -> None:
    for port in range(1, 9):
        (watched.slices / "a.yaml").write_text(slice_text("a", port))
        watched.pass_time(QUIET_SECONDS / 2)
    assert watched.times == 0
    watched.pass_time(SOON)
    assert watched.times == 1


def test_a_file_that_is_open_and_half_written_is_waited_for(watched: Watched) -> None:
    with (watched.slices / "a.yaml").open("w") as stream:
        stream.write(slice_text("a", 3)[:60])
        stream.flush()
        watched.pass_time(10 * QUIET_SECONDS)
        assert watched.times == 0
        stream.write(slice_text("a", 3)[60:])
    watched.pass_time(SOON)
    assert watched.times == 1


def test_a_log_beside_the_main_file_that_is_written_to_holds_nothing_up(watched: Watched) -> None:
    with (watched.folder / "flowvisor.log").open("w") as log:
        (watched.slices / "a.yaml").write_text(slice_text("a", 2))
        for _ in range(10):
            log.write("a line\n")
            log.flush()
            watched.pass_time(QUIET_SECONDS / 4)
        assert watched.times == 1


def test_a_writer_that_never_closes_is_not_waited_for_for_ever(watched: Watched) -> None:
    with (watched.slices / "b.yaml").open("w") as stream:
        stream.write(slice_text("b", 3))
        stream.flush()
        watched.pass_time(WRITING_SECONDS - 1)
        assert watched.times == 0
        watched.pass_time(2)
        assert watched.times == 1


def test_a_config_map_of_kubernetes_that_is_swapped_is_a_change(watched: Watched) -> None:
    """Files are links to `..data/`, which is a link to a folder of the moment, and is put in place by a rename."""
    (watched.slices / "a.yaml").unlink()
    for version in ("..1", "..2"):
        (watched.slices / version).mkdir()
        (watched.slices / version / "a.yaml").write_text(slice_text("a", int(version[-1])))
    (watched.slices / "..data").symlink_to("..1")
    (watched.slices / "a.yaml").symlink_to("..data/a.yaml")
    watched.pass_time(SOON)
    assert watched.times == 1
    (watched.slices / "..data_tmp").symlink_to("..2")
    (watched.slices / "..data_tmp").rename(watched.slices / "..data")
    watched.pass_time(SOON)
    assert watched.times == 2


def test_a_folder_that_is_another_now_is_watched_from_then_on(watched: Watched) -> None:
    other = watched.folder / "other"
    other.mkdir()
    (other / "a.yaml").write_text(slice_text("a", 7))
    watched.slices.rename(watched.folder / "old")
    other.rename(watched.slices)
    watched.pass_time(LOOK_SECONDS + SOON)
    assert watched.times == 1
    (watched.slices / "a.yaml").write_text(slice_text("a", 8))
    watched.pass_time(SOON)
    assert watched.times == 2


def test_a_folder_that_is_deleted_and_made_again_is_watched(watched: Watched) -> None:
    (watched.slices / "a.yaml").unlink()
    watched.slices.rmdir()
    watched.slices.mkdir()
    (watched.slices / "b.yaml").write_text(slice_text("b"))
    watched.pass_time(LOOK_SECONDS + SOON)
    assert watched.times == 1
    (watched.slices / "b.yaml").write_text(slice_text("b", 5))
    watched.pass_time(SOON)
    assert watched.times == 2


def test_what_was_changed_back_or_read_meanwhile_is_no_change(watched: Watched) -> None:
    fresh = watched.slices / "b.yaml"
    fresh.write_text(slice_text("b", 2))
    watched.pass_time(QUIET_SECONDS / 2)
    fresh.unlink()
    watched.pass_time(SOON)
    fresh.write_text(slice_text("b", 2))
    watched.pass_time(QUIET_SECONDS / 2)
    watched.files.read()
    watched.pass_time(SOON)
    assert watched.times == 0


def test_without_inotify_files_are_looked_at_every_second(polled: Watched) -> None:
    (polled.slices / "a.yaml").write_text(slice_text("a", 2))
    polled.pass_time(POLL_SECONDS + SOON)
    assert polled.times == 1


def test_bad_files_are_not_read_again_and_again(watched: Watched) -> None:
    read = watched.files.read
    errors = []

    def changed() -> None:
        try:
            read()
        except ConfigurationError as error:
            errors.append(error)

    watched.watching._changed = changed
    (watched.slices / "a.yaml").write_text("kind: [")
    watched.pass_time(3 * LOOK_SECONDS)
    assert len(errors) == 1


def test_files_that_change_while_they_are_read_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Watched(tmp_path)
    load, loads = watching.load, []

    def slow(path: Path, **more: Any) -> Any:
        found = load(path, **more)
        loads.append(found)
        if len(loads) < changes_until:
            (one.slices / "a.yaml").write_text(slice_text("a", len(loads) + 1))
            os.utime(one.slices / "a.yaml", ns=(len(loads), len(loads)))
        return found

    monkeypatch.setattr(watching, "load", slow)
    changes_until = 3
    (slice_,) = one.files.read().slices
    assert slice_.rules[0].matches[0].exact("in_port") == 3
    assert len(loads) == 3
    assert one.files.taken == one.files.look()
    loads.clear()
    changes_until = 99
    with pytest.raises(ConfigurationError, match="the files change while they are read"):
        one.files.read()
    assert len(loads) == MAX_READS
    one.watching.stop()


def test_who_only_peeks_takes_nothing(watched: Watched) -> None:
    (watched.slices / "a.yaml").write_text(slice_text("a", 2))
    (slice_,) = watched.files.peek().slices
    assert slice_.rules[0].matches[0].exact("in_port") == 2
    watched.pass_time(SOON)
    assert watched.times == 1
