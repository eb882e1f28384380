"""The page in the browser is served whole, to those who may type a token, and asks nobody else for anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flowvisor.admin.rest.table import ROUTES
from flowvisor.admin.web_page import FILES, INDEX, WEB_ROUTES
from flowvisor.network.connection_method import parse_connection_method
from tests.support.admin import Answer, Desk, Line, parsed


def listening(desk: Desk, method: str) -> Any:
    desk.operators.listen(parse_connection_method(method))
    return desk.shell.reactor.tcpServers[-1][1]


def ask(desk: Desk, factory: Any, path: str) -> Answer:
    line = Line(factory, desk.shell.reactor)
    line.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    desk.shell.reactor.advance(0)
    return parsed(line.take())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tokens=tmp_path / "tokens.yaml")


def test_everybody_on_this_machine_is_given_the_page(desk: Desk) -> None:
    loopback = listening(desk, "ptcp:8080:127.0.0.1")
    answer = ask(desk, loopback, "/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for name in FILES.keys() - {INDEX}:
        assert ask(desk, loopback, f"/web/{name}").body.decode() == FILES[name]


@pytest.mark.parametrize(
    "path", ["/web/index.html", "/web/", "/web/passwd", "/web/..%2fsite.py", "/web/../site.py"]
)
def test_there_is_nothing_beside_it(desk: Desk, path: str) -> None:
    assert ask(desk, listening(desk, "ptcp:8080:127.0.0.1"), path).status == 404


def test_it_is_not_served_where_a_token_could_be_read_on_the_way(desk: Desk) -> None:
    everywhere = listening(desk, "ptcp:9090")
    assert [ask(desk, everywhere, path).status for path in ("/", "/web/main.js")] == [404, 404]


def test_a_browser_is_told_to_take_nothing_from_elsewhere(desk: Desk) -> None:
    policy = ask(desk, listening(desk, "ptcp:8080:127.0.0.1"), "/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for text in FILES.values():
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []


def test_all_that_the_parts_name_is_there() -> None:
    named = {name for text in FILES.values() for name in re.findall(r'(?:"\./|"web/)([\w.]+)"', text)}
    assert named == FILES.keys() - {INDEX}


def test_all_that_it_asks_is_in_the_api() -> None:
    paths = {re.sub(r"\{\w+\}", "*", route.path) for route in ROUTES}
    asked = set()
    for text in (FILES["main.js"], FILES["api.js"]):
        for quoted in re.findall(r'[`"](/[a-z][^`"]*)[`"]', text):
            asked.add(re.sub(r"\$\{[^}]*\}", "*", quoted))
    assert {"/whoami", "/slices/*/links"} <= asked
    assert asked <= paths


def test_its_routes_are_beside_those_of_the_api() -> None:
    assert not {route.path for route in WEB_ROUTES} & {route.path for route in ROUTES}
