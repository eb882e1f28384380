"""The client asks, and tells apart an answer, a refusal and silence."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowvisor.admin.client import Client, Refused, Unreachable
from tests.support.admin import Desk
from tests.support.desk_files import write_files
from tests.support.http_server import served


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    return Desk(main_file=write_files(folder), tokens=folder / "tokens.yaml")


@pytest.fixture(scope="module")
def url(desk: Desk) -> Iterator[str]:
    with served(desk) as url:
        yield url


def test_what_is_asked_is_answered(desk: Desk, url: str) -> None:
    assert Client(url, desk.tokens[None]).get("/whoami")["role"] == "admin"
    assert Client(url).get("/health")["status"] in ("ok", "degraded")


def test_a_refusal_is_told_with_what_is_wrong(desk: Desk, url: str) -> None:
    with pytest.raises(Refused) as refused:
        Client(url).get("/slices")
    assert (refused.value.status, refused.value.problems) == (401, [])
    client = Client(url, desk.tokens[None])
    with pytest.raises(Refused) as refused:
        client.ask("PUT", "/slices/green", b"kind: flowspace\n", {"Content-Type": "application/yaml"})
    assert refused.value.status == 422
    assert "green.yaml:1:1: name: this key is missing" in refused.value.problems[0]


def test_events_come_as_they_happen(desk: Desk, url: str) -> None:
    desk.instance.events.add("link_found", None, near="a")
    events = Client(url, desk.tokens[None]).events("other-0")
    told = next(one for one in events if one["event"] == "link_found")
    assert told["details"] == {"near": "a"}
    events.close()  # type: ignore[attr-defined]
    with pytest.raises(Refused):
        next(Client(url).events())


def test_nobody_is_told_from_no(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", f"unix:{tmp_path}/none"):
        for ask in (lambda url=url: Client(url).get("/health"), lambda url=url: next(Client(url).events())):
            with pytest.raises(Unreachable, match="cannot be reached"):
                ask()


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://x", "http://", "http://x:port", "http://x:99999"]
)
def test_what_is_no_place_is_told(url: str) -> None:
    with pytest.raises(Unreachable):
        Client(url)


def test_a_token_is_not_sent_in_the_clear_to_another_machine() -> None:
    for url in ("http://192.0.2.1:8080", "http://127.0.0.1.example:80"):
        with pytest.raises(Unreachable, match="in the clear"):
            Client(url, "fv.a.x")
    for url in ("http://localhost:1", "http://[::1]:1", "https://192.0.2.1:8080", "unix:/run/x"):
        Client(url, "fv.a.x")


def test_a_file_of_authorities_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="none"):
        Client("https://localhost", ca=str(tmp_path / "none"))
