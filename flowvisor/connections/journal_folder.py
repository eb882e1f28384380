"""The datapaths' journals on disk, one file each: appended to, rewritten when most of it is dead, read at the start."""

# Strategy: a batch is one `write` to a file opened for appending, which `kill -9` cannot take back. A file that has
# grown to more than twice what it began with is written anew from what is known, a little at a time so that nobody
# waits: meanwhile every batch goes into both files, and the last record about a name counts. The disk is waited for
# in a thread, and then the fresh file takes the old one's place in one step.
#
# What cannot be written must not be half known later: an entry that was changed since would be brought back as it
# was. So the file is then removed, which means "nothing is known", and begun anew with the next tick.

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from twisted.logger import Logger

from flowvisor.hypervisor.journal import Corrupt, Name, encode_batch, encode_header, replay
from flowvisor.network.dpid import format_dpid, parse_dpid

SUFFIX: Final = ".journal"
COMPACTED_ABOVE_BYTES: Final = 4 * 1024 * 1024  # and above twice what was living when it was written last
RECORDS_PER_TICK: Final = 4096  # of a rewrite; about 4 ms
RECORDS_PER_APPEND: Final = 64  # so that it is always quicker than what makes it necessary
FORGOTTEN_AFTER_SECONDS: Final = 30 * 24 * 3600.0  # of a datapath that was not there
TOUCHED_EVERY_SECONDS: Final = 3600.0  # the file of one that is there
RETRIED_EVERY_SECONDS: Final = 30.0  # a file that could not be written

RecordsOf = Callable[[int], Iterator[bytes]]


class JournalFolder:
    """All journals. Nothing is changed on disk before `begin`, because another process may still have the folder."""

    log = Logger()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, JournalFile] = {}
        self._broken: set[int] = set()
        self._records_of: RecordsOf = lambda _dpid: iter(())
        self._tidying: list[Callable[[], object]] = []
        self._touched_at = self._retried_at = 0.0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="journal")

    def read(self, now: float) -> dict[int, dict[Name, bytes]]:
        """What is known of each datapath; `now` is the time of day. A file that is no journal counts as lost."""
        known: dict[int, dict[Name, bytes]] = {}
        for path in sorted(self._folder.glob("*" + SUFFIX)):
            try:
                dpid = parse_dpid(path.stem)
                replayed = replay(path.read_bytes(), dpid)
            except (ValueError, Corrupt) as error:
                self.log.error(event="journal_lost", file=str(path), reason=str(error))
                self._tidying.append(partial(path.replace, path.with_suffix(".corrupt")))
                continue
            if path.stat().st_mtime < now - FORGOTTEN_AFTER_SECONDS:
                self._tidying.append(path.unlink)
                continue
            if replayed.whole_bytes < path.stat().st_size:
                self.log.warn(event="journal_cut", file=str(path), bytes=replayed.whole_bytes)
                self._tidying.append(partial(os.truncate, path, replayed.whole_bytes))
            known[dpid] = replayed.known
        return known

    def begin(self, records_of: RecordsOf) -> None:
        """From now on the folder is ours. `records_of` gives all that is known of a datapath. May raise OSError."""
        self._records_of = records_of
        self._folder.mkdir(parents=True, exist_ok=True)
        for tidy in self._tidying:
            tidy()
        self._tidying.clear()
        for left in self._folder.glob("*.new"):
            left.unlink()

    def append(self, records: Mapping[int, Iterable[bytes]]) -> None:
        """Write what one call of the core wants remembered. A failure is logged, and the journal counts as lost."""
        for dpid, of_datapath in records.items():
            if dpid in self._broken:
                continue
            try:
                file = self._files.get(dpid) or self._open(dpid)
                file.append(encode_batch(of_datapath))
            except OSError as error:
                self._lose(dpid, error)

    def tick(self, now: float, connected: Collection[int]) -> None:
        """To be called about once a second with the time of day: go on with rewriting, and begin lost files anew."""
        for dpid, file in list(self._files.items()):
            self._attempt(dpid, file.tick)
            if dpid not in connected and not file.is_being_rewritten:
                self._close(dpid)  # it is opened again when there is something to write
        if self._broken and now - self._retried_at >= RETRIED_EVERY_SECONDS:
            self._retried_at = now
            broken, self._broken = self._broken, set()
            for dpid in broken:
                self._attempt(dpid, partial(self._begin_anew, dpid))
        if now - self._touched_at >= TOUCHED_EVERY_SECONDS:
            self._touched_at = now
            for dpid in connected:
                if self._path(dpid).exists():
                    self._attempt(dpid, partial(os.utime, self._path(dpid)))

    def stop(self) -> None:
        """Close everything."""
        for dpid in list(self._files):
            self._close(dpid)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _close(self, dpid: int) -> None:
        file = self._files.pop(dpid, None)
        if file is not None:
            file.close()

    def _path(self, dpid: int) -> Path:
        return self._folder / (format_dpid(dpid) + SUFFIX)

    def _open(self, dpid: int) -> JournalFile:
        file = JournalFile(self._path(dpid), dpid, lambda: self._records_of(dpid), self._pool)
        self._files[dpid] = file
        return file

    def _begin_anew(self, dpid: int) -> None:
        self._open(dpid).rewrite()

    def _attempt(self, dpid: int, what: Callable[[], object]) -> None:
        try:
            what()
        except OSError as error:
            self._lose(dpid, error)

    def _lose(self, dpid: int, error: OSError) -> None:
        path = self._path(dpid)
        self.log.error(event="journal_failed", file=str(path), reason=str(error))
        self._broken.add(dpid)
        self._close(dpid)
        path.unlink(missing_ok=True)


class JournalFile:
    """One datapath's, open. What fails raises OSError; then it is to be closed and removed."""

    def __init__(
        self,
        path: Path,
        dpid: int,
        living: Callable[[], Iterator[bytes]],
        pool: ThreadPoolExecutor,
    ) -> None:
        self._path = path
        self._dpid = dpid
        self._living = living
        self._pool = pool
        self._file = _opened(path)
        self._size = os.fstat(self._file).st_size
        if not self._size:
            self._size = _write(self._file, encode_header(dpid))
        self._compacted_above = 2 * self._size + COMPACTED_ABOVE_BYTES
        self._fresh: int | None = None  # the file that is to take this one's place
        self._fresh_size = 0
        self._rest: Iterator[bytes] | None = None  # what it does not have yet
        self._syncing: Future[None] | None = None

    @property
    def is_being_rewritten(self) -> bool:
        """Whether a fresh file is being made."""
        return self._fresh is not None

    def append(self, batch: bytes) -> None:
        """Write a batch; the file may be begun anew, or gone on with."""
        self._size += _write(self._file, batch)
        if self._fresh is not None:
            self._fresh_size += _write(self._fresh, batch)
            self._go_on(RECORDS_PER_APPEND)
        elif self._size > self._compacted_above:
            self.rewrite()

    def rewrite(self) -> None:
        """Begin to write the file anew."""
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        self._fresh = _opened(fresh)
        self._fresh_size = _write(self._fresh, encode_header(self._dpid))
        self._rest = self._living()

    def tick(self) -> None:
        """Go on with what was begun."""
        if self._fresh is None:
            return
        if self._rest is not None:
            self._go_on(RECORDS_PER_TICK)
        elif self._syncing is None:
            self._syncing = self._pool.submit(os.fsync, self._fresh)
        elif self._syncing.done():
            self._syncing.result()
            self._take_over(self._fresh)

    def close(self) -> None:
        """Close it; what was begun is given up."""
        os.close(self._file)
        if self._fresh is not None:
            if self._syncing is not None:
                self._syncing.cancel() or self._syncing.exception()
            os.close(self._fresh)
            self._path.with_suffix(".new").unlink(missing_ok=True)

    def _go_on(self, count: int) -> None:
        if self._rest is None:
            return
        assert self._fresh is not None
        records = list(islice(self._rest, count))
        if records:
            self._fresh_size += _write(self._fresh, encode_batch(records))
        else:
            self._rest = None

    def _take_over(self, fresh: int) -> None:
        self._path.with_suffix(".new").replace(self._path)
        os.close(self._file)
        self._file, self._size = fresh, self._fresh_size
        self._compacted_above = 2 * self._size + COMPACTED_ABOVE_BYTES
        self._fresh = self._syncing = None


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _write(file: int, data: bytes) -> int:
    written = os.write(file, data)
    if written < len(data):  # what a full disk does before it says so
        raise OSError("no room for all of it")
    return written
