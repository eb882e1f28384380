"""The admin's HTTP: a few pages, and plain words for everything else."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from flowvisor.admin.site import MAX_CONNECTIONS, AdminSite, Page


def failing() -> Page:
    raise ZeroDivisionError("a secret")


def site() -> AdminSite:
    site = AdminSite(
        {
            "/hello": lambda: Page("héllo\n"),
            "/ill": lambda: Page("{}", 503, "application/json"),
            "/bug": failing,
        }
    )
    site.wrappedFactory.reactor = MemoryReactorClock()
    return site


def answer(request: str, of: AdminSite | None = None) -> tuple[int, dict[str, str], str]:
    transport: Any = StringTransport()
    connection = (of or site()).buildProtocol(None)
    connection.makeConnection(transport)
    connection.dataReceived(f"{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = transport.value().partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    connection.connectionLost(Failure(ConnectionDone()))
    return int(status.split()[1]), headers, body.decode()


def test_a_page_is_answered_as_it_is() -> None:
    status, headers, body = answer("GET /hello")
    assert (status, body) == (200, "héllo\n")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["content-length"] == "7"


def test_a_pages_status_is_the_answers() -> None:
    status, headers, _ = answer("GET /ill")
    assert (status, headers["content-type"]) == (503, "application/json")


def test_a_query_makes_no_other_page() -> None:
    assert answer("GET /hello?x=1")[0] == 200


def test_head_is_the_same_without_the_body() -> None:
    status, headers, body = answer("HEAD /hello")
    assert (status, headers["content-length"], body) == (200, "7", "")


@pytest.mark.parametrize("path", ["/", "/hello/", "/hello/x", "/%68ello2"])
def test_what_is_not_there_is_said_in_plain_text(path: str) -> None:
    status, headers, body = answer(f"GET {path}")
    assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert "/hello" in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(method: str) -> None:
    status, headers, _ = answer(f"{method} /hello")
    assert (status, headers["allow"]) == (405, "get, head")


@pytest.mark.filterwarnings("ignore")
def test_a_bug_tells_the_client_nothing_about_us() -> None:
    status, _, body = answer("GET /bug")
    assert status == 500
    assert "secret" not in body


def test_only_so_many_connections_are_kept() -> None:
    one = site()
    connections = [one.buildProtocol(None) for _ in range(MAX_CONNECTIONS)]
    for connection in connections:
        connection.makeConnection(StringTransport())
    assert one.buildProtocol(None) is None
    connections[0].connectionLost(Failure(ConnectionDone()))
    assert one.buildProtocol(None) is not None


def test_connections_that_are_kept_open_are_closed_on_request() -> None:
    one, transport = site(), StringTransport()
    one.buildProtocol(None).makeConnection(transport)
    one.close_connections()
    assert transport.disconnecting
