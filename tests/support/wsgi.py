"""The admin's address as a WSGI application: so the checker of OpenAPI documents can ask without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from tests.support.admin import Desk

HOP_BY_HOP = ("connection", "transfer-encoding")


class Wsgi:
    """Every request goes into the desk's site as bytes."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {"Host": "localhost", "Connection": "close"}
        for name, value in environ.items():
            if name.startswith("HTTP_") and name not in (
                "HTTP_HOST",
                "HTTP_CONNECTION",
                "HTTP_TRANSFER_ENCODING",
            ):
                headers[name[5:].replace("_", "-")] = value
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read()
        if body or environ.get("CONTENT_LENGTH"):
            headers["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        uri = environ["RAW_URI"].partition("?")[0]
        if environ["QUERY_STRING"]:
            uri += f"?{environ['QUERY_STRING']}"
        data = f"{environ['REQUEST_METHOD']} {uri} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
        answer = self.desk.raw(data)
        told = [(name, value) for name, value in answer.headers.items() if name not in HOP_BY_HOP]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", told)
        return [answer.body]
