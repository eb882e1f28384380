"""A change is whole and in force, or nothing has changed; of two at once one wins, and the other is told."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from flowvisor.admin.rest.changing import Changing, Conditions
from flowvisor.admin.rest.files import WrittenFile, read_file
from flowvisor.admin.rest.problems import Refused
from flowvisor.connections.folder_source import load
from flowvisor.connections.watching import Files
from tests.support.desk_files import slice_text, write_files
from tests.support.shell import Shell

NOTHING = Conditions(None, None)


class Place:
    """Files, what runs by them, and work for threads that is done when we say so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.main = write_files(folder)
        self.shell = Shell(load(self.main)[0])
        files = Files(self.main, lambda: (str(folder / "slices"), str(folder / "policies")))
        self.shell.files = files.read
        self.work: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        self.changing = Changing(self.shell.reloading, files.peek, self._later)

    def _later(self, work: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.work.append((work, done))
        return done

    def do_work(self) -> None:
        while self.work:
            work, done = self.work.pop(0)
            try:
                done.callback(work())
            except Exception as error:
                done.errback(error)

    def put(
        self, name: str, text: str | None, conditions: Conditions = NOTHING, folder: Any = "slices"
    ) -> list[Any]:
        """What a change comes to, in the end."""
        results: list[Any] = []
        changed = self.changing.change(self.shell.hypervisor.configuration, folder, name, text, conditions)
        changed.addCallbacks(results.append, lambda failure: results.append(failure.value))
        return results

    def file(self, name: str) -> WrittenFile | None:
        return read_file(self.folder / "slices" / f"{name}.yaml")

    def tag(self, name: str) -> Conditions:
        file = self.file(name)
        assert file is not None
        return Conditions(file.etag, None)

    def all_files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_change_is_written_and_in_force(place: Place) -> None:
    results = place.put("blue", slice_text("blue", 3), place.tag("blue"))
    assert results == []
    place.do_work()
    ((outcome, is_new),) = results
    assert (outcome.revision, is_new, dict(outcome.changes.slices.changed)) == (
        2,
        False,
        {"blue": ("policies", "flowspace")},
    )
    assert place.file("blue") == WrittenFile(
        place.folder / "slices/blue.yaml", slice_text("blue", 3).encode()
    )
    assert {path.name for path in (place.folder / "slices").iterdir()} == {"blue.yaml", "red.yaml"}


def test_a_slice_is_made_and_removed(place: Place) -> None:
    made = place.put("green", slice_text("green", 3))
    place.do_work()
    assert made[0][1] is True
    assert "green" in place.shell.hypervisor.tenants
    removed = place.put("green", None, place.tag("green"))
    place.do_work()
    assert removed[0][0].revision == 3
    assert "green" not in place.shell.hypervisor.tenants
    assert place.file("green") is None


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("blue", slice_text("blue", 2), "red"),  # what another slice owns
        ("blue", "kind: flowspace\n", "blue.yaml:1:1: name: this key is missing"),
        ("blue", "", "the file is empty"),
        ("blue", slice_text("green", 1), "is not the name of the file"),
        ("green", slice_text("green", 2), "red"),
    ],
)
def test_what_is_not_good_changes_nothing(place: Place, name: str, text: str, told: str) -> None:
    before = place.all_files()
    results = place.put(name, text, place.tag("blue") if name == "blue" else NOTHING)
    place.do_work()
    (refused,) = results
    assert isinstance(refused, Refused)
    assert (refused.status, told in str(refused)) == (422, True)
    assert refused.more["problems"]
    assert place.all_files() == before
    assert place.shell.reloading.revision == 1


def test_a_policy_that_somebody_has_cannot_be_removed(place: Place) -> None:
    file = read_file(place.folder / "policies/small.yaml")
    assert file is not None
    results = place.put("small", None, Conditions(file.etag, None), "policies")
    place.do_work()
    assert (results[0].status, 'there is no policy "small"' in str(results[0])) == (422, True)


def test_of_two_at_once_one_wins_and_the_other_is_told(place: Place) -> None:
    tag = place.tag("blue")
    first = place.put("blue", slice_text("blue", 3), tag)
    second = place.put("blue", slice_text("blue", 4), tag)
    place.do_work()
    assert first[0][0].revision == 2
    assert second[0].status == 412
    assert second[0].headers["etag"] == place.file("blue").etag  # type: ignore[union-attr]
    assert place.file("blue").contents == slice_text("blue", 3).encode()  # type: ignore[union-attr]


def test_two_that_go_only_one_by_one_are_checked_one_after_the_other(place: Place) -> None:
    first, second = place.put("green", slice_text("green", 3)), place.put("white", slice_text("white", 3))
    place.do_work()
    assert first[0][0].revision == 2
    assert second[0].status == 422
    assert place.file("white") is None


def test_what_somebody_edits_while_we_check_is_not_lost(place: Place) -> None:
    results = place.put("blue", slice_text("blue", 3), place.tag("blue"))
    edited = slice_text("blue", 5)
    (place.folder / "slices/blue.yaml").write_text(edited)
    place.do_work()
    assert results[0].status == 412
    assert (place.folder / "slices/blue.yaml").read_text() == edited


def test_a_change_that_goes_bad_by_another_one_is_taken_back(place: Place) -> None:
    for name, was in (("blue", slice_text("blue", 1, more="policies: [small]\n")), ("green", None)):
        results = place.put(name, slice_text(name, 3), place.tag("blue") if was else NOTHING)
        red = place.folder / "slices/red.yaml"
        work, done = place.work.pop(0)
        good = work()
        red.write_text("kind: flowspace\n")  # in the moment after our look
        done.callback(good)
        assert results[0].status == 422
        file = place.file(name)
        assert (file.contents.decode() if file else None) == was
        red.write_text(slice_text("red", 2))


def test_what_cannot_be_written_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", read_only)
    results = place.put("blue", slice_text("blue", 3), place.tag("blue"))
    place.do_work()
    assert (results[0].status, "Read-only" in str(results[0])) == (409, True)


def test_a_link_stays_one_and_the_file_keeps_its_mode(place: Place) -> None:
    real, link = place.folder / "real.yaml", place.folder / "slices/blue.yaml"
    link.rename(real)
    real.chmod(0o640)
    link.symlink_to(real)
    results = place.put("blue", slice_text("blue", 3), place.tag("blue"))
    place.do_work()
    assert results[0][1] is False
    assert link.is_symlink()
    assert (real.read_text(), stat.S_IMODE(real.stat().st_mode)) == (slice_text("blue", 3), 0o640)


def test_what_was_not_read_from_files_cannot_be_changed() -> None:
    shell = Shell()
    results: list[Any] = []
    changing = Changing(shell.reloading, None, lambda work: Deferred())
    changing.change(shell.configuration, "slices", "blue", "", NOTHING).addErrback(
        lambda f: results.append(f.value)
    )
    assert results[0].status == 409


FILE = WrittenFile(Path("f"), b"a")
TAG, OTHER = FILE.etag, '"other"'


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "file", "is_removal", "status"),
    [
        *((None, None, FILE, False, 428), (None, None, FILE, True, 428)),
        *((None, None, None, False, None), (None, None, None, True, 404)),
        *(
            (TAG, None, FILE, False, None),
            (f"{OTHER}, {TAG}", None, FILE, True, None),
            ("*", None, FILE, False, None),
        ),
        *(
            (OTHER, None, FILE, False, 412),
            (f"W/{TAG}", None, FILE, False, 412),
            ("", None, FILE, False, 412),
        ),
        *((TAG, None, None, False, 412), ("*", None, None, True, 412)),
        *((None, "*", None, False, None), (None, "*", FILE, False, 412), (None, TAG, FILE, False, 412)),
        *((None, OTHER, FILE, False, None), (TAG, OTHER, FILE, False, None), (TAG, "*", FILE, False, 412)),
    ],
)
def test_whoever_changes_a_file_says_which_one_it_has_seen(
    if_match: str | None,
    if_none_match: str | None,
    file: WrittenFile | None,
    is_removal: bool,
    status: int | None,
) -> None:
    conditions = Conditions(if_match, if_none_match)
    if status is None:
        conditions.check(file, is_removal=is_removal)
        return
    with pytest.raises(Refused) as refused:
        conditions.check(file, is_removal=is_removal)
    assert refused.value.status == status
