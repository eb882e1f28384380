"""The admin's files as they lie in folders: found, read, and given to the reader, which sees only texts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from attrs import frozen

from flowvisor.configuration.documents import MAX_FILE_CHARACTERS, TextFile
from flowvisor.configuration.reader import named_folders, read_configuration
from flowvisor.configuration.snapshot import Configuration
from flowvisor.configuration.tls_kinds import kinds
from flowvisor.configuration.tokens import read_tokens
from flowvisor.connections.file_paths import resolve
from flowvisor.errors import ConfigurationError, Place, Problem

SEARCHED: Final = (
    Path("flowvisor.yaml"),
    Path("deploy", "flowvisor.yaml"),
    Path("/etc/flowvisor/flowvisor.yaml"),
)
MAX_FILES: Final = 10_000  # in a folder; more is a mistake, and is refused

_MAX_FILE_BYTES: Final = 4 * MAX_FILE_CHARACTERS  # the longest form of that many characters in UTF-8


def find_main_file(path: str | os.PathLike[str] | None) -> Path:
    """The file that was asked for, or the first of those that are looked up; raises ConfigurationError."""
    if path is not None:
        return Path(path)
    for candidate in SEARCHED:
        if candidate.is_file():
            return candidate
    message = f"no such file, nor {' or '.join(map(str, SEARCHED[1:]))}"
    raise _at_the_top(str(SEARCHED[0]), message, "name one with --config")


@frozen
class FileChange:
    """A file as it shall be, in the folder that this key of the main file names; without a text it shall be gone."""

    key: str
    name: str
    text: str | None


def load(
    path: str | os.PathLike[str] | None,
    *,
    seen_from: Path | None = None,
    change: FileChange | None = None,
) -> tuple[Configuration, Path]:
    """Read all files; return the configuration, its paths absolute, and the main file's own folder.

    With a `change` all is as if it had been made already.
    With `seen_from` its paths are those that it would have in that folder, where nothing of them need be.
    Raises one ConfigurationError with every problem of every file.
    """
    main_path = find_main_file(path)
    base = main_path.absolute().parent
    main = _read_text(main_path, _shown(main_path))
    problems: list[Problem] = []
    texts: dict[str, list[TextFile]] = {}
    for key, (folder, place) in named_folders(main).items():
        try:
            texts[key] = _read_folder(base / folder, key, place, change)
        except ConfigurationError as error:
            problems += error.problems
    # Without the policies every slice that names one would be told that there is none.
    slices = texts.get("slices", []) if "policies" in texts else []
    try:
        configuration = read_configuration(main, slices, texts.get("policies", []))
    except ConfigurationError as error:
        raise ConfigurationError([*problems, *error.problems]) from error
    if problems:
        raise ConfigurationError(problems)
    if seen_from is not None:
        return resolve(configuration, seen_from), base
    resolved = resolve(configuration, base)
    _check_keys(resolved)
    _check_tokens(resolved)
    return resolved, base


def _check_keys(configuration: Configuration) -> None:
    """Raises ConfigurationError if any of the keys and certificates that connections need is not good."""
    wanted = kinds(configuration)
    if not wanted:
        return
    from flowvisor.connections.certificates import read_identity  # slow to load, and seldom needed

    problems: set[Problem] = set()  # several may name the same file at the same place
    for kind in wanted:
        try:
            read_identity(kind.files)
        except ConfigurationError as error:
            problems.update(error.problems)
    if problems:
        raise ConfigurationError(problems)


def _check_tokens(configuration: Configuration) -> None:
    """Raises ConfigurationError if the file of tokens is not good; it need not be there."""
    path = configuration.settings.tokens
    if path is not None and os.path.exists(path):
        read_tokens(_read_text(Path(path), _shown(Path(path))))


def _read_folder(folder: Path, key: str, place: Place, change: FileChange | None) -> list[TextFile]:
    """The .yaml files of a folder in the order of their names. Hidden files and editors' backups are none."""
    try:
        names = {name for name in os.listdir(folder) if not name.startswith((".", "#"))}
    except OSError as error:
        message = f"{_shown(folder)} cannot be read: {error.strerror}"
        raise ConfigurationError([Problem(place, key=key, message=message)]) from error
    if len(names) > MAX_FILES:
        message = f"{_shown(folder)} holds more than {MAX_FILES} files"
        raise ConfigurationError([Problem(place, key=key, message=message)])
    files = []
    problems: list[Problem] = []
    changed = change if change is not None and change.key == key else None
    if changed is not None:
        names.discard(changed.name)
        if changed.text is not None:
            names.add(changed.name)
    for name in sorted(names):
        shown = _shown(folder / name)
        try:
            if changed is not None and name == changed.name:
                assert changed.text is not None
                files.append(TextFile(shown, changed.text))
            elif name.endswith(".yaml"):
                files.append(_read_text(folder / name, shown))
            elif name.endswith(".yml"):
                message = "this file would not be read"
                raise _at_the_top(shown, message, f"call it {name.removesuffix('.yml')}.yaml")
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return files


def _read_text(path: Path, shown: str) -> TextFile:
    """A file's text. What is not UTF-8 becomes lone surrogates, of which the reader tells the place."""
    try:
        with path.open("rb") as stream:
            contents = stream.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _at_the_top(shown, f"the file cannot be read: {error.strerror}") from error
    return TextFile(shown, contents.decode("utf-8-sig", errors="surrogateescape"))


def _at_the_top(shown: str, message: str, suggestion: str = "") -> ConfigurationError:
    return ConfigurationError([Problem(Place(shown, 1, 1), key="", message=message, suggestion=suggestion)])


def _shown(path: Path) -> str:
    """The path as the admin is told it: from the working directory, if it lies below that."""
    absolute = os.path.normpath(path.absolute())
    relative = os.path.relpath(absolute)
    return absolute if relative.startswith(os.pardir) else relative
