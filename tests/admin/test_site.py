"""The admin's HTTP server: whatever a client sends, it gets an answer, and holds no more of us than it may."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from flowvisor.admin.page import Page
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.problems import Refused
from flowvisor.admin.site import (
    IDLE_SECONDS,
    MAX_BODY_BYTES,
    MAX_CONNECTIONS,
    MAX_QUERY_PARAMETERS,
    REQUEST_SECONDS,
    AdminSite,
)
from tests.support.admin import Answer, Line, parsed


class Server:
    """A site that keeps what it was asked."""

    def __init__(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.calls: list[Call] = []
        self.later: Deferred[Page] = Deferred()
        self.site = AdminSite(self.reactor, self.answer)

    def answer(self, call: Call) -> Any:
        self.calls.append(call)
        if call.path == "/bug":
            raise ZeroDivisionError("a secret")
        if call.path == "/later":
            return self.later
        if call.path == "/pieces":
            return Page(iter(["a", "b"]))
        return Page("héllo\n", headers={"etag": '"1"'})

    def send(self, data: str | bytes) -> Answer:
        line = Line(self.site, self.reactor)
        line.write(data.encode() if isinstance(data, str) else data)
        self.reactor.advance(0)
        answer = parsed(line.take())
        line.hang_up()
        return answer

    def get(self, path: str, method: str = "GET") -> Answer:
        return self.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_page_is_answered_as_it_is(server: Server) -> None:
    answer = server.get("/hello")
    assert (answer.status, answer.body.decode()) == (200, "héllo\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert (answer.headers["content-length"], answer.headers["etag"]) == ("7", '"1"')
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == (
        "no-store",
        "nosniff",
    )


def test_what_was_asked_is_passed_on(server: Server) -> None:
    server.send("PUT /a%20b?x=1&y=%C3%A9&z HTTP/1.1\r\nHost: x\r\nIf-Match: 7\r\nContent-Length: 2\r\n\r\nhi")
    (call,) = server.calls
    assert (call.method, call.path, call.query) == ("PUT", "/a%20b", {"x": "1", "y": "é", "z": ""})
    assert (call.headers["if-match"], call.body) == ("7", b"hi")


def test_head_is_the_same_without_the_body(server: Server) -> None:
    for path, length in (("/hello", "7"), ("/pieces", None)):
        answer = server.get(path, "HEAD")
        assert (answer.status, answer.headers.get("content-length"), answer.body) == (200, length, b"")


def test_pieces_come_one_after_the_other(server: Server) -> None:
    assert server.get("/pieces").body == b"ab"


def test_an_answer_may_come_later_or_nobody_may_wait_for_it_any_more(server: Server) -> None:
    for gone in (False, True):
        line = Line(server.site, server.reactor)
        line.write(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.take() == b""
        if gone:
            line.hang_up()
        server.later.callback(Page("now"))
        server.later = Deferred()
        assert line.take().endswith(b"now") != gone


@pytest.mark.filterwarnings("ignore")
def test_a_bug_tells_the_client_nothing_about_us(server: Server) -> None:
    server.later.errback(ZeroDivisionError("a secret"))
    for path in ("/bug", "/later"):
        answer = server.get(path)
        assert (answer.status, answer.json["status"]) == (500, 500)
        assert b"secret" not in answer.body


def test_who_is_refused_later_gets_the_document(server: Server) -> None:
    server.later.errback(Refused(409, "too late"))
    assert server.get("/later").json["detail"] == "too late"


@pytest.mark.parametrize(
    "query", ["%FF", "a=1&a=2", "&".join(f"a{n}=1" for n in range(MAX_QUERY_PARAMETERS + 1))]
)
def test_a_query_that_says_nothing_is_refused(server: Server, query: str) -> None:
    answer = server.get(f"/hello?{query}")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert server.calls == []


def test_a_body_that_is_too_large_is_refused_and_not_kept(server: Server) -> None:
    line = Line(server.site, server.reactor)
    line.write(f"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode())
    (request,) = line.protocol.wrappedProtocol._channel.requests
    line.write(b"x" * 100)
    assert request.content.tell() == 0
    line.write(b"x" * (MAX_BODY_BYTES - 99))
    assert parsed(line.take()).status == 413


def test_one_that_grows_too_large_is_refused_too(server: Server) -> None:
    half = MAX_BODY_BYTES // 2 + 1
    chunk = f"{half:x}\r\n".encode() + b"x" * half + b"\r\n"
    head = b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert server.send(head + chunk + chunk + b"0\r\n\r\n").status == 413
    assert server.send(head + chunk + b"0\r\n\r\n").status == 200


def test_only_so_many_connections_are_kept(server: Server) -> None:
    connections = [server.site.buildProtocol(None) for _ in range(MAX_CONNECTIONS)]
    for connection in connections:
        connection.makeConnection(StringTransport())
    assert server.site.buildProtocol(None) is None
    connections[0].connectionLost(Failure(ConnectionDone()))
    assert server.site.buildProtocol(None) is not None


def test_connections_that_are_kept_open_are_closed_on_request(server: Server) -> None:
    line = Line(server.site, server.reactor)
    server.site.close_connections()
    assert line.transport.disconnecting


def test_who_takes_too_long_to_ask_is_hung_up_on(server: Server) -> None:
    line = Line(server.site, server.reactor)
    line.write(b"GET /hello HTTP/1.1\r\n")
    for number in range(int(REQUEST_SECONDS) - 1):
        server.reactor.advance(1)
        line.write(f"X-{number}: x\r\n".encode())
    assert not line.transport.disconnecting
    server.reactor.advance(1)
    assert line.transport.disconnecting


def test_who_waits_for_an_answer_is_not_and_has_as_long_for_the_next_request(server: Server) -> None:
    line = Line(server.site, server.reactor)
    line.write(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
    server.reactor.advance(IDLE_SECONDS + REQUEST_SECONDS)
    assert not line.transport.disconnecting
    server.later.callback(Page("now"))
    assert line.take().endswith(b"now")
    server.reactor.advance(REQUEST_SECONDS - 1)
    assert not line.transport.disconnecting
    server.reactor.advance(1)
    assert line.transport.disconnecting
