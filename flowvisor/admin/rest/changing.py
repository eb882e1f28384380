"""Changes of the admin's files: checked as a whole before anything is written, and in force when they are answered.

Strategy: the files stay the one truth, so a change is written and then read like an edit. One is made at a time; who
comes second finds that the tag it has sent is another one by then, and is told. What somebody edits beside us in the
moment between our look and our writing is looked for once more; what is left of that moment is a rename.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from flowvisor.admin.rest.files import Folder, WrittenFile, path_of, read_file
from flowvisor.admin.rest.problems import Refused, bad_files
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.folder_source import FileChange
from flowvisor.connections.reloading import REST, InThread, Outcome, Reloading
from flowvisor.errors import ConfigurationError
from flowvisor.planning.proof import prove_ahead

NEW_FILE_MODE: Final = 0o644

Peek = Callable[[FileChange], Configuration]


class Conditions:
    """What a request says that it knows of the file: `If-Match` and `If-None-Match` (RFC 9110, section 13.1)."""

    def __init__(self, if_match: str | None, if_none_match: str | None) -> None:
        self._if_match = _tags(if_match)
        self._if_none_match = _tags(if_none_match)

    def check(self, file: WrittenFile | None, *, is_removal: bool) -> None:
        """Raises Refused if the file is another one than whoever asks believes."""
        if file is None and is_removal and self._if_match is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such file")
        if self._if_match is not None and not _is_one_of(file, self._if_match):
            raise _failed(file)
        if self._if_none_match is not None and _is_one_of(file, self._if_none_match):
            raise _failed(file)
        if file is not None and self._if_match is None and self._if_none_match is None:
            told = "send the ETag of the file that you have read as If-Match, so that no other change is lost"
            raise Refused(HTTPStatus.PRECONDITION_REQUIRED, told)


def _tags(header: str | None) -> list[str] | None:
    return None if header is None else [one.strip() for one in header.split(",")]


def _is_one_of(file: WrittenFile | None, tags: list[str]) -> bool:
    return file is not None and ("*" in tags or file.etag in tags)


def _failed(file: WrittenFile | None) -> Refused:
    told = "there is no such file" if file is None else "the file is another one by now"
    headers = {} if file is None else {"etag": file.etag}
    return Refused(HTTPStatus.PRECONDITION_FAILED, told, headers=headers)


class Changing:
    """Writes and removes slices and policies. `peek` reads all files as if a change had been made; None if there are
    none, because what runs was not read from files.
    """

    log = Logger()

    def __init__(self, reloading: Reloading, peek: Peek | None, in_thread: InThread) -> None:
        self._reloading = reloading
        self._peek = peek
        self._in_thread = in_thread
        self._turn = DeferredLock()

    def change(
        self,
        configuration: Configuration,
        folder: Folder,
        name: str,
        text: str | None,
        conditions: Conditions,
    ) -> Deferred[tuple[Outcome, bool]]:
        """Let a file hold this text, or be gone, and all files be in force; fires with whether it was not there before.

        Fails with Refused, and then nothing has changed.
        """

        async def run() -> tuple[Outcome, bool]:
            path = path_of(configuration.settings, folder, name)
            return await self._change(path, FileChange(folder, path.name, text), conditions)

        changed: Deferred[tuple[Outcome, bool]] = self._turn.run(lambda: Deferred.fromCoroutine(run()))
        return changed

    async def _change(self, path: Path, change: FileChange, conditions: Conditions) -> tuple[Outcome, bool]:
        peek = self._peek
        if peek is None:
            raise Refused(HTTPStatus.CONFLICT, "what runs here was not read from files")
        before = read_file(path)
        conditions.check(before, is_removal=change.text is None)
        try:
            await self._in_thread(lambda: prove_ahead(peek(change), datetime.now(timezone.utc)))
        except ConfigurationError as error:
            raise bad_files(error) from error
        conditions.check(read_file(path), is_removal=change.text is None)
        _put(path, None if change.text is None else change.text.encode(), before)
        outcome = await self._reloading.reload(REST)
        if not outcome.is_success:
            self._take_back(path, change, before)
            raise _not_taken(outcome)
        return outcome, before is None

    def _take_back(self, path: Path, change: FileChange, before: WrittenFile | None) -> None:
        """Other files have been changed meanwhile, so that all together are not good: this one is as it was."""
        now = read_file(path)
        if (now.contents if now else None) == (change.text.encode() if change.text is not None else None):
            _put(path, before.contents if before else None, now)
        self.log.warn(event="file_change_taken_back", file=str(path))


def _not_taken(outcome: Outcome) -> Refused:
    if outcome.problems:
        return bad_files(ConfigurationError(outcome.problems))
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "the files could not be put in force; the log says why")


def _put(path: Path, contents: bytes | None, before: WrittenFile | None) -> None:
    """Let the file hold this, in one step; a link is left, and what it leads to is changed. Raises Refused."""
    real = Path(os.path.realpath(path))
    try:
        if contents is None:
            os.unlink(path)
            return
        mode = os.stat(real).st_mode & 0o777 if before is not None else NEW_FILE_MODE
        new = real.with_name(f".{real.name}.new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(contents)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, real)
    except OSError as error:
        raise Refused(HTTPStatus.CONFLICT, f"{path} cannot be written: {error.strerror}") from error
