"""Every key and certificate of ours: looked at again and again, so that new ones are taken without a restart."""

from __future__ import annotations

from os import stat
from typing import Final

from twisted.logger import Logger

from flowvisor.configuration.snapshot import Configuration
from flowvisor.configuration.tls_kinds import (
    TlsKind,
    kind_of_datapaths,
    kind_of_operators,
    kind_of_switch,
    kinds,
)
from flowvisor.connections.tls import Credentials
from flowvisor.errors import ConfigurationError
from flowvisor.network.tls_files import TLS_KEYS, TlsFiles
from flowvisor.slices.slice import Slice

LOOK_SECONDS: Final = 30.0  # between two looks at the files
READS_PER_TICK: Final = 10  # each takes about 3 ms, in which nobody is served

_Seen = tuple[tuple[int, int, int], ...]


class Keyring:
    """The credentials of all connections that the admin's files ask for.

    Raises ConfigurationError if the files that they name are not good.
    """

    log = Logger()

    def __init__(self, configuration: Configuration, earlier: Keyring | None = None) -> None:
        """Of an earlier keyring what is wanted still is taken over as it is, and not read anew."""
        self.by_name: dict[str, Credentials] = {}  # by whose they are first
        self.are_good: dict[str, bool] = {}  # whether the files were, when last read
        self._settings = configuration.settings
        self._by_kind: dict[TlsKind, Credentials] = {}
        self._seen: dict[str, _Seen] = {}
        self._due: dict[str, None] = {}  # in order: whose are to be read
        self._looks_at = 0.0
        self._names = kinds(configuration)
        for kind, name in self._names.items():
            if earlier is not None and kind in earlier._by_kind:
                was = earlier._names[kind]
                self._seen[name], self.are_good[name] = earlier._seen[was], earlier.are_good[was]
                credentials = earlier._by_kind[kind]
            else:
                self._seen[name], self.are_good[name] = _look_of(kind.files), True
                credentials = Credentials(kind)
            self._by_kind[kind] = self.by_name[name] = credentials

    def of_datapaths(self) -> Credentials | None:
        """What datapaths are shown."""
        kind = kind_of_datapaths(self._settings)
        return self._by_kind[kind] if kind is not None else None

    def of_operators(self) -> Credentials | None:
        """What operators are shown."""
        kind = kind_of_operators(self._settings)
        return self._by_kind[kind] if kind is not None else None

    def of_switch(self, one: Slice, dpid: int) -> Credentials | None:
        """What the controllers of a virtual switch are shown."""
        kind = kind_of_switch(one, dpid, self._settings)
        return self._by_kind[kind] if kind is not None else None

    def tick(self, now: float) -> None:
        """About a second has passed: look at the files, if it is time."""
        if now >= self._looks_at:
            self._looks_at = now + LOOK_SECONDS
            self.look()
        elif self._due:
            self._read_some()

    def look(self, *, at_all: bool = False) -> None:
        """Read what has changed, or everything: some of it at once, the rest in the next ticks."""
        for name, credentials in self.by_name.items():
            seen = _look_of(credentials.files)
            if seen != self._seen[name] or at_all:
                self._seen[name] = seen
                self._due[name] = None
        self._read_some()

    def _read_some(self) -> None:
        """What is not good is told, and what was is kept."""
        for name in list(self._due)[:READS_PER_TICK]:
            del self._due[name]
            credentials = self.by_name[name]
            try:
                credentials.read_again()
            except ConfigurationError as error:
                self.are_good[name] = False
                self.log.error(event="certificates_kept", name=name, reason=str(error))
            else:
                self.are_good[name] = True
                self.log.info(
                    event="certificates_read", name=name, expires_at=credentials.identity.expires_at
                )


def _look_of(files: TlsFiles) -> _Seen:
    """What changes when a file does."""
    seen = []
    for key in TLS_KEYS:
        file = getattr(files, key)
        try:
            found = stat(file.path) if file is not None else None
        except OSError:
            found = None
        seen.append((found.st_ino, found.st_mtime_ns, found.st_ctime_ns) if found is not None else (0, 0, 0))
    return tuple(seen)
