"""The file of tokens: looked at again for every request, written in one step, changed by one at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from secrets import token_bytes
from time import monotonic, sleep
from typing import Final

from twisted.logger import Logger

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.tokens import (
    SALT_BYTES,
    SECRET_BYTES,
    Token,
    checked_token_name,
    parts_of,
    proof_of,
    read_tokens,
    text_of_tokens,
    token_text,
)
from flowvisor.errors import ConfigurationError, FlowVisorError

# How long is waited for somebody else who is changing the file: nobody takes longer than a few ms. While requests are
# served there is less time.
PATIENCE_SECONDS: Final = 5.0
PATIENCE_WHILE_SERVING_SECONDS: Final = 0.04
_BETWEEN_TRIES_SECONDS: Final = 0.005

_NOBODYS: Final = Token("", None, bytes(SALT_BYTES), bytes(32), "")
_Seen = tuple[int, int, int] | None


class TokenError(FlowVisorError):
    """What was asked of the file cannot be done; the text is for the person who asked."""


class TokenFile:
    """The tokens in a file, which need not be there: then nobody has one.

    If it is not good, what was read of it before counts, and that is logged once. What `void` has taken back counts no
    more here even if the file cannot be written, or has it again.
    """

    log = Logger()

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._seen: _Seen = None
        self._tokens: Mapping[str, Token] = {}
        self._void: set[bytes] = set()  # the salts of tokens whose slice has gone
        self._has_void = False  # the file could not be written when some were to be taken out

    def look(self) -> Mapping[str, Token]:
        """The tokens that there are now."""
        try:
            found = os.stat(self.path)
            seen: _Seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            seen = None
        if seen != self._seen:
            self._seen = seen
            try:
                found_now = self.read() if seen is not None else {}
                self._tokens = {name: one for name, one in found_now.items() if one.salt not in self._void}
            except (ConfigurationError, TokenError) as error:
                self.log.error(event="tokens_kept", reason=str(error))
        return self._tokens

    def read(self) -> Mapping[str, Token]:
        """Read the file; raises ConfigurationError."""
        try:
            text = self.path.read_text("utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise TokenError(f"{self.path} cannot be read: {error.strerror}") from error
        return read_tokens(TextFile(str(self.path), text))

    def holder_of(self, text: str) -> Token | None:
        """The token that somebody has sent, if it is one of ours."""
        parts = parts_of(text)
        if parts is None:
            return None
        name, secret = parts
        token = self.look().get(name, _NOBODYS)
        return token if token.is_proved_by(secret) and token is not _NOBODYS else None

    def create(
        self, name: str, slice_name: str | None, *, random: Callable[[int], bytes] = token_bytes
    ) -> str:
        """Add a token; returns it, which is kept nowhere. Raises TokenError or ConfigurationError."""
        try:
            checked_token_name(name)
        except ValueError as error:
            raise TokenError(str(error)) from error
        text, secret = token_text(name, random(SECRET_BYTES))
        salt = random(SALT_BYTES)
        created = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._alone(PATIENCE_SECONDS):
            tokens = dict(self.read())
            if name in tokens:
                raise TokenError(f'there is a token "{name}" already; revoke it first')
            tokens[name] = Token(name, slice_name, salt, proof_of(salt, secret), created)
            self._write(tokens.values())
        return text

    def revoke(self, name: str) -> None:
        """Take a token out; whoever has it is let in no more. Raises TokenError or ConfigurationError."""
        with self._alone(PATIENCE_SECONDS):
            tokens = dict(self.read())
            if tokens.pop(name, None) is None:
                raise TokenError(f'there is no token "{name}"')
            self._write(tokens.values())

    def void(self, is_gone: Callable[[str], bool]) -> None:
        """Take out the tokens of slices that are gone: a later slice of the same name is another tenant's."""
        gone = {
            name: one for name, one in self.look().items() if one.slice is not None and is_gone(one.slice)
        }
        if not gone and not self._has_void:
            return
        self._void.update(one.salt for one in gone.values())
        self._tokens = {name: one for name, one in self._tokens.items() if name not in gone}
        names = " ".join(sorted(gone))
        try:
            with self._alone(PATIENCE_WHILE_SERVING_SECONDS):
                self._write([one for one in self.read().values() if one.salt not in self._void])
        except (ConfigurationError, TokenError) as error:
            self._has_void = True  # and is written the next time
            self.log.error(event="tokens_not_taken_out", tokens=names, reason=str(error))
        else:
            self._has_void = False
            self.log.info(event="tokens_revoked", tokens=names)

    @contextmanager
    def _alone(self, patience_seconds: float) -> Iterator[None]:
        """Nobody else changes the file meanwhile; raises TokenError if somebody does for longer than this."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The folder's lock, because the file will be another one.
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise TokenError(f"{self.path} cannot be written: {error.strerror}") from error
        until = monotonic() + patience_seconds
        try:
            while not _is_locked(folder):
                if monotonic() > until:
                    raise TokenError(f"{self.path} is being changed by somebody else")
                sleep(_BETWEEN_TRIES_SECONDS)
            yield
        finally:
            os.close(folder)

    def _write(self, tokens: Iterable[Token]) -> None:
        new = self.path.with_name(f".{self.path.name}.new")
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                stream.write(text_of_tokens(tokens))
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(new, self.path)
        except OSError as error:
            raise TokenError(f"{self.path} cannot be written: {error.strerror}") from error


def _is_locked(folder: int) -> bool:
    """Try to lock a folder. Where there are no locks everybody is alone: there is no way to know better."""
    with suppress(OSError):
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
