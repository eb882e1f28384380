"""Journals on disk: written before anything else, kept small, and lost rather than wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowvisor.connections import journal_folder
from flowvisor.connections.journal_folder import FORGOTTEN_AFTER_SECONDS, JournalFolder
from flowvisor.hypervisor.journal import GROUP, Name, encode_batch, encode_header, encode_record, replay

NOW = 1_000_000_000.0
ONE = Name(GROUP, "red", b"1")


def record(key: bytes, value: bytes | None) -> bytes:
    return encode_record(GROUP, "red", key, value)


class Known:
    """A core that knows records, by dpid."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def records_of(self, _dpid: int) -> Iterator[bytes]:
        for key in list(self.values):
            yield record(key, self.values[key])


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def folder(tmp_path: Path, known: Known) -> Iterator[JournalFolder]:
    folder = JournalFolder(tmp_path)
    assert folder.read(NOW) == {}
    folder.begin(known.records_of)
    yield folder
    folder.stop()


def read(path: Path) -> dict[int, dict[Name, bytes]]:
    return JournalFolder(path).read(NOW)


def journal(path: Path, dpid: int, *batches: bytes, age: float = 0.0) -> Path:
    file = path / f"{dpid:016x}.journal"
    file.write_bytes(encode_header(dpid) + b"".join(batches))
    os.utime(file, (NOW - age, NOW - age))
    return file


def test_what_was_appended_is_read_by_the_next_process_without_a_farewell(
    tmp_path: Path, folder: JournalFolder
) -> None:
    folder.append({7: [record(b"1", b"a")], 8: [record(b"1", b"b"), record(b"2", b"c")]})
    folder.append({8: [record(b"2", None)]})
    assert read(tmp_path) == {7: {ONE: b"a"}, 8: {ONE: b"b"}}


def test_a_torn_tail_is_cut_when_the_folder_is_ours_and_not_before(tmp_path: Path) -> None:
    whole = encode_batch([record(b"1", b"a")])
    file = journal(tmp_path, 7, whole, whole[:-1])
    folder = JournalFolder(tmp_path)
    assert folder.read(NOW) == {7: {ONE: b"a"}}
    assert file.read_bytes().endswith(whole[:-1])
    folder.begin(Known().records_of)
    assert file.read_bytes() == encode_header(7) + whole
    folder.append({7: [record(b"1", b"b")]})
    assert read(tmp_path) == {7: {ONE: b"b"}}
    folder.stop()


@pytest.mark.parametrize("name", ["0000000000000007.journal", "notes.journal"])
def test_a_file_that_is_no_journal_is_moved_aside_and_counts_as_lost(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    folder = JournalFolder(tmp_path)
    assert folder.read(NOW) == {}
    folder.begin(Known().records_of)
    assert [path.name for path in tmp_path.iterdir()] == [name.replace(".journal", ".corrupt")]
    folder.stop()


def test_a_datapath_that_was_not_there_for_long_is_forgotten(tmp_path: Path) -> None:
    batch = encode_batch([record(b"1", b"a")])
    journal(tmp_path, 7, batch, age=FORGOTTEN_AFTER_SECONDS + 1)
    kept = journal(tmp_path, 8, batch, age=FORGOTTEN_AFTER_SECONDS - 1)
    (tmp_path / "0000000000000009.new").write_bytes(b"left over")
    folder = JournalFolder(tmp_path)
    assert list(folder.read(NOW)) == [8]
    folder.begin(Known().records_of)
    assert list(tmp_path.iterdir()) == [kept]
    folder.stop()


def test_a_datapath_that_is_there_is_not_forgotten_though_nothing_is_written(
    tmp_path: Path, folder: JournalFolder
) -> None:
    file = journal(tmp_path, 7, age=FORGOTTEN_AFTER_SECONDS + 1)
    folder.tick(NOW, {7, 8})
    assert file.stat().st_mtime > NOW


def tick_until(folder: JournalFolder, is_done: Any) -> None:
    for _ in range(1_000_000):
        if is_done():
            return
        folder.tick(NOW, {7})
    raise AssertionError("it never comes to an end")


def test_a_file_that_is_mostly_dead_is_written_anew_without_losing_what_comes_meanwhile(
    tmp_path: Path, folder: JournalFolder, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_folder, "COMPACTED_ABOVE_BYTES", 2_000)
    monkeypatch.setattr(journal_folder, "RECORDS_PER_APPEND", 1)
    file = tmp_path / "0000000000000007.journal"
    for number in range(1_000):
        key = bytes([number % 11])
        if number % 3:
            known.values[key] = str(number).encode()
        else:
            known.values.pop(key, None)
        folder.append({7: [record(key, known.values.get(key))]})
        assert replay(file.read_bytes(), 7).known == {
            Name(GROUP, "red", key): value for key, value in known.values.items()
        }
        if number % 50 == 49:
            tick_until(folder, lambda: not (tmp_path / "0000000000000007.new").exists())
            assert file.stat().st_size < 6_000
    assert read(tmp_path)[7] == {Name(GROUP, "red", key): value for key, value in known.values.items()}


def test_what_cannot_be_written_is_lost_and_not_half_known(
    tmp_path: Path, folder: JournalFolder, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.append({7: [record(b"1", b"a")]})
    known.values[b"1"] = b"b"
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda _file, data: len(data) - 1)
        folder.append({7: [record(b"1", b"b")]})
        folder.append({7: [record(b"1", b"b")]})
    assert read(tmp_path) == {}
    folder.tick(NOW, {7})
    tick_until(folder, lambda: read(tmp_path) == {7: {ONE: b"b"}})


def test_a_file_is_closed_when_its_datapath_is_gone_and_opened_when_it_is_needed(
    tmp_path: Path, folder: JournalFolder
) -> None:
    folder.append({7: [record(b"1", b"a")]})
    before = len(os.listdir("/proc/self/fd"))
    folder.tick(NOW, set())
    assert len(os.listdir("/proc/self/fd")) == before - 1
    folder.append({7: [record(b"1", b"b")]})
    assert read(tmp_path) == {7: {ONE: b"b"}}
