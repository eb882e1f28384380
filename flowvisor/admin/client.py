"""A client of the REST API, for the command line and for programs: it asks, and waits for the answer."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from flowvisor.errors import FlowVisorError

DEFAULT_URL: Final = "http://127.0.0.1:8080"
ANSWER_SECONDS: Final = 30.0  # that an answer may keep us waiting; more than the longest takes
SILENCE_SECONDS: Final = 45.0  # without a sign of life from who tells events; three that are due
MAX_ANSWER_BYTES: Final = 256 << 20  # of one answer; a larger one is no answer of ours

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Unreachable(FlowVisorError):
    """Nobody answers, or not as we would; the text is for whoever asked."""


class Refused(FlowVisorError):
    """The answer is a problem document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("detail") or document.get("title") or "refused"))
        self.document = document
        self.status: int = document.get("status", 0)

    @property
    def problems(self) -> list[str]:
        """What is wrong in the files, one line each."""
        return [
            f"{one['file']}:{one['line']}:{one['column']}: "
            + (f"{one['key']}: " if one["key"] else "")
            + one["message"]
            + (f"; {one['suggestion']}" if one["suggestion"] else "")
            for one in self.document.get("problems", ())
        ]


class Client:
    """One place to ask. `url` is http:, https: or unix:FILE; `ca` is a file that says who signs its certificate.

    Raises Unreachable for a URL that is none, and for one that would send the token in the clear to another machine.
    """

    def __init__(self, url: str = DEFAULT_URL, token: str | None = None, ca: str | None = None) -> None:
        self.url = url
        self._token = token
        parts = urlsplit(url)
        self._file = url.removeprefix("unix:") if url.startswith("unix:") else None
        self._is_encrypted = parts.scheme == "https"
        try:
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError as error:
            raise Unreachable(f"{url}: {error}") from error
        if self._file is None and (parts.scheme not in ("http", "https") or not self._host):
            raise Unreachable(f"{url} is not http://HOST:PORT, https://HOST:PORT or unix:FILE")
        if token and parts.scheme == "http" and self._host not in _LOOPBACK:
            raise Unreachable(f"{url}: the token would be sent in the clear; use https")
        try:
            self._context = ssl.create_default_context(cafile=ca) if self._is_encrypted else None
        except (OSError, ssl.SSLError) as error:
            raise Unreachable(f"{ca}: {error}") from error

    def get(self, path: str) -> Any:
        """What is answered; raises Unreachable or Refused."""
        return self.ask("GET", path)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The same with another method; an answer without a body is None."""
        connection = self._connect(ANSWER_SECONDS)
        try:
            answer = self._request(connection, method, path, body, headers or {})
            data = answer.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        return self._document(answer, data)

    def events(self, last: str | None = None) -> Iterator[dict[str, Any]]:
        """What happens, as it happens, beginning after the event of this id; raises Unreachable when that ends."""
        connection = self._connect(SILENCE_SECONDS)
        headers = {} if last is None else {"Last-Event-ID": last}
        try:
            answer = self._request(connection, "GET", "/events", None, headers)
            if answer.status != http.client.OK:
                self._document(answer, answer.read(MAX_ANSWER_BYTES))
            while line := answer.readline():
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        raise Unreachable(f"{self.url} tells nothing any more")

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._file is not None:
            return _ToFile(self._file, timeout=timeout)
        if self._context is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _request(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        sent = {"Accept": "application/json", **headers}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        connection.request(method, path, body=body, headers=sent)
        return connection.getresponse()

    def _document(self, answer: http.client.HTTPResponse, data: bytes) -> Any:
        try:
            document = json.loads(data) if data else None
        except ValueError as error:
            raise Unreachable(f"{self.url} does not answer as flowvisor does") from error
        # An ill service answers /health with 503, and yet as it should.
        if answer.headers.get_content_type() == "application/problem+json" and isinstance(document, dict):
            raise Refused(document)
        return document

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"{self.url} cannot be reached: {str(error) or type(error).__name__}")


class _ToFile(http.client.HTTPConnection):
    """A connection with a socket in a file."""

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """http.client's."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
