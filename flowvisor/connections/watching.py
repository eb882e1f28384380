"""The admin's files while we run: read when nobody is writing them, and watched for changes."""

# Strategy: folders are watched and not files, because editors and Kubernetes put new files in the place of old ones.
# What has happened is then found out by looking (inode, time and size of each file), so that an event that is missed or
# told twice does no harm. A change counts when nothing has moved for a moment and no file that was written to is open
# still. Where there is no inotify, and beside it, because a folder may be a link that is turned elsewhere, we look
# every now and then.

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.filepath import FilePath

from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.folder_source import FileChange, load
from flowvisor.errors import ConfigurationError, Place, Problem

QUIET_SECONDS: Final = 0.3  # without any change, before what has changed counts
LOOK_SECONDS: Final = 10.0  # between two looks beside inotify
POLL_SECONDS: Final = 1.0  # and without it
WRITING_SECONDS: Final = (
    30.0  # that a file which was written to is waited for; its writer has been forgotten then
)
MAX_READS: Final = 5  # of files that change while they are read; then that is the error

# Of <sys/inotify.h>; the names in twisted.internet.inotify are there only where inotify is.
_MODIFY: Final = 0x2
_CLOSE_WRITE: Final = 0x8
_MOVED_OR_MADE_OR_GONE: Final = 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
_MASK: Final = _MODIFY | _CLOSE_WRITE | _MOVED_OR_MADE_OR_GONE

_ENDINGS: Final = (".yaml", ".yml")

Look = dict[str, tuple[int, int, int]]


class Files:
    """One main file and the folders that it names; `folders` tells which those are at the moment."""

    def __init__(self, main_file: Path, folders: Callable[[], tuple[str, ...]]) -> None:
        self.main_file = main_file
        self._folders = folders
        self.taken = self.look()  # how they lay when they were last read to count

    def folders(self) -> list[str]:
        """All folders in which something may change that matters."""
        return [str(self.main_file.parent), *self._folders()]

    def may_be_one(self, path: str) -> bool:
        """Is something that is called so one of the files?"""
        return path == str(self.main_file) or path.endswith(_ENDINGS)

    def look(self) -> Look:
        """How the files lie there."""
        found = {str(self.main_file): _look_at(self.main_file)}
        for folder in self._folders():
            try:
                names = [name for name in os.listdir(folder) if not name.startswith((".", "#"))]
            except OSError:
                names = []
            for name in names:
                if name.endswith(_ENDINGS):
                    found[f"{folder}/{name}"] = _look_at(Path(folder, name))
        return found

    def read(self) -> Configuration:
        """Read them to count; raises ConfigurationError. A thread may do it."""
        return self._read(self._take)

    def peek(self, change: FileChange | None = None) -> Configuration:
        """Read them without any consequence; with a change as if it had been made."""
        return self._read(lambda _: None, change)

    def _take(self, look: Look) -> None:
        self.taken = look

    def _read(self, take: Callable[[Look], None], change: FileChange | None = None) -> Configuration:
        """All of one moment: if anything has changed meanwhile they are read again."""
        error: ConfigurationError | None = None
        for _ in range(MAX_READS):
            before, configuration, error = self.look(), None, None
            try:
                configuration, _base = load(self.main_file, change=change)
            except ConfigurationError as wrong:
                error = wrong
            if self.look() != before:
                continue
            take(before)
            if configuration is not None:
                return configuration
            break
        if error is not None:
            raise error
        message = "the files change while they are read"
        raise ConfigurationError([Problem(Place(str(self.main_file), 1, 1), key="", message=message)])


def _look_at(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


class Watching:
    """Calls `changed` when the files lie there in another way than they were taken, from `start` until `stop`."""

    log = Logger()

    def __init__(self, reactor: Any, files: Files, changed: Callable[[], object]) -> None:
        self.notifier: Any = None  # None where there is no inotify
        self._reactor = reactor
        self._files = files
        self._changed = changed
        self._seen: Look = files.taken
        self._writing: dict[
            bytes, float
        ] = {}  # when files were last written to that have not been closed since
        self._places: dict[str, tuple[int, int]] = {}  # of the folders that are watched
        self._looking: IDelayedCall | None = None
        self._quiet: IDelayedCall | None = None

    def start(self) -> None:
        """Begin."""
        self._look()

    def stop(self) -> None:
        """End."""
        for call in (self._looking, self._quiet):
            if call is not None and call.active():
                call.cancel()
        self._close_notifier()

    def _look(self) -> None:
        self._watch()
        seconds = POLL_SECONDS if self.notifier is None else LOOK_SECONDS
        self._looking = self._reactor.callLater(seconds, self._look)
        self._compare()

    def _watch(self) -> None:
        """Watch the folders; all anew if one is another now, or was deleted, with which Twisted's notifier ends."""
        places = {folder: _place_of(folder) for folder in self._files.folders()}
        if places == self._places and (self.notifier is None or self.notifier.connected):
            return
        self._close_notifier()
        self._places = places
        self.notifier = _notifier(self._reactor)
        if self.notifier is None:
            return
        for folder in places:
            try:
                self.notifier.watch(FilePath(folder), mask=_MASK, callbacks=[self._happened])
            except Exception as error:  # no such folder, or no watches left: looking will do
                self.log.debug(event="folder_not_watched", folder=folder, reason=str(error))
        self.notifier.startReading()

    def _close_notifier(self) -> None:
        if self.notifier is not None:
            self.notifier.loseConnection()
            self.notifier = None

    def _happened(self, _watch: object, path: Any, mask: int) -> None:
        """Something did, in a folder."""
        if mask & _MODIFY:
            if not self._files.may_be_one(os.fsdecode(path.path)):
                return  # a log beside the main file is written to all the time
            self._writing[path.path] = self._reactor.seconds()
        else:
            self._writing.pop(path.path, None)
        self._compare()

    def _compare(self) -> None:
        if self._quiet is None and self._files.look() != self._files.taken:
            self._wait()

    def _wait(self) -> None:
        self._seen = self._files.look()
        self._quiet = self._reactor.callLater(QUIET_SECONDS, self._is_quiet)

    def _is_quiet(self) -> None:
        self._quiet = None
        long_ago = self._reactor.seconds() - WRITING_SECONDS
        self._writing = {path: at for path, at in self._writing.items() if at > long_ago}
        now = self._files.look()
        if now == self._files.taken:
            return  # read meanwhile, or changed back
        if now != self._seen or self._writing:
            self._wait()
        else:
            self._changed()


def _notifier(reactor: Any) -> Any:
    try:
        from twisted.internet.inotify import INotify

        return INotify(reactor)
    except Exception:  # another system, or no instance left; looking will do
        return None


def _place_of(folder: str) -> tuple[int, int]:
    try:
        found = os.stat(folder)
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
