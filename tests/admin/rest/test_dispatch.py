"""Whatever is asked is answered, and by whom it may be asked is looked at first."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowvisor.admin.page import JSON, Page
from flowvisor.admin.rest.access import Audience
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.dispatch import Dispatch
from flowvisor.admin.rest.routes import Query, Route
from flowvisor.admin.rest.table import ROUTES
from tests.support.admin import Desk

NAMES = {"slice": "blue", "datapath": "0x1", "switch": "0000000000000001", "policy": "small"}


def filled(route: Route) -> str:
    return route.path.format(**NAMES)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tokens=tmp_path_factory.mktemp("desk") / "tokens.yaml")
    desk.shell.datapath()
    return desk


GUARDED = [route for route in ROUTES if route.audience is not Audience.EVERYBODY]


@pytest.mark.parametrize("route", GUARDED, ids=lambda one: one.operation)
def test_nobody_is_answered_without_a_token(desk: Desk, route: Route) -> None:
    for token in ("", "fv.admin." + "A" * 43, desk.tokens[None][:-1]):
        answer = desk.ask(route.method, filled(route), token=token)
        assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", GUARDED, ids=lambda one: one.operation)
def test_a_tenant_may_ask_only_what_is_for_tenants(desk: Desk, route: Route) -> None:
    answer = desk.ask("HEAD" if route.method == "GET" else route.method, filled(route), by="blue")
    assert (answer.status == 403) == (route.audience is Audience.ADMIN)


@pytest.mark.parametrize(
    "route", [one for one in GUARDED if "{slice}" in one.path], ids=lambda one: one.operation
)
def test_another_slice_is_as_none_at_all(desk: Desk, route: Route) -> None:
    if route.audience is Audience.ADMIN:
        return
    red, none = (desk.ask(route.method, filled(route), by=by) for by in ("red", None))
    assert (red.status, red.json["detail"]) == (404, 'there is no slice "blue"')
    assert none.status == 200
    assert desk.ask(route.method, route.path.format(**{**NAMES, "slice": "nobody"}), by="red").json == {
        **red.json,
        "detail": 'there is no slice "nobody"',
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: one.operation)
def test_in_the_clear_there_is_only_what_is_for_everybody(tmp_path: Path, route: Route) -> None:
    desk = Desk(tokens=tmp_path / "tokens.yaml", is_private=False)
    answer = desk.ask(route.method, filled(route))
    if route.audience is Audience.EVERYBODY:
        assert answer.status == 200
    else:
        assert (answer.status, "without TLS" in answer.json["detail"]) == (403, True)


def test_without_a_file_of_tokens_nobody_has_one() -> None:
    answer = Desk().get("/slices")
    assert (answer.status, "tokens: FILE" in answer.json["detail"]) == (401, True)


@pytest.mark.parametrize(
    ("path", "method"), [("/nothing", "GET"), ("/slices/a/b/c", "GET"), ("/%FF", "PUT"), ("/..", "GET")]
)
def test_what_is_not_there_is_a_problem(desk: Desk, path: str, method: str) -> None:
    answer = desk.ask(method, path)
    assert (answer.status, answer.json["status"]) == (404, 404)


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "TRACE", "get", "X" * 100])
def test_a_method_that_is_not_there_is_told_which_are(desk: Desk, method: str) -> None:
    answer = desk.ask(method, "/status")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_parameter_that_is_not_there_is_refused(desk: Desk) -> None:
    for by in (None, "blue"):
        answer = desk.get("/slices?slice=red", by=by)
        assert (answer.status, answer.json["detail"]) == (400, 'there is no parameter "slice" here')


def test_a_body_that_nobody_expects_is_refused(desk: Desk) -> None:
    assert desk.ask("GET", "/slices", body=b"x").status == 400


def test_a_body_is_of_a_type_that_is_taken(desk: Desk) -> None:
    route = Route(
        *("PUT", "/x", "x", "x", Audience.EVERYBODY, lambda instance, call: Page("ok")),
        body=(JSON,),
        query=(Query("dry", "", {}),),
    )
    dispatch = Dispatch([route], desk.instance, is_private=True)
    for content_type, status in (("application/json; charset=utf-8", 200), ("text/plain", 415), ("", 415)):
        call = Call("PUT", "/x", {"dry": "1"}, {"content-type": content_type}, b"{}")
        answer = dispatch.answer(call)
        assert isinstance(answer, Page)
        assert answer.status == status
